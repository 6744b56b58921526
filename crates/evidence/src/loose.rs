//! What lies outside every drive root: flat folders, single files, things put beside a copied drive.

use std::collections::BTreeSet;

use crate::evidence::OpenOptions;
use crate::handle::{Dir, File, Node};
use crate::layout::{Found, STANDARD_NAMES};
use crate::path::{EvidencePath, same_name};
use crate::skip::SkipReason;

/// Folder levels below a given path in which loose files are looked for.
pub const MAX_LOOSE_DEPTH: usize = 12;
/// Entries looked at in all folders together.
pub const MAX_ENTRIES: u64 = 4_000_000;
/// Folders that wait to be looked into.
const MAX_PENDING: usize = 200_000;
/// Files handed out in a list; a folder with more is streamed by the caller.
pub const MAX_LISTED_FILES: usize = 4_000;

/// One folder outside every drive root.
#[derive(Debug, Clone)]
pub struct LooseDir {
    /// The folder.
    pub dir: Dir,
    /// Its files by name; empty when it is `large`.
    pub files: Vec<File>,
    /// It has more than [`MAX_LISTED_FILES`] files: stream [`Dir::entries`].
    pub large: bool,
    /// It is a drive root itself, or stands directly in one under a name that Windows does not use: what somebody put
    /// beside a copied drive, or a folder of that drive.
    pub beside_root: bool,
}

/// Walks the loose folders in the order of their paths.
pub(crate) struct LooseDirs {
    pending: Vec<Place>,
    roots: BTreeSet<EvidencePath>,
    plain_roots: BTreeSet<EvidencePath>,
    depth: usize,
    budget: u64,
    entries: u64,
}

struct Place {
    dir: Dir,
    depth: usize,
    /// Levels that may still be descended below a drive root.
    beside_root: bool,
}

impl LooseDirs {
    pub(crate) fn new(tops: &[Dir], found: &Found, options: &OpenOptions) -> Self {
        let paths = |dirs: &[Dir]| dirs.iter().map(|dir| dir.path().clone()).collect();
        let mut pending: Vec<Place> =
            tops.iter().map(|dir| Place { dir: dir.clone(), depth: 0, beside_root: false }).collect();
        pending.sort_by(|a, b| b.dir.path().cmp(a.dir.path()));
        Self {
            pending,
            roots: paths(&found.roots),
            plain_roots: paths(&found.plain_roots),
            depth: options.loose_depth,
            budget: options.entries,
            entries: options.entries,
        }
    }

    /// The folder's own files; queues the folders in it.
    fn look(&mut self, place: &Place) -> Option<LooseDir> {
        let dir = &place.dir;
        let is_root = self.plain_roots.contains(dir.path());
        let note = |path: &EvidencePath, reason| dir.log().note(path.clone(), reason);
        let entries = dir.names().map_err(|error| note(error.path(), error.reason())).ok()?;
        let mut files = Vec::new();
        let mut subs = Vec::new();
        let mut large = false;
        for entry in entries {
            if self.budget == 0 {
                note(dir.path(), SkipReason::TooManyEntries(self.entries));
                break;
            }
            self.budget -= 1;
            match entry {
                Ok(Node::File(file)) if files.len() < MAX_LISTED_FILES => files.push(file),
                Ok(Node::File(_)) => large = true,
                Ok(Node::Dir(sub)) if self.is_wanted(&sub, place, is_root) => subs.push(sub),
                Ok(Node::Dir(_)) => {}
                Err(error) => note(error.path(), error.reason()),
            }
        }
        if place.depth >= self.depth && !subs.is_empty() {
            note(dir.path(), SkipReason::TooDeep(self.depth));
        } else {
            self.queue(subs, place.depth + 1, is_root, dir);
        }
        if large {
            files = Vec::new();
        }
        let mut files: Vec<File> = files
            .into_iter()
            .filter_map(|file| file.complete().map_err(|error| note(error.path(), error.reason())).ok())
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Some(LooseDir { dir: dir.clone(), files, large, beside_root: is_root || place.beside_root })
    }

    fn is_wanted(&self, sub: &Dir, place: &Place, in_root: bool) -> bool {
        if sub.is_linked() || place.beside_root {
            return false;
        }
        let of_drive = in_root && STANDARD_NAMES.iter().any(|name| same_name(name, &sub.name()));
        !of_drive && (!self.roots.contains(sub.path()) || self.plain_roots.contains(sub.path()))
    }

    fn queue(&mut self, mut subs: Vec<Dir>, depth: usize, beside_root: bool, parent: &Dir) {
        let room = MAX_PENDING.saturating_sub(self.pending.len());
        subs.sort_by(|a, b| b.path().cmp(a.path()));
        if subs.len() > room {
            parent.log().note(parent.path().clone(), SkipReason::TooManyEntries(MAX_PENDING as u64));
            subs.drain(..subs.len() - room);
        }
        self.pending.extend(subs.into_iter().map(|dir| Place { dir, depth, beside_root }));
    }
}

impl Iterator for LooseDirs {
    type Item = LooseDir;

    fn next(&mut self) -> Option<LooseDir> {
        while let Some(place) = self.pending.pop() {
            // A drive that a collector named (`C`, `C%3A`) holds the drive's own files only.
            let path = place.dir.path();
            if self.roots.contains(path) && !self.plain_roots.contains(path) {
                continue;
            }
            if let Some(found) = self.look(&place) {
                return Some(found);
            }
        }
        None
    }
}
