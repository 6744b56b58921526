use iiskeys_fixtures::disk::partition::{
    BASIC_DATA, EFI_SYSTEM, GPT_DISK, entry, gpt_disk, mbr_disk, ntfs_boot_sector, seal_gpt_header,
};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

fn read_disk(disk: Vec<u8>, hint: Option<u32>) -> PartitionTable {
    let disk: Arc<dyn ReadAt> = Arc::new(disk);
    partitions(&disk, hint)
}

fn small_gpt(sector_size: usize) -> Vec<u8> {
    let (efi, data) = (vec![1; 4 * sector_size], ntfs_boot_sector(512, 7));
    let partitions: &[(u64, &[u8], &str, _, _)] = &[
        (40, &efi, "EFI system partition", EFI_SYSTEM, [1; 16]),
        (50, &data, "Daten ü", BASIC_DATA, [2; 16]),
    ];
    gpt_disk(partitions, sector_size, 128)
}

#[test]
fn a_gpt_is_read_with_either_sector_size_and_any_hint() {
    for size in [512_u32, 4096] {
        for hint in [None, Some(512), Some(4096), Some(0), Some(520)] {
            let table = read_disk(small_gpt(size as usize), hint);
            assert_eq!((table.scheme, table.sector_size), (Scheme::Gpt, size));
            assert_eq!(table.disk_id, Some(DiskId::Gpt(GPT_DISK)));
            assert_eq!(table.notes, Vec::<String>::new());
            let [efi, data] = table.partitions.as_slice() else { panic!("two partitions") };
            assert_eq!((efi.number, efi.type_name.as_str()), (1, "EFI system"));
            assert_eq!((efi.start, efi.len), (40 * u64::from(size), 4 * u64::from(size)));
            assert_eq!(data.name, "Daten ü");
            assert_eq!(data.id, PartitionId::Gpt([2; 16]));
        }
    }
}

#[test]
fn a_damaged_first_header_leads_to_the_backup() {
    for at in [512 + 8, 512 + 60, 1024 + 40, 512] {
        for size in [512, 4096] {
            let mut disk = small_gpt(size);
            let at = at / 512 * size + at % 512;
            disk[at] ^= 1;
            let table = read_disk(disk, None);
            assert_eq!((table.scheme, table.partitions.len()), (Scheme::Gpt, 2), "byte {at}");
            assert!(table.notes.iter().any(|note| note.contains("backup")), "{:?}", table.notes);
        }
    }
}

#[test]
fn a_gpt_without_usable_headers_says_so() {
    let mut disk = small_gpt(512);
    disk[520] ^= 1;
    let last = disk.len() - 512;
    disk[last + 60] ^= 1;
    let table = read_disk(disk, None);
    assert_eq!((table.scheme, table.partitions.len()), (Scheme::Gpt, 0));
    assert_eq!(table.notes.len(), 3, "{:?}", table.notes);
}

#[test]
fn a_gpt_without_an_mbr_is_read_and_noted() {
    let mut disk = small_gpt(512);
    disk[510] = 0;
    let table = read_disk(disk, None);
    assert_eq!((table.scheme, table.partitions.len(), table.notes.len()), (Scheme::Gpt, 2, 1));
}

#[test]
fn lies_in_a_sealed_gpt_header_are_refused() {
    for (field, value) in [(80, 1025_u32), (80, u32::MAX), (84, 0), (84, 127), (84, u32::MAX), (12, 1 << 20)]
    {
        let mut disk = small_gpt(512);
        let backup = disk.len() - 512;
        for header in [512, backup] {
            disk[header + field..header + field + 4].copy_from_slice(&value.to_le_bytes());
            seal_gpt_header(&mut disk[header..header + 512]);
        }
        let table = read_disk(disk, None);
        assert_eq!(table.partitions, [], "{field} {value}");
        assert!(!table.notes.is_empty());
    }
}

#[test]
fn an_mbr_with_logical_partitions_is_read() {
    let boot = ntfs_boot_sector(512, 7);
    let long = vec![7; 8 * 512];
    let disk = mbr_disk(
        0xdead_beef,
        &[(8, &boot, 0x07), (16, &long, 0x42)],
        &[(31, &long, 0x0b), (41, &boot, 0x07), (51, &long, 0x83)],
        512,
        64,
    );
    let table = read_disk(disk, None);
    assert_eq!((table.scheme, table.disk_id), (Scheme::Mbr, Some(DiskId::Mbr(0xdead_beef))));
    assert_eq!(table.notes, Vec::<String>::new());
    let found: Vec<_> = table
        .partitions
        .iter()
        .map(|p| (p.number, p.start / 512, p.len / 512, p.type_name.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (1, 8, 1, "0x07 NTFS/exFAT"),
            (2, 16, 8, "0x42 dynamic disk (LDM)"),
            (5, 31, 8, "0x0b FAT32"),
            (6, 41, 1, "0x07 NTFS/exFAT"),
            (7, 51, 8, "0x83 Linux"),
        ]
    );
    assert_eq!(
        table.partitions[3].id,
        PartitionId::Mbr { signature: 0xdead_beef, start: 41 * 512 },
        "joined with MountedDevices by the offset on the disk"
    );
}

#[test]
fn an_mbr_of_large_sectors_is_known_by_its_volumes() {
    let boot = ntfs_boot_sector(4096, 7);
    let disk = mbr_disk(1, &[(8, &boot, 0x07)], &[(16, &boot, 0x07)], 4096, 32);
    for hint in [None, Some(4096)] {
        let table = read_disk(disk.clone(), hint);
        assert_eq!(table.sector_size, 4096);
        assert_eq!(table.partitions.iter().map(|p| p.start).collect::<Vec<_>>(), [8 * 4096, 16 * 4096]);
    }
}

#[test]
fn a_chain_of_logical_partitions_that_loops_is_cut() {
    let data = vec![7; 512];
    let mut disk = mbr_disk(1, &[], &[(11, &data, 0x07), (21, &data, 0x07)], 512, 64);
    // The second record leads back to the first.
    disk[20 * 512 + 462..20 * 512 + 478].copy_from_slice(&entry(0, 0x05, 0, 2));
    let table = read_disk(disk, None);
    assert_eq!(table.partitions.len(), 2);
    assert!(table.notes[0].contains("returns to sector 10"), "{:?}", table.notes);
}

#[test]
fn an_endless_chain_of_logical_partitions_is_cut_at_128() {
    let data = [1; 512];
    let logical: Vec<_> = (0..200).map(|n| (11 + 2 * n, data.as_slice(), 0x07)).collect();
    let table = read_disk(mbr_disk(1, &[], &logical, 512, 512), None);
    assert_eq!((table.partitions.len(), table.notes.len()), (128, 1));
}

#[test]
fn partitions_outside_of_the_disk_and_over_each_other_are_noted() {
    let (data, long) = (vec![7; 512], vec![7; 20 * 512]);
    let mut disk = mbr_disk(1, &[(8, &long, 0x07), (10, &data, 0x07), (60, &data, 0x07)], &[], 512, 64);
    disk[446 + 32 + 12] = 100;
    disk[446 + 48..446 + 64].copy_from_slice(&entry(0, 0x07, 64, 1));
    let table = read_disk(disk, None);
    assert_eq!(table.partitions.iter().map(|p| p.len / 512).collect::<Vec<_>>(), [20, 1, 4]);
    assert_eq!(table.notes.len(), 3, "{:?}", table.notes);
}

#[test]
fn a_bare_volume_has_no_table() {
    let mut volume = ntfs_boot_sector(512, 127);
    volume.resize(128 * 512, 0);
    // Boot code may look like entries of a table.
    volume[446..462].copy_from_slice(&entry(0x80, 0x07, 8, 8));
    let table = read_disk(volume, None);
    assert_eq!((table.scheme, table.partitions.len(), table.disk_id), (Scheme::None, 0, None));
    assert_eq!(read_disk(vec![0; 4096], None).scheme, Scheme::None);
    assert_eq!(read_disk(Vec::new(), None).scheme, Scheme::None);
}

proptest! {
    #[test]
    fn what_the_forge_writes_is_read_back(
        large in any::<bool>(),
        partitions in prop::collection::vec((1_usize..6, "[a-zA-Zäß€ ]{0,36}", any::<[u8; 16]>()), 0..12),
    ) {
        let size = if large { 4096 } else { 512 };
        let contents: Vec<_> = partitions.iter().map(|(sectors, ..)| vec![0xcc; sectors * size]).collect();
        let mut first = 40;
        let forged: Vec<_> = partitions.iter().zip(&contents).map(|((sectors, name, unique), bytes)| {
            let at = first;
            first += *sectors as u64;
            (at, bytes.as_slice(), name.as_str(), BASIC_DATA, *unique)
        }).collect();
        let table = read_disk(gpt_disk(&forged, size, 256), None);
        prop_assert_eq!(table.notes, Vec::<String>::new());
        prop_assert_eq!(table.partitions.len(), forged.len());
        for (found, (at, bytes, name, _, unique)) in table.partitions.iter().zip(&forged) {
            prop_assert_eq!(found.start, at * size as u64);
            prop_assert_eq!(found.len, bytes.len() as u64);
            prop_assert_eq!(&found.name, name);
            prop_assert_eq!(found.id, PartitionId::Gpt(*unique));
        }
    }
}

#[test]
fn no_mutant_of_a_table_escapes_the_disk() {
    let data = vec![7; 3 * 512];
    let seeds =
        [small_gpt(512), mbr_disk(9, &[(8, &data, 0x07)], &[(21, &data, 0x07), (31, &data, 0x07)], 512, 64)];
    let mut rng = Rng::new(4);
    let mut read_some = 0;
    for round in 0..6000 {
        let mut disk = seeds[round % 2].clone();
        for _ in 0..1 + rng.below(6) {
            // Tables stand at the start, the backup of a GPT at the end, the chain in between.
            let at = match rng.below(3) {
                0 => 440 + rng.below(72),
                1 => rng.below(disk.len().min(33 * 512)),
                _ => disk.len() - 1 - rng.below(512),
            };
            disk[at] = rng.next_u64() as u8;
        }
        if round % 4 == 0 {
            seal_gpt_header(&mut disk[512..1024]);
        }
        disk.truncate(disk.len() - rng.below(2) * rng.below(disk.len()));
        let len = disk.len() as u64;
        let table = read_disk(disk, None);
        read_some += table.partitions.len();
        assert!(table.partitions.len() <= 1024 && table.notes.len() <= 4096);
        for partition in &table.partitions {
            assert!(partition.start < len && partition.len <= len - partition.start);
        }
    }
    assert!(read_some > 3000, "mutants are still read: {read_some}");
}
