//! An archive as evidence: one tree, shown under the path of the archive.

use std::sync::Arc;

use super::Mount;
use super::budget::Budget;
use crate::archive::manifest::ManifestLimits;
use crate::archive::{ArchiveKind, ArchiveTree, WithManifest};
use crate::container::{Container, ContainerKind};
use crate::evidence::OpenOptions;
use crate::handle::File;
use crate::skip::SkipReason;
use crate::tree::Tree;

/// Opens an archive; `None` when it cannot be opened, which is noted.
pub(super) fn open(file: &File, kind: ArchiveKind, options: &OpenOptions, budget: &Budget) -> Option<Mount> {
    let path = file.path();
    let log = file.parent().log();
    let refused = |why: String| log.note(path.clone(), SkipReason::NotOpened(why));
    let source = match budget.random(file) {
        Ok(source) => source,
        Err(why) => {
            refused(why);
            return None;
        }
    };
    let password = options.password.as_ref();
    let tree = match ArchiveTree::open(kind, source, path.name(), &options.archive, password) {
        Ok(tree) => tree,
        Err(error) => {
            refused(error.to_string());
            return None;
        }
    };
    let root = tree.root();
    let stands = |name: &str| matches!(tree.lookup(&root, name), Ok(Some(_)));
    if stands("container.description") && stands("information.turtle") {
        refused("an AFF4 image is not read: convert it to raw or E01".to_owned());
        return None;
    }
    if tree.encrypted() && password.is_none() {
        let what = if tree.is_encrypted_velociraptor() {
            "an encrypted Velociraptor collection"
        } else {
            "an encrypted archive"
        };
        refused(format!("{what}: give its password with --password-file"));
        return None;
    }
    let container = Container {
        path: path.clone(),
        kind: ContainerKind::Archive,
        format: format_of(kind, &tree),
        size: file.size,
        parts: Vec::new(),
        media_size: None,
        scheme: None,
        stored_md5: None,
        stored_sha1: None,
        notes: Vec::new(),
        damage: tree.notes().to_vec(),
        volumes: Vec::new(),
    };
    let tree = WithManifest::new(tree, &ManifestLimits::default());
    let trees: Vec<(_, Box<dyn Tree>)> = vec![(path, Box::new(tree))];
    Some(Mount { container: Arc::new(container), trees, image: None })
}

/// The format, as people call it.
fn format_of(kind: ArchiveKind, tree: &ArchiveTree) -> String {
    let name = match kind {
        ArchiveKind::Zip => "zip",
        ArchiveKind::Tar => "tar",
        ArchiveKind::Gzip => "gzip",
        ArchiveKind::Zstd => "zstd",
        ArchiveKind::SevenZ => "7z",
    };
    if tree.encrypted() { format!("{name} (encrypted)") } else { name.to_owned() }
}
