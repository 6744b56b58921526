//! The media as random-access bytes, made of chunks.

use std::io;
use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};

use super::adler::adler32;
use super::table::{Place, Storing, Table};
use crate::cache::BlockCache;
use crate::error::bad_data;
use crate::fields::le32;
use crate::read_at::ReadAt;

/// A table with its place in the whole.
pub(super) struct Placed {
    /// Number of its first chunk.
    pub(super) first: u64,
    /// Index of its segment.
    pub(super) segment: usize,
    pub(super) table: Table,
}

/// The media of an EWF image.
pub(super) struct Media {
    pub(super) segments: Vec<Arc<dyn ReadAt>>,
    /// Ascending by first chunk, without gaps.
    pub(super) tables: Vec<Placed>,
    pub(super) chunk_size: u32,
    pub(super) len: u64,
    pub(super) cache: Arc<BlockCache>,
    pub(super) owner: u32,
}

impl Media {
    /// The bytes of a chunk; the last one of the media may be shorter than the others.
    fn chunk(&self, index: u64) -> io::Result<Vec<u8>> {
        let after = self.tables.partition_point(|placed| placed.first <= index);
        let placed = after.checked_sub(1).and_then(|at| self.tables.get(at));
        let found = placed.and_then(|placed| {
            let within = usize::try_from(index - placed.first).ok()?;
            Some((placed.segment, self.segments.get(placed.segment)?, placed.table.place(within)?))
        });
        let Some((number, segment, place)) = found else {
            return Err(bad_data(format!("E01 chunk {index}: the image does not contain it")));
        };
        let start = index.saturating_mul(u64::from(self.chunk_size));
        let want = self.len.saturating_sub(start).min(u64::from(self.chunk_size)) as usize;
        self.load(segment.as_ref(), place, want).map_err(|error| {
            let reason = match error {
                Fault::Io(error) => error.to_string(),
                Fault::Content(reason) => reason,
            };
            let (offset, number) = (place.offset, number + 1);
            bad_data(format!("E01 chunk {index} (segment {number}, byte {offset}): {reason}"))
        })
    }

    fn load(&self, segment: &dyn ReadAt, place: Place, want: usize) -> Result<Vec<u8>, Fault> {
        let full = self.chunk_size as usize;
        match place.storing {
            Storing::Compressed => inflate(segment, place, want, full),
            Storing::Plain => stored(segment, place, want, full),
            Storing::Untold if place.len >= want as u64 + 4 => {
                stored(segment, place, want, full).or_else(|fault| {
                    // Both fail: the first reason is the likelier one.
                    inflate(segment, place, want, full).map_err(|_| fault)
                })
            }
            Storing::Untold => inflate(segment, place, want, full),
        }
    }
}

/// Why a chunk has no content.
enum Fault {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn read(segment: &dyn ReadAt, offset: u64, len: usize) -> Result<Vec<u8>, Fault> {
    let mut buf = vec![0; len];
    segment.read_exact_at(offset, &mut buf)?;
    Ok(buf)
}

/// The bytes as they are, with their Adler-32 behind them.
///
/// The last chunk of the media is shorter than the others. Some programs fill it up, and some store the bytes of a
/// last sector that is not whole and not counted: the checksum tells.
fn stored(segment: &dyn ReadAt, place: Place, want: usize, full: usize) -> Result<Vec<u8>, Fault> {
    let room = place.len.saturating_sub(4).min(full as u64) as usize;
    let mut lengths = vec![want, room];
    lengths.retain(|len| (want..=room).contains(len));
    lengths.dedup();
    let mut first = None;
    for len in lengths {
        let mut bytes = read(segment, place.offset, len + 4)?;
        let sum = le32(&bytes, len).unwrap_or_default();
        bytes.truncate(len);
        let computed = adler32(&bytes);
        if computed == sum {
            bytes.truncate(want);
            return Ok(bytes);
        }
        first = first.or(Some(format!("its Adler-32 is {sum:08x} and should be {computed:08x}")));
    }
    let short = || format!("{} bytes are too few for {want} and a checksum", place.len);
    Err(Fault::Content(first.unwrap_or_else(short)))
}

/// A zlib stream, which ends with the Adler-32 of its content.
fn inflate(segment: &dyn ReadAt, place: Place, want: usize, full: usize) -> Result<Vec<u8>, Fault> {
    // Incompressible bytes grow by a few bytes per 16 KiB; what follows the stream is not read.
    let most = full + full / 64 + 4096;
    let packed = read(segment, place.offset, usize::try_from(place.len).unwrap_or(most).min(most))?;
    // One byte more than a chunk has, so that a stream which is too long shows.
    let mut bytes = Vec::with_capacity(full + 1);
    let status = Decompress::new(true)
        .decompress_vec(&packed, &mut bytes, FlushDecompress::Finish)
        .map_err(|error| Fault::Content(format!("its compressed data is damaged: {error}")))?;
    if status != Status::StreamEnd {
        return Err(Fault::Content(format!("its compressed data does not end within {full} bytes")));
    }
    if !(want..=full).contains(&bytes.len()) {
        return Err(Fault::Content(format!("it has {} bytes and should have {want}", bytes.len())));
    }
    bytes.truncate(want);
    Ok(bytes)
}

impl ReadAt for Media {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..room).filter(|rest| !rest.is_empty()) {
            let at = offset + done as u64;
            let index = at / u64::from(self.chunk_size);
            let within = (at % u64::from(self.chunk_size)) as usize;
            let chunk = self.cache.get(self.owner, index, || self.chunk(index))?;
            let from = chunk.get(within..).unwrap_or_default();
            let count = from.len().min(rest.len());
            let (Some(to), Some(from)) = (rest.get_mut(..count), from.get(..count)) else { break };
            if count == 0 {
                return Err(bad_data(format!("E01 chunk {index}: shorter than it should be")));
            }
            to.copy_from_slice(from);
            done += count;
        }
        Ok(done)
    }
}
