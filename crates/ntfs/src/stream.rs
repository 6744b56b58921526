//! The content of a file as random-access bytes.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use iiskeys_disk::ReadAt;
use iiskeys_disk::error::bad_data;

use crate::attribute::{COMPRESSION, ENCRYPTED};
use crate::compressed::Compressed;
use crate::error::NtfsError;
use crate::reparse::Algorithm;
use crate::runs::{Clusters, Run};
use crate::value::{Body, Value};
use crate::wof::Wof;

/// One stream of a file, decompressed as it is read.
pub struct Stream {
    source: Arc<dyn ReadAt>,
    what: String,
    form: Form,
    /// The unit or chunk that was decompressed last.
    last: Mutex<Option<(u64, Arc<[u8]>)>>,
}

enum Form {
    Resident(Vec<u8>),
    Clusters(Clusters),
    Compressed(Compressed),
    Wof(Wof),
}

impl Stream {
    /// The stream of a value; `what` names it in errors.
    pub(crate) fn new(source: &Arc<dyn ReadAt>, value: Value, what: String) -> Result<Self, NtfsError> {
        if value.flags & ENCRYPTED != 0 {
            return Err(NtfsError::unreadable(what, "EFS-encrypted"));
        }
        let form = match value.body {
            Body::Resident(data) => Form::Resident(data),
            Body::Clusters(clusters) => match value.flags & COMPRESSION {
                0 => Form::Clusters(clusters),
                // An empty stream keeps the flag and has no unit.
                1 if clusters.size == 0 => Form::Clusters(clusters),
                1 => Form::Compressed(Compressed::new(clusters, value.unit, &what)?),
                method => return Err(NtfsError::unreadable(what, format!("unknown compression {method}"))),
            },
        };
        Ok(Self { source: Arc::clone(source), what, form, last: Mutex::new(None) })
    }

    /// The content of `size` bytes that `inner` holds in chunks of the overlay filter.
    pub(crate) fn wof(inner: Self, algorithm: Algorithm, size: u64, what: String) -> Result<Self, NtfsError> {
        let source = Arc::clone(&inner.source);
        let form = Form::Wof(Wof::new(inner, algorithm, size, &what)?);
        Ok(Self { source, what, form, last: Mutex::new(None) })
    }

    /// Bytes of the content.
    pub fn len(&self) -> u64 {
        match &self.form {
            Form::Resident(data) => data.len() as u64,
            Form::Clusters(clusters) => clusters.size,
            Form::Compressed(compressed) => compressed.clusters().size,
            Form::Wof(wof) => wof.len(),
        }
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the bytes stand, compressed or not; nothing for a stream within the file record.
    pub fn runs(&self) -> &[Run] {
        match &self.form {
            Form::Resident(_) => &[],
            Form::Clusters(clusters) => &clusters.runs,
            Form::Compressed(compressed) => &compressed.clusters().runs,
            Form::Wof(wof) => wof.inner().runs(),
        }
    }

    /// Whether the content is in the file record.
    pub fn is_resident(&self) -> bool {
        match &self.form {
            Form::Resident(_) => true,
            Form::Wof(wof) => wof.inner().is_resident(),
            Form::Clusters(_) | Form::Compressed(_) => false,
        }
    }

    /// Bytes behind which nothing was ever written.
    pub fn initialised(&self) -> u64 {
        match &self.form {
            Form::Clusters(clusters) => clusters.initialised,
            Form::Compressed(compressed) => compressed.clusters().initialised,
            Form::Resident(_) | Form::Wof(_) => self.len(),
        }
    }

    fn pieces(
        &self,
        size: u64,
        mut offset: u64,
        mut buf: &mut [u8],
        load: &dyn Fn(u64) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        while !buf.is_empty() {
            let (index, within) = (offset / size, (offset % size) as usize);
            let kept = {
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                last.as_ref().filter(|(at, _)| *at == index).map(|(_, data)| Arc::clone(data))
            };
            let data = match kept {
                Some(data) => data,
                None => {
                    let data: Arc<[u8]> = load(index)?.into();
                    *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some((index, Arc::clone(&data)));
                    data
                }
            };
            let from = data.get(within..).unwrap_or_default();
            let count = from.len().min(buf.len());
            let (Some(from), Some((to, rest))) = (from.get(..count), buf.split_at_mut_checked(count)) else {
                break;
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            to.copy_from_slice(from);
            offset += count as u64;
            buf = rest;
        }
        Ok(())
    }
}

impl ReadAt for Stream {
    fn len(&self) -> u64 {
        Self::len(self)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let Some(wanted) = buf.get_mut(..count).filter(|wanted| !wanted.is_empty()) else { return Ok(0) };
        let done = match &self.form {
            Form::Resident(data) => data.read_exact_at(offset, wanted),
            Form::Clusters(clusters) => clusters.read(&*self.source, offset, wanted),
            Form::Compressed(compressed) => {
                let load = |index| compressed.load(&*self.source, index);
                self.pieces(compressed.piece(), offset, wanted, &load)
            }
            Form::Wof(wof) => self.pieces(wof.piece(), offset, wanted, &|index| wof.load(index)),
        };
        match done {
            Ok(()) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(bad_data(format!("{}: {error}", self.what)))
            }
            Err(error) => Err(error),
        }
    }
}
