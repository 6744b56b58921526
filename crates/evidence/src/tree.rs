//! Trees of files: a folder on the analyst's disk, or one in memory. Archives and images join as further trees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use walkdir::WalkDir;

use crate::time::Timestamp;

/// How much of a volume a tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// A whole volume: what is not in it was not there.
    Volume,
    /// What someone collected or copied: what is not in it may have been there.
    Copy,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path within the tree.
    pub path: PathBuf,
    /// File or directory.
    pub kind: Kind,
    /// Size in bytes; 0 for a directory.
    pub size: u64,
    /// Creation time, when the tree keeps the original ones.
    pub created: Option<Timestamp>,
    /// Modification time.
    pub modified: Option<Timestamp>,
}

impl Entry {
    /// The last component of the path; bytes that are not UTF-8 are replaced.
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }
}

/// Something that was there and was passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Path relative to the evidence.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Read-only access to a tree of files. There is no method that writes.
pub trait Tree: Send + Sync {
    /// Calls `each` for the entries of a directory, in no particular order, until it returns `false`.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self, dir: &Path, each: &mut dyn FnMut(Entry) -> bool) -> io::Result<()>;

    /// The entry at a path.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    fn stat(&self, path: &Path) -> io::Result<Entry>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// How much of a volume this is.
    fn completeness(&self) -> Completeness;

    /// What was passed over so far, sorted.
    fn skipped(&self) -> Vec<Skipped>;
}

/// A folder, or a single file in one. Symbolic links that stay inside are followed, others are passed over.
#[derive(Debug)]
pub struct FolderTree {
    root: PathBuf,
    only: Option<PathBuf>,
    skipped: Mutex<BTreeSet<Skipped>>,
}

impl FolderTree {
    /// The folder or the single file at `path`.
    ///
    /// # Errors
    /// When it is not there or is neither a file nor a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let whole = fs::canonicalize(path)?;
        let kind = fs::metadata(&whole)?;
        let skipped = Mutex::default();
        if kind.is_dir() {
            fs::read_dir(&whole)?;
            return Ok(Self { root: whole, only: None, skipped });
        }
        if !kind.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a folder"));
        }
        fs::File::open(&whole)?;
        let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a folder"));
        };
        Ok(Self { root: parent.to_owned(), only: Some(PathBuf::from(name)), skipped })
    }

    /// The single file that this tree is, if it is one.
    pub fn single(&self) -> Option<&Path> {
        self.only.as_deref()
    }

    fn skip(&self, path: &Path, reason: String) {
        if let Ok(mut skipped) = self.skipped.lock() {
            let path = shown(path.strip_prefix(&self.root).unwrap_or(path));
            skipped.insert(Skipped { path, reason });
        }
    }

    /// The entry of a path on disk; `None` for what is passed over.
    fn entry(&self, whole: &Path, data: &fs::Metadata) -> Option<Entry> {
        let path = whole.strip_prefix(&self.root).ok()?.to_owned();
        let data = if data.file_type().is_symlink() {
            match fs::canonicalize(whole) {
                Ok(target) if target.starts_with(&self.root) => {
                    let data = fs::metadata(&target).ok()?;
                    if data.is_dir() {
                        self.skip(
                            whole,
                            "a symbolic link to a folder that is looked at in its own place".to_owned(),
                        );
                        return None;
                    }
                    data
                }
                Ok(_) => {
                    self.skip(
                        whole,
                        "a symbolic link that leads out of the evidence is not followed".to_owned(),
                    );
                    return None;
                }
                Err(error) => {
                    self.skip(whole, format!("a symbolic link that leads nowhere: {error}"));
                    return None;
                }
            }
        } else {
            data.clone()
        };
        let kind = if data.is_dir() {
            Kind::Dir
        } else if data.is_file() {
            Kind::File
        } else {
            self.skip(
                whole,
                "neither a file nor a folder (a device, pipe or socket) is not opened".to_owned(),
            );
            return None;
        };
        let modified = data.modified().ok().and_then(timestamp);
        let size = if kind == Kind::File { data.len() } else { 0 };
        // The creation time is that of the analyst's disk and never reported.
        Some(Entry { path, kind, size, created: None, modified })
    }
}

fn timestamp(time: std::time::SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    let ticks = since.as_nanos() / 100 + 116_444_736_000_000_000;
    Timestamp::from_filetime(u64::try_from(ticks).ok()?)
}

/// A path with forward slashes; bytes that are not UTF-8 are replaced.
pub(crate) fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

impl Tree for FolderTree {
    fn list(&self, dir: &Path, each: &mut dyn FnMut(Entry) -> bool) -> io::Result<()> {
        if let Some(only) = &self.only {
            if dir.as_os_str().is_empty() {
                each(self.stat(only)?);
            }
            return Ok(());
        }
        let start = self.root.join(dir);
        for found in WalkDir::new(&start).min_depth(1).max_depth(1).follow_root_links(true) {
            let found = match found {
                Ok(found) => found,
                Err(error) if error.depth() == 0 => return Err(error.into()),
                Err(error) => {
                    let path = error.path().unwrap_or(&start).to_owned();
                    self.skip(&path, format!("it could not be read: {error}"));
                    continue;
                }
            };
            match found.metadata() {
                Ok(data) => {
                    if let Some(entry) = self.entry(found.path(), &data)
                        && !each(entry)
                    {
                        break;
                    }
                }
                Err(error) => self.skip(found.path(), format!("it could not be read: {error}")),
            }
        }
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<Entry> {
        let whole = self.root.join(path);
        let data = fs::symlink_metadata(&whole)?;
        self.entry(&whole, &data).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it was passed over"))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(self.root.join(path))?))
    }

    fn completeness(&self) -> Completeness {
        Completeness::Copy
    }

    fn skipped(&self) -> Vec<Skipped> {
        self.skipped.lock().map(|skipped| skipped.iter().cloned().collect()).unwrap_or_default()
    }
}

/// A file in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// Modification time.
    pub modified: Option<Timestamp>,
}

/// A tree in memory, for tests and for callers that have the bytes already.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<PathBuf, MemoryFile>,
    dirs: BTreeSet<PathBuf>,
    whole: bool,
}

impl MemoryTree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares the tree to hold a whole volume.
    #[must_use]
    pub fn whole_volume(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Adds a file; `path` has forward slashes.
    pub fn add(&mut self, path: &str, file: MemoryFile) {
        let path = PathBuf::from(path);
        for dir in path.ancestors().skip(1) {
            self.dirs.insert(dir.to_owned());
        }
        self.files.insert(path, file);
    }

    fn entry(path: &Path, file: &MemoryFile) -> Entry {
        Entry {
            path: path.to_owned(),
            kind: Kind::File,
            size: file.bytes.len() as u64,
            created: file.created,
            modified: file.modified,
        }
    }
}

impl Tree for MemoryTree {
    fn list(&self, dir: &Path, each: &mut dyn FnMut(Entry) -> bool) -> io::Result<()> {
        let below = |path: &&PathBuf| path.parent() == Some(dir) && !path.as_os_str().is_empty();
        for path in self.dirs.iter().filter(below) {
            let entry = Entry { path: path.clone(), kind: Kind::Dir, size: 0, created: None, modified: None };
            if !each(entry) {
                return Ok(());
            }
        }
        for (path, file) in self.files.iter().filter(|(path, _)| path.parent() == Some(dir)) {
            if !each(Self::entry(path, file)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<Entry> {
        if let Some(file) = self.files.get(path) {
            return Ok(Self::entry(path, file));
        }
        if self.dirs.contains(path) {
            return Ok(Entry {
                path: path.to_owned(),
                kind: Kind::Dir,
                size: 0,
                created: None,
                modified: None,
            });
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let file = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(file.bytes.clone())))
    }

    fn completeness(&self) -> Completeness {
        if self.whole { Completeness::Volume } else { Completeness::Copy }
    }

    fn skipped(&self) -> Vec<Skipped> {
        Vec::new()
    }
}
