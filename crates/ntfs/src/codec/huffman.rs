//! Canonical Huffman codes of up to 16 bits, decoded with one look-up for all but rare symbols.

use super::CodecError;
use super::bits::Bits;

/// The longest code of either format, in bits.
const MAX_LENGTH: usize = 16;
/// Most symbols of either format.
const MAX_SYMBOLS: usize = 512;
/// Codes up to this length are looked up. More would cost more to fill than a chunk of 4 KiB earns.
const TABLE_BITS: u32 = 10;
const TABLE_SIZE: usize = 1 << TABLE_BITS;

/// What is wrong with a set of code lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadCode {
    /// More codes than their lengths leave room for, or a length or a symbol that cannot be.
    TooMany,
    /// Some rows of bits stand for no symbol.
    Incomplete,
}

impl BadCode {
    pub(super) fn found(self) -> &'static str {
        match self {
            Self::TooMany => "too many codes",
            Self::Incomplete => "codes missing",
        }
    }
}

/// One Huffman code, ready to decode.
pub(super) struct Code {
    /// Symbol and length by the first bits; zero for a code that is longer.
    table: [u16; TABLE_SIZE],
    /// The symbols in the order of their codes.
    symbols: [u16; MAX_SYMBOLS],
    /// For each length: the first row of 16 bits after its codes, and what turns a code into a place in `symbols`.
    limits: [(u32, u32); MAX_LENGTH + 1],
    empty: bool,
}

impl Code {
    pub(super) fn new() -> Self {
        Self {
            table: [0; TABLE_SIZE],
            symbols: [0; MAX_SYMBOLS],
            limits: [(0, 0); MAX_LENGTH + 1],
            empty: true,
        }
    }

    /// Takes the code with these lengths, zero for a symbol without a code. No symbol at all is a code that
    /// cannot be used; otherwise every row of bits must stand for a symbol.
    pub(super) fn set(&mut self, lengths: &[u8]) -> Result<(), BadCode> {
        let mut counts = [0_u32; MAX_LENGTH + 1];
        for length in lengths {
            *counts.get_mut(usize::from(*length)).ok_or(BadCode::TooMany)? += 1;
        }
        let mut places = [0_u32; MAX_LENGTH + 1];
        let mut code = 0_u32;
        let mut place = 0_u32;
        for (length, ((count, first), limit)) in
            (0_u32..).zip(counts.iter().zip(&mut places).zip(&mut self.limits)).skip(1)
        {
            code <<= 1;
            *first = place;
            // Wraps when the place is before the code; adding the code wraps back.
            let shift = place.wrapping_sub(code);
            code += count;
            place += count;
            if code > 1 << length {
                return Err(BadCode::TooMany);
            }
            *limit = (code << (16 - length), shift);
        }
        self.empty = place == 0;
        if !self.empty && code != 1 << MAX_LENGTH {
            return Err(BadCode::Incomplete);
        }
        for (symbol, length) in (0_u16..).zip(lengths).filter(|(_, length)| **length > 0) {
            let place = places.get_mut(usize::from(*length)).ok_or(BadCode::TooMany)?;
            *self.symbols.get_mut(*place as usize).ok_or(BadCode::TooMany)? = symbol;
            *place += 1;
        }
        self.fill_table(&counts);
        Ok(())
    }

    fn fill_table(&mut self, counts: &[u32; MAX_LENGTH + 1]) {
        let mut symbols = self.symbols.iter();
        let mut rest = self.table.as_mut_slice();
        for (length, count) in (0_u16..).zip(counts).skip(1).take(TABLE_BITS as usize) {
            let span = 1_usize << (TABLE_BITS - u32::from(length));
            for symbol in symbols.by_ref().take(*count as usize) {
                let (entries, after) = rest.split_at_mut(span.min(rest.len()));
                entries.fill(symbol << 5 | length);
                rest = after;
            }
        }
        rest.fill(0);
    }

    /// Reads one symbol.
    #[inline]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>, what: &'static str) -> Result<usize, CodecError> {
        bits.fill();
        let next = bits.peek();
        let entry = self.table.get((next >> (16 - TABLE_BITS)) as usize).copied().unwrap_or(0);
        let (symbol, length) = if entry != 0 {
            (entry >> 5, u32::from(entry & 31))
        } else {
            self.long(next)
                .ok_or_else(|| bits.damaged(what, "a symbol with a code", "a code without symbols"))?
        };
        bits.skip(length, what)?;
        Ok(usize::from(symbol))
    }

    /// The symbol and length of a code that is longer than the table.
    fn long(&self, next: u32) -> Option<(u16, u32)> {
        if self.empty {
            return None;
        }
        let (length, (_, shift)) = (0_u32..)
            .zip(&self.limits)
            .skip(TABLE_BITS as usize + 1)
            .find(|(_, (limit, _))| next < *limit)?;
        let place = (next >> (16 - length)).wrapping_add(*shift);
        Some((*self.symbols.get(place as usize)?, length))
    }
}
