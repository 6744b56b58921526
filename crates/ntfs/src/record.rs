//! File records: update sequences and the header.

use crate::attribute::{Attribute, Attributes};
use crate::bytes::{slice, u16_at, u32_at, u64_at};
use crate::error::NtfsError;

/// A number of a file record with the sequence number that it had when the reference was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileRef {
    /// Number of the record in `$MFT`.
    pub record: u64,
    /// How often the record had been reused.
    pub sequence: u16,
}

impl FileRef {
    /// Splits the 64 bits on disk.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { record: bits & 0xffff_ffff_ffff, sequence: (bits >> 48) as u16 }
    }
}

/// Puts the words back that stand at the end of each stride of a record or index block.
///
/// # Errors
/// When the block has not the signature, an impossible update sequence, or was only written in part.
pub(crate) fn fix_up(block: &mut [u8], signature: &[u8; 4], what: &str) -> Result<(), NtfsError> {
    let found = block.get(..4).unwrap_or_default();
    if found != signature {
        let expected = format!("\"{}\"", signature.escape_ascii());
        return Err(NtfsError::damaged(what, 0, expected, format!("\"{}\"", found.escape_ascii())));
    }
    let start = usize::from(u16_at(block, 4).unwrap_or(0));
    let words = usize::from(u16_at(block, 6).unwrap_or(0));
    let stride = words.checked_sub(1).filter(|count| *count > 0).map_or(0, |count| block.len() / count);
    let array = slice(block, start, words * 2).filter(|_| start >= 8);
    let (Some(array), true) = (array, stride >= 256 && stride.is_power_of_two() && stride <= 4096) else {
        let expected = format!("an update sequence for {} bytes", block.len());
        return Err(NtfsError::damaged(what, 4, expected, format!("{words} words at byte {start}")));
    };
    let array = array.to_vec();
    let number = array.get(..2).unwrap_or_default();
    for (index, word) in array.chunks_exact(2).skip(1).enumerate() {
        let at = (index + 1) * stride - 2;
        let Some(end) = block.get_mut(at..at + 2) else { break };
        if end != number {
            return Err(NtfsError::damaged(
                format!("{what} (torn write)"),
                at as u64,
                format!("{number:02x?}"),
                format!("{end:02x?}"),
            ));
        }
        end.copy_from_slice(word);
    }
    Ok(())
}

/// One record of `$MFT`, with its update sequence applied.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Number of the record.
    pub number: u64,
    /// How often it was reused.
    pub sequence: u16,
    /// Bit 0: in use, bit 1: directory.
    pub flags: u16,
    /// The record that this one extends; zero for a base record.
    pub base: FileRef,
    attributes: usize,
    used: usize,
    data: Box<[u8]>,
}

impl Record {
    /// Reads a record from its bytes on disk.
    ///
    /// # Errors
    /// When it is torn, is no record, or is the record of another number.
    pub fn parse(mut data: Vec<u8>, number: u64) -> Result<Self, NtfsError> {
        let what = format!("MFT record {number}");
        fix_up(&mut data, b"FILE", &what)?;
        let word = |at| u16_at(&data, at).unwrap_or(0);
        let used = u32_at(&data, 0x18).unwrap_or(0) as usize;
        let attributes = usize::from(word(0x14));
        if used > data.len() || attributes > used || attributes < 0x28 {
            let expected = format!("attributes within {} bytes", data.len());
            return Err(NtfsError::damaged(what, 0x14, expected, format!("{attributes} to {used}")));
        }
        // Records made before NTFS 3.1 have their update sequence where the number stands.
        if word(4) >= 0x30 {
            let own = u32_at(&data, 0x2c).unwrap_or(0);
            if own != 0 && own != number as u32 {
                return Err(NtfsError::damaged(what, 0x2c, number.to_string(), own));
            }
        }
        Ok(Self {
            number,
            sequence: word(0x10),
            flags: word(0x16),
            base: FileRef::from_bits(u64_at(&data, 0x20).unwrap_or(0)),
            attributes,
            used,
            data: data.into_boxed_slice(),
        })
    }

    /// Whether the record belongs to a file that exists.
    pub fn is_in_use(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the record is one of a directory.
    pub fn is_directory(&self) -> bool {
        self.flags & 2 != 0
    }

    /// The attributes in order; an impossible one is an error and ends them.
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::new(self.data.get(..self.used).unwrap_or_default(), self.attributes, self.number)
    }

    /// The first attribute of this type and name.
    pub fn find(&self, code: u32, name: &[u16]) -> Result<Option<Attribute<'_>>, NtfsError> {
        for attribute in self.attributes() {
            let attribute = attribute?;
            if attribute.code == code && attribute.name == name {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }

    /// Its own reference.
    pub fn reference(&self) -> FileRef {
        FileRef { record: self.number, sequence: self.sequence }
    }

    /// Words for messages: `MFT record 40`.
    pub fn what(&self) -> String {
        format!("MFT record {}", self.number)
    }
}
