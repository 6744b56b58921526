//! Transaction logs: the old form (`DIRT`, a bitmap of 512-byte pages) and the new one (`HvLE` entries).

use super::base_block::BaseBlock;
use super::marvin::marvin32;
use crate::artifact::bytes::{slice, u32_le, u64_le};

/// Bytes of a log's base block, and the unit of logs.
pub(super) const SECTOR: usize = 512;
/// Bytes of an entry's header in the new form.
const ENTRY_HEADER: usize = 40;

/// A transaction log as found beside a hive.
#[derive(Clone)]
pub struct LogFile {
    /// File name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for LogFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogFile").field("name", &self.name).field("size", &self.bytes.len()).finish()
    }
}

/// A page of a hive: offset in bytes from the end of the base block, and content.
pub(super) type Page<'l> = (usize, &'l [u8]);

/// An entry of a log in the new form.
#[derive(Debug)]
pub(super) struct LogEntry<'l> {
    pub sequence: u32,
    pub bins_size: u32,
    pub pages: Vec<Page<'l>>,
}

/// A log in one of its forms.
#[derive(Debug)]
pub(super) enum Form<'l> {
    Old { pages: Vec<Page<'l>> },
    New { entries: Vec<LogEntry<'l>>, ended: String },
}

/// A log whose base block is right.
#[derive(Debug)]
pub(super) struct Log<'l> {
    pub header: BaseBlock,
    pub form: Form<'l>,
}

/// Reads a log; the error says why it cannot be used.
pub(super) fn read(bytes: &[u8]) -> Result<Log<'_>, String> {
    if bytes.is_empty() || bytes.iter().take(SECTOR).all(|byte| *byte == 0) {
        return Err("it is empty".to_owned());
    }
    let header = BaseBlock::read(bytes).map_err(|error| error.to_string())?;
    if !header.is_checksum_right() {
        return Err("the checksum of its base block is wrong".to_owned());
    }
    if header.primary_sequence != header.secondary_sequence {
        return Err("its own last write was not completed".to_owned());
    }
    let body = slice(bytes, SECTOR, 4).map_err(|_| "it holds a base block only".to_owned())?;
    let form = match body {
        b"DIRT" => old(bytes, &header)?,
        b"HvLE" => new(bytes),
        other => return Err(format!("an entry begins with {other:02x?} instead of DIRT or HvLE")),
    };
    Ok(Log { header, form })
}

fn old<'l>(bytes: &'l [u8], header: &BaseBlock) -> Result<Form<'l>, String> {
    let bitmap_size = header.bins_size as usize / (SECTOR * 8);
    let start = SECTOR + 4;
    let bitmap =
        slice(bytes, start, bitmap_size).map_err(|error| format!("its bitmap is cut off: {error}"))?;
    let mut at = (start + bitmap_size).next_multiple_of(SECTOR);
    let mut pages = Vec::new();
    for (number, byte) in bitmap.iter().enumerate() {
        for bit in 0..8 {
            if byte >> bit & 1 == 0 {
                continue;
            }
            let page = slice(bytes, at, SECTOR).map_err(|error| format!("its pages are cut off: {error}"))?;
            pages.push(((number * 8 + bit) * SECTOR, page));
            at += SECTOR;
        }
    }
    Ok(Form::Old { pages })
}

/// Entries up to the first that is not right; what ended them is said.
fn new(bytes: &[u8]) -> Form<'_> {
    let mut entries: Vec<LogEntry<'_>> = Vec::new();
    let mut at = SECTOR;
    let ended = loop {
        match entry(bytes, at) {
            Ok((entry, size)) => {
                if let Some(last) = entries.last()
                    && entry.sequence != last.sequence.wrapping_add(1)
                {
                    break format!("entry {} does not follow entry {}", entry.sequence, last.sequence);
                }
                entries.push(entry);
                at += size;
            }
            Err(why) => break why,
        }
    };
    Form::New { entries, ended }
}

fn entry(bytes: &[u8], at: usize) -> Result<(LogEntry<'_>, usize), String> {
    let cut = |error: crate::artifact::bytes::Truncated| format!("the log ends: {error}");
    let header = slice(bytes, at, ENTRY_HEADER).map_err(cut)?;
    if !header.starts_with(b"HvLE") {
        return Err(format!("no further entry at {at:#x}"));
    }
    let number = |offset| u32_le(header, offset).unwrap_or_default();
    let size = number(4) as usize;
    if size < ENTRY_HEADER || !size.is_multiple_of(SECTOR) {
        return Err(format!("the entry at {at:#x} has a size of {size} bytes"));
    }
    let whole = slice(bytes, at, size).map_err(cut)?;
    let body = whole.get(ENTRY_HEADER..).unwrap_or_default();
    let hashes = (u64_le(header, 24).unwrap_or_default(), u64_le(header, 32).unwrap_or_default());
    if hashes.1 != marvin32(header.get(..32).unwrap_or_default()) || hashes.0 != marvin32(body) {
        return Err(format!("a hash of the entry at {at:#x} is wrong"));
    }
    let bins_size = number(16);
    let count = number(20) as usize;
    let references = slice(body, 0, count.saturating_mul(8)).map_err(cut)?;
    let mut data = ENTRY_HEADER.saturating_add(references.len());
    let mut pages = Vec::new();
    for reference in references.chunks_exact(8) {
        let (offset, size) = (
            u32_le(reference, 0).unwrap_or_default() as usize,
            u32_le(reference, 4).unwrap_or_default() as usize,
        );
        let page = slice(whole, data, size).map_err(cut)?;
        if offset.saturating_add(size) > bins_size as usize {
            return Err(format!("a page of the entry at {at:#x} lies behind the end of the hive"));
        }
        pages.push((offset, page));
        data += size;
    }
    Ok((LogEntry { sequence: number(12), bins_size, pages }, size))
}
