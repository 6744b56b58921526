//! Disk images and partition tables as random-access bytes.
//!
//! Everything is read-only: [`ReadAt`] has no method that writes. Formats are recognised by content, never by the
//! file's name, and what is not recognised is refused by name instead of being read as raw bytes. Other files of an
//! image (segments, extents, parents) are found through [`Siblings`] by their bare name alone.
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use iiskeys_disk::cache::{BlockCache, DEFAULT_CACHE};
//! use iiskeys_disk::partition::partitions;
//! use iiskeys_disk::{Context, FileSource, FolderSiblings, ReadAt, Slice, open};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let path = Path::new("../../fixtures/server2008r2-guid-changed-image/evidence/WEB2008R2.E01");
//! let context = Context {
//!     name: "WEB2008R2.E01".to_owned(),
//!     siblings: Arc::new(FolderSiblings::of(path, &[])),
//!     cache: Arc::new(BlockCache::new(DEFAULT_CACHE)),
//!     depth: 0,
//! };
//! let image = open(Arc::new(FileSource::open(path)?), &context)?;
//! let table = partitions(&image.data, image.sector_size);
//! let system = &table.partitions[0];
//! let volume = Slice::new(image.data.clone(), system.start, system.len);
//! let mut name = [0; 8];
//! volume.read_exact_at(3, &mut name)?;
//! assert_eq!(&name, b"NTFS    ");
//! # Ok(())
//! # }
//! ```

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
