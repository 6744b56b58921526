use std::io::Read;

use iiskeys_fixtures::disk::qcow2::{Packing, Qcow2};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{open, recognises};
use crate::error::DiskError;
use crate::folder_in_memory::{Folder, content, corpus, disk, hex, probe};
use crate::image::Image;

fn opened(folder: &Folder, name: &str) -> Result<Image, DiskError> {
    let (source, context) = folder.start(name);
    open(source, &context)
}

fn only(bytes: Vec<u8>) -> Result<Image, DiskError> {
    opened(&Folder::default().with("disk.qcow2", bytes), "disk.qcow2")
}

fn variants() -> Vec<Qcow2> {
    let mut all = vec![
        Qcow2::new(),
        Qcow2::new().version(2),
        Qcow2::new().cluster_bits(14).extended_l2(),
        Qcow2::new().cluster_bits(15).extended_l2().packing(Packing::Deflate),
    ];
    for bits in [9, 12, 16] {
        for packing in [Packing::Plain, Packing::Deflate, Packing::Zstd] {
            all.push(Qcow2::new().cluster_bits(bits).packing(packing));
        }
    }
    all
}

fn sample() -> Vec<u8> {
    let mut raw = vec![0; 40_000];
    raw.extend(Rng::named("noise").bytes(30_000));
    raw.extend(vec![0x5a; 70_000]);
    raw.resize(200_192, 0);
    raw
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_the_forge_writes_is_read_back(raw in disk(256)) {
        for spec in variants() {
            prop_assert!(content(&only(spec.write(&raw)).unwrap()).unwrap() == raw, "{:?}", spec);
        }
    }

    #[test]
    fn an_overlay_shows_its_own_content_over_any_backing_file(below in disk(128), raw in disk(128)) {
        let middle = Qcow2::new().cluster_bits(12).packing(Packing::Deflate);
        for spec in variants() {
            let top = spec.backing("C:\\vm\\middle.qcow2", Some("qcow2")).write_over(&raw, &below);
            let folder = Folder::default()
                .with("top.qcow2", top)
                .with("middle.qcow2", middle.clone().backing("/vm/base.raw", Some("raw")).write_over(&below, &[9; 5000]))
                .with("base.raw", vec![9; 5000]);
            prop_assert!(content(&opened(&folder, "top.qcow2").unwrap()).unwrap() == raw);
        }
    }

    #[test]
    fn a_read_anywhere_gives_the_bytes_of_that_place(raw in disk(256), at in 0usize..300_000, len in 0usize..9000) {
        let image = only(Qcow2::new().cluster_bits(12).packing(Packing::Zstd).write(&raw)).unwrap();
        let mut buf = vec![0xee; len];
        let count = image.data.read_at(at as u64, &mut buf).unwrap();
        let expected = raw.get(at..).unwrap_or_default();
        prop_assert_eq!(&buf[..count], &expected[..len.min(expected.len())]);
    }
}

#[test]
fn parts_are_named_in_order_with_their_roles() {
    let folder = Folder::default()
        .with("top.qcow2", Qcow2::new().backing("mid.qcow2", None).write(&[1; 512]))
        .with("mid.qcow2", Qcow2::new().backing("base.raw", Some("raw")).write(&[2; 512]))
        .with("base.raw", vec![3; 512]);
    let image = opened(&folder, "top.qcow2").unwrap();
    let parts: Vec<_> = image.parts.iter().map(|part| (part.name.as_str(), part.role)).collect();
    let expected = [("top.qcow2", "image"), ("mid.qcow2", "backing file"), ("base.raw", "backing file")];
    assert_eq!(parts, expected);
    assert_eq!(image.format, "QCOW2 (overlay)");
}

#[test]
fn a_missing_backing_file_is_named_without_its_folder() {
    match only(Qcow2::new().backing("/srv/vm/win2019.qcow2", Some("qcow2")).write(&[1; 512])) {
        Err(DiskError::MissingFile { role: "backing file", name, id }) => {
            assert_eq!((name.as_str(), id.as_str()), ("win2019.qcow2", "format qcow2"));
        }
        other => panic!("{:?}", other.map(|image| image.format)),
    }
}

#[test]
fn an_image_over_itself_ends_with_an_error() {
    let error = only(Qcow2::new().backing("disk.qcow2", Some("qcow2")).write(&[1; 512])).err().unwrap();
    assert!(error.to_string().contains("chain of more than 32"), "{error}");
}

#[test]
fn external_data_is_read_from_its_file_and_asked_for_when_it_is_missing() {
    let raw = sample();
    let image = Qcow2::new().data_file("disk.data").write(&raw);
    let folder = Folder::default().with("disk.qcow2", image.clone()).with("disk.data", raw.clone());
    // The last cluster of the data file is as short as the disk.
    assert!(content(&opened(&folder, "disk.qcow2").unwrap()).unwrap() == raw);
    let error = only(image).err().unwrap();
    assert!(matches!(&error, DiskError::MissingFile { name, .. } if name == "disk.data"), "{error}");
}

#[test]
fn an_unknown_feature_is_refused_by_the_name_that_the_image_gives_it() {
    let image = Qcow2::new().features(1 << 40 | 1 << 50).feature_name(40, "quantum clusters");
    let error = only(image.write(&[1; 512])).err().unwrap().to_string();
    assert!(error.contains("`quantum clusters` (bit 40), bit 50"), "{error}");
}

#[test]
fn marks_of_the_last_writer_become_notes() {
    let image = only(Qcow2::new().features(3).write(&sample())).unwrap();
    assert!(image.notes[0].contains("dirty") && image.notes[1].contains("corrupt"), "{:?}", image.notes);
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let mut encrypted = Qcow2::new().write(&sample());
    encrypted[35] = 2;
    let mut old = Qcow2::new().write(&sample());
    old[7] = 1;
    let mut type_ = Qcow2::new().packing(Packing::Zstd).write(&sample());
    type_[104] = 7;
    for (bytes, name) in
        [(encrypted, "encrypted QCOW2"), (old, "QCOW version 1"), (type_, "compression type 7")]
    {
        let error = only(bytes).err().unwrap().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_disk_larger_than_its_table_or_a_table_outside_the_file_is_damage() {
    let mut size = Qcow2::new().write(&sample());
    size[24] = 0x7f;
    let error = only(size).err().unwrap().to_string();
    assert!(error.contains("size of the L1 table at byte 36: expected at least"), "{error}");
    let mut outside = Qcow2::new().write(&sample());
    outside[40] = 1;
    assert!(only(outside).err().unwrap().to_string().contains("offset of the L1 table at byte 40"));
}

#[test]
fn a_truncated_image_reads_what_is_there_and_never_completes_with_zeros() {
    let raw = vec![7; 4 * 65_536];
    let bytes = Qcow2::new().write(&raw);
    // The tables stand behind the data: moved to the front they survive the cut.
    let mut cut = bytes.clone();
    cut.truncate(65_536 * 3 + 100);
    assert!(only(cut).is_err(), "the table is gone");

    let mut last_gone = bytes;
    let l2 = 65_536 * 5;
    let beyond = (last_gone.len() as u64 - 512).next_multiple_of(65_536) | 1 << 63;
    last_gone[l2 + 24..l2 + 32].copy_from_slice(&beyond.to_be_bytes());
    let image = only(last_gone).unwrap();
    let mut buf = vec![0; 65_536];
    image.data.read_exact_at(65_536, &mut buf).unwrap();
    assert!(buf == raw[..65_536]);
    let error = image.data.read_exact_at(3 * 65_536, &mut buf).unwrap_err().to_string();
    assert!(error.contains("disk offset 196608") && error.contains("behind the end of the file"), "{error}");
}

#[test]
fn a_damaged_compressed_cluster_is_an_error_of_that_cluster_alone() {
    for packing in [Packing::Deflate, Packing::Zstd] {
        let raw = [vec![1; 65_536], vec![2; 65_536]].concat();
        let mut bytes = Qcow2::new().packing(packing).write(&raw);
        bytes[65_536..65_546].fill(0xff);
        let image = only(bytes).unwrap();
        let mut buf = [0; 16];
        let error = image.data.read_at(0, &mut buf).unwrap_err().to_string();
        assert!(error.contains("compressed cluster at byte 65536 cannot be unpacked"), "{error}");
        image.data.read_exact_at(65_536, &mut buf).unwrap();
        assert_eq!(buf, [2; 16]);
    }
}

#[test]
fn mutants_neither_panic_nor_read_short() {
    let mut rng = Rng::new(0x9c02);
    let raw = &sample()[..100_352];
    for spec in variants().into_iter().chain([Qcow2::new().backing("b", Some("raw"))]) {
        let bytes = spec.write(raw);
        let mut opened_ones = 0;
        for round in 0..400 {
            let mut mutant = bytes.clone();
            for _ in 0..=rng.below(4) {
                // Half of the changes hit the header, where most decisions are made.
                let at = if rng.below(2) == 0 { rng.below(120) } else { rng.below(mutant.len()) };
                mutant[at] = if rng.below(2) == 0 { 0xff } else { rng.next_u64() as u8 };
            }
            if round % 10 == 0 {
                mutant.truncate(rng.below(bytes.len()));
            }
            let folder = Folder::default().with("disk", mutant).with("b", vec![5; 70_000]);
            if let Ok(image) = opened(&folder, "disk") {
                opened_ones += 1;
                probe(&image, &mut rng);
            }
        }
        assert!(opened_ones > 20, "mutants must get past the header: {opened_ones}");
    }
}

#[test]
fn files_of_the_corpus_read_as_qemu_converts_them() {
    for (path, expected) in [
        ("plaso/image.qcow2", "a9c0220b1dadd1812fc4bbe137f495d2c3b88c7b33b5a4de545d201fd31b3bc0"),
        (
            "dissect-hypervisor/basic.qcow2.gz",
            "3c86a52ad19ebbe34acffb812d276817ddca56522eb72de2b984d70ffb20582f",
        ),
    ] {
        let Some(mut bytes) = corpus(path) else { return };
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
            bytes = plain;
        }
        let image = only(bytes).unwrap();
        let mut hash = Sha256::new();
        let mut buf = vec![0; 1 << 20];
        for at in (0..image.data.len()).step_by(buf.len()) {
            let count = image.data.read_at(at, &mut buf).unwrap();
            hash.update(&buf[..count]);
        }
        assert_eq!(hex(&hash.finalize()), expected, "{path}");
    }
}

#[test]
fn only_the_magic_is_recognised() {
    assert!(recognises(b"QFI\xfb\0\0\0\x03", &Vec::new()));
    assert!(!recognises(b"QFI", &Vec::new()));
    assert!(!recognises(b"KDMV", &Vec::new()));
}
