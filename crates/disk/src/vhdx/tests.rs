use std::collections::HashMap;
use std::io;

use iiskeys_fixtures::disk::vhdx::{self, Options, Parent};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use crate::cache::{BlockCache, DEFAULT_CACHE};
use crate::siblings::Siblings;

use super::*;

#[derive(Default)]
struct Memory(HashMap<String, Arc<Vec<u8>>>);

impl Siblings for Memory {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(self.0.get(name).map(|bytes| Arc::clone(bytes) as Arc<dyn ReadAt>))
    }
}

fn open_with(image: Vec<u8>, files: &[(&str, &Arc<Vec<u8>>)]) -> Result<Image, DiskError> {
    let siblings =
        Memory(files.iter().map(|(name, bytes)| ((*name).to_string(), Arc::clone(bytes))).collect());
    let cache = Arc::new(BlockCache::new(DEFAULT_CACHE));
    let context = Context { name: "disk.vhdx".into(), siblings: Arc::new(siblings), cache, depth: 0 };
    open(Arc::new(image), &context)
}

fn content(image: &Image) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0xee; usize::try_from(image.data.len()).unwrap()];
    image.data.read_exact_at(0, &mut bytes).map(|()| bytes)
}

/// Sectors of 4 KiB, whole stretches of which are zero.
fn disk(seed: u64, sectors: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut data = Vec::new();
    while data.len() < sectors * 4096 {
        let len = (1 + rng.below(300)) * 4096;
        data.extend(if rng.below(2) == 0 { rng.bytes(len) } else { vec![0; len] });
    }
    data.truncate(sectors * 4096);
    data
}

const PARENT: [u8; 16] = *b"the-parents-guid";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_is_forged_is_read_back(
        seed: u64, sectors in 1usize..1200, shift in 20u32..23, large: bool, from in 0usize..5_000_000, len: u16,
    ) {
        let data = disk(seed, sectors);
        let options = Options {
            block_size: 1 << shift, sector_size: if large { 4096 } else { 512 }, ..Options::default()
        };
        let base = disk(seed ^ 1, sectors.div_ceil(2));
        let parent_file = Arc::new(vhdx::dynamic(&base, &Options { data_write_guid: PARENT, ..options.clone() }));
        let parent = Parent { name: "base.vhdx", data_write_guid: PARENT, data: &base };
        for (image, notes) in [
            (vhdx::fixed(&data, &options), 0),
            (vhdx::dynamic(&data, &options), 0),
            (vhdx::differencing(&data, &parent, &options), 0),
            (vhdx::with_pending_log(&data, &options), 1),
        ] {
            prop_assert!(recognises(image.get(..512).unwrap(), &image));
            let image = open_with(image, &[("base.vhdx", &parent_file)]).unwrap();
            prop_assert!(content(&image).unwrap() == data, "{}", image.format);
            prop_assert_eq!(image.notes.len(), notes);
            let mut buf = vec![0; usize::from(len)];
            let count = image.data.read_at(from as u64, &mut buf).unwrap();
            let rest = data.get(from..).unwrap_or_default();
            prop_assert_eq!(buf.get(..count), rest.get(..rest.len().min(usize::from(len))));
        }
    }
}

#[test]
fn a_guid_is_written_as_windows_does_and_read_back() {
    let id = known(0x2dc27766_f623_4200_9d64_115e9bfd4a08);
    assert_eq!(guid(&id), "2dc27766-f623-4200-9d64-115e9bfd4a08");
    assert_eq!(parse_guid("{2DC27766-F623-4200-9D64-115E9BFD4A08}"), Some(id));
    assert_eq!(parse_guid("{2DC27766F623-4200-9D64-115E9BFD4A08}"), None);
}

#[test]
fn one_damaged_header_and_one_damaged_region_table_are_noted() {
    let data = disk(1, 300);
    let mut image = vhdx::dynamic(&data, &Options::default());
    image[(128 << 10) + 100] ^= 1;
    image[(192 << 10) + 100] ^= 1;
    let mut worse = image.clone();
    let image = open_with(image, &[]).unwrap();
    assert!(content(&image).unwrap() == data);
    assert_eq!(image.notes.len(), 2, "{:?}", image.notes);
    worse[(256 << 10) + 100] ^= 1;
    let error = open_with(worse, &[]).err().unwrap().to_string();
    assert!(error.contains("checksum of a region table at byte 196608"), "{error}");
}

#[test]
fn a_log_without_a_whole_entry_is_refused() {
    let mut image = vhdx::with_pending_log(&disk(2, 300), &Options::default());
    // A byte of the last entry: what was logged before it is still whole.
    image[(1 << 20) + 4096 + 50] ^= 1;
    let before = open_with(image.clone(), &[]).unwrap();
    assert!(before.notes[0].contains("2 changes of its log"), "{:?}", before.notes);
    image[(1 << 20) + 50] ^= 1;
    let error = open_with(image, &[]).err().unwrap().to_string();
    assert!(
        error.contains("not closed cleanly") && error.contains("convert a copy with qemu-img"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_shorter_than_its_log_says_is_refused() {
    let mut image = vhdx::with_pending_log(&disk(2, 300), &Options::default());
    image.truncate(image.len() - 100);
    let error = open_with(image, &[]).err().unwrap().to_string();
    assert!(error.contains("it was cut short"), "{error}");
}

#[test]
fn unknown_required_regions_are_named() {
    let mut image = vhdx::dynamic(&disk(2, 10), &Options::default());
    let table = 192 << 10;
    image[table + 8] = 3;
    image[table + 80..table + 96].fill(9);
    image[table + 108] = 1;
    vhdx::seal(&mut image[table..table + 65536]);
    let error = open_with(image, &[]).err().unwrap().to_string();
    assert!(error.contains("unknown required region 09090909-0909-0909-0909-090909090909"), "{error}");
}

#[test]
fn a_block_that_was_cut_off_is_named_and_not_read_as_zeros() {
    let mut image = vhdx::dynamic(&vec![1; 3 << 20], &Options::default());
    image.truncate(image.len() - 100);
    let image = open_with(image, &[]).unwrap();
    let error = content(&image).unwrap_err().to_string();
    assert!(error.contains("block 2 lies behind the end"), "{error}");
}

#[test]
fn a_parent_that_is_missing_or_another_is_told_and_a_cycle_ends() {
    let base = disk(4, 20);
    let parent = Parent { name: "disk.vhdx", data_write_guid: PARENT, data: &base };
    let options = Options { data_write_guid: PARENT, ..Options::default() };
    let child = vhdx::differencing(&disk(5, 20), &parent, &options);
    let missing = open_with(child.clone(), &[]).err().unwrap();
    assert!(matches!(&missing, DiskError::MissingFile { name, .. } if name == "disk.vhdx"), "{missing}");
    let other = Arc::new(vhdx::dynamic(&base, &Options::default()));
    let wrong = open_with(child.clone(), &[("disk.vhdx", &other)]).err().unwrap();
    assert!(matches!(wrong, DiskError::WrongFile { .. }), "{wrong}");
    let itself = Arc::new(child.clone());
    let cycle = open_with(child, &[("disk.vhdx", &itself)]).err().unwrap().to_string();
    assert!(cycle.contains("more than 32 parents"), "{cycle}");
}

/// A source with some bytes changed, so that a mutant costs no copy of the image.
struct Mutant {
    image: Arc<Vec<u8>>,
    changes: Vec<(usize, Vec<u8>)>,
    len: u64,
}

impl ReadAt for Mutant {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap().min(buf.len());
        let count = self.image.read_at(offset, &mut buf[..room])?;
        for (at, bytes) in &self.changes {
            for (step, byte) in bytes.iter().enumerate() {
                let at = (at + step) as u64;
                if at >= offset && at < offset + count as u64 {
                    buf[(at - offset) as usize] = *byte;
                }
            }
        }
        Ok(count)
    }
}

#[test]
fn mutants_neither_panic_nor_grow() {
    let data = disk(7, 300);
    let base = disk(6, 300);
    let parent_file =
        Arc::new(vhdx::dynamic(&base, &Options { data_write_guid: PARENT, ..Options::default() }));
    let parent = Parent { name: "base.vhdx", data_write_guid: PARENT, data: &base };
    let seeds = [
        vhdx::dynamic(&data, &Options::default()),
        vhdx::differencing(&data, &parent, &Options::default()),
        vhdx::with_pending_log(&data, &Options::default()),
    ]
    .map(Arc::new);
    let mut rng = Rng::named("vhdx mutants");
    let mut opened = 0;
    for _ in 0..3000 {
        let image = Arc::clone(&seeds[rng.below(3)]);
        // A structure with its length, and whether its checksum is made right again.
        let (start, len, reach, sealed) = [
            (64 << 10, 4096, 80, true),
            (128 << 10, 4096, 80, true),
            (192 << 10, 65536, 80, true),
            (2 << 20, 66_000, 66_000, false),
            (3 << 20, 4096, 40, false),
            (1 << 20, 8192, 200, false),
            ((1 << 20) + 4096, 8192, 200, true),
        ][rng.below(7)];
        let mut bytes = image[start..start + len].to_vec();
        for _ in 0..=rng.below(3) {
            let at = if start == 2 << 20 && rng.below(2) == 0 { rng.below(256) } else { rng.below(reach) };
            bytes[at] = rng.next_u64() as u8;
        }
        if sealed {
            vhdx::seal(&mut bytes);
        }
        let size = image.as_slice().len();
        let len = if rng.below(8) == 0 { rng.below(size) } else { size } as u64;
        let mutant = Mutant { image, changes: vec![(start, bytes)], len };
        let siblings = Memory(HashMap::from([("base.vhdx".to_string(), Arc::clone(&parent_file))]));
        let cache = Arc::new(BlockCache::new(DEFAULT_CACHE));
        let context = Context { name: "disk.vhdx".into(), siblings: Arc::new(siblings), cache, depth: 0 };
        if let Ok(image) = open(Arc::new(mutant), &context) {
            opened += 1;
            assert!(image.notes.len() < 8);
            let _ = image.data.read_at(rng.below(1 << 20) as u64, &mut [0; 20_000]);
        }
    }
    assert!(opened > 1000, "{opened}");
}
