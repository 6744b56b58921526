//! The GUID partition table (UEFI specification, chapter 5).

use super::{DiskId, Partition, PartitionId, PartitionTable, Scheme};
use crate::fields::{array, has, le32, le64, peek};
use crate::read_at::ReadAt;

/// Entries read at most; Windows writes 128.
const MAX_ENTRIES: u32 = 1024;
/// An entry larger than this is not a table of this world.
const MAX_ENTRY_SIZE: u32 = 4096;

/// Reads the table through its first header, or through the backup in the last sector.
///
/// `Err` has what is wrong with each header that was there.
pub(super) fn read(disk: &dyn ReadAt, sector_sizes: &[u32]) -> Result<PartitionTable, Vec<String>> {
    let mut notes = Vec::new();
    for size in sector_sizes {
        match read_at(disk, *size, 1) {
            Ok(Some(table)) => return Ok(table),
            Ok(None) => {}
            Err(reason) => {
                notes.push(format!("the first GPT header (sector 1 of {size} bytes) is damaged: {reason}"))
            }
        }
    }
    for size in sector_sizes {
        let last = (disk.len() / u64::from(*size)).saturating_sub(1);
        match read_at(disk, *size, last) {
            Ok(Some(mut table)) => {
                if notes.is_empty() {
                    notes.push("the first GPT header is gone".into());
                }
                notes.push("the backup of the GPT in the last sector was used".into());
                notes.append(&mut table.notes);
                table.notes = notes;
                return Ok(table);
            }
            Ok(None) => {}
            Err(reason) => notes.push(format!("the backup GPT header (sector {last}) is damaged: {reason}")),
        }
    }
    Err(notes)
}

/// `Ok(None)` when there is no header at all at this sector.
fn read_at(disk: &dyn ReadAt, sector_size: u32, lba: u64) -> Result<Option<PartitionTable>, String> {
    let Some(at) = lba.checked_mul(u64::from(sector_size)) else { return Ok(None) };
    let sector = peek(disk, at, sector_size as usize);
    if !has(&sector, 0, b"EFI PART") {
        return Ok(None);
    }
    parse(disk, sector_size, lba, &sector).map(Some)
}

fn parse(disk: &dyn ReadAt, sector_size: u32, lba: u64, sector: &[u8]) -> Result<PartitionTable, String> {
    let short = || "it is cut".to_owned();
    let header_size = le32(sector, 12).ok_or_else(short)?;
    let header =
        usize::try_from(header_size).ok().filter(|size| *size >= 92).and_then(|size| sector.get(..size));
    let header =
        header.ok_or_else(|| format!("its size is {header_size}, not between 92 and {sector_size} bytes"))?;
    let stored = le32(header, 16).ok_or_else(short)?;
    let mut zeroed = header.to_vec();
    if let Some(field) = zeroed.get_mut(16..20) {
        field.fill(0);
    }
    check_crc("its CRC-32", stored, &zeroed)?;
    let own = le64(header, 24).ok_or_else(short)?;
    if own != lba {
        return Err(format!("it says that it stands in sector {own}"));
    }

    let disk_guid = array(header, 56).ok_or_else(short)?;
    let entries_lba = le64(header, 72).ok_or_else(short)?;
    let count = le32(header, 80).ok_or_else(short)?;
    let entry_size = le32(header, 84).ok_or_else(short)?;
    let entries_crc = le32(header, 88).ok_or_else(short)?;
    if count > MAX_ENTRIES {
        return Err(format!("it claims {count} entries, more than {MAX_ENTRIES}"));
    }
    if !(128..=MAX_ENTRY_SIZE).contains(&entry_size) || !entry_size.is_multiple_of(8) {
        return Err(format!("it claims entries of {entry_size} bytes"));
    }
    let want = count as usize * entry_size as usize;
    let from = entries_lba.checked_mul(u64::from(sector_size));
    let entries = from.map(|from| peek(disk, from, want)).unwrap_or_default();
    if entries.len() != want {
        return Err(format!("its entries at sector {entries_lba} are not on the disk"));
    }
    check_crc("the CRC-32 of its entries", entries_crc, &entries)?;

    let mut table = PartitionTable::none(sector_size);
    table.scheme = Scheme::Gpt;
    table.disk_id = Some(DiskId::Gpt(disk_guid));
    for (number, entry) in (1..).zip(entries.chunks_exact(entry_size as usize)) {
        add(&mut table, disk, number, entry);
    }
    Ok(table)
}

fn check_crc(what: &str, stored: u32, bytes: &[u8]) -> Result<(), String> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    if crc.sum() == stored {
        Ok(())
    } else {
        Err(format!("{what} is {stored:08x} and should be {:08x}", crc.sum()))
    }
}

fn add(table: &mut PartitionTable, disk: &dyn ReadAt, number: u32, entry: &[u8]) {
    let (Some(kind), Some(unique)) = (array::<16>(entry, 0), array::<16>(entry, 16)) else { return };
    let (Some(first), Some(last)) = (le64(entry, 32), le64(entry, 40)) else { return };
    if kind == [0; 16] {
        return;
    }
    let size = u64::from(table.sector_size);
    let len = last.checked_sub(first).and_then(|n| n.checked_add(1)).and_then(|n| n.checked_mul(size));
    let (Some(start), Some(len)) = (first.checked_mul(size), len) else {
        table.notes.push(format!("partition {number} runs from sector {first} to {last}: left out"));
        return;
    };
    let units: Vec<u16> = entry
        .get(56..128)
        .unwrap_or_default()
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
        .take_while(|unit| *unit != 0)
        .collect();
    let partition = Partition {
        number,
        start,
        len,
        id: PartitionId::Gpt(unique),
        type_name: type_name(kind),
        name: String::from_utf16_lossy(&units),
    };
    table.push(partition, disk.len());
}

/// A GUID as text: its first three fields are little-endian on the disk.
fn guid_text(guid: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
    let tail: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let (clock, node) = tail.split_at_checked(4).unwrap_or_default();
    format!(
        "{:08x}-{:04x}-{:04x}-{clock}-{node}",
        u32::from_le_bytes([a, b, c, d]),
        u16::from_le_bytes([e, f]),
        u16::from_le_bytes([g, h])
    )
}

fn type_name(kind: [u8; 16]) -> String {
    let text = guid_text(kind);
    match text.as_str() {
        "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7" => "Basic data",
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" => "EFI system",
        "e3c9e316-0b5c-4db8-817d-f92df00215ae" => "Microsoft reserved",
        "de94bba4-06d1-4d40-a16a-bfd50179d6ac" => "Windows recovery",
        "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3" => "dynamic disk metadata (LDM)",
        "af9b60a0-1431-4f62-bc68-3311714a69ad" => "dynamic disk (LDM)",
        "e75caf8f-f680-4cee-afa3-b001e56efc2d" => "Storage Spaces",
        "558d43c5-a1ac-43c0-aac8-d1472b2923d1" => "Storage Replica",
        "db97dba9-0840-4bae-97f0-ffb9a327c7e1" => "cluster metadata",
        "21686148-6449-6e6f-744e-656564454649" => "BIOS boot",
        "0fc63daf-8483-4772-8e79-3d69d8477de4" => "Linux",
        "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f" => "Linux swap",
        "e6d6d379-f507-44c2-a23c-238f2a3df928" => "Linux LVM",
        "a19d880f-05fc-4d3b-a006-743f0f84911e" => "Linux RAID",
        "48465300-0000-11aa-aa11-00306543ecac" => "HFS/HFS+",
        "7c3457ef-0000-11aa-aa11-00306543ecac" => "APFS",
        _ => return text,
    }
    .to_owned()
}
