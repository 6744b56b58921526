//! The one interface behind which every kind of evidence stands.
//!
//! A [`Tree`] is a folder, an archive or a volume of a disk image. It knows nothing of layouts and of what the
//! files mean. Callers use the handles [`crate::Dir`] and [`crate::File`].

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use iiskeys_disk::ReadAt;

use crate::path::same_name;
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

/// How Windows knows a volume: by what its `MountedDevices` key keeps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeIdentity {
    /// A partition of an MBR disk: signature of the disk and offset of the partition in bytes.
    Mbr {
        /// Signature of the disk.
        signature: u32,
        /// Offset of the partition from the start of the disk, in bytes.
        offset: u64,
    },
    /// A partition of a GPT disk: its unique GUID as it is stored.
    Gpt([u8; 16]),
}

/// What is left of the data of a deleted file.
#[derive(Clone, PartialEq, Eq)]
pub enum Remains {
    /// All of its bytes, as far as anyone can tell: nothing else claims their place.
    Whole(Vec<u8>),
    /// Its clusters belong to other files now.
    Overwritten,
    /// Another file has its record now.
    RecordReused,
    /// Only the name is left.
    NameOnly,
}

impl fmt::Debug for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(data) => write!(f, "Whole({} bytes)", data.len()),
            Self::Overwritten => f.write_str("Overwritten"),
            Self::RecordReused => f.write_str("RecordReused"),
            Self::NameOnly => f.write_str("NameOnly"),
        }
    }
}

/// A file that once stood in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedEntry {
    /// Its name.
    pub name: String,
    /// The record that described it, with the sequence that it had while it lived; `None` when only a name is left in the
    /// unused part of the directory, which a rename leaves behind as well.
    pub record: Option<FileRecord>,
    /// Size in bytes, as last known.
    pub size: u64,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// Last write of the data.
    pub modified: Option<Timestamp>,
    /// What can be read of it.
    pub remains: Remains,
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

    /// Random access to the bytes of a file.
    ///
    /// Trees that cannot reach into a file read it into memory when it has at most `memory` bytes.
    ///
    /// # Errors
    /// When it cannot be opened, or is compressed and larger than `memory`.
    fn random(&self, file: &NodeId, memory: u64) -> io::Result<Arc<dyn ReadAt>> {
        let mut data = Vec::new();
        self.open(file)?.take(memory.saturating_add(1)).read_to_end(&mut data)?;
        if data.len() as u64 > memory {
            let what = format!("more than {memory} bytes would have to be unpacked into memory");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        Ok(Arc::new(data))
    }

    /// Whether [`Self::random`] holds the whole file in memory, unpacked.
    fn is_unpacked(&self, _file: &NodeId) -> bool {
        false
    }

    /// Random access to the file of this bare name in a directory, for images that consist of several files.
    ///
    /// Without an exact match, a name that differs in case only counts.
    ///
    /// # Errors
    /// Like [`Self::random`].
    fn sibling(&self, dir: &NodeId, name: &str, memory: u64) -> io::Result<Option<Arc<dyn ReadAt>>> {
        sibling(self, dir, name, memory)
    }

    /// Files of a wanted name that once stood in a directory; none where the tree keeps no trace of them.
    ///
    /// A `thorough` search goes through all file records that are not in use; else only the directory is looked at.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn deleted(
        &self,
        _dir: &NodeId,
        _thorough: bool,
        _wanted: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<DeletedEntry>> {
        Ok(Vec::new())
    }

    /// Whether a collector's own list gives the files their times.
    fn has_manifest(&self) -> bool {
        false
    }

    /// What is damaged, as far as it was met up to now, one sentence each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// How Windows knows the volume, where the tree is one of a disk.
    fn identity(&self) -> Option<VolumeIdentity> {
        None
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

/// The file of a name in a directory of `tree`, as [`Tree::sibling`] finds it.
pub(crate) fn sibling<T: Tree + ?Sized>(
    tree: &T,
    dir: &NodeId,
    name: &str,
    memory: u64,
) -> io::Result<Option<Arc<dyn ReadAt>>> {
    let mut found = tree.lookup(dir, name)?.filter(|entry| entry.kind == EntryKind::File);
    if found.is_none() {
        for row in tree.list(dir, Detail::Kinds)? {
            let row = row?;
            let fits = row.kind == EntryKind::File && same_name(&row.name, name);
            if fits && found.as_ref().is_none_or(|best| row.name < best.name) {
                found = Some(row);
            }
        }
    }
    found.map(|entry| tree.random(&entry.id, memory)).transpose()
}

impl Tree for Box<dyn Tree> {
    fn kind(&self) -> TreeKind {
        (**self).kind()
    }

    fn creation_times_kept(&self) -> bool {
        (**self).creation_times_kept()
    }

    fn completeness(&self) -> Completeness {
        (**self).completeness()
    }

    fn root(&self) -> NodeId {
        (**self).root()
    }

    fn list(&self, dir: &NodeId, detail: Detail) -> io::Result<Rows> {
        (**self).list(dir, detail)
    }

    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>> {
        (**self).lookup(dir, name)
    }

    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry> {
        (**self).complete(entry)
    }

    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>> {
        (**self).open(file)
    }

    fn security(&self, node: &NodeId) -> io::Result<Option<Vec<u8>>> {
        (**self).security(node)
    }

    fn random(&self, file: &NodeId, memory: u64) -> io::Result<Arc<dyn ReadAt>> {
        (**self).random(file, memory)
    }

    fn is_unpacked(&self, file: &NodeId) -> bool {
        (**self).is_unpacked(file)
    }

    fn sibling(&self, dir: &NodeId, name: &str, memory: u64) -> io::Result<Option<Arc<dyn ReadAt>>> {
        (**self).sibling(dir, name, memory)
    }

    fn deleted(
        &self,
        dir: &NodeId,
        thorough: bool,
        wanted: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<DeletedEntry>> {
        (**self).deleted(dir, thorough, wanted)
    }

    fn has_manifest(&self) -> bool {
        (**self).has_manifest()
    }

    fn notes(&self) -> Vec<String> {
        (**self).notes()
    }

    fn identity(&self) -> Option<VolumeIdentity> {
        (**self).identity()
    }

    fn read_head(&self, file: &NodeId, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_head(file, buffer)
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
