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
        let path = if regular(&exact) {
            Some(exact)
        } else {
            let beside = std::fs::read_dir(&self.folder)?
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .filter(|path| called(path) && regular(path))
                .min();
            beside.or_else(|| self.named.iter().find(|path| called(path)).cloned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_and_named_ones_are_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("case");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("Disk.E02"), b"two").unwrap();
        std::fs::write(root.path().join("secret"), b"no").unwrap();
        std::fs::write(root.path().join("parent.vhd"), b"parent").unwrap();
        let siblings = FolderSiblings::of(&folder.join("disk.e01"), &[]);
        let len = |name: &str| siblings.open(name).unwrap().map(|source| source.len());
        assert_eq!(len("Disk.E02"), Some(3));
        assert_eq!(len("disk.e02"), Some(3));
        for name in ["../secret", "..", ".", "", "missing", "C:secret"] {
            assert_eq!(len(name), None, "{name}");
        }
        let named = FolderSiblings::of(&folder.join("disk.e01"), &[root.path().join("parent.vhd")]);
        assert_eq!(named.open("PARENT.vhd").unwrap().unwrap().len(), 6);
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_does_not_lead_out() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("case");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(root.path().join("secret"), b"no").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), folder.join("disk.E02")).unwrap();
        assert!(FolderSiblings::of(&folder.join("disk.E01"), &[]).open("disk.E02").unwrap().is_none());
    }

    #[test]
    fn a_path_of_another_machine_is_cut_to_its_last_part() {
        assert_eq!(bare_name("C:\\vm\\base.vhdx"), "base.vhdx");
        assert_eq!(bare_name("../../etc/passwd"), "passwd");
        assert_eq!(bare_name("plain"), "plain");
    }
}
