//! Checked reads from a byte slice.

use thiserror::Error;

/// Bytes that a format requires are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{need} bytes are needed at offset {offset:#x}, the data ends at {len:#x}")]
pub struct Truncated {
    /// Offset in bytes of the read that failed.
    pub offset: usize,
    /// Bytes that the read needs.
    pub need: usize,
    /// Bytes that there are in all.
    pub len: usize,
}

/// The `len` bytes at `offset`.
///
/// # Errors
/// [`Truncated`] when they are not all there.
pub fn slice(data: &[u8], offset: usize, len: usize) -> Result<&[u8], Truncated> {
    offset.checked_add(len).and_then(|end| data.get(offset..end)).ok_or(Truncated {
        offset,
        need: len,
        len: data.len(),
    })
}

/// The `N` bytes at `offset`, by value.
///
/// # Errors
/// [`Truncated`] when they are not all there.
pub fn array<const N: usize>(data: &[u8], offset: usize) -> Result<[u8; N], Truncated> {
    slice(data, offset, N)?.try_into().map_err(|_| Truncated { offset, need: N, len: data.len() })
}

/// A little-endian 16-bit number at `offset`.
///
/// # Errors
/// [`Truncated`] when the bytes are not all there.
pub fn u16_le(data: &[u8], offset: usize) -> Result<u16, Truncated> {
    array(data, offset).map(u16::from_le_bytes)
}

/// A little-endian 32-bit number at `offset`.
///
/// # Errors
/// [`Truncated`] when the bytes are not all there.
pub fn u32_le(data: &[u8], offset: usize) -> Result<u32, Truncated> {
    array(data, offset).map(u32::from_le_bytes)
}

/// A little-endian 64-bit number at `offset`.
///
/// # Errors
/// [`Truncated`] when the bytes are not all there.
pub fn u64_le(data: &[u8], offset: usize) -> Result<u64, Truncated> {
    array(data, offset).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stay_inside() {
        let data = [1, 0, 2, 0, 0, 0];
        assert_eq!(u16_le(&data, 0), Ok(1));
        assert_eq!(u32_le(&data, 2), Ok(2));
        assert_eq!(u32_le(&data, 3), Err(Truncated { offset: 3, need: 4, len: 6 }));
        assert!(slice(&data, usize::MAX, 2).is_err());
    }
}
