//! The boot sector: geometry and the place of the master file table.
//!
//! Layout after the linux-ntfs documentation and the NTFS chapter of the Windows resource kits.

use crate::bytes::{slice, u8_at, u16_at, u32_at, u64_at};
use crate::error::NtfsError;

/// Length of what is read of a boot sector, in bytes.
pub(crate) const BOOT_LEN: usize = 512;

/// Largest cluster that Windows formats, in bytes.
const MAX_CLUSTER: u64 = 2 * 1024 * 1024;

/// Largest file record or index block that is believed, in bytes.
const MAX_RECORD: u64 = 64 * 1024;

/// The geometry of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Bytes of a sector.
    pub sector_size: u32,
    /// Bytes of a cluster.
    pub cluster_size: u32,
    /// Bytes of a file record.
    pub record_size: u32,
    /// Bytes of an index block, as a default: each index states its own.
    pub index_size: u32,
    /// Sectors of the volume, without the backup of the boot sector behind them.
    pub sectors: u64,
    /// First cluster of `$MFT`.
    pub mft: u64,
    /// First cluster of `$MFTMirr`.
    pub mirror: u64,
    /// Serial number of the volume.
    pub serial: u64,
}

impl Boot {
    /// Reads a boot sector.
    ///
    /// # Errors
    /// When it is not one of NTFS or states a geometry that cannot be.
    pub fn parse(data: &[u8]) -> Result<Self, NtfsError> {
        let bad = |offset: u64, expected: &str, found: String| {
            NtfsError::damaged("boot sector", offset, expected, found)
        };
        let short = || bad(data.len() as u64, "512 bytes", format!("{} bytes", data.len()));
        let signature = slice(data, 3, 8).ok_or_else(short)?;
        if signature != b"NTFS    " {
            return Err(bad(3, "\"NTFS    \"", signature.escape_ascii().to_string()));
        }
        let sector_size = u32::from(u16_at(data, 0x0b).ok_or_else(short)?);
        if !sector_size.is_power_of_two() || !(256..=4096).contains(&sector_size) {
            return Err(bad(0x0b, "sectors of 256 to 4096 bytes", sector_size.to_string()));
        }
        let code = u8_at(data, 0x0d).ok_or_else(short)?;
        // Clusters above 64 KiB do not fit the count, so it is then a negative power of two.
        let per_cluster =
            if code > 0x80 { 1_u64 << (256 - u32::from(code)).min(32) } else { u64::from(code) };
        let cluster = per_cluster * u64::from(sector_size);
        if !per_cluster.is_power_of_two() || cluster > MAX_CLUSTER {
            return Err(bad(0x0d, "clusters of at most 2 MiB", format!("{per_cluster} sectors")));
        }
        let sectors = u64_at(data, 0x28).ok_or_else(short)?;
        if sectors == 0 || sectors.checked_mul(u64::from(sector_size)).is_none() {
            return Err(bad(0x28, "a number of sectors", sectors.to_string()));
        }
        let clusters = sectors / per_cluster;
        let place = |at: usize| {
            let lcn = u64_at(data, at).ok_or_else(short)?;
            if lcn == 0 || lcn >= clusters {
                return Err(bad(at as u64, &format!("a cluster below {clusters}"), lcn.to_string()));
            }
            Ok(lcn)
        };
        let size = |at: usize| {
            let code = u8_at(data, at).ok_or_else(short)?;
            let size = match code as i8 {
                exponent @ ..=-1 => 1_u64 << u32::from(exponent.unsigned_abs()).min(32),
                count => count.unsigned_abs() as u64 * cluster,
            };
            if !size.is_power_of_two() || !(256..=MAX_CLUSTER).contains(&size) {
                return Err(bad(at as u64, "a power of two from 256 bytes on", format!("{size} bytes")));
            }
            Ok(size as u32)
        };
        let record_size = size(0x40)?;
        if u64::from(record_size) > MAX_RECORD {
            return Err(bad(0x40, "file records of at most 64 KiB", format!("{record_size} bytes")));
        }
        u32_at(data, 0x50).ok_or_else(short)?;
        Ok(Self {
            sector_size,
            cluster_size: cluster as u32,
            record_size,
            index_size: size(0x44)?,
            sectors,
            mft: place(0x30)?,
            // Only needed when $MFT is damaged, so a bad value is no reason to refuse the volume.
            mirror: u64_at(data, 0x38).filter(|lcn| *lcn < clusters).unwrap_or(0),
            serial: u64_at(data, 0x48).ok_or_else(short)?,
        })
    }

    /// Whole clusters of the volume.
    pub fn clusters(&self) -> u64 {
        self.sectors.saturating_mul(u64::from(self.sector_size)) / u64::from(self.cluster_size.max(1))
    }

    /// Bytes of the volume, without the backup of the boot sector.
    pub fn len(&self) -> u64 {
        self.sectors.saturating_mul(u64::from(self.sector_size))
    }

    /// Whether the volume has no sectors.
    pub fn is_empty(&self) -> bool {
        self.sectors == 0
    }
}
