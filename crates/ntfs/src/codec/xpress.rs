//! Xpress-Huffman, as the Windows overlay filter stores a file in chunks of 4, 8 or 16 KiB.
//!
//! Source: [MS-XCA] section 2.2. A block stands for 64 KiB of output and starts with the lengths of 512 codes
//! in 4 bits each: 256 literals, and 256 matches by distance class and length. Bits come in words of 16; the
//! bytes that extend a long length stand between the words, after those that the decoder has taken by then. The
//! decoder takes a word as soon as fewer than 16 bits are left: after the code of a match it does so before it
//! reads those bytes, after the bits of the distance only later. And it goes on when the input is used up, with
//! the up to 31 bits it still holds: they can stand for many symbols, so only a full output is the end.

use super::bits::Bits;
use super::huffman::Code;
use super::{CodecError, copy_match};

const CODEC: &str = "Xpress-Huffman";
const BLOCK_BYTES: usize = 65_536;
const LENGTHS_BYTES: usize = 256;
const LITERALS: usize = 256;
const MIN_MATCH: usize = 3;
/// The largest length in a code; a byte follows.
const LENGTH_IN_CODE: usize = 15;

/// Decompresses one chunk until `output` is full. What follows in the input, as a rule an end marker, is not read;
/// a match that goes past the end of `output` is an error.
///
/// A chunk whose stored size is the size of its content is not compressed; that is for the caller to see.
///
/// # Errors
///
/// [`CodecError`] when the input ends before the output is full, or is malformed.
pub fn decompress(input: &[u8], output: &mut [u8]) -> Result<(), CodecError> {
    let mut code = Code::new();
    let mut filled = 0;
    let mut at = 0;
    while filled < output.len() {
        let lengths = input.get(at..).and_then(<[u8]>::first_chunk::<LENGTHS_BYTES>);
        let lengths = lengths.ok_or(CodecError::Truncated {
            codec: CODEC,
            what: "the code lengths of a block",
            offset: input.len(),
        })?;
        let mut nibbles = [0_u8; 2 * LENGTHS_BYTES];
        for (pair, byte) in nibbles.chunks_exact_mut(2).zip(lengths) {
            pair.copy_from_slice(&[byte & 0xf, byte >> 4]);
        }
        code.set(&nibbles).map_err(|bad| CodecError::Damaged {
            codec: CODEC,
            what: "code lengths of a block",
            offset: at,
            expected: "a complete code".to_owned(),
            found: bad.found().to_owned(),
        })?;
        let mut bits = Bits::new(CODEC, input, at + LENGTHS_BYTES);
        let block_end = output.len().min(filled.saturating_add(BLOCK_BYTES));
        filled = block(&code, &mut bits, output, filled, block_end)?;
        // The encoder keeps two words in hand, so the next block starts after the two that were taken ahead.
        bits.fill();
        at = bits.at();
    }
    Ok(())
}

/// Decompresses one block and returns how much of the output is filled.
fn block(
    code: &Code,
    bits: &mut Bits<'_>,
    output: &mut [u8],
    mut filled: usize,
    end: usize,
) -> Result<usize, CodecError> {
    while filled < end {
        let symbol = code.symbol(bits, "a symbol")?;
        let Some(of_match) = symbol.checked_sub(LITERALS) else {
            if let Some(slot) = output.get_mut(filled) {
                *slot = symbol as u8;
            }
            filled += 1;
            continue;
        };
        bits.fill();
        let length = match of_match & 15 {
            LENGTH_IN_CODE => long_length(bits)?,
            short => short,
        };
        let length = length.saturating_add(MIN_MATCH);
        let class = (of_match >> 4) as u32;
        let distance = bits.take(class, "a match distance")? | 1 << class;
        copy_match(output, filled, distance, length)
            .map_err(|bad| bad.at(CODEC, bits.at(), (distance, length), (filled, output.len() - filled)))?;
        filled += length;
    }
    Ok(filled)
}

/// Reads the length of a match that does not fit its code, less the shortest.
fn long_length(bits: &mut Bits<'_>) -> Result<usize, CodecError> {
    const WHAT: &str = "a match length";
    let byte = bits.byte(WHAT)?;
    if byte != 255 {
        return Ok(LENGTH_IN_CODE + usize::from(byte));
    }
    let mut length = u32::from(u16::from_le_bytes(bits.bytes(WHAT)?));
    if length == 0 {
        length = u32::from_le_bytes(bits.bytes(WHAT)?);
    }
    match usize::try_from(length) {
        Ok(length) if length >= LENGTH_IN_CODE => Ok(length),
        _ => Err(bits.damaged(WHAT, "15 or more in the long form", length)),
    }
}

#[cfg(test)]
mod tests;
