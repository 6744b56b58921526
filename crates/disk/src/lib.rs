//! Disk images and partition tables as random-access bytes.
//!
//! Everything is read-only: [`ReadAt`] has no method that writes. Formats are recognised by content, never by the
//! file's name, and what is not recognised is refused by name instead of being read as raw bytes. Other files of an
//! image (segments, extents, parents) are found through [`Siblings`] by their bare name alone.

pub mod cache;
pub mod error;
pub mod image;
pub mod read_at;
pub mod siblings;

pub use error::DiskError;
pub use image::{Context, Image, Part, StoredHashes, open};
pub use read_at::{FileSource, ReadAt, Slice};
pub use siblings::{FolderSiblings, NoSiblings, Siblings};
