//! What can be wrong with an archive.

use std::io;

use thiserror::Error;

/// Why an archive or one of its entries cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A structure of the format is not what it must be.
    #[error("{format}: {what} at byte {offset}: expected {expected}, found {found}")]
    Damaged {
        /// The format, as people call it.
        format: &'static str,
        /// The field or structure.
        what: &'static str,
        /// Offset in the archive file, in bytes; for compressed tar in the decompressed stream.
        offset: u64,
        /// What must stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The archive as a whole is encrypted, its list of entries too, and no password was given.
    #[error("encrypted, give --password-file")]
    Encrypted,
    /// A password was given and does not open it.
    #[error("the password does not open it")]
    WrongPassword,
    /// More than a limit allows.
    #[error("{what}: {found}, at most {limit} are read: unpack it and give the folder")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The entry would have to be decompressed into memory and is too large for that.
    #[error(
        "{size} bytes compressed inside the archive, at most {cap} are unpacked into memory: unpack it and give the file"
    )]
    TooLarge {
        /// Size in bytes when decompressed.
        size: u64,
        /// The limit in bytes.
        cap: u64,
    },
    /// Uses a feature that is not read.
    #[error("{0}: unpack it and give the folder")]
    Unsupported(String),
    /// The number does not name a file of this archive.
    #[error("not a file of this archive")]
    NotAFile,
}

impl ArchiveError {
    /// The same as an error of reading.
    pub(super) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Io(_) => {
                let Self::Io(error) = self else { return io::ErrorKind::Other.into() };
                return error;
            }
            Self::Encrypted | Self::WrongPassword => io::ErrorKind::PermissionDenied,
            Self::TooMuch { .. } | Self::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            Self::Unsupported(_) => io::ErrorKind::Unsupported,
            Self::NotAFile => io::ErrorKind::InvalidInput,
            Self::Damaged { .. } => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, self)
    }
}

/// A [`ArchiveError::Damaged`].
pub(super) fn damaged(
    format: &'static str,
    what: &'static str,
    offset: u64,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> ArchiveError {
    ArchiveError::Damaged { format, what, offset, expected: expected.into(), found: found.into() }
}
