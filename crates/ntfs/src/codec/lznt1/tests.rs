use iiskeys_fixtures::codec::lznt1;
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

/// [MS-XCA] section 3.3.
const SPEC_TEXT: &[u8; 142] = b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# \
    D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
const SPEC_BYTES: [u8; 59] = [
    0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0,
    0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88,
    0x05, 0xb4, 0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe,
    0x00, 0x9e, 0x00, 0x04, 0x01, 0x18, 0x90, 0x00,
];

/// Decompresses into a buffer that holds something else before.
fn unit(input: &[u8], room: usize) -> Result<(usize, Vec<u8>), CodecError> {
    let mut output = vec![0xaa; room];
    decompress_unit(input, &mut output).map(|produced| (produced, output))
}

/// Text, runs and noise in pieces, more than one chunk.
fn mixed() -> Vec<u8> {
    let mut rng = Rng::named("lznt1");
    let mut data = b"system.applicationHost/applicationPools ".repeat(160);
    data.extend(rng.bytes(5_000));
    data.extend([0; 6_000]);
    data.extend((0..9_000).map(|_| b"abcd"[rng.below(4)]));
    data
}

#[test]
fn the_example_of_the_specification_reads_back() {
    let (produced, output) = unit(&SPEC_BYTES, 4096).unwrap();
    assert_eq!(produced, 142);
    assert_eq!(&output[..142], SPEC_TEXT);
    assert!(output[142..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_compressed_chunk_may_repeat_one_byte_to_its_end() {
    // One literal, then the longest match that a distance of 4 bits leaves room for.
    assert_eq!(unit(&[0x03, 0xb0, 0x02, b'A', 0xfc, 0x0f, 0, 0], 4096).unwrap(), (4096, vec![b'A'; 4096]));
}

#[test]
fn a_short_chunk_is_filled_with_zeros_when_another_follows() {
    let input = [&[0x01, 0x30, b'x', b'y'][..], &[0x03, 0xb0, 0x00, b'a', b'b', b'c'], &[0x00, 0x30, b'z']];
    let (produced, output) = unit(&input.concat(), 3 * 4096).unwrap();
    assert_eq!(produced, 2 * 4096 + 1);
    let at =
        |place: usize| (&output[place..place + 4], output[place + 4..place + 4096].iter().all(|b| *b == 0));
    assert_eq!(at(0), (&b"xy\0\0"[..], true));
    assert_eq!(at(4096), (&b"abc\0"[..], true));
    assert_eq!(at(8192), (&b"z\0\0\0"[..], true));
}

#[test]
fn nothing_after_the_end_marker_is_read() {
    assert_eq!(unit(&[0, 0, 0xff, 0xff], 8).unwrap(), (0, vec![0; 8]));
    assert_eq!(unit(&[], 8).unwrap(), (0, vec![0; 8]));
    assert_eq!(unit(&[0x00, 0x30, b'q', 0, 0, 0xff], 3).unwrap(), (1, b"q\0\0".to_vec()));
}

#[test]
fn a_full_output_needs_no_end_marker() {
    let mut input = vec![0xff, 0x3f];
    input.extend([7; 4096]);
    input.extend([0xff; 9]);
    assert_eq!(unit(&input, 4096).unwrap(), (4096, vec![7; 4096]));
}

#[test]
fn damage_is_named_with_its_place() {
    for (input, room, message) in [
        (&[0x05][..], 10, "LZNT1: the input ends at byte 1 within a chunk header"),
        (&[0x05, 0xb0, 0x00], 10, "LZNT1: the input ends at byte 3 within a chunk"),
        (&[0x00, 0x50, 0x00], 10, "LZNT1: signature of a chunk header at byte 0: expected 3, found 5"),
        (&[0x02, 0xb0, 0x02, b'a', 0x00], 10, "LZNT1: the input ends at byte 5 within a match"),
        (
            &[0x02, 0xb0, 0x01, 0x00, 0x00],
            10,
            "LZNT1: match distance at byte 3: expected 1 to 0, the bytes that stand before it, found 1",
        ),
        (
            &[0x03, 0xb0, 0x02, b'a', 0x07, 0x00],
            10,
            "LZNT1: match length at byte 4: expected at most 9, the bytes that are left to fill, found 10",
        ),
        (
            &[0x02, 0xb0, 0x00, b'a', b'b'],
            1,
            "LZNT1: length of a chunk at byte 4: expected at most 1 bytes, found 2 or more",
        ),
        (
            &[0x01, 0x30, b'a', b'b'],
            1,
            "LZNT1: length of a chunk at byte 2: expected at most 1 bytes, found 2 or more",
        ),
    ] {
        assert_eq!(unit(input, room).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_unit_cut_off_anywhere_reads_whole_chunks_or_fails() {
    let data = mixed();
    let packed = lznt1(&data);
    let mut whole = 0;
    for end in 0..packed.len() {
        match unit(&packed[..end], data.len()) {
            Ok((produced, output)) => {
                assert_eq!(output[..produced], data[..produced]);
                assert!(output[produced..].iter().all(|byte| *byte == 0));
                whole += 1;
            }
            Err(CodecError::Truncated { offset, .. }) => assert_eq!(offset, end),
            Err(other) => panic!("{other}"),
        }
    }
    // Before the first chunk and after each one; after the last also within the end marker.
    assert_eq!(whole, data.len().div_ceil(CHUNK_BYTES) + 2);
}

#[test]
fn mutants_end_and_stay_within_the_output() {
    let data = mixed();
    let packed = lznt1(&data);
    let mut rng = Rng::new(11);
    let mut refused = 0;
    for _ in 0..4_000 {
        let mut mutant = packed.clone();
        for _ in 0..=rng.below(6) {
            let place = rng.below(mutant.len());
            mutant[place] = rng.next_u64() as u8;
        }
        match unit(&mutant, data.len()) {
            Ok((produced, _)) => assert!(produced <= data.len()),
            Err(error) => {
                assert!(error.offset() <= mutant.len());
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

proptest! {
    #[test]
    fn whatever_is_compressed_reads_back(
        noise in proptest::collection::vec(any::<u8>(), 0..3_000),
        letters in proptest::collection::vec(0_u8..3, 0..9_000),
        run in 0_usize..9_000,
    ) {
        let data = [noise, letters, vec![0x20; run]].concat();
        let (produced, output) = unit(&lznt1(&data), data.len().next_multiple_of(CHUNK_BYTES)).unwrap();
        prop_assert_eq!(produced, data.len());
        prop_assert_eq!(&output[..produced], data);
    }
}
