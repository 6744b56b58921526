//! Volumes with bytes changed at random: no panic, no endless loop, no more than is there.

use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_fixtures::ntfs::{
    Algorithm, Deleted, FileOptions, FolderOptions, Layout, Reparse, VolumeBuilder,
};
use iiskeys_fixtures::rng::Rng;
use iiskeys_ntfs::{FileRef, Volume};

fn forge() -> (Vec<u8>, Vec<usize>) {
    let mut volume = VolumeBuilder::new().cluster_size(512).log_file_size(4096).fragmented_mft(4);
    let text = "compressible ".repeat(3000);
    volume.file_with("lznt1", text.as_bytes(), FileOptions::layout(Layout::Lznt1));
    volume.file_with("wof", text.as_bytes(), FileOptions::wof(Algorithm::Xpress4K));
    volume.file_with("spilled", text.as_bytes(), FileOptions::spilled().stream("a", b"b"));
    volume.file_with("link", b"", FileOptions::reparse(Reparse::symlink("dir\\0")));
    volume.dir_with("dir", FolderOptions { spill: true, runs: 2, ..FolderOptions::default() });
    for at in 0..60 {
        volume.file(&format!("dir/{at} and a name of some length"), b"x");
    }
    volume.deleted_file("dir/gone", b"gone", Deleted::RecordAndIndexSlack);
    let (bytes, map) = volume.build_with_map();
    // Where a change matters: the boot sector, records and index blocks.
    let mut places = vec![0];
    places.extend((0..100).filter_map(|number| map.record(number)));
    places.extend(map.index_blocks.values().flatten().copied());
    (bytes, places)
}

/// Looks at everything; the number of things seen.
fn look(volume: &Volume) -> u64 {
    let mut seen = 0;
    let mut dirs = vec![volume.root()];
    let mut known = std::collections::BTreeSet::new();
    let mut buf = vec![0; 70_000];
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = volume.list(dir) else { continue };
        for entry in entries {
            seen += 1;
            let Ok(entry) = entry else { continue };
            if entry.is_directory() && known.insert(entry.file.record) {
                dirs.push(entry.file);
            }
            let _ = volume.lookup(dir, &entry.name);
            let Ok(file) = volume.file(entry.file) else { continue };
            let _ = file.names();
            let _ = file.streams();
            if let Ok(stream) = file.data() {
                let _ = stream.read_at(0, &mut buf);
                let _ = stream.read_at(stream.len().saturating_sub(10), &mut buf);
            }
            if let Some(id) = file.standard().and_then(|standard| standard.security_id) {
                let _ = volume.security_descriptor(id);
            }
        }
    }
    let _ = volume.resolve("link");
    if let Ok(Some(dir)) = volume.resolve("dir") {
        seen += volume.deleted_in(dir.file, true, &|_| true).map_or(0, |found| found.len() as u64);
    }
    let _ = volume.file(FileRef { record: u64::MAX, sequence: 1 });
    seen
}

#[test]
fn mutants_are_read_within_bounds() {
    let (bytes, places) = forge();
    let bytes = Arc::new(bytes);
    let mut rng = Rng::new(20);
    let (mut opened, mut seen) = (0, 0);
    for _ in 0..4000 {
        let mut mutant = (*bytes).clone();
        for _ in 0..=rng.below(3) {
            let place = places.get(rng.below(places.len())).copied().unwrap_or(0);
            // The words at the ends of sectors only tear the block.
            let at = place + rng.below(500);
            let value = [0, 1, 0x7f, 0x80, 0xff, rng.next_u64() as u8];
            if let Some(byte) = mutant.get_mut(at) {
                *byte = value.get(rng.below(value.len())).copied().unwrap_or(0);
            }
        }
        let len = mutant.len() as u64;
        if let Ok(volume) = Volume::open(Arc::new(mutant)) {
            opened += 1;
            let found = look(&volume);
            assert!(found < len / 50, "{found} entries in {len} bytes");
            seen += found;
        }
    }
    assert!(opened > 2500 && seen > 130_000, "{opened} opened, {seen} seen");
}
