//! Knowing is a type: a fact is read, absent, not in evidence or unreadable, and says where it was looked for.

use std::fmt;
use std::sync::Arc;

use super::need::Need;

/// Number of a file in [`Facts::files`](super::Facts::files).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Where in a file a fact stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Locator {
    /// The file as a whole.
    File,
    /// A registry key, for its existence or its last-write time.
    Key(Arc<str>),
    /// A registry value: key path and value name.
    Value(Arc<str>, Arc<str>),
    /// An offset in bytes from the start of the file.
    Offset(u64),
    /// A line of a text file, counted from one.
    Line(u64),
    /// An entry of a folder or of a listing, by its name.
    Entry(Arc<str>),
    /// A node of an XML document, as an XPath.
    XPath(Arc<str>),
    /// A record of an event log, by its number.
    Record(u64),
    /// The security descriptor that a volume keeps for the file or folder.
    Security,
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Value(key, name) => write!(f, "value {key}\\{name}"),
            Self::Offset(offset) => write!(f, "offset {offset:#x}"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Entry(name) => write!(f, "entry {name}"),
            Self::XPath(path) => write!(f, "xpath {path}"),
            Self::Record(number) => write!(f, "record {number}"),
            Self::Security => f.write_str("security descriptor"),
        }
    }
}

/// The bytes that a fact rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// The evidence file.
    pub file: FileId,
    /// Where in it.
    pub locator: Locator,
}

impl Citation {
    /// A citation of `locator` in `file`.
    pub fn new(file: FileId, locator: Locator) -> Self {
        Self { file, locator }
    }
}

/// Where a fact comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From bytes that anyone can check.
    Bytes(Citation),
    /// From a plan that is being tried: it holds only if that step (counted from one) is carried out.
    Planned(u16),
}

impl Origin {
    /// The citation, unless a plan changed the fact.
    pub fn citation(&self) -> Option<&Citation> {
        match self {
            Self::Bytes(citation) => Some(citation),
            Self::Planned(_) => None,
        }
    }
}

/// A value together with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Cited<T> {
    /// A value read from bytes.
    pub fn read(value: T, citation: Citation) -> Self {
        Self { value, origin: Origin::Bytes(citation) }
    }
}

/// What is known about one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It was read.
    Read(Cited<T>),
    /// The evidence covers the place, and it is not there. The citations say where it was looked for.
    Absent(Vec<Citation>),
    /// Nobody collected what would tell.
    NotInEvidence(Need),
    /// It is there and could not be read.
    Unreadable {
        /// What went wrong.
        why: String,
        /// Where.
        citation: Option<Citation>,
    },
}

impl<T> Known<T> {
    /// A value read from bytes.
    pub fn read(value: T, citation: Citation) -> Self {
        Self::Read(Cited::read(value, citation))
    }

    /// The value, if it was read.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Read(cited) => Some(&cited.value),
            _ => None,
        }
    }

    /// The bytes behind the value, or the place where it is missing or unreadable.
    pub fn citation(&self) -> Option<&Citation> {
        match self {
            Self::Read(cited) => cited.origin.citation(),
            Self::Absent(looked) => looked.first(),
            Self::Unreadable { citation, .. } => citation.as_ref(),
            Self::NotInEvidence(_) => None,
        }
    }

    /// Whether the evidence shows that it is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent(_))
    }

    /// Whether the evidence settles the question, one way or the other.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Absent(_))
    }

    /// The same knowledge about something computed from the value.
    pub fn map<U>(&self, change: impl FnOnce(&T) -> U) -> Known<U> {
        match self {
            Self::Read(cited) => {
                Known::Read(Cited { value: change(&cited.value), origin: cited.origin.clone() })
            }
            Self::Absent(looked) => Known::Absent(looked.clone()),
            Self::NotInEvidence(need) => Known::NotInEvidence(*need),
            Self::Unreadable { why, citation } => {
                Known::Unreadable { why: why.clone(), citation: citation.clone() }
            }
        }
    }

    /// Why the question is open, and what to collect; `None` when it is settled.
    pub fn gap(&self) -> Option<(String, Need)>
    where
        T: fmt::Debug,
    {
        match self {
            Self::Read(_) | Self::Absent(_) => None,
            Self::NotInEvidence(need) => Some((format!("{} not collected", need.subject()), *need)),
            Self::Unreadable { why, .. } => Some((why.clone(), Need::UndamagedCopy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_read_and_absent_settle_a_question() {
        let place = Citation::new(FileId(0), Locator::Key("Microsoft".into()));
        assert!(Known::read(1, place.clone()).is_settled());
        assert!(Known::<u8>::Absent(vec![place.clone()]).is_settled());
        assert!(!Known::<u8>::NotInEvidence(Need::SoftwareHive).is_settled());
        let broken = Known::<u8>::Unreadable { why: "bad cell".into(), citation: Some(place) };
        assert!(!broken.is_settled());
        assert_eq!(broken.gap().unwrap().1, Need::UndamagedCopy);
    }
}
