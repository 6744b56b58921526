//! Counts what is read from the files of disk images.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use iiskeys_disk::ReadAt;

/// A source that counts the bytes that are read from it.
pub(super) struct Metered {
    inner: Arc<dyn ReadAt>,
    meter: Arc<AtomicU64>,
}

impl Metered {
    /// `inner`, counted.
    pub(super) fn over(inner: Arc<dyn ReadAt>, meter: &Arc<AtomicU64>) -> Arc<dyn ReadAt> {
        Arc::new(Self { inner, meter: Arc::clone(meter) })
    }
}

impl ReadAt for Metered {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read_at(offset, buf)?;
        self.meter.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
