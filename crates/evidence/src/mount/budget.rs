//! The memory for what is unpacked: one budget for all images and archives inside archives.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use iiskeys_disk::ReadAt;

use crate::handle::File;

/// Bytes that may still be unpacked into memory. What is let go of gives its bytes back.
#[derive(Clone)]
pub(crate) struct Budget {
    left: Arc<AtomicU64>,
    all: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(all: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(all)), all }
    }

    /// All bytes of it, as it was in the beginning.
    pub(super) fn all(&self) -> u64 {
        self.all
    }

    /// Random access to a file; one that has to be unpacked must fit into what is left.
    ///
    /// # Errors
    /// One sentence: it cannot be opened, or does not fit.
    pub(super) fn random(&self, file: &File) -> Result<Arc<dyn ReadAt>, String> {
        if !file.is_unpacked() {
            return file.random(self.all).map_err(|error| error.cause());
        }
        let bytes = file.size;
        let taken =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if let Err(left) = taken {
            return Err(format!(
                "{bytes} bytes compressed inside the archive, {left} of {} bytes are left for what is unpacked into \
                 memory: unpack it and give the file",
                self.all
            ));
        }
        // From here on the bytes come back when it is dropped, on a failure too.
        let mut held = Held { inner: Arc::new(Vec::new()), bytes, left: Arc::clone(&self.left) };
        held.inner = file.random(bytes).map_err(|error| error.cause())?;
        Ok(Arc::new(held))
    }
}

/// Something in memory that gives its bytes back to the budget.
struct Held {
    inner: Arc<dyn ReadAt>,
    bytes: u64,
    left: Arc<AtomicU64>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

impl ReadAt for Held {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buf)
    }
}
