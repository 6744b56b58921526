//! LZNT1, the compression of NTFS files and folders with the `compressed` attribute.
//!
//! Source: [MS-XCA] section 2.5. A compression unit is a row of chunks, each of which stands for 4,096 bytes;
//! a chunk is stored or compressed on its own. A header of zero, the end of the input or a full output ends
//! the row.

use super::{CodecError, copy_match};

/// What one chunk stands for, in bytes.
pub const CHUNK_BYTES: usize = 4096;

const CODEC: &str = "LZNT1";
/// The signature bits of a header, in place.
const SIGNATURE: u16 = 0x3000;
const COMPRESSED: u16 = 0x8000;
const MIN_MATCH: usize = 3;

/// Decompresses one compression unit and returns how many bytes the input produced.
///
/// A chunk that comes out shorter than 4,096 bytes is filled with zeros up to the next chunk, as Windows does;
/// what is left of `output` after the last chunk is set to zero.
///
/// # Errors
///
/// [`CodecError`] when a chunk is cut off or malformed, or stands for more than `output` holds.
pub fn decompress_unit(input: &[u8], output: &mut [u8]) -> Result<usize, CodecError> {
    let mut at = 0;
    let mut produced = 0;
    let mut start = 0;
    while start < output.len() && at < input.len() {
        let header = match input.get(at..).and_then(<[u8]>::first_chunk::<2>) {
            Some(bytes) => u16::from_le_bytes(*bytes),
            None => return Err(truncated("a chunk header", input.len())),
        };
        if header == 0 {
            break;
        }
        if header & 0x7000 != SIGNATURE {
            return Err(CodecError::Damaged {
                codec: CODEC,
                what: "signature of a chunk header",
                offset: at,
                expected: "3".to_owned(),
                found: ((header & 0x7000) >> 12).to_string(),
            });
        }
        let body_at = at + 2;
        let end = body_at + usize::from(header & 0x0fff) + 1;
        let Some(body) = input.get(body_at..end) else { return Err(truncated("a chunk", input.len())) };
        let room = output.len() - start;
        let Some(chunk) = output.get_mut(start..start + room.min(CHUNK_BYTES)) else { break };
        let filled = if header & COMPRESSED == 0 {
            store(body, chunk).ok_or_else(|| overfull(body_at, chunk.len(), body.len()))?
        } else {
            decompress_chunk(body, body_at, chunk)?
        };
        if let Some(rest) = chunk.get_mut(filled..) {
            rest.fill(0);
        }
        produced = start + filled;
        start += chunk.len();
        at = end;
    }
    if let Some(rest) = output.get_mut(start..) {
        rest.fill(0);
    }
    Ok(produced)
}

/// Copies a stored chunk and returns its length, or `None` when there is no room for it.
fn store(body: &[u8], chunk: &mut [u8]) -> Option<usize> {
    chunk.get_mut(..body.len())?.copy_from_slice(body);
    Some(body.len())
}

/// Decompresses `body`, which starts at `base` of the input, and returns how many bytes of `chunk` it filled.
fn decompress_chunk(body: &[u8], base: usize, chunk: &mut [u8]) -> Result<usize, CodecError> {
    let mut filled = 0_usize;
    let mut at = 0_usize;
    while let Some(&flags) = body.get(at) {
        at += 1;
        for bit in 0..8 {
            let Some(&byte) = body.get(at) else { break };
            if flags >> bit & 1 == 0 {
                match chunk.get_mut(filled) {
                    Some(slot) => *slot = byte,
                    None => return Err(overfull(base + at, chunk.len(), filled + 1)),
                }
                filled += 1;
                at += 1;
                continue;
            }
            let Some(token) = body.get(at..).and_then(<[u8]>::first_chunk::<2>) else {
                return Err(truncated("a match", base + body.len()));
            };
            let token = u16::from_le_bytes(*token);
            // The further into the chunk, the more of the 16 bits go to the distance and the fewer to the length.
            let length_bits = 16 - filled.saturating_sub(1).checked_ilog2().map_or(0, |log| log + 1).max(4);
            let distance = usize::from(token >> length_bits) + 1;
            let length = usize::from(token & ((1 << length_bits) - 1)) + MIN_MATCH;
            copy_match(chunk, filled, distance, length).map_err(|bad| {
                bad.at(CODEC, base + at, (distance, length), (filled, chunk.len() - filled))
            })?;
            filled += length;
            at += 2;
        }
    }
    Ok(filled)
}

#[cold]
fn truncated(what: &'static str, offset: usize) -> CodecError {
    CodecError::Truncated { codec: CODEC, what, offset }
}

#[cold]
fn overfull(offset: usize, room: usize, found: usize) -> CodecError {
    CodecError::Damaged {
        codec: CODEC,
        what: "length of a chunk",
        offset,
        expected: format!("at most {room} bytes"),
        found: format!("{found} or more"),
    }
}

#[cfg(test)]
mod tests;
