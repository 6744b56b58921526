//! A small volume that mkntfs and ntfs-3g made: every file reads as it was written.
//!
//! `scripts/make-test-images.sh` made it; the chunks of the overlay filter come from libwim.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_ntfs::{NtfsError, Target, Volume};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn volume() -> Volume {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/volume.raw.xz");
    let mut bytes = Vec::new();
    let file = fs::File::open(packed).expect("the image");
    std::io::copy(&mut lzma_rust2::XzReader::new(file, true), &mut bytes).expect("a packed image");
    Volume::open(Arc::new(bytes)).expect("a volume")
}

#[test]
fn every_file_reads_as_it_was_written() {
    let volume = volume();
    assert_eq!(volume.label().as_deref(), Some("test volume"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/files.json");
    let files: Value = serde_json::from_str(&fs::read_to_string(path).expect("digests")).expect("JSON");
    let files = files.as_object().expect("files");
    assert!(files.len() > 25);
    for (path, about) in files {
        let entry =
            volume.resolve(path).expect("a path that can be followed").unwrap_or_else(|| panic!("{path}"));
        let file = volume.file(entry.file).expect("a record");
        let data = file.data().unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(Some(data.len()), about["size"].as_u64(), "{path}");
        let mut bytes = vec![0; usize::try_from(data.len()).expect("a small file")];
        data.read_exact_at(0, &mut bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(about["sha256"], digest.as_str(), "{path}");
        // A piece from the middle does not depend on what stands before it.
        let (from, to) = (bytes.len() / 3, bytes.len() / 2);
        let mut piece = vec![0; to - from];
        data.read_exact_at(from as u64, &mut piece).expect("a piece");
        assert!(piece == bytes[from..to], "{path}");
    }
}

#[test]
fn names_are_found_in_any_case_and_beyond_ascii() {
    let volume = volume();
    for path in [
        "NAMES/ÜNÏCÖDÉ ß ǆ.TXT",
        "names/漢字かな.txt",
        "Names\\upper LOWER.txt",
        "MANY/ENTRY-0007-with-a-long-name.txt",
    ] {
        assert!(volume.resolve(path).expect("a path").is_some(), "{path}");
    }
    assert!(volume.resolve("names/upper.txt").expect("a path").is_none());
    let many = volume.resolve("many").expect("a path").expect("a folder");
    assert_eq!(volume.list(many.file).expect("an index").filter_map(Result::ok).count(), 700);
}

#[test]
fn content_that_is_elsewhere_is_named_and_never_read_as_zeros() {
    let volume = volume();
    for (path, word) in [("elsewhere/cloud.bin", "cloud"), ("elsewhere/dedup.bin", "deduplicated")] {
        let entry = volume.resolve(path).expect("a path").expect("a file");
        match volume.file(entry.file).expect("a record").data() {
            Err(NtfsError::Unreadable { reason, .. }) => assert!(reason.contains(word), "{reason}"),
            other => panic!("{path}: {:?}", other.map(|data| data.len())),
        }
    }
}

#[test]
fn a_junction_leads_to_its_target() {
    let volume = volume();
    let through = volume.resolve("junction/first").expect("a path").expect("a file");
    let direct = volume.resolve("links/first").expect("a path").expect("a file");
    assert_eq!(through.file, direct.file);
    let links = volume.resolve("links").expect("a path").expect("a folder");
    let junction = volume.lookup(volume.root(), "junction").expect("an index").expect("an entry");
    assert_ne!(junction.file, links.file);
    let reparse = volume.file(junction.file).expect("a record").reparse().expect("a link").expect("a link");
    assert_eq!(reparse.target, Target::Link { path: r"\??\C:\links".to_owned(), relative: false });
}

#[test]
fn a_deleted_file_leaves_its_name_and_content() {
    let volume = volume();
    let folder = volume.resolve("deleted").expect("a path").expect("a folder");
    assert!(volume.lookup(folder.file, "gone.txt").expect("an index").is_none());
    let found = volume.deleted_in(folder.file, true, &|name| name == "gone.txt").expect("a search");
    let gone = found.first().expect("a trace");
    assert_eq!(gone.size, Some(600));
    let data = volume.deleted_data(gone).expect("its content");
    assert_eq!(data.len(), 600);
}
