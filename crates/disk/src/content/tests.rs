use iiskeys_fixtures::disk::partition::ntfs_boot_sector;

use super::*;

type Marks<'a> = &'a [(usize, &'a [u8])];

fn volume(len: usize, marks: Marks<'_>) -> Vec<u8> {
    let mut volume = vec![0; len];
    for (at, mark) in marks {
        volume[*at..*at + mark.len()].copy_from_slice(mark);
    }
    volume
}

const MIB: usize = 1024 * 1024;

#[test]
fn each_mark_is_known_by_name() {
    let ntfs = ntfs_boot_sector(512, 2047);
    let fat = b"\xeb\x3c\x90MSDOS5.0\x00\x02\x04\x01\x00\x02\x00\x02\x00\x50\xf8\x20\x00";
    let cases: &[(Marks<'_>, &str)] = &[
        (&[(0, &ntfs)], "NTFS"),
        (&[(0, fat), (510, b"\x55\xaa")], "FAT"),
        (&[(0, b"\xeb\x76\x90EXFAT   ")], "exFAT"),
        (&[(0, b"\0\0\0ReFS\0\0\0\0"), (16, b"FSRS")], "ReFS"),
        (&[(0, b"\xeb\x58\x90-FVE-FS-")], "BitLocker"),
        (&[(0, b"\xeb\x58\x90MSWIN4.1"), (424, &FVE_TO_GO)], "BitLocker"),
        (&[(0, b"LUKS\xba\xbe\x00\x02")], "LUKS"),
        (&[(512, b"LABELONE"), (536, b"LVM2 001")], "LVM physical volume"),
        (&[(4096, b"\xfc\x4e\x2b\xa9")], "Linux software RAID"),
        (&[(1024, b"\x10\x00"), (1080, b"\x53\xef")], "ext2/3/4"),
        (&[(0x1_0040, b"_BHRfS_M")], "Btrfs"),
        (&[(0, b"XFSB")], "XFS"),
        (&[(4086, b"SWAPSPACE2")], "Linux swap"),
        (&[(0x8001, b"CD001")], "ISO 9660"),
        (&[(0x8001, b"CD001"), (0x9001, b"NSR02")], "UDF"),
        (&[(32, b"NXSB")], "APFS"),
        (&[(1024, b"H+\x00\x04")], "HFS/HFS+"),
        (&[], "empty"),
        (&[(2, b"abc")], "unknown content (00 00 61 62 63 00 00 00 00 00 00 00 00 00 00 00)"),
    ];
    for (marks, name) in cases {
        assert_eq!(identify(&volume(MIB, marks)).to_string(), *name);
    }
}

#[test]
fn an_ntfs_volume_without_its_boot_sector_is_known_by_the_copy_in_the_last_sector() {
    for size in [512_u16, 4096] {
        let last = MIB - usize::from(size);
        let boot = ntfs_boot_sector(size, last as u64 / u64::from(size));
        let mut disk = volume(MIB, &[(last, &boot)]);
        assert_eq!(identify(&disk), Content::NtfsBackupBoot);
        // The same sector at the end of a longer disk belongs to a partition, not to the disk.
        disk.splice(0..0, vec![0; MIB]);
        assert_eq!(identify(&disk), Content::Empty);
    }
}

#[test]
fn less_than_a_sector_is_unknown() {
    assert_eq!(identify(&b"NTFS".to_vec()), Content::Unknown(*b"NTFS\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_eq!(identify(&Vec::new()), Content::Unknown([0; 16]));
}
