//! The bytes behind the header of an `.evt`, which go on at their start where they end.

use std::io;

use super::super::Source;
use super::HEADER;

const WINDOW: usize = 64 * 1024;
/// Starts of records without an end, of all sizes, that are looked into.
pub(super) const MAX_MISSED: u32 = 100_000;

/// Reads through one window, so that the walk from record to record is not a read of the file each time.
pub(super) struct Ring<'a> {
    source: &'a dyn Source,
    end: u64,
    window: Vec<u8>,
    base: u64,
    far_looks: u32,
}

impl<'a> Ring<'a> {
    /// `None` when there is no room for a record.
    pub(super) fn new(source: &'a dyn Source) -> Option<Self> {
        let end = source.len() & !3;
        (end > HEADER).then(|| Self { source, end, window: Vec::new(), base: 0, far_looks: 0 })
    }

    /// Where it ends in the file; what would lie there lies behind the header.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that go round.
    pub(super) fn size(&self) -> u64 {
        self.end - HEADER
    }

    /// Whether an offset of the file is inside, and on the boundary that records keep.
    pub(super) fn holds(&self, at: u64) -> bool {
        (HEADER..self.end).contains(&at) && at.is_multiple_of(4)
    }

    /// The place `count` bytes further on.
    pub(super) fn step(&self, at: u64, count: u64) -> u64 {
        HEADER + (at - HEADER + count % self.size()) % self.size()
    }

    /// Bytes on the way from one place forward to another.
    pub(super) fn distance(&self, from: u64, to: u64) -> u64 {
        if to >= from { to - from } else { self.size() - (from - to) }
    }

    /// Fills `buffer` from `at` on, round the end where it is reached.
    pub(super) fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut at = at;
        let mut rest = buffer;
        while !rest.is_empty() {
            let have = self.window(at)?;
            let count = have.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(have.get(..count).unwrap_or_default());
            rest = later;
            at = self.step(at, count as u64);
        }
        Ok(())
    }

    /// Notes that a far look found no record.
    ///
    /// # Errors
    /// After too many of those: a log that is made of such starts would cost a read for every four of its bytes.
    pub(super) fn missed(&mut self) -> io::Result<()> {
        self.far_looks += 1;
        if self.far_looks > MAX_MISSED {
            return Err(io::Error::other(format!("over a budget of {MAX_MISSED} records without an end")));
        }
        Ok(())
    }

    /// The 32-bit number at `at`, past the window: far looks must not make it wander.
    pub(super) fn far_u32(&mut self, at: u64) -> io::Result<u32> {
        let mut bytes = [0; 4];
        let inside = at >= self.base && at + 4 <= self.base + self.window.len() as u64;
        if inside {
            self.read(at, &mut bytes)?;
        } else if self.source.read_at(at, &mut bytes)? != bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(u32::from_le_bytes(bytes))
    }

    /// What the window has from `at` on, at least one byte.
    fn window(&mut self, at: u64) -> io::Result<&[u8]> {
        if at < self.base || at >= self.base + self.window.len() as u64 {
            let len = usize::try_from(self.end - at).unwrap_or(WINDOW).min(WINDOW);
            self.window.resize(len, 0);
            let read = self.source.read_at(at, &mut self.window);
            self.base = at;
            let count = match read {
                Ok(count) => count,
                Err(error) => {
                    self.window.clear();
                    return Err(error);
                }
            };
            self.window.truncate(count);
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let from = usize::try_from(at - self.base).unwrap_or(usize::MAX);
        Ok(self.window.get(from..).unwrap_or_default())
    }
}
