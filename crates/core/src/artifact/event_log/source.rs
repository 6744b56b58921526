//! Where the bytes of a log come from.

use std::io;
use std::sync::Arc;

use iiskeys_evidence::ReadAt;

/// A log that can be read at any place, so that it need not be in memory.
///
/// What [`iiskeys_evidence::File::random`] gives is one: `skim(&file.random(memory)?, ..)`.
pub trait Source {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads bytes from `offset` on and says how many; less than the buffer holds only where the data ends.
    ///
    /// # Errors
    /// When bytes inside the length cannot be read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for Arc<dyn ReadAt> {
    fn len(&self) -> u64 {
        ReadAt::len(&**self)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        ReadAt::read_at(&**self, offset, buffer)
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        ReadAt::read_at(self, offset, buffer)
    }
}
