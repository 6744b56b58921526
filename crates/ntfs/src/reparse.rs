//! Reparse points: links, and content that stands elsewhere.
//!
//! Tags and buffers after [MS-FSCC] sections 2.1.2 and 2.3.

use crate::bytes::{slice, u16_at, u32_at, utf16};
use crate::error::NtfsError;

/// A directory that stands for another directory or volume.
pub const MOUNT_POINT: u32 = 0xa000_0003;
/// A symbolic link.
pub const SYMLINK: u32 = 0xa000_000c;
/// A file of the Windows overlay filter: compressed by `compact /exe`, or in a WIM.
pub const WOF: u32 = 0x8000_0017;
/// A deduplicated file.
pub const DEDUP: u32 = 0x8000_0013;

/// Bit of tags that stand for another named entity.
const SURROGATE: u32 = 0x2000_0000;
/// Tags that Microsoft did not assign carry a GUID.
const MICROSOFT: u32 = 0x8000_0000;

/// The value of a reparse point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reparse {
    /// Who understands it.
    pub tag: u32,
    /// The data behind the header.
    pub data: Vec<u8>,
    /// What the data means, for the tags that are understood.
    pub target: Target,
}

/// Where a reparse point leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path.
    Link {
        /// The path that Windows follows: `\??\C:\inetpub`, or a relative one.
        path: String,
        /// Whether it starts from the directory of the link.
        relative: bool,
    },
    /// Compressed content in the stream `WofCompressedData`.
    Compressed(Algorithm),
    /// Content in a Windows image file.
    WindowsImage,
    /// Not understood.
    Other,
}

/// Compression of the Windows overlay filter, by its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// XPRESS in chunks of 4 KiB.
    Xpress4K,
    /// XPRESS in chunks of 8 KiB.
    Xpress8K,
    /// XPRESS in chunks of 16 KiB.
    Xpress16K,
    /// LZX in chunks of 32 KiB.
    Lzx,
}

impl Algorithm {
    /// Bytes of a chunk.
    pub fn chunk_size(self) -> u32 {
        match self {
            Self::Xpress4K => 4096,
            Self::Xpress8K => 8192,
            Self::Xpress16K => 16384,
            Self::Lzx => 32768,
        }
    }
}

impl Reparse {
    /// Reads the value of the attribute.
    ///
    /// # Errors
    /// When it is cut off or a link without a path. `what` names the record.
    pub(crate) fn parse(value: &[u8], what: &str) -> Result<Self, NtfsError> {
        let bad = |offset: u64, expected: &str, found: String| {
            NtfsError::damaged(format!("{what}, reparse point"), offset, expected, found)
        };
        let tag = u32_at(value, 0).ok_or_else(|| bad(0, "a tag", format!("{} bytes", value.len())))?;
        let len = usize::from(u16_at(value, 4).unwrap_or(0));
        let start = if tag & MICROSOFT != 0 { 8 } else { 24 };
        let data = slice(value, start, len)
            .ok_or_else(|| bad(4, &format!("data within {} bytes", value.len()), format!("{len} bytes")))?;
        let target = match tag {
            MOUNT_POINT | SYMLINK => {
                let header = if tag == SYMLINK { 12 } else { 8 };
                let name = u16_at(data, 0)
                    .zip(u16_at(data, 2))
                    .and_then(|(at, len)| slice(data, header + usize::from(at), usize::from(len)))
                    .filter(|name| !name.is_empty())
                    .ok_or_else(|| bad(8, "a path", format!("{len} bytes of data")))?;
                let relative = tag == SYMLINK && u32_at(data, 8).is_some_and(|flags| flags & 1 != 0);
                Target::Link { path: String::from_utf16_lossy(&utf16(name)), relative }
            }
            WOF => wof(data, &bad)?,
            _ => Target::Other,
        };
        Ok(Self { tag, data: data.to_vec(), target })
    }

    /// Why the unnamed stream is not the content of the file, in words; `None` when it is.
    pub fn obstacle(&self) -> Option<String> {
        let words = match self.tag {
            WOF => match self.target {
                Target::Compressed(_) => return None,
                _ => "its content is in a Windows image file (WIM boot)",
            },
            DEDUP => "deduplicated: its content is in the chunk store of `System Volume Information`",
            SYMLINK | MOUNT_POINT => {
                let Target::Link { path, .. } = &self.target else { return None };
                return Some(format!("link to `{path}`"));
            }
            0xc000_0004 | 0x8000_0006 => "moved to other storage (hierarchical storage management)",
            0x8000_0007 => "single instance storage: its content is in the common store",
            0x8000_0018 | 0x8000_001a | 0x9000_0018 | 0x9000_1018 => {
                "container overlay: content in another layer"
            }
            0x8000_001b => "link to a packaged app, without content",
            0xa000_001d => "symbolic link of the Linux subsystem",
            0x8000_0015 => "placeholder of Work Folders or an early OneDrive",
            0x9000_001c | 0xa000_0022 | 0xa000_001f | 0x9000_0020 | 0x9000_0019 => {
                "projected file, not on this volume"
            }
            _ if self.is_cloud() => "cloud placeholder: its content is not on this volume",
            tag if tag & SURROGATE != 0 => {
                return Some(format!("stands for something else (reparse tag {tag:#010x})"));
            }
            tag => return Some(format!("unknown reparse tag {tag:#010x}")),
        };
        Some(words.to_owned())
    }

    /// Whether a cloud provider (OneDrive and the like) keeps the file.
    pub fn is_cloud(&self) -> bool {
        self.tag & 0xffff_0fff == 0x9000_001a
    }
}

fn wof(data: &[u8], bad: &dyn Fn(u64, &str, String) -> NtfsError) -> Result<Target, NtfsError> {
    let field =
        |at: usize| u32_at(data, at).ok_or_else(|| bad(8 + at as u64, "16 bytes", data.len().to_string()));
    if field(0)? != 1 {
        return Err(bad(8, "version 1 of the overlay filter", field(0)?.to_string()));
    }
    if field(4)? == 1 {
        return Ok(Target::WindowsImage);
    }
    if field(4)? != 2 || field(8)? != 1 {
        return Err(bad(12, "provider 2, version 1", format!("{}, {}", field(4)?, field(8)?)));
    }
    Ok(Target::Compressed(match field(12)? {
        0 => Algorithm::Xpress4K,
        1 => Algorithm::Lzx,
        2 => Algorithm::Xpress8K,
        3 => Algorithm::Xpress16K,
        other => return Err(bad(20, "a compression of 0 to 3", other.to_string())),
    }))
}
