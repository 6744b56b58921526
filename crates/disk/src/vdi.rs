//! VDI images of VirtualBox, dynamic and fixed.
//!
//! The source of the format is `VDICore.h` of VirtualBox and `block/vdi.c` of QEMU. Differencing images name their
//! parent by a UUID alone, and no file of a folder can be found by that, so they are refused.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use crate::error::{DiskError, bad_data};
use crate::fields::{le32, le64};
use crate::image::{Context, Image, Part, StoredHashes};
use crate::pages::Pages;
use crate::read_at::ReadAt;

const SIGNATURE: u32 = 0xbeda_107f;
const SIGNATURE_AT: usize = 64;

/// Map entries that stand for no block of the file.
const FREE: u32 = u32::MAX;
const ZERO: u32 = u32::MAX - 1;

/// Largest block; the program that writes the format uses 1 MiB.
const MAX_BLOCK: u32 = 256 * 1024 * 1024;

fn damaged(what: &'static str, offset: u64, expected: String, found: String) -> DiskError {
    DiskError::Damaged { format: "VDI", what, offset, expected, found }
}

/// Whether the file has the signature behind the 64 bytes of text that a VDI starts with.
pub(crate) fn recognises(head: &[u8], _source: &dyn ReadAt) -> bool {
    le32(head, SIGNATURE_AT) == Some(SIGNATURE) && head.starts_with(b"<<<")
}

/// Opens the image.
///
/// # Errors
/// When it is damaged, of another version, or a differencing image.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let header = Header::parse(&*source)?;
    let kind = if header.fixed { "fixed" } else { "dynamic" };
    let mut notes = Vec::new();
    if header.fixed && source.len() < header.full_len() {
        notes.push(format!(
            "the file has {} bytes instead of {}: it is cut",
            source.len(),
            header.full_len()
        ));
    }
    let part = Part { name: context.name.clone(), role: "image", size: source.len() };
    let tables = Pages::new(Arc::clone(&source), Arc::clone(&context.cache));
    Ok(Image {
        data: Arc::new(Disk { source, header, tables }),
        format: format!("VDI ({kind})"),
        parts: vec![part],
        hashes: StoredHashes::default(),
        notes,
        sector_size: None,
    })
}

/// What the header says, checked against the length of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    fixed: bool,
    /// Size of the disk in bytes.
    size: u64,
    map_offset: u64,
    data_offset: u64,
    block: u64,
    /// Bytes before each block that belong to no disk.
    extra: u64,
    blocks: u64,
}

impl Header {
    fn parse(source: &dyn ReadAt) -> Result<Self, DiskError> {
        let mut head = [0; 512];
        let count = source.read_at(0, &mut head)?;
        let head = head.get(..count).unwrap_or_default();
        let short = || damaged("header", 0, "at least 456 bytes".into(), format!("{count} bytes"));
        let int_at = |at| le32(head, at).ok_or_else(short);
        let version = int_at(68)?;
        if version >> 16 != 1 {
            return Err(DiskError::Unsupported {
                what: format!("VDI version {}.{}", version >> 16, version & 0xffff),
                advice: "convert it with VirtualBox and send the result".into(),
            });
        }
        let fixed = match int_at(76)? {
            1 => false,
            2 => true,
            3 | 4 => return Err(differencing(head.get(424..440).ok_or_else(short)?)),
            kind => return Err(damaged("type", 76, "1 to 4".into(), kind.to_string())),
        };
        let block = int_at(376)?;
        if block == 0 || block > MAX_BLOCK || !block.is_multiple_of(512) {
            let expected = format!("a multiple of 512 of at most {MAX_BLOCK}");
            return Err(damaged("block size", 376, expected, block.to_string()));
        }
        let extra = int_at(380)?;
        if extra > MAX_BLOCK {
            let expected = format!("at most {MAX_BLOCK}");
            return Err(damaged("extra bytes of a block", 380, expected, extra.to_string()));
        }
        let header = Self {
            fixed,
            size: le64(head, 368).ok_or_else(short)?,
            map_offset: u64::from(int_at(340)?),
            data_offset: u64::from(int_at(344)?),
            block: u64::from(block),
            extra: u64::from(extra),
            blocks: u64::from(int_at(384)?),
        };
        let needed = header.size.div_ceil(header.block);
        if needed > header.blocks {
            let expected = format!("at least {needed} for a disk of {} bytes", header.size);
            return Err(damaged("number of blocks", 384, expected, header.blocks.to_string()));
        }
        let map_end = header.map_offset + header.blocks * 4;
        if header.map_offset < 456 || map_end > source.len() {
            let expected = format!(
                "{} bytes behind the header in the file of {} bytes",
                header.blocks * 4,
                source.len()
            );
            return Err(damaged("offset of the block map", 340, expected, header.map_offset.to_string()));
        }
        if header.data_offset < map_end {
            let expected = format!("at least {map_end}, where the block map ends");
            return Err(damaged("offset of the data", 344, expected, header.data_offset.to_string()));
        }
        Ok(header)
    }

    /// Length of a file that holds every block.
    fn full_len(&self) -> u64 {
        self.data_offset + self.blocks * (self.block + self.extra)
    }
}

fn differencing(parent: &[u8]) -> DiskError {
    // Stored as Windows stores a GUID: the first three fields are little-endian.
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut id = String::new();
    for (number, at) in order.into_iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        id.push_str(&format!("{:02x}", parent.get(at).copied().unwrap_or_default()));
    }
    DiskError::MissingFile {
        role: "parent",
        name: "(a differencing VDI stores no name: merge it with `VBoxManage clonemedium`)".into(),
        id: format!("UUID {id}"),
    }
}

struct Disk {
    source: Arc<dyn ReadAt>,
    header: Header,
    tables: Pages,
}

impl ReadAt for Disk {
    fn len(&self) -> u64 {
        self.header.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Header { block, extra, .. } = self.header;
        let room = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let mut filled = 0;
        while filled < room {
            let at = offset + filled as u64;
            let (number, within) = (at / block, at % block);
            let run = usize::try_from(block - within).unwrap_or(usize::MAX);
            let end = filled.saturating_add(run).min(room);
            let Some(target) = buf.get_mut(filled..end) else { break };
            match self.tables.le32(self.header.map_offset + number * 4)? {
                FREE | ZERO => target.fill(0),
                place => {
                    // 32 bits times at most 2^29 bytes: no overflow.
                    let start = self.header.data_offset + u64::from(place) * (block + extra) + extra;
                    if self.source.read_at(start + within, target)? < target.len() {
                        return Err(bad_data(format!(
                            "VDI: block {number} at byte {start} lies behind the end of the file ({})",
                            self.source.len()
                        )));
                    }
                }
            }
            filled = end;
        }
        Ok(filled)
    }
}
