//! Marvin32, the hash of transaction log entries.

/// Seed of the hashes in transaction logs.
const SEED: u64 = 0x82ef_4d88_7a4e_55c5;

/// The Marvin32 hash of `data` with the seed of transaction logs.
pub(super) fn marvin32(data: &[u8]) -> u64 {
    let mut state = (SEED as u32, (SEED >> 32) as u32);
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        mix(&mut state, word.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)));
    }
    // The rest is closed by a byte of 0x80.
    let last = words.remainder().iter().rev().fold(0x80, |number, byte| number << 8 | u32::from(*byte));
    mix(&mut state, last);
    mix(&mut state, 0);
    u64::from(state.1) << 32 | u64::from(state.0)
}

fn mix((low, high): &mut (u32, u32), word: u32) {
    *low = low.wrapping_add(word);
    *high ^= *low;
    *low = low.rotate_left(20).wrapping_add(*high);
    *high = high.rotate_left(9) ^ *low;
    *low = low.rotate_left(27).wrapping_add(*high);
    *high = high.rotate_left(19);
}
