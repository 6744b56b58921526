//! An archive of any kind: entries, names and decompressed bytes stay in proportion to the input.
#![no_main]

use std::io;
use std::sync::Arc;

use iiskeys_evidence::archive::{ArchiveLimits, ArchiveTree, HEAD_BYTES, Password, recognise, refused};
use iiskeys_evidence::{Tree, tree::Detail, tree::EntryKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let head = data.get(..HEAD_BYTES).unwrap_or(data);
    refused(head);
    let Some(kind) = recognise(head) else { return };
    let limits =
        ArchiveLimits { decoder_bytes: 64 << 20, streamed_bytes: 64 << 20, ..ArchiveLimits::default() };
    let password = Password::new("password");
    let source = Arc::new(data.to_vec());
    let Ok(tree) = ArchiveTree::open(kind, source, "case.tar.gz", &limits, Some(&password)) else { return };
    assert!(tree.entries() <= data.len());
    let mut folders = vec![tree.root()];
    while let Some(folder) = folders.pop() {
        let Ok(rows) = tree.list(&folder, Detail::Full) else { continue };
        for row in rows.flatten() {
            match row.kind {
                EntryKind::Dir if !row.linked => folders.push(row.id),
                EntryKind::File if row.size <= 4 << 20 => {
                    let Ok(mut reader) = tree.open(&row.id) else { continue };
                    let read = io::copy(&mut reader, &mut io::sink()).unwrap_or_default();
                    assert!(read <= row.size);
                }
                _ => {}
            }
        }
    }
});
