//! The two headers, of which the newer valid one counts.

use crate::crc32c::crc32c_without;
use crate::error::DiskError;
use crate::fields::{array, le16, le32, le64};
use crate::read_at::ReadAt;
use crate::sparse::bytes_at;

use super::damaged;

const HEADER: usize = 4096;

/// What is needed of a header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    sequence: u64,
    offset: u64,
    version: u16,
    pub(super) data_write_guid: [u8; 16],
    pub(super) log_guid: [u8; 16],
    pub(super) log_version: u16,
    pub(super) log_length: u32,
    pub(super) log_offset: u64,
}

/// The identifier that a child knows its parent by.
pub(super) fn identify(source: &dyn ReadAt) -> Option<[u8; 16]> {
    let mut magic = [0; 8];
    source.read_exact_at(0, &mut magic).ok()?;
    if &magic != b"vhdxfile" {
        return None;
    }
    Header::read(source, &mut Vec::new()).ok().map(|header| header.data_write_guid)
}

impl Header {
    pub(super) fn read(source: &dyn ReadAt, notes: &mut Vec<String>) -> Result<Self, DiskError> {
        let header = match [64 * 1024, 128 * 1024].map(|offset| Self::parse(source, offset)) {
            [Ok(first), Ok(second)] => {
                if second.sequence > first.sequence {
                    second
                } else {
                    first
                }
            }
            [Ok(only), Err(error)] | [Err(error), Ok(only)] => {
                notes.push(format!("one of the two headers is damaged ({error}); the other was used"));
                only
            }
            [Err(error), Err(_)] => return Err(error),
        };
        if header.version != 1 {
            return Err(DiskError::Unsupported {
                what: format!("VHDX of version {}", header.version),
                advice: "only version 1 is read: convert it with its own tool".into(),
            });
        }
        Ok(header)
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    fn parse(source: &dyn ReadAt, offset: u64) -> Result<Self, DiskError> {
        let bytes = bytes_at(source, offset, HEADER).map_err(|_| {
            damaged("header", offset, "4096 bytes", format!("a file of {} bytes", source.len()))
        })?;
        if !bytes.starts_with(b"head") {
            return Err(damaged("header", offset, "`head`", "something else"));
        }
        let (expected, found) = (le32(&bytes, 4).unwrap_or_default(), crc32c_without(&bytes, 4));
        if expected != found {
            return Err(damaged(
                "checksum of a header",
                offset,
                format!("{expected:#010x}"),
                format!("{found:#010x}"),
            ));
        }
        Ok(Self {
            sequence: le64(&bytes, 8).unwrap_or_default(),
            offset,
            version: le16(&bytes, 66).unwrap_or_default(),
            data_write_guid: array(&bytes, 32).unwrap_or_default(),
            log_guid: array(&bytes, 48).unwrap_or_default(),
            log_version: le16(&bytes, 64).unwrap_or_default(),
            log_length: le32(&bytes, 68).unwrap_or_default(),
            log_offset: le64(&bytes, 72).unwrap_or_default(),
        })
    }
}
