//! The two copies of the region table: where the block table and the metadata stand.

use crate::crc32c::crc32c_without;
use crate::error::DiskError;
use crate::fields::{array, le32, le64};
use crate::read_at::ReadAt;
use crate::sparse::bytes_at;

use super::{damaged, guid, known};

const TABLE: usize = 64 * 1024;
const MAX_ENTRIES: u32 = 2047;
const BAT: [u8; 16] = known(0x2dc27766_f623_4200_9d64_115e9bfd4a08);
const METADATA: [u8; 16] = known(0x8b7ca206_4790_4b9a_b8fe_575f050f886e);

/// A region, wholly inside the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// The regions that are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regions {
    pub(super) bat: Region,
    pub(super) metadata: Region,
}

impl Regions {
    pub(super) fn read(source: &dyn ReadAt, notes: &mut Vec<String>) -> Result<Self, DiskError> {
        match table(source, 192 * 1024) {
            Ok(bytes) => Self::parse(source, &bytes, 192 * 1024),
            Err(error) => {
                let Ok(bytes) = table(source, 256 * 1024) else { return Err(error) };
                notes.push(format!("the first region table is damaged ({error}); its copy was used"));
                Self::parse(source, &bytes, 256 * 1024)
            }
        }
    }

    fn parse(source: &dyn ReadAt, bytes: &[u8], offset: u64) -> Result<Self, DiskError> {
        let count = le32(bytes, 8).unwrap_or_default();
        if count > MAX_ENTRIES {
            return Err(damaged("entries of the region table", offset + 8, "at most 2047", count));
        }
        let (mut bat, mut metadata) = (None, None);
        for entry in bytes.get(16..).unwrap_or_default().chunks_exact(32).take(count as usize) {
            let id: [u8; 16] = array(entry, 0).unwrap_or_default();
            let region = Region {
                offset: le64(entry, 16).unwrap_or_default(),
                length: le32(entry, 24).unwrap_or_default(),
            };
            match id {
                BAT => bat = Some(region),
                METADATA => metadata = Some(region),
                _ if le32(entry, 28).unwrap_or_default() & 1 == 1 => {
                    return Err(DiskError::Unsupported {
                        what: format!("VHDX with the unknown required region {}", guid(&id)),
                        advice: "convert it with its own tool".into(),
                    });
                }
                _ => {}
            }
        }
        let inside = |region: Option<Region>, what| {
            let region =
                region.ok_or_else(|| damaged(what, offset, "an entry in the region table", "none"))?;
            match region.offset.checked_add(u64::from(region.length)) {
                Some(end) if end <= source.len() => Ok(region),
                _ => {
                    let found = format!("{} bytes in a file of {}", region.length, source.len());
                    Err(damaged(what, region.offset, "a region inside the file", found))
                }
            }
        };
        Ok(Self { bat: inside(bat, "block table")?, metadata: inside(metadata, "metadata region")? })
    }
}

fn table(source: &dyn ReadAt, offset: u64) -> Result<Vec<u8>, DiskError> {
    let bytes = bytes_at(source, offset, TABLE).map_err(|_| {
        damaged("region table", offset, "65536 bytes", format!("a file of {} bytes", source.len()))
    })?;
    if !bytes.starts_with(b"regi") {
        return Err(damaged("region table", offset, "`regi`", "something else"));
    }
    let (expected, found) = (le32(&bytes, 4).unwrap_or_default(), crc32c_without(&bytes, 4));
    if expected != found {
        let (expected, found) = (format!("{expected:#010x}"), format!("{found:#010x}"));
        return Err(damaged("checksum of a region table", offset, expected, found));
    }
    Ok(bytes)
}
