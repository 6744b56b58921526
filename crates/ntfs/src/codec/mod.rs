//! Decompressors of NTFS and of the Windows overlay filter.
//!
//! Each is a pure function from one compressed piece to one buffer of known size: no state is kept between
//! calls, memory is bounded by small fixed tables, and time by the sizes of input and output. On an error the
//! content of the output buffer means nothing.

mod bits;
mod huffman;
pub mod lznt1;
pub mod lzx;
pub mod xpress;

use thiserror::Error;

/// Why compressed bytes could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The input ends before the output is complete.
    #[error("{codec}: the input ends at byte {offset} within {what}")]
    Truncated {
        /// The format, as people call it.
        codec: &'static str,
        /// What was being read.
        what: &'static str,
        /// Offset in the compressed input, in bytes.
        offset: usize,
    },
    /// A value of the format is not what it must be.
    #[error("{codec}: {what} at byte {offset}: expected {expected}, found {found}")]
    Damaged {
        /// The format, as people call it.
        codec: &'static str,
        /// The field or structure.
        what: &'static str,
        /// Offset in the compressed input, in bytes. The two Huffman formats are read in words of 16 bits, so
        /// there it is the offset of the next word.
        offset: usize,
        /// What must stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
}

impl CodecError {
    /// The byte of the input that was reached.
    pub fn offset(&self) -> usize {
        match self {
            Self::Truncated { offset, .. } | Self::Damaged { offset, .. } => *offset,
        }
    }
}

/// Why a match cannot be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BadMatch {
    /// It starts before the first byte of the output.
    Distance,
    /// It ends after the space there is.
    Length,
}

impl BadMatch {
    /// The error for a match of `length` from `distance` back, `at` bytes into a buffer with `room` left.
    #[cold]
    fn at(
        self,
        codec: &'static str,
        offset: usize,
        (distance, length): (usize, usize),
        (at, room): (usize, usize),
    ) -> CodecError {
        match self {
            Self::Distance => CodecError::Damaged {
                codec,
                what: "match distance",
                offset,
                expected: format!("1 to {at}, the bytes that stand before it"),
                found: distance.to_string(),
            },
            Self::Length => CodecError::Damaged {
                codec,
                what: "match length",
                offset,
                expected: format!("at most {room}, the bytes that are left to fill"),
                found: length.to_string(),
            },
        }
    }
}

/// Repeats `length` bytes from `distance` back at `at`; source and target may overlap.
#[inline]
fn copy_match(output: &mut [u8], at: usize, distance: usize, length: usize) -> Result<(), BadMatch> {
    if distance == 0 || distance > at {
        return Err(BadMatch::Distance);
    }
    let end = at.checked_add(length).filter(|end| *end <= output.len()).ok_or(BadMatch::Length)?;
    let source = at - distance;
    // Each round repeats everything from the source on, so an overlapping match takes few copies.
    let mut to = at;
    while to < end {
        let step = (to - source).min(end - to);
        output.copy_within(source..source + step, to);
        to += step;
    }
    Ok(())
}
