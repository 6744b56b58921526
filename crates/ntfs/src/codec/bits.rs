//! The bit stream of the two Huffman formats: little-endian words of 16 bits, read from the highest bit down.

use super::CodecError;

/// Reads bits, and bytes that stand between the words.
///
/// Words are taken exactly when fewer than 16 bits are left, because that decides where a byte that is mixed
/// into the stream of Xpress-Huffman stands. Past the end of the input come words of zero, as both formats
/// look further ahead than they use; to use one of their bits is an error.
pub(super) struct Bits<'a> {
    codec: &'static str,
    input: &'a [u8],
    /// The next byte that was not taken.
    at: usize,
    /// Bits that were taken and not used, from the highest bit down.
    held: u32,
    /// How many there are: at least 16 after [`Self::fill`], never more than 31 before a use.
    left: u32,
    /// How many of the last of them are not in the input.
    phantom: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(codec: &'static str, input: &'a [u8], at: usize) -> Self {
        Self { codec, input, at, held: 0, left: 0, phantom: 0 }
    }

    /// The next byte that was not taken, for messages.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Makes at least 16 bits ready.
    #[inline]
    pub(super) fn fill(&mut self) {
        if self.left >= 16 {
            return;
        }
        match self.input.get(self.at..).and_then(<[u8]>::first_chunk::<2>) {
            Some(bytes) => {
                self.held |= u32::from(u16::from_le_bytes(*bytes)) << (16 - self.left);
                self.at += 2;
            }
            None => self.phantom += 16,
        }
        self.left += 16;
    }

    /// The next 16 bits, ready after [`Self::fill`].
    #[inline]
    pub(super) fn peek(&self) -> u32 {
        self.held >> 16
    }

    /// Uses `count` bits, at most 16, that [`Self::fill`] made ready.
    #[inline]
    pub(super) fn skip(&mut self, count: u32, what: &'static str) -> Result<(), CodecError> {
        self.held <<= count;
        self.left = self.left.saturating_sub(count);
        if self.left < self.phantom { Err(self.truncated(what)) } else { Ok(()) }
    }

    /// Uses the next `count` bits, at most 16, as a number.
    #[inline]
    pub(super) fn take(&mut self, count: u32, what: &'static str) -> Result<usize, CodecError> {
        self.fill();
        let value = self.peek() >> (16 - count.min(16));
        self.skip(count, what)?;
        Ok(value as usize)
    }

    /// The byte after the words that were taken.
    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, CodecError> {
        let byte = *self.input.get(self.at).ok_or_else(|| self.truncated(what))?;
        self.at += 1;
        Ok(byte)
    }

    /// The `N` bytes after the words that were taken.
    pub(super) fn bytes<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CodecError> {
        let bytes = self.input.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let bytes = *bytes.ok_or_else(|| self.truncated(what))?;
        self.at += N;
        Ok(bytes)
    }

    /// The next `count` bytes after the words that were taken.
    pub(super) fn slice(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        let end = self.at.saturating_add(count);
        let bytes = self.input.get(self.at..end).ok_or_else(|| self.truncated(what))?;
        self.at = end;
        Ok(bytes)
    }

    /// Goes on after the current word, which is dropped even when no bit of it was used.
    pub(super) fn align(&mut self, what: &'static str) -> Result<(), CodecError> {
        self.fill();
        if self.phantom > 0 && self.left <= self.phantom {
            return Err(self.truncated(what));
        }
        if self.left > 16 {
            // A whole word was taken ahead.
            match self.phantom {
                0 => self.at = self.at.saturating_sub(2),
                _ => self.phantom = 0,
            }
        }
        (self.held, self.left) = (0, 0);
        Ok(())
    }

    #[cold]
    pub(super) fn truncated(&self, what: &'static str) -> CodecError {
        CodecError::Truncated { codec: self.codec, what, offset: self.input.len() }
    }

    #[cold]
    pub(super) fn damaged(&self, what: &'static str, expected: &str, found: impl ToString) -> CodecError {
        CodecError::Damaged {
            codec: self.codec,
            what,
            offset: self.at,
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }
}
