//! Letters that lie to a reader: invisible ones, and those that change how their neighbours are shown.

use std::fmt::Write;

/// Whether a character is invisible or changes how its neighbours are shown.
pub(crate) fn is_deceptive(letter: char) -> bool {
    matches!(letter,
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Text from evidence, with everything that could steer a terminal shown instead of sent.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_deceptive(letter) {
            let _ = write!(shown, "\\u{{{:x}}}", letter as u32);
        } else {
            shown.push(letter);
        }
    }
    shown
}
