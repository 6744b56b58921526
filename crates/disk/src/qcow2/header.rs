//! The header of a QCOW2 image and its extensions.

use crate::error::DiskError;
use crate::fields::{be32, be64};
use crate::read_at::ReadAt;

const FORMAT: &str = "QCOW2";

/// Incompatible feature bits of the format's specification.
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2;

const BACKING_FORMAT: u32 = 0xe279_2aca;
const FEATURE_NAMES: u32 = 0x6803_f857;
const DATA_FILE_NAME: u32 = 0x4441_5441;

/// The longest name that the format allows, in bytes.
const MAX_NAME: u32 = 1023;

/// How compressed clusters are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Raw deflate.
    Deflate,
    Zstd,
}

/// What the header says, checked against the length of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) cluster_bits: u32,
    /// Size of the disk in bytes.
    pub(super) size: u64,
    pub(super) l1_offset: u64,
    pub(super) snapshots: u32,
    pub(super) dirty: bool,
    pub(super) corrupt: bool,
    pub(super) extended_l2: bool,
    pub(super) compression: Compression,
    /// The name of the file with the data when that is another one, empty when the image does not say it.
    pub(super) data_file: Option<String>,
    pub(super) backing: Option<Backing>,
}

/// Where unallocated clusters come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backing {
    /// As written in the image, a path of the machine that made it.
    pub(super) path: String,
    /// Its format where the image states it.
    pub(super) format: Option<String>,
}

pub(super) fn damaged(what: &'static str, offset: u64, expected: String, found: String) -> DiskError {
    DiskError::Damaged { format: FORMAT, what, offset, expected, found }
}

fn unsupported(what: impl Into<String>, advice: &str) -> DiskError {
    DiskError::Unsupported { what: what.into(), advice: advice.to_owned() }
}

const CONVERT: &str = "convert it with `qemu-img convert -O raw` and send the result";

impl Header {
    pub(super) fn parse(source: &dyn ReadAt) -> Result<Self, DiskError> {
        let mut head = [0; 112];
        let read = source.read_at(0, &mut head)?;
        let head = head.get(..read).unwrap_or_default();
        let short =
            || damaged("header", 0, "at least 72 bytes (version 3: 104)".into(), format!("{read} bytes"));
        let long_at = |at| be64(head, at).ok_or_else(short);
        let int_at = |at| be32(head, at).ok_or_else(short);

        let version = int_at(4)?;
        if !(2..=3).contains(&version) {
            return Err(unsupported(format!("QCOW version {version}"), CONVERT));
        }
        let cluster_bits = int_at(20)?;
        if !(9..=21).contains(&cluster_bits) {
            return Err(damaged("cluster bits", 20, "9 to 21".into(), cluster_bits.to_string()));
        }
        if int_at(32)? != 0 {
            return Err(unsupported(
                "encrypted QCOW2",
                "decrypt it with `qemu-img convert` and send the result",
            ));
        }
        let (features, length) = if version == 3 { (long_at(72)?, int_at(100)?) } else { (0, 72) };
        if version == 3 && (length < 104 || length % 8 != 0 || u64::from(length) > 1 << cluster_bits) {
            let expected = "a multiple of 8, at least 104, inside the first cluster".into();
            return Err(damaged("header length", 100, expected, length.to_string()));
        }
        let size = long_at(24)?;
        let backing_offset = long_at(8)?;
        let extensions = Extensions::read(source, u64::from(length), backing_offset, cluster_bits)?;
        if features & !KNOWN != 0 {
            let names = extensions.feature_names(features & !KNOWN);
            return Err(unsupported(format!("QCOW2 with the unknown feature {names}"), CONVERT));
        }
        let extended_l2 = features & EXTENDED_L2 != 0;
        if extended_l2 && cluster_bits < 14 {
            let expected = "at least 14 with extended L2 entries".into();
            return Err(damaged("cluster bits", 20, expected, cluster_bits.to_string()));
        }
        let stated = if length > 104 { head.get(104).copied().ok_or_else(short)? } else { 0 };
        let compression = match (features & COMPRESSION != 0, stated) {
            (false, 0) => Compression::Deflate,
            (true, 1) => Compression::Zstd,
            (_, type_) => return Err(unsupported(format!("QCOW2 compression type {type_}"), CONVERT)),
        };
        let l1_offset = long_at(40)?;
        check_l1(source.len(), size, cluster_bits, extended_l2, int_at(36)?, l1_offset)?;
        let backing = Backing::read(source, backing_offset, int_at(16)?, extensions.text(BACKING_FORMAT))?;
        Ok(Self {
            version,
            cluster_bits,
            size,
            l1_offset,
            snapshots: int_at(60)?,
            dirty: features & DIRTY != 0,
            corrupt: features & CORRUPT != 0,
            extended_l2,
            compression,
            data_file: (features & DATA_FILE != 0)
                .then(|| extensions.text(DATA_FILE_NAME).unwrap_or_default()),
            backing,
        })
    }
}

/// The L1 table covers the disk and lies in the file.
fn check_l1(
    file: u64,
    size: u64,
    cluster_bits: u32,
    extended_l2: bool,
    entries: u32,
    offset: u64,
) -> Result<(), DiskError> {
    let entry_bits = if extended_l2 { 4 } else { 3 };
    let covered_bits = cluster_bits + cluster_bits - entry_bits;
    let needed = size.div_ceil(1 << covered_bits);
    if u64::from(entries) < needed {
        let expected = format!("at least {needed} entries for a disk of {size} bytes");
        return Err(damaged("size of the L1 table", 36, expected, entries.to_string()));
    }
    let room = file.saturating_sub(offset) / 8;
    if needed > room || (needed > 0 && !offset.is_multiple_of(1 << cluster_bits)) {
        let expected =
            format!("the start of a cluster with {needed} entries inside the file of {file} bytes");
        return Err(damaged("offset of the L1 table", 40, expected, offset.to_string()));
    }
    Ok(())
}

impl Backing {
    fn read(
        source: &dyn ReadAt,
        offset: u64,
        len: u32,
        format: Option<String>,
    ) -> Result<Option<Self>, DiskError> {
        if offset == 0 {
            return Ok(None);
        }
        if len == 0 || len > MAX_NAME {
            let expected = format!("1 to {MAX_NAME} bytes");
            return Err(damaged("length of the backing file's name", 16, expected, len.to_string()));
        }
        let mut name = vec![0; len as usize];
        let count = source.read_at(offset, &mut name)?;
        if count < name.len() {
            let expected = format!("{len} bytes at {offset}");
            return Err(damaged("name of the backing file", 8, expected, format!("{count} bytes")));
        }
        let path = String::from_utf8_lossy(&name).into_owned();
        Ok(Some(Self { path, format: format.filter(|format| !format.is_empty()) }))
    }
}

struct Extensions(Vec<(u32, Vec<u8>)>);

impl Extensions {
    /// The extensions between the header and the backing file's name, at most one cluster of them.
    fn read(source: &dyn ReadAt, start: u64, backing: u64, cluster_bits: u32) -> Result<Self, DiskError> {
        let cluster = 1 << cluster_bits;
        let end = if backing == 0 { cluster } else { backing.min(cluster) };
        let mut area = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or_default()];
        let count = source.read_at(start, &mut area)?;
        area.truncate(count);
        let mut found = Vec::new();
        let mut rest = area.as_slice();
        while let (Some(kind), Some(len)) = (be32(rest, 0), be32(rest, 4)) {
            if kind == 0 {
                break;
            }
            let at = start + (area.len() - rest.len()) as u64;
            let Some(data) = rest.get(8..).and_then(|data| data.get(..len as usize)) else {
                let expected = format!("at most {} bytes", rest.len().saturating_sub(8));
                return Err(damaged("length of a header extension", at + 4, expected, len.to_string()));
            };
            found.push((kind, data.to_vec()));
            rest = rest.get(8 + (len as usize).next_multiple_of(8)..).unwrap_or_default();
        }
        Ok(Self(found))
    }

    fn data(&self, kind: u32) -> Option<&[u8]> {
        self.0.iter().find(|(found, _)| *found == kind).map(|(_, data)| data.as_slice())
    }

    fn text(&self, kind: u32) -> Option<String> {
        self.data(kind).map(|data| String::from_utf8_lossy(data).into_owned())
    }

    /// What the image itself calls the incompatible features `bits`.
    fn feature_names(&self, bits: u64) -> String {
        let table = self.data(FEATURE_NAMES).unwrap_or_default();
        let name = |bit: u32| {
            let named = table.chunks_exact(48).find_map(|entry| {
                let (kind, number, name) = (entry.first()?, entry.get(1)?, entry.get(2..)?);
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                (*kind == 0 && u32::from(*number) == bit)
                    .then(|| String::from_utf8_lossy(name).escape_debug().to_string())
            });
            named.map_or_else(|| format!("bit {bit}"), |name| format!("`{name}` (bit {bit})"))
        };
        (0..64).filter(|bit| bits >> bit & 1 == 1).map(name).collect::<Vec<_>>().join(", ")
    }
}
