//! What a volume holds, by the marks at its start.
//!
//! Sources of the marks: the published specifications of FAT, exFAT, NTFS (Linux-NTFS documentation), ECMA-119 and
//! ECMA-167, LUKS, LVM2, and the on-disk headers of the Linux kernel; the BitLocker marks are those of libbde's
//! format documentation.

use std::fmt;

use crate::fields::{has, le16, le32, le64, peek};
use crate::read_at::ReadAt;

/// Bytes looked at; the mark of Btrfs stands just behind 64 KiB.
const HEAD: usize = 0x1_1000;
/// An empty volume is one whose first bytes up to here are zero.
const EMPTY: usize = 64 * 1024;

/// The file system or container of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// NTFS.
    Ntfs,
    /// NTFS whose boot sector is destroyed; the copy in the last sector is good.
    NtfsBackupBoot,
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// exFAT.
    ExFat,
    /// ReFS.
    ReFs,
    /// A volume encrypted with BitLocker, BitLocker To Go included.
    BitLocker,
    /// A Linux volume encrypted with LUKS 1 or 2.
    Luks,
    /// A physical volume of the Linux volume manager.
    Lvm,
    /// A member of a Linux software RAID.
    MdRaid,
    /// ext2, ext3 or ext4.
    Ext,
    /// Btrfs.
    Btrfs,
    /// XFS.
    Xfs,
    /// Linux swap space.
    Swap,
    /// An ISO 9660 optical disc.
    Iso9660,
    /// A UDF optical disc or volume.
    Udf,
    /// An APFS container.
    Apfs,
    /// HFS or HFS+.
    Hfs,
    /// The first 64 KiB are zero.
    Empty,
    /// None of the above; its first bytes (zeros where there are fewer).
    Unknown([u8; 16]),
}

impl Content {
    /// Whether a file system or container was recognised.
    pub fn is_known(self) -> bool {
        !matches!(self, Self::Empty | Self::Unknown(_))
    }

    /// Whether the mark stands in the sector where a partition table would be, so that there is none.
    pub fn is_in_first_sector(self) -> bool {
        matches!(
            self,
            Self::Ntfs
                | Self::NtfsBackupBoot
                | Self::Fat
                | Self::ExFat
                | Self::ReFs
                | Self::BitLocker
                | Self::Luks
                | Self::Xfs
                | Self::Apfs
        )
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ntfs => "NTFS",
            Self::NtfsBackupBoot => "NTFS (boot sector destroyed, its copy is good)",
            Self::Fat => "FAT",
            Self::ExFat => "exFAT",
            Self::ReFs => "ReFS",
            Self::BitLocker => "BitLocker",
            Self::Luks => "LUKS",
            Self::Lvm => "LVM physical volume",
            Self::MdRaid => "Linux software RAID",
            Self::Ext => "ext2/3/4",
            Self::Btrfs => "Btrfs",
            Self::Xfs => "XFS",
            Self::Swap => "Linux swap",
            Self::Iso9660 => "ISO 9660",
            Self::Udf => "UDF",
            Self::Apfs => "APFS",
            Self::Hfs => "HFS/HFS+",
            Self::Empty => "empty",
            Self::Unknown(first) => {
                f.write_str("unknown content (")?;
                for (at, byte) in first.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if at == 0 { "" } else { " " })?;
                }
                return f.write_str(")");
            }
        })
    }
}

/// Says what a volume holds.
///
/// What cannot be read is taken for unknown.
pub fn identify(volume: &dyn ReadAt) -> Content {
    let head = peek_patiently(volume);
    if let Some(known) = by_boot_sector(&head).or_else(|| by_marks(&head)) {
        return known;
    }
    if has_backup_boot(volume) {
        return Content::NtfsBackupBoot;
    }
    let start = head.get(..EMPTY.min(head.len())).unwrap_or_default();
    if !start.is_empty() && start.iter().all(|byte| *byte == 0) {
        return Content::Empty;
    }
    let mut first = [0; 16];
    first.iter_mut().zip(&head).for_each(|(to, from)| *to = *from);
    Content::Unknown(first)
}

/// A bad chunk further on must not hide a good boot sector.
fn peek_patiently(volume: &dyn ReadAt) -> Vec<u8> {
    let whole = peek(volume, 0, HEAD);
    if whole.is_empty() { peek(volume, 0, 512) } else { whole }
}

/// `4967d63b-2e29-4ad8-8399-f6a339e3d001`, which marks a BitLocker To Go volume.
const FVE_TO_GO: [u8; 16] =
    [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01];

fn by_boot_sector(head: &[u8]) -> Option<Content> {
    if has(head, 3, b"-FVE-FS-") || (has(head, 3, b"MSWIN4.1") && has(head, 424, &FVE_TO_GO)) {
        return Some(Content::BitLocker);
    }
    if is_ntfs_boot(head) {
        return Some(Content::Ntfs);
    }
    if has(head, 3, b"EXFAT   ") {
        return Some(Content::ExFat);
    }
    if has(head, 3, b"ReFS\0\0\0\0") || (has(head, 3, b"ReFS") && has(head, 16, b"FSRS")) {
        return Some(Content::ReFs);
    }
    is_fat_boot(head).then_some(Content::Fat)
}

fn by_marks(head: &[u8]) -> Option<Content> {
    if has(head, 0, b"LUKS\xba\xbe") {
        return Some(Content::Luks);
    }
    if has(head, 0, b"XFSB") {
        return Some(Content::Xfs);
    }
    if has(head, 32, b"NXSB") {
        return Some(Content::Apfs);
    }
    // The label may stand in any of the first four sectors.
    if [0, 512, 1024, 1536].iter().any(|at| has(head, *at, b"LABELONE") && has(head, at + 24, b"LVM2 001")) {
        return Some(Content::Lvm);
    }
    if has(head, 0x1_0040, b"_BHRfS_M") {
        return Some(Content::Btrfs);
    }
    if has(head, 1024 + 56, &[0x53, 0xef]) && le32(head, 1024).is_some_and(|inodes| inodes != 0) {
        return Some(Content::Ext);
    }
    if [4086, 8182, 16374, 65526]
        .iter()
        .any(|at| has(head, *at, b"SWAPSPACE2") || has(head, *at, b"SWAP-SPACE"))
    {
        return Some(Content::Swap);
    }
    if [0, 4096].iter().any(|at| has(head, *at, &0xa92b_4efc_u32.to_le_bytes())) {
        return Some(Content::MdRaid);
    }
    optical(head).or_else(|| hfs(head))
}

/// The volume recognition area: descriptors of 2 KiB from 32 KiB on. A bridge disc has both kinds.
fn optical(head: &[u8]) -> Option<Content> {
    let mut iso = false;
    for at in (0x8000..0x1_0000).step_by(2048) {
        if has(head, at + 1, b"NSR02") || has(head, at + 1, b"NSR03") {
            return Some(Content::Udf);
        }
        iso |= has(head, at + 1, b"CD001");
    }
    iso.then_some(Content::Iso9660)
}

fn hfs(head: &[u8]) -> Option<Content> {
    let plus = has(head, 1024, b"H+\0\x04") || has(head, 1024, b"HX\0\x05");
    // Two letters alone are little: classic HFS has its allocation block size, a multiple of 512, at byte 20.
    let classic = has(head, 1024, b"BD")
        && head.get(1046).is_some_and(|byte| byte % 2 == 0)
        && head.get(1047).is_some_and(|byte| *byte == 0)
        && head.get(1044..1047).is_some_and(|size| size.iter().any(|byte| *byte != 0));
    (plus || classic).then_some(Content::Hfs)
}

/// Whether the sector is an NTFS boot sector with a plausible geometry.
fn is_ntfs_boot(sector: &[u8]) -> bool {
    has(sector, 3, b"NTFS    ")
        && le16(sector, 11).is_some_and(|size| (256..=4096).contains(&size) && size.is_power_of_two())
        && sector.get(13).is_some_and(|count| *count != 0)
        && le64(sector, 40).is_some_and(|sectors| sectors != 0)
}

fn is_fat_boot(head: &[u8]) -> bool {
    let jump = matches!((head.first(), head.get(2)), (Some(0xeb), Some(0x90)) | (Some(0xe9), Some(_)));
    let sector = le16(head, 11).is_some_and(|size| matches!(size, 512 | 1024 | 2048 | 4096));
    let cluster = head.get(13).is_some_and(|count| count.is_power_of_two());
    let reserved = le16(head, 14).is_some_and(|count| count != 0);
    let tables = head.get(16).is_some_and(|count| matches!(count, 1 | 2));
    let media = head.get(21).is_some_and(|media| *media == 0xf0 || *media >= 0xf8);
    let sectors = le16(head, 19).is_some_and(|n| n != 0) || le32(head, 32).is_some_and(|n| n != 0);
    has(head, 510, &[0x55, 0xaa]) && jump && sector && cluster && reserved && tables && media && sectors
}

/// Windows keeps a copy of the boot sector in the last sector of the partition, just behind the volume.
fn has_backup_boot(volume: &dyn ReadAt) -> bool {
    [512_u64, 1024, 2048, 4096].iter().any(|size| {
        let Some(at) = volume.len().checked_sub(*size) else { return false };
        let sector = peek(volume, at, 512);
        // On a whole disk, the last sector may be the copy of its last partition: the length tells them apart.
        is_ntfs_boot(&sector)
            && le16(&sector, 11).map(u64::from) == Some(*size)
            && le64(&sector, 40).and_then(|sectors| sectors.checked_mul(*size)) == Some(at)
    })
}

#[cfg(test)]
mod tests;
