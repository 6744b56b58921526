//! Disk images and partition tables as random-access bytes.
//!
//! Everything is read-only: [`ReadAt`] has no method that writes. Formats are recognised by content, never by the
//! file's name, and what is not recognised is refused by name instead of being read as raw bytes. Other files of an
//! image (segments, extents, parents) are found through [`Siblings`] by their bare name alone.

pub mod cache;
mod chain;
pub mod content;
mod crc32c;
pub mod error;
mod ewf;
mod fields;
#[cfg(test)]
mod folder_in_memory;
pub mod image;
mod pages;
pub mod partition;
mod qcow2;
mod raw;
pub mod read_at;
pub mod siblings;
mod sparse;
mod vdi;
pub mod verify;
mod vhd;
mod vhdx;
mod vmdk;

pub use error::DiskError;
pub use image::{Context, Image, Part, SMALLEST_IMAGE, StoredHashes, is_image, may_be_image, open};
pub use read_at::{FileSource, ReadAt, Slice};
pub use siblings::{FolderSiblings, NoSiblings, Siblings};
pub use verify::{Verified, verify};
