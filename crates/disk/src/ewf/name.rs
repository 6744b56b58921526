//! Names of segment files.

/// The name of a segment: `.E01` to `.E99`, then `.EAA` to `.EZZ`, `.FAA` and so on, up to `.ZZZ`.
///
/// The letter and its case are those of the first segment. `None` when there is no such name.
pub(super) fn of_segment(first: &str, number: u16) -> Option<String> {
    let (stem, letter) = match first.rsplit_once('.') {
        Some((stem, extension)) => match extension.as_bytes() {
            [letter, b'0', b'1'] if letter.is_ascii_alphabetic() => (stem, *letter),
            // Whatever the file is called now, its other segments were called so.
            _ => (stem, b'E'),
        },
        None => (first, b'E'),
    };
    if number <= 99 {
        return Some(format!("{stem}.{}{number:02}", char::from(letter)));
    }
    let (start, end) = if letter.is_ascii_lowercase() { (b'a', b'z') } else { (b'A', b'Z') };
    let index = number - 100;
    let digit = |digit: u16| u8::try_from(digit).ok().and_then(|digit| start.checked_add(digit));
    let head = u8::try_from(index / 676)
        .ok()
        .and_then(|steps| letter.checked_add(steps))
        .filter(|head| *head <= end)?;
    let (middle, last) = (digit(index / 26 % 26)?, digit(index % 26)?);
    Some(format!("{stem}.{}{}{}", char::from(head), char::from(middle), char::from(last)))
}

#[cfg(test)]
mod tests {
    use super::of_segment;

    #[test]
    fn names_count_from_digits_to_letters_and_keep_the_case() {
        let cases = [
            ("d.E01", 2, "d.E02"),
            ("d.E01", 99, "d.E99"),
            ("d.E01", 100, "d.EAA"),
            ("d.E01", 125, "d.EAZ"),
            ("d.E01", 126, "d.EBA"),
            ("d.E01", 775, "d.EZZ"),
            ("d.E01", 776, "d.FAA"),
            ("d.E01", 14_971, "d.ZZZ"),
            ("a.b.e01", 776, "a.b.faa"),
            ("d.s01", 2, "d.s02"),
            ("d.bin", 2, "d.E02"),
            ("d", 3, "d.E03"),
        ];
        for (first, number, name) in cases {
            assert_eq!(of_segment(first, number).as_deref(), Some(name));
        }
        assert_eq!(of_segment("d.E01", 14_972), None);
        assert_eq!(of_segment("d.s01", u16::MAX), None);
    }
}
