//! Directories and paths.

use std::cmp::Ordering;

use crate::error::NtfsError;
use crate::file::File;
use crate::index::{I30, Index, Listing};
use crate::name::{DirEntry, FileName, REPARSE};
use crate::record::FileRef;
use crate::reparse::{MOUNT_POINT, SYMLINK, Target};
use crate::volume::Volume;

/// Most links that one path may lead over.
pub const MAX_HOPS: u32 = 16;
/// Most names of a path; Windows paths have at most 32,767 units.
const MAX_NAMES: usize = 16 * 1024;

impl Volume {
    fn index(&self, dir: FileRef) -> Result<Index, NtfsError> {
        let file = self.file(dir)?;
        if !file.is_directory() {
            return Err(NtfsError::damaged(
                format!("MFT record {}", dir.record),
                0x16,
                "a directory",
                "a file",
            ));
        }
        Index::open(self, &file, &I30)
    }

    /// The entries of a directory.
    ///
    /// # Errors
    /// When it is no directory, or its index cannot be found. Errors of single blocks are items of the listing.
    pub fn list(&self, dir: FileRef) -> Result<Listing, NtfsError> {
        Ok(Listing::new(self.index(dir)?, false))
    }

    /// The index of a directory for looks behind its entries.
    pub(crate) fn directory_index(&self, file: &File) -> Result<Index, NtfsError> {
        Index::open(self, file, &I30)
    }

    /// The entry of a directory with this name, long or 8.3, as Windows compares names.
    ///
    /// Where two names differ in case only, the exact one is found. A damaged index is searched from end to end
    /// instead, and noted.
    ///
    /// # Errors
    /// When it is no directory, its index cannot be found, or it is damaged and what can be read has no such name.
    pub fn lookup(&self, dir: FileRef, name: &str) -> Result<Option<DirEntry>, NtfsError> {
        let index = self.index(dir)?;
        let wanted: Vec<u16> = name.encode_utf16().collect();
        let upcase = self.upcase();
        let compare = |key: &[u8]| {
            let key = FileName::parse(key)?.name_utf16;
            Some(match upcase.compare(&key, &wanted) {
                Ordering::Equal => key.cmp(&wanted),
                other => other,
            })
        };
        let mut best: Option<DirEntry> = None;
        let mut offer = |entry: DirEntry| {
            if upcase.same(&entry.name_utf16, &wanted)
                && best.as_ref().is_none_or(|best| best.name_utf16 != wanted && entry.name_utf16 == wanted)
            {
                best = Some(entry);
            }
        };
        let searched = index.search(&compare, &mut |entry| {
            if let Some(name) = FileName::parse(entry.key) {
                offer(DirEntry::new(FileRef::from_bits(entry.head), name));
            }
        });
        let Err(error) = searched else { return Ok(best) };
        self.note(format!("a directory was searched from end to end: {error}"));
        let mut last = None;
        for entry in Listing::new(index, true) {
            match entry {
                Ok(entry) => offer(entry),
                Err(error) => last = Some(error),
            }
        }
        match (best, last) {
            // The name may stand in the part that cannot be read.
            (None, Some(error)) => Err(error),
            (best, _) => Ok(best),
        }
    }

    /// The file that a path leads to, over links on this volume. A drive letter in front is the one of this volume.
    ///
    /// # Errors
    /// When a link leads to another volume or in a circle, or a directory on the way cannot be read.
    pub fn resolve(&self, path: &str) -> Result<Option<DirEntry>, NtfsError> {
        let own = drive(path);
        let mut rest: Vec<String> = names(strip_drive(path)).rev().collect();
        let mut stack: Vec<DirEntry> = Vec::new();
        let mut hops = 0;
        while let Some(name) = rest.pop() {
            if name == ".." {
                stack.pop();
                continue;
            }
            if rest.len() + stack.len() > MAX_NAMES {
                return Err(NtfsError::Loop { path: path.to_owned(), hops });
            }
            let dir = stack.last().map_or(self.root(), |entry| entry.file);
            if stack.last().is_some_and(|entry| !entry.is_directory() && !self.is_directory(entry)) {
                return Ok(None);
            }
            let Some(entry) = self.lookup(dir, &name)? else { return Ok(None) };
            let is_link = entry.attributes & REPARSE != 0
                && entry.reparse_tag.is_none_or(|tag| tag == 0 || tag == MOUNT_POINT || tag == SYMLINK);
            let target =
                if is_link { self.file(entry.file)?.reparse()?.map(|reparse| reparse.target) } else { None };
            let Some(Target::Link { path: target, relative }) = target else {
                stack.push(entry);
                continue;
            };
            hops += 1;
            if hops > MAX_HOPS {
                return Err(NtfsError::Loop { path: path.to_owned(), hops: MAX_HOPS });
            }
            let inside = if relative {
                // A relative link that starts with a slash starts from the root of its volume.
                if target.starts_with('\\') {
                    stack.clear();
                }
                target.as_str()
            } else {
                stack.clear();
                own_path(&target, own).ok_or_else(|| {
                    let at: Vec<&str> =
                        stack.iter().map(|entry| entry.name.as_str()).chain([name.as_str()]).collect();
                    NtfsError::OtherVolume { path: at.join("\\"), target: target.clone() }
                })?
            };
            rest.extend(names(inside).rev());
        }
        match stack.pop() {
            Some(entry) => Ok(Some(entry)),
            None => {
                let root = self.file(self.root())?;
                Ok(root.names()?.into_iter().next().map(|name| DirEntry::new(root.reference(), name)))
            }
        }
    }

    /// Index entries of old volumes may lack the flag.
    fn is_directory(&self, entry: &DirEntry) -> bool {
        self.file(entry.file).is_ok_and(|file| file.is_directory())
    }
}

/// The names of a path.
fn names(path: &str) -> impl DoubleEndedIterator<Item = String> {
    path.split(['/', '\\']).filter(|name| !name.is_empty() && *name != ".").map(str::to_owned)
}

/// The drive letter in front of a path; the system volume's when there is none.
fn drive(path: &str) -> char {
    let mut chars = path.chars();
    match (chars.next(), chars.next()) {
        (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => letter.to_ascii_uppercase(),
        _ => 'C',
    }
}

fn strip_drive(path: &str) -> &str {
    let mut chars = path.chars();
    match (chars.next(), chars.next()) {
        (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => chars.as_str(),
        _ => path,
    }
}

/// What follows the drive letter `own` in an absolute target; `None` when the target is elsewhere.
fn own_path(target: &str, own: char) -> Option<&str> {
    let path = [r"\??\", r"\\?\", r"\DosDevices\"].iter().find_map(|prefix| target.strip_prefix(prefix));
    let path = path.unwrap_or(target);
    let mut chars = path.chars();
    let letter = chars.next().filter(|letter| letter.eq_ignore_ascii_case(&own))?;
    let rest = path.strip_prefix(letter)?.strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with(['\\', '/'])).then_some(rest)
}
