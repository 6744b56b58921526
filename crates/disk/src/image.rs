//! Opening an image: recognised by its content, with its parents and parts.

use std::sync::Arc;

use crate::cache::BlockCache;
use crate::error::DiskError;
use crate::read_at::ReadAt;
use crate::siblings::Siblings;

/// Parents above parents that are followed.
pub const MAX_CHAIN: u8 = 32;

/// What a format needs to open its other files.
#[derive(Clone)]
pub struct Context {
    /// Bare name of the image file.
    pub name: String,
    /// Finds the other files.
    pub siblings: Arc<dyn Siblings>,
    /// Where decompressed blocks are kept.
    pub cache: Arc<BlockCache>,
    /// How many children stand below this image; at most [`MAX_CHAIN`].
    pub depth: u8,
}

/// One file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Bare name.
    pub name: String,
    /// What it is to the image: `image`, `segment`, `extent`, `parent`, `backing file`.
    pub role: &'static str,
    /// Size in bytes.
    pub size: u64,
}

/// Digests that an image stores of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredHashes {
    /// MD5 of the media.
    pub md5: Option<[u8; 16]>,
    /// SHA-1 of the media.
    pub sha1: Option<[u8; 20]>,
}

/// An opened image: the disk's bytes and what is known of where they come from.
#[derive(Clone)]
pub struct Image {
    /// The content of the disk.
    pub data: Arc<dyn ReadAt>,
    /// The format, as people call it: `raw`, `E01`, `VHDX (differencing)`.
    pub format: String,
    /// All files that the content comes from, the image itself first.
    pub parts: Vec<Part>,
    /// Digests stored in the image.
    pub hashes: StoredHashes,
    /// What is damaged although the image could be opened, one sentence each.
    pub notes: Vec<String>,
    /// Logical sector size where the format states one, in bytes.
    pub sector_size: Option<u32>,
}

/// Opens an image whose format is recognised by content.
///
/// # Errors
/// When the format is not known or not read (the error names what was seen), when the image is damaged beyond use, or
/// when a file that belongs to it is missing or another.
pub fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let _ = (source, context);
    Err(DiskError::Unsupported { what: "unknown content".into(), advice: "send a disk image".into() })
}
