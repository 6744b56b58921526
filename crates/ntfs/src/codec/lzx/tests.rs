use iiskeys_fixtures::codec::{LzxBlock, lzx, lzx_blocks};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

fn chunk(input: &[u8], room: usize) -> Result<Vec<u8>, CodecError> {
    let mut output = vec![0xaa; room];
    decompress(input, &mut output).map(|()| output)
}

/// Bits in words of 16, from the highest bit down.
fn words(bits: &str) -> Vec<u8> {
    let mut bits: String = bits.split_whitespace().collect();
    while !bits.len().is_multiple_of(16) {
        bits.push('0');
    }
    let word = |at: usize| u16::from_str_radix(&bits[at..at + 16], 2).unwrap().to_le_bytes();
    (0..bits.len()).step_by(16).flat_map(word).collect()
}

/// Three distances and bytes, as they follow the header of an uncompressed block.
fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = [1_u32; 3].iter().flat_map(|distance| distance.to_le_bytes()).collect();
    out.extend(bytes);
    out
}

/// Text, calls, noise and runs: blocks of all kinds.
fn mixed() -> Vec<u8> {
    let mut rng = Rng::named("lzx");
    let mut data = b"system.applicationHost/applicationPools ".repeat(20);
    data.resize_with(9_000, || b"\xe8\x00\x00\x01ab"[rng.below(6)]);
    data.extend(rng.bytes(8_000));
    data.extend([0; 900]);
    data.extend((0..5_000).map(|_| b"abcdefgh"[rng.below(8)]));
    data
}

#[test]
fn an_uncompressed_block_is_copied() {
    // Type 3, three bytes, padding to the next word. The byte that makes the block even is missing at the end.
    let input = [words("011 0 0000000000000011"), bare(b"abc")].concat();
    assert_eq!(chunk(&input, 3).unwrap(), b"abc");
    // In the middle it must be there.
    let again = words("011 0 0000000000000001");
    let input = [input, vec![0xff], again, bare(b"d")].concat();
    assert_eq!(chunk(&input, 4).unwrap(), b"abcd");
}

#[test]
fn blocks_of_every_kind_read_back() {
    let data = mixed();
    let sizes = [4_001, 3_000, 4_999, 6_000, 1, 2_000];
    for turn in 0..3 {
        let kinds = [LzxBlock::Verbatim, LzxBlock::Aligned, LzxBlock::Uncompressed];
        let mut plan: Vec<_> =
            sizes.iter().enumerate().map(|(at, size)| (kinds[(at + turn) % 3], *size)).collect();
        plan.push((kinds[turn], data.len() - sizes.iter().sum::<usize>()));
        assert!(chunk(&lzx_blocks(&data, &plan), data.len()).unwrap() == data, "{plan:?}");
    }
}

#[test]
fn a_block_of_the_usual_size_needs_no_size() {
    let data: Vec<u8> = mixed().into_iter().cycle().take(WINDOW_BYTES).collect();
    for kind in [LzxBlock::Verbatim, LzxBlock::Aligned, LzxBlock::Uncompressed] {
        let packed = lzx_blocks(&data, &[(kind, WINDOW_BYTES)]);
        assert_eq!(packed[1] >> 4 & 1, 1);
        assert!(chunk(&packed, data.len()).unwrap() == data, "{kind:?}");
    }
}

#[test]
fn targets_of_calls_are_translated_back() {
    for (place, stored, found) in [
        (0, 5, 5),
        (7, 7, 0),
        (7, 0, -7),
        (7, 11_999_999, 11_999_992),
        (7, 12_000_000, 12_000_000),
        (7, -1, 11_999_999),
        (7, -7, 11_999_993),
        (7, -8, -8),
        (9, 3, -6),
        (10, 3, 3),
    ] {
        let call = |target: i32| {
            let mut bytes = vec![0x90; 20];
            bytes[place] = 0xe8;
            bytes[place + 1..place + 5].copy_from_slice(&target.to_le_bytes());
            bytes
        };
        let input = [words("011 0 0000000000010100"), bare(&call(stored))].concat();
        assert_eq!(chunk(&input, 20).unwrap(), call(found), "{place} {stored}");
    }
}

#[test]
fn damage_is_named_with_its_place() {
    for (input, room, message) in [
        (vec![], 4, "LZX: the input ends at byte 0 within a block header"),
        (words("000 0 0000000000000001"), 4, "LZX: type of a block at byte 4: expected 1, 2 or 3, found 0"),
        (words("001 0 0000000000000000"), 4, "LZX: size of a block at byte 4: expected 1 to 4, found 0"),
        (words("001 0 0000000000000101"), 4, "LZX: size of a block at byte 4: expected 1 to 4, found 5"),
        (words("001 1"), 4, "LZX: size of a block at byte 2: expected 1 to 4, found 32768"),
        (
            [words("011 0 0000000000000011"), bare(b"ab")].concat(),
            3,
            "LZX: the input ends at byte 18 within an uncompressed block",
        ),
        (
            [words("011 0 0000000000000001"), vec![0; 14]].concat(),
            3,
            "LZX: distance of an uncompressed block at byte 8: expected 1 or more, found 0",
        ),
        (
            words("010 0 0000000000000011 001 001 001 000 000 000 000 000"),
            3,
            "LZX: aligned code lengths at byte 6: expected a complete code or none, found too many codes",
        ),
        (vec![], WINDOW_BYTES + 1, "LZX: size of a chunk at byte 0: expected at most 32768, found 32769"),
    ] {
        assert_eq!(chunk(&input, room).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_run_of_lengths_past_the_last_one_is_named() {
    // Symbols 0 and 18 with one bit each, then the longest run six times: five of them leave one of 256 lengths.
    let own = "0001 ".to_owned() + &"0000 ".repeat(17) + "0001 0000 ";
    let run = "1 11111 ";
    let input = words(&("001 0 0000000000000011 ".to_owned() + &own + &run.repeat(6)));
    let error = chunk(&input, 3).unwrap_err().to_string();
    assert!(error.ends_with("expected at most 1, found 51"), "{error}");
}

#[test]
fn a_chunk_cut_off_anywhere_is_an_error() {
    let data = mixed();
    let packed = lzx(&data);
    for end in 0..packed.len() - 1 {
        match chunk(&packed[..end], data.len()) {
            Err(error) => assert!(error.offset() <= end),
            Ok(_) => panic!("read with {end} of {} bytes", packed.len()),
        }
    }
}

#[test]
fn an_output_that_is_not_filled_exactly_is_an_error() {
    let data = mixed();
    let packed = lzx(&data);
    assert!(matches!(chunk(&packed, data.len() + 1), Err(CodecError::Truncated { .. })));
    assert!(matches!(chunk(&packed, data.len() - 1), Err(CodecError::Damaged { .. })));
}

#[test]
fn mutants_end_without_a_panic() {
    let data = mixed();
    let packed = lzx(&data);
    let mut rng = Rng::new(13);
    let mut refused = 0;
    for round in 0..4_000 {
        let mut mutant = packed.clone();
        // The first bytes hold the code lengths, in which most changes leave no code.
        let from = if round % 4 == 0 { 0 } else { 400 };
        for _ in 0..=rng.below(3) {
            let place = from + rng.below(mutant.len() - from);
            mutant[place] = rng.next_u64() as u8;
        }
        if let Err(error) = chunk(&mutant, data.len()) {
            assert!(error.offset() <= mutant.len());
            refused += 1;
        }
    }
    assert!(refused > 1_000, "{refused}");
}

proptest! {
    #[test]
    fn whatever_is_compressed_reads_back(
        noise in proptest::collection::vec(any::<u8>(), 0..9_000),
        calls in proptest::collection::vec(prop_oneof![Just(0xe8_u8), Just(0), Just(255), any::<u8>()], 0..3_000),
        letters in proptest::collection::vec(0_u8..3, 0..6_000),
        run in 0_usize..12_000,
    ) {
        let data = [noise, calls, letters, vec![0x20; run]].concat();
        prop_assert_eq!(chunk(&lzx(&data), data.len()).unwrap(), data);
    }

    #[test]
    fn codes_of_all_lengths_read_back(seed in any::<u64>()) {
        // Each letter half as often as the one before: the rarest get the longest codes.
        let mut rng = Rng::new(seed);
        let data: Vec<u8> = (0..WINDOW_BYTES).map(|_| (rng.next_u64() | 1 << 40).trailing_zeros() as u8 * 5).collect();
        prop_assert_eq!(chunk(&lzx(&data), data.len()).unwrap(), data);
    }
}
