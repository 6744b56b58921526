//! Opening an image: recognised by its content, with its parents and parts.

use std::sync::Arc;

use crate::cache::BlockCache;
use crate::error::DiskError;
use crate::fields::{has, peek};
use crate::read_at::ReadAt;
use crate::siblings::Siblings;
use crate::{ewf, qcow2, raw, vdi, vhd, vhdx, vmdk};

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

/// The smallest file that can be an image, in bytes: the description of a VMDK is text.
pub const SMALLEST_IMAGE: u64 = 64;
/// First bytes of a file that its format is recognised by.
pub const HEAD: usize = 64 * 1024;

type Recognise = fn(&[u8], &dyn ReadAt) -> bool;
type Open = fn(Arc<dyn ReadAt>, &Context) -> Result<Image, DiskError>;

/// The formats with a mark of their own, in the order in which they are asked.
const MARKED: [(Recognise, Open); 6] = [
    (ewf::recognises, ewf::open),
    (vhdx::recognises, vhdx::open),
    (qcow2::recognises, qcow2::open),
    (vmdk::recognises, vmdk::open),
    (vdi::recognises, vdi::open),
    // The mark of a fixed VHD stands behind the disk, which may look like anything.
    (vhd::recognises, vhd::open),
];

/// Formats that are known by their mark and not read: offset, mark, name, and what to do instead.
const REFUSED: [(usize, &[u8], &str, &str); 9] = [
    (0, b"EVF2\x0d\x0a\x81\x00", "an Ex01 image", "convert it to E01 or raw (ewfexport, FTK Imager)"),
    (0, b"LEF2\x0d\x0a\x81\x00", "an Lx01 logical image", "export its files"),
    (0, b"LVF\x09\x0d\x0a\xff\x00", "an L01 logical image", "export its files"),
    (0, b"AFF10\x0d\x0a\x00", "an AFF image", "convert it to raw (affconvert -r)"),
    (0, b"MSWIM\x00\x00\x00", "a Windows image (WIM)", "apply it to a folder (wimapply) and give the folder"),
    (0, b"QED\x00", "a QED image", "convert it to raw (qemu-img convert)"),
    (0, b"WithoutFreeSpace", "a Parallels image", "convert it to raw (qemu-img convert)"),
    (0, b"WithouFreSpacExt", "a Parallels image", "convert it to raw (qemu-img convert)"),
    (0, b"partclone-image", "a partclone image", "restore it to a raw file (partclone.restore)"),
];

/// Whether the first bytes of a file alone promise a disk image; a fixed VHD and some others need a look at the rest.
pub fn may_be_image(head: &[u8]) -> bool {
    let nothing: &dyn ReadAt = &Vec::new();
    refused(head).is_some()
        || MARKED.iter().any(|(recognises, _)| recognises(head, nothing))
        // A boot sector may begin a disk whose partitions lie further on.
        || has(head, 510, &[0x55, 0xaa])
        || raw::recognises(head, &head.to_vec())
}

/// Whether a file is a disk image, one that is refused by name included. `head` are its first bytes, up to [`HEAD`].
pub fn is_image(head: &[u8], source: &dyn ReadAt) -> bool {
    refused(head).is_some()
        || MARKED.iter().any(|(recognises, _)| recognises(head, source))
        || raw::recognises(head, source)
}

fn refused(head: &[u8]) -> Option<DiskError> {
    let (.., name, advice) = REFUSED.iter().find(|(at, mark, ..)| has(head, *at, mark))?;
    Some(DiskError::Unsupported { what: (*name).to_owned(), advice: (*advice).to_owned() })
}

/// Opens an image whose format is recognised by content.
///
/// # Errors
/// When the format is not known or not read (the error names what was seen), when the image is damaged beyond use, or
/// when a file that belongs to it is missing or another.
pub fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let head = peek(&source, 0, HEAD);
    if let Some(error) = refused(&head) {
        return Err(error);
    }
    for (recognises, open) in MARKED {
        if recognises(&head, &source) {
            return open(source, context);
        }
    }
    if raw::recognises(&head, &source) {
        return raw::open(source, context);
    }
    let begins: Vec<String> = head.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Err(DiskError::Unsupported {
        what: format!(
            "a file that begins with {} and holds no partition table and no known volume",
            begins.join(" ")
        ),
        advice: "give a disk image in one of the formats that are read, or the folders that it holds"
            .to_owned(),
    })
}
