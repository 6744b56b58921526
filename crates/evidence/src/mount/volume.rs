//! An NTFS volume as a tree.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use iiskeys_disk::ReadAt;
use iiskeys_ntfs::{
    Deleted, DirEntry, File, FileRef, Listing, NtfsError, Recoverable, Stream, Target, Volume,
};

use crate::archive::is_manifest;
use crate::skip::SkipReason;
use crate::time::Timestamp;
use crate::tree::{
    Completeness, DeletedEntry, Detail, EntryKind, FileRecord, NodeId, Remains, Rows, Tree, TreeEntry,
    TreeKind, VolumeIdentity,
};

/// File records below this number are the file system's own.
const FIRST_OF_USERS: u64 = 24;
/// Rows that are put in the order of their records before those are read.
///
/// An index is sorted by name, so in a folder of key containers each batch goes once through the whole master file table.
const BATCH: usize = 200_000;
/// The bits of a node's number that are the record; the others are its sequence.
const RECORD: u64 = 0xffff_ffff_ffff;
/// A reparse point that leads to another directory of a local volume.
const MOUNT_POINT: u32 = 0xa000_0003;
/// A symbolic link.
const SYMLINK: u32 = 0xa000_000c;
/// Entries of the topmost directory that are looked at for signs of a collector.
const MOST_AT_TOP: usize = 1_000;
/// Links of one folder that are followed while it is listed.
const MAX_LINKS: u64 = 1_000;
/// Bytes of a deleted file that are kept.
const LARGEST_REMAINS: u64 = 64 * 1024;

/// The files of one volume.
pub(super) struct NtfsTree {
    files: Files,
    identity: Option<VolumeIdentity>,
    /// Whether nothing of the volume was found damaged or missing when it was opened.
    whole: bool,
}

/// A volume with the file that was looked at last: most are first looked at and then read.
#[derive(Clone)]
struct Files {
    volume: Volume,
    /// Whether Windows stands on it, so that `C:` in a link of Windows' own means this volume.
    is_home: bool,
    last: Arc<Mutex<Option<File>>>,
}

impl Files {
    fn get(&self, id: FileRef) -> io::Result<File> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = last.take_if(|file| file.reference() == id) {
            return Ok(file);
        }
        self.volume.file(id).map_err(io_error)
    }

    fn keep(&self, file: File) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }
}

impl NtfsTree {
    pub(super) fn open(data: Arc<dyn ReadAt>, identity: Option<VolumeIdentity>) -> Result<Self, NtfsError> {
        let volume = Volume::open(data)?;
        let whole = volume.notes().is_empty();
        let holds = |name: &str| matches!(volume.lookup(volume.root(), name), Ok(Some(_)));
        let is_home = holds("Windows") || holds("WINNT");
        Ok(Self { files: Files { volume, is_home, last: Arc::default() }, identity, whole })
    }

    /// Whether a collector seems to have written its files here: folders for drives, or its list of them.
    pub(super) fn may_be_collection(&self) -> bool {
        let volume = &self.files.volume;
        if self.files.is_home {
            return false;
        }
        let Ok(rows) = volume.list(volume.root()) else { return false };
        rows.take(MOST_AT_TOP).filter_map(Result::ok).any(|entry| {
            let is_drive = entry.name.len() == 1 || entry.name.eq_ignore_ascii_case("uploads");
            if entry.is_directory() { is_drive } else { is_manifest(&entry.name) }
        })
    }

    pub(super) fn label(&self) -> Option<String> {
        self.files.volume.label().filter(|label| !label.is_empty())
    }
}

impl Tree for NtfsTree {
    fn kind(&self) -> TreeKind {
        TreeKind::Volume
    }

    fn creation_times_kept(&self) -> bool {
        true
    }

    fn completeness(&self) -> Completeness {
        // Where a part of the volume is not here or damaged, absence may mean that it cannot be seen.
        if self.whole { Completeness::Volume } else { Completeness::Copy }
    }

    fn root(&self) -> NodeId {
        node(self.files.volume.root())
    }

    fn list(&self, dir: &NodeId, detail: Detail) -> io::Result<Rows> {
        let listing = self.files.volume.list(reference(dir)?).map_err(io_error)?;
        Ok(Box::new(Listed {
            files: self.files.clone(),
            listing,
            detail,
            batch: Vec::new().into_iter(),
            ended: false,
            links: 0,
        }))
    }

    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>> {
        let found = self.files.volume.lookup(reference(dir)?, name).map_err(io_error)?;
        let Some(entry) = found.filter(|entry| !is_of_system(entry)) else { return Ok(None) };
        // A handle shows the name as it is stored; another spelling is found by the caller's own comparison.
        let row = row(&self.files, &entry, true);
        full(&self.files, row).map(Some)
    }

    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry> {
        full(&self.files, entry)
    }

    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Reader { stream: self.stream(file)?, at: 0 }))
    }

    fn security(&self, node: &NodeId) -> io::Result<Option<Vec<u8>>> {
        let file = self.files.get(reference(node)?)?;
        let by_id = file.standard().and_then(|standard| standard.security_id).filter(|id| *id != 0);
        match by_id {
            Some(id) => self.files.volume.security_descriptor(id).map_err(io_error),
            // Volumes that were made by Windows NT keep the descriptor in the file's own record.
            None => file.security_attribute().map_err(io_error),
        }
    }

    fn random(&self, file: &NodeId, _memory: u64) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(self.stream(file)?))
    }

    fn deleted(
        &self,
        dir: &NodeId,
        thorough: bool,
        wanted: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<DeletedEntry>> {
        let found = self.files.volume.deleted_in(reference(dir)?, thorough, wanted).map_err(io_error)?;
        Ok(found.into_iter().map(|deleted| self.remains(deleted)).collect())
    }

    fn notes(&self) -> Vec<String> {
        self.files.volume.notes()
    }

    fn identity(&self) -> Option<VolumeIdentity> {
        self.identity
    }

    fn read_head(&self, file: &NodeId, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream(file)?.read_at(0, buffer)
    }
}

impl NtfsTree {
    fn remains(&self, deleted: Deleted) -> DeletedEntry {
        let entry = &deleted.entry;
        let remains = match &deleted.recoverable {
            Recoverable::Resident(data) => Remains::Whole(data.clone()),
            Recoverable::Clusters(_) => self.content(&deleted).map_or(Remains::NameOnly, Remains::Whole),
            Recoverable::Overwritten { .. } => Remains::Overwritten,
            Recoverable::RecordReused => Remains::RecordReused,
            Recoverable::Nothing(_) => Remains::NameOnly,
        };
        DeletedEntry {
            name: entry.name.clone(),
            record: (entry.file != iiskeys_ntfs::deleted::LOST).then(|| record(entry.file)),
            size: deleted.size.unwrap_or(entry.size),
            created: Timestamp::from_filetime(entry.times.created),
            modified: Timestamp::from_filetime(entry.times.modified),
            remains,
        }
    }

    /// The content of a file that is gone and whose clusters are free, if it is small.
    fn content(&self, deleted: &Deleted) -> Option<Vec<u8>> {
        let file = self.files.volume.record(deleted.record()?).ok()?;
        let stream = file.data().ok().filter(|stream| stream.len() <= LARGEST_REMAINS)?;
        let mut data = vec![0; usize::try_from(stream.len()).ok()?];
        stream.read_exact_at(0, &mut data).ok()?;
        Some(data)
    }

    fn stream(&self, file: &NodeId) -> io::Result<Stream> {
        self.files.get(reference(file)?)?.data().map_err(io_error)
    }
}

/// The rows of a directory, a batch at a time.
struct Listed {
    files: Files,
    listing: Listing,
    detail: Detail,
    batch: std::vec::IntoIter<Waiting>,
    ended: bool,
    /// Links met so far.
    links: u64,
}

/// A row that waits for its record to be read: few bytes, for there may be many.
enum Waiting {
    /// A file or directory.
    Plain { id: u64, name: Box<str>, is_dir: bool, size: u64 },
    /// A link, or something that cannot be read.
    Other(Box<io::Result<TreeEntry>>),
}

impl Waiting {
    fn of(row: io::Result<TreeEntry>) -> Self {
        match row {
            Ok(TreeEntry { id: NodeId::Number(id), name, kind, linked: false, size, .. })
                if !matches!(kind, EntryKind::Refused(_)) =>
            {
                Self::Plain { id, name: name.into_boxed_str(), is_dir: kind == EntryKind::Dir, size }
            }
            other => Self::Other(Box::new(other)),
        }
    }

    fn id(&self) -> u64 {
        match self {
            Self::Plain { id, .. } => id & RECORD,
            Self::Other(_) => 0,
        }
    }

    fn read(self, files: &Files) -> io::Result<TreeEntry> {
        let row = match self {
            Self::Plain { id, name, is_dir, size } => TreeEntry {
                id: NodeId::Number(id),
                name: name.into_string(),
                kind: if is_dir { EntryKind::Dir } else { EntryKind::File },
                linked: false,
                size,
                created: None,
                modified: None,
                record: None,
            },
            Self::Other(row) => (*row)?,
        };
        // The folder says that it is there, whatever became of its record; whoever reads it will hear why not.
        Ok(full(files, row.clone()).unwrap_or(row))
    }
}

impl Listed {
    fn next_row(&mut self) -> Option<io::Result<TreeEntry>> {
        loop {
            match self.listing.next()? {
                Ok(entry) if is_of_system(&entry) => {}
                Ok(entry) => {
                    // Each link costs a walk from the root.
                    self.links += u64::from(is_link(&entry));
                    return Some(Ok(row(&self.files, &entry, self.links <= MAX_LINKS)));
                }
                Err(error) => return Some(Err(io_error(error))),
            }
        }
    }
}

impl Iterator for Listed {
    type Item = io::Result<TreeEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.detail == Detail::Kinds {
            return self.next_row();
        }
        if let Some(row) = self.batch.next() {
            return Some(row.read(&self.files));
        }
        let mut rows = Vec::new();
        while rows.len() < BATCH && !self.ended {
            match self.next_row() {
                Some(row) => rows.push(Waiting::of(row)),
                None => self.ended = true,
            }
        }
        // Records lie in the order of their numbers, and so do most files.
        rows.sort_unstable_by_key(Waiting::id);
        self.batch = rows.into_iter();
        Some(self.batch.next()?.read(&self.files))
    }
}

/// A row as the index of the directory has it.
fn row(files: &Files, entry: &DirEntry, follows: bool) -> TreeEntry {
    let mut row = TreeEntry {
        id: node(entry.file),
        name: entry.name.clone(),
        kind: if entry.is_directory() { EntryKind::Dir } else { EntryKind::File },
        linked: false,
        size: entry.size,
        created: None,
        modified: None,
        record: Some(record(entry.file)),
    };
    if is_link(entry) {
        row.linked = true;
        if !follows {
            row.kind = elsewhere("one of too many links in its folder");
            return row;
        }
        match follow(files, entry) {
            Ok(Some(target)) => {
                row.id = node(target.file);
                row.record = Some(record(target.file));
                row.size = target.size;
                row.kind = if target.is_directory() { EntryKind::Dir } else { EntryKind::File };
            }
            Ok(None) => row.kind = elsewhere("a link whose target is not on this volume"),
            Err(error) => row.kind = elsewhere(&error.to_string()),
        }
    }
    row
}

fn is_link(entry: &DirEntry) -> bool {
    matches!(entry.reparse_tag, Some(MOUNT_POINT | SYMLINK))
}

/// What a link leads to, on this volume; `None` when there is nothing.
///
/// Which letter the machine gave to this volume is not known here. On the volume with Windows, `C:` is taken for it, as in
/// the junctions that Windows itself makes.
fn follow(files: &Files, entry: &DirEntry) -> Result<Option<DirEntry>, NtfsError> {
    let volume = &files.volume;
    let target = volume.file(entry.file)?.reparse()?.map(|reparse| reparse.target);
    match target {
        Some(Target::Link { path, relative: false }) => {
            let plain = path.trim_start_matches(r"\??\").trim_start_matches(r"\\?\");
            match plain.get(..2) {
                Some(drive) if files.is_home && drive.eq_ignore_ascii_case("C:") => volume.resolve(plain),
                _ => Err(NtfsError::OtherVolume { path: entry.name.clone(), target: path }),
            }
        }
        // A relative path that begins with a slash begins at the root.
        Some(Target::Link { path, relative: true }) if path.starts_with('\\') => volume.resolve(&path),
        Some(Target::Link { path, relative: true }) => {
            let mut at = entry.parent;
            let mut found = None;
            for name in path.split('\\').filter(|name| !name.is_empty() && *name != ".") {
                if name == ".." {
                    let names = volume.file(at)?.names()?;
                    at = names.first().map_or(at, |name| name.parent);
                    continue;
                }
                let Some(next) = volume.lookup(at, name)? else { return Ok(None) };
                if is_link(&next) {
                    return Err(NtfsError::Loop { path: entry.name.clone(), hops: 1 });
                }
                at = next.file;
                found = Some(next);
            }
            Ok(found)
        }
        _ => Ok(None),
    }
}

fn elsewhere(what: &str) -> EntryKind {
    EntryKind::Refused(SkipReason::Elsewhere(what.to_owned()))
}

/// Adds what the file's own record says: the index keeps copies of it that may be old.
fn full(files: &Files, mut row: TreeEntry) -> io::Result<TreeEntry> {
    if matches!(row.kind, EntryKind::Refused(_)) {
        return Ok(row);
    }
    let id = reference(&row.id)?;
    let file = files.get(id)?;
    row.record = Some(record(id));
    if let Some(standard) = file.standard() {
        row.created = Timestamp::from_filetime(standard.times.created);
        row.modified = Timestamp::from_filetime(standard.times.modified);
    }
    if row.kind == EntryKind::File {
        row.size = file.size().map_err(io_error)?;
    }
    files.keep(file);
    Ok(row)
}

fn is_of_system(entry: &DirEntry) -> bool {
    entry.file.record < FIRST_OF_USERS
}

fn node(file: FileRef) -> NodeId {
    NodeId::Number((u64::from(file.sequence) << 48) | (file.record & RECORD))
}

fn reference(id: &NodeId) -> io::Result<FileRef> {
    match id {
        NodeId::Number(number) => Ok(FileRef { record: number & RECORD, sequence: (number >> 48) as u16 }),
        NodeId::Path(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn record(file: FileRef) -> FileRecord {
    FileRecord { number: file.record, sequence: file.sequence }
}

fn io_error(error: NtfsError) -> io::Error {
    match error {
        NtfsError::Io { source, .. } => source,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

/// Reads a stream from its start.
struct Reader {
    stream: Stream,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read_at(self.at, buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}
