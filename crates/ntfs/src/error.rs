//! What can be wrong with an NTFS volume or keep a file from being read.

use std::io;

use thiserror::Error;

/// Why something of a volume could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NtfsError {
    /// The image below could not be read.
    #[error("{what}: {source}")]
    Io {
        /// What was being read.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A structure is not what it must be.
    #[error("{what}, byte {offset}: expected {expected}, found {found}")]
    Damaged {
        /// The structure: `MFT record 40`, `boot sector`.
        what: String,
        /// Offset in the structure, in bytes.
        offset: u64,
        /// What must stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The content exists in a form that cannot be turned into bytes here.
    #[error("{what} cannot be read: {reason}")]
    Unreadable {
        /// The file or stream.
        what: String,
        /// Why: `EFS-encrypted`, `cloud placeholder`.
        reason: String,
    },
    /// The file that a reference means is gone.
    #[error("MFT record {record} is no longer the file meant: expected sequence {expected}, found {found}")]
    Stale {
        /// The record number.
        record: u64,
        /// Sequence number of the reference.
        expected: u16,
        /// `sequence N` of the record, with `not in use` where it is free.
        found: String,
    },
    /// A link leads to another volume or machine.
    #[error("`{path}` leads to `{target}`, which is not on this volume")]
    OtherVolume {
        /// The link.
        path: String,
        /// Where it leads, as stored.
        target: String,
    },
    /// Links lead in a circle.
    #[error("`{path}` leads over more than {hops} links")]
    Loop {
        /// The path as asked for.
        path: String,
        /// How many were followed.
        hops: u32,
    },
}

impl NtfsError {
    /// A structure that is not what it must be.
    pub(crate) fn damaged(
        what: impl Into<String>,
        offset: u64,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Damaged { what: what.into(), offset, expected: expected.into(), found: found.to_string() }
    }

    /// A content that cannot be turned into bytes.
    pub(crate) fn unreadable(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unreadable { what: what.into(), reason: reason.into() }
    }

    /// For `map_err` of a read.
    pub(crate) fn reading(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<NtfsError> for io::Error {
    fn from(error: NtfsError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error.to_string())
    }
}
