//! The one interface behind which every kind of evidence stands.
//!
//! A [`Tree`] is a folder, an archive or a volume of a disk image. It knows nothing of layouts and of what the
//! files mean. Callers use the handles [`crate::Dir`] and [`crate::File`].

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::skip::SkipReason;
use crate::time::Timestamp;

/// What kind of thing a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TreeKind {
    /// A folder on the analyst's machine.
    Folder,
    /// A single file on the analyst's machine, shown as a folder that holds it alone.
    SingleFile,
    /// The entries of an archive.
    Archive,
    /// A volume of a disk image.
    Volume,
    /// Made in memory.
    Memory,
}

/// How much the absence of a file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Completeness {
    /// A whole volume: what is not there does not exist.
    Volume,
    /// A collector took what its list named: absence may mean that nobody asked for the file.
    Collection,
    /// A copied folder: absence may mean that it was not copied.
    Copy,
}

/// The identity of a file or directory inside its tree; only the tree itself reads it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeId {
    /// A path of the analyst's file system. Never shown.
    Path(PathBuf),
    /// A number that the tree gave out: an archive entry, a file record.
    Number(u64),
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The analyst's folders are nobody else's business, in logs neither.
            Self::Path(_) => f.write_str("Path(..)"),
            Self::Number(number) => write!(f, "Number({number})"),
        }
    }
}

/// How much a listing tells of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Names and kinds only; sizes and times may be missing. No look at each file.
    Kinds,
    /// Sizes and times as well.
    Full,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Dir,
    /// A file with readable bytes.
    File,
    /// Something that is left alone.
    Refused(SkipReason),
}

/// Where the master file table of a volume describes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileRecord {
    /// Number of the record.
    pub number: u64,
    /// How often the record was given to a new file.
    pub sequence: u16,
}

impl fmt::Display for FileRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.sequence)
    }
}

/// One row of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Identity for later calls.
    pub id: NodeId,
    /// The name as stored; not Unicode: with replacement characters.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Whether it was reached through a symbolic link, so that the same bytes stand elsewhere in the tree too.
    pub linked: bool,
    /// Size in bytes; zero for directories and in a [`Detail::Kinds`] listing.
    pub size: u64,
    /// Creation time, only when the tree keeps the one of the examined machine.
    pub created: Option<Timestamp>,
    /// Last write of the data.
    pub modified: Option<Timestamp>,
    /// The file record, where the tree is a volume.
    pub record: Option<FileRecord>,
}

/// The rows of one directory, read as they are asked for.
pub type Rows = Box<dyn Iterator<Item = io::Result<TreeEntry>> + Send>;

/// A read-only tree of directories and files.
pub trait Tree: Send + Sync {
    /// What kind of thing this is.
    fn kind(&self) -> TreeKind;

    /// Whether creation times are those of the examined machine; false for anything copied to a plain folder.
    fn creation_times_kept(&self) -> bool;

    /// How much absence means here.
    fn completeness(&self) -> Completeness;

    /// The topmost directory.
    fn root(&self) -> NodeId;

    /// The rows of a directory, in constant memory and no particular order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self, dir: &NodeId, detail: Detail) -> io::Result<Rows>;

    /// The entry with exactly this name, with full detail.
    ///
    /// # Errors
    /// When the directory cannot be read; a name that is not there is `None`.
    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>>;

    /// Adds size and times to an entry of a [`Detail::Kinds`] listing.
    ///
    /// # Errors
    /// When the entry cannot be looked at.
    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry>;

    /// Opens a file for reading from its start.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>>;

    /// The security descriptor of a file or directory, self-relative as Windows stores it.
    ///
    /// `None` where the tree does not keep access control.
    ///
    /// # Errors
    /// When it should be there and cannot be read.
    fn security(&self, _node: &NodeId) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Reads the first bytes of a file into `buffer` and says how many there were.
    ///
    /// Trees override it where this is cheaper than a reader.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    fn read_head(&self, file: &NodeId, buffer: &mut [u8]) -> io::Result<usize> {
        fill(&mut self.open(file)?, buffer)
    }
}

/// Reads until `buffer` is full or the data ends.
pub(crate) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
