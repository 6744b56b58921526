//! The only way from one image file to another: by its bare name, in the folder that the image stands in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::read_at::{FileSource, ReadAt};

/// Finds segments, extents, parents and backing files of an image.
///
/// Images name other files with whole paths of the machine that made them. Only the last part counts here, so that an
/// image cannot have a file of the analyst's machine read.
pub trait Siblings: Send + Sync {
    /// Opens the file of this bare name; `None` when there is none.
    ///
    /// Windows made most images: a name that differs in ASCII case only is the same file when the exact one is missing.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>>;
}

/// No other file may be opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSiblings;

impl Siblings for NoSiblings {
    fn open(&self, _name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(None)
    }
}

/// The files of one folder of the analyst's machine, and files that the user named himself.
#[derive(Debug, Clone)]
pub struct FolderSiblings {
    folder: PathBuf,
    named: Vec<PathBuf>,
}

impl FolderSiblings {
    /// The folder that `image` stands in, and the files `named` wherever they stand.
    pub fn of(image: &Path, named: &[PathBuf]) -> Self {
        let folder = image.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { folder: folder.to_path_buf(), named: named.to_vec() }
    }
}

impl Siblings for FolderSiblings {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0', ':']) {
            return Ok(None);
        }
        let called = |path: &Path| path.file_name().is_some_and(|n| n.eq_ignore_ascii_case(name));
        let exact = self.folder.join(name);
        let path = if let Some(path) = self.named.iter().find(|path| called(path)) {
            Some(path.clone())
        } else if regular(&exact) {
            Some(exact)
        } else {
            std::fs::read_dir(&self.folder)?
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .filter(|path| called(path) && regular(path))
                .min()
        };
        match path {
            Some(path) => Ok(Some(Arc::new(FileSource::open(&path)?))),
            None => Ok(None),
        }
    }
}

/// A symbolic link could lead out of the folder, a pipe could block.
fn regular(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// The last part of a path written with either slash.
pub fn bare_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
