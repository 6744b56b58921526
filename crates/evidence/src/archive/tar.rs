//! tar, plain or in a gzip or Zstandard stream.

mod header;
mod packed;

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use iiskeys_disk::{ReadAt, Slice};

use self::header::{BLOCK, Extensions, Header};
use self::packed::skip;
use super::directory::{Builder, Info, Leaf, Refusal};
use super::error::{ArchiveError, damaged};
use super::stream::{Checked, Cursor};
use super::{ArchiveLimits, Opened, Store};
use crate::tree::fill;

pub(super) use self::header::is_header;
pub(super) use self::packed::Packing;

const FORMAT: &str = "tar";
/// Largest extension header that is read, in bytes.
const MAX_EXTENSION: u64 = 1 << 20;

/// Where the data of an entry stands in the tar stream.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
}

type Reader = Box<dyn Read + Send>;

/// A decompressor and how far it has come.
struct Parked {
    reader: Reader,
    at: u64,
}

struct TarStore {
    source: Arc<dyn ReadAt>,
    packing: Packing,
    places: Vec<Place>,
    kept: HashMap<u32, Arc<[u8]>>,
    /// The beginnings of entries that are too large to be kept.
    heads: HashMap<u32, Arc<[u8]>>,
    parked: Arc<Mutex<Option<Parked>>>,
    budget: u64,
}

/// The tar stream during the one pass over it.
struct Walk {
    source: Arc<dyn ReadAt>,
    /// `None` for a plain tar, which is read in place.
    reader: Option<Reader>,
    at: u64,
    budget: u64,
}

impl Walk {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let count = match &mut self.reader {
            None => self.source.read_at(self.at, buffer)?,
            Some(reader) => fill(reader, buffer)?,
        };
        self.at = self.at.saturating_add(count as u64);
        self.check()?;
        Ok(count)
    }

    /// Skips bytes and says how many there were.
    fn skip(&mut self, bytes: u64) -> Result<u64, ArchiveError> {
        let room = self.budget.saturating_sub(self.at).saturating_add(1).min(bytes);
        let skipped = match &mut self.reader {
            None => self.source.len().saturating_sub(self.at).min(bytes),
            Some(reader) => skip(reader, room)?,
        };
        self.at = self.at.saturating_add(skipped);
        self.check()?;
        Ok(skipped)
    }

    fn check(&self) -> Result<(), ArchiveError> {
        if self.reader.is_some() && self.at > self.budget {
            return Err(ArchiveError::TooMuch {
                what: "decompressed bytes of the archive",
                found: self.at,
                limit: self.budget,
            });
        }
        Ok(())
    }
}

/// Lists the entries in one pass.
pub(super) fn open(
    source: Arc<dyn ReadAt>,
    packing: Packing,
    builder: Builder<'_>,
    limits: &ArchiveLimits,
    name: &str,
) -> Result<Opened, ArchiveError> {
    let reader = packing.reader(&source);
    let budget = limits.streamed_bytes;
    let mut walk = Walk { source: Arc::clone(&source), reader, at: 0, budget };
    let store = TarStore {
        source,
        packing,
        places: Vec::new(),
        kept: HashMap::new(),
        heads: HashMap::new(),
        parked: Arc::default(),
        budget,
    };
    let mut block = [0; BLOCK];
    let count = walk.read(&mut block)?;
    let blank = block.iter().all(|byte| *byte == 0);
    if packing != Packing::Plain && !is_header(&block) && !(count == BLOCK && blank) {
        let head = block.get(..count).unwrap_or_default();
        return single(walk, store, builder, name, head, limits);
    }
    let mut pass = Pass {
        walk,
        store,
        builder,
        notes: Vec::new(),
        kept_bytes: 0,
        heads_bytes: 0,
        extensions: Extensions::default(),
    };
    match pass.run(block, count, limits) {
        Ok(()) => {}
        // Damage behind good entries leaves those; a spent budget does not, it is a bomb.
        Err(error @ ArchiveError::TooMuch { .. }) => return Err(error),
        Err(error) if pass.store.places.is_empty() => return Err(error),
        Err(error) => pass.notes.push(format!("{error}: entries behind it are not listed")),
    }
    let Pass { mut store, builder, notes, .. } = pass;
    store.places.shrink_to_fit();
    Ok(Opened { directory: builder.finish(), store: Box::new(store), notes })
}

/// A compressed file that is no tar: one entry.
fn single(
    mut walk: Walk,
    mut store: TarStore,
    mut builder: Builder<'_>,
    name: &str,
    already: &[u8],
    limits: &ArchiveLimits,
) -> Result<Opened, ArchiveError> {
    let mut head = already.to_vec();
    head.resize(limits.head_bytes.max(already.len()), 0);
    let more = walk.read(head.get_mut(already.len()..).unwrap_or_default())?;
    head.truncate(already.len() + more);
    let rest = walk.skip(u64::MAX)?;
    let lower = name.to_ascii_lowercase();
    let ending = [".gz", ".zst", ".zstd"].iter().find(|ending| lower.ends_with(*ending));
    let shown = ending.and_then(|ending| name.get(..name.len() - ending.len())).unwrap_or(name);
    let shown = if shown.is_empty() { "content" } else { shown };
    store.places.push(Place { offset: 0 });
    let size = rest.saturating_add(head.len() as u64);
    store.heads.insert(0, head.into());
    builder.add(shown, Leaf::File, Info { size, ..Info::default() })?;
    Ok(Opened { directory: builder.finish(), store: Box::new(store), notes: Vec::new() })
}

struct Pass<'a> {
    walk: Walk,
    store: TarStore,
    builder: Builder<'a>,
    notes: Vec<String>,
    kept_bytes: u64,
    heads_bytes: u64,
    extensions: Extensions,
}

impl Pass<'_> {
    fn run(&mut self, first: [u8; BLOCK], count: usize, limits: &ArchiveLimits) -> Result<(), ArchiveError> {
        let (mut block, mut count) = (first, count);
        let mut blank = 0;
        loop {
            let at = self.walk.at.saturating_sub(count as u64);
            if count == 0 {
                // Two blank blocks end an archive; many tools are satisfied with none.
                if self.store.places.is_empty() && blank == 0 {
                    return Err(damaged(FORMAT, "header", at, "512 bytes", "the end"));
                }
                return Ok(());
            }
            if count < BLOCK {
                return Err(damaged(FORMAT, "header", at, "512 bytes", format!("{count} bytes: cut off")));
            }
            if block.iter().all(|byte| *byte == 0) {
                blank += 1;
                if blank == 2 {
                    return Ok(());
                }
            } else {
                blank = 0;
                let header = Header::parse(&block, at)?;
                self.entry(&header, limits)?;
            }
            count = self.walk.read(&mut block)?;
        }
    }

    fn entry(&mut self, header: &Header, limits: &ArchiveLimits) -> Result<(), ArchiveError> {
        let offset = self.walk.at;
        if header.is_extension() {
            if header.size > MAX_EXTENSION {
                let expected = format!("at most {MAX_EXTENSION} bytes");
                return Err(damaged(FORMAT, "extension header", offset, expected, header.size.to_string()));
            }
            let mut data = vec![0; usize::try_from(header.size).unwrap_or_default()];
            let found = self.walk.read(&mut data)? as u64;
            if found < header.size {
                return Err(cut(offset, header.size, found));
            }
            self.pad(header.size)?;
            self.extensions.add(header.kind, &data);
            return Ok(());
        }
        let extensions = std::mem::take(&mut self.extensions);
        let size = if header.has_data() { extensions.size.unwrap_or(header.size) } else { 0 };
        let info =
            Info { size, created: extensions.created, modified: extensions.modified.or(header.modified) };
        let name = extensions.name.unwrap_or_else(|| header.name());
        let target = extensions.target.unwrap_or_else(|| header.target());
        let leaf = match header.kind {
            b'1' => Leaf::Same(&target),
            b'2' => Leaf::Link(&target),
            b'3' | b'4' | b'6' => Leaf::Refused(Refusal::Special),
            b'5' => Leaf::Dir,
            b'S' => Leaf::Refused(Refusal::Unsupported),
            // A volume label, a part of an entry of another volume, an old list of names.
            b'V' | b'M' | b'N' | b'D' => Leaf::Refused(Refusal::Unsupported),
            _ if extensions.sparse => Leaf::Refused(Refusal::Unsupported),
            _ if name.ends_with('/') => Leaf::Dir,
            _ => Leaf::File,
        };
        let number = u32::try_from(self.store.places.len()).unwrap_or(u32::MAX);
        self.store.places.push(Place { offset });
        self.builder.add(&name, leaf, info)?;
        let fits =
            size <= limits.kept_entry_bytes && self.kept_bytes.saturating_add(size) <= limits.kept_bytes;
        let found = if self.walk.reader.is_some() && leaf == Leaf::File && fits && size > 0 {
            let mut data = vec![0; usize::try_from(size).unwrap_or_default()];
            let found = self.walk.read(&mut data)? as u64;
            if found == size {
                self.kept_bytes += size;
                self.store.kept.insert(number, data.into());
            }
            found
        } else {
            let wanted = size.min(limits.head_bytes as u64);
            let room = limits.all_heads_bytes.saturating_sub(self.heads_bytes);
            let head = if self.walk.reader.is_some() && leaf == Leaf::File && wanted <= room {
                self.head(number, wanted)?
            } else {
                0
            };
            head.saturating_add(self.walk.skip(size.saturating_sub(head))?)
        };
        if found < size {
            return Err(cut(offset, size, found));
        }
        self.pad(size)
    }

    /// Keeps the first bytes of an entry and says how many there were.
    fn head(&mut self, number: u32, wanted: u64) -> Result<u64, ArchiveError> {
        let mut data = vec![0; usize::try_from(wanted).unwrap_or_default()];
        let found = self.walk.read(&mut data)? as u64;
        if found == wanted && found > 0 {
            self.heads_bytes += found;
            self.store.heads.insert(number, data.into());
        }
        Ok(found)
    }

    fn pad(&mut self, size: u64) -> Result<(), ArchiveError> {
        let over = size % BLOCK as u64;
        if over > 0 {
            self.walk.skip(BLOCK as u64 - over)?;
        }
        Ok(())
    }
}

fn cut(offset: u64, size: u64, found: u64) -> ArchiveError {
    damaged(FORMAT, "data of the entry", offset, format!("{size} bytes"), format!("{found}: cut off"))
}

/// Part of a decompressed stream; its decompressor is parked for the next entry when the reader goes.
struct InStream {
    parked: Option<Parked>,
    left: u64,
    home: Arc<Mutex<Option<Parked>>>,
}

impl Read for InStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let (Some(parked), Some(wanted)) = (&mut self.parked, buf.get_mut(..room)) else { return Ok(0) };
        if room == 0 {
            return Ok(0);
        }
        match parked.reader.read(wanted) {
            Ok(count) => {
                parked.at = parked.at.saturating_add(count as u64);
                self.left = self.left.saturating_sub(count as u64);
                Ok(count)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.parked = None;
                }
                Err(error)
            }
        }
    }
}

impl Drop for InStream {
    fn drop(&mut self) {
        if let Some(parked) = self.parked.take() {
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(parked);
        }
    }
}

impl Store for TarStore {
    fn open(&self, entry: u32, declared: u64) -> Result<Box<dyn Read + Send>, ArchiveError> {
        if let Some(kept) = self.kept.get(&entry) {
            return Ok(Box::new(io::Cursor::new(Arc::clone(kept))));
        }
        if let Some(source) = self.in_place(entry, declared)? {
            return Ok(Box::new(Checked::new(Cursor::new(source), declared, None)));
        }
        let Place { offset } = *self.places.get(entry as usize).ok_or(ArchiveError::NotAFile)?;
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let behind = parked.filter(|parked| parked.at <= offset);
        let mut parked = match (behind, self.packing.reader(&self.source)) {
            (Some(parked), _) => parked,
            (None, Some(reader)) => Parked { reader, at: 0 },
            (None, None) => return Err(ArchiveError::NotAFile),
        };
        if offset > self.budget {
            let what = "decompressed bytes of the archive";
            return Err(ArchiveError::TooMuch { what, found: offset, limit: self.budget });
        }
        parked.at = parked.at.saturating_add(skip(&mut parked.reader, offset.saturating_sub(parked.at))?);
        if parked.at < offset {
            return Err(cut(parked.at, offset, parked.at));
        }
        let inner = InStream { parked: Some(parked), left: declared, home: Arc::clone(&self.parked) };
        Ok(Box::new(Checked::new(inner, declared, None)))
    }

    fn in_place(&self, entry: u32, declared: u64) -> Result<Option<Arc<dyn ReadAt>>, ArchiveError> {
        let place = self.places.get(entry as usize).ok_or(ArchiveError::NotAFile)?;
        if let Some(kept) = self.kept.get(&entry) {
            return Ok(Some(Arc::new(kept.to_vec())));
        }
        if self.packing != Packing::Plain {
            return Ok(None);
        }
        let slice = Slice::new(Arc::clone(&self.source), place.offset, declared);
        if slice.len() < declared {
            return Err(cut(place.offset, declared, slice.len()));
        }
        Ok(Some(Arc::new(slice)))
    }

    fn head(&self, entry: u32) -> Option<Arc<[u8]>> {
        self.kept.get(&entry).or_else(|| self.heads.get(&entry)).cloned()
    }

    fn is_encrypted(&self, _entry: u32) -> bool {
        false
    }
}
