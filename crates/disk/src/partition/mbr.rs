//! The master boot record and the chain of extended boot records.

use super::{DiskId, Partition, PartitionId, PartitionTable, Scheme};
use crate::fields::{has, le32, peek};
use crate::read_at::ReadAt;

/// Logical partitions read at most; a chain that is longer, or a loop, is cut here.
const MAX_LOGICAL: u32 = 128;

/// One of the four entries of a boot record.
#[derive(Debug, Clone, Copy)]
struct Entry {
    flag: u8,
    kind: u8,
    start: u32,
    count: u32,
}

impl Entry {
    fn is_used(self) -> bool {
        self.kind != 0 && self.count != 0
    }

    fn is_extended(self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }
}

/// A first sector that is a master boot record.
#[derive(Debug)]
pub(super) struct Mbr {
    signature: u32,
    entries: [Entry; 4],
}

impl Mbr {
    /// `None` when the first sector is something else.
    pub(super) fn read(disk: &dyn ReadAt) -> Option<Self> {
        let sector = peek(disk, 0, 512);
        let entries = entries(&sector)?;
        // Boot code and text also end with 55 AA; the flags of a table are 00 or 80 (inactive, active).
        if entries.iter().any(|entry| entry.flag & 0x7f != 0) {
            return None;
        }
        Some(Self { signature: le32(&sector, 440)?, entries })
    }

    /// Whether it stands before a GPT.
    pub(super) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == 0xee)
    }

    pub(super) fn has_partitions(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_used())
    }

    /// First sectors of the primary partitions.
    pub(super) fn starts(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().filter(|entry| entry.is_used() && !entry.is_extended()).map(|entry| entry.start)
    }

    pub(super) fn table(&self, disk: &dyn ReadAt, sector_size: u32) -> PartitionTable {
        let mut table = PartitionTable::none(sector_size);
        table.scheme = Scheme::Mbr;
        table.disk_id = Some(DiskId::Mbr(self.signature));
        let mut next_logical = 5;
        for (number, entry) in (1..).zip(self.entries).filter(|(_, entry)| entry.is_used()) {
            if entry.start == 0 {
                table
                    .notes
                    .push(format!("partition {number} starts at the partition table itself: left out"));
            } else {
                self.add(&mut table, disk, number, u64::from(entry.start), entry);
            }
        }
        for entry in self.entries.iter().filter(|entry| entry.is_used() && entry.is_extended()) {
            self.add_logical(&mut table, disk, *entry, &mut next_logical);
        }
        table
    }

    fn add(&self, table: &mut PartitionTable, disk: &dyn ReadAt, number: u32, lba: u64, entry: Entry) {
        if entry.is_extended() {
            return;
        }
        let size = u64::from(table.sector_size);
        // 33 bits of sectors times at most 4096: far from an overflow.
        let (start, len) = (lba * size, u64::from(entry.count) * size);
        let partition = Partition {
            number,
            start,
            len,
            id: PartitionId::Mbr { signature: self.signature, start },
            type_name: type_name(entry.kind),
            name: String::new(),
        };
        table.push(partition, disk.len());
    }

    /// Each extended boot record has one logical partition, relative to itself, and the way to the next record,
    /// relative to the extended partition.
    fn add_logical(&self, table: &mut PartitionTable, disk: &dyn ReadAt, extended: Entry, number: &mut u32) {
        let base = u64::from(extended.start);
        let mut at = base;
        let mut seen = Vec::new();
        loop {
            if seen.contains(&at) {
                table
                    .notes
                    .push(format!("the chain of logical partitions returns to sector {at}: cut there"));
                return;
            }
            if *number >= 5 + MAX_LOGICAL {
                table.notes.push(format!("more than {MAX_LOGICAL} logical partitions: the rest is left out"));
                return;
            }
            seen.push(at);
            let sector = peek(disk, at * u64::from(table.sector_size), 512);
            let Some(entries) = entries(&sector) else {
                table
                    .notes
                    .push(format!("no extended boot record at sector {at}: logical partitions end there"));
                return;
            };
            let mut next = None;
            for entry in entries.into_iter().filter(|entry| entry.is_used()) {
                if entry.is_extended() {
                    next = next.or(Some(base + u64::from(entry.start)));
                } else if *number < 5 + MAX_LOGICAL {
                    self.add(table, disk, *number, at + u64::from(entry.start), entry);
                    *number += 1;
                }
            }
            match next {
                Some(sector) => at = sector,
                None => return,
            }
        }
    }
}

fn entries(sector: &[u8]) -> Option<[Entry; 4]> {
    if !has(sector, 510, &[0x55, 0xaa]) {
        return None;
    }
    let entry = |index: usize| {
        let at = 446 + index * 16;
        Some(Entry {
            flag: *sector.get(at)?,
            kind: *sector.get(at + 4)?,
            start: le32(sector, at + 8)?,
            count: le32(sector, at + 12)?,
        })
    };
    Some([entry(0)?, entry(1)?, entry(2)?, entry(3)?])
}

fn type_name(kind: u8) -> String {
    let name = match kind {
        0x01 => "FAT12",
        0x04 | 0x06 | 0x0e => "FAT16",
        0x07 => "NTFS/exFAT",
        0x0b | 0x0c => "FAT32",
        0x11 | 0x14 | 0x16 | 0x17 | 0x1b | 0x1c | 0x1e => "hidden FAT/NTFS",
        0x12 => "OEM recovery",
        0x27 => "Windows recovery",
        0x42 => "dynamic disk (LDM)",
        0x82 => "Linux swap",
        0x83 => "Linux",
        0x8e => "Linux LVM",
        0xa5 | 0xa6 | 0xa9 => "BSD",
        0xaf => "HFS/HFS+",
        0xe7 => "Storage Spaces",
        0xef => "EFI system",
        0xfb => "VMFS",
        0xfd => "Linux RAID",
        _ => "unknown",
    };
    format!("0x{kind:02x} {name}")
}
