//! VHD images: whatever opens can be read within its length.
#![no_main]

use std::sync::Arc;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::{Context, NoSiblings, open};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let context = Context {
        name: "disk.vhd".into(),
        siblings: Arc::new(NoSiblings),
        cache: Arc::new(BlockCache::new(1 << 20)),
        depth: 0,
    };
    match open(Arc::new(data.to_vec()), &context) {
        Ok(image) => {
            let len = image.data.len();
            for offset in [0, len / 2, len.saturating_sub(4096)] {
                if let Ok(count) = image.data.read_at(offset, &mut [0; 8192]) {
                    assert_eq!(count as u64, (len - offset).min(8192));
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
