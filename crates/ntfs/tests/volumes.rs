//! Forged volumes are read back.

use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_fixtures::ntfs::{
    Algorithm, Deleted, FileOptions, FolderOptions, Layout, Map, Meta, Reparse, VolumeBuilder,
};
use iiskeys_fixtures::rng::Rng;
use iiskeys_fixtures::security::{EVERYONE, FULL, SYSTEM, SecurityDescriptor};
use iiskeys_ntfs::{DirEntry, NtfsError, Recoverable, Stream, Trace, Volume};
use proptest::prelude::*;

fn open(bytes: Vec<u8>) -> Volume {
    Volume::open(Arc::new(bytes)).expect("a volume")
}

fn entry(volume: &Volume, path: &str) -> DirEntry {
    volume.resolve(path).expect("a readable path").expect("a file")
}

fn content(stream: &Stream) -> Vec<u8> {
    let mut data = vec![0; stream.len() as usize];
    stream.read_exact_at(0, &mut data).expect("readable content");
    data
}

fn read(volume: &Volume, path: &str) -> Vec<u8> {
    let file = volume.file(entry(volume, path).file).expect("a file");
    content(&file.data().expect("a stream"))
}

/// Each half of a 64 KiB unit compresses or does not.
fn mixed() -> Vec<u8> {
    let text = "<binding protocol=\"https\" /> ".repeat(4000);
    [text.as_bytes(), &[0; 200_000], &Rng::new(1).bytes(150_000)].concat()
}

#[test]
fn every_layout_gives_the_content_back() {
    let data = mixed();
    let mut volume = VolumeBuilder::new();
    let layouts = [
        ("runs", Layout::Fragmented(40)),
        ("many", Layout::Fragmented(90)),
        ("lznt1", Layout::Lznt1),
        ("sparse", Layout::Sparse),
    ];
    for (name, layout) in layouts {
        volume.file_with(name, &data, FileOptions::layout(layout));
    }
    for (name, algorithm) in [
        ("x4", Algorithm::Xpress4K),
        ("x8", Algorithm::Xpress8K),
        ("x16", Algorithm::Xpress16K),
        ("lzx", Algorithm::Lzx),
    ] {
        volume.file_with(name, &data, FileOptions::wof(algorithm));
    }
    volume.file_with("spilled", &data, FileOptions::spilled().stream("second", b"stream"));
    let volume = open(volume.build());
    for name in ["runs", "many", "lznt1", "sparse", "x4", "x8", "x16", "lzx", "spilled"] {
        assert!(read(&volume, name) == data, "{name}");
    }
    let spilled = volume.file(entry(&volume, "SPILLED").file).expect("a file");
    assert_eq!(content(&spilled.stream("second").expect("readable").expect("a stream")), b"stream");
    assert_eq!(spilled.streams().expect("streams").len(), 2);
    assert_eq!(volume.notes(), Vec::<String>::new());
}

#[test]
fn bytes_behind_the_initialised_size_are_zeros() {
    let data = Rng::new(2).bytes(100_000);
    let mut volume = VolumeBuilder::new();
    volume.file_with("valid", &data, FileOptions::layout(Layout::InitialisedTo(30_001)));
    let found = read(&open(volume.build()), "valid");
    assert_eq!(found.len(), data.len());
    assert!(found.get(..30_001) == data.get(..30_001));
    assert!(found.iter().skip(30_001).all(|byte| *byte == 0));
}

#[test]
fn content_that_is_not_there_is_named() {
    let mut volume = VolumeBuilder::new();
    volume.file_with("efs", b"secret", FileOptions { efs: true, ..FileOptions::default() });
    volume.file_with("dedup", b"", FileOptions::reparse(Reparse::dedup()));
    volume.file_with("cloud", b"", FileOptions::reparse(Reparse::cloud()));
    let volume = open(volume.build());
    for (name, words) in [("efs", "EFS-encrypted"), ("dedup", "deduplicated"), ("cloud", "cloud placeholder")]
    {
        let file = volume.file(entry(&volume, name).file).expect("a file");
        match file.data().err() {
            Some(NtfsError::Unreadable { reason, .. }) => assert!(reason.contains(words), "{reason}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_large_directory_is_listed_once_and_searched_without_case() {
    for (folder, record_size, mft_runs) in [
        (FolderOptions::default(), 1024, 1),
        (FolderOptions { spill: true, runs: 3, ..FolderOptions::default() }, 1024, 6),
        (FolderOptions { blocks: true, ..FolderOptions::default() }, 4096, 3),
    ] {
        let mut volume = VolumeBuilder::new().record_size(record_size).fragmented_mft(mft_runs);
        volume.dir_with("Keys", folder);
        let name = |at: u64| format!("{:016x}_Ünïcode", Rng::new(at).next_u64());
        for at in 0..700 {
            volume.file(&format!("Keys/{}", name(at)), &at.to_le_bytes());
        }
        let volume = open(volume.build());
        let keys = entry(&volume, "keys");
        let listed: Result<Vec<DirEntry>, NtfsError> = volume.list(keys.file).expect("a directory").collect();
        let mut listed: Vec<String> = listed.expect("entries").into_iter().map(|entry| entry.name).collect();
        listed.sort();
        let mut wanted: Vec<String> = (0..700).map(name).collect();
        wanted.sort();
        assert_eq!(listed, wanted);
        for at in 0..700 {
            let found =
                volume.lookup(keys.file, &name(at).to_uppercase()).expect("an index").expect("an entry");
            let data = content(&volume.file(found.file).expect("a file").data().expect("data"));
            assert_eq!(data, at.to_le_bytes());
        }
        assert_eq!(volume.lookup(keys.file, "missing").expect("an index"), None);
        assert_eq!(volume.notes(), Vec::<String>::new());
    }
}

#[test]
fn short_names_find_the_file_and_are_not_listed() {
    let mut volume = VolumeBuilder::new();
    let meta = Meta { short_name: Some("LONGNA~1.CON".into()), ..Meta::default() };
    volume.file_with("Long name.config", b"here", meta);
    let volume = open(volume.build());
    assert_eq!(read(&volume, "longna~1.con"), b"here");
    let entries: Vec<_> = volume.list(volume.root()).expect("a root").filter_map(Result::ok).collect();
    assert_eq!(entries.iter().filter(|entry| entry.name.to_lowercase().starts_with("long")).count(), 1);
}

#[test]
fn links_are_followed_on_the_volume_and_named_beyond_it() {
    let mut volume = VolumeBuilder::new();
    volume.file("real/file.txt", b"content");
    let junction =
        |target: &str| FolderOptions { reparse: Some(Reparse::junction(target)), ..FolderOptions::default() };
    volume.dir_with("junction", junction("C:\\real"));
    volume.dir_with("elsewhere", junction("D:\\data"));
    volume.dir_with("circle", junction("C:\\circle"));
    volume.file_with("real/link", b"", FileOptions::reparse(Reparse::symlink("..\\junction\\file.txt")));
    let volume = open(volume.build());
    assert_eq!(read(&volume, "C:\\Junction\\FILE.TXT"), b"content");
    assert_eq!(read(&volume, "real/link"), b"content");
    assert!(matches!(
        volume.resolve("elsewhere/x"),
        Err(NtfsError::OtherVolume { target, .. }) if target.contains("D:\\data")
    ));
    assert!(matches!(volume.resolve("circle/x"), Err(NtfsError::Loop { .. })));
    assert_eq!(volume.resolve("real/missing").expect("a path"), None);
    assert_eq!(volume.resolve("\\").expect("a path").map(|root| root.file), Some(volume.root()));
}

#[test]
fn descriptors_are_found_by_number() {
    let descriptor = |at: u32| {
        SecurityDescriptor::new(&format!("S-1-5-21-1-2-3-{at}"), SYSTEM).allow(EVERYONE, FULL, 0).build()
    };
    let mut volume = VolumeBuilder::new();
    for at in 0..300 {
        let meta = Meta { security: Some(descriptor(at)), ..Meta::default() };
        volume.file_with(&format!("d{at}"), b"x", meta);
    }
    let old = Meta { security: Some(descriptor(7)), security_in_record: true, ..Meta::default() };
    volume.file_with("old", b"x", old);
    let volume = open(volume.build());
    for at in 0..300 {
        let file = volume.file(entry(&volume, &format!("d{at}")).file).expect("a file");
        let id = file.standard().and_then(|standard| standard.security_id).expect("a number");
        assert_eq!(volume.security_descriptor(id).expect("readable"), Some(descriptor(at)));
    }
    assert_eq!(volume.security_descriptor(99_999).expect("readable"), None);
    let old = volume.file(entry(&volume, "old").file).expect("a file");
    assert_eq!(old.security_attribute().expect("readable"), Some(descriptor(7)));
    assert_eq!(old.standard().and_then(|standard| standard.security_id), None);
}

#[test]
fn remains_of_deleted_files_are_judged_by_sequence_numbers() {
    let random = Rng::new(4).bytes(50_000);
    let mut volume = VolumeBuilder::new();
    volume.file("keys/alive", b"alive");
    volume.deleted_file("keys/kept", &random, Deleted::RecordKept);
    volume.deleted_file("keys/small", b"small", Deleted::RecordAndIndexSlack);
    volume.deleted_file("keys/slack", b"gone", Deleted::IndexSlackOnly);
    volume.deleted_file("keys/reused", b"gone", Deleted::RecordReused { by: "keys/alive".into() });
    volume.deleted_file("other/kept", b"other", Deleted::RecordKept);
    let volume = open(volume.build());
    let dir = entry(&volume, "keys").file;
    let found = volume.deleted_in(dir, true, &|_| true).expect("a directory");
    let of = |name: &str| found.iter().find(|remain| remain.entry.name == name).expect("a remain");
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(matches!(of("kept").recoverable, Recoverable::Clusters(_)));
    assert!(content(&volume.deleted_data(of("kept")).expect("data")) == random);
    assert_eq!(of("small").recoverable, Recoverable::Resident(b"small".to_vec()));
    assert!(matches!(of("slack").recoverable, Recoverable::Nothing(_)));
    assert_eq!(of("reused").recoverable, Recoverable::RecordReused);
    let slack = volume.deleted_in(dir, false, &|name| name != "slack").expect("a directory");
    assert!(slack.iter().all(|remain| remain.trace == Trace::IndexSlack));
    assert_eq!(slack.len(), 2, "{slack:?}");
}

/// A volume with one file and where its parts stand.
fn small() -> (Vec<u8>, Map) {
    let mut volume = VolumeBuilder::new().label("SMALL");
    volume.file("dir/file.txt", b"content");
    for at in 0..200 {
        volume.file(&format!("dir/{at:03} with a name that fills the index"), b"x");
    }
    volume.build_with_map()
}

#[test]
fn the_backup_of_the_boot_sector_is_used_and_noted() {
    let (mut bytes, _) = small();
    bytes.get_mut(..512).expect("a boot sector").fill(0xee);
    let volume = open(bytes);
    assert_eq!(read(&volume, "dir/file.txt"), b"content");
    assert!(
        volume.notes().iter().any(|note| note.contains("backup of the boot sector")),
        "{:?}",
        volume.notes()
    );
}

#[test]
fn the_mirror_is_used_and_noted() {
    let (mut bytes, map) = small();
    let at = map.record(0).expect("a record");
    bytes.get_mut(at..at + 4).expect("a record").fill(0);
    let volume = open(bytes);
    assert_eq!(read(&volume, "dir/file.txt"), b"content");
    assert!(volume.notes().iter().any(|note| note.contains("$MFTMirr")), "{:?}", volume.notes());
}

#[test]
fn a_torn_record_is_an_error_that_names_it() {
    let (mut bytes, map) = small();
    let at = map.record_of("dir/file.txt").expect("a record");
    *bytes.get_mut(at + 511).expect("a record") ^= 0xff;
    let volume = open(bytes);
    let file = entry(&volume, "dir/file.txt").file;
    let error = volume.file(file).err().expect("an error").to_string();
    assert!(error.contains(&format!("MFT record {} (torn write)", file.record)), "{error}");
}

#[test]
fn a_damaged_index_block_costs_its_own_entries_alone() {
    let (mut bytes, map) = small();
    let dir = *map.paths.get("dir").expect("a folder");
    let blocks = map.index_blocks.get(&dir).expect("blocks").clone();
    assert!(blocks.len() > 2);
    let victim = *blocks.get(1).expect("a block");
    bytes.get_mut(victim..victim + 4).expect("a block").fill(0);
    let volume = open(bytes);
    let dir = entry(&volume, "dir").file;
    let (good, bad): (Vec<_>, Vec<_>) = volume.list(dir).expect("a directory").partition(Result::is_ok);
    assert_eq!(bad.len(), 1);
    assert!(good.len() > 100 && good.len() < 201, "{}", good.len());
    // What is not found may stand in the block that is lost.
    assert!(volume.lookup(dir, "zzz").is_ok_and(|found| found.is_none()) || !volume.notes().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_the_forge_writes_is_read_back(
        files in proptest::collection::btree_map("[a-zA-Zäß0-9_]{1,12}", (0_usize..70_000, 0_u8..8), 1..12),
        cluster in proptest::sample::select(vec![512_u32, 1024, 4096]),
        record in proptest::sample::select(vec![1024_u32, 4096]),
        sector in proptest::sample::select(vec![512_u32, 4096]),
        runs in 1_usize..5,
    ) {
        let mut volume = VolumeBuilder::new()
            .cluster_size(cluster.max(sector))
            .record_size(record)
            .sector_size(sector)
            .fragmented_mft(runs);
        let mut wanted = std::collections::BTreeMap::new();
        for (at, (name, (len, kind))) in files.into_iter().enumerate() {
            let mut data = Rng::new(len as u64).bytes(len);
            // Half of it compresses.
            data.iter_mut().take(len / 2).for_each(|byte| *byte &= 1);
            let options = match kind {
                0 => FileOptions::layout(Layout::Lznt1),
                1 => FileOptions::layout(Layout::Fragmented(7)),
                2 => FileOptions::wof(Algorithm::Lzx),
                3 => FileOptions::wof(Algorithm::Xpress8K),
                4 => FileOptions::spilled(),
                5 => FileOptions::layout(Layout::Sparse),
                _ => FileOptions::default(),
            };
            // The number keeps names apart that differ in case only.
            let path = format!("d{}/{at}{name}", at % 3);
            volume.file_with(&path, &data, options);
            wanted.insert(path, data);
        }
        let volume = open(volume.build());
        for (path, data) in &wanted {
            prop_assert!(&read(&volume, path) == data, "{}", path);
        }
        prop_assert_eq!(volume.notes(), Vec::<String>::new());
    }
}
