//! Handles for directories and files: cheap to clone, and they know their path as given in the evidence.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use iiskeys_disk::ReadAt;
use sha2::{Digest, Sha256};

use crate::container::Container;
use crate::error::EvidenceError;
use crate::path::{EvidencePath, WindowsPath, percent_decoded, same_name};
use crate::skip::SkipLog;
use crate::time::Timestamp;
use crate::tree::{
    Completeness, DeletedEntry, Detail, EntryKind, FileRecord, NodeId, Rows, Tree, TreeEntry, TreeKind,
    VolumeIdentity, fill,
};

/// SHA-256 of a file's bytes.
pub type Sha256Digest = [u8; 32];

/// One tree with what all its handles share.
pub(crate) struct Source {
    pub(crate) tree: Box<dyn Tree>,
    pub(crate) log: Arc<SkipLog>,
    /// The image or archive that the tree comes out of.
    pub(crate) container: Option<Arc<Container>>,
}

/// Whether names are shown as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Plain,
    /// `%XX` stands for a byte, as Velociraptor's collector writes names.
    Percent,
}

struct DirInner {
    source: Arc<Source>,
    id: NodeId,
    path: EvidencePath,
    names: Names,
    linked: bool,
    /// It belongs to a drive that a collector copied, whatever the tree is.
    collected: bool,
}

/// A directory in the evidence.
#[derive(Clone)]
pub struct Dir(Arc<DirInner>);

/// A file in the evidence.
#[derive(Clone)]
pub struct File {
    /// The name, decoded where the collector encoded it.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Creation time on the examined machine; `None` when the evidence does not keep it.
    pub created: Option<Timestamp>,
    /// Last write of the data, as the evidence has it.
    pub modified: Option<Timestamp>,
    /// The file record, where the evidence is a volume.
    pub record: Option<FileRecord>,
    parent: Dir,
    id: NodeId,
    stored: Option<Box<str>>,
    linked: bool,
}

/// A directory or a file.
#[derive(Debug, Clone)]
pub enum Node {
    /// A directory.
    Dir(Dir),
    /// A file.
    File(File),
}

impl DirInner {
    /// Whether a collector wrote it to a volume of its own, whose times are those of the copy. Only the collector's list
    /// knows better.
    fn is_copied_to_volume(&self) -> bool {
        let tree = &self.source.tree;
        self.collected && tree.kind() == TreeKind::Volume && !tree.has_manifest()
    }

    fn again(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            id: self.id.clone(),
            path: self.path.clone(),
            names: self.names,
            linked: self.linked,
            collected: self.collected,
        }
    }
}

impl Dir {
    pub(crate) fn top(source: Arc<Source>, path: EvidencePath) -> Self {
        let id = source.tree.root();
        Self(Arc::new(DirInner { source, id, path, names: Names::Plain, linked: false, collected: false }))
    }

    /// The same directory with `%XX` in names below it decoded.
    pub(crate) fn with_names(&self, names: Names) -> Self {
        Self(Arc::new(DirInner { names, ..self.0.again() }))
    }

    /// The same directory as a part of a drive that a collector copied.
    pub(crate) fn as_collected(&self) -> Self {
        Self(Arc::new(DirInner { collected: true, ..self.0.again() }))
    }

    /// The path as given in the evidence.
    pub fn path(&self) -> &EvidencePath {
        &self.0.path
    }

    /// The name, decoded where the collector encoded it; empty for the evidence itself.
    pub fn name(&self) -> String {
        let stored = self.0.path.name();
        match self.0.names {
            Names::Percent => percent_decoded(stored).unwrap_or_else(|| stored.to_owned()),
            Names::Plain => stored.to_owned(),
        }
    }

    /// What kind of tree the directory belongs to.
    pub fn kind(&self) -> TreeKind {
        self.0.source.tree.kind()
    }

    /// Whether [`File::created`] is of the examined machine.
    pub fn creation_times_kept(&self) -> bool {
        !self.0.is_copied_to_volume() && self.0.source.tree.creation_times_kept()
    }

    /// How much absence means here.
    pub fn completeness(&self) -> Completeness {
        if self.0.collected { Completeness::Collection } else { self.0.source.tree.completeness() }
    }

    /// What was found damaged in the tree that it belongs to, up to now, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.0.source.tree.notes()
    }

    /// Whether any place in its files can be read without unpacking what stands before it.
    pub(crate) fn reaches_into_files(&self) -> bool {
        self.kind() != TreeKind::Archive
    }

    /// The image or archive that the directory comes out of.
    pub fn container(&self) -> Option<&Container> {
        self.0.source.container.as_deref()
    }

    /// How Windows knows the volume, where the directory is on one of a disk.
    pub fn volume_identity(&self) -> Option<VolumeIdentity> {
        self.0.source.tree.identity()
    }

    /// Files of a wanted name that once stood here; none where the evidence keeps no trace of them.
    ///
    /// A `thorough` search goes once through the file records of the volume that are not in use.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn deleted(
        &self,
        thorough: bool,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<DeletedEntry>, EvidenceError> {
        // What was deleted from a collector's volume was never on the machine.
        if self.0.collected {
            return Ok(Vec::new());
        }
        let found = self.0.source.tree.deleted(&self.0.id, thorough, wanted);
        found.map_err(|e| self.unreadable("look for deleted files in the folder", e))
    }

    /// Random access to the file of this bare name in it.
    pub(crate) fn sibling(&self, name: &str, memory: u64) -> io::Result<Option<Arc<dyn ReadAt>>> {
        self.0.source.tree.sibling(&self.0.id, name, memory)
    }

    /// Whether it was reached through a symbolic link, so that it stands elsewhere in the evidence too.
    pub fn is_linked(&self) -> bool {
        self.0.linked
    }

    /// Whether both handles lead to one directory.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.source, &other.0.source) && self.0.id == other.0.id
    }

    /// Directories and files in it, streamed in no particular order.
    ///
    /// What is left alone (links out of the evidence, pipes) is noted in [`crate::Evidence::skipped`] and not yielded.
    ///
    /// # Errors
    /// When the directory cannot be listed; an entry that cannot be looked at is an error item.
    pub fn entries(&self) -> Result<Entries, EvidenceError> {
        self.list(Detail::Full)
    }

    /// Like [`Self::entries`] without sizes and times of files, which spares a look at each.
    ///
    /// [`File::complete`] adds them to one file.
    ///
    /// # Errors
    /// Like [`Self::entries`].
    pub fn names(&self) -> Result<Entries, EvidenceError> {
        self.list(Detail::Kinds)
    }

    fn list(&self, detail: Detail) -> Result<Entries, EvidenceError> {
        let rows =
            self.0.source.tree.list(&self.0.id, detail).map_err(|e| self.unreadable("list the folder", e))?;
        Ok(Entries { dir: self.clone(), rows })
    }

    /// The entry of this name: the exact one first, else the one that Windows would take for it.
    ///
    /// # Errors
    /// When the directory cannot be read, or when the entry stands there and is not followed.
    pub fn child(&self, name: &str) -> Result<Option<Node>, EvidenceError> {
        let tree = &self.0.source.tree;
        let found = tree.lookup(&self.0.id, name).map_err(|e| self.unreadable("look into the folder", e))?;
        if let Some(entry) = found {
            return self.node(entry).map(Some);
        }
        // A volume compares names as Windows does; what it does not find is not there.
        if self.kind() == TreeKind::Volume && self.0.names == Names::Plain {
            return Ok(None);
        }
        let mut best: Option<TreeEntry> = None;
        for row in tree.list(&self.0.id, Detail::Kinds).map_err(|e| self.unreadable("list the folder", e))? {
            let row = row.map_err(|e| self.unreadable("list the folder", e))?;
            // Of several that differ in case only, the first by name: the same on every machine.
            if self.is_called(&row.name, name) && best.as_ref().is_none_or(|best| row.name < best.name) {
                best = Some(row);
            }
        }
        let Some(best) = best else { return Ok(None) };
        let shown = self.0.path.join(&best.name);
        let full = tree.complete(best).map_err(|source| EvidenceError::Unreadable {
            path: shown,
            action: "look at it",
            source,
        })?;
        self.node(full).map(Some)
    }

    fn is_called(&self, stored: &str, name: &str) -> bool {
        same_name(stored, name)
            || (self.0.names == Names::Percent
                && percent_decoded(stored).is_some_and(|n| same_name(&n, name)))
    }

    /// The directory of this name; `None` when there is none or a file bears it.
    ///
    /// # Errors
    /// Like [`Self::child`].
    pub fn child_dir(&self, name: &str) -> Result<Option<Self>, EvidenceError> {
        Ok(self.child(name)?.and_then(Node::into_dir))
    }

    /// What stands at a path below this directory, written with either slash and in any case.
    ///
    /// A drive letter in the path is ignored.
    ///
    /// # Errors
    /// Like [`Self::child`].
    pub fn resolve(&self, path: &str) -> Result<Option<Node>, EvidenceError> {
        self.resolve_names(&WindowsPath::parse(path).names)
    }

    pub(crate) fn resolve_names(&self, names: &[String]) -> Result<Option<Node>, EvidenceError> {
        let mut at = self.clone();
        for (index, name) in names.iter().enumerate() {
            match at.child(name)? {
                Some(Node::Dir(dir)) => at = dir,
                Some(file) if index + 1 == names.len() => return Ok(Some(file)),
                _ => return Ok(None),
            }
        }
        Ok(Some(Node::Dir(at)))
    }

    fn node(&self, entry: TreeEntry) -> Result<Node, EvidenceError> {
        let path = || self.0.path.join(&entry.name);
        match entry.kind {
            EntryKind::Refused(reason) => {
                self.0.source.log.note(path(), reason.clone());
                Err(EvidenceError::Refused { path: path(), reason })
            }
            EntryKind::Dir => Ok(Node::Dir(Self(Arc::new(DirInner {
                source: Arc::clone(&self.0.source),
                path: path(),
                id: entry.id,
                names: self.0.names,
                linked: self.0.linked || entry.linked,
                collected: self.0.collected,
            })))),
            EntryKind::File => {
                let decoded =
                    if self.0.names == Names::Percent { percent_decoded(&entry.name) } else { None };
                let (name, stored) = match decoded {
                    Some(decoded) => (decoded, Some(entry.name.into_boxed_str())),
                    None => (entry.name, None),
                };
                Ok(Node::File(File {
                    name,
                    size: entry.size,
                    created: entry.created.filter(|_| !self.0.is_copied_to_volume()),
                    modified: entry.modified,
                    record: entry.record.filter(|_| !self.0.collected),
                    parent: self.clone(),
                    id: entry.id,
                    stored,
                    linked: self.0.linked || entry.linked,
                }))
            }
        }
    }

    /// The security descriptor, self-relative as Windows stores it; `None` where the evidence does not keep it.
    ///
    /// # Errors
    /// When it should be there and cannot be read.
    pub fn security(&self) -> Result<Option<Vec<u8>>, EvidenceError> {
        // What a collector wrote to a volume of its own has the collector's access control.
        if self.0.collected {
            return Ok(None);
        }
        let tree = &self.0.source.tree;
        tree.security(&self.0.id).map_err(|e| self.unreadable("read the access control of the folder", e))
    }

    pub(crate) fn unreadable(&self, action: &'static str, source: io::Error) -> EvidenceError {
        EvidenceError::Unreadable { path: self.0.path.clone(), action, source }
    }

    pub(crate) fn log(&self) -> &SkipLog {
        &self.0.source.log
    }
}

impl fmt::Debug for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dir({:?})", self.0.path)
    }
}

/// The entries of one directory, streamed.
pub struct Entries {
    dir: Dir,
    rows: Rows,
}

impl Iterator for Entries {
    type Item = Result<Node, EvidenceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rows.next()? {
                Ok(row) => match self.dir.node(row) {
                    Err(EvidenceError::Refused { .. }) => {}
                    other => return Some(other),
                },
                Err(error) => return Some(Err(self.dir.unreadable("list the folder", error))),
            }
        }
    }
}

impl Node {
    /// The directory, if it is one.
    pub fn into_dir(self) -> Option<Dir> {
        match self {
            Self::Dir(dir) => Some(dir),
            Self::File(_) => None,
        }
    }

    /// The file, if it is one.
    pub fn into_file(self) -> Option<File> {
        match self {
            Self::File(file) => Some(file),
            Self::Dir(_) => None,
        }
    }

    /// The path as given in the evidence.
    pub fn path(&self) -> EvidencePath {
        match self {
            Self::Dir(dir) => dir.path().clone(),
            Self::File(file) => file.path(),
        }
    }
}

impl File {
    /// The path as given in the evidence.
    pub fn path(&self) -> EvidencePath {
        self.parent.0.path.join(self.stored.as_deref().unwrap_or(&self.name))
    }

    /// The directory that it stands in.
    pub fn parent(&self) -> &Dir {
        &self.parent
    }

    /// Whether it was reached through a symbolic link, so that it stands elsewhere in the evidence too.
    pub fn is_linked(&self) -> bool {
        self.linked
    }

    /// Whether both handles lead to one file.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parent.0.source, &other.parent.0.source) && self.id == other.id
    }

    /// Adds size and times to a file of [`Dir::names`].
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn complete(self) -> Result<Self, EvidenceError> {
        let entry = TreeEntry {
            id: self.id.clone(),
            name: String::new(),
            kind: EntryKind::File,
            linked: self.linked,
            size: self.size,
            created: self.created,
            modified: self.modified,
            record: self.record,
        };
        match self.parent.0.source.tree.complete(entry) {
            Ok(full) => {
                let created = full.created.filter(|_| !self.parent.0.is_copied_to_volume());
                Ok(Self { size: full.size, created, modified: full.modified, ..self })
            }
            Err(error) => Err(self.unreadable("look at the file", error)),
        }
    }

    /// The security descriptor, self-relative as Windows stores it; `None` where the evidence does not keep it.
    ///
    /// # Errors
    /// When it should be there and cannot be read.
    pub fn security(&self) -> Result<Option<Vec<u8>>, EvidenceError> {
        if self.parent.0.collected {
            return Ok(None);
        }
        let tree = &self.parent.0.source.tree;
        tree.security(&self.id).map_err(|e| self.unreadable("read the access control of the file", e))
    }

    /// Random access to its bytes; compressed ones are unpacked into memory when they have at most `memory` bytes.
    ///
    /// # Errors
    /// When it cannot be opened, or is compressed and larger than that.
    pub fn random(&self, memory: u64) -> Result<Arc<dyn ReadAt>, EvidenceError> {
        let tree = &self.parent.0.source.tree;
        tree.random(&self.id, memory).map_err(|e| self.unreadable("open the file", e))
    }

    /// Whether [`Self::random`] holds all of it in memory, unpacked.
    pub(crate) fn is_unpacked(&self) -> bool {
        self.parent.0.source.tree.is_unpacked(&self.id)
    }

    /// Opens the file at its start.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, EvidenceError> {
        self.parent.0.source.tree.open(&self.id).map_err(|e| self.unreadable("open the file", e))
    }

    /// Opens the file and hashes what is read through it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_hashed(&self) -> Result<HashedReader, EvidenceError> {
        Ok(HashedReader { inner: self.open()?, hash: Sha256::new(), len: 0 })
    }

    /// The whole file and its SHA-256, in one pass.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than `cap` bytes.
    pub fn read_all(&self, cap: u64) -> Result<(Vec<u8>, Sha256Digest), EvidenceError> {
        let too_large = |size| EvidenceError::TooLarge { path: self.path(), size, cap };
        if self.size > cap {
            return Err(too_large(self.size));
        }
        let mut reader = self.open()?;
        let mut data = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        let mut hash = Sha256::new();
        let mut chunk = vec![0; READ_CHUNK.min(usize::try_from(self.size).unwrap_or(READ_CHUNK).max(512))];
        loop {
            let count = fill(&mut reader, &mut chunk).map_err(|e| self.unreadable("read the file", e))?;
            let read = chunk.get(..count).unwrap_or_default();
            // Sizes are what a directory claims; what is kept follows what was really read.
            if data.len() as u64 + count as u64 > cap {
                return Err(too_large(data.len() as u64 + count as u64));
            }
            hash.update(read);
            data.extend_from_slice(read);
            if count < chunk.len() {
                return Ok((data, hash.finalize().into()));
            }
        }
    }

    /// At most the first `count` bytes.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn head(&self, count: usize) -> Result<Vec<u8>, EvidenceError> {
        let mut data = vec![0; count];
        let filled = self.read_head(&mut data)?;
        data.truncate(filled);
        Ok(data)
    }

    /// Reads the first bytes into `buffer` and says how many there were: the cheap way for 100,000s of files.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn read_head(&self, buffer: &mut [u8]) -> Result<usize, EvidenceError> {
        self.parent.0.source.tree.read_head(&self.id, buffer).map_err(|e| self.unreadable("read the file", e))
    }

    fn unreadable(&self, action: &'static str, source: io::Error) -> EvidenceError {
        EvidenceError::Unreadable { path: self.path(), action, source }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({:?}, {} bytes)", self.path(), self.size)
    }
}

/// Bytes read and hashed at a time.
const READ_CHUNK: usize = 64 * 1024;

/// A reader that hashes what passes through it.
pub struct HashedReader {
    inner: Box<dyn Read + Send>,
    hash: Sha256,
    len: u64,
}

impl HashedReader {
    /// Reads what is left and gives the length in bytes and SHA-256 of the whole file.
    ///
    /// # Errors
    /// When the rest cannot be read.
    pub fn finish(mut self) -> io::Result<(u64, Sha256Digest)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((self.len, self.hash.finalize().into()))
    }
}

impl Read for HashedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.len += count as u64;
        Ok(count)
    }
}
