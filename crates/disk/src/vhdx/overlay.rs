//! A file with the changes of its log over it, as it would be after the log was written out.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::read_at::ReadAt;

/// Bytes of the pages in which the log holds changes.
pub(super) const PAGE: u64 = 4096;

/// What a run of the file was changed to.
#[derive(Debug, Clone)]
enum Change {
    Zeros,
    Page(Arc<[u8]>),
}

/// The source with changes; all of them begin and end at whole pages.
pub(super) struct Overlay {
    source: Arc<dyn ReadAt>,
    len: u64,
    /// By start, with the end; no two overlap.
    changes: BTreeMap<u64, (u64, Change)>,
}

impl Overlay {
    pub(super) fn new(source: Arc<dyn ReadAt>) -> Self {
        Self { len: source.len(), source, changes: BTreeMap::new() }
    }

    /// Makes the file at least `len` bytes long, with zeros where it was shorter.
    pub(super) fn extend(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    pub(super) fn page(&mut self, offset: u64, page: Vec<u8>) {
        self.put(offset, offset.saturating_add(PAGE), Change::Page(page.into()));
    }

    pub(super) fn zeros(&mut self, offset: u64, len: u64) {
        self.put(offset, offset.saturating_add(len), Change::Zeros);
    }

    fn put(&mut self, start: u64, end: u64, change: Change) {
        if start >= end {
            return;
        }
        while let Some((&from, (to, _))) = self.changes.range(..end).next_back()
            && *to > start
        {
            let to = *to;
            // Only a run of zeros can stand out on either side: pages are covered whole.
            self.changes.remove(&from);
            if to > end {
                self.changes.insert(end, (to, Change::Zeros));
            }
            if from < start {
                self.changes.insert(from, (start, Change::Zeros));
            }
        }
        self.changes.insert(start, (end, change));
    }
}

impl ReadAt for Overlay {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let Some(wanted) = buf.get_mut(..room).filter(|wanted| !wanted.is_empty()) else { return Ok(0) };
        let filled = self.source.read_at(offset, wanted)?;
        wanted.get_mut(filled..).unwrap_or_default().fill(0);
        let end = offset + room as u64;
        let before = self.changes.range(..=offset).next_back();
        let inside = self.changes.range(offset.saturating_add(1)..end.max(offset.saturating_add(1)));
        for (&from, (to, change)) in before.into_iter().chain(inside) {
            let (start, stop) = (from.max(offset), (*to).min(end));
            if start >= stop {
                continue;
            }
            let at = |position: u64, base: u64| usize::try_from(position - base).unwrap_or(usize::MAX);
            let Some(target) = wanted.get_mut(at(start, offset)..at(stop, offset)) else { continue };
            match change {
                Change::Zeros => target.fill(0),
                Change::Page(page) => {
                    if let Some(bytes) = page.get(at(start, from)..at(stop, from)) {
                        target.copy_from_slice(bytes);
                    }
                }
            }
        }
        Ok(room)
    }
}
