//! The one way to read bytes: at an offset, through a shared reference, never writing.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Random access to a run of bytes of known length.
///
/// The type has no method that writes. Implementations are shared between threads.
pub trait ReadAt: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `offset` on and says how many bytes there were.
    ///
    /// The count is smaller than the buffer only where the data ends: `min(buf.len(), len - offset)`, zero behind the
    /// end. There are no short reads in between, so that callers need no loop.
    ///
    /// # Errors
    /// When bytes inside the length cannot be read, decompressed or fail their checksum. What was asked for is then
    /// unknown: a buffer is never completed with zeros.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Fills the whole of `buf`.
    ///
    /// # Errors
    /// Like [`Self::read_at`], and `UnexpectedEof` when the data ends before the buffer is full.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if self.read_at(offset, buf)? == buf.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|from| self.get(from..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

/// A file of the analyst's machine, opened for reading.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens a file; its length is the one that it has now.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let Some(wanted) = buf.get_mut(..room) else { return Ok(0) };
        let mut filled = 0;
        while let Some(rest) = wanted.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read_some_at(&self.file, rest, offset + filled as u64) {
                // It was longer when it was opened: evidence that changes under our hands is an error, not an end.
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

#[cfg(unix)]
fn read_some_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_some_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

/// A part of something longer: a partition of a disk, a stored entry of an archive.
#[derive(Clone)]
pub struct Slice {
    inner: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl Slice {
    /// `len` bytes from `start` on, cut where `inner` ends.
    pub fn new(inner: Arc<dyn ReadAt>, start: u64, len: u64) -> Self {
        let start = start.min(inner.len());
        let len = len.min(inner.len() - start);
        Self { inner, start, len }
    }
}

impl ReadAt for Slice {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        match buf.get_mut(..room) {
            Some(wanted) if room > 0 => self.inner.read_at(self.start + offset, wanted),
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &dyn ReadAt, offset: u64, count: usize) -> Vec<u8> {
        let mut buf = vec![0xee; count];
        let filled = source.read_at(offset, &mut buf).unwrap();
        buf.truncate(filled);
        buf
    }

    #[test]
    fn a_read_is_short_only_where_the_data_ends() {
        let data: Vec<u8> = (0..100).collect();
        assert_eq!(read(&data, 10, 5), [10, 11, 12, 13, 14]);
        assert_eq!(read(&data, 98, 5), [98, 99]);
        assert!(read(&data, 100, 5).is_empty());
        assert!(read(&data, u64::MAX, 5).is_empty());
        let mut buf = [0; 3];
        assert_eq!(data.read_exact_at(98, &mut buf).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_slice_ends_where_it_ends_and_where_the_source_ends() {
        let data: Arc<dyn ReadAt> = Arc::new((0..100u8).collect::<Vec<u8>>());
        let slice = Slice::new(Arc::clone(&data), 10, 20);
        assert_eq!(slice.len(), 20);
        assert_eq!(read(&slice, 18, 10), [28, 29]);
        assert!(read(&slice, 20, 10).is_empty());
        assert_eq!(Slice::new(Arc::clone(&data), 90, u64::MAX).len(), 10);
        assert!(Slice::new(data, 200, 5).is_empty());
    }

    #[test]
    fn a_file_is_read_like_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, (0..100).collect::<Vec<u8>>()).unwrap();
        let file = FileSource::open(&path).unwrap();
        assert_eq!(file.len(), 100);
        assert_eq!(read(&file, 98, 10), [98, 99]);
        assert!(read(&file, 100, 1).is_empty());
    }
}
