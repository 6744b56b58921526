//! 7z, through the `sevenz-rust2` crate.
//!
//! The crate lends an entry's reader only to a callback, so large entries come through a thread. Small ones are kept
//! when a solid block is decoded for the first of them.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iiskeys_disk::ReadAt;
use sevenz_rust2::{Archive, BlockDecoder, Error, Password as CratePassword};

use super::directory::{Builder, Info, Leaf, Refusal};
use super::error::{ArchiveError, damaged};
use super::stream::{Checked, Cursor, Sink, bad, pump};
use super::{ArchiveLimits, Opened, Password, Store};
use crate::time::Timestamp;

const FORMAT: &str = "7z";
/// Size of the header at the start of the file, in bytes.
const SIGNATURE_BYTES: usize = 32;
/// Bytes of an encoded header that are looked at for its methods.
const MAX_ENCODED: usize = 64 * 1024;
/// Bytes of the file read at a time.
const BUFFER: usize = 64 * 1024;
/// Largest exponent of key derivation rounds that is computed; 7-Zip writes 19.
const MAX_CYCLES: u8 = 24;

const LZMA: &[u8] = &[3, 1, 1];
const LZMA2: &[u8] = &[0x21];
const PPMD: &[u8] = &[3, 4, 1];
const AES: &[u8] = &[6, 0xf1, 7, 1];

struct Shared {
    source: Arc<dyn ReadAt>,
    archive: Archive,
    password: CratePassword,
    has_password: bool,
    limits: ArchiveLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<usize, Arc<[u8]>>,
    kept_bytes: u64,
    /// The beginnings of entries that are too large to be kept.
    heads: HashMap<usize, Arc<[u8]>>,
    heads_bytes: u64,
    /// Blocks whose beginnings of entries were asked for, whether or not they could be decoded to their end.
    peeked: HashSet<usize>,
    /// Blocks whose small entries have been kept as far as there was room.
    swept: HashSet<usize>,
}

struct SevenZStore(Arc<Shared>);

/// Reads the header at the end of the file.
pub(super) fn open(
    source: Arc<dyn ReadAt>,
    mut builder: Builder<'_>,
    limits: &ArchiveLimits,
    password: Option<&Password>,
) -> Result<Opened, ArchiveError> {
    check_header(&source, limits)?;
    let key = password.map_or_else(CratePassword::empty, |password| CratePassword::new(password.as_str()));
    let archive =
        Archive::read(&mut buffered(&source), &key).map_err(|error| from_crate(error, password.is_some()))?;
    for file in &archive.files {
        let mode = file.windows_attributes >> 16;
        let leaf = if file.is_directory {
            Leaf::Dir
        } else if file.is_anti_item {
            Leaf::Refused(Refusal::Unsupported)
        } else if file.windows_attributes & 0x8000 != 0 && mode & 0xf000 == 0xa000 {
            Leaf::Refused(Refusal::Broken)
        } else {
            Leaf::File
        };
        let time = |present: bool, value: sevenz_rust2::NtTime| {
            present.then(|| Timestamp::from_filetime(value.into())).flatten()
        };
        let info = Info {
            size: if file.has_stream { file.size } else { 0 },
            created: time(file.has_creation_date && !file.is_directory, file.creation_date),
            modified: time(file.has_last_modified_date, file.last_modified_date),
        };
        builder.add(&file.name, leaf, info)?;
    }
    let shared = Shared {
        source,
        archive,
        password: key,
        has_password: password.is_some(),
        limits: limits.clone(),
        state: Mutex::default(),
    };
    Ok(Opened {
        directory: builder.finish(),
        store: Box::new(SevenZStore(Arc::new(shared))),
        notes: Vec::new(),
    })
}

/// Some decoders ask for single bytes.
fn buffered(source: &Arc<dyn ReadAt>) -> BufReader<Cursor> {
    BufReader::with_capacity(BUFFER, Cursor::new(Arc::clone(source)))
}

/// Looks at an encoded header before the crate decodes it: the memory and time that it asks for are bounded here.
fn check_header(source: &Arc<dyn ReadAt>, limits: &ArchiveLimits) -> Result<(), ArchiveError> {
    let mut head = [0; SIGNATURE_BYTES];
    if source.read_at(0, &mut head)? < head.len() {
        return Err(damaged(FORMAT, "signature header", 0, "32 bytes", source.len().to_string()));
    }
    let value =
        |at: usize| head.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |v| u64::from_le_bytes(*v));
    let (offset, size) = (value(12), value(20));
    let room = source.len().saturating_sub(SIGNATURE_BYTES as u64);
    if offset.checked_add(size).is_none_or(|end| end > room) {
        let found = format!("{size} bytes from {offset} on");
        return Err(damaged(FORMAT, "header", 12, format!("a place in {room} bytes: is it cut off?"), found));
    }
    let mut header = vec![0; usize::try_from(size).unwrap_or(MAX_ENCODED).min(MAX_ENCODED)];
    source.read_exact_at(offset.saturating_add(SIGNATURE_BYTES as u64), &mut header)?;
    if header.first() != Some(&0x17) {
        return Ok(());
    }
    if let Some(found) = unpacked_size(&header)
        && found > limits.decoder_bytes
    {
        let what = "bytes of the 7z header";
        return Err(ArchiveError::TooMuch { what, found, limit: limits.decoder_bytes });
    }
    for (at, _) in header.iter().enumerate() {
        let rest = header.get(at..).unwrap_or_default();
        // The byte in front of a method is the length of its identity and that properties follow.
        for (mark, id) in [(0x23, LZMA), (0x21, LZMA2), (0x24, AES)] {
            let Some(rest) = rest.strip_prefix(&[mark]).and_then(|rest| rest.strip_prefix(id)) else {
                continue;
            };
            if let Some((len, properties)) = rest.split_first()
                && let Some(properties) = properties.get(..usize::from(*len))
            {
                check_method(id, properties, limits)?;
            }
        }
    }
    Ok(())
}

/// What an encoded header says of its size when decoded; `None` for a form that 7-Zip does not write.
fn unpacked_size(header: &[u8]) -> Option<u64> {
    let mut rest = header.strip_prefix(&[0x17, 0x06])?;
    number(&mut rest)?;
    let streams = number(&mut rest)?;
    loop {
        match byte(&mut rest)? {
            0x00 => break,
            0x09 => (0..streams).try_for_each(|_| number(&mut rest).map(drop))?,
            0x0a if byte(&mut rest)? == 1 => skip(&mut rest, streams.checked_mul(4)?)?,
            _ => return None,
        }
    }
    rest = rest.strip_prefix(&[0x07, 0x0b, 0x01, 0x00])?;
    let (mut ins, mut outs) = (0_u64, 0_u64);
    for _ in 0..number(&mut rest)? {
        let flags = byte(&mut rest)?;
        skip(&mut rest, u64::from(flags & 0x0f))?;
        let (more_ins, more_outs) =
            if flags & 0x10 == 0 { (1, 1) } else { (number(&mut rest)?, number(&mut rest)?) };
        (ins, outs) = (ins.checked_add(more_ins)?, outs.checked_add(more_outs)?);
        if flags & 0x20 != 0 {
            let len = number(&mut rest)?;
            skip(&mut rest, len)?;
        }
    }
    let pairs = outs.checked_sub(1)?;
    (0..pairs.checked_mul(2)?).try_for_each(|_| number(&mut rest).map(drop))?;
    match ins.checked_sub(pairs)? {
        0 | 1 => {}
        packed => (0..packed).try_for_each(|_| number(&mut rest).map(drop))?,
    }
    rest = rest.strip_prefix(&[0x0c])?;
    (0..outs).try_fold(0, |most: u64, _| number(&mut rest).map(|size| most.max(size)))
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

fn skip(rest: &mut &[u8], bytes: u64) -> Option<()> {
    *rest = rest.get(usize::try_from(bytes).ok()?..)?;
    Some(())
}

/// A number whose first byte tells by its leading ones how many bytes follow, low byte first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let first = byte(rest)?;
    let more = first.leading_ones();
    let mut value = 0;
    for at in 0..more {
        value |= u64::from(byte(rest)?) << (8 * at);
    }
    let high = u64::from(first) & (0x7f_u64 >> more);
    Some(if more < 8 { value | high << (8 * more) } else { value })
}

fn check_method(id: &[u8], properties: &[u8], limits: &ArchiveLimits) -> Result<(), ArchiveError> {
    let u32_at =
        |at: usize| properties.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |v| u32::from_le_bytes(*v));
    let first = properties.first().copied().unwrap_or_default();
    let memory = match id {
        LZMA | PPMD => u64::from(u32_at(1)),
        LZMA2 if first >= 40 => u64::from(u32::MAX),
        LZMA2 => u64::from(2 | first & 1) << (first / 2 + 11),
        AES if first & 0x3f > MAX_CYCLES && first & 0x3f != 0x3f => {
            return Err(ArchiveError::Unsupported(format!(
                "7z: a key from 2^{} rounds of hashing, at most 2^{MAX_CYCLES} are computed",
                first & 0x3f
            )));
        }
        _ => 0,
    };
    if memory > limits.decoder_bytes {
        let what = "bytes of memory for the 7z decoder";
        return Err(ArchiveError::TooMuch { what, found: memory, limit: limits.decoder_bytes });
    }
    Ok(())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn block_of(&self, entry: usize) -> Option<usize> {
        self.archive.stream_map.file_block_index.get(entry).copied().flatten()
    }

    /// Whether the block is solid; the only entry of another one is reached at once.
    fn holds_several(&self, block: usize) -> bool {
        let map = &self.archive.stream_map;
        let blocks = &map.file_block_index;
        let first = map.block_first_file_index.get(block).copied().unwrap_or_default();
        blocks.iter().skip(first).take_while(|of| of.is_none_or(|of| of == block)).flatten().nth(1).is_some()
    }

    fn is_encrypted(&self, block: usize) -> bool {
        self.archive
            .blocks
            .get(block)
            .is_some_and(|block| block.coders.iter().any(|coder| coder.encoder_method_id() == AES))
    }

    fn check_block(&self, block: usize) -> Result<(), ArchiveError> {
        if self.is_encrypted(block) && !self.has_password {
            return Err(ArchiveError::Encrypted);
        }
        let coders = self.archive.blocks.get(block).map(|block| block.coders.as_slice()).unwrap_or_default();
        coders
            .iter()
            .try_for_each(|coder| check_method(coder.encoder_method_id(), coder.properties(), &self.limits))
    }

    /// Decodes a block; small entries and the beginnings of others are kept, `wanted` goes to `sink` and ends the walk.
    fn decode(&self, block: usize, mut wanted: Option<(usize, &mut Sink)>) -> Result<(), Error> {
        let first = self.archive.stream_map.block_first_file_index.get(block).copied().unwrap_or_default();
        let mut source = buffered(&self.source);
        let decoder = BlockDecoder::new(1, block, &self.archive, &self.password, &mut source);
        let mut at = first;
        decoder.for_each_entries(&mut |file, reader| {
            let entry = at;
            at += 1;
            if let Some((index, sink)) = &mut wanted
                && *index == entry
            {
                sink.copy(&mut *reader)?;
                return Ok(false);
            }
            if file.has_stream && file.size > 0 && self.has_room(entry, file.size) {
                let mut data = Vec::new();
                reader.read_to_end(&mut data)?;
                self.keep(entry, data);
            } else if file.has_stream && file.size > 0 && self.has_room_for_head(entry, file.size) {
                let mut data = Vec::new();
                (&mut *reader).take(self.head_of(file.size)).read_to_end(&mut data)?;
                self.keep_head(entry, data);
            }
            Ok(true)
        })?;
        if wanted.is_none() {
            self.state().swept.insert(block);
        }
        Ok(())
    }

    fn has_room(&self, entry: usize, size: u64) -> bool {
        let state = self.state();
        size <= self.limits.kept_entry_bytes
            && state.kept_bytes.saturating_add(size) <= self.limits.kept_bytes
            && !state.kept.contains_key(&entry)
    }

    fn head_of(&self, size: u64) -> u64 {
        size.min(self.limits.head_bytes as u64)
    }

    fn has_room_for_head(&self, entry: usize, size: u64) -> bool {
        let state = self.state();
        state.heads_bytes.saturating_add(self.head_of(size)) <= self.limits.all_heads_bytes
            && !state.heads.contains_key(&entry)
            && !state.kept.contains_key(&entry)
    }

    fn keep_head(&self, entry: usize, data: Vec<u8>) {
        let mut state = self.state();
        state.heads_bytes = state.heads_bytes.saturating_add(data.len() as u64);
        state.heads.insert(entry, data.into());
    }

    fn keep(&self, entry: usize, data: Vec<u8>) {
        let mut state = self.state();
        state.kept_bytes = state.kept_bytes.saturating_add(data.len() as u64);
        state.kept.insert(entry, data.into());
    }
}

impl Store for SevenZStore {
    fn open(&self, entry: u32, declared: u64) -> Result<Box<dyn Read + Send>, ArchiveError> {
        let (shared, index) = (&self.0, entry as usize);
        if declared == 0 {
            return Ok(Box::new(io::empty()));
        }
        let block = shared.block_of(index).ok_or(ArchiveError::NotAFile)?;
        shared.check_block(block)?;
        let kept = || shared.state().kept.get(&index).cloned();
        let small = declared <= shared.limits.kept_entry_bytes;
        if small && kept().is_none() && !shared.state().swept.contains(&block) {
            // What was kept before the damage is good; the entry asked for may be among it.
            let swept = shared.decode(block, None);
            if let (Err(error), None) = (swept, kept()) {
                return Err(from_crate(error, shared.has_password));
            }
        }
        if let Some(data) = kept() {
            return Ok(Box::new(Checked::new(io::Cursor::new(data), declared, None)));
        }
        let shared = Arc::clone(shared);
        let stream = pump(move |sink| {
            let decoded = shared.decode(block, Some((index, sink)));
            decoded.map_err(|error| from_crate(error, shared.has_password).into_io())
        })?;
        Ok(Box::new(Checked::new(stream, declared, None)))
    }

    fn in_place(&self, _entry: u32, _declared: u64) -> Result<Option<Arc<dyn ReadAt>>, ArchiveError> {
        Ok(None)
    }

    fn head(&self, entry: u32) -> Option<Arc<[u8]>> {
        let (shared, index) = (&self.0, entry as usize);
        let known = || {
            let state = shared.state();
            state.kept.get(&index).or_else(|| state.heads.get(&index)).cloned()
        };
        let block = shared.block_of(index)?;
        shared.check_block(block).ok()?;
        if known().is_none() && shared.holds_several(block) && shared.state().peeked.insert(block) {
            // What was kept before the damage is good; whoever reads the entry itself hears of it.
            let _ = shared.decode(block, None);
        }
        known()
    }

    fn is_encrypted(&self, entry: u32) -> bool {
        self.0.block_of(entry as usize).is_some_and(|block| self.0.is_encrypted(block))
    }
}

fn from_crate(error: Error, has_password: bool) -> ArchiveError {
    match error {
        Error::PasswordRequired => ArchiveError::Encrypted,
        Error::MaybeBadPassword(_) if has_password => ArchiveError::WrongPassword,
        Error::MaybeBadPassword(error) | Error::Io(error, _) => ArchiveError::Io(error),
        Error::UnsupportedCompressionMethod(method) => {
            ArchiveError::Unsupported(format!("7z: the compression method {method}"))
        }
        other => ArchiveError::Io(bad(format!("7z: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_encoded_header_is_known_before_it_is_decoded() {
        // One LZMA coder with five bytes of properties, 0x1234 packed bytes.
        let mut header =
            vec![0x17, 6, 0, 1, 9, 0x92, 0x34, 0, 7, 11, 1, 0, 1, 0x23, 3, 1, 1, 5, 0x5d, 0, 0, 1, 0];
        header.extend([12, 0xe0, 0, 0, 0x10, 10, 1, 1, 2, 3, 4, 0, 0]);
        assert_eq!(unpacked_size(&header), Some(0x10_0000));
        header.truncate(26);
        assert_eq!(unpacked_size(&header), None);
    }

    #[test]
    fn dictionaries_and_key_rounds_are_bounded() {
        let limits = ArchiveLimits::default();
        assert!(check_method(LZMA, &[0x5d, 0, 0, 0, 1], &limits).is_ok());
        assert!(check_method(LZMA, &[0x5d, 0, 0, 0, 0xff], &limits).is_err());
        assert!(check_method(LZMA2, &[40], &limits).is_err());
        assert!(check_method(LZMA2, &[24], &limits).is_ok());
        assert!(check_method(AES, &[0x13], &limits).is_ok());
        assert!(check_method(AES, &[0x3e], &limits).is_err());
    }
}
