//! A folder, or one file, on the analyst's machine.
//!
//! Nothing is ever written. Pipes, sockets and devices are not opened. Symbolic links are followed only when their
//! target stays inside the folder that was given.

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iiskeys_disk::{FileSource, FolderSiblings, ReadAt, Siblings};
use walkdir::WalkDir;

use crate::skip::SkipReason;
use crate::time::Timestamp;
use crate::tree::{Completeness, Detail, EntryKind, NodeId, Rows, Tree, TreeEntry, TreeKind, fill, sibling};

/// A real folder, or a single file shown as a folder that holds it alone.
#[derive(Clone)]
pub struct FolderTree {
    /// Canonical path of the folder; the single file's own path when `single` is set.
    root: Arc<Path>,
    single: bool,
}

impl FolderTree {
    /// The folder or file at `path`.
    ///
    /// # Errors
    /// When there is nothing at `path` or it cannot be read, or when it is neither a folder nor a file.
    pub fn new(path: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(path)?;
        let kind = fs::metadata(&root)?.file_type();
        if kind.is_dir() {
            // A folder without read permission is refused here, where the user's own path can still be named.
            fs::read_dir(&root)?;
        } else if kind.is_file() {
            fs::File::open(&root)?;
        } else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "neither a file nor a folder"));
        }
        Ok(Self { root: root.into(), single: kind.is_file() })
    }

    /// The canonical path, to compare arguments with; never shown.
    pub(crate) fn canonical(&self) -> &Path {
        &self.root
    }
}

impl Tree for FolderTree {
    fn kind(&self) -> TreeKind {
        if self.single { TreeKind::SingleFile } else { TreeKind::Folder }
    }

    fn creation_times_kept(&self) -> bool {
        false
    }

    fn completeness(&self) -> Completeness {
        Completeness::Copy
    }

    fn root(&self) -> NodeId {
        NodeId::Path(self.root.to_path_buf())
    }

    fn list(&self, dir: &NodeId, detail: Detail) -> io::Result<Rows> {
        let path = path_of(dir)?;
        if self.single {
            let row = single_row(path)?;
            return Ok(Box::new(std::iter::once(Ok(row))));
        }
        let root = Arc::clone(&self.root);
        let mut rows = WalkDir::new(path).min_depth(1).max_depth(1).into_iter();
        // A folder that cannot be listed is its own first row.
        let first = match rows.next() {
            Some(Err(error)) if error.path() == Some(path) => return Err(bare(error)),
            first => first,
        };
        Ok(Box::new(first.into_iter().chain(rows).map(move |row| {
            let row = row.map_err(bare)?;
            let kind = row.file_type();
            let name = shown(row.file_name());
            if kind.is_symlink() {
                return Ok(follow(&root, row.into_path(), name));
            }
            let metadata =
                if detail == Detail::Full && kind.is_file() { Some(row.metadata()?) } else { None };
            Ok(describe(row.into_path(), name, kind, metadata.as_ref()))
        })))
    }

    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>> {
        let path = path_of(dir)?;
        if self.single {
            return single_row(path).map(|row| Some(row).filter(|row| row.name == name));
        }
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
            return Ok(None);
        }
        let path = path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => Ok(Some(follow(&self.root, path, name.to_owned()))),
            Ok(found) => Ok(Some(describe(path, name.to_owned(), found.file_type(), Some(&found)))),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry> {
        if entry.kind != EntryKind::File {
            return Ok(entry);
        }
        let metadata = fs::metadata(path_of(&entry.id)?)?;
        Ok(TreeEntry { size: metadata.len(), modified: modified(&metadata), ..entry })
    }

    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(path_of(file)?)?))
    }

    fn random(&self, file: &NodeId, _memory: u64) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(FileSource::open(path_of(file)?)?))
    }

    fn sibling(&self, dir: &NodeId, name: &str, memory: u64) -> io::Result<Option<Arc<dyn ReadAt>>> {
        if self.single {
            // The user gave one file of several; those that belong to it stand beside it.
            return FolderSiblings::of(path_of(dir)?, &[]).open(name);
        }
        sibling(self, dir, name, memory)
    }

    fn read_head(&self, file: &NodeId, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len();
        let mut file = fs::File::open(path_of(file)?)?;
        // One call is enough for a file that is shorter than the buffer or was read in one go.
        let count = file.read(buffer)?;
        match buffer.get_mut(count..) {
            Some(rest) if count > 0 && count < wanted => Ok(count + fill(&mut file, rest)?),
            _ => Ok(count),
        }
    }
}

fn path_of(id: &NodeId) -> io::Result<&Path> {
    match id {
        NodeId::Path(path) => Ok(path),
        NodeId::Number(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "an identity of another tree")),
    }
}

/// Errors that mean "there is no such name", among them names that the analyst's file system cannot hold.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
    )
}

/// The system's own error: walkdir's text holds the analyst's path.
fn bare(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())
}

fn shown(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

fn single_row(path: &Path) -> io::Result<TreeEntry> {
    let metadata = fs::metadata(path)?;
    let name = path.file_name().map(shown).unwrap_or_default();
    Ok(describe(path.to_path_buf(), name, metadata.file_type(), Some(&metadata)))
}

fn describe(path: PathBuf, name: String, kind: FileType, metadata: Option<&Metadata>) -> TreeEntry {
    let kind = if kind.is_dir() {
        EntryKind::Dir
    } else if kind.is_file() {
        EntryKind::File
    } else {
        EntryKind::Refused(SkipReason::Special)
    };
    let of_file = metadata.filter(|_| kind == EntryKind::File);
    TreeEntry {
        id: NodeId::Path(path),
        name,
        linked: false,
        size: of_file.map_or(0, Metadata::len),
        created: None,
        modified: of_file.and_then(modified),
        record: None,
        kind,
    }
}

/// What a symbolic link leads to, if that stays inside `root`.
fn follow(root: &Path, link: PathBuf, name: String) -> TreeEntry {
    // The system bounds the links that it follows here, so a circle ends in an error.
    let found = fs::canonicalize(&link).and_then(|target| Ok((fs::metadata(&target)?, target)));
    let refused = match found {
        Ok((metadata, target)) if target.starts_with(root) => {
            let entry = describe(target, name, metadata.file_type(), Some(&metadata));
            return TreeEntry { linked: true, ..entry };
        }
        Ok(_) => SkipReason::LinkLeadsOut,
        // The target was not opened, only looked at; a place that the analyst may not see is outside as well.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => SkipReason::LinkLeadsOut,
        Err(_) => SkipReason::LinkBroken,
    };
    TreeEntry {
        id: NodeId::Path(link),
        name,
        kind: EntryKind::Refused(refused),
        linked: true,
        size: 0,
        created: None,
        modified: None,
        record: None,
    }
}

fn modified(metadata: &Metadata) -> Option<Timestamp> {
    metadata.modified().ok().and_then(Timestamp::from_system_time)
}

#[cfg(test)]
mod tests;
