//! Paths: as they are shown, and as Windows writes them.

use std::fmt;
use std::sync::Arc;

/// A path relative to the evidence as the user gave it, with forward slashes.
///
/// It never holds anything of the analyst's own folders. Names that are not Unicode are shown with replacement
/// characters; the handle that carries the path still opens the right file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidencePath(Arc<str>);

impl EvidencePath {
    /// A path from its text; empty means the evidence itself.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The evidence itself.
    pub fn root() -> Self {
        Self::new("")
    }

    /// The path of `name` in this folder.
    pub fn join(&self, name: &str) -> Self {
        if self.0.is_empty() {
            return Self::new(name);
        }
        let mut text = String::with_capacity(self.0.len() + 1 + name.len());
        text.push_str(&self.0);
        text.push('/');
        text.push_str(name);
        Self(Arc::from(text))
    }

    /// The text, empty for the evidence itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Whether this is `folder` or stands inside it.
    pub fn is_within(&self, folder: &Self) -> bool {
        let Some(rest) = self.0.strip_prefix(&*folder.0) else { return false };
        folder.0.is_empty() || rest.is_empty() || rest.starts_with('/')
    }
}

impl fmt::Display for EvidencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for EvidencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// A Windows path taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowsPath {
    /// Drive letter in upper case, when the path names one.
    pub drive: Option<char>,
    /// Names from the drive's root on, without empty ones and `.`.
    pub names: Vec<String>,
}

impl WindowsPath {
    /// Takes `C:\dir\name`, `\dir\name`, `/dir/name`, `C:/dir/name` or `\\?\C:\dir` apart.
    ///
    /// A `..` is kept as a name: nothing matches it, so a path never climbs.
    pub fn parse(text: &str) -> Self {
        let rest = strip_device(text);
        let mut bytes = rest.bytes();
        let (drive, rest) = match (bytes.next(), bytes.next()) {
            (Some(letter), Some(b':')) if letter.is_ascii_alphabetic() => {
                (Some(char::from(letter.to_ascii_uppercase())), rest.get(2..).unwrap_or_default())
            }
            _ => (None, rest),
        };
        let names =
            rest.split(['\\', '/']).filter(|n| !n.is_empty() && *n != ".").map(str::to_owned).collect();
        Self { drive, names }
    }

    /// The last name; empty for a drive's root.
    pub fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Whether the names equal those of `other`, without regard to case; the drive is left aside.
    pub fn same_names(&self, other: &Self) -> bool {
        self.names.len() == other.names.len()
            && self.names.iter().zip(&other.names).all(|(a, b)| same_name(a, b))
    }
}

impl fmt::Display for WindowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(drive) = self.drive {
            write!(f, "{drive}:\\")?;
        }
        f.write_str(&self.names.join("\\"))
    }
}

/// Cuts `\\?\`, `\\.\` and `\??\` off.
fn strip_device(text: &str) -> &str {
    ["\\\\?\\", "\\\\.\\", "\\??\\"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

/// Whether two names are one to Windows: compared character by character without regard to case.
pub fn same_name(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    if a.is_ascii() && b.is_ascii() {
        return false;
    }
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

/// Replaces `%XX` by the byte that it stands for, as Velociraptor's collector writes names.
///
/// `None` when nothing is encoded or the result is not UTF-8.
pub fn percent_decoded(name: &str) -> Option<String> {
    if !name.contains('%') {
        return None;
    }
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    let mut changed = false;
    while let Some((&first, tail)) = rest.split_first() {
        let byte = match (first, tail.first_chunk::<2>()) {
            (b'%', Some(&[high, low])) => hex_digit(high).zip(hex_digit(low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        if let Some(byte) = byte {
            out.push(byte);
            rest = tail.get(2..).unwrap_or_default();
            changed = true;
        } else {
            out.push(first);
            rest = tail;
        }
    }
    if changed { String::from_utf8(out).ok() } else { None }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_paths_come_apart_in_every_spelling() {
        for text in ["C:\\Windows\\System32", "c:/Windows//System32/", "\\\\?\\C:\\Windows\\.\\System32"] {
            let path = WindowsPath::parse(text);
            assert_eq!(path.drive, Some('C'), "{text}");
            assert_eq!(path.names, ["Windows", "System32"], "{text}");
        }
        assert_eq!(WindowsPath::parse("\\ProgramData").drive, None);
        assert_eq!(WindowsPath::parse("C:\\").to_string(), "C:\\");
    }

    #[test]
    fn names_compare_like_windows_does() {
        assert!(same_name("SOFTWARE", "software"));
        assert!(same_name("Größe", "GRÖßE"));
        assert!(!same_name("Größe", "Grosse"));
        assert!(!same_name("a", "b"));
    }

    #[test]
    fn percent_names_decode_and_broken_ones_stay() {
        assert_eq!(percent_decoded("C%3A").as_deref(), Some("C:"));
        assert_eq!(percent_decoded("%5C%5C.%5Cc%3a").as_deref(), Some("\\\\.\\c:"));
        assert_eq!(percent_decoded("%2ENET%25").as_deref(), Some(".NET%"));
        assert_eq!(percent_decoded("50%"), None);
        assert_eq!(percent_decoded("%zz"), None);
        assert_eq!(percent_decoded("%FF"), None);
    }

    #[test]
    fn an_evidence_path_knows_what_is_inside_it() {
        let folder = EvidencePath::new("case/C");
        assert!(folder.join("Windows").is_within(&folder));
        assert!(!EvidencePath::new("case/CD").is_within(&folder));
        assert!(folder.is_within(&EvidencePath::root()));
        assert_eq!(EvidencePath::root().to_string(), ".");
        assert_eq!(folder.join("x").name(), "x");
    }
}
