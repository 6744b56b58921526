//! What the tests of all formats with several files need.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::cache::BlockCache;
use crate::image::{Context, Image};
use crate::read_at::ReadAt;
use crate::siblings::Siblings;

/// Files by their bare names.
#[derive(Default, Clone)]
pub(crate) struct Folder(BTreeMap<String, Arc<Vec<u8>>>);

impl Folder {
    pub(crate) fn with(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.0.insert(name.to_owned(), Arc::new(bytes));
        self
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Arc<Vec<u8>> {
        Arc::clone(self.0.get(name).expect("the file is in the folder"))
    }

    /// The file `name` of the folder and what it is opened with.
    pub(crate) fn start(&self, name: &str) -> (Arc<dyn ReadAt>, Context) {
        let context = Context {
            name: name.to_owned(),
            siblings: Arc::new(self.clone()),
            cache: Arc::new(BlockCache::new(1 << 20)),
            depth: 0,
        };
        (self.bytes(name), context)
    }
}

impl Siblings for Folder {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(self.0.get(name).map(|file| Arc::clone(file) as Arc<dyn ReadAt>))
    }
}

/// The whole disk.
pub(crate) fn content(image: &Image) -> io::Result<Vec<u8>> {
    let mut out = vec![0xaa; usize::try_from(image.data.len()).expect("a small disk")];
    image.data.read_exact_at(0, &mut out)?;
    Ok(out)
}

/// Reads at both ends and at random places of a disk of any size; failures are fine, panics are not.
pub(crate) fn probe(image: &Image, rng: &mut Rng) {
    let len = image.data.len();
    let mut buf = vec![0; 3000];
    for offset in [0, len / 2, len.saturating_sub(2000), len, rng.next_u64() % len.max(1), u64::MAX] {
        if let Ok(count) = image.data.read_at(offset, &mut buf) {
            let there = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
            assert_eq!(count, there.min(buf.len()), "a short read inside the disk");
        }
    }
}

/// A disk of at most `kib` KiB: runs of zeros, of one byte and of noise, of any length down to one byte.
pub(crate) fn disk(kib: usize) -> impl Strategy<Value = Vec<u8>> {
    let run = (0u8..4, 1usize..20_000, any::<u64>());
    prop::collection::vec(run, 0..12).prop_map(move |runs| {
        let mut out = Vec::new();
        for (kind, len, seed) in runs {
            match kind {
                0 | 1 => out.resize(out.len() + len, 0),
                2 => out.resize(out.len() + len, seed as u8),
                _ => out.extend(Rng::new(seed).bytes(len)),
            }
        }
        out.truncate(kib * 1024);
        out.resize(out.len().next_multiple_of(512), 7);
        out
    })
}

/// A file of the corpus of real samples, where there is one.
pub(crate) fn corpus(path: &str) -> Option<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(path);
    let bytes = std::fs::read(file).ok();
    if bytes.is_none() {
        println!("skipped: no {path} in the corpus");
    }
    bytes
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
