//! One NTFS volume as directories, files, times and security descriptors.
//!
//! Read-only, over any [`iiskeys_disk::ReadAt`].

pub mod codec;
