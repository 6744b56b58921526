use iiskeys_fixtures::codec::xpress;
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

fn chunk(input: &[u8], room: usize) -> Result<Vec<u8>, CodecError> {
    let mut output = vec![0xaa; room];
    decompress(input, &mut output).map(|()| output)
}

/// Code lengths as bytes at their places, and what follows them.
fn with_lengths(lengths: &[(usize, &[u8])], rest: &[u8]) -> Vec<u8> {
    let mut input = vec![0; LENGTHS_BYTES];
    for (at, bytes) in lengths {
        input[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    input.extend(rest);
    input
}

/// [MS-XCA] section 3.2, the first example: the alphabet without a match.
fn spec_alphabet() -> Vec<u8> {
    let letters = [&[0x50][..], &[0x55; 10], &[0x45, 0x44, 0x04]].concat();
    with_lengths(
        &[(48, &letters), (128, &[0x04])],
        &[
            0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f, 0xf9, 0xd6, 0x7c, 0xdf, 0x8d, 0x04,
            0, 0, 0, 0,
        ],
    )
}

/// [MS-XCA] section 3.2, the second example: `abc` a hundred times.
fn spec_repeats() -> Vec<u8> {
    with_lengths(
        &[(48, &[0x30, 0x23]), (128, &[0x02]), (143, &[0x20])],
        &[0xa8, 0xdc, 0x00, 0x00, 0xff, 0x26, 0x01],
    )
}

fn mixed() -> Vec<u8> {
    let mut rng = Rng::named("xpress");
    let mut data = b"system.applicationHost/applicationPools ".repeat(20);
    data.extend(rng.bytes(1_500));
    data.extend([0; 900]);
    data.extend((0..5_000).map(|_| b"abcdefgh"[rng.below(8)]));
    data
}

#[test]
fn the_examples_of_the_specification_read_back() {
    assert_eq!(chunk(&spec_alphabet(), 26).unwrap(), b"abcdefghijklmnopqrstuvwxyz");
    assert_eq!(chunk(&spec_repeats(), 300).unwrap(), b"abc".repeat(100));
}

#[test]
fn an_output_that_is_not_filled_exactly_is_an_error() {
    // The end marker is also a match of three bytes from one back, so the bits must run out first.
    assert_eq!(
        chunk(&spec_alphabet(), 100).unwrap_err().to_string(),
        "Xpress-Huffman: the input ends at byte 276 within a symbol"
    );
    assert_eq!(
        chunk(&spec_repeats(), 299).unwrap_err().to_string(),
        "Xpress-Huffman: match length at byte 263: expected at most 296, the bytes that are left to fill, found 297"
    );
}

#[test]
fn an_empty_chunk_needs_nothing() {
    assert_eq!(chunk(&[], 0).unwrap(), b"");
}

#[test]
fn every_symbol_that_the_last_bits_stand_for_is_written() {
    // Two codes of one bit: the 32 bits that are taken at once are 32 letters.
    let input = with_lengths(&[(32, &[0x10, 0x01])], &[0x00, 0x00, 0xff, 0xff]);
    assert_eq!(chunk(&input, 32).unwrap(), [[b'A'; 16], [b'B'; 16]].concat());
    assert!(matches!(chunk(&input, 33), Err(CodecError::Truncated { offset: 260, .. })));
}

#[test]
fn lengths_that_are_no_code_are_named() {
    for (lengths, found) in [
        (&[0x11_u8, 0x01][..], "too many codes"),
        (&[0x10], "codes missing"),
        (&[0x21], "codes missing"),
        (&[0x21, 0x0f], "codes missing"),
    ] {
        let error = chunk(&with_lengths(&[(32, lengths)], &[0; 4]), 8).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "Xpress-Huffman: code lengths of a block at byte 0: expected a complete code, found {found}"
            )
        );
    }
    let nothing = chunk(&[0; 300], 8).unwrap_err().to_string();
    assert_eq!(
        nothing,
        "Xpress-Huffman: a symbol at byte 258: expected a symbol with a code, found a code without symbols"
    );
}

#[test]
fn a_match_before_the_first_byte_is_named() {
    // Symbol 256 + 16: a match of three bytes from two or three back.
    let input = with_lengths(&[(32, &[0x10]), (136, &[0x01])], &[0x00, 0x40, 0x00, 0x00]);
    assert_eq!(
        chunk(&input, 16).unwrap_err().to_string(),
        "Xpress-Huffman: match distance at byte 260: expected 1 to 1, the bytes that stand before it, found 2"
    );
}

#[test]
fn a_long_length_that_a_shorter_form_holds_is_refused() {
    let mut input = spec_repeats();
    let at = input.len() - 2;
    input[at..].copy_from_slice(&[14, 0]);
    assert_eq!(
        chunk(&input, 300).unwrap_err().to_string(),
        "Xpress-Huffman: a match length at byte 263: expected 15 or more in the long form, found 14"
    );
    // Zero announces four bytes.
    input[at..].copy_from_slice(&[0, 0]);
    input.extend(294_u32.to_le_bytes());
    assert_eq!(chunk(&input, 300).unwrap(), b"abc".repeat(100));
}

#[test]
fn blocks_of_64_kib_follow_each_other() {
    let data = b"0123456789abcdef".repeat(4096);
    // Without its end marker a block ends where the next one starts.
    let mut letters = vec![0_u8; 65_536];
    letters
        .iter_mut()
        .zip(0_u32..)
        .for_each(|(byte, at)| *byte = (at.wrapping_mul(2_654_435_761) >> 24) as u8);
    let two_of = |first: Vec<u8>| [first, spec_repeats()].concat();
    for block in [data, letters] {
        let mut first = xpress(&block);
        let whole = chunk(&two_of(first.clone()), block.len() + 300);
        // The end marker may or may not have filled one word more than the block itself needs.
        let whole = whole.or_else(|_| {
            first.truncate(first.len() - 2);
            chunk(&two_of(first), block.len() + 300)
        });
        assert_eq!(whole.unwrap(), [block, b"abc".repeat(100)].concat());
    }
}

#[test]
fn a_chunk_cut_off_anywhere_is_an_error() {
    let data = mixed();
    let packed = xpress(&data);
    // The last words hold the end marker and what the reader takes ahead.
    for end in 0..packed.len() - 6 {
        match chunk(&packed[..end], data.len()) {
            Err(error) => assert!(error.offset() <= end),
            Ok(_) => panic!("read with {end} of {} bytes", packed.len()),
        }
    }
}

#[test]
fn mutants_end_without_a_panic() {
    let data = mixed();
    let packed = xpress(&data);
    let mut rng = Rng::new(12);
    let mut refused = 0;
    for round in 0..4_000 {
        let mut mutant = packed.clone();
        // Most changes of the code lengths leave no code, so some rounds spare them.
        let from = if round % 4 == 0 { 0 } else { LENGTHS_BYTES };
        for _ in 0..=rng.below(3) {
            let place = from + rng.below(mutant.len() - from);
            mutant[place] = rng.next_u64() as u8;
        }
        if let Err(error) = chunk(&mutant, data.len()) {
            assert!(error.offset() <= mutant.len());
            refused += 1;
        }
    }
    assert!(refused > 2_000, "{refused}");
}

proptest! {
    #[test]
    fn whatever_is_compressed_reads_back(
        noise in proptest::collection::vec(any::<u8>(), 0..2_000),
        letters in proptest::collection::vec(0_u8..3, 0..6_000),
        run in 0_usize..20_000,
    ) {
        let data = [noise, letters, vec![0x20; run]].concat();
        prop_assert_eq!(chunk(&xpress(&data), data.len()).unwrap(), data);
    }

    #[test]
    fn codes_of_all_lengths_read_back(seed in any::<u64>()) {
        // Each letter half as often as the one before: the rarest get the longest codes.
        let mut rng = Rng::new(seed);
        let data: Vec<u8> = (0..60_000).map(|_| (rng.next_u64() | 1 << 40).trailing_zeros() as u8 * 5).collect();
        prop_assert_eq!(chunk(&xpress(&data), data.len()).unwrap(), data);
    }
}
