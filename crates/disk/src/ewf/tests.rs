use std::collections::BTreeMap;
use std::io;

use iiskeys_fixtures::disk::ewf::{EwfSpec, Packing, Program, ewf, seal};
use iiskeys_fixtures::rng::Rng;
use md5::{Digest, Md5};
use proptest::prelude::*;
use sha1::Sha1;

use super::*;
use crate::cache::{BlockCache, DEFAULT_CACHE};
use crate::fields::le32;
use crate::siblings::Siblings;
use crate::verify::verify;

const PROGRAMS: [Program; 4] = [Program::EnCase, Program::Ftk, Program::Linen, Program::Smart];
const PACKINGS: [Packing; 3] = [Packing::Plain, Packing::Zlib, Packing::Shorter];

#[derive(Default)]
struct Folder(BTreeMap<String, Arc<dyn ReadAt>>);

impl Siblings for Folder {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(self.0.get(name).map(Arc::clone))
    }
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (1..=count as u16).map(|number| name::of_segment("disk.E01", number).unwrap())
}

fn open_segments(segments: Vec<Vec<u8>>) -> Result<Image, DiskError> {
    let names: Vec<_> = names(segments.len()).collect();
    let files = names.into_iter().zip(segments.into_iter().map(|bytes| Arc::new(bytes) as Arc<dyn ReadAt>));
    open_files(Folder(files.collect()))
}

fn open_files(folder: Folder) -> Result<Image, DiskError> {
    let first = Arc::clone(&folder.0["disk.E01"]);
    let context = Context {
        name: "disk.E01".into(),
        siblings: Arc::new(folder),
        cache: Arc::new(BlockCache::new(DEFAULT_CACHE)),
        depth: 0,
    };
    open(first, &context)
}

fn failure(segments: Vec<Vec<u8>>) -> String {
    match open_segments(segments) {
        Ok(image) => panic!("opened with {:?}", image.notes),
        Err(error) => error.to_string(),
    }
}

fn content(image: &Image) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; image.data.len() as usize];
    image.data.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}

/// Zeros, text and noise in turns.
fn disk(sectors: usize) -> Vec<u8> {
    let mut rng = Rng::new(7);
    (0..sectors)
        .flat_map(|sector| match sector / 24 % 3 {
            0 => vec![0; 512],
            1 => rng.bytes(512),
            _ => vec![sector as u8; 512],
        })
        .collect()
}

/// Where the descriptor of the first section of this type stands.
fn find(segment: &[u8], kind: &str) -> usize {
    let (sections, _) = sections(&segment.to_vec()).unwrap();
    sections.iter().find(|section| section.kind == kind).expect("the section").offset as usize
}

#[test]
fn every_program_packing_and_size_is_read_back() {
    // The last chunk is whole, one sector, all but one sector; and there is only a partial one.
    for sectors in [128, 129, 127, 1, 300] {
        let disk = disk(sectors);
        let (md5, sha1): ([u8; 16], [u8; 20]) = (Md5::digest(&disk).into(), Sha1::digest(&disk).into());
        for program in PROGRAMS {
            for packing in PACKINGS {
                let spec =
                    EwfSpec { program, packing, md5: Some(md5), sha1: Some(sha1), ..EwfSpec::default() };
                let image = open_segments(ewf(&disk, &spec).0).unwrap();
                assert!(content(&image).unwrap() == disk, "{program:?} {packing:?} {sectors}");
                assert_eq!(image.notes, Vec::<String>::new());
                assert_eq!(image.sector_size, Some(512));
                let verified = verify(&image, &mut |_, _| ()).unwrap();
                assert_eq!((verified.md5, verified.md5_matches), (md5, Some(true)));
                let has_sha1 = program != Program::Smart;
                assert_eq!(verified.sha1_matches, has_sha1.then_some(true));
                assert_eq!(image.format, if program == Program::Smart { "S01" } else { "E01" });
            }
        }
    }
}

#[test]
fn segments_are_found_by_name_beyond_the_digits() {
    let disk = disk(130 * 8);
    for program in PROGRAMS {
        let spec = EwfSpec { program, chunk_sectors: 8, segment_size: 1, ..EwfSpec::default() };
        let segments = ewf(&disk, &spec).0;
        assert_eq!(segments.len(), 130);
        let image = open_segments(segments).unwrap();
        assert_eq!(image.parts[129].name, "disk.EBE");
        assert!(content(&image).unwrap() == disk);
    }
}

#[test]
fn several_tables_in_a_segment_follow_each_other() {
    let disk = disk(203);
    for program in PROGRAMS {
        let spec = EwfSpec {
            program,
            chunk_sectors: 2,
            table_entries: 7,
            segment_size: 20_000,
            ..EwfSpec::default()
        };
        assert!(content(&open_segments(ewf(&disk, &spec).0).unwrap()).unwrap() == disk);
    }
}

#[test]
fn a_missing_or_wrong_segment_is_named() {
    let disk = disk(300);
    let spec = EwfSpec { segment_size: 1, ..EwfSpec::default() };
    let segments = ewf(&disk, &spec).0;
    assert!(failure(segments[..2].to_vec()).contains("`disk.E03`"));
    let swapped = vec![segments[0].clone(), segments[2].clone()];
    assert!(failure(swapped).contains("`disk.E02`: expected identifier number 2, found number 3"));
    let other = ewf(&disk, &EwfSpec { set: *b"another set here", ..spec }).0;
    assert!(failure(vec![segments[0].clone(), other[1].clone(), segments[2].clone()]).contains("`disk.E02`"));
    // A program that does not repeat the identifier leaves it zero.
    let mut silent = ewf(&disk, &EwfSpec { set: [0; 16], segment_size: 1, ..EwfSpec::default() }).0;
    silent[0].clone_from(&segments[0]);
    assert!(content(&open_segments(silent).unwrap()).unwrap() == disk);
    assert!(failure(vec![segments[0].clone(), vec![1; 100]]).contains("no E01 file"));
    assert!(failure(vec![segments[1].clone()]).contains("segment 2 of an E01 image"));
}

#[test]
fn a_changed_byte_of_a_chunk_is_an_error_that_names_the_chunk_and_only_that() {
    let disk = disk(300);
    for (program, packing) in [(Program::EnCase, Packing::Plain), (Program::Ftk, Packing::Zlib)] {
        let spec = EwfSpec { program, packing, ..EwfSpec::default() };
        let mut segments = ewf(&disk, &spec).0;
        let table = find(&segments[0], "table") + 76;
        let base = le32(&segments[0], table + 8).unwrap();
        let chunk = base + (le32(&segments[0], table + 24 + 4 * 2).unwrap() & 0x7fff_ffff);
        segments[0][chunk as usize + 40] ^= 1;
        let image = open_segments(segments).unwrap();
        let mut buf = vec![0; 64 * 512];
        for index in 0..5 {
            let read = image.data.read_at(index * 64 * 512, &mut buf);
            match read {
                Err(error) => {
                    assert_eq!((index, error.kind()), (2, io::ErrorKind::InvalidData));
                    assert!(error.to_string().contains("chunk 2 (segment 1"), "{error}");
                }
                Ok(count) => {
                    assert_ne!(index, 2, "{program:?}: a damaged chunk was read");
                    let at = index as usize * buf.len();
                    assert!(buf[..count] == disk[at..at + count]);
                }
            }
        }
        assert!(verify(&image, &mut |_, _| ()).is_err());
    }
}

#[test]
fn a_damaged_table_is_replaced_by_its_copy_and_noted() {
    let disk = disk(300);
    for at in [76, 76 + 8, 76 + 24 + 4] {
        let mut segments = ewf(&disk, &EwfSpec::default()).0;
        let (table, copy) = (find(&segments[0], "table"), find(&segments[0], "table2"));
        segments[0][table + at] ^= 1;
        let image = open_segments(segments.clone()).unwrap();
        assert!(content(&image).unwrap() == disk);
        assert!(image.notes[0].contains("its copy was used"), "{:?}", image.notes);
        segments[0][copy + at] ^= 1;
        assert!(failure(segments).contains("Adler-32"));
    }
}

#[test]
fn tables_whose_entries_do_not_ascend_are_refused() {
    let mut segments = ewf(&disk(300), &EwfSpec::default()).0;
    for kind in ["table", "table2"] {
        let entries = find(&segments[0], kind) + 76 + 24;
        segments[0].copy_within(entries..entries + 4, entries + 8);
        seal(&mut segments[0], entries, entries + 5 * 4);
    }
    assert!(failure(segments).contains("table entry at byte"));
}

/// A file with a hole that is not in memory.
struct Stretched {
    bytes: Vec<u8>,
    at: u64,
    hole: u64,
}

impl ReadAt for Stretched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.hole
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        for (at, byte) in (offset..self.len()).zip(buf.iter_mut()) {
            let real = if at >= self.at + self.hole {
                Some(at - self.hole)
            } else {
                Some(at).filter(|at| *at < self.at)
            };
            *byte = real.map_or(0xee, |real| self.bytes[real as usize]);
            done += 1;
        }
        Ok(done)
    }
}

#[test]
fn offsets_past_two_gibibytes_take_the_bit_that_marks_compression() {
    let disk = disk(600);
    // The hole puts the first chunk far before, and the boundary between later ones.
    for (packing, before) in [(Packing::Plain, 100_000), (Packing::Plain, 200_000), (Packing::Zlib, 70_000)] {
        let hole = (1 << 31) - before;
        let spec = EwfSpec { program: Program::Linen, packing, hole: Some((1, hole)), ..EwfSpec::default() };
        let (segments, at) = ewf(&disk, &spec);
        let [bytes] = <[_; 1]>::try_from(segments).unwrap();
        let source: Arc<dyn ReadAt> = Arc::new(Stretched { bytes, at: at.unwrap() as u64, hole });
        let image = open_files(Folder([("disk.E01".to_owned(), source)].into())).unwrap();
        assert!(content(&image).unwrap() == disk, "{packing:?} {hole}");
    }
}

#[test]
fn what_was_not_acquired_is_an_error_behind_what_was() {
    let disk = disk(300);
    let mut segments = ewf(&disk, &EwfSpec { program: Program::Linen, ..EwfSpec::default() }).0;
    let volume = find(&segments[0], "volume") + 76;
    segments[0][volume + 16..volume + 20].copy_from_slice(&1000_u32.to_le_bytes());
    seal(&mut segments[0], volume, volume + 1048);
    let image = open_segments(segments).unwrap();
    assert_eq!(image.data.len(), 512_000);
    assert!(image.notes.iter().any(|note| note.contains("first 5 of 16 chunks")), "{:?}", image.notes);
    let mut buf = vec![0; 256 * 512];
    image.data.read_exact_at(0, &mut buf).unwrap();
    assert!(buf == disk[..256 * 512]);
    // The fifth chunk has fewer bytes than the changed geometry asks for.
    assert!(image.data.read_at(256 * 512, &mut buf).is_err());
    let error = image.data.read_at(320 * 512, &mut buf).unwrap_err();
    assert!(error.to_string().contains("chunk 5: the image does not contain it"), "{error}");
}

#[test]
fn bytes_of_a_last_sector_that_is_not_whole_do_not_hide_the_media() {
    // ewfacquire stores them in the last chunk and does not count them.
    let disk = disk(9);
    for packing in [Packing::Plain, Packing::Zlib] {
        let spec = EwfSpec { program: Program::Linen, packing, ..EwfSpec::default() };
        let mut segments = ewf(&disk, &spec).0;
        for kind in ["volume", "data"] {
            let at = find(&segments[0], kind) + 76;
            segments[0][at + 16] = 8;
            seal(&mut segments[0], at, at + 1048);
        }
        let image = open_segments(segments).unwrap();
        assert!(content(&image).unwrap() == disk[..8 * 512]);
    }
}

#[test]
fn kinds_that_are_not_read_are_refused_by_name() {
    for (mark, name) in [
        (b"LVF\x09\x0d\x0a\xff\x00", "L01"),
        (b"EVF2\x0d\x0a\x81\x00", "Ex01"),
        (b"LEF2\x0d\x0a\x81\x00", "Lx01"),
    ] {
        let mut file = mark.to_vec();
        file.resize(200, 0);
        assert!(!recognises(&file, &file));
        let context = Context {
            name: "disk.E01".into(),
            siblings: Arc::new(Folder::default()),
            cache: Arc::new(BlockCache::new(DEFAULT_CACHE)),
            depth: 0,
        };
        let refused = crate::image::open(Arc::new(file), &context).err().unwrap().to_string();
        assert!(refused.contains(name), "{refused}");
    }
    assert!(!recognises(b"EVF", &Vec::new()));
}

#[test]
fn read_errors_of_the_acquisition_are_noted() {
    let spec = EwfSpec { read_errors: vec![(17, 8), (99, 1)], ..EwfSpec::default() };
    let image = open_segments(ewf(&disk(300), &spec).0).unwrap();
    assert!(image.notes[0].starts_with("2 runs of sectors"), "{:?}", image.notes);
    assert!(image.notes[0].ends_with("8 sectors from sector 17 on"), "{:?}", image.notes);
}

#[test]
fn a_chain_that_leads_back_or_nowhere_is_an_error_with_its_offset() {
    let segments = ewf(&disk(64), &EwfSpec::default()).0;
    let volume = find(&segments[0], "volume");
    for next in [0, volume as u64, volume as u64 + 75, u64::MAX, segments[0].len() as u64 + 1] {
        let mut segments = segments.clone();
        segments[0][volume + 16..volume + 24].copy_from_slice(&next.to_le_bytes());
        seal(&mut segments[0], volume, volume + 72);
        assert!(failure(segments).contains(&format!("at byte {}", volume + 16)), "{next}");
    }
    let mut cut = segments.clone();
    let len = cut[0].len() - 80;
    cut[0].truncate(len);
    assert!(failure(cut).starts_with("E01: "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_read_is_the_read_of_the_disk(
        program in prop::sample::select(&PROGRAMS),
        packing in prop::sample::select(&PACKINGS),
        chunk_sectors in 1_u32..9,
        sectors in 1_usize..80,
        segment_size in prop_oneof![Just(usize::MAX), 1_usize..20_000],
        table_entries in 1_usize..20,
        offset in 0_usize..50_000,
        want in 0_usize..50_000,
    ) {
        let disk = disk(sectors);
        let spec = EwfSpec { program, packing, chunk_sectors, segment_size, table_entries, ..EwfSpec::default() };
        let image = open_segments(ewf(&disk, &spec).0).unwrap();
        prop_assert_eq!(image.data.len(), disk.len() as u64);
        let (mut ours, mut theirs) = (vec![0xee; want], vec![0xee; want]);
        prop_assert_eq!(
            image.data.read_at(offset as u64, &mut ours).unwrap(),
            disk.read_at(offset as u64, &mut theirs).unwrap()
        );
        prop_assert!(ours == theirs);
    }
}

fn all_forms(disk: &[u8], segment_size: usize) -> Vec<Vec<Vec<u8>>> {
    let forms = PROGRAMS.iter().flat_map(|program| PACKINGS.iter().map(|packing| (*program, *packing)));
    forms
        .map(|(program, packing)| {
            ewf(disk, &EwfSpec { program, packing, chunk_sectors: 4, segment_size, ..EwfSpec::default() }).0
        })
        .collect()
}

/// With small chunks and few of them, most bytes of an image are structure.
#[test]
fn no_mutant_yields_other_bytes_than_the_disk_has() {
    let disk = disk(60);
    let mut rng = Rng::new(11);
    let (mut opened, mut refused) = (0, 0);
    let forged = all_forms(&disk, 12_000);
    for round in 0..6000 {
        let mut segments = forged[round % forged.len()].clone();
        for _ in 0..1 + rng.below(3) {
            let number = rng.below(segments.len());
            let segment = &mut segments[number];
            let at = rng.below(segment.len());
            segment[at] = rng.next_u64() as u8;
        }
        match open_segments(segments) {
            Err(_) => refused += 1,
            Ok(image) => {
                opened += 1;
                // Everything is under a checksum: a chunk is right or it is an error.
                assert_eq!(image.data.len(), disk.len() as u64);
                for (index, right) in disk.chunks(2048).enumerate() {
                    let mut buf = vec![0; right.len()];
                    if image.data.read_exact_at(index as u64 * 2048, &mut buf).is_ok() {
                        assert!(buf == right, "round {round}: chunk {index}");
                    }
                }
            }
        }
    }
    assert!(opened > 500 && refused > 500, "{opened} opened, {refused} refused");
}

/// Lies under right checksums.
#[test]
fn no_sealed_mutant_panics_or_reads_without_bound() {
    let disk = disk(60);
    let mut rng = Rng::new(12);
    let mut read = 0_u64;
    let forged = all_forms(&disk, usize::MAX);
    for round in 0..6000 {
        let mut segments = forged[round % forged.len()].clone();
        let (found, _) = sections(&segments[0]).unwrap();
        let section = &found[rng.below(found.len())];
        let start = section.offset as usize;
        let segment = &mut segments[0];
        let (from, to) = match (section.kind.as_str(), rng.below(3)) {
            ("volume" | "disk" | "data", 1..) => (start + 76, section.end as usize - 4),
            ("table" | "table2", 1) => (start + 76, start + 96),
            ("table" | "table2", 2) => (start + 100, start + 160),
            _ => (start, start + 72),
        };
        for _ in 0..1 + rng.below(2) {
            let at = from + rng.below((to - from).min(32));
            segment[at] = [0, 1, 0x7f, 0x80, 0xff, rng.next_u64() as u8][rng.below(6)];
        }
        seal(segment, from, to);
        if let Ok(image) = open_segments(segments) {
            for _ in 0..8 {
                let mut buf = vec![0; 3000];
                let at = rng.next_u64() % image.data.len().max(1);
                read += image.data.read_at(at, &mut buf).unwrap_or_default() as u64;
            }
        }
    }
    assert!(read > 1_000_000, "most mutants still hold something: {read}");
}

#[test]
fn images_of_the_corpus_are_read() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    for (file, len, md5) in [
        ("plaso/image.E01", 102_400, true),
        ("jerseyctf-2021/NJCTF_Image1.E01", 209_715_200, true),
        // Its stored MD5 is that of 4,097 bytes; the odd one is no sector.
        ("dissect-evidence/ewf.E01", 4096, false),
    ] {
        let Ok(bytes) = std::fs::read(corpus.join(file)) else {
            println!("skipped: {file} is not there");
            continue;
        };
        let image = open_segments(vec![bytes]).unwrap();
        let verified = verify(&image, &mut |_, _| ()).unwrap();
        assert_eq!((verified.bytes, verified.md5_matches), (len, Some(md5)), "{file}");
    }
}
