//! Small images that other programs made from one disk: each must give that disk back.
//!
//! `scripts/make-test-images.sh` made them with qemu-img and ewfacquire.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::{Context, Image, NoSiblings, ReadAt};
use iiskeys_fixtures::rng::Rng;
use sha2::{Digest, Sha256};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

fn unpacked(path: &Path) -> Vec<u8> {
    let packed = fs::File::open(path).expect("an image");
    let mut bytes = Vec::new();
    std::io::copy(&mut lzma_rust2::XzReader::new(packed, true), &mut bytes).expect("a packed image");
    bytes
}

/// The images by name, opened with a cache that is smaller than any of them.
fn images() -> Vec<(String, Image)> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder())
        .expect("images")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "xz"))
        .collect();
    names.sort();
    let open = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let context = Context {
            name: name.clone(),
            siblings: Arc::new(NoSiblings),
            cache: Arc::new(BlockCache::new(256 * 1024)),
            depth: 0,
        };
        let image = iiskeys_disk::open(Arc::new(unpacked(&path)), &context);
        (name.clone(), image.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    names.into_iter().map(open).collect()
}

fn whole(disk: &dyn ReadAt) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(disk.len()).expect("a small disk")];
    disk.read_exact_at(0, &mut bytes).expect("a whole disk");
    bytes
}

#[test]
fn every_image_gives_the_disk_back_whole_and_in_pieces() {
    let expected = fs::read_to_string(folder().join("disk.sha256")).expect("a digest");
    let images = images();
    assert!(images.len() >= 9, "{}", images.len());
    for (name, image) in images {
        let bytes = whole(&image.data);
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected.trim(), "{name}");
        let mut rng = Rng::named(&name);
        for _ in 0..300 {
            let at = rng.below(bytes.len());
            let count = 1 + rng.below(9000);
            let mut piece = vec![0xee; count];
            let filled = image.data.read_at(at as u64, &mut piece).expect("a piece");
            assert_eq!(piece[..filled], bytes[at..bytes.len().min(at + count)], "{name} at {at}");
            assert_eq!(filled, count.min(bytes.len() - at), "{name} at {at}");
        }
    }
}

#[test]
fn digests_that_an_image_states_are_those_of_its_content() {
    let mut stated = 0;
    for (name, image) in images() {
        let verified = iiskeys_disk::verify(&image, &mut |_, _| {}).expect("a whole disk");
        assert_eq!(verified.bytes, image.data.len());
        assert_ne!(verified.md5_matches, Some(false), "{name}");
        stated += usize::from(verified.md5_matches == Some(true));
    }
    assert!(stated >= 2, "both images of ewfacquire state an MD5");
}
