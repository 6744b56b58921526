//! Raw images, whole or split into `.001`, `.002` and so on.

use std::io;
use std::sync::Arc;

use crate::content::identify;
use crate::error::DiskError;
use crate::image::{Context, Image, Part, StoredHashes};
use crate::partition::is_partitioned;
use crate::read_at::ReadAt;

/// Numbers looked at behind a segment that is not there, to tell a gap from the end.
const PROBED: u32 = 8;

/// Raw bytes have no mark of their own: they must hold a partition table or a known volume, so that what is unknown is
/// refused and not taken for a disk.
pub(crate) fn recognises(_head: &[u8], source: &dyn ReadAt) -> bool {
    identify(source).is_known() || is_partitioned(source)
}

/// Opens a raw image; one whose name ends with a first number is joined with its other segments.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let mut parts = vec![Part { name: context.name.clone(), role: "image", size: source.len() }];
    let mut sources = vec![source];
    if let Some(names) = Names::of(&context.name) {
        let mut number = names.first + 1;
        while let Some(segment) = names.open(context, number)? {
            parts.push(Part { name: names.name(number), role: "segment", size: segment.len() });
            sources.push(segment);
            number += 1;
        }
        for further in number + 1..=number + PROBED {
            if names.open(context, further)?.is_some() {
                return Err(DiskError::MissingFile {
                    role: "segment",
                    name: names.name(number),
                    id: format!("`{}` is there", names.name(further)),
                });
            }
        }
    }
    let format = if sources.len() == 1 { "raw" } else { "raw (split)" };
    let data: Arc<dyn ReadAt> = match <[_; 1]>::try_from(sources) {
        Ok([only]) => only,
        Err(sources) => Arc::new(Joined::new(sources)?),
    };
    Ok(Image {
        data,
        format: format.into(),
        parts,
        hashes: StoredHashes::default(),
        notes: Vec::new(),
        sector_size: None,
    })
}

/// The names of the segments of a split image.
struct Names<'a> {
    stem: &'a str,
    first: u32,
    width: usize,
}

impl<'a> Names<'a> {
    /// `None` unless the name ends with the number of a first segment, of three digits or more.
    fn of(name: &'a str) -> Option<Self> {
        let (stem, digits) = name.rsplit_once('.')?;
        if !(3..=6).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let first = digits.parse().ok().filter(|first| *first <= 1)?;
        Some(Self { stem, first, width: digits.len() })
    }

    fn name(&self, number: u32) -> String {
        format!("{}.{number:0width$}", self.stem, width = self.width)
    }

    fn open(&self, context: &Context, number: u32) -> io::Result<Option<Arc<dyn ReadAt>>> {
        context.siblings.open(&self.name(number))
    }
}

/// Several sources one behind the other.
pub(crate) struct Joined {
    /// Each source with the offset of its end in the whole.
    sources: Vec<(u64, Arc<dyn ReadAt>)>,
    len: u64,
}

impl Joined {
    /// # Errors
    /// When the lengths add up to more than a disk can have.
    pub(crate) fn new(sources: Vec<Arc<dyn ReadAt>>) -> io::Result<Self> {
        let mut len = 0_u64;
        let mut joined = Vec::with_capacity(sources.len());
        for source in sources {
            len = len.checked_add(source.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            joined.push((len, source));
        }
        Ok(Self { sources: joined, len })
    }
}

impl ReadAt for Joined {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let Some(mut rest) = buf.get_mut(..room) else { return Ok(0) };
        let mut at = offset;
        let first = self.sources.partition_point(|(end, _)| *end <= offset);
        for (end, source) in self.sources.iter().skip(first) {
            if rest.is_empty() {
                break;
            }
            let start = end - source.len();
            let here = usize::try_from(end - at).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(here);
            source.read_exact_at(at - start, now)?;
            at += here as u64;
            rest = later;
        }
        Ok(room)
    }
}

#[cfg(test)]
mod tests;
