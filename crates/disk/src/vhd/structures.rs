//! The footer and the header of a dynamic disk.

use crate::error::DiskError;
use crate::fields::{array, be32, be64};
use crate::read_at::ReadAt;
use crate::sparse::{bare_names, bytes_at, utf16};

use super::FORMAT;

const COOKIE: &[u8; 8] = b"conectix";
const FOOTER: usize = 512;
const HEADER: usize = 1024;
/// Where the header's eight parent locators begin.
const LOCATORS: usize = 576;
/// A path of Windows has at most 32,767 characters.
const LOCATOR_MAX: u32 = 64 * 1024;

/// What kind of disk the footer describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fixed,
    Dynamic,
    Differencing,
}

/// What is needed of the footer.
#[derive(Debug, Clone)]
pub(super) struct Footer {
    pub(super) data_offset: u64,
    /// Seconds since 2000.
    pub(super) timestamp: u32,
    pub(super) current_size: u64,
    pub(super) kind: Kind,
    pub(super) id: [u8; 16],
}

pub(super) fn has_cookie(bytes: &[u8]) -> bool {
    bytes.starts_with(COOKIE)
}

pub(super) fn ends_with_footer(source: &dyn ReadAt) -> bool {
    [512, 511].into_iter().any(|len| {
        let mut cookie = [0; 8];
        source
            .len()
            .checked_sub(len)
            .is_some_and(|at| source.read_exact_at(at, &mut cookie).is_ok() && has_cookie(&cookie))
    })
}

/// The footer's identifier, whichever of its copies is whole.
pub(super) fn identify(source: &dyn ReadAt) -> Option<[u8; 16]> {
    Footer::find(source, &mut Vec::new()).ok().map(|(footer, _)| footer.id)
}

/// An identifier in the order of its bytes, which is how the format writes it.
pub(super) fn show(id: &[u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    groups.into_iter().filter_map(|group| hex.get(group)).collect::<Vec<_>>().join("-")
}

/// The complement of the sum of all bytes but the four of the checksum itself.
fn checksum(bytes: &[u8], field: usize) -> u32 {
    let all = bytes.iter().enumerate().filter(|(at, _)| !(field..field + 4).contains(at));
    !all.fold(0u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)))
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

fn verify(bytes: &[u8], field: usize, what: &'static str, offset: u64) -> Result<(), DiskError> {
    let (expected, found) = (be32(bytes, field).unwrap_or_default(), checksum(bytes, field));
    if expected == found {
        return Ok(());
    }
    Err(damaged(what, offset, format!("{expected:#010x}"), format!("{found:#010x}")))
}

impl Footer {
    /// The footer and where the one at the end begins, if it is there.
    pub(super) fn find(
        source: &dyn ReadAt,
        notes: &mut Vec<String>,
    ) -> Result<(Self, Option<u64>), DiskError> {
        let mut first_error = None;
        // Versions before Virtual PC 2004 wrote 511 bytes.
        for len in [FOOTER, FOOTER - 1] {
            let Some(at) = source.len().checked_sub(len as u64) else { continue };
            let mut bytes = bytes_at(source, at, len)?;
            if !has_cookie(&bytes) {
                continue;
            }
            bytes.resize(FOOTER, 0);
            match Self::parse(&bytes, at) {
                Ok(footer) => return Ok((footer, Some(at))),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        let error = first_error.unwrap_or_else(|| {
            let at = source.len().saturating_sub(FOOTER as u64);
            damaged("footer", at, "`conectix`", "something else: the file was cut short or is still growing")
        });
        let copy = bytes_at(source, 0, FOOTER).ok().and_then(|bytes| Self::parse(&bytes, 0).ok());
        match copy {
            // A fixed disk has no copy: what stands at its start is a sector of the disk.
            Some(footer) if footer.kind != Kind::Fixed => {
                notes.push(format!(
                    "the footer at the end is damaged ({error}); its copy at the start was used"
                ));
                Ok((footer, None))
            }
            _ => Err(error),
        }
    }

    fn parse(bytes: &[u8], offset: u64) -> Result<Self, DiskError> {
        if !has_cookie(bytes) {
            return Err(damaged("footer", offset, "`conectix`", "something else"));
        }
        verify(bytes, 64, "checksum of the footer", offset)?;
        let version = be32(bytes, 12).unwrap_or_default();
        if version >> 16 != 1 {
            return Err(DiskError::Unsupported {
                what: format!("VHD of version {}.{}", version >> 16, version & 0xffff),
                advice: "convert it with qemu-img".into(),
            });
        }
        let kind = match be32(bytes, 60).unwrap_or_default() {
            2 => Kind::Fixed,
            3 => Kind::Dynamic,
            4 => Kind::Differencing,
            other => {
                return Err(DiskError::Unsupported {
                    what: format!("VHD of disk type {other}"),
                    advice: "types 2 (fixed), 3 (dynamic) and 4 (differencing) are read".into(),
                });
            }
        };
        Ok(Self {
            data_offset: be64(bytes, 16).unwrap_or_default(),
            timestamp: be32(bytes, 24).unwrap_or_default(),
            current_size: be64(bytes, 48).unwrap_or_default(),
            kind,
            id: array(bytes, 68).unwrap_or_default(),
        })
    }
}

/// What is needed of the header of a dynamic or differencing disk.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) table_offset: u64,
    pub(super) entries: u32,
    pub(super) block_size: u32,
    pub(super) parent_id: [u8; 16],
    /// Seconds since 2000.
    pub(super) parent_timestamp: u32,
    bytes: Vec<u8>,
}

impl Header {
    pub(super) fn read(source: &dyn ReadAt, offset: u64) -> Result<Self, DiskError> {
        let bytes = bytes_at(source, offset, HEADER).map_err(|_| {
            damaged(
                "header of the dynamic disk",
                offset,
                "1024 bytes",
                format!("a file of {} bytes", source.len()),
            )
        })?;
        if !bytes.starts_with(b"cxsparse") {
            return Err(damaged("header of the dynamic disk", offset, "`cxsparse`", "something else"));
        }
        verify(&bytes, 36, "checksum of the header", offset)?;
        let header = Self {
            table_offset: be64(&bytes, 16).unwrap_or_default(),
            entries: be32(&bytes, 28).unwrap_or_default(),
            block_size: be32(&bytes, 32).unwrap_or_default(),
            parent_id: array(&bytes, 40).unwrap_or_default(),
            parent_timestamp: be32(&bytes, 56).unwrap_or_default(),
            bytes,
        };
        if header.block_size < 512 || !header.block_size.is_power_of_two() {
            return Err(damaged("block size", offset + 32, "a power of two from 512", header.block_size));
        }
        let end = header.table_offset.checked_add(u64::from(header.entries) * 4);
        if end.is_none_or(|end| end > source.len()) {
            let found = format!("{} entries at byte {}", header.entries, header.table_offset);
            return Err(damaged("block table", offset + 16, "a table inside the file", found));
        }
        Ok(header)
    }

    /// Bytes of a disk that the table has entries for.
    pub(super) fn room(&self) -> u64 {
        u64::from(self.entries) * u64::from(self.block_size)
    }

    /// The names that the parent may have: relative path, absolute path, the header's own name.
    pub(super) fn parent_names(&self, source: &dyn ReadAt) -> Vec<String> {
        let mut paths = Vec::new();
        for code in [b"W2ru", b"W2ku"] {
            for entry in self.bytes.get(LOCATORS..LOCATORS + 8 * 24).unwrap_or_default().chunks_exact(24) {
                let (Some(len), Some(offset)) = (be32(entry, 8), be64(entry, 16)) else { continue };
                if entry.starts_with(code)
                    && len <= LOCATOR_MAX
                    && let Ok(path) = bytes_at(source, offset, len as usize)
                {
                    paths.push(utf16(&path, u16::from_le_bytes));
                }
            }
        }
        paths.push(utf16(self.bytes.get(64..LOCATORS).unwrap_or_default(), u16::from_be_bytes));
        bare_names(paths)
    }
}
