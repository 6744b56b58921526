//! `$Secure`: security descriptors by their numbers.
//!
//! `$SDS` holds each descriptor behind a header of hash, number, place and length, in stretches of 256 KiB that each
//! stand twice in a row; `$SII` finds the place by the number. Layout after the linux-ntfs documentation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use iiskeys_disk::ReadAt;

use crate::attribute::DATA;
use crate::bytes::{slice, u16_at, u32_at, u64_at};
use crate::error::NtfsError;
use crate::index::Index;
use crate::stream::Stream;
use crate::volume::Volume;

/// Record of `$Secure`.
const SECURE: u64 = 9;
/// Bytes of a stretch of `$SDS`, which its copy follows.
const STRETCH: u64 = 0x4_0000;
/// Bytes of a header.
const HEADER: usize = 20;
/// Descriptors that are kept.
const KEPT: usize = 256;

/// Descriptors that were read.
#[derive(Default)]
pub(crate) struct Descriptors(Mutex<BTreeMap<u32, Arc<[u8]>>>);

/// A header of `$SDS`, as the stream and the index have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    hash: u32,
    id: u32,
    at: u64,
    len: u32,
}

impl Header {
    fn parse(data: &[u8]) -> Option<Self> {
        let len = u32_at(data, 16).filter(|len| (HEADER as u32..=STRETCH as u32).contains(len))?;
        Some(Self { hash: u32_at(data, 0)?, id: u32_at(data, 4)?, at: u64_at(data, 8)?, len })
    }
}

/// The checksum that `$SDS` has of a descriptor.
pub(crate) fn hash(descriptor: &[u8]) -> u32 {
    descriptor.chunks(4).fold(0_u32, |hash, chunk| {
        let word = chunk.iter().rev().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        word.wrapping_add(hash.rotate_left(3))
    })
}

impl Volume {
    /// The security descriptor of a number, as [`crate::file::StandardInformation`] has it; `None` when there is no
    /// such number.
    ///
    /// # Errors
    /// When `$Secure` cannot be read, or both copies of the descriptor are damaged.
    pub fn security_descriptor(&self, security_id: u32) -> Result<Option<Vec<u8>>, NtfsError> {
        {
            let kept = self.descriptors().0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(descriptor) = kept.get(&security_id) {
                return Ok(Some(descriptor.to_vec()));
            }
        }
        let found = self.find_descriptor(security_id)?;
        if let Some(descriptor) = &found {
            let mut kept = self.descriptors().0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(security_id, descriptor.as_slice().into());
        }
        Ok(found)
    }

    fn find_descriptor(&self, id: u32) -> Result<Option<Vec<u8>>, NtfsError> {
        let secure = self.record(SECURE)?;
        let name: Vec<u16> = "$SDS".encode_utf16().collect();
        let value = secure.value(DATA, &name)?;
        let value = value.ok_or_else(|| NtfsError::damaged("$Secure", 0, "the stream $SDS", "none"))?;
        let sds = Stream::new(self.source(), value, "$SDS".into())?;
        let name: Vec<u16> = "$SII".encode_utf16().collect();
        let mut header = None;
        let searched = Index::open(self, &secure, &name).and_then(|index| {
            index.search(&|key| u32_at(key, 0).map(|key| key.cmp(&id)), &mut |entry| {
                if u32_at(entry.key, 0) == Some(id) {
                    let data = u16_at(entry.bytes, 0).zip(u16_at(entry.bytes, 2));
                    let data =
                        data.and_then(|(at, len)| slice(entry.bytes, usize::from(at), usize::from(len)));
                    header = data.and_then(Header::parse).filter(|header| header.id == id);
                }
            })
        });
        match (searched, header) {
            (Ok(()), None) => return Ok(None),
            (_, Some(header)) => {
                if let Some(descriptor) = at_both(&sds, header) {
                    return Ok(Some(descriptor));
                }
                self.note(format!("descriptor {id} is not where $SII says"));
            }
            (Err(error), None) => self.note(format!("$SDS was searched from end to end: {error}")),
        }
        match scan(&sds, id, self.source().len()).map_err(NtfsError::reading("$SDS"))? {
            Some(descriptor) => Ok(Some(descriptor)),
            None => Err(NtfsError::damaged(
                "$SDS",
                0,
                format!("descriptor {id}"),
                "no copy with the right checksum",
            )),
        }
    }
}

/// The descriptor of a header, from the first copy or else the second.
fn at_both(sds: &Stream, header: Header) -> Option<Vec<u8>> {
    [0, STRETCH].into_iter().find_map(|step| {
        let mut data = vec![0; header.len as usize];
        sds.read_exact_at(header.at.checked_add(step)?, &mut data).ok()?;
        let descriptor = data.get(HEADER..)?;
        (Header::parse(&data) == Some(header) && hash(descriptor) == header.hash).then(|| descriptor.to_vec())
    })
}

/// Looks for a descriptor without the index. Behind `most` bytes, the size of the volume, only holes can follow.
fn scan(sds: &Stream, id: u32, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut stretch = vec![0; STRETCH as usize];
    let mut start = 0;
    while start < sds.len().min(most) {
        let count = sds.read_at(start, &mut stretch)?;
        let data = stretch.get(..count).unwrap_or_default();
        let mut at = 0;
        // The copy says the same, so nothing is asked of the first one but that its lengths lead on.
        while let Some(header) = data.get(at..).filter(|rest| rest.len() > HEADER).and_then(Header::parse) {
            let descriptor = slice(data, at + HEADER, header.len as usize - HEADER);
            if let Some(descriptor) = descriptor.filter(|d| header.id == id && hash(d) == header.hash) {
                return Ok(Some(descriptor.to_vec()));
            }
            at = at.saturating_add(header.len as usize).next_multiple_of(16);
        }
        start += STRETCH;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{Clusters, Run};
    use crate::value::{Body, Value};

    #[test]
    fn a_stream_of_holes_is_not_searched_beyond_the_size_of_the_volume() {
        let runs = [Run { vcn: 0, lcn: None, clusters: 1 << 40 }];
        let clusters = Clusters { runs: runs.into(), cluster: 4096, size: 1 << 52, initialised: 1 << 52 };
        let value = Value { flags: 0, unit: 0, body: Body::Clusters(clusters) };
        let source: Arc<dyn ReadAt> = Arc::new(vec![0; 4096]);
        let sds = Stream::new(&source, value, "$SDS".into()).expect("a stream");
        assert_eq!(scan(&sds, 0x100, source.len()).expect("holes"), None);
    }
}
