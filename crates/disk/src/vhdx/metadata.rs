//! The metadata region: sizes of the disk and its blocks, and the parent locator.

use crate::error::DiskError;
use crate::fields::{array, le16, le32, le64};
use crate::read_at::ReadAt;
use crate::sparse::{bare_names, bytes_at, utf16};

use super::region::Region;
use super::{damaged, guid, known, parse_guid};

const TABLE: usize = 64 * 1024;
const MAX_ITEM: u32 = 1 << 20;
const MAX_SIZE: u64 = 64 << 40;
const FILE_PARAMETERS: [u8; 16] = known(0xcaa16737_fa36_4d43_b3b6_33f0aa44e76b);
const DISK_SIZE: [u8; 16] = known(0x2fa54224_cd1b_4876_b211_5dbed83bf4b8);
const DISK_ID: [u8; 16] = known(0xbeca12ab_b2e6_4523_93ef_c309e000c746);
const LOGICAL_SECTOR: [u8; 16] = known(0x8141bf1d_a96f_4709_ba47_f233a8faab5f);
const PHYSICAL_SECTOR: [u8; 16] = known(0xcda348c7_445d_4471_9cc9_e9885251c556);
const PARENT_LOCATOR: [u8; 16] = known(0xa8d35f2d_b30b_454d_abf7_d3d84834ab0c);
const LOCATOR_TYPE: [u8; 16] = known(0xb04aefb7_d19e_4a81_b789_25b8e9445913);

/// What the disk is like.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) block_size: u32,
    pub(super) fixed: bool,
    pub(super) size: u64,
    pub(super) sector_size: u32,
    pub(super) parent: Option<Locator>,
}

/// Where the parent of a differencing disk is said to be.
#[derive(Debug)]
pub(super) struct Locator(Vec<(String, String)>);

impl Locator {
    fn parse(bytes: &[u8], offset: u64) -> Result<Self, DiskError> {
        let kind: [u8; 16] = array(bytes, 0).unwrap_or_default();
        if kind != LOCATOR_TYPE {
            return Err(DiskError::Unsupported {
                what: format!("VHDX with a parent locator of type {}", guid(&kind)),
                advice: "only parents that are VHDX files are read".into(),
            });
        }
        let count = le16(bytes, 18).unwrap_or_default();
        let text = |at: Option<u32>, len: Option<u16>| {
            let at = usize::try_from(at?).ok()?;
            Some(utf16(bytes.get(at..at.checked_add(usize::from(len?))?)?, u16::from_le_bytes))
        };
        let mut pairs = Vec::new();
        for entry in bytes.get(20..).unwrap_or_default().chunks_exact(12).take(usize::from(count)) {
            let key = text(le32(entry, 0), le16(entry, 8));
            let value = text(le32(entry, 4), le16(entry, 10));
            // Entries may share their text: only keys that are used are kept, so that memory stays in proportion.
            if let (Some(key), Some(value)) = (key, value)
                && KEYS.contains(&key.as_str())
                && pairs.iter().all(|(other, _)| *other != key)
            {
                pairs.push((key, value));
            }
        }
        if pairs.iter().all(|(key, _)| key != "parent_linkage") {
            return Err(damaged("parent locator", offset, "a `parent_linkage`", "none"));
        }
        Ok(Self(pairs))
    }

    fn values(&self, keys: &[&str]) -> impl Iterator<Item = &String> {
        keys.iter().filter_map(|key| self.0.iter().find(|(own, _)| own == key)).map(|(_, value)| value)
    }

    pub(super) fn names(&self) -> Vec<String> {
        bare_names(self.values(&["relative_path", "absolute_win32_path", "volume_path"]).cloned())
    }

    pub(super) fn linkages(&self) -> Vec<[u8; 16]> {
        // The second one is all zeros where it is not in use.
        self.values(&["parent_linkage", "parent_linkage2"])
            .filter_map(|value| parse_guid(value))
            .filter(|id| *id != [0; 16])
            .collect()
    }
}

const KEYS: [&str; 5] =
    ["parent_linkage", "parent_linkage2", "relative_path", "volume_path", "absolute_win32_path"];

impl Metadata {
    pub(super) fn read(source: &dyn ReadAt, region: &Region) -> Result<Self, DiskError> {
        if (region.length as usize) < TABLE {
            return Err(damaged("metadata region", region.offset, "at least 65536 bytes", region.length));
        }
        let table = bytes_at(source, region.offset, TABLE)?;
        if !table.starts_with(b"metadata") {
            return Err(damaged("metadata table", region.offset, "`metadata`", "something else"));
        }
        let count = le16(&table, 10).unwrap_or_default();
        if count > 2047 {
            return Err(damaged("entries of the metadata table", region.offset + 10, "at most 2047", count));
        }
        let mut items: [Option<(u64, Vec<u8>)>; 6] = Default::default();
        let known = [FILE_PARAMETERS, DISK_SIZE, LOGICAL_SECTOR, PARENT_LOCATOR, DISK_ID, PHYSICAL_SECTOR];
        for entry in table.get(32..).unwrap_or_default().chunks_exact(32).take(usize::from(count)) {
            let id: [u8; 16] = array(entry, 0).unwrap_or_default();
            let flags = le32(entry, 24).unwrap_or_default();
            let slot = known.iter().position(|known| *known == id).filter(|_| flags & 1 == 0);
            let Some(slot) = slot.and_then(|slot| items.get_mut(slot)) else {
                if flags & 4 != 0 {
                    return Err(DiskError::Unsupported {
                        what: format!("VHDX with the unknown required metadata {}", guid(&id)),
                        advice: "convert it with its own tool".into(),
                    });
                }
                continue;
            };
            let (offset, length) = (le32(entry, 16).unwrap_or_default(), le32(entry, 20).unwrap_or_default());
            let at = region.offset.saturating_add(u64::from(offset));
            if length > MAX_ITEM || offset.checked_add(length).is_none_or(|end| end > region.length) {
                return Err(damaged(
                    "metadata item",
                    at,
                    "an item inside its region",
                    format!("{length} bytes"),
                ));
            }
            if slot.is_none() {
                *slot = Some((at, bytes_at(source, at, length as usize)?));
            }
        }
        let [parameters, size, sector, locator, ..] = items;
        let missing = |what| damaged(what, region.offset, "an entry in the metadata table", "none");
        let (at, parameters) = parameters.ok_or_else(|| missing("file parameters"))?;
        let block_size = le32(&parameters, 0).unwrap_or_default();
        if !block_size.is_power_of_two() || !(1 << 20..=256 << 20).contains(&block_size) {
            return Err(damaged("block size", at, "a power of two from 1 MiB to 256 MiB", block_size));
        }
        let flags = le32(&parameters, 4).unwrap_or_default();
        let (at, sector) = sector.ok_or_else(|| missing("logical sector size"))?;
        let sector_size = le32(&sector, 0).unwrap_or_default();
        if sector_size != 512 && sector_size != 4096 {
            return Err(damaged("logical sector size", at, "512 or 4096", sector_size));
        }
        let (at, size) = size.ok_or_else(|| missing("virtual disk size"))?;
        let size = le64(&size, 0).unwrap_or_default();
        if size > MAX_SIZE || !size.is_multiple_of(u64::from(sector_size)) {
            return Err(damaged("virtual disk size", at, "whole sectors, at most 64 TiB", size));
        }
        let parent = if flags & 2 != 0 {
            let (at, locator) = locator.ok_or_else(|| missing("parent locator"))?;
            Some(Locator::parse(&locator, at)?)
        } else {
            None
        };
        Ok(Self { block_size, fixed: flags & 1 != 0, size, sector_size, parent })
    }

    /// Payload blocks that share one sector bitmap block.
    pub(super) fn chunk_ratio(&self) -> u64 {
        (u64::from(self.sector_size) << 23) / u64::from(self.block_size)
    }

    /// Refuses a block table that has no room for the whole disk.
    pub(super) fn check_table(&self, bat: &Region) -> Result<(), DiskError> {
        let blocks = self.size.div_ceil(u64::from(self.block_size));
        let ratio = self.chunk_ratio();
        let entries = match self.parent {
            Some(_) => blocks.div_ceil(ratio) * (ratio + 1),
            None => blocks + blocks.saturating_sub(1) / ratio,
        };
        if entries * 8 > u64::from(bat.length) {
            let expected = format!("{entries} entries");
            return Err(damaged("block table", bat.offset, expected, format!("room for {}", bat.length / 8)));
        }
        Ok(())
    }
}
