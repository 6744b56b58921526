//! Tables of chunk offsets.

use super::adler::adler32;
use super::damaged;
use super::section::Section;
use crate::error::DiskError;
use crate::fields::{le32, le64};
use crate::read_at::ReadAt;

/// Count, padding, base offset, padding, Adler-32.
const HEADER: usize = 24;
/// Top bit of an entry: the chunk is compressed.
const COMPRESSED: u32 = 1 << 31;
/// Programs write at most some ten thousand entries per table, EnCase 6 and later some hundred thousand.
const MAX_ENTRIES: u32 = 1 << 24;

/// One table: where some chunks that follow each other stand in one segment.
#[derive(Debug)]
pub(super) struct Table {
    /// Added to every offset.
    base: u64,
    /// Offsets as they are stored.
    entries: Vec<u32>,
    /// From this entry on the top bit belongs to the offset: EnCase 6.7 wrote past 2 GiB this way.
    overflow_from: usize,
    /// Where the data of the last chunk ends at the latest.
    end: u64,
}

/// Where one chunk stands in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) storing: Storing,
}

/// How a chunk is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storing {
    Plain,
    Compressed,
    /// The bit that tells is a part of the offset; the checksum has to.
    Untold,
}

impl Table {
    /// Reads a `table` or `table2` section. `boundaries` are the starts of all sections of the segment, ascending, and
    /// the last end; `is_smart` tables have no checksum behind their entries, but the chunks themselves.
    pub(super) fn read(
        section: &Section,
        segment: &dyn ReadAt,
        boundaries: &[u64],
        is_smart: bool,
    ) -> Result<Self, DiskError> {
        let at = section.content();
        let header = section.read(segment, HEADER)?;
        let (body, stored) = (header.get(..20).unwrap_or_default(), le32(&header, 20).unwrap_or_default());
        check("table header", at, body, stored)?;
        let count = le32(&header, 0).unwrap_or_default();
        let base = le64(&header, 8).unwrap_or_default();
        if count > MAX_ENTRIES {
            return Err(damaged("table", at, format!("at most {MAX_ENTRIES} entries"), count.to_string()));
        }
        let entries_len = count as usize * 4;
        let raw = section.read(segment, HEADER + entries_len)?;
        let raw = raw.get(HEADER..).unwrap_or_default();
        let entries: Vec<u32> = raw.chunks_exact(4).map(|entry| le32(entry, 0).unwrap_or_default()).collect();
        let entries_end = at + (HEADER + entries_len) as u64;
        // The oldest EnCase keeps its chunks like SMART does.
        let has_chunks =
            entries.first().is_some_and(|first| base.checked_add(offset_of(*first)) == Some(entries_end));
        if !is_smart && !has_chunks && count != 0 {
            let with_sum = section.read(segment, HEADER + entries_len + 4)?;
            let stored = le32(&with_sum, HEADER + entries_len).unwrap_or_default();
            check("table entries", at + HEADER as u64, raw, stored)?;
        }
        let limit = boundaries.last().copied().unwrap_or_default();
        let overflow_from = check_order(&entries, at + HEADER as u64, limit.saturating_sub(base))?;
        let mut table = Self { base, entries, overflow_from, end: 0 };
        if let Some(last) = table.entries.len().checked_sub(1).and_then(|last| table.offset(last)) {
            let end = boundaries.get(boundaries.partition_point(|boundary| *boundary <= last));
            table.end = *end.ok_or_else(|| {
                damaged(
                    "last entry of a table",
                    entries_end - 4,
                    format!("less than {limit}"),
                    last.to_string(),
                )
            })?;
        }
        Ok(table)
    }

    /// The number of chunks.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn offset(&self, index: usize) -> Option<u64> {
        let raw = *self.entries.get(index)?;
        let low = if index >= self.overflow_from { u64::from(raw) } else { offset_of(raw) };
        self.base.checked_add(low)
    }

    /// Where the chunk of this index stands.
    pub(super) fn place(&self, index: usize) -> Option<Place> {
        let raw = *self.entries.get(index)?;
        let offset = self.offset(index)?;
        let end = self.offset(index + 1).unwrap_or(self.end);
        let storing = if index >= self.overflow_from {
            Storing::Untold
        } else if raw & COMPRESSED != 0 {
            Storing::Compressed
        } else {
            Storing::Plain
        };
        Some(Place { offset, len: end.checked_sub(offset)?, storing })
    }
}

fn offset_of(raw: u32) -> u64 {
    u64::from(raw & !COMPRESSED)
}

fn check(what: &'static str, offset: u64, bytes: &[u8], stored: u32) -> Result<(), DiskError> {
    let computed = adler32(bytes);
    if computed == stored {
        Ok(())
    } else {
        Err(damaged(what, offset, format!("Adler-32 {computed:08x}"), format!("{stored:08x}")))
    }
}

/// Offsets ascend. Where they fall back while the whole 32 bits still ascend, they have grown past 31 bits; says from
/// which entry on. None reaches `limit`, the end of the sections.
fn check_order(entries: &[u32], at: u64, limit: u64) -> Result<usize, DiskError> {
    let mut overflow_from = usize::MAX;
    for (index, pair) in entries.windows(2).enumerate() {
        let &[this, next] = pair else { continue };
        let this = if index >= overflow_from { u64::from(this) } else { offset_of(this) };
        let next_whole = u64::from(next);
        if overflow_from == usize::MAX && offset_of(next) > this {
            continue;
        }
        if next_whole <= this || next_whole >= limit {
            let at = at.saturating_add(4 * (index as u64 + 1));
            return Err(damaged(
                "table entry",
                at,
                format!("an offset above {this}"),
                format!("{next:#010x}"),
            ));
        }
        overflow_from = overflow_from.min(index + 1);
    }
    Ok(overflow_from)
}
