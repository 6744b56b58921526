//! A whole volume: everything is listed and looked up, the beginning and end of all content is read.

#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_ntfs::Volume;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(volume) = Volume::open(Arc::new(data.to_vec())) else { return };
    let _ = (volume.label(), volume.version(), volume.is_dirty());
    let mut seen = 0;
    let mut dirs = vec![volume.root()];
    let mut known = BTreeSet::new();
    let mut buf = vec![0; 70_000];
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = volume.list(dir) else { continue };
        for entry in entries {
            seen += 1;
            // An entry has at least 82 bytes, and a hostile volume can list one folder under each of its records.
            assert!(seen <= data.len() * data.len() / 82 + 1);
            if seen > 2_000 {
                return;
            }
            let Ok(entry) = entry else { continue };
            if entry.is_directory() && known.insert(entry.file.record) {
                dirs.push(entry.file);
            }
            let _ = volume.lookup(dir, &entry.name);
            let Ok(file) = volume.file(entry.file) else { continue };
            let _ = (file.names(), file.streams(), file.size(), file.security_attribute());
            if let Ok(stream) = file.data() {
                let _ = stream.read_at(0, &mut buf);
                let _ = stream.read_at(stream.len().saturating_sub(10), &mut buf);
            }
            if let Some(id) = file.standard().and_then(|standard| standard.security_id) {
                let _ = volume.security_descriptor(id);
            }
        }
    }
    let _ = volume.resolve("link/file");
    let _ = volume.deleted_in(volume.root(), true, &|_| true);
});
