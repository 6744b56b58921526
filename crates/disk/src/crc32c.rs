//! CRC-32C (Castagnoli), the checksum of VHDX structures (RFC 3720, appendix B.4).

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// The checksum of `bytes`.
#[cfg(test)]
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    finish(update(START, bytes))
}

/// The checksum of `bytes` as if the four bytes at `field`, where it is itself stored, were zero.
pub(crate) fn crc32c_without(bytes: &[u8], field: usize) -> u32 {
    let before = bytes.get(..field).unwrap_or(bytes);
    let after = bytes.get(field.saturating_add(4)..).unwrap_or_default();
    finish(update(update(update(START, before), &[0; 4]), after))
}

const START: u32 = u32::MAX;

fn update(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |state, byte| {
        let index = (state ^ u32::from(*byte)) & 0xff;
        (state >> 8) ^ TABLE.get(index as usize).copied().unwrap_or_default()
    })
}

fn finish(state: u32) -> u32 {
    !state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn the_stored_checksum_counts_as_zero() {
        assert_eq!(crc32c_without(b"abcd\xff\xff\xff\xffefg", 4), crc32c(b"abcd\0\0\0\0efg"));
    }
}
