//! The disk's bytes: in one piece, or in blocks with a bitmap of the sectors that were written.

use std::io;
use std::sync::Arc;

use crate::chain::read_parent;
use crate::error::bad_data;
use crate::image::Context;
use crate::pages::Pages;
use crate::read_at::{ReadAt, Slice};
use crate::sparse::{block_by_block, run_by_run, stored};

use super::FORMAT;
use super::structures::Header;

const SECTOR: u64 = 512;
const UNUSED: u32 = u32::MAX;

/// A fixed disk: the file without its footer.
pub(super) struct Fixed {
    pub(super) data: Slice,
    pub(super) size: u64,
}

impl ReadAt for Fixed {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let Some(wanted) = buf.get_mut(..room).filter(|wanted| !wanted.is_empty()) else { return Ok(0) };
        stored(&self.data, FORMAT, offset / SECTOR, Some(offset), wanted)?;
        Ok(room)
    }
}

/// A dynamic or differencing disk.
pub(super) struct Blocks {
    source: Arc<dyn ReadAt>,
    tables: Pages,
    table_offset: u64,
    entries: u64,
    block_size: u64,
    bitmap_size: u64,
    size: u64,
    parent: Option<Arc<dyn ReadAt>>,
}

impl Blocks {
    pub(super) fn new(
        source: Arc<dyn ReadAt>,
        context: &Context,
        header: &Header,
        size: u64,
        parent: Option<Arc<dyn ReadAt>>,
    ) -> Self {
        let block_size = u64::from(header.block_size);
        Self {
            tables: Pages::new(Arc::clone(&source), Arc::clone(&context.cache)),
            source,
            table_offset: header.table_offset,
            entries: u64::from(header.entries),
            block_size,
            bitmap_size: (block_size / SECTOR).div_ceil(8).next_multiple_of(SECTOR),
            size,
            parent,
        }
    }

    /// Fills `buf` from inside one block.
    fn read_block(&self, block: u64, inside: u64, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if block >= self.entries {
            return Err(bad_data(format!("{FORMAT}: block {block} has no entry in the block table")));
        }
        let mut entry = [0; 4];
        self.tables.read(self.table_offset + block * 4, &mut entry)?;
        let entry = u32::from_be_bytes(entry);
        if entry == UNUSED {
            return read_parent(self.parent.as_ref(), offset, buf);
        }
        let start = u64::from(entry) * SECTOR;
        if self.parent.is_none() {
            // Without a parent a clear bit can only mean zeros, which then stand in the block. Writers that do not keep
            // the bitmap exist, and other readers do not ask it either.
            return stored(&*self.source, FORMAT, block, Some(start + self.bitmap_size + inside), buf);
        }
        let first = inside / SECTOR;
        let last = (inside + (buf.len() as u64).saturating_sub(1)) / SECTOR;
        let mut bitmap = vec![0; usize::try_from(last / 8 - first / 8 + 1).unwrap_or_default()];
        self.tables.read(start + first / 8, &mut bitmap).map_err(|error| {
            bad_data(format!("{FORMAT}: the sector bitmap of block {block} cannot be read: {error}"))
        })?;
        let written = |sector: u64| {
            let byte = usize::try_from(sector / 8 - first / 8).ok().and_then(|at| bitmap.get(at));
            byte.is_some_and(|byte| byte >> (7 - sector % 8) & 1 == 1)
        };
        let block_at = offset - inside;
        run_by_run(SECTOR, inside, buf, written, |is_own, inside, run| {
            if is_own {
                stored(&*self.source, FORMAT, block, Some(start + self.bitmap_size + inside), run)
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
