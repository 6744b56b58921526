//! What the targets of the disk formats have in common.

use std::io;
use std::sync::Arc;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::{Context, Image, NoSiblings, ReadAt, Siblings, open};

/// One file under every name.
struct Same(Arc<Vec<u8>>);

impl Siblings for Same {
    fn open(&self, _name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        Ok(Some(Arc::clone(&self.0) as Arc<dyn ReadAt>))
    }
}

/// Opens an image; an error must say something.
fn opened(image: Arc<dyn ReadAt>, name: &str, siblings: Arc<dyn Siblings>) -> Option<Image> {
    let cache = Arc::new(BlockCache::new(1 << 20));
    match open(image, &Context { name: name.to_owned(), siblings, cache, depth: 0 }) {
        Ok(image) => Some(image),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Whatever opens can be read within its length, in full or with an error.
pub fn alone(image: Arc<dyn ReadAt>, name: &str) {
    let Some(image) = opened(image, name, Arc::new(NoSiblings)) else { return };
    let len = image.data.len();
    for offset in [0, len / 2, len.saturating_sub(4096)] {
        if let Ok(count) = image.data.read_at(offset, &mut [0; 8192]) {
            assert_eq!(count as u64, (len - offset).min(8192));
        }
    }
}

/// An image with another file: the number of bytes of the image, the image, and the file that it finds under every name.
pub fn with_sibling(data: &[u8]) {
    let Some((count, files)) = data.split_first_chunk() else { return };
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    let (image, other) = files.split_at(count.min(files.len()));
    let siblings = Arc::new(Same(Arc::new(other.to_vec())));
    let Some(image) = opened(Arc::new(image.to_vec()), "disk", siblings) else { return };
    let mut buf = vec![0; 70_000];
    for offset in [0, image.data.len() / 2, image.data.len().saturating_sub(70_000)] {
        let _ = image.data.read_at(offset, &mut buf);
    }
}
