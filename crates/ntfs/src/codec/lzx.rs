//! LZX as the Windows overlay filter and WIM images use it: one chunk of up to 32 KiB at a time.
//!
//! Source: the LZX format of [MS-PATCH] section 2 and of Microsoft's cabinet documentation, with the changes
//! of WIM that wimlib documents: each chunk stands for itself with a window of 32 KiB, a block has one bit for the
//! usual size of 32,768 or else 16 bits of size, there is no bit for the translation of calls, and calls are
//! always translated as if the file had 12,000,000 bytes.

use super::bits::Bits;
use super::huffman::{BadCode, Code};
use super::{CodecError, copy_match};

const CODEC: &str = "LZX";
/// The largest chunk, which is the window as well.
pub const WINDOW_BYTES: usize = 32_768;
const USUAL_BLOCK: usize = 32_768;

const LITERALS: usize = 256;
const SLOTS: usize = 30;
/// Literals, and matches by position slot and one of 8 lengths.
const MAIN_SYMBOLS: usize = LITERALS + SLOTS * 8;
const LENGTH_SYMBOLS: usize = 249;
const PRETREE_SYMBOLS: usize = 20;
const ALIGNED_SYMBOLS: usize = 8;
/// The length in a main symbol to which a length symbol is added.
const LENGTH_IN_MAIN: usize = 7;
const MIN_MATCH: usize = 2;

/// The file size that the translation of calls assumes.
const CALL_FILE_BYTES: i32 = 12_000_000;
/// The last bytes of a chunk, in which no call is translated.
const CALL_TAIL: usize = 10;

/// Decompresses one chunk until `output`, of at most 32,768 bytes, is full. What follows in the input is not read;
/// a block or a match that goes past the end of `output` is an error.
///
/// A chunk whose stored size is the size of its content is not compressed; that is for the caller to see.
///
/// # Errors
///
/// [`CodecError`] when the input ends before the output is full, or is malformed.
pub fn decompress(input: &[u8], output: &mut [u8]) -> Result<(), CodecError> {
    if output.len() > WINDOW_BYTES {
        return Err(CodecError::Damaged {
            codec: CODEC,
            what: "size of a chunk",
            offset: 0,
            expected: format!("at most {WINDOW_BYTES}"),
            found: output.len().to_string(),
        });
    }
    let mut bits = Bits::new(CODEC, input, 0);
    let mut state = State {
        recent: [1; 3],
        main_lengths: [0; MAIN_SYMBOLS],
        length_lengths: [0; LENGTH_SYMBOLS],
        main: Code::new(),
        length: Code::new(),
        aligned: Code::new(),
    };
    let mut filled = 0;
    // Every block fills at least one byte, so the output bounds the loop.
    while filled < output.len() {
        filled = state.block(&mut bits, output, filled)?;
    }
    translate_calls(output);
    Ok(())
}

/// What lives from block to block of a chunk.
struct State {
    /// The distances of the latest matches that differ.
    recent: [usize; 3],
    main_lengths: [u8; MAIN_SYMBOLS],
    length_lengths: [u8; LENGTH_SYMBOLS],
    main: Code,
    length: Code,
    aligned: Code,
}

impl State {
    /// Decompresses one block and returns how much of the output is filled.
    fn block(&mut self, bits: &mut Bits<'_>, output: &mut [u8], filled: usize) -> Result<usize, CodecError> {
        const WHAT: &str = "a block header";
        let kind = bits.take(3, WHAT)?;
        let size = if bits.take(1, WHAT)? == 1 { USUAL_BLOCK } else { bits.take(16, WHAT)? };
        let room = output.len() - filled;
        if size == 0 || size > room {
            return Err(bits.damaged("size of a block", &format!("1 to {room}"), size));
        }
        let end = filled + size;
        match kind {
            1 | 2 => {
                let aligned = kind == 2;
                if aligned {
                    let mut lengths = [0; ALIGNED_SYMBOLS];
                    for length in &mut lengths {
                        *length = bits.take(3, "the aligned code lengths")? as u8;
                    }
                    set(&mut self.aligned, bits, "aligned code lengths", &lengths)?;
                }
                let (literals, matches) = self.main_lengths.split_at_mut(LITERALS);
                read_lengths(bits, literals)?;
                read_lengths(bits, matches)?;
                set(&mut self.main, bits, "main code lengths", &self.main_lengths)?;
                read_lengths(bits, &mut self.length_lengths)?;
                set(&mut self.length, bits, "length code lengths", &self.length_lengths)?;
                let block = output.get_mut(..end).ok_or_else(|| bits.truncated(WHAT))?;
                self.compressed(bits, block, filled, aligned)?;
            }
            3 => {
                bits.align(WHAT)?;
                for distance in &mut self.recent {
                    *distance =
                        u32::from_le_bytes(bits.bytes("the distances of an uncompressed block")?) as usize;
                    // Zero would match nothing; larger ones are refused where they are used.
                    if *distance == 0 {
                        return Err(bits.damaged("distance of an uncompressed block", "1 or more", 0));
                    }
                }
                let target = output.get_mut(filled..end).ok_or_else(|| bits.truncated(WHAT))?;
                target.copy_from_slice(bits.slice(size, "an uncompressed block")?);
                if size % 2 == 1 && end < output.len() {
                    bits.byte("the padding of an uncompressed block")?;
                }
            }
            _ => return Err(bits.damaged("type of a block", "1, 2 or 3", kind)),
        }
        Ok(end)
    }

    /// Decompresses literals and matches until `block` is full.
    fn compressed(
        &mut self,
        bits: &mut Bits<'_>,
        block: &mut [u8],
        mut filled: usize,
        aligned: bool,
    ) -> Result<(), CodecError> {
        while filled < block.len() {
            let symbol = self.main.symbol(bits, "a main symbol")?;
            let Some(of_match) = symbol.checked_sub(LITERALS) else {
                if let Some(slot) = block.get_mut(filled) {
                    *slot = symbol as u8;
                }
                filled += 1;
                continue;
            };
            let mut length = (of_match & 7) + MIN_MATCH;
            if of_match & 7 == LENGTH_IN_MAIN {
                length += self.length.symbol(bits, "a length symbol")?;
            }
            let distance = self.distance(bits, of_match >> 3, aligned)?;
            copy_match(block, filled, distance, length).map_err(|bad| {
                bad.at(CODEC, bits.at(), (distance, length), (filled, block.len() - filled))
            })?;
            filled += length;
        }
        Ok(())
    }

    /// The distance of a match, and the recent distances after it.
    #[inline]
    fn distance(&mut self, bits: &mut Bits<'_>, slot: usize, aligned: bool) -> Result<usize, CodecError> {
        const WHAT: &str = "a match distance";
        let [first, second, third] = self.recent;
        let (distance, recent) = match slot {
            0 => return Ok(first),
            // The repeated distance trades places with the first; the other one stays.
            1 => (second, [second, first, third]),
            2 => (third, [third, second, first]),
            _ => {
                let (base, extra) = slot_range(slot);
                let offset = if aligned && extra >= 3 {
                    let high = bits.take(extra - 3, WHAT)? << 3;
                    high | self.aligned.symbol(bits, "an aligned symbol")?
                } else {
                    bits.take(extra, WHAT)?
                };
                // The first three formatted offsets are the recent distances.
                let distance = base + offset - 2;
                (distance, [distance, first, second])
            }
        };
        self.recent = recent;
        Ok(distance)
    }
}

/// The first formatted offset of a position slot from 3 on, and how many bits are added to it.
#[inline]
fn slot_range(slot: usize) -> (usize, u32) {
    let extra = (slot as u32 / 2).saturating_sub(1);
    let base = if slot < 4 { slot } else { (2 + slot % 2) << extra };
    (base, extra)
}

fn set(code: &mut Code, bits: &Bits<'_>, what: &'static str, lengths: &[u8]) -> Result<(), CodecError> {
    code.set(lengths).map_err(|bad: BadCode| bits.damaged(what, "a complete code or none", bad.found()))
}

/// Reads code lengths, which are written as differences to those of the block before.
fn read_lengths(bits: &mut Bits<'_>, lengths: &mut [u8]) -> Result<(), CodecError> {
    const WHAT: &str = "code lengths";
    let mut own = [0; PRETREE_SYMBOLS];
    for length in &mut own {
        *length = bits.take(4, "the lengths of a code for lengths")? as u8;
    }
    let mut pretree = Code::new();
    set(&mut pretree, bits, "lengths of a code for lengths", &own)?;
    let mut at = 0;
    while let Some(&before) = lengths.get(at) {
        let symbol = pretree.symbol(bits, WHAT)?;
        let (run, length) = match symbol {
            17 => (4 + bits.take(4, WHAT)?, 0),
            18 => (20 + bits.take(5, WHAT)?, 0),
            19 => {
                let run = 4 + bits.take(1, WHAT)?;
                let symbol = pretree.symbol(bits, WHAT)?;
                if symbol > 16 {
                    return Err(bits.damaged("symbol of a run of lengths", "0 to 16", symbol));
                }
                (run, difference(before, symbol))
            }
            _ => (1, difference(before, symbol)),
        };
        let left = lengths.len() - at;
        match lengths.get_mut(at..at + run) {
            Some(target) => target.fill(length),
            None => return Err(bits.damaged("run of lengths", &format!("at most {left}"), run)),
        }
        at += run;
    }
    Ok(())
}

/// The length that stands `symbol` below `before`, modulo 17.
fn difference(before: u8, symbol: usize) -> u8 {
    ((usize::from(before) + 17 - symbol) % 17) as u8
}

/// Turns the targets of x86 calls back from absolute to relative.
fn translate_calls(output: &mut [u8]) {
    let Some(end) = output.len().checked_sub(CALL_TAIL) else { return };
    let mut at = 0;
    while let Some(found) = output.get(at..end).and_then(|rest| rest.iter().position(|byte| *byte == 0xe8)) {
        at += found;
        if let Some(bytes) = output.get_mut(at + 1..).and_then(<[u8]>::first_chunk_mut::<4>) {
            let absolute = i32::from_le_bytes(*bytes);
            // A chunk has at most 32 KiB, so its offsets are small.
            let place = at as i32;
            if (0..CALL_FILE_BYTES).contains(&absolute) {
                *bytes = (absolute - place).to_le_bytes();
            } else if (-place..0).contains(&absolute) {
                *bytes = (absolute + CALL_FILE_BYTES).to_le_bytes();
            }
        }
        at += 5;
    }
}

#[cfg(test)]
mod tests;
