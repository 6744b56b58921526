use iiskeys_fixtures::disk::vmdk::{Pieces, Vmdk};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::{open, recognises};
use crate::error::DiskError;
use crate::folder_in_memory::{Folder, content, corpus, disk, probe, sha256};
use crate::image::Image;

fn opened(folder: &Folder, name: &str) -> Result<Image, DiskError> {
    let (source, context) = folder.start(name);
    assert!(recognises(&folder.bytes(name), &folder.bytes(name).to_vec()));
    open(source, &context)
}

fn only(bytes: Vec<u8>) -> Result<Image, DiskError> {
    opened(&Folder::default().with("disk.vmdk", bytes), "disk.vmdk")
}

/// A description with these extent lines, beside a file `data` of ten sectors.
fn described(lines: &[&str]) -> Result<Image, DiskError> {
    let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
    let data = (0..10u8).flat_map(|sector| [sector; 512]).collect();
    let folder =
        Folder::default().with("disk.vmdk", Vmdk::new().description("custom", &lines)).with("data", data);
    opened(&folder, "disk.vmdk")
}

fn message<T>(result: Result<T, DiskError>) -> String {
    result.err().expect("an error").to_string()
}

fn sample() -> Vec<u8> {
    let mut raw = vec![0; 40_000];
    raw.extend(Rng::named("vmdk").bytes(30_000));
    raw.extend(vec![0x5a; 50_000]);
    raw.resize(150_016, 0);
    raw
}

/// Every way to store a disk: the files, the one to open first.
fn variants(spec: &Vmdk, raw: &[u8], below: &[u8]) -> Vec<Folder> {
    let several = |(first, others): (Vec<u8>, Vec<(String, Vec<u8>)>)| {
        let folder = Folder::default().with("disk.vmdk", first);
        others.into_iter().fold(folder, |folder, (name, bytes)| folder.with(&name, bytes))
    };
    let (esx, delta) = spec.vmfs_sparse("disk-delta.vmdk", raw, below);
    let mut all = vec![
        Folder::default().with("disk.vmdk", spec.monolithic_sparse("disk.vmdk", raw, below)),
        several(spec.split("disk", Pieces::Sparse, 64 * 1024, raw, below)),
        Folder::default().with("disk.vmdk", esx).with("disk-delta.vmdk", delta),
    ];
    if below.is_empty() {
        let (flat, data) = spec.monolithic_flat("disk-flat.vmdk", raw);
        all.push(Folder::default().with("disk.vmdk", flat).with("disk-flat.vmdk", data));
        all.push(several(spec.split("disk", Pieces::Flat, 64 * 1024, raw, &[])));
        all.push(Folder::default().with("disk.vmdk", spec.stream_optimized("disk.vmdk", raw)));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_the_forge_writes_is_read_back(raw in disk(256), grain in 0usize..4) {
        prop_assume!(!raw.is_empty());
        for (number, folder) in variants(&Vmdk::new().grain(8 << grain), &raw, &[]).iter().enumerate() {
            prop_assert!(content(&opened(folder, "disk.vmdk").unwrap()).unwrap() == raw, "variant {}", number);
        }
    }

    #[test]
    fn a_snapshot_shows_its_own_grains_over_those_of_its_parents(below in disk(128), raw in disk(128)) {
        prop_assume!(!raw.is_empty() && !below.is_empty());
        let base = Vmdk::new().cid(7).stream_optimized("base.vmdk", &below);
        for spec in [Vmdk::new(), Vmdk::new().zeroed().grain(8)] {
            let spec = spec.parent(7, "D:\\vm\\base.vmdk");
            for folder in variants(&spec, &raw, &below) {
                let folder = folder.with("base.vmdk", base.clone());
                prop_assert!(content(&opened(&folder, "disk.vmdk").unwrap()).unwrap() == raw);
            }
        }
    }

    #[test]
    fn a_read_anywhere_gives_the_bytes_of_that_place(at in 0usize..160_000, len in 0usize..70_000) {
        let raw = sample();
        for folder in variants(&Vmdk::new().grain(16), &raw, &[]) {
            let image = opened(&folder, "disk.vmdk").unwrap();
            let mut buf = vec![0xee; len];
            let count = image.data.read_at(at as u64, &mut buf).unwrap();
            let expected = raw.get(at..).unwrap_or_default();
            prop_assert!(buf[..count] == expected[..len.min(expected.len())]);
        }
    }
}

#[test]
fn a_missing_parent_is_named_with_its_content_id() {
    let child = Vmdk::new().parent(0xabcd, "/vmfs/volumes/ds1/web/web.vmdk");
    let text = message(only(child.monolithic_sparse("disk.vmdk", &sample(), &[])));
    assert!(text.starts_with("parent `web.vmdk` (content id 0000abcd) is not in the folder"), "{text}");
}

#[test]
fn a_parent_that_was_changed_since_is_refused() {
    let folder = Folder::default()
        .with(
            "disk.vmdk",
            Vmdk::new().parent(0xabcd, "base.vmdk").monolithic_sparse("disk.vmdk", &sample(), &[]),
        )
        .with("base.vmdk", Vmdk::new().cid(0xabce).monolithic_sparse("base.vmdk", &sample(), &[]));
    let text = message(opened(&folder, "disk.vmdk"));
    assert!(text.contains("expected identifier content id 0000abcd, found content id 0000abce"), "{text}");

    let folder = folder.with("base.vmdk", vec![0; 4096]);
    assert!(message(opened(&folder, "disk.vmdk")).contains("found no VMDK"));
}

#[test]
fn an_image_that_is_its_own_parent_ends_with_an_error() {
    let child = Vmdk::new().cid(5).parent(5, "disk.vmdk").monolithic_sparse("disk.vmdk", &sample(), &[]);
    assert!(message(only(child)).contains("chain of more than 32"));
}

#[test]
fn extents_follow_each_other_with_their_offsets() {
    let image = described(&["RW 2 FLAT \"data\" 3", "RDONLY 1 ZERO", "RW 1 VMFS \"data\""]).unwrap();
    let expected: Vec<u8> = [3, 4, 0, 0].into_iter().flat_map(|byte: u8| [byte; 512]).collect();
    assert!(content(&image).unwrap() == expected);
    assert_eq!(image.format, "VMDK (custom)");
    assert_eq!(image.parts.iter().map(|part| part.role).collect::<Vec<_>>(), ["image", "extent", "extent"]);
}

#[test]
fn an_extent_without_access_fails_where_it_is_read() {
    let image = described(&["RW 2 FLAT \"data\" 0", "NOACCESS 4 FLAT \"gone\" 0"]).unwrap();
    let mut buf = [0; 512];
    assert!(image.data.read_at(512, &mut buf).is_ok());
    let error = image.data.read_at(1024, &mut buf).unwrap_err().to_string();
    assert!(error.contains("disk offset 1024") && error.contains("NOACCESS"), "{error}");
}

#[test]
fn paths_out_of_the_folder_count_by_their_last_part_alone() {
    for path in ["/etc/passwd", "../../etc/passwd", "C:\\etc\\passwd"] {
        let text = message(described(&[&format!("RW 4 FLAT \"{path}\" 0")]));
        assert!(text.starts_with("extent `passwd` (extent 1) is not in the folder"), "{text}");
    }
    assert!(described(&["RW 4 FLAT \"/somewhere/else/data\" 0"]).is_ok());
}

#[test]
fn a_cut_extent_is_noted_and_fails_only_behind_the_cut() {
    let image = described(&["RW 8 FLAT \"data\" 5"]).unwrap();
    assert!(image.notes[0].contains("`data` has 5120 bytes instead of 6656"), "{:?}", image.notes);
    let mut buf = [0; 512];
    image.data.read_exact_at(4 * 512, &mut buf).unwrap();
    assert_eq!(buf, [9; 512]);
    assert!(
        image.data.read_at(5 * 512, &mut buf).unwrap_err().to_string().contains("behind the end of extent")
    );
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    for (line, expected) in [
        ("RW 63 FLAT \"\\\\.\\PhysicalDrive0\" 0", "physical device (\\\\\\\\.\\\\PhysicalDrive0)"),
        ("RW 63 FLAT \"/dev/sda\" 0", "physical device (/dev/sda)"),
        ("RW 63 SESPARSE \"x-sesparse.vmdk\"", "VMDK extent of type SESPARSE"),
        ("RW 63 VMFSRDM \"x-rdm.vmdk\"", "physical device"),
        ("RW 63 NEWTYPE \"x\"", "VMDK extent of type NEWTYPE"),
        ("RW x FLAT \"x\"", "expected access, sectors, type, name, first sector, found `RW x FLAT"),
        ("RW 36028797018963967 ZERO", "a disk of less than 2^63 bytes"),
        ("encryption.keySafe = \"vmware:key/list\"", "encrypted VMDK"),
        ("CID=xyz", "content id at byte"),
    ] {
        let text = message(described(&[line]));
        assert!(text.contains(expected), "{text}");
    }
    let device = Vmdk::new().description("fullDevice", &["RW 9 FLAT \"data\" 0".to_owned()]);
    assert!(message(only(device)).contains("physical device (fullDevice)"));
    let sesparse = [&[0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0][..], &[0; 504]].concat();
    assert!(message(only(sesparse)).contains("VMDK extent of type seSparse"));
}

#[test]
fn an_extent_on_its_own_is_not_a_disk() {
    let (_, files) = Vmdk::new().split("disk", Pieces::Sparse, 64 * 1024, &sample(), &[]);
    assert!(message(only(files[1].1.clone())).contains("a sparse extent of a VMDK without its description"));
    let (_, delta) = Vmdk::new().vmfs_sparse("x", &sample(), &[]);
    assert!(message(only(delta)).contains("a VMFS sparse extent of a VMDK without its description"));
}

#[test]
fn a_damaged_grain_directory_is_replaced_by_its_copy() {
    let raw = sample();
    let mut bytes = Vmdk::new().monolithic_sparse("disk.vmdk", &raw, &[]);
    // Header offset 56: the first sector of the grain directory.
    bytes[56..64].copy_from_slice(&0x00ff_ffff_u64.to_le_bytes());
    let image = only(bytes.clone()).unwrap();
    assert!(image.notes[0].contains("its redundant copy is used"), "{:?}", image.notes);
    assert!(content(&image).unwrap() == raw);

    bytes[48..56].copy_from_slice(&0x00ff_ffff_u64.to_le_bytes());
    let text = message(only(bytes));
    assert!(text.contains("offset of the grain directory at byte 56"), "{text}");
}

#[test]
fn a_damaged_entry_of_the_grain_directory_is_looked_up_in_its_copy() {
    let raw = sample();
    let mut bytes = Vmdk::new().monolithic_sparse("disk.vmdk", &raw, &[]);
    let at = 512 * usize::from(bytes[56]);
    bytes[at..at + 4].fill(0xff);
    assert!(content(&only(bytes.clone()).unwrap()).unwrap() == raw);

    let at = 512 * usize::from(bytes[48]);
    bytes[at..at + 4].fill(0xff);
    let error = content(&only(bytes).unwrap()).unwrap_err().to_string();
    assert!(error.contains("behind the end of the file"), "{error}");
}

#[test]
fn a_footer_without_the_place_of_the_description_is_completed_from_the_header() {
    let raw = sample();
    let mut bytes = Vmdk::new().stream_optimized("disk.vmdk", &raw);
    let footer = bytes.len() - 1024;
    bytes[footer + 28..footer + 44].fill(0);
    assert!(content(&only(bytes).unwrap()).unwrap() == raw);
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let text = message(described(&["RW 4 FLAT \"a\u{1b}[2J.vmdk\" 0"]));
    assert!(text.contains("`a\u{fffd}[2J.vmdk`"), "{text}");
}

#[test]
fn a_file_of_the_corpus_reads_as_qemu_converts_it() {
    let expected = "854c3db1c4a07a241e2ed9fbd8892adf2adc662c7862a75deed26f3483f414c9";
    let Some(bytes) = corpus("plaso/image.vmdk") else { return };
    assert_eq!(sha256(&content(&only(bytes).unwrap()).unwrap()), expected);
}

#[test]
fn a_stream_without_its_end_is_refused() {
    let mut bytes = Vmdk::new().stream_optimized("disk.vmdk", &sample());
    bytes.truncate(bytes.len() - 700);
    let text = message(only(bytes));
    assert!(text.contains("footer at byte") && text.contains("the file may be cut"), "{text}");
}

#[test]
fn a_damaged_compressed_grain_is_an_error_of_that_grain_alone() {
    let raw = sample();
    let good = Vmdk::new().grain(16).stream_optimized("disk.vmdk", &raw);
    // The first stored grain is that of byte 32768, behind the description at sector 21.
    let at = 21 * 512;
    for (change, value, expected) in [
        (at, 1, "grain 4 of extent `disk.vmdk` has the marker of disk sector"),
        (at + 10, 0xff, "has a compressed size of"),
        (at + 100, 0xff, "cannot be unpacked"),
    ] {
        let mut bytes = good.clone();
        bytes[change] ^= value;
        let image = only(bytes).unwrap();
        let mut buf = [0; 512];
        let error = image.data.read_at(32_768, &mut buf).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        image.data.read_exact_at(0, &mut buf).unwrap();
        image.data.read_exact_at(49_152, &mut buf).unwrap();
        assert!(buf == raw[49_152..49_664]);
    }
}

#[test]
fn a_file_sent_as_text_is_damaged() {
    let mut bytes = Vmdk::new().monolithic_sparse("disk.vmdk", &sample(), &[]);
    bytes[75] = b'\n';
    assert!(message(only(bytes)).contains("line ends at byte 73"));
}

#[test]
fn mutants_neither_panic_nor_read_short() {
    let mut rng = Rng::new(0x4d4b);
    let raw = &sample()[..100_352];
    let spec = Vmdk::new().grain(8);
    let mut opened_ones = 0;
    for folder in
        variants(&spec, raw, &[]).into_iter().chain(variants(&spec.clone().zeroed(), raw, &[1; 9000]))
    {
        for round in 0..500 {
            let mut mutated = folder.clone();
            for name in folder.names() {
                let bytes = folder.bytes(&name);
                let mut mutant = bytes.to_vec();
                for _ in 0..=rng.below(3) {
                    let at = if rng.below(3) > 0 { rng.below(700) } else { rng.next_u64() as usize };
                    let at = at % mutant.len();
                    mutant[at] = if rng.below(2) == 0 { 0xff } else { rng.next_u64() as u8 };
                }
                if round % 10 == 0 {
                    mutant.truncate(rng.below(bytes.len()));
                }
                mutated = mutated.with(&name, mutant);
            }
            let (source, context) = mutated.start("disk.vmdk");
            if let Ok(image) = open(source, &context) {
                opened_ones += 1;
                probe(&image, &mut rng);
            }
        }
    }
    assert!(opened_ones > 500, "mutants must get past the description: {opened_ones}");
}
