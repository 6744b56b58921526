//! Volumes with one structure broken are read by what is left, and what was worked around is told.

use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_fixtures::ntfs::{Deleted, Map, Meta, VolumeBuilder, damage};
use iiskeys_fixtures::security::{EVERYONE, FULL, SYSTEM, SecurityDescriptor};
use iiskeys_ntfs::{FileRef, NtfsError, Recoverable, Volume};

const FILES: u32 = 200;

fn name(at: u32) -> String {
    format!("{at:03} with a name that fills the index")
}

fn descriptor(at: u32) -> Vec<u8> {
    SecurityDescriptor::new(&format!("S-1-5-21-1-2-3-{at}"), SYSTEM).allow(EVERYONE, FULL, 0).build()
}

/// A folder of several index blocks; each file has a descriptor of its own.
fn forge() -> (Vec<u8>, Map) {
    let mut volume = VolumeBuilder::new();
    for at in 0..FILES {
        let meta = Meta { security: Some(descriptor(at)), ..Meta::default() };
        volume.file_with(&format!("dir/{}", name(at)), &at.to_le_bytes(), meta);
    }
    volume.build_with_map()
}

fn open(bytes: Vec<u8>) -> Volume {
    Volume::open(Arc::new(bytes)).expect("a volume")
}

fn has_note(volume: &Volume, words: &str) -> bool {
    volume.notes().iter().any(|note| note.contains(words))
}

fn read(volume: &Volume, path: &str) -> Vec<u8> {
    let file = volume.resolve(path).expect("a readable path").expect("a file").file;
    let stream = volume.file(file).expect("a file").data().expect("a stream");
    let mut data = vec![0; stream.len() as usize];
    stream.read_exact_at(0, &mut data).expect("readable content");
    data
}

/// The descriptor that the volume gives for a file.
fn described(volume: &Volume, at: u32) -> Result<Option<Vec<u8>>, NtfsError> {
    let entry = volume.resolve(&format!("dir/{}", name(at))).expect("a path").expect("a file");
    let file = volume.file(entry.file).expect("a file");
    volume.security_descriptor(file.standard().and_then(|standard| standard.security_id).expect("a number"))
}

/// All places where some bytes stand on the volume.
fn places(volume: &[u8], bytes: &[u8]) -> Vec<usize> {
    volume.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes).map(|(at, _)| at).collect()
}

#[test]
fn a_cyclic_index_ends_and_is_told() {
    let (mut bytes, map) = forge();
    let record = *map.paths.get("dir").expect("a folder");
    damage::cyclic_index(&mut bytes, &map, record);
    let volume = open(bytes);
    let dir = volume.resolve("dir").expect("a path").expect("a folder").file;
    // A listing goes from block to block and does not follow the tree.
    let listed = volume.list(dir).expect("a directory").filter_map(Result::ok).count();
    assert_eq!(listed, FILES as usize);
    for at in 0..FILES {
        let found = volume.lookup(dir, &name(at)).expect("an index").expect("an entry");
        assert_eq!(found.name, name(at));
    }
    // Names behind every name of a block lead to its last entry, which has the circle.
    for at in 0..FILES {
        assert_eq!(volume.lookup(dir, &format!("{}+", name(at))).expect("an index"), None);
    }
    assert!(has_note(&volume, "a block that was not visited"), "{:?}", volume.notes());
}

#[test]
fn descriptors_are_found_without_their_index() {
    let (mut bytes, map) = forge();
    let secure = map.record(9).expect("$Secure");
    let record = bytes.get_mut(secure..secure + map.record_size).expect("a record");
    let mark: Vec<u8> = "$SII".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let named = places(record, &mark);
    assert!(!named.is_empty());
    for at in named {
        record.get_mut(at..at + 2).expect("a name").copy_from_slice(b"?\0");
    }
    let volume = open(bytes);
    for at in [0, 7, FILES - 1] {
        assert_eq!(described(&volume, at).expect("readable"), Some(descriptor(at)));
    }
    assert!(has_note(&volume, "$SDS was searched from end to end"), "{:?}", volume.notes());
    // Without the index nobody can say that a number does not exist.
    assert!(volume.security_descriptor(99_999).is_err());
}

#[test]
fn the_second_copy_of_a_descriptor_is_used() {
    let (mut bytes, _) = forge();
    let copies = places(&bytes, &descriptor(7));
    assert_eq!(copies.len(), 2);
    let last = |copy: usize| copy + descriptor(7).len() - 1;
    let (first, second) = (last(*copies.first().expect("a copy")), last(*copies.get(1).expect("a copy")));
    *bytes.get_mut(first).expect("a copy") ^= 1;
    assert_eq!(described(&open(bytes.clone()), 7).expect("readable"), Some(descriptor(7)));
    *bytes.get_mut(second).expect("a copy") ^= 1;
    let volume = open(bytes);
    let error = described(&volume, 7).expect_err("no copy is left").to_string();
    assert!(error.contains("$SDS") && error.contains("checksum"), "{error}");
    assert_eq!(described(&volume, 8).expect("readable"), Some(descriptor(8)));
}

#[test]
fn the_backup_of_a_destroyed_boot_sector_is_used_and_told() {
    let (mut bytes, map) = forge();
    damage::destroy_boot(&mut bytes);
    let volume = open(bytes.clone());
    assert_eq!(read(&volume, &format!("dir/{}", name(3))), 3_u32.to_le_bytes());
    assert!(has_note(&volume, "backup of the boot sector"), "{:?}", volume.notes());
    damage::destroy_backup_boot(&mut bytes, &map);
    assert!(Volume::open(Arc::new(bytes)).is_err());
}

#[test]
fn the_mirror_of_a_destroyed_first_record_is_used_and_told() {
    let (mut bytes, map) = forge();
    damage::destroy_mft_record0(&mut bytes, &map);
    let volume = open(bytes.clone());
    assert_eq!(read(&volume, &format!("dir/{}", name(3))), 3_u32.to_le_bytes());
    assert!(has_note(&volume, "$MFTMirr was used: MFT record 0"), "{:?}", volume.notes());
    damage::destroy_mirror(&mut bytes, &map);
    assert!(Volume::open(Arc::new(bytes)).is_err());
}

#[test]
fn torn_records_and_blocks_are_named() {
    let (mut bytes, map) = forge();
    let file = *map.paths.get(&format!("dir/{}", name(3))).expect("a file");
    let marked = *map.paths.get(&format!("dir/{}", name(4))).expect("a file");
    let folder = *map.paths.get("dir").expect("a folder");
    damage::tear_record(&mut bytes, &map, file);
    damage::baad_record(&mut bytes, &map, marked);
    damage::tear_index_block(&mut bytes, &map, folder, 0);
    let volume = open(bytes);
    let error = |record| volume.file(FileRef { record, sequence: 0 }).err().expect("damage").to_string();
    assert!(error(file).starts_with(&format!("MFT record {file} (torn write)")), "{}", error(file));
    assert!(error(marked).contains(&format!("MFT record {marked}")) && error(marked).contains("BAAD"));
    let dir = volume.resolve("dir").expect("a path").expect("a folder").file;
    let torn: Vec<_> = volume.list(dir).expect("a directory").filter_map(Result::err).collect();
    assert!(matches!(torn.as_slice(), [error] if error.to_string().contains("(torn write)")), "{torn:?}");
}

#[test]
fn sizes_that_no_volume_has_cost_no_time() {
    const DATA: u32 = 0x80;
    const INDEX_ALLOCATION: u32 = 0xa0;
    let mut volume = VolumeBuilder::new();
    for at in 0..FILES {
        volume.file(&format!("dir/{}", name(at)), b"x");
    }
    volume.deleted_file("dir/gone", &[7; 9000], Deleted::RecordKept);
    let (mut bytes, map) = volume.build_with_map();
    let folder = *map.paths.get("dir").expect("a folder");
    damage::claim_sectors(&mut bytes);
    damage::claim_clusters(&mut bytes, &map, folder, INDEX_ALLOCATION);
    // $MFT, $Bitmap and the deleted file.
    for record in [0, 6, *map.paths.get("dir/gone").expect("a record")] {
        damage::claim_clusters(&mut bytes, &map, record, DATA);
    }
    let len = bytes.len() as u64;
    let volume = open(bytes);
    assert!(volume.record_count() <= len / 1024);
    let dir = volume.resolve("dir").expect("a path").expect("a folder").file;
    assert_eq!(volume.list(dir).expect("a directory").filter_map(Result::ok).count(), FILES as usize);
    assert!(has_note(&volume, "index $I30 claims"), "{:?}", volume.notes());
    let found = volume.deleted_in(dir, true, &|_| true).expect("a directory");
    let gone = found.iter().find(|remain| remain.entry.name == "gone").expect("a remain");
    assert!(matches!(gone.recoverable, Recoverable::Overwritten { .. }), "{gone:?}");
}
