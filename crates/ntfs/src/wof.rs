//! Content that the Windows overlay filter compressed (`compact /exe`, CompactOS).
//!
//! The stream `WofCompressedData` is a table of the ends of all chunks but the last, then the chunks. The layout
//! is the one of resources in WIM files as wimlib documents it.

use std::io;

use iiskeys_disk::ReadAt;
use iiskeys_disk::error::bad_data;

use crate::bytes::{u32_at, u64_at};
use crate::codec::{lzx, xpress};
use crate::error::NtfsError;
use crate::reparse::Algorithm;
use crate::stream::Stream;

/// A stream of the overlay filter.
pub(crate) struct Wof {
    inner: Box<Stream>,
    algorithm: Algorithm,
    size: u64,
    entry: u64,
    table: u64,
}

impl Wof {
    /// The content of `size` bytes that `inner` holds.
    pub fn new(inner: Stream, algorithm: Algorithm, size: u64, what: &str) -> Result<Self, NtfsError> {
        let chunks = size.div_ceil(u64::from(algorithm.chunk_size()));
        let entry = if size > u64::from(u32::MAX) { 8 } else { 4 };
        let table = chunks.saturating_sub(1).saturating_mul(entry);
        if table > inner.len() || (size > 0 && table == inner.len()) {
            let expected = format!("a table for {chunks} chunks");
            return Err(NtfsError::damaged(what, 0, expected, format!("{} bytes", inner.len())));
        }
        Ok(Self { inner: Box::new(inner), algorithm, size, entry, table })
    }

    /// Bytes of a chunk.
    pub fn piece(&self) -> u64 {
        u64::from(self.algorithm.chunk_size())
    }

    /// Bytes of the content.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// The stream that holds the chunks.
    pub fn inner(&self) -> &Stream {
        &self.inner
    }

    /// The content of one chunk.
    pub fn load(&self, index: u64) -> io::Result<Vec<u8>> {
        let room = self.inner.len() - self.table;
        let len = self.size.saturating_sub(index * self.piece()).min(self.piece()) as usize;
        let start = if index == 0 { 0 } else { self.end_of(index - 1)? };
        let end = if (index + 1) * self.piece() >= self.size { room } else { self.end_of(index)? };
        let bad = |what: String| bad_data(format!("chunk {index}: {what}"));
        let stored = end.checked_sub(start).filter(|stored| end <= room && (1..=len as u64).contains(stored));
        let stored =
            stored.ok_or_else(|| bad(format!("{start} to {end} is no place for {len} bytes")))? as usize;
        let mut input = vec![0; stored];
        self.inner.read_exact_at(self.table + start, &mut input)?;
        if stored == len {
            return Ok(input);
        }
        let mut data = vec![0; len];
        let done = match self.algorithm {
            Algorithm::Lzx => lzx::decompress(&input, &mut data),
            _ => xpress::decompress(&input, &mut data),
        };
        done.map_err(|error| bad(error.to_string()))?;
        Ok(data)
    }

    fn end_of(&self, index: u64) -> io::Result<u64> {
        let mut entry = [0; 8];
        let (entry, _) = entry.split_at_mut(self.entry as usize);
        self.inner.read_exact_at(index * self.entry, entry)?;
        Ok(u64_at(entry, 0).or_else(|| u32_at(entry, 0).map(u64::from)).unwrap_or(u64::MAX))
    }
}
