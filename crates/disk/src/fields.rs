//! Numbers at fixed places of a structure, `None` where the structure ends before.

use crate::read_at::ReadAt;

/// The `N` bytes at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Little-endian 16 bits at `at`.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// Little-endian 32 bits at `at`.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// Little-endian 64 bits at `at`.
pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Big-endian 32 bits at `at`.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// Big-endian 64 bits at `at`.
pub(crate) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// Whether `magic` stands at `at`.
pub(crate) fn has(bytes: &[u8], at: usize, magic: &[u8]) -> bool {
    at.checked_add(magic.len()).and_then(|end| bytes.get(at..end)) == Some(magic)
}

/// Up to `want` bytes at `offset`: fewer where the source ends, and before bytes that cannot be read.
///
/// Only for questions of the kind "does this look like": what cannot be read does not look like anything.
pub(crate) fn peek(source: &dyn ReadAt, offset: u64, want: usize) -> Vec<u8> {
    let room = usize::try_from(source.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(want);
    let mut buf = vec![0; room];
    match source.read_at(offset, &mut buf) {
        Ok(count) => buf.truncate(count),
        Err(_) => buf.clear(),
    }
    buf
}
