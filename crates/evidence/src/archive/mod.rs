//! Archives as trees: ZIP, tar (plain, gzip, Zstandard) and 7z, read in place.
//!
//! Nothing is unpacked to the analyst's disk. Opening reads the list of entries only; entries are read on demand. What
//! that costs depends on the format:
//!
//! * ZIP and plain tar: any entry at once.
//! * Compressed tar: one pass over the whole file at open. Entries up to [`ArchiveLimits::kept_entry_bytes`] are kept
//!   in memory while they fit into [`ArchiveLimits::kept_bytes`]; any other entry decompresses the stream up to its
//!   place again, from where the last reader stopped when the entry lies behind it.
//! * 7z: the first small entry of a solid block, or the first look at the beginning of a large one, decodes the block
//!   and keeps the small ones.
//!
//! Of larger entries both keep the first [`ArchiveLimits::head_bytes`], up to [`ArchiveLimits::all_heads_bytes`], so
//! that what an entry is can be told without decompressing what stands before it once more.
//!
//! Sources: PKWARE APPNOTE 6.3, Info-ZIP's extra field list, POSIX.1-2001 `pax`, the GNU tar manual, RFC 1952,
//! RFC 8878 and 7-Zip's `7zFormat.txt`.

mod directory;
mod error;
pub mod manifest;
mod names;
mod password;
mod sevenz;
mod stream;
mod tar;
mod with_manifest;
mod zip;

use std::io::{self, Read};
use std::sync::Arc;

use iiskeys_disk::ReadAt;

pub use error::ArchiveError;
pub use password::Password;
pub use with_manifest::WithManifest;
pub(crate) use with_manifest::is_manifest;

use self::directory::{Builder, Care, Directory, Found, ROOT};
use crate::tree::{Completeness, Detail, EntryKind, NodeId, Rows, Tree, TreeEntry, TreeKind, fill};

/// Bytes that [`recognise`] wants to see.
pub const HEAD_BYTES: usize = 512;

/// An archive format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchiveKind {
    /// ZIP.
    Zip,
    /// tar, not compressed.
    Tar,
    /// gzip, with a tar or a single file in it.
    Gzip,
    /// Zstandard, with a tar or a single file in it.
    Zstd,
    /// 7z.
    SevenZ,
}

/// The archive format that the first bytes of a file speak for.
///
/// `head` should hold [`HEAD_BYTES`] bytes or the whole file. A ZIP behind other bytes (a self-extracting program) is
/// not recognised; [`ArchiveTree::open`] reads it when it is told that it is one.
pub fn recognise(head: &[u8]) -> Option<ArchiveKind> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(ArchiveKind::Zip),
        // The third byte is the method, and deflate is the only one there is.
        [0x1f, 0x8b, 8, ..] => Some(ArchiveKind::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(ArchiveKind::Zstd),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(ArchiveKind::SevenZ),
        _ => tar::is_header(head).then_some(ArchiveKind::Tar),
    }
}

/// What an archive is called that is known and not read: "a RAR archive".
pub fn refused(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Some("a RAR archive"),
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => Some("a CAB archive"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("an xz archive"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some("a bzip2 archive"),
        [b'L', b'Z', b'I', b'P', 0 | 1, ..] => Some("an lzip archive"),
        [b'M', b'S', b'W', b'I', b'M', 0, 0, 0, ..] => Some("a WIM image"),
        // A split archive begins with a mark of its own or with the first header behind it.
        [b'P', b'K', 7, 8, ..] => Some("a part of a split ZIP archive"),
        _ => None,
    }
}

/// Bounds of one archive; the defaults are the documented constants.
#[derive(Debug, Clone)]
pub struct ArchiveLimits {
    /// Entries of an archive.
    pub entries: u64,
    /// Bytes of one name with its folders; longer ones are left out and noted.
    pub name_bytes: usize,
    /// Bytes of all names together.
    pub all_names_bytes: u64,
    /// Folders inside each other; deeper entries are left out and noted.
    pub depth: usize,
    /// Bytes that all entries together declare.
    pub declared_bytes: u64,
    /// Bytes that one pass over a compressed tar may decompress.
    pub streamed_bytes: u64,
    /// Largest entry of a compressed tar or a solid block that is kept in memory, in bytes.
    pub kept_entry_bytes: u64,
    /// Bytes of all kept entries.
    pub kept_bytes: u64,
    /// First bytes of every other entry of a compressed tar or a solid block that are kept.
    pub head_bytes: usize,
    /// Bytes of all first bytes that are kept.
    pub all_heads_bytes: u64,
    /// Memory that a decoder may ask for, in bytes.
    pub decoder_bytes: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            entries: 2_000_000,
            name_bytes: 32 * 1024,
            all_names_bytes: 512 << 20,
            depth: 64,
            declared_bytes: 64 << 40,
            streamed_bytes: 64 << 30,
            kept_entry_bytes: 64 << 10,
            kept_bytes: 64 << 20,
            head_bytes: 4 << 10,
            all_heads_bytes: 64 << 20,
            decoder_bytes: 1 << 30,
        }
    }
}

/// Reads entries of one format.
trait Store: Send + Sync {
    /// The bytes of an entry from their start; `declared` is its size.
    fn open(&self, entry: u32, declared: u64) -> Result<Box<dyn Read + Send>, ArchiveError>;

    /// The entry in place, when its bytes stand in the source as they are.
    fn in_place(&self, entry: u32, declared: u64) -> Result<Option<Arc<dyn ReadAt>>, ArchiveError>;

    /// The first bytes of an entry or all of them, as far as they are in memory.
    fn head(&self, _entry: u32) -> Option<Arc<[u8]>> {
        None
    }

    /// Whether the bytes of the entry are encrypted.
    fn is_encrypted(&self, entry: u32) -> bool;
}

/// What a format hands over once its entries are listed.
struct Opened {
    directory: Directory,
    store: Box<dyn Store>,
    /// What is damaged although the list could be read, one sentence each.
    notes: Vec<String>,
}

/// An archive, read in place.
#[derive(Clone)]
pub struct ArchiveTree {
    directory: Arc<Directory>,
    store: Arc<dyn Store>,
    notes: Arc<[String]>,
    creation_times: bool,
    encrypted: bool,
}

impl ArchiveTree {
    /// Reads the list of entries.
    ///
    /// `name` is the bare name of the file: a gzip or Zstandard file that holds no tar shows its content under it,
    /// without the ending.
    ///
    /// # Errors
    /// When the list cannot be read or goes beyond `limits`.
    pub fn open(
        kind: ArchiveKind,
        source: Arc<dyn ReadAt>,
        name: &str,
        limits: &ArchiveLimits,
        password: Option<&Password>,
    ) -> Result<Self, ArchiveError> {
        let builder = Builder::new(limits);
        let Opened { directory, store, mut notes } = match kind {
            ArchiveKind::Zip => zip::open(source, builder, password)?,
            ArchiveKind::SevenZ => sevenz::open(source, builder, limits, password)?,
            ArchiveKind::Tar => tar::open(source, tar::Packing::Plain, builder, limits, name)?,
            ArchiveKind::Gzip => tar::open(source, tar::Packing::Gzip, builder, limits, name)?,
            ArchiveKind::Zstd => tar::open(source, tar::Packing::Zstd, builder, limits, name)?,
        };
        notes.extend(care_notes(directory.care));
        let infos = directory.infos();
        let creation_times = infos.iter().any(|info| info.created.is_some());
        let mut with_data = (0_u32..).zip(infos).filter(|(_, info)| info.size > 0).peekable();
        let encrypted = with_data.peek().is_some() && with_data.all(|(entry, _)| store.is_encrypted(entry));
        Ok(Self {
            directory: Arc::new(directory),
            store: store.into(),
            notes: notes.into(),
            creation_times,
            encrypted,
        })
    }

    /// Whether every entry with data is encrypted, so that nothing can be read without the password.
    pub fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether this is an encrypted Velociraptor collection: one encrypted `data.zip`, at most with its
    /// `metadata.json`.
    pub fn is_encrypted_velociraptor(&self) -> bool {
        let names: Vec<&str> =
            self.directory.children(ROOT).iter().take(3).map(|at| self.directory.name(*at)).collect();
        let data = self.directory.child(ROOT, "data.zip").and_then(|at| self.directory.look(at));
        let encrypted = matches!(data, Some((Found::File(entry), ..)) if self.store.is_encrypted(entry));
        encrypted && names.iter().all(|name| matches!(*name, "data.zip" | "metadata.json"))
    }

    /// What is damaged or was left out although the archive could be opened, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Number of entries, folders that have one included.
    pub fn entries(&self) -> usize {
        self.directory.infos().len()
    }

    /// A file as random access: in place where its bytes stand uncompressed in the archive, else decompressed into
    /// memory when it has at most `memory_cap` bytes.
    ///
    /// # Errors
    /// When it is no file, cannot be read, or is compressed and larger than `memory_cap`.
    pub fn entry_source(&self, file: &NodeId, memory_cap: u64) -> Result<Arc<dyn ReadAt>, ArchiveError> {
        let entry = self.file(file).ok_or(ArchiveError::NotAFile)?;
        let size = self.directory.info(entry).size;
        if let Some(source) = self.store.in_place(entry, size)? {
            return Ok(source);
        }
        if size > memory_cap {
            return Err(ArchiveError::TooLarge { size, cap: memory_cap });
        }
        // The declared size is not trusted with an allocation: the vector grows with what is really there.
        let mut data = Vec::new();
        self.store.open(entry, size)?.read_to_end(&mut data)?;
        Ok(Arc::new(data))
    }

    fn file(&self, id: &NodeId) -> Option<u32> {
        match self.directory.look(node(id)?)?.0 {
            Found::File(entry) => Some(entry),
            _ => None,
        }
    }

    fn row(&self, at: u32) -> Option<TreeEntry> {
        let (found, target, linked) = self.directory.look(at)?;
        let info = match found {
            Found::File(entry) => self.directory.info(entry),
            _ => directory::Info::default(),
        };
        Some(TreeEntry {
            id: NodeId::Number(u64::from(target)),
            name: self.directory.name(at).to_owned(),
            kind: match found {
                Found::Dir => EntryKind::Dir,
                Found::File(_) => EntryKind::File,
                Found::Refused(reason) => EntryKind::Refused(reason),
            },
            linked,
            size: info.size,
            created: info.created,
            modified: info.modified,
            record: None,
        })
    }

    fn dir(&self, id: &NodeId) -> io::Result<u32> {
        let at = node(id).ok_or(io::ErrorKind::InvalidInput)?;
        match self.directory.look(at) {
            Some((Found::Dir, target, _)) => Ok(target),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn node(id: &NodeId) -> Option<u32> {
    match id {
        NodeId::Number(number) => u32::try_from(*number).ok(),
        NodeId::Path(_) => None,
    }
}

impl Tree for ArchiveTree {
    fn kind(&self) -> TreeKind {
        TreeKind::Archive
    }

    fn creation_times_kept(&self) -> bool {
        self.creation_times
    }

    fn completeness(&self) -> Completeness {
        Completeness::Copy
    }

    fn root(&self) -> NodeId {
        NodeId::Number(u64::from(ROOT))
    }

    fn list(&self, dir: &NodeId, _detail: Detail) -> io::Result<Rows> {
        let at = self.dir(dir)?;
        let tree = self.clone();
        // In the order of the archive: who reads the files as they are listed goes once through a compressed stream.
        let mut children = self.directory.children(at).to_vec();
        children.sort_unstable();
        Ok(Box::new(children.into_iter().filter_map(move |child| tree.row(child).map(Ok))))
    }

    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>> {
        let at = self.dir(dir)?;
        Ok(self.directory.child(at, name).and_then(|child| self.row(child)))
    }

    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry> {
        Ok(entry)
    }

    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>> {
        let entry = self.file(file).ok_or(io::ErrorKind::IsADirectory)?;
        self.store.open(entry, self.directory.info(entry).size).map_err(ArchiveError::into_io)
    }

    fn random(&self, file: &NodeId, memory: u64) -> io::Result<Arc<dyn ReadAt>> {
        self.entry_source(file, memory).map_err(ArchiveError::into_io)
    }

    fn is_unpacked(&self, file: &NodeId) -> bool {
        let in_place =
            self.file(file).map(|entry| self.store.in_place(entry, self.directory.info(entry).size));
        !matches!(in_place, Some(Ok(Some(_))))
    }

    fn read_head(&self, file: &NodeId, buffer: &mut [u8]) -> io::Result<usize> {
        let entry = self.file(file).ok_or(io::ErrorKind::IsADirectory)?;
        let size = usize::try_from(self.directory.info(entry).size).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(size);
        if let Some(head) = self.store.head(entry)
            && let (Some(to), Some(from)) = (buffer.get_mut(..wanted), head.get(..wanted))
        {
            to.copy_from_slice(from);
            return Ok(wanted);
        }
        fill(&mut self.open(file)?, buffer)
    }
}

fn care_notes(care: Care) -> impl Iterator<Item = String> {
    [
        (care.changed, "names climb out of the archive or hold control characters: they are shown without"),
        (care.repeated, "entries repeat the name of an entry before them: the first one is read"),
        (care.conflicting, "entries stand below a name that belongs to a file: they were left out"),
        (care.too_deep, "entries are nested too deep: they were left out"),
        (care.too_long, "entries have too long names: they were left out"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
}

#[cfg(test)]
mod tests;
