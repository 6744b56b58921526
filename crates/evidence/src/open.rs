//! One or more paths of one machine, opened together.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::handle::{Dir, Node};
use crate::layout::{Layout, LooseFolder, System, Volume, discover, systems};
use crate::tree::{FolderTree, Skipped, Tree};

/// Evidence could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No path was given.
    #[error("no evidence was given: name a folder or a file")]
    Nothing,
    /// A path cannot be opened.
    #[error("{path}: expected a readable folder or file, found: {source}; check the path and its permissions", path = .path.display())]
    Path {
        /// The path as given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Evidence of one machine.
pub struct Evidence {
    trees: Vec<(Arc<dyn Tree>, String)>,
    volumes: Vec<Volume>,
    loose: Vec<LooseFolder>,
    notes: Vec<Skipped>,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence").field("volumes", &self.volumes).finish_non_exhaustive()
    }
}

impl Evidence {
    /// Opens paths of one machine: folders or single files. Nothing is written anywhere.
    ///
    /// # Errors
    /// When no path is given, or one is not there or not readable.
    pub fn open(paths: &[PathBuf]) -> Result<Self, OpenError> {
        let mut seen = BTreeSet::new();
        let mut trees: Vec<(Arc<dyn Tree>, String)> = Vec::new();
        let several = paths.len() > 1;
        let mut names = BTreeSet::new();
        for path in paths {
            let error = |source| OpenError::Path { path: path.clone(), source };
            let whole = std::fs::canonicalize(path).map_err(error)?;
            if !seen.insert(whole) {
                continue;
            }
            let tree = FolderTree::open(path).map_err(error)?;
            let prefix =
                if several && tree.single().is_none() { unique(path, &mut names) } else { String::new() };
            trees.push((Arc::new(tree), prefix));
        }
        if trees.is_empty() {
            return Err(OpenError::Nothing);
        }
        Ok(Self::of(trees))
    }

    /// Evidence from a tree that the caller has.
    pub fn from_tree(tree: Arc<dyn Tree>) -> Self {
        Self::of(vec![(tree, String::new())])
    }

    fn of(trees: Vec<(Arc<dyn Tree>, String)>) -> Self {
        let mut layout = Layout::default();
        for (tree, prefix) in &trees {
            discover(&Dir::root(tree.clone(), prefix), &mut layout);
        }
        layout.volumes.sort_by_key(Volume::label);
        layout.loose.sort_by_key(|folder| folder.dir.path());
        let notes = layout.skipped.into_iter().map(|(path, reason)| Skipped { path, reason }).collect();
        Self { trees, volumes: layout.volumes, loose: layout.loose, notes }
    }

    /// Drive roots, sorted by path.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// Installed systems, sorted by path.
    pub fn systems(&self) -> Vec<System> {
        systems(&self.volumes)
    }

    /// Folders outside every drive root that hold files, sorted by path.
    pub fn loose(&self) -> &[LooseFolder] {
        &self.loose
    }

    /// Whether the evidence holds any file or folder at all.
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.loose.is_empty()
    }

    /// What was passed over so far, sorted by path.
    pub fn skipped(&self) -> Vec<Skipped> {
        let mut all = self.notes.clone();
        for (tree, prefix) in &self.trees {
            all.extend(tree.skipped().into_iter().map(|skipped| {
                let path =
                    if prefix.is_empty() { skipped.path } else { format!("{prefix}/{}", skipped.path) };
                Skipped { path, ..skipped }
            }));
        }
        all.sort();
        all.dedup();
        all
    }
}

/// The last component of a path, made different from the others.
fn unique(path: &Path, names: &mut BTreeSet<String>) -> String {
    let base =
        path.file_name().map_or_else(|| "evidence".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut name = base.clone();
    let mut number = 2;
    while !names.insert(name.clone()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

impl Volume {
    /// Whether a Windows path below the root is a junction to a place that is looked at under its own name.
    ///
    /// Copying tools turn the junctions of Windows Vista and later into folders of their own.
    pub fn is_junction_duplicate(&self, path: &str) -> bool {
        let path = path.trim_matches('\\').to_ascii_lowercase();
        let modern = matches!(self.resolve("ProgramData"), Some(Node::Dir(_)));
        modern
            && [
                "documents and settings",
                "users\\all users",
                "programdata\\application data",
                "programdata\\documents",
            ]
            .iter()
            .any(|junction| path == *junction || path.starts_with(&format!("{junction}\\")))
    }
}
