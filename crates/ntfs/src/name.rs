//! `$FILE_NAME`: names, in records and as keys of directories.

use crate::bytes::{slice, u8_at, u32_at, u64_at, utf16};
use crate::record::FileRef;

/// Bytes in front of the name.
pub(crate) const NAME_HEADER: usize = 0x42;
/// Flag of `attributes` for directories.
pub const DIRECTORY: u32 = 0x1000_0000;
/// Flag of `attributes` for files with a reparse point.
pub const REPARSE: u32 = 0x400;

/// Four times, each in units of 100 ns since 1601 (FILETIME).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Creation.
    pub created: u64,
    /// Last change of the content.
    pub modified: u64,
    /// Last change of the file record.
    pub record_changed: u64,
    /// Last access, as far as the volume keeps it.
    pub accessed: u64,
}

impl Times {
    /// Four times in a row.
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        Some(Self {
            created: u64_at(data, 0)?,
            modified: u64_at(data, 8)?,
            record_changed: u64_at(data, 16)?,
            accessed: u64_at(data, 24)?,
        })
    }
}

/// What kind of name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Any name, compared with case.
    Posix,
    /// A long name.
    Win32,
    /// The 8.3 twin of a long name.
    Dos,
    /// A long name that is a valid 8.3 name too.
    Win32AndDos,
}

impl Namespace {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Posix,
            1 => Self::Win32,
            2 => Self::Dos,
            3 => Self::Win32AndDos,
            _ => return None,
        })
    }
}

/// One name of a file with the facts that are stored with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The directory.
    pub parent: FileRef,
    /// Times, which Windows sets on creation and rename in records, and keeps current in directories.
    pub times: Times,
    /// Size of the content in bytes; often stale in records.
    pub size: u64,
    /// Bytes that are reserved for the content.
    pub allocated: u64,
    /// File attributes; [`DIRECTORY`] for directories.
    pub attributes: u32,
    /// Tag of the reparse point.
    pub reparse_tag: Option<u32>,
    /// Kind of name.
    pub namespace: Namespace,
    /// The name; lone surrogates appear as U+FFFD.
    pub name: String,
    /// The name as stored.
    pub name_utf16: Vec<u16>,
}

impl FileName {
    /// Reads the value of the attribute; `None` when it is cut off or impossible.
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        let len = usize::from(u8_at(data, 0x40)?);
        let name_utf16 = utf16(slice(data, NAME_HEADER, len * 2)?);
        let attributes = u32_at(data, 0x38)?;
        Some(Self {
            parent: FileRef::from_bits(u64_at(data, 0)?),
            times: Times::parse(data.get(8..)?)?,
            allocated: u64_at(data, 0x28)?,
            size: u64_at(data, 0x30)?,
            attributes,
            // The field is the size of extended attributes in files without a reparse point.
            reparse_tag: u32_at(data, 0x3c).filter(|_| attributes & REPARSE != 0),
            namespace: Namespace::from_byte(u8_at(data, 0x41)?)?,
            name: String::from_utf16_lossy(&name_utf16),
            name_utf16,
        })
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The file.
    pub file: FileRef,
    /// The directory, as the entry states it.
    pub parent: FileRef,
    /// The name; lone surrogates appear as U+FFFD.
    pub name: String,
    /// The name as stored.
    pub name_utf16: Vec<u16>,
    /// Kind of name.
    pub namespace: Namespace,
    /// Times as the directory keeps them.
    pub times: Times,
    /// Size of the content in bytes, as the directory keeps it.
    pub size: u64,
    /// File attributes; [`DIRECTORY`] for directories.
    pub attributes: u32,
    /// Tag of the reparse point.
    pub reparse_tag: Option<u32>,
}

impl DirEntry {
    /// An entry for `file` under one of its names.
    pub(crate) fn new(file: FileRef, name: FileName) -> Self {
        Self {
            file,
            parent: name.parent,
            name: name.name,
            name_utf16: name.name_utf16,
            namespace: name.namespace,
            times: name.times,
            size: name.size,
            attributes: name.attributes,
            reparse_tag: name.reparse_tag,
        }
    }

    /// Whether the entry is a directory.
    pub fn is_directory(&self) -> bool {
        self.attributes & DIRECTORY != 0
    }
}
