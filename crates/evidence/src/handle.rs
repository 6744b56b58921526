//! Handles to directories and files of a tree: cheap to clone, read-only.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::time::Timestamp;
use crate::tree::{Completeness, Entry, Kind, Tree, shown};

/// A file or folder could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The operating system or the tree said no.
    #[error("{path}: {source}")]
    Io {
        /// Path relative to the evidence.
        path: String,
        /// What was said.
        source: io::Error,
    },
    /// The file is larger than the caller accepts.
    #[error("{path}: it has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// Path relative to the evidence.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

/// A directory.
#[derive(Clone)]
pub struct Dir {
    tree: Arc<dyn Tree>,
    path: PathBuf,
    prefix: Arc<str>,
}

/// A file.
#[derive(Clone)]
pub struct File {
    tree: Arc<dyn Tree>,
    prefix: Arc<str>,
    entry: Entry,
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory.
    Dir(Dir),
    /// A file.
    File(File),
}

impl std::fmt::Debug for Dir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Dir").field(&self.path()).finish()
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("File").field(&self.path()).finish()
    }
}

fn label(prefix: &str, path: &Path) -> String {
    let path = shown(path);
    match (prefix.is_empty(), path.is_empty()) {
        (true, _) => path,
        (false, true) => prefix.to_owned(),
        (false, false) => format!("{prefix}/{path}"),
    }
}

/// Turns `%3A` and the like into what they stand for, as Velociraptor writes names.
pub fn percent_decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = match tail {
            [high, low, ..] if first == b'%' => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

/// Whether two names are one on a Windows volume.
pub fn same_name(found: &str, wanted: &str) -> bool {
    found.eq_ignore_ascii_case(wanted)
        || (!found.is_ascii() && found.to_lowercase() == wanted.to_lowercase())
        || (found.contains('%') && percent_decoded(found).to_lowercase() == wanted.to_lowercase())
}

impl Dir {
    /// The root of a tree; `prefix` stands before its paths in everything that is shown.
    pub fn root(tree: Arc<dyn Tree>, prefix: &str) -> Self {
        Self { tree, path: PathBuf::new(), prefix: prefix.into() }
    }

    /// Path relative to the evidence, with forward slashes.
    pub fn path(&self) -> String {
        label(&self.prefix, &self.path)
    }

    /// The last component of the path; empty for a root.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// How much of a volume the directory's tree holds.
    pub fn completeness(&self) -> Completeness {
        self.tree.completeness()
    }

    /// The directory above; `None` for the root of the evidence.
    pub fn parent(&self) -> Option<Self> {
        let path = self.path.parent()?.to_owned();
        Some(Self { path, ..self.clone() })
    }

    /// Calls `each` for every entry, in no particular order, until it returns `false`.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self, each: &mut dyn FnMut(Node) -> bool) -> Result<(), ReadError> {
        self.tree
            .list(&self.path, &mut |entry| each(self.node(entry)))
            .map_err(|source| ReadError::Io { path: self.path(), source })
    }

    fn node(&self, entry: Entry) -> Node {
        match entry.kind {
            Kind::Dir => Node::Dir(Self { path: entry.path, ..self.clone() }),
            Kind::File => Node::File(File { tree: self.tree.clone(), prefix: self.prefix.clone(), entry }),
        }
    }

    /// The entry of that name, without regard to case.
    pub fn child(&self, name: &str) -> Option<Node> {
        if is_plain(name)
            && let Ok(entry) = self.tree.stat(&self.path.join(name))
        {
            return Some(self.node(entry));
        }
        let mut best: Option<Node> = None;
        let _ = self.list(&mut |node| {
            if same_name(&node.name(), name) && best.as_ref().is_none_or(|best| node.name() < best.name()) {
                best = Some(node);
            }
            true
        });
        best
    }

    /// What a Windows path below this directory leads to, without regard to case.
    pub fn resolve(&self, path: &str) -> Option<Node> {
        let mut node = Node::Dir(self.clone());
        for name in path.split('\\').filter(|name| !name.is_empty()) {
            let Node::Dir(dir) = node else { return None };
            node = dir.child(name)?;
        }
        Some(node)
    }

    /// The directory at a Windows path.
    pub fn dir(&self, path: &str) -> Option<Self> {
        match self.resolve(path)? {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        }
    }

    /// The file at a Windows path.
    pub fn file(&self, path: &str) -> Option<File> {
        match self.resolve(path)? {
            Node::File(file) => Some(file),
            Node::Dir(_) => None,
        }
    }
}

/// Whether a name is one component and nothing else, for every operating system.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}

impl Node {
    /// The last component of the path.
    pub fn name(&self) -> String {
        match self {
            Self::Dir(dir) => dir.name(),
            Self::File(file) => file.name().into_owned(),
        }
    }
}

impl File {
    /// The last component of the path; bytes that are not UTF-8 are replaced.
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        self.entry.name()
    }

    /// Path relative to the evidence, with forward slashes.
    pub fn path(&self) -> String {
        label(&self.prefix, &self.entry.path)
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.entry.size
    }

    /// Creation time, when the tree keeps the original ones.
    pub fn created(&self) -> Option<Timestamp> {
        self.entry.created
    }

    /// Modification time.
    pub fn modified(&self) -> Option<Timestamp> {
        self.entry.modified
    }

    /// The directory that holds it.
    pub fn parent(&self) -> Dir {
        let path = self.entry.path.parent().map(Path::to_owned).unwrap_or_default();
        Dir { tree: self.tree.clone(), path, prefix: self.prefix.clone() }
    }

    fn error(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path(), source }
    }

    /// The first bytes, at most `limit`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn head(&self, limit: usize) -> Result<Vec<u8>, ReadError> {
        let mut head = vec![0; limit];
        let mut reader = self.tree.open(&self.entry.path).map_err(|error| self.error(error))?;
        let mut filled = 0;
        while filled < limit {
            match reader.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(error)),
            }
        }
        head.truncate(filled);
        Ok(head)
    }

    /// All bytes and their SHA-256, read in one pass.
    ///
    /// # Errors
    /// When the file cannot be read or is larger than `limit` bytes.
    pub fn read(&self, limit: u64) -> Result<(Vec<u8>, [u8; 32]), ReadError> {
        let too_large = |size| ReadError::TooLarge { path: self.path(), size, limit };
        if self.entry.size > limit {
            return Err(too_large(self.entry.size));
        }
        let reader = self.tree.open(&self.entry.path).map_err(|error| self.error(error))?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.entry.size).unwrap_or(0));
        let mut hash = Sha256::new();
        // The file may have grown since it was listed; the limit holds all the same.
        let mut reader = reader.take(limit.saturating_add(1));
        let mut block = [0; 64 * 1024];
        loop {
            let more = match reader.read(&mut block) {
                Ok(0) => break,
                Ok(more) => more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.error(error)),
            };
            hash.update(&block[..more]);
            bytes.extend_from_slice(&block[..more]);
        }
        if bytes.len() as u64 > limit {
            return Err(too_large(bytes.len() as u64));
        }
        Ok((bytes, hash.finalize().into()))
    }
}
