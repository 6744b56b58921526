//! Partition tables: MBR with logical partitions, and GPT.
//!
//! Identifiers are kept the way Windows writes them into `MountedDevices`, so that a drive letter can be joined with
//! its partition.

mod gpt;
mod mbr;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::content::{Content, identify};
use crate::read_at::{ReadAt, Slice};

/// The kind of a partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// There is none: the disk is one bare volume, or holds nothing known.
    None,
    /// Master boot record.
    Mbr,
    /// GUID partition table.
    Gpt,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Mbr => "MBR",
            Self::Gpt => "GPT",
        })
    }
}

/// How Windows tells disks apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskId {
    /// The disk signature at byte 440 of the MBR.
    Mbr(u32),
    /// The disk GUID, as its bytes stand on the disk.
    Gpt([u8; 16]),
}

/// How Windows tells partitions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionId {
    /// The signature of the disk and the offset of the partition.
    Mbr {
        /// Disk signature.
        signature: u32,
        /// Where the partition starts on the disk, in bytes.
        start: u64,
    },
    /// The unique GUID of the partition, as its bytes stand on the disk.
    Gpt([u8; 16]),
}

/// One partition, always inside the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number in the table, from 1 on; logical partitions of an MBR count from 5 on.
    pub number: u32,
    /// Where it starts on the disk, in bytes.
    pub start: u64,
    /// Its length in bytes, cut where the disk ends.
    pub len: u64,
    /// How Windows tells it apart.
    pub id: PartitionId,
    /// Its type, as people call it.
    pub type_name: String,
    /// The name that a GPT gives it; empty otherwise.
    pub name: String,
}

/// What the partition table of a disk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionTable {
    /// The kind of the table.
    pub scheme: Scheme,
    /// The identifier of the disk.
    pub disk_id: Option<DiskId>,
    /// Bytes in a logical sector, as the table counts.
    pub sector_size: u32,
    /// The partitions in the order of the table.
    pub partitions: Vec<Partition>,
    /// What is damaged or strange, one sentence each.
    pub notes: Vec<String>,
}

impl PartitionTable {
    fn none(sector_size: u32) -> Self {
        Self { scheme: Scheme::None, disk_id: None, sector_size, partitions: Vec::new(), notes: Vec::new() }
    }

    /// Adds a partition, cut to the disk; one that starts behind the end is only noted.
    fn push(&mut self, mut partition: Partition, disk_len: u64) {
        let number = partition.number;
        if partition.start >= disk_len {
            self.notes.push(format!(
                "partition {number} starts at byte {}, behind the end of the disk at byte {disk_len}: left out",
                partition.start
            ));
            return;
        }
        let room = disk_len - partition.start;
        if partition.len > room {
            self.notes.push(format!(
                "partition {number} is {} bytes long and the disk ends {room} bytes behind its start: cut",
                partition.len
            ));
            partition.len = room;
        }
        self.partitions.push(partition);
    }

    fn note_overlaps(&mut self) {
        let mut order: Vec<_> = self.partitions.iter().map(|p| (p.start, p.len, p.number)).collect();
        order.sort_unstable();
        let mut furthest: Option<(u64, u32)> = None;
        for (start, len, number) in order {
            if let Some((end, other)) = furthest
                && start < end
            {
                self.notes.push(format!("partitions {other} and {number} overlap at byte {start}"));
            }
            let end = start.saturating_add(len);
            if furthest.is_none_or(|(known, _)| end > known) {
                furthest = Some((end, number));
            }
        }
    }
}

/// Reads the partition table of a disk.
///
/// `sector_hint` is the sector size that the image format states; without it, or when no GPT stands where it says,
/// 512 and 4096 bytes are tried. A bare volume has no table: its boot sector ends with the same signature as an MBR,
/// so the content is asked first.
pub fn partitions(disk: &Arc<dyn ReadAt>, sector_hint: Option<u32>) -> PartitionTable {
    let hint = sector_hint.filter(|size| (512..=4096).contains(size) && size.is_power_of_two());
    let mut table = read(disk, hint);
    table.note_overlaps();
    table
}

fn read(disk: &Arc<dyn ReadAt>, hint: Option<u32>) -> PartitionTable {
    if identify(disk.as_ref()).is_in_first_sector() {
        return PartitionTable::none(hint.unwrap_or(512));
    }
    let sizes = sector_sizes(hint);
    let mbr = mbr::Mbr::read(disk.as_ref());
    match mbr {
        // A GPT left behind by an earlier use of the disk does not count beside a real MBR.
        Some(mbr) if !mbr.is_protective() && mbr.has_partitions() => {
            let size = hint.unwrap_or_else(|| mbr_sector_size(disk, &mbr));
            mbr.table(disk.as_ref(), size)
        }
        Some(mbr) if mbr.is_protective() => gpt::read(disk.as_ref(), &sizes).unwrap_or_else(|notes| {
            let mut table = PartitionTable::none(hint.unwrap_or(512));
            table.scheme = Scheme::Gpt;
            table.notes = notes;
            table.notes.push("the MBR protects a GPT, and neither of its two headers is usable".into());
            table
        }),
        mbr => match gpt::read(disk.as_ref(), &sizes) {
            Ok(mut table) => {
                table.notes.push("there is a GPT without the MBR that protects it".into());
                table
            }
            Err(notes) => {
                let size = hint.unwrap_or(512);
                let mut table =
                    mbr.map_or_else(|| PartitionTable::none(size), |mbr| mbr.table(disk.as_ref(), size));
                table.notes.extend(notes);
                table
            }
        },
    }
}

/// Whether a disk has a partition table that says something.
pub(crate) fn is_partitioned(disk: &dyn ReadAt) -> bool {
    mbr::Mbr::read(disk).is_some_and(|mbr| mbr.has_partitions())
        || gpt::read(disk, &sector_sizes(None)).is_ok()
}

/// The sizes to try, the likeliest first.
fn sector_sizes(hint: Option<u32>) -> Vec<u32> {
    let mut sizes: Vec<u32> = hint.into_iter().collect();
    sizes.extend([512, 4096].into_iter().filter(|size| Some(*size) != hint));
    sizes
}

/// An MBR does not say what its sectors are: the size under which a partition begins with something known.
fn mbr_sector_size(disk: &Arc<dyn ReadAt>, mbr: &mbr::Mbr) -> u32 {
    let known = |size: u32| {
        mbr.starts().any(|lba| {
            let start = u64::from(lba) * u64::from(size);
            let content = identify(&Slice::new(Arc::clone(disk), start, u64::from(u32::MAX) * 512));
            content.is_known() && content != Content::NtfsBackupBoot
        })
    };
    if !known(512) && known(4096) { 4096 } else { 512 }
}
