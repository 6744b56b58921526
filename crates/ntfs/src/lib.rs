//! One NTFS volume as directories, files, times and security descriptors.
//!
//! Read-only, over any [`iiskeys_disk::ReadAt`]. What stands on the volume is never believed: sizes are compared with
//! what is there, trees and lists are bounded, and content that cannot be turned into bytes is an error that names the
//! reason instead of zeros.
//!
//! ```
//! use std::sync::Arc;
//!
//! use iiskeys_disk::ReadAt;
//! use iiskeys_ntfs::Volume;
//!
//! /// Names and sizes of what stands in a folder of the volume.
//! fn names(bytes: Arc<dyn ReadAt>, folder: &str) -> Result<Vec<(String, u64)>, iiskeys_ntfs::NtfsError> {
//!     let volume = Volume::open(bytes)?;
//!     let Some(folder) = volume.resolve(folder)? else { return Ok(Vec::new()) };
//!     volume.list(folder.file)?.map(|entry| entry.map(|entry| (entry.name, entry.size))).collect()
//! }
//!
//! let nothing: Arc<dyn ReadAt> = Arc::new(vec![0; 4096]);
//! assert!(names(nothing, "Windows").is_err(), "zeros are no volume");
//! ```

pub mod codec;

pub mod boot;
pub mod deleted;
pub mod directory;
pub mod error;
pub mod file;
pub mod name;
pub mod reparse;
pub mod stream;
pub mod upcase;
pub mod volume;

mod attribute;
mod attribute_list;
mod bytes;
mod compressed;
mod index;
mod mft;
mod record;
mod runs;
mod security;
mod value;
mod wof;

pub use deleted::{Deleted, Recoverable, Trace};
pub use error::NtfsError;
pub use file::{File, StandardInformation};
pub use index::Listing;
pub use name::{DirEntry, FileName, Namespace, Times};
pub use record::FileRef;
pub use reparse::{Reparse, Target};
pub use runs::Run;
pub use stream::Stream;
pub use volume::Volume;
