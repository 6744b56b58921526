use std::fs;

use iiskeys_fixtures::archive::{Packed, Zip};
use iiskeys_fixtures::disk::ewf::{EwfSpec, ewf};
use iiskeys_fixtures::forms::{mbr_disk, volume};
use iiskeys_fixtures::machine::{Machine, Os};
use iiskeys_fixtures::rng::Rng;

use super::*;
use crate::archive::{ArchiveKind, ArchiveLimits, ArchiveTree};
use crate::memory::MemoryTree;
use crate::skip::Skipped;
use crate::{Evidence, OpenOptions};

fn zip(files: &[Packed], deflate: bool) -> Vec<u8> {
    Zip { deflate, ..Zip::default() }.write(files)
}

/// A zip of this many bytes and a little more.
fn zip_of(len: usize) -> Vec<u8> {
    zip(&[Packed::new("notes.bin", &Rng::new(len as u64).bytes(len))], false)
}

fn opened(evidence: &Evidence) -> Vec<String> {
    evidence.containers().map(|(container, _)| container.path.to_string()).collect()
}

fn within(packed: Vec<u8>, options: &OpenOptions) -> Evidence {
    let tree =
        ArchiveTree::open(ArchiveKind::Zip, Arc::new(packed), "x", &ArchiveLimits::default(), None).unwrap();
    Evidence::from_trees(vec![(EvidencePath::root(), Box::new(tree))], options)
}

#[test]
fn in_a_folder_of_many_files_those_that_promise_something_are_opened() {
    for others in [1_500, 4_500] {
        let mut tree =
            MemoryTree::new().file("bag/collection", &zip_of(1 << 20)).file("bag/keys.ZIP", &zip_of(9));
        for number in 0..others {
            tree.insert(&format!("bag/{number:05}.txt"), b"nothing", None, None);
        }
        let evidence = Evidence::from_tree(tree);
        assert_eq!(opened(&evidence), ["bag/collection", "bag/keys.ZIP"], "{others}");
        assert_eq!(evidence.skipped(), []);
    }
}

#[test]
fn a_folder_with_too_many_promising_files_is_noted_and_one_of_keys_is_not() {
    let mut tree = MemoryTree::new();
    for number in 0..=candidates::MAX_FILES {
        tree.insert(&format!("bag/{number:05}.zip"), b"no zip at all", None, None);
    }
    let reason = SkipReason::TooManyEntries(candidates::MAX_FILES as u64);
    let noted = Skipped { path: EvidencePath::new("bag"), reason };
    assert_eq!(Evidence::from_tree(tree).skipped(), [noted]);

    let mut tree = MemoryTree::new();
    for number in 0..5_000 {
        let name = format!("{number:032x}_6f2a1b3c-0000-4000-8000-0123456789ab");
        tree.insert(&format!("MachineKeys/{name}"), b"key", None, None);
        let keys = "drive/C/ProgramData/Microsoft/Crypto/RSA/MachineKeys";
        tree.insert(&format!("{keys}/{name}"), b"key", None, None);
    }
    tree.insert("drive/C/Windows/System32/config/SYSTEM", b"regf", None, None);
    let evidence = Evidence::from_tree(tree);
    assert_eq!(evidence.volumes().len(), 1);
    assert_eq!(evidence.skipped(), []);
}

#[test]
fn all_that_is_unpacked_into_memory_has_one_budget() {
    let files: Vec<Packed> =
        ["a.zip", "b.zip", "c.zip"].iter().map(|name| Packed::new(name, &zip_of(100_000))).collect();
    let room = |unpacked| OpenOptions { unpacked, ..OpenOptions::default() };
    let evidence = within(zip(&files, true), &room(250_000));
    assert_eq!(opened(&evidence), ["a.zip", "b.zip"]);
    let skipped = evidence.skipped();
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0].path.to_string(), "c.zip");
    let why = skipped[0].reason.to_string();
    assert!(why.contains("of 250000 bytes are left") && why.contains("unpack it"), "{why}");
    // What stands as it is in the archive takes none of it.
    assert_eq!(opened(&within(zip(&files, false), &room(0))), ["a.zip", "b.zip", "c.zip"]);
    // What turns out to be no image gives its bytes back.
    let mut boot = vec![0; 200_000];
    boot[0] = 1;
    boot[510..512].copy_from_slice(&[0x55, 0xaa]);
    let files = [Packed::new("a.bin", &boot), Packed::new("b.zip", &zip_of(100_000))];
    let evidence = within(zip(&files, true), &room(200_000));
    assert_eq!(opened(&evidence), ["b.zip"], "{:?}", evidence.skipped());
}

#[test]
fn what_has_no_room_is_not_unpacked() {
    let inner = zip_of(1_000);
    let files: Vec<Packed> =
        (0..MAX_MOUNTS + 3).map(|number| Packed::new(&format!("{number:02}.zip"), &inner)).collect();
    let unpacked = (inner.len() * MAX_MOUNTS) as u64;
    let evidence = within(zip(&files, true), &OpenOptions { unpacked, ..OpenOptions::default() });
    assert_eq!(opened(&evidence).len(), MAX_MOUNTS);
    let skipped = evidence.skipped();
    assert_eq!(skipped.len(), 3);
    for Skipped { reason, .. } in skipped {
        assert_eq!(reason, SkipReason::NotOpened(too_many()));
    }
}

#[test]
fn a_named_part_of_an_image_is_noted_as_read_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = mbr_disk(&volume(&Machine::new(Os::Server2012R2)));
    let half = disk.len() / 2;
    fs::write(folder.path().join("disk.001"), &disk[..half]).unwrap();
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/disk.002"), &disk[half..]).unwrap();
    let given = [folder.path().join("other/disk.002"), folder.path().join("disk.001")];
    let evidence = Evidence::open(&given, &OpenOptions::default()).unwrap();
    assert_eq!(opened(&evidence), ["disk.001"]);
    let reason = SkipReason::PartOf(EvidencePath::new("disk.001"));
    assert_eq!(reason.to_string(), "part of disk.001, read with it");
    assert_eq!(evidence.skipped(), [Skipped { path: EvidencePath::new("disk.002"), reason }]);
}

#[test]
fn an_image_that_cannot_be_read_to_its_end_says_where_and_keeps_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let disk = mbr_disk(&volume(&Machine::new(Os::Server2012R2)));
    let (mut segments, _) = ewf(&disk, &EwfSpec::default());
    let middle = segments[0].len() / 2;
    segments[0][middle..middle + 64].fill(0xa5);
    let path = folder.path().join("disk.E01");
    fs::write(&path, &segments[0]).unwrap();
    let mut evidence = Evidence::open(&[path], &OpenOptions::default()).unwrap();
    assert_eq!(evidence.volumes().len(), 1, "{:?}", evidence.skipped());
    evidence.verify(&mut |_, _, _| {});
    let (image, digests) = evidence.containers().next().unwrap();
    assert_eq!(digests, None);
    let note = image.damage.iter().find(|what| what.contains("cannot be read to its end")).expect("damage");
    let at = note.split_once("at byte ").and_then(|(_, rest)| rest.split_once(" of the disk: ")).unwrap().0;
    let at: u64 = at.parse().unwrap();
    assert!(at > 0 && at < disk.len() as u64 && at.is_multiple_of(32_768), "{note}");
}
