//! The names of key files: `<prefix>_<MachineGuid>`, and what people make of them.

use super::guid::{GUID_LEN, Guid};
use super::name::Prefix;

/// Hexadecimal digits of a prefix.
const PREFIX_LEN: usize = 32;

/// Endings that mark a copy when the suffix is not a GUID and nothing else tells where it ends.
const COPY_ENDINGS: [&str; 13] = [
    ".old",
    ".bak",
    ".orig",
    ".save",
    ".sav",
    ".backup",
    ".copy",
    ".tmp",
    ".new",
    ".disabled",
    "~",
    " - copy",
    "_old",
];

/// A key file's name, taken apart; borrows from the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName<'a> {
    /// Says which container it is.
    pub prefix: Prefix,
    /// Text after the first underscore, up to what marks a copy.
    pub suffix: &'a str,
    /// The suffix as a GUID; `None` when it is not one.
    pub guid: Option<Guid>,
    /// The third part that CNG token-binding keys have after the GUID.
    pub third: Option<&'a str>,
    /// What stands before the prefix: `Copy of `.
    pub leading: &'a str,
    /// What stands after the last part: `.OLD`, ` - Copy`, `~`.
    pub trailing: &'a str,
}

impl<'a> FileName<'a> {
    /// Takes the last component of a path apart; `None` when no prefix and underscore are in it.
    ///
    /// Text before the prefix is accepted only when a whole GUID follows, so that names of other files which happen to
    /// hold 32 hexadecimal digits are not taken for key files.
    pub fn parse(name: &'a str) -> Option<Self> {
        if let Some((prefix, after)) = split_prefix(name) {
            return Some(Self::from_parts("", prefix, after));
        }
        let (start, prefix, after) = name.match_indices('_').find_map(|(underscore, _)| {
            let start = underscore.checked_sub(PREFIX_LEN)?;
            let (prefix, after) = split_prefix(name.get(start..)?)?;
            leading_guid(after)?;
            Some((start, prefix, after))
        })?;
        Some(Self::from_parts(name.get(..start)?, prefix, after))
    }

    fn from_parts(leading: &'a str, prefix: Prefix, after: &'a str) -> Self {
        if let Some((text, guid, rest)) = leading_guid(after) {
            let (third, trailing) = split_third(rest);
            return Self { prefix, suffix: text, guid: Some(guid), third, leading, trailing };
        }
        let (suffix, trailing) = split_copy_ending(after);
        Self { prefix, suffix, guid: None, third: None, leading, trailing }
    }

    /// Whether the name marks a copy that Windows can no longer open: something was put before or after it.
    pub fn is_set_aside(&self) -> bool {
        !self.leading.is_empty() || !self.trailing.is_empty()
    }

    /// Whether Windows would open this file under this GUID: the names match to the last character, case apart.
    pub fn opens_under(&self, machine_guid: Guid) -> bool {
        self.guid == Some(machine_guid) && !self.is_set_aside()
    }
}

fn split_prefix(name: &str) -> Option<(Prefix, &str)> {
    let prefix = name.get(..PREFIX_LEN)?.parse().ok()?;
    let after = name.get(PREFIX_LEN..)?.strip_prefix('_')?;
    Some((prefix, after))
}

fn leading_guid(text: &str) -> Option<(&str, Guid, &str)> {
    let (guid, rest) = (text.get(..GUID_LEN)?, text.get(GUID_LEN..)?);
    Some((guid, Guid::parse(guid).ok()?, rest))
}

fn split_third(rest: &str) -> (Option<&str>, &str) {
    let Some(part) = rest.strip_prefix('_') else { return (None, rest) };
    let end = part.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(part.len());
    match (part.get(..PREFIX_LEN), part.get(PREFIX_LEN..)) {
        (Some(third), Some(trailing)) if end == PREFIX_LEN => (Some(third), trailing),
        _ => (None, rest),
    }
}

fn split_copy_ending(text: &str) -> (&str, &str) {
    let mut end = text.len();
    while let Some(shorter) = text.get(..end).and_then(without_copy_ending) {
        end = shorter;
    }
    (text.get(..end).unwrap_or(text), text.get(end..).unwrap_or_default())
}

/// Length of `text` without one mark of a copy at its end.
fn without_copy_ending(text: &str) -> Option<usize> {
    let named = COPY_ENDINGS.iter().find_map(|ending| {
        let at = text.len().checked_sub(ending.len())?;
        text.get(at..).filter(|tail| tail.eq_ignore_ascii_case(ending)).map(|_| at)
    });
    let numbered = || {
        let digits_end = if text.ends_with(')') { text.len().checked_sub(1)? } else { text.len() };
        let head = text.get(..digits_end)?.trim_end_matches(|c: char| c.is_ascii_digit());
        let mark = if text.ends_with(')') { " (" } else { "." };
        (head.len() < digits_end).then(|| head.strip_suffix(mark).map(str::len)).flatten()
    };
    named.or_else(numbered).filter(|&at| at < text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "c2319c42033a5ca7f44e731bfd3fa2b5";
    const GUID: &str = "3E08FB7E-9B1D-4422-9215-C3ECA2A68BFE";

    #[test]
    fn a_plain_name_has_a_prefix_and_a_guid() {
        let text = format!("{PREFIX}_{GUID}");
        let name = FileName::parse(&text).unwrap();
        assert_eq!(name.prefix.to_string(), PREFIX);
        assert_eq!(name.suffix, GUID);
        assert_eq!(name.guid.unwrap().to_string(), GUID);
        assert!(!name.is_set_aside());
        assert!(name.opens_under(Guid::parse(&GUID.to_lowercase()).unwrap()));
    }

    #[test]
    fn whatever_stands_around_a_name_marks_a_copy() {
        for mark in [
            ".OLD",
            ".bak",
            ".old",
            ".1",
            " - Copy",
            " (2)",
            "~",
            ".save",
            ".orig",
            "_old",
            " - Kopie (3).bak",
        ] {
            let text = format!("{PREFIX}_{GUID}{mark}");
            let name = FileName::parse(&text).unwrap();
            assert_eq!((name.suffix, name.trailing), (GUID, mark));
            assert!(name.is_set_aside() && !name.opens_under(name.guid.unwrap()));
        }
        let text = format!("Copy of {PREFIX}_{GUID}");
        let name = FileName::parse(&text).unwrap();
        assert_eq!(name.leading, "Copy of ");
        assert!(name.is_set_aside());
    }

    #[test]
    fn a_token_binding_key_has_a_third_part() {
        let text = format!("{PREFIX}_{GUID}_775090f05efb4712c965fe90ed1ae5ce");
        let name = FileName::parse(&text).unwrap();
        assert_eq!(name.third, Some("775090f05efb4712c965fe90ed1ae5ce"));
        assert!(!name.is_set_aside());
    }

    #[test]
    fn a_suffix_that_is_no_guid_is_kept_as_found() {
        let text = format!("{PREFIX}_{{{GUID}}}.old (2)");
        let name = FileName::parse(&text).unwrap();
        assert_eq!(name.suffix, format!("{{{GUID}}}"));
        assert_eq!((name.guid, name.trailing), (None, ".old (2)"));
        let text = format!("{PREFIX}_");
        assert_eq!(FileName::parse(&text).unwrap().suffix, "");
    }

    #[test]
    fn other_names_are_no_key_files() {
        for name in
            ["", "desktop.ini", PREFIX, "x_y", &format!("photo {PREFIX}_1.jpg"), &format!("{PREFIX}-{GUID}")]
        {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }
}
