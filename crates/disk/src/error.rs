//! What can be wrong with a disk image.

use std::io;

use thiserror::Error;

/// Why an image could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
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
        /// Offset in the image file, in bytes.
        offset: u64,
        /// What must stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The format is known and deliberately not read, or uses a feature that is not read.
    #[error("{what}: {advice}")]
    Unsupported {
        /// What was seen, as people call it.
        what: String,
        /// What to do instead.
        advice: String,
    },
    /// Another file that belongs to the image is not there.
    #[error("{role} `{name}` ({id}) is not in the folder of the image: put it there or name it as well")]
    MissingFile {
        /// What the file is to the image: `parent`, `backing file`, `extent`, `segment`.
        role: &'static str,
        /// Its expected bare file name.
        name: String,
        /// How it is known for the right one: a GUID, a content id, a number.
        id: String,
    },
    /// Another file is there and is not the one that belongs to the image.
    #[error(
        "{role} `{name}`: expected identifier {expected}, found {found}: it was changed or is another file"
    )]
    WrongFile {
        /// What the file is to the image.
        role: &'static str,
        /// Its bare file name.
        name: String,
        /// The identifier that the image expects.
        expected: String,
        /// The identifier that the file has.
        found: String,
    },
}

impl From<DiskError> for io::Error {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Io(error) => error,
            other => bad_data(other.to_string()),
        }
    }
}

/// An error for a read that failed after the image was opened; the message says which part.
pub fn bad_data(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
