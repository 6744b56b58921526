//! Names of entries made harmless.
//!
//! Nothing is ever written under these names; they are cleaned so that reports show what they seem to show and that
//! layouts are recognised whatever separators the packing tool used.

use std::borrow::Cow;

/// Upper half of code page 437, in which ZIP names are written that do not say otherwise (APPNOTE D.1).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The text of a name that is UTF-8, or else code page 437.
///
/// Many tools write UTF-8 without the flag that says so, and text in the code page is hardly ever valid UTF-8.
pub(super) fn decode(raw: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Cow::Borrowed(text);
    }
    let upper = |byte: u8| match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(at) => CP437.chars().nth(usize::from(at)).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Cow::Owned(raw.iter().map(|byte| upper(*byte)).collect())
}

/// A name taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cleaned<'a> {
    /// Folder names and the entry's own name at the end.
    pub(super) names: Vec<Cow<'a, str>>,
    /// Whether a part that climbs or cannot be shown was left out or replaced.
    pub(super) changed: bool,
}

/// Splits at both slashes; empty parts, `.` and `..` go, a drive such as `C:` stays as a folder.
pub(super) fn clean(name: &str) -> Cleaned<'_> {
    let plain = ["\\\\?\\", "\\\\.\\", "//?/", "//./"].iter().find_map(|prefix| name.strip_prefix(prefix));
    let mut cleaned = Cleaned { names: Vec::new(), changed: plain.is_some() };
    for part in plain.unwrap_or(name).split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => cleaned.changed = true,
            part if part.contains(char::is_control) => {
                cleaned.changed = true;
                let shown = part.replace(char::is_control, "\u{fffd}");
                cleaned.names.push(Cow::Owned(shown));
            }
            part => cleaned.names.push(Cow::Borrowed(part)),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        clean(text).names.into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn names_cannot_climb_and_drives_stay() {
        assert_eq!(names("../../etc/passwd"), ["etc", "passwd"]);
        assert!(clean("a/../b").changed);
        assert_eq!(names("/sysvol/Windows"), ["sysvol", "Windows"]);
        assert_eq!(names("C:\\Windows\\x"), ["C:", "Windows", "x"]);
        assert_eq!(names("\\\\?\\C:\\Windows"), ["C:", "Windows"]);
        assert_eq!(names("./a//b/."), ["a", "b"]);
        assert_eq!(names("a\0b/\u{1b}[2J"), ["a\u{fffd}b", "\u{fffd}[2J"]);
        assert!(names("../..").is_empty());
    }

    #[test]
    fn names_without_unicode_are_of_the_code_page() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(decode(b"Gr\x94\xe1e"), "Größe");
        assert_eq!(decode("Größe".as_bytes()), "Größe");
    }
}
