//! Access control of files and folders: who may open what.
//!
//! A descriptor comes as bytes from a volume ([`SecurityDescriptor::parse`]), as SDDL ([`sddl`]) or as the text that
//! `icacls`, `cacls` and PowerShell print ([`listing`]). [`grants`] answers whether an account's token may have a right.
//! The layouts are those of the open specification of Windows data types (MS-DTYP, sections 2.4 and 2.5).

mod account;
mod check;
mod descriptor;
mod icacls;
pub mod listing;
mod powershell;
pub mod sddl;
mod sid;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::BitOr;

use thiserror::Error;

pub use check::{Access, Doubt, grants};
pub use sid::Sid;

/// Rights, as one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AccessMask(pub u32);

impl AccessMask {
    /// No right.
    pub const NONE: Self = Self(0);
    /// Read the data of a file, list a folder.
    pub const READ_DATA: Self = Self(0x1);
    /// Write the data of a file, create a file in a folder.
    pub const ADD_FILE: Self = Self(0x2);
    /// Read the descriptor.
    pub const READ_CONTROL: Self = Self(0x2_0000);
    /// Change the access control.
    pub const WRITE_DAC: Self = Self(0x4_0000);
    /// All that a file opened for reading asks for (`FILE_GENERIC_READ`).
    pub const FILE_READ: Self = Self(0x12_0089);
    /// `FILE_GENERIC_WRITE`.
    pub const FILE_WRITE: Self = Self(0x12_0116);
    /// `FILE_GENERIC_EXECUTE`.
    pub const FILE_EXECUTE: Self = Self(0x12_00a0);
    /// `FILE_ALL_ACCESS`.
    pub const FILE_ALL: Self = Self(0x1f_01ff);
    /// Every bit.
    pub const EVERY_BIT: Self = Self(u32::MAX);

    /// Whether no right is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Generic rights replaced by what they stand for on files and folders.
    #[must_use]
    pub fn for_files(self) -> Self {
        let mut mask = self.0 & 0x0fff_ffff;
        for (bit, rights) in [
            (0x8000_0000, Self::FILE_READ),
            (0x4000_0000, Self::FILE_WRITE),
            (0x2000_0000, Self::FILE_EXECUTE),
            (0x1000_0000, Self::FILE_ALL),
        ] {
            if self.0 & bit != 0 {
                mask |= rights.0;
            }
        }
        Self(mask)
    }
}

impl BitOr for AccessMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for AccessMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (Self::FILE_ALL, "full control"),
            (Self(0x13_01bf), "modify"),
            (Self(0x12_00a9), "read and run"),
        ];
        let plain = self.for_files();
        for (rights, word) in
            words.into_iter().chain([(Self::FILE_READ, "read"), (Self::FILE_WRITE, "write")])
        {
            if plain == rights {
                return f.write_str(word);
            }
        }
        write!(f, "{:#x}", self.0)
    }
}

/// What an entry of an access control list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AceKind {
    /// Grants rights.
    Allow,
    /// Denies rights.
    Deny,
    /// Any other type of entry, by its number. Conditional entries and those for one kind of object are among them:
    /// they never count as granting or denying for sure.
    Other(u8),
}

/// How an entry is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AceFlags(pub u8);

impl AceFlags {
    /// Files in this folder inherit it.
    pub const OBJECT_INHERIT: u8 = 0x01;
    /// Folders in this folder inherit it.
    pub const CONTAINER_INHERIT: u8 = 0x02;
    /// It is inherited by one level only.
    pub const NO_PROPAGATE: u8 = 0x04;
    /// It is for those that inherit it, not for this object.
    pub const INHERIT_ONLY: u8 = 0x08;
    /// It was inherited.
    pub const INHERITED: u8 = 0x10;

    /// Whether it does not count for the object itself.
    pub fn is_inherit_only(self) -> bool {
        self.0 & Self::INHERIT_ONLY != 0
    }
}

/// For whom an entry is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// A security identifier.
    Sid(Sid),
    /// A name that a listing shows and that stands for no identifier that every machine has.
    Name(Box<str>),
    /// The entry is of a type whose layout is not known.
    Unknown,
}

impl Account {
    /// Its identifier, where it is known.
    pub fn sid(&self) -> Option<&Sid> {
        match self {
            Self::Sid(sid) => Some(sid),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sid(sid) => match sid.well_known() {
                Some(name) => f.write_str(name),
                None => sid.fmt(f),
            },
            Self::Name(name) => f.write_str(name),
            Self::Unknown => f.write_str("an unknown account"),
        }
    }
}

/// An entry of an access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ace {
    /// What it does.
    pub kind: AceKind,
    /// How it is inherited.
    pub flags: AceFlags,
    /// The rights.
    pub mask: AccessMask,
    /// For whom.
    pub account: Account,
}

impl Ace {
    /// Whether it came from a folder above.
    pub fn inherited(&self) -> bool {
        self.flags.0 & AceFlags::INHERITED != 0
    }
}

impl fmt::Display for Ace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            AceKind::Allow => write!(f, "{} is allowed {}", self.account, self.mask),
            AceKind::Deny => write!(f, "{} is denied {}", self.account, self.mask),
            AceKind::Other(number) => {
                write!(f, "{} has {} in an entry of type {number:#04x}", self.account, self.mask)
            }
        }
    }
}

/// The list that decides who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dacl {
    /// There is none: everybody may do everything.
    Null,
    /// Its entries, in order. Without any, nobody may do anything.
    Entries {
        /// The entries.
        aces: Vec<Ace>,
        /// Whether it keeps inherited entries out; false as well where a listing does not say.
        protected: bool,
    },
}

/// A security descriptor without its audit part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityDescriptor {
    /// The owner, where it is told.
    pub owner: Option<Account>,
    /// The primary group, where it is told.
    pub group: Option<Account>,
    /// Who may do what.
    pub dacl: Dacl,
}

impl SecurityDescriptor {
    /// The entries; none for a list that is not there.
    pub fn aces(&self) -> &[Ace] {
        match &self.dacl {
            Dacl::Null => &[],
            Dacl::Entries { aces, .. } => aces,
        }
    }
}

/// Bytes that are no security descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AclError {
    /// Something reaches beyond the end.
    #[error("{what} at offset {offset:#x}: expected {expected} bytes, found {found}")]
    Truncated {
        /// What it is.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// Bytes that it should have.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// A revision that nobody defined.
    #[error("{what} at offset {offset:#x}: expected revision {expected}, found {found}")]
    Revision {
        /// What it is.
        what: &'static str,
        /// Where the revision stands.
        offset: usize,
        /// The revisions that are known.
        expected: &'static str,
        /// The revision.
        found: u8,
    },
    /// It is in the form with pointers, which has no meaning outside a process.
    #[error("control flags at offset 0x2: expected a self-relative descriptor (0x8000), found {found:#06x}")]
    NotSelfRelative {
        /// The control flags.
        found: u16,
    },
    /// A size too small for what it is the size of.
    #[error("{what} at offset {offset:#x}: expected a size of at least {expected}, found {found}")]
    Size {
        /// What it is.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// The least size in bytes.
        expected: usize,
        /// The size.
        found: usize,
    },
    /// More parts than a security identifier may have.
    #[error("security identifier at offset {offset:#x}: expected at most 15 parts, found {found}")]
    SidParts {
        /// Where it begins.
        offset: usize,
        /// The number of its parts.
        found: u8,
    },
}
