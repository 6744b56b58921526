//! VDI images; the input is the number of bytes of the image, the image, and the file that it finds under every name.
#![no_main]

use std::io;
use std::sync::Arc;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::{Context, ReadAt, Siblings};
use libfuzzer_sys::fuzz_target;

struct Same(Arc<Vec<u8>>);

impl Siblings for Same {
    fn open(&self, _name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(Some(Arc::clone(&self.0) as Arc<dyn ReadAt>))
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((count, files)) = data.split_first_chunk() else { return };
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    let (image, other) = files.split_at(count.min(files.len()));
    let siblings = Arc::new(Same(Arc::new(other.to_vec())));
    let cache = Arc::new(BlockCache::new(1 << 20));
    let context = Context { name: "disk".to_owned(), siblings, cache, depth: 0 };
    match iiskeys_disk::open(Arc::new(image.to_vec()), &context) {
        Ok(image) => {
            let mut buf = vec![0; 70_000];
            for offset in [0, image.data.len() / 2, image.data.len().saturating_sub(70_000)] {
                let _ = image.data.read_at(offset, &mut buf);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
