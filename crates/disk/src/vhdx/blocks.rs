//! The disk's bytes, found through the block table.

use std::io;
use std::sync::Arc;

use crate::chain::read_parent;
use crate::error::bad_data;
use crate::image::Context;
use crate::pages::Pages;
use crate::read_at::ReadAt;
use crate::sparse::{block_by_block, run_by_run, stored};

use super::FORMAT;
use super::metadata::Metadata;
use super::region::Region;

/// Where file offsets in the table are counted in.
const OFFSET_MASK: u64 = !0xf_ffff;

/// A dynamic, fixed or differencing disk.
pub(super) struct Blocks {
    source: Arc<dyn ReadAt>,
    tables: Pages,
    bat: Region,
    block_size: u64,
    sector_size: u64,
    ratio: u64,
    size: u64,
    parent: Option<Arc<dyn ReadAt>>,
}

impl Blocks {
    pub(super) fn new(
        source: Arc<dyn ReadAt>,
        context: &Context,
        metadata: &Metadata,
        bat: Region,
        parent: Option<Arc<dyn ReadAt>>,
    ) -> Self {
        Self {
            tables: Pages::new(Arc::clone(&source), Arc::clone(&context.cache)),
            source,
            bat,
            block_size: u64::from(metadata.block_size),
            sector_size: u64::from(metadata.sector_size),
            ratio: metadata.chunk_ratio(),
            size: metadata.size,
            parent,
        }
    }

    /// State and file offset of an entry.
    fn entry(&self, index: u64) -> io::Result<(u64, u64)> {
        if index >= u64::from(self.bat.length) / 8 {
            return Err(bad_data(format!("{FORMAT}: entry {index} lies behind the end of the block table")));
        }
        let mut entry = [0; 8];
        self.tables.read(self.bat.offset + index * 8, &mut entry)?;
        let entry = u64::from_le_bytes(entry);
        Ok((entry & 7, entry & OFFSET_MASK))
    }

    /// Fills `buf` from inside one block.
    fn read_block(&self, block: u64, inside: u64, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let (state, start) = self.entry(block + block / self.ratio)?;
        match state {
            0 => read_parent(self.parent.as_ref(), offset, buf),
            // What was unmapped or never defined has no content of its own, and the parent's must not show through.
            1..=3 => read_parent(None, offset, buf),
            6 => stored(&*self.source, FORMAT, block, start.checked_add(inside), buf),
            7 if self.parent.is_some() => self.read_partial(block, start, inside, offset, buf),
            _ => Err(bad_data(format!(
                "{FORMAT}: block {block} has the state {state}, which has no meaning here"
            ))),
        }
    }

    fn read_partial(
        &self,
        block: u64,
        start: u64,
        inside: u64,
        offset: u64,
        buf: &mut [u8],
    ) -> io::Result<()> {
        let chunk = block / self.ratio;
        let (state, bitmap_start) = self.entry(chunk * (self.ratio + 1) + self.ratio)?;
        if state != 6 {
            return Err(bad_data(format!(
                "{FORMAT}: block {block} is stored in part, and its sector bitmap is not"
            )));
        }
        // The bitmap counts from the first sector of the chunk.
        let before = block % self.ratio * (self.block_size / self.sector_size);
        let first = inside / self.sector_size;
        let last = (inside + (buf.len() as u64).saturating_sub(1)) / self.sector_size;
        let from = (before + first) / 8;
        let mut bitmap = vec![0; usize::try_from((before + last) / 8 - from + 1).unwrap_or_default()];
        self.tables.read(bitmap_start.saturating_add(from), &mut bitmap).map_err(|error| {
            bad_data(format!("{FORMAT}: the sector bitmap of block {block} cannot be read: {error}"))
        })?;
        let own = |sector: u64| {
            let bit = before + sector;
            let byte = usize::try_from(bit / 8 - from).ok().and_then(|at| bitmap.get(at));
            byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        };
        let block_at = offset - inside;
        run_by_run(self.sector_size, inside, buf, own, |is_own, inside, run| {
            if is_own {
                stored(&*self.source, FORMAT, block, start.checked_add(inside), run)
            } else {
                read_parent(self.parent.as_ref(), block_at + inside, run)
            }
        })
    }
}

impl ReadAt for Blocks {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let wanted = buf.get_mut(..room).unwrap_or_default();
        block_by_block(self.block_size, offset, wanted, |block, inside, offset, piece| {
            self.read_block(block, inside, offset, piece)
        })?;
        Ok(room)
    }
}
