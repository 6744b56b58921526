//! Real volumes, against what sleuthkit and dissect.ntfs read. Without the samples nothing is tested.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iiskeys_disk::{FileSource, ReadAt};
use iiskeys_ntfs::Volume;
use sha2::{Digest, Sha256};

fn sample(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: {name} is not there");
    None
}

/// The SHA-256 of each file of the sample, from its `expected.json`.
const EXPECTED: [(&str, &str); 4] = [
    ("1000-bytes-file", "e987ddba8f237d56608b83db03b7e80e2ffdf2970cd4498910c8d20dc4d59bb1"),
    ("empty-file", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("file-with-12345", "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"),
    ("sparse-file", "e044906d742cb7611c72106cc5efc09955a4acf71af581a8b795af8823e7ec3b"),
];

#[test]
fn files_of_the_ntfs_crate_have_the_expected_content() {
    let Some(path) = sample("ntfs-crate/testfs1") else { return };
    let volume = Volume::open(Arc::new(FileSource::open(&path).expect("a file"))).expect("a volume");
    assert_eq!(volume.label().as_deref(), Some("mylabel"));
    for (path, sha256) in EXPECTED {
        let entry = volume.resolve(&path.to_uppercase()).expect("a path").expect("a file");
        let stream = volume.file(entry.file).and_then(|file| file.data()).expect("content");
        let mut data = vec![0; stream.len() as usize];
        stream.read_exact_at(0, &mut data).expect("content");
        let found: String = Sha256::digest(&data).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, sha256, "{path}");
    }
    let many = volume.resolve("many_subdirs").expect("a path").expect("a folder");
    assert_eq!(volume.list(many.file).expect("a folder").filter(Result::is_ok).count(), 512);
    assert_eq!(volume.notes(), Vec::<String>::new());
}
