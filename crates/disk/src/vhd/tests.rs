use std::collections::HashMap;
use std::io;

use iiskeys_fixtures::disk::vhd::{self, Options, Parent};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use crate::cache::{BlockCache, DEFAULT_CACHE};
use crate::siblings::Siblings;

use super::*;

#[derive(Default)]
struct Memory(HashMap<String, Vec<u8>>);

impl Siblings for Memory {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(self.0.get(name).map(|bytes| Arc::new(bytes.clone()) as Arc<dyn ReadAt>))
    }
}

fn open_with(image: Vec<u8>, files: &[(&str, &[u8])]) -> Result<Image, DiskError> {
    let siblings = Memory(files.iter().map(|(name, bytes)| ((*name).to_string(), bytes.to_vec())).collect());
    let cache = Arc::new(BlockCache::new(DEFAULT_CACHE));
    let context = Context { name: "disk.vhd".into(), siblings: Arc::new(siblings), cache, depth: 0 };
    open(Arc::new(image), &context)
}

fn content(image: &Image) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0xee; usize::try_from(image.data.len()).unwrap()];
    image.data.read_exact_at(0, &mut bytes).map(|()| bytes)
}

fn disk(seed: u64, sectors: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..sectors).flat_map(|_| if rng.below(3) == 0 { rng.bytes(512) } else { vec![0; 512] }).collect()
}

fn small() -> Options {
    Options { block_size: 8192, ..Options::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_forged_is_read_back(seed: u64, sectors in 1usize..100, shift in 9u32..16, from: u16, len: u16) {
        let data = disk(seed, sectors);
        let options = Options { block_size: 1 << shift, ..Options::default() };
        let base = disk(seed ^ 1, sectors / 2);
        let parent_file = vhd::dynamic(&base, &Options { id: [7; 16], ..options.clone() });
        let parent = Parent { name: "base.vhd", id: [7; 16], data: &base };
        for image in
            [vhd::fixed(&data, &options), vhd::dynamic(&data, &options), vhd::differencing(&data, &parent, &options)]
        {
            prop_assert!(recognises(image.get(..512).unwrap(), &image));
            let image = open_with(image, &[("base.vhd", &parent_file)]).unwrap();
            prop_assert_eq!(&content(&image).unwrap(), &data);
            prop_assert!(image.notes.is_empty());
            let mut buf = vec![0; usize::from(len)];
            let count = image.data.read_at(u64::from(from), &mut buf).unwrap();
            let rest = data.get(usize::from(from)..).unwrap_or_default();
            prop_assert_eq!(buf.get(..count), rest.get(..rest.len().min(usize::from(len))));
        }
    }
}

#[test]
fn an_old_footer_of_511_bytes_is_found() {
    let data = disk(1, 9);
    let mut image = vhd::fixed(&data, &small());
    image.pop();
    assert_eq!(content(&open_with(image, &[]).unwrap()).unwrap(), data);
}

#[test]
fn the_copy_at_the_start_is_used_when_the_footer_is_damaged() {
    let data = disk(2, 40);
    let mut image = vhd::dynamic(&data, &small());
    let len = image.len();
    image[len - 100] ^= 1;
    let image = open_with(image, &[]).unwrap();
    assert_eq!(content(&image).unwrap(), data);
    assert!(image.notes[0].contains("its copy at the start was used"), "{:?}", image.notes);
}

#[test]
fn a_fixed_disk_with_a_damaged_footer_is_refused() {
    let mut image = vhd::fixed(&disk(3, 4), &small());
    let len = image.len();
    image[len - 100] ^= 1;
    let error = open_with(image, &[]).err().unwrap().to_string();
    assert!(error.contains("checksum of the footer at byte 2048"), "{error}");
}

#[test]
fn a_damaged_header_is_refused() {
    let mut image = vhd::dynamic(&disk(3, 4), &small());
    image[512 + 32] ^= 1;
    let error = open_with(image, &[]).err().unwrap().to_string();
    assert!(error.contains("checksum of the header at byte 512"), "{error}");
}

#[test]
fn a_block_that_was_cut_off_is_named_and_not_read_as_zeros() {
    let mut image = vhd::dynamic(&vec![1; 4 * 8192], &small());
    image.truncate(image.len() - 512 - 100);
    let image = open_with(image, &[]).unwrap();
    let error = content(&image).unwrap_err().to_string();
    assert!(error.contains("block 3 lies behind the end"), "{error}");
    assert_eq!(image.data.read_at(0, &mut [0; 4096]).unwrap(), 4096);
}

#[test]
fn what_stands_in_a_block_counts_where_there_is_no_parent_to_ask() {
    let mut data = vec![0; 8192];
    data[..512].fill(1);
    let mut image = vhd::dynamic(&data, &small());
    // The last block ends where the footer begins.
    let at = image.len() - 512 - 100;
    image[at] = 0xa5;
    data[8192 - 100] = 0xa5;
    assert!(content(&open_with(image, &[]).unwrap()).unwrap() == data);
}

#[test]
fn a_parent_that_is_missing_or_another_is_told() {
    let base = disk(4, 20);
    let parent = Parent { name: "base.vhd", id: [7; 16], data: &base };
    let child = vhd::differencing(&disk(5, 20), &parent, &small());
    let missing = open_with(child.clone(), &[]).err().unwrap();
    let id = "07070707-0707-0707-0707-070707070707";
    assert!(
        matches!(&missing, DiskError::MissingFile { name, id: found, .. } if name == "base.vhd" && found == id)
    );
    let other = vhd::dynamic(&base, &small());
    let wrong = open_with(child, &[("base.vhd", &other)]).err().unwrap();
    assert!(matches!(&wrong, DiskError::WrongFile { expected, .. } if expected == id), "{wrong}");
}

#[test]
fn a_disk_that_is_its_own_parent_ends() {
    let id = Options::default().id;
    let child = vhd::differencing(&disk(5, 20), &Parent { name: "disk.vhd", id, data: &[] }, &small());
    let error = open_with(child.clone(), &[("disk.vhd", &child)]).err().unwrap().to_string();
    assert!(error.contains("more than 32 parents"), "{error}");
}

#[test]
fn mutants_neither_panic_nor_grow() {
    let base = disk(6, 30);
    let parent = Parent { name: "base.vhd", id: [7; 16], data: &base };
    let parent_file = vhd::dynamic(&base, &Options { id: [7; 16], ..small() });
    let data = disk(7, 30);
    let seeds = [
        vhd::fixed(&data, &small()),
        vhd::dynamic(&data, &small()),
        vhd::differencing(&data, &parent, &small()),
    ];
    let mut rng = Rng::named("vhd mutants");
    let mut opened = 0;
    for _ in 0..6000 {
        let mut image = seeds[rng.below(3)].clone();
        for _ in 0..=rng.below(3) {
            // The structures are a small part of the file, so most changes go there.
            let from = if rng.below(2) == 0 { 2560.min(image.len()) } else { image.len() };
            let at = rng.below(from);
            image[at] = rng.next_u64() as u8;
        }
        if rng.below(4) == 0 {
            image.truncate(rng.below(image.len()));
        }
        let _ = recognises(image.get(..512).unwrap_or(&image), &image);
        if let Ok(image) = open_with(image, &[("base.vhd", &parent_file)]) {
            opened += 1;
            assert!(image.notes.len() < 8);
            let _ = image.data.read_at(rng.below(20_000) as u64, &mut [0; 20_000]);
        }
    }
    assert!(opened > 1000, "{opened}");
}
