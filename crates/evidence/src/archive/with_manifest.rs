//! A tree with the times that a collector's own list has for its files.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::Arc;

use iiskeys_disk::ReadAt;

use super::manifest::{ManifestLimits, ManifestRow, parse_kape_copy_log, parse_uploads_json};
use crate::path::percent_decoded;
use crate::time::Timestamp;
use crate::tree::{
    Completeness, DeletedEntry, Detail, EntryKind, NodeId, Rows, Tree, TreeEntry, TreeKind, VolumeIdentity,
};

/// Folder levels below the top in which manifests are looked for.
const MAX_DEPTH: usize = 3;
/// Entries that are looked at for manifests.
const MAX_LOOKED_AT: u64 = 20_000;
/// Folders whose names are remembered while rows are matched.
const MAX_FOLDERS: usize = 4_096;

#[derive(Debug, Clone, Copy)]
struct Times {
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
}

/// A tree whose files have the times of the examined machine where a manifest knows them.
///
/// A row counts only when the file stands where the row says and has the size that the row states.
pub struct WithManifest<T> {
    tree: T,
    times: Arc<HashMap<NodeId, Times>>,
    creation_times: bool,
    manifests: usize,
    unreadable: u64,
}

impl<T: Tree> WithManifest<T> {
    /// Looks for manifests near the top of a tree and reads them.
    ///
    /// Without any the tree stays as it is. A manifest that cannot be read is left aside.
    pub fn new(tree: T, limits: &ManifestLimits) -> Self {
        let mut found =
            Self { tree, times: Arc::default(), creation_times: false, manifests: 0, unreadable: 0 };
        let mut times = HashMap::new();
        for (folder, file) in found.manifests() {
            found.read(&folder, &file, limits, &mut times);
        }
        found.creation_times = times.values().any(|times: &Times| times.created.is_some());
        found.times = Arc::new(times);
        found
    }

    /// How many manifests were read.
    pub fn manifest_count(&self) -> usize {
        self.manifests
    }

    /// How many of their lines could not be read.
    pub fn unreadable_lines(&self) -> u64 {
        self.unreadable
    }

    /// How many files got times from them.
    pub fn timed_files(&self) -> usize {
        self.times.len()
    }

    /// Folder and entry of each manifest, level by level.
    fn manifests(&self) -> Vec<(NodeId, TreeEntry)> {
        let mut level = vec![self.tree.root()];
        let mut found = Vec::new();
        let mut left = MAX_LOOKED_AT;
        for _ in 0..=MAX_DEPTH {
            let mut next = Vec::new();
            for folder in &level {
                let Ok(rows) = self.tree.list(folder, Detail::Kinds) else { continue };
                for row in rows.map_while(Result::ok) {
                    let Some(fewer) = left.checked_sub(1) else { return found };
                    left = fewer;
                    match row.kind {
                        EntryKind::File if is_manifest(&row.name) => found.push((folder.clone(), row)),
                        EntryKind::Dir if !row.linked => next.push(row.id),
                        _ => {}
                    }
                }
            }
            level = next;
        }
        found
    }

    fn read(
        &mut self,
        folder: &NodeId,
        file: &TreeEntry,
        limits: &ManifestLimits,
        times: &mut HashMap<NodeId, Times>,
    ) {
        let Ok(reader) = self.tree.open(&file.id) else { return };
        let velociraptor = is_uploads(&file.name);
        let parsed = if velociraptor {
            parse_uploads_json(reader, limits).map(Some)
        } else {
            parse_kape_copy_log(reader, limits)
        };
        let Ok(Some(mut parsed)) = parsed else { return };
        self.manifests += 1;
        self.unreadable += parsed.unreadable;
        parsed.rows.retain(|row| row.created.is_some() || row.modified.is_some());
        // Neighbours one behind the other: each folder is listed once.
        parsed.rows.sort_by(|a, b| a.original.names.cmp(&b.original.names));
        let mut places = Places { tree: &self.tree, folders: HashMap::new() };
        for row in &parsed.rows {
            let Some(entry) = places.entry(folder, row, velociraptor) else { continue };
            if row.size.is_none_or(|size| size == entry.size) {
                times.entry(entry.id).or_insert(Times { created: row.created, modified: row.modified });
            }
        }
    }

    fn timed(times: &HashMap<NodeId, Times>, mut entry: TreeEntry) -> TreeEntry {
        if entry.kind != EntryKind::File {
            return entry;
        }
        match times.get(&entry.id) {
            Some(times) => {
                entry.created = times.created.or(entry.created);
                entry.modified = times.modified.or(entry.modified);
            }
            // A volume that a collector wrote has the creation times of the collection.
            None if entry.record.is_some() && !times.is_empty() => entry.created = None,
            None => {}
        }
        entry
    }
}

fn is_uploads(name: &str) -> bool {
    name.eq_ignore_ascii_case("uploads.json")
}

pub(crate) fn is_manifest(name: &str) -> bool {
    is_uploads(name) || name.to_ascii_lowercase().ends_with("_copylog.csv")
}

/// Finds the files of rows, by names without regard to case and to the encoding of Velociraptor.
struct Places<'t, T> {
    tree: &'t T,
    folders: HashMap<NodeId, BTreeMap<String, TreeEntry>>,
}

impl<T: Tree> Places<'_, T> {
    fn entry(&mut self, folder: &NodeId, row: &ManifestRow, velociraptor: bool) -> Option<TreeEntry> {
        if !row.stored.is_empty() {
            let stored = self.walk(folder, row.stored.iter().map(String::as_str));
            if stored.is_some() {
                return stored;
            }
        }
        let drive = row.original.drive.map(String::from);
        let names = || row.original.names.iter().map(String::as_str);
        if !velociraptor {
            return self.walk(folder, drive.as_deref().into_iter().chain(names()));
        }
        let letter = format!("{}:", drive?);
        let device = format!("\\\\.\\{letter}");
        [("auto", &letter), ("file", &letter), ("ntfs", &device)].into_iter().find_map(|(accessor, top)| {
            self.walk(folder, ["uploads", accessor, top.as_str()].into_iter().chain(names()))
        })
    }

    fn walk<'n>(&mut self, folder: &NodeId, names: impl Iterator<Item = &'n str>) -> Option<TreeEntry> {
        let mut at = folder.clone();
        let mut names = names.peekable();
        while let Some(name) = names.next() {
            let entry = self.child(&at, name)?;
            match (names.peek(), &entry.kind) {
                (None, EntryKind::File) => return self.tree.complete(entry).ok(),
                (Some(_), EntryKind::Dir) => at = entry.id,
                _ => return None,
            }
        }
        None
    }

    fn child(&mut self, folder: &NodeId, name: &str) -> Option<TreeEntry> {
        if !self.folders.contains_key(folder) {
            if self.folders.len() >= MAX_FOLDERS {
                self.folders.clear();
            }
            let mut known = BTreeMap::new();
            for row in self.tree.list(folder, Detail::Kinds).ok()?.map_while(Result::ok) {
                let shown = percent_decoded(&row.name).unwrap_or_else(|| row.name.clone());
                known.entry(shown.to_lowercase()).or_insert(row);
            }
            self.folders.insert(folder.clone(), known);
        }
        self.folders.get(folder)?.get(&name.to_lowercase()).cloned()
    }
}

impl<T: Tree> Tree for WithManifest<T> {
    fn kind(&self) -> TreeKind {
        self.tree.kind()
    }

    fn creation_times_kept(&self) -> bool {
        self.creation_times || self.tree.creation_times_kept()
    }

    fn completeness(&self) -> Completeness {
        self.tree.completeness()
    }

    fn root(&self) -> NodeId {
        self.tree.root()
    }

    fn list(&self, dir: &NodeId, detail: Detail) -> io::Result<Rows> {
        let rows = self.tree.list(dir, detail)?;
        let times = Arc::clone(&self.times);
        Ok(Box::new(rows.map(move |row| row.map(|row| Self::timed(&times, row)))))
    }

    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>> {
        Ok(self.tree.lookup(dir, name)?.map(|entry| Self::timed(&self.times, entry)))
    }

    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry> {
        self.tree.complete(entry).map(|entry| Self::timed(&self.times, entry))
    }

    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>> {
        self.tree.open(file)
    }

    fn security(&self, node: &NodeId) -> io::Result<Option<Vec<u8>>> {
        self.tree.security(node)
    }

    fn random(&self, file: &NodeId, memory: u64) -> io::Result<Arc<dyn ReadAt>> {
        self.tree.random(file, memory)
    }

    fn is_unpacked(&self, file: &NodeId) -> bool {
        self.tree.is_unpacked(file)
    }

    fn sibling(&self, dir: &NodeId, name: &str, memory: u64) -> io::Result<Option<Arc<dyn ReadAt>>> {
        self.tree.sibling(dir, name, memory)
    }

    fn deleted(
        &self,
        dir: &NodeId,
        thorough: bool,
        wanted: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<DeletedEntry>> {
        self.tree.deleted(dir, thorough, wanted)
    }

    fn has_manifest(&self) -> bool {
        self.manifests > 0
    }

    fn notes(&self) -> Vec<String> {
        self.tree.notes()
    }

    fn identity(&self) -> Option<VolumeIdentity> {
        self.tree.identity()
    }

    fn read_head(&self, file: &NodeId, buffer: &mut [u8]) -> io::Result<usize> {
        self.tree.read_head(file, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryTree;

    fn file(tree: &impl Tree, path: &str) -> TreeEntry {
        let mut id = tree.root();
        let mut found = None;
        for name in path.split('/') {
            let entry = tree.lookup(&id, name).unwrap().expect(name);
            id = entry.id.clone();
            found = Some(entry);
        }
        found.unwrap()
    }

    #[test]
    fn files_get_the_times_of_their_manifests_when_the_size_agrees() {
        let uploads = concat!(
            r#"{"vfs_path":"C:\\Windows\\A","file_size":3,"Btime":"2019-03-04T05:06:07Z"}"#,
            "\n",
            r#"{"vfs_path":"\\\\.\\C:\\b","file_size":99,"Btime":"2019-03-04T05:06:07Z"}"#
        );
        let log = "CopiedTimestamp,SourceFile,FileSize,CreatedOnUtc,ModifiedOnUtc\n\
                   x,C:\\Windows\\k,4,2018-01-01 00:00:00.0000001,2018-01-02 00:00:00\n";
        let tree = MemoryTree::new()
            .with_creation_times(false)
            .file("case/uploads.json", uploads.as_bytes())
            .file("case/uploads/auto/C%3A/Windows/a", b"abc")
            .file("case/uploads/ntfs/%5C%5C.%5CC%3A/b", b"abc")
            .file("kape/2024_CopyLog.csv", log.as_bytes())
            .file("kape/C/Windows/k", b"four");
        let tree = WithManifest::new(tree, &ManifestLimits::default());
        assert_eq!((tree.manifest_count(), tree.timed_files(), tree.unreadable_lines()), (2, 2, 0));
        assert!(tree.creation_times_kept());
        let time = |path: &str| file(&tree, path).created.map(|time| time.to_string());
        assert_eq!(time("case/uploads/auto/C%3A/Windows/a").as_deref(), Some("2019-03-04T05:06:07Z"));
        assert_eq!(time("case/uploads/ntfs/%5C%5C.%5CC%3A/b"), None);
        assert_eq!(time("kape/C/Windows/k").as_deref(), Some("2018-01-01T00:00:00.0000001Z"));
    }

    #[test]
    fn a_tree_without_manifests_stays_as_it_is() {
        let plain = MemoryTree::new().with_creation_times(false).file("C/Windows/a", b"abc");
        let tree = WithManifest::new(plain, &ManifestLimits::default());
        assert_eq!(tree.manifest_count(), 0);
        assert!(!tree.creation_times_kept());
        assert_eq!(file(&tree, "C/Windows/a").size, 3);
    }
}
