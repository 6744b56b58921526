//! Adler-32 (RFC 1950), the checksum of every structure of the format.

const MODULUS: u32 = 65_521;
/// The sums of so many bytes still fit 32 bits.
const BLOCK: usize = 5552;

pub(super) fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for block in bytes.chunks(BLOCK) {
        for byte in block {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
