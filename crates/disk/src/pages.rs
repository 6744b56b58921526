//! Tables of an image file, read on demand in pages that the shared cache keeps.

use std::io;
use std::sync::Arc;

use crate::cache::BlockCache;
use crate::error::bad_data;
use crate::read_at::ReadAt;

/// Small enough that a random read does not load a whole table, large enough that a sequential one finds most of its
/// entries in the page before.
const PAGE: u64 = 4096;

/// Random access to the table entries of one file.
pub(crate) struct Pages {
    source: Arc<dyn ReadAt>,
    cache: Arc<BlockCache>,
    owner: u32,
}

impl Pages {
    pub(crate) fn new(source: Arc<dyn ReadAt>, cache: Arc<BlockCache>) -> Self {
        let owner = cache.owner();
        Self { source, cache, owner }
    }

    /// The big-endian 64 bits at `offset`.
    pub(crate) fn be64(&self, offset: u64) -> io::Result<u64> {
        self.array(offset).map(u64::from_be_bytes)
    }

    /// The little-endian 32 bits at `offset`.
    pub(crate) fn le32(&self, offset: u64) -> io::Result<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    fn array<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        let mut found = [0; N];
        self.read(offset, &mut found)?;
        Ok(found)
    }

    /// Fills `buf`, over as many pages as it takes.
    ///
    /// # Errors
    /// When the file ends before, or cannot be read.
    pub(crate) fn read(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let page = self.page(offset / PAGE)?;
            let inside = usize::try_from(offset % PAGE).unwrap_or_default();
            let have = page.get(inside..).filter(|have| !have.is_empty()).ok_or_else(|| {
                bad_data(format!(
                    "a table entry at byte {offset} lies behind the end of the file ({})",
                    self.source.len()
                ))
            })?;
            let count = have.len().min(buf.len());
            let (now, later) = std::mem::take(&mut buf).split_at_mut_checked(count).unwrap_or_default();
            now.copy_from_slice(have.get(..count).unwrap_or_default());
            buf = later;
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }

    fn page(&self, index: u64) -> io::Result<Arc<[u8]>> {
        self.cache.get(self.owner, index, || {
            let mut page = vec![0; PAGE as usize];
            let offset = index.saturating_mul(PAGE);
            let count = self.source.read_at(offset, &mut page)?;
            page.truncate(count);
            Ok(page)
        })
    }
}
