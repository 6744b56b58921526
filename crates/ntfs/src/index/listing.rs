//! All entries of a directory, in the order in which they stand on the volume.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Index, Node};
use crate::error::NtfsError;
use crate::name::{DirEntry, FileName, Namespace};
use crate::record::FileRef;

/// Bytes of index blocks that are read at once.
const CHUNK: u64 = 256 * 1024;

/// The entries of a directory; names that are only the 8.3 twin of another are left out.
///
/// Memory does not depend on the size of the directory. A damaged block is one error, and the next ones follow.
pub struct Listing {
    index: Index,
    all_names: bool,
    started: bool,
    next: u64,
    chunk: Vec<u8>,
    held: Range<u64>,
    ready: VecDeque<Result<DirEntry, NtfsError>>,
}

impl Listing {
    pub(crate) fn new(index: Index, all_names: bool) -> Self {
        Self {
            index,
            all_names,
            started: false,
            next: 0,
            chunk: Vec::new(),
            held: 0..0,
            ready: VecDeque::new(),
        }
    }

    /// Number of index blocks, for progress.
    pub fn blocks(&self) -> u64 {
        self.index.block_count()
    }

    fn block(&mut self, number: u64) -> Result<Vec<DirEntry>, (Vec<DirEntry>, NtfsError)> {
        let size = u64::from(self.index.block_size);
        let name = |error| NtfsError::reading(self.index.block_name(number))(error);
        if !self.index.is_used(number).map_err(|error| (Vec::new(), name(error)))? {
            return Ok(Vec::new());
        }
        if !self.held.contains(&number) {
            let count = (CHUNK / size).clamp(1, self.index.block_count() - number);
            self.chunk.resize((count * size) as usize, 0);
            self.held = number..number + count;
            if self.index.read_blocks(number, &mut self.chunk).is_err() {
                // One bad sector must not cost the whole chunk.
                self.chunk.truncate(size as usize);
                self.held = number..number + 1;
                if let Err(error) = self.index.read_blocks(number, &mut self.chunk) {
                    self.held = 0..0;
                    return Err((Vec::new(), NtfsError::reading(self.index.block_name(number))(error)));
                }
            }
        }
        let start = ((number - self.held.start) * size) as usize;
        let Some(data) = self.chunk.get_mut(start..start + size as usize) else { return Ok(Vec::new()) };
        self.index.check_block(number, data).map_err(|error| (Vec::new(), error))?;
        let node = self.index.node(number, data).map_err(|error| (Vec::new(), error))?;
        entries(&node, self.all_names, &self.index.block_name(number))
    }

    fn take(&mut self, found: Result<Vec<DirEntry>, (Vec<DirEntry>, NtfsError)>) {
        let (entries, error) = match found {
            Ok(entries) => (entries, None),
            Err((entries, error)) => (entries, Some(error)),
        };
        self.ready.extend(entries.into_iter().map(Ok));
        self.ready.extend(error.map(Err));
    }
}

/// The entries of one node, and the error that ended them.
fn entries(
    node: &Node<'_>,
    all_names: bool,
    what: &str,
) -> Result<Vec<DirEntry>, (Vec<DirEntry>, NtfsError)> {
    let mut found = Vec::new();
    for entry in node.entries() {
        match entry {
            Ok(entry) if entry.is_last => break,
            Ok(entry) => match FileName::parse(entry.key) {
                Some(name) if !all_names && name.namespace == Namespace::Dos => {}
                Some(name) => found.push(DirEntry::new(FileRef::from_bits(entry.head), name)),
                None => {
                    let error =
                        NtfsError::damaged(what, 0, "a file name", format!("{} bytes", entry.key.len()));
                    return Err((found, error));
                }
            },
            Err(error) => return Err((found, error)),
        }
    }
    Ok(found)
}

impl Iterator for Listing {
    type Item = Result<DirEntry, NtfsError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(entry);
            }
            let found = if !self.started {
                self.started = true;
                match self.index.root_node() {
                    Ok(node) => entries(&node, self.all_names, &self.index.what),
                    Err(error) => Err((Vec::new(), error)),
                }
            } else if self.next < self.index.block_count() {
                let number = self.next;
                self.next += 1;
                self.block(number)
            } else {
                return None;
            };
            self.take(found);
        }
    }
}
