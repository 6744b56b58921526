//! Recomputing the digests of an image.

use md5::{Digest, Md5};
use sha1::Sha1;

use crate::error::DiskError;
use crate::image::Image;

/// Bytes read at once.
const STEP: usize = 1024 * 1024;

/// The digests of the whole media, compared with those that the image stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// MD5 of the media.
    pub md5: [u8; 16],
    /// SHA-1 of the media.
    pub sha1: [u8; 20],
    /// Whether the MD5 is the stored one; `None` when none is stored.
    pub md5_matches: Option<bool>,
    /// Whether the SHA-1 is the stored one; `None` when none is stored.
    pub sha1_matches: Option<bool>,
    /// Bytes of the media.
    pub bytes: u64,
}

/// Reads the whole media; `progress` is told the bytes done and the bytes in total.
///
/// # Errors
/// When any part of the media cannot be read or fails its checksum.
pub fn verify(image: &Image, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, DiskError> {
    let total = image.data.len();
    let (mut md5, mut sha1) = (Md5::new(), Sha1::new());
    let mut buf = vec![0; STEP];
    let mut done = 0;
    progress(done, total);
    while done < total {
        let count = image.data.read_at(done, &mut buf)?;
        let Some(bytes) = buf.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        };
        md5.update(bytes);
        sha1.update(bytes);
        done += count as u64;
        progress(done, total);
    }
    let (md5, sha1) = (md5.finalize().into(), sha1.finalize().into());
    Ok(Verified {
        md5,
        sha1,
        md5_matches: image.hashes.md5.map(|stored| stored == md5),
        sha1_matches: image.hashes.sha1.map(|stored| stored == sha1),
        bytes: total,
    })
}
