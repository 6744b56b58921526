use std::collections::BTreeMap;

use iiskeys_fixtures::disk::partition::{mbr_disk, ntfs_boot_sector};
use proptest::prelude::*;

use super::*;
use crate::cache::{BlockCache, DEFAULT_CACHE};
use crate::siblings::Siblings;

#[derive(Default)]
struct Folder(BTreeMap<String, Vec<u8>>);

impl Siblings for Folder {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(self.0.get(name).map(|bytes| Arc::new(bytes.clone()) as Arc<dyn ReadAt>))
    }
}

fn open_first(files: &[(&str, &[u8])]) -> Result<Image, DiskError> {
    let folder = Folder(files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect());
    let context = Context {
        name: files[0].0.to_owned(),
        siblings: Arc::new(folder),
        cache: Arc::new(BlockCache::new(DEFAULT_CACHE)),
        depth: 0,
    };
    open(Arc::new(files[0].1.to_vec()), &context)
}

fn content(image: &Image) -> Vec<u8> {
    let mut bytes = vec![0; image.data.len() as usize];
    image.data.read_exact_at(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn segments_are_joined_in_the_order_of_their_numbers() {
    for (first, second, third) in [
        ("disk.001", "disk.002", "disk.003"),
        ("d.raw.000", "d.raw.001", "d.raw.002"),
        ("x.0001", "x.0002", "x.0003"),
    ] {
        let image = open_first(&[(first, b"abc"), (second, b""), (third, b"defg")]).unwrap();
        assert_eq!(content(&image), b"abcdefg");
        assert_eq!(image.format, "raw (split)");
        let parts: Vec<_> =
            image.parts.iter().map(|part| (part.name.as_str(), part.role, part.size)).collect();
        assert_eq!(parts, [(first, "image", 3), (second, "segment", 0), (third, "segment", 4)]);
    }
}

#[test]
fn a_name_without_a_first_number_is_one_whole_image() {
    for name in ["disk.dd", "disk", "disk.002", "disk.01", "disk.1", "001"] {
        let image = open_first(&[(name, b"abc"), ("disk.003", b"no"), ("disk.02", b"no")]).unwrap();
        assert_eq!((content(&image).as_slice(), image.format.as_str()), (b"abc".as_slice(), "raw"));
    }
}

#[test]
fn a_missing_segment_before_others_is_named() {
    let Err(error) = open_first(&[("disk.001", b"abc"), ("disk.002", b"d"), ("disk.005", b"e")]) else {
        panic!("a gap is an error")
    };
    assert!(error.to_string().contains("`disk.003`"), "{error}");
}

#[test]
fn raw_bytes_must_hold_something_known() {
    let known = |bytes: &[u8]| recognises(bytes, &bytes.to_vec());
    assert!(known(&ntfs_boot_sector(512, 7)));
    assert!(known(&mbr_disk(1, &[(1, &[1], 7)], &[], 512, 4)));
    assert!(!known(&[0; 4096]));
    assert!(!known(b"KDMV is another format"));
    assert!(!known(&mbr_disk(1, &[], &[], 512, 4)), "an MBR without partitions says nothing");
}

proptest! {
    #[test]
    fn any_read_of_a_joined_image_is_the_read_of_the_whole(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..6),
        offset in 0_usize..64,
        want in 0_usize..64,
    ) {
        let whole = pieces.concat();
        let sources = pieces.into_iter().map(|piece| Arc::new(piece) as Arc<dyn ReadAt>).collect();
        let joined = Joined::new(sources).unwrap();
        let (mut ours, mut theirs) = (vec![0xee; want], vec![0xee; want]);
        prop_assert_eq!(
            joined.read_at(offset as u64, &mut ours).unwrap(),
            whole.read_at(offset as u64, &mut theirs).unwrap()
        );
        prop_assert_eq!(ours, theirs);
    }
}
