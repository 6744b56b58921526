//! The base block: the first 4096 bytes of a hive.

use iiskeys_evidence::Timestamp;
use thiserror::Error;

use super::error::HiveError;
use crate::artifact::bytes::{array, slice, u32_le, u64_le};

/// Size of the base block in bytes.
pub(super) const SIZE: usize = 4096;
/// What a hive begins with.
const MAGIC: &[u8; 4] = b"regf";
/// Offset of the checksum.
const CHECKSUM: usize = 508;

/// Whether these first bytes are a hive's: the magic, and a base block that makes some sense. Damaged fields are allowed,
/// a text file or an AppleDouble file are not.
pub fn is_hive(head: &[u8]) -> bool {
    let major = u32_le(head, 20).unwrap_or(0);
    head.starts_with(MAGIC) && head.len() >= 64 && (major == 1 || u32_le(head, 28) == Ok(0))
}

/// Fields of the base block. Sequence numbers, offsets and sizes as stored, little-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseBlock {
    /// Incremented when a write begins.
    pub primary_sequence: u32,
    /// Set to the primary number when the write is complete.
    pub secondary_sequence: u32,
    /// Last write of the hive.
    pub last_written: Option<Timestamp>,
    /// Major version, 1.
    pub major: u32,
    /// Minor version, 3 to 6.
    pub minor: u32,
    /// 0 for a hive, others for logs.
    pub file_type: u32,
    /// 1 for data that is laid out directly.
    pub file_format: u32,
    /// Offset of the root key, in bytes from the end of the base block.
    pub root_offset: u32,
    /// Size of the hive's data in bytes, behind the base block.
    pub bins_size: u32,
    /// End of the path of the hive on the machine.
    pub file_name: String,
    /// Checksum as stored.
    pub checksum_stored: u32,
    /// Checksum as computed.
    pub checksum_computed: u32,
}

/// Something wrong with a base block or with the size of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Defect {
    /// The checksum is wrong.
    #[error("the checksum of the base block is {stored:#010x}, its content gives {computed:#010x}")]
    Checksum {
        /// As stored.
        stored: u32,
        /// As computed.
        computed: u32,
    },
    /// The version is none that is known.
    #[error("version {major}.{minor} of a hive is not known")]
    Version {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
    },
    /// The file ends before the hive's data does.
    #[error("the base block names {expected} bytes of data, the file holds {found}")]
    Truncated {
        /// Bytes named.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// The data is not laid out directly, as it is in every hive that Windows loads.
    #[error("the file format is {found}, a hive has 1")]
    FileFormat {
        /// File format as stored.
        found: u32,
    },
    /// It is the base block of a transaction log.
    #[error("the file type is {found}, a hive has 0")]
    FileType {
        /// File type as stored.
        found: u32,
    },
}

impl BaseBlock {
    /// A base block of nothing.
    pub(super) fn empty() -> Self {
        Self {
            primary_sequence: 0,
            secondary_sequence: 0,
            last_written: None,
            major: 0,
            minor: 0,
            file_type: 0,
            file_format: 0,
            root_offset: u32::MAX,
            bins_size: 0,
            file_name: String::new(),
            checksum_stored: 0,
            checksum_computed: 0,
        }
    }

    /// Reads the base block at the start of `data`.
    ///
    /// # Errors
    /// When the data is shorter than 512 bytes or does not begin with `regf`.
    pub fn read(data: &[u8]) -> Result<Self, HiveError> {
        let short = HiveError::TooShort { found: data.len() };
        let found: [u8; 4] = array(data, 0).map_err(|_| short.clone())?;
        if found != *MAGIC {
            return Err(HiveError::NotAHive { found });
        }
        let head = slice(data, 0, 512).map_err(|_| short.clone())?;
        let number = |offset| u32_le(head, offset).unwrap_or_default();
        let name = slice(head, 48, 64).unwrap_or_default();
        let units = name.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        Ok(Self {
            primary_sequence: number(4),
            secondary_sequence: number(8),
            last_written: u64_le(head, 12).ok().and_then(Timestamp::from_filetime),
            major: number(20),
            minor: number(24),
            file_type: number(28),
            file_format: number(32),
            root_offset: number(36),
            bins_size: number(40),
            file_name: String::from_utf16_lossy(&units),
            checksum_stored: number(CHECKSUM),
            checksum_computed: checksum(head),
        })
    }

    /// Whether a write was begun and not completed, or the base block itself is damaged.
    pub fn is_dirty(&self) -> bool {
        self.primary_sequence != self.secondary_sequence || !self.is_checksum_right()
    }

    /// Whether the checksum agrees with the content.
    pub fn is_checksum_right(&self) -> bool {
        self.checksum_stored == self.checksum_computed
    }

    /// What is wrong, for a file of `size` bytes.
    pub fn defects(&self, size: usize) -> Vec<Defect> {
        let mut defects = Vec::new();
        if !self.is_checksum_right() {
            defects.push(Defect::Checksum { stored: self.checksum_stored, computed: self.checksum_computed });
        }
        if self.major != 1 || !(2..=6).contains(&self.minor) {
            defects.push(Defect::Version { major: self.major, minor: self.minor });
        }
        if self.file_type != 0 {
            defects.push(Defect::FileType { found: self.file_type });
        }
        if self.file_format != 1 {
            defects.push(Defect::FileFormat { found: self.file_format });
        }
        let found = size.saturating_sub(SIZE) as u64;
        if u64::from(self.bins_size) > found {
            defects.push(Defect::Truncated { expected: u64::from(self.bins_size), found });
        }
        defects
    }
}

/// XOR of the first 127 numbers; 0 and -1 are never stored.
pub(super) fn checksum(head: &[u8]) -> u32 {
    let words = head
        .chunks_exact(4)
        .take(CHECKSUM / 4)
        .filter_map(|word| Some(u32::from_le_bytes(word.try_into().ok()?)));
    match words.fold(0, |sum, word| sum ^ word) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

/// Makes the base block of a recovered hive clean: equal sequence numbers, the given data size, a right checksum.
pub(super) fn make_clean(data: &mut [u8], sequence: u32, bins_size: u32) {
    let mut put = |offset: usize, number: u32| {
        if let Some(place) = data.get_mut(offset..offset + 4) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    };
    put(4, sequence);
    put(8, sequence);
    put(28, 0);
    put(40, bins_size);
    if let Some(head) = data.get(..512) {
        let sum = checksum(head);
        if let Some(place) = data.get_mut(CHECKSUM..CHECKSUM + 4) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }
}
