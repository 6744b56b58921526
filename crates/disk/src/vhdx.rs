//! VHDX: fixed, dynamic and differencing disks of Hyper-V, with their log.
//!
//! All numbers are little endian. Source: Microsoft's open specification MS-VHDX.

mod blocks;
mod header;
mod log;
mod metadata;
mod overlay;
mod region;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::error::DiskError;
use crate::fields::array;
use crate::image::{Context, Image, StoredHashes};
use crate::read_at::ReadAt;
use crate::sparse::{Wanted, parent_notes, parts};

use blocks::Blocks;
use header::Header;
use metadata::Metadata;
use region::Regions;

const FORMAT: &str = "VHDX";

/// Whether the file type identifier stands at the start.
pub(crate) fn recognises(head: &[u8], _source: &dyn ReadAt) -> bool {
    head.starts_with(b"vhdxfile")
}

/// Opens a VHDX with its parents; changes that only the log holds are applied in memory.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let file_size = source.len();
    let mut notes = Vec::new();
    let header = Header::read(&*source, &mut notes)?;
    let source = log::replay(source, &header, &mut notes)?;
    let regions = Regions::read(&*source, &mut notes)?;
    let metadata = Metadata::read(&*source, &regions.metadata)?;
    metadata.check_table(&regions.bat)?;
    let parent = match &metadata.parent {
        Some(locator) => {
            let wanted = Wanted {
                names: locator.names(),
                ids: locator.linkages(),
                identify: header::identify,
                show: guid,
                open,
                context,
            };
            let (parent, _) = wanted.open()?;
            notes.extend(parent_notes(&parent));
            Some(parent)
        }
        None => None,
    };
    let kind = match (&parent, metadata.fixed) {
        (Some(_), _) => "VHDX (differencing)",
        (None, true) => "VHDX (fixed)",
        (None, false) => "VHDX (dynamic)",
    };
    Ok(Image {
        format: kind.into(),
        parts: parts(context, file_size, parent.as_ref()),
        hashes: StoredHashes::default(),
        notes,
        sector_size: Some(metadata.sector_size),
        data: Arc::new(Blocks::new(
            source,
            context,
            &metadata,
            regions.bat,
            parent.map(|parent| parent.data),
        )),
    })
}

/// A GUID as Windows writes it: the first three groups are little endian.
fn guid(id: &[u8; 16]) -> String {
    let whole = u128::from_be_bytes(*id);
    let first = u32::from_le_bytes(array(id, 0).unwrap_or_default());
    let second = u16::from_le_bytes(array(id, 4).unwrap_or_default());
    let third = u16::from_le_bytes(array(id, 6).unwrap_or_default());
    format!(
        "{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}",
        whole >> 48 & 0xffff,
        whole & 0xffff_ffff_ffff
    )
}

/// The bytes of a GUID that is written with or without braces.
fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    if lengths != [8, 4, 4, 4, 12] || !text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()) {
        return None;
    }
    let whole = u128::from_str_radix(&text.replace('-', ""), 16).ok()?;
    Some(known(whole))
}

/// The stored bytes of a GUID that is written as one number.
const fn known(written: u128) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = written.to_be_bytes();
    let [i, j, k, l, m, n, o, p] = rest;
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

fn damaged(what: &'static str, offset: u64, expected: impl ToString, found: impl ToString) -> DiskError {
    DiskError::Damaged {
        format: FORMAT,
        what,
        offset,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
