use iiskeys_fixtures::disk::vdi::Vdi;
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::{open, recognises};
use crate::error::DiskError;
use crate::folder_in_memory::{Folder, content, disk, probe};
use crate::image::Image;

fn opened(bytes: Vec<u8>) -> Result<Image, DiskError> {
    let (source, context) = Folder::default().with("disk.vdi", bytes).start("disk.vdi");
    open(source, &context)
}

fn variants() -> [Vdi; 4] {
    [
        Vdi::new().block(4096),
        Vdi::new().block(4096).fixed(),
        Vdi::new().block(512).extra(512),
        Vdi::new().block(65_536).extra(24).fixed(),
    ]
}

fn sample() -> Vec<u8> {
    [vec![0; 9000], Rng::named("vdi").bytes(9000), vec![3; 14_768]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_the_forge_writes_is_read_back(raw in disk(256)) {
        for spec in variants() {
            let bytes = spec.write(&raw);
            prop_assert!(recognises(&bytes, &bytes));
            prop_assert!(content(&opened(bytes).unwrap()).unwrap() == raw, "{:?}", spec);
        }
    }

    #[test]
    fn a_read_anywhere_gives_the_bytes_of_that_place(at in 0usize..40_000, len in 0usize..9000) {
        let raw = sample();
        let image = opened(Vdi::new().block(4096).write(&raw)).unwrap();
        let mut buf = vec![0xee; len];
        let count = image.data.read_at(at as u64, &mut buf).unwrap();
        let expected = raw.get(at..).unwrap_or_default();
        prop_assert_eq!(&buf[..count], &expected[..len.min(expected.len())]);
    }
}

#[test]
fn a_differencing_image_asks_for_its_parent_by_uuid() {
    let id = [0x91, 0x5a, 0x2f, 0x8c, 0x44, 0x21, 0xd3, 0x4e, 0x9a, 0x10, 1, 2, 3, 4, 5, 6];
    match opened(Vdi::new().differencing(id).write(&sample())) {
        Err(DiskError::MissingFile { role: "parent", id, .. }) => {
            assert_eq!(id, "UUID 8c2f5a91-2144-4ed3-9a10-010203040506");
        }
        other => panic!("{:?}", other.map(|image| image.format)),
    }
}

#[test]
fn a_cut_fixed_image_is_noted_and_fails_only_behind_the_cut() {
    let raw = sample();
    let mut bytes = Vdi::new().block(4096).fixed().write(&raw);
    // The forge stores the blocks backwards, so the first block of the disk is cut off.
    bytes.truncate(bytes.len() - 1000);
    let image = opened(bytes).unwrap();
    assert!(image.notes[0].contains("it is cut"), "{:?}", image.notes);
    let mut buf = vec![0; 4096];
    let error = image.data.read_at(0, &mut buf).unwrap_err().to_string();
    assert!(error.contains("block 0 at byte") && error.contains("behind the end of the file"), "{error}");
    image.data.read_exact_at(8192, &mut buf).unwrap();
    assert!(buf == raw[8192..12_288]);
}

#[test]
fn each_lie_of_the_header_is_named_with_its_place() {
    for (at, byte, expected) in [
        (76, 9, "type at byte 76: expected 1 to 4, found 9"),
        (70, 2, "VDI version 2.1"),
        (341, 0xff, "offset of the block map at byte 340"),
        (345, 0, "offset of the data at byte 344"),
        (373, 1, "number of blocks at byte 384"),
        (376, 1, "block size at byte 376"),
        (383, 0xff, "extra bytes of a block at byte 380"),
        (387, 0xff, "offset of the block map at byte 340"),
    ] {
        let mut bytes = Vdi::new().block(4096).write(&sample());
        bytes[at] = byte;
        let error = opened(bytes).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut minor = Vdi::new().write(&sample());
    minor[68] = 9;
    assert!(opened(minor).is_ok(), "only the major version says how to read");
    let short = Vdi::new().write(&sample())[..100].to_vec();
    assert!(
        opened(short).err().unwrap().to_string().contains("expected at least 456 bytes, found 100 bytes")
    );
}

#[test]
fn mutants_neither_panic_nor_read_short() {
    let mut rng = Rng::new(0x7d1);
    for spec in variants() {
        let bytes = spec.write(&sample());
        let mut opened_ones = 0;
        for round in 0..1500 {
            let mut mutant = bytes.clone();
            for _ in 0..=rng.below(4) {
                let at = if rng.below(2) == 0 { 340 + rng.below(230) } else { rng.below(mutant.len()) };
                mutant[at] = if rng.below(2) == 0 { 0xff } else { rng.next_u64() as u8 };
            }
            if round % 10 == 0 {
                mutant.truncate(rng.below(bytes.len()));
            }
            if let Ok(image) = opened(mutant) {
                opened_ones += 1;
                probe(&image, &mut rng);
            }
        }
        assert!(opened_ones > 100, "mutants must get past the header: {opened_ones}");
    }
}

#[test]
fn the_signature_alone_is_not_enough() {
    let bytes = Vdi::new().write(&sample());
    let mut other = bytes.clone();
    other[0] = b'x';
    assert!(recognises(&bytes, &bytes));
    assert!(!recognises(&other, &other));
    assert!(!recognises(&bytes[..66], &bytes));
}
