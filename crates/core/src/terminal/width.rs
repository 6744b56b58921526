//! How many columns of a terminal a text takes.

/// Letters that take no column of their own: they are written over the one before. First and last of each range.
const COMBINING: &[(u32, u32)] = &[
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x06d6, 0x06dc),
    (0x0900, 0x0902),
    (0x0e31, 0x0e31),
    (0x0e34, 0x0e3a),
    (0x0e47, 0x0e4e),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x20d0, 0x20ff),
    (0x302a, 0x302d),
    (0x3099, 0x309a),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xe0100, 0xe01ef),
];

/// Letters that take two columns: East Asian wide and full-width ones, and pictures (Unicode's EastAsianWidth.txt, by
/// blocks). First and last of each range.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x2e80, 0x3029),
    (0x302e, 0x303e),
    (0x3041, 0x3098),
    (0x309b, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0xa4cf),
    (0xa960, 0xa97c),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe10, 0xfe19),
    (0xfe30, 0xfe6b),
    (0xff01, 0xff60),
    (0xffe0, 0xffe6),
    (0x1b000, 0x1b2ff),
    (0x1f300, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f900, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Columns of `text`, which holds no letter that steers the terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(of).sum()
}

fn of(letter: char) -> usize {
    let code = u32::from(letter);
    if code < 0x300 {
        1
    } else if is_in(COMBINING, code) {
        0
    } else if is_in(WIDE, code) {
        2
    } else {
        1
    }
}

fn is_in(ranges: &[(u32, u32)], code: u32) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= code);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| code <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_a_terminal() {
        for (text, expected) in [
            ("MachineKeys", 11),
            ("中文站点", 8),
            ("ﾊﾝｶｸ", 4),
            ("e\u{301}", 1),
            ("Größe", 5),
            ("🔑", 2),
            ("", 0),
        ] {
            assert_eq!(columns(text), expected, "{text}");
        }
    }

    #[test]
    fn ranges_are_sorted_and_apart() {
        for ranges in [COMBINING, WIDE] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ranges:x?}");
        }
    }
}
