//! An Expert Witness image of one segment: what opens can be read anywhere, or says why not.
#![no_main]

use std::sync::Arc;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::{Context, NoSiblings, open};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let context = Context {
        name: "fuzz.E01".into(),
        siblings: Arc::new(NoSiblings),
        cache: Arc::new(BlockCache::new(1 << 20)),
        depth: 0,
    };
    let mut image = b"EVF\x09\x0d\x0a\xff\x00".to_vec();
    image.extend_from_slice(data.get(image.len()..).unwrap_or_default());
    let Ok(image) = open(Arc::new(image), &context) else { return };
    let len = image.data.len();
    let mut buf = vec![0; 5000];
    for offset in [0, len / 2, len.saturating_sub(100), len] {
        if let Ok(count) = image.data.read_at(offset, &mut buf) {
            assert_eq!(count as u64, len.saturating_sub(offset).min(5000));
        }
    }
});
