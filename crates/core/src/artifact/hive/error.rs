//! Why a hive, or a part of it, cannot be read.

use nt_hive::NtHiveError;
use thiserror::Error;

/// A hive, or a part of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HiveError {
    /// The file is too short for a base block.
    #[error("a hive begins with a base block of 4096 bytes, the file has {found}")]
    TooShort {
        /// Size of the file in bytes.
        found: usize,
    },
    /// The file does not begin with `regf`.
    #[error("a hive begins with \"regf\", the file with {found:02x?}")]
    NotAHive {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The base block points to no root key.
    #[error(
        "the base block names {offset:#010x} as the root key's offset, the hive's data has {len:#x} bytes"
    )]
    NoRoot {
        /// Offset in bytes from the end of the base block.
        offset: u32,
        /// Size of the data behind the base block.
        len: usize,
    },
    /// A structure is damaged.
    #[error("{0}")]
    Damaged(NtHiveError),
    /// A structure is damaged in a way that `nt-hive` does not expect.
    #[error("a structure of the hive is damaged: {what}")]
    Unexpected {
        /// What `nt-hive` said.
        what: String,
    },
    /// A list names more keys or values than the hive has room for.
    #[error("a list names more keys or values than the hive has room for")]
    Runaway,
    /// A value's data is not where its header says.
    #[error("a value names {size} bytes of data at {offset:#x}, which do not lie in the hive")]
    NoData {
        /// Size in bytes.
        size: usize,
        /// Offset in bytes from the start of the file.
        offset: usize,
    },
}

impl From<NtHiveError> for HiveError {
    fn from(error: NtHiveError) -> Self {
        Self::Damaged(error)
    }
}
