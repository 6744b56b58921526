//! `$ATTRIBUTE_LIST`: which record holds which attribute of a file.

use crate::bytes::{slice, u8_at, u16_at, u32_at, u64_at, utf16};
use crate::error::NtfsError;
use crate::record::FileRef;

/// Most bytes of a list; Windows stops at 256 KiB.
pub(crate) const MAX_LIST: u64 = 1024 * 1024;

/// One attribute, or one part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub code: u32,
    pub name: Vec<u16>,
    pub first_vcn: u64,
    pub record: FileRef,
}

/// Reads a list.
///
/// # Errors
/// When an entry is cut off. `what` names the record.
pub(crate) fn parse(data: &[u8], what: &str) -> Result<Vec<Entry>, NtfsError> {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(rest) = data.get(at..).filter(|rest| rest.len() >= 0x1a) {
        let len = usize::from(u16_at(rest, 4).unwrap_or(0));
        // A list may be longer than its entries.
        if len == 0 && u32_at(rest, 0) == Some(0) {
            break;
        }
        let entry = if len >= 0x1a { entry(rest) } else { None };
        entries.push(entry.ok_or_else(|| {
            NtfsError::damaged(
                format!("{what}, attribute list"),
                at as u64,
                "a whole entry",
                format!("length {len}"),
            )
        })?);
        at += len;
    }
    Ok(entries)
}

fn entry(data: &[u8]) -> Option<Entry> {
    let name_len = usize::from(u8_at(data, 6)?) * 2;
    let name = slice(data, usize::from(u8_at(data, 7)?), name_len)?;
    Some(Entry {
        code: u32_at(data, 0)?,
        name: utf16(name),
        first_vcn: u64_at(data, 8)?,
        record: FileRef::from_bits(u64_at(data, 0x10)?),
    })
}
