//! The beginnings of entries that are kept.

use super::*;

/// A source that counts what is read from it.
struct Counted {
    inner: Vec<u8>,
    read: Arc<std::sync::atomic::AtomicU64>,
}

impl ReadAt for Counted {
    fn len(&self) -> u64 {
        self.inner.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read_at(offset, buf)?;
        self.read.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(count)
    }
}

/// One block of entries as they are.
fn solid_and_stored(files: &[Packed]) -> Vec<u8> {
    use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderMethod, SourceReader};
    let mut writer = ArchiveWriter::new(io::Cursor::new(Vec::new())).unwrap();
    writer.set_content_methods(vec![EncoderMethod::COPY.into()]);
    let entries = files.iter().map(|file| ArchiveEntry::new_file(&file.path)).collect();
    let readers = files.iter().map(|file| SourceReader::new(io::Cursor::new(file.bytes.clone()))).collect();
    writer.push_archive_entries(entries, readers).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_look_at_every_entry_does_not_decompress_the_stream_again() {
    let part = Rng::new(5).bytes(4_096);
    let files: Vec<Packed> = (0..300)
        .map(|n| {
            Packed::new(&format!("in/{}", (n * 7) % 300), &[part.as_slice(), &[n as u8; 96_000]].concat())
        })
        .collect();
    for (format, bytes) in [
        ("tar.gz", gzip(&tar(&files, false))),
        ("tar.zst", zstd(&tar(&files, false))),
        ("7z", solid_and_stored(&files)),
    ] {
        let kind = recognise(&bytes).unwrap();
        let len = bytes.len() as u64;
        let read = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let source = Arc::new(Counted { inner: bytes, read: Arc::clone(&read) });
        let tree = ArchiveTree::open(kind, source, "x", &ArchiveLimits::default(), None).unwrap();
        for backwards in [false, true] {
            let mut entries = walk(&tree);
            if backwards {
                entries.reverse();
            }
            for (path, entry) in entries {
                let mut head = [0; 4_096];
                assert_eq!(tree.read_head(&entry.id, &mut head).unwrap(), head.len(), "{format} {path}");
                assert_eq!(head, *part, "{format} {path}");
            }
        }
        // Whoever looks for hives and images in it looks at the same bytes.
        let evidence = Evidence::from_tree(tree.clone());
        for file in evidence.loose().flat_map(|folder| folder.files) {
            assert_eq!(file.head(4_096).unwrap(), part);
        }
        let once = read.load(std::sync::atomic::Ordering::Relaxed);
        assert!(once <= len + len / 8 + (128 << 10), "{format}: {once} bytes of {len}");
        // More than the beginning is read as before.
        let mut more = vec![0; 5_000];
        assert_eq!(tree.read_head(&find(&tree, "in/14").unwrap().id, &mut more).unwrap(), 5_000, "{format}");
        assert_eq!(more[4_096..], [2; 904], "{format}");
    }
}

#[test]
fn beginnings_that_are_kept_have_a_bound() {
    let files: Vec<Packed> = (0..20).map(|n| Packed::new(&format!("f{n:02}"), &[n; 100_000])).collect();
    for bytes in [gzip(&tar(&files, false)), solid_and_stored(&files)] {
        let limits = ArchiveLimits { all_heads_bytes: 10_000, ..ArchiveLimits::default() };
        let kind = recognise(&bytes).unwrap();
        let tree = ArchiveTree::open(kind, Arc::new(bytes), "x", &limits, None).unwrap();
        let kept = (0..20).filter(|entry| tree.store.head(*entry).is_some()).count();
        assert_eq!(kept, 2);
        for (number, (path, entry)) in (0_u8..).zip(walk(&tree)) {
            let mut head = [0xff; 4_096];
            assert_eq!(tree.read_head(&entry.id, &mut head).unwrap(), head.len(), "{path}");
            assert_eq!(head, [number; 4_096], "{path}");
        }
    }
}
