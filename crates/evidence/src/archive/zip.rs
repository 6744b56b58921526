//! ZIP: the central directory is walked here, in memory in proportion to what is kept of it.
//!
//! Stored and deflated entries are read directly. For encrypted ones and rarer methods the `zip` crate reads a view of
//! the archive whose central directory holds that one entry.

mod central;

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use iiskeys_disk::{ReadAt, Slice};

use self::central::Central;
use super::directory::{Builder, Info, Leaf, Refusal};
use super::error::{ArchiveError, damaged};
use super::stream::{Checked, Cursor, Spliced, bad, pump};
use super::{Opened, Password, Store};

const FORMAT: &str = "ZIP";
const CENTRAL: [u8; 4] = [b'P', b'K', 1, 2];
const LOCAL: [u8; 4] = [b'P', b'K', 3, 4];
const END: [u8; 4] = [b'P', b'K', 5, 6];
const END64: [u8; 4] = [b'P', b'K', 6, 6];
const END64_LOCATOR: [u8; 4] = [b'P', b'K', 6, 7];
const END_BYTES: u64 = 22;
const LOCATOR_BYTES: u64 = 20;
const END64_BYTES: u64 = 56;
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: u64 = 30;
/// The longest comment behind the end record.
const MAX_COMMENT: u64 = 0xffff;
/// No deflate stream expands more than this (zlib's technical notes: 1032), with room for tiny streams.
const MAX_RATIO: u64 = 1_100;
/// Entries up to this size are decrypted without a thread of their own, in bytes.
const INLINE: u64 = 1 << 20;
/// Longest link target that is read, in bytes.
const MAX_TARGET: u64 = 4_096;
/// Links whose targets are read at open.
const MAX_LINKS: usize = 10_000;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const AES: u16 = 99;
const FLAG_ENCRYPTED: u16 = 1;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where its central record stands.
    central: u64,
    /// Where its local header stands.
    local: u64,
    packed: u64,
    crc: u32,
    method: u16,
    flags: u16,
}

struct ZipStore {
    source: Arc<dyn ReadAt>,
    /// Bytes before the archive's own first one.
    prefix: u64,
    /// Where the central directory begins.
    end: u64,
    entries: Vec<Entry>,
    password: Option<Password>,
}

/// Reads the central directory.
pub(super) fn open(
    source: Arc<dyn ReadAt>,
    mut builder: Builder<'_>,
    password: Option<&Password>,
) -> Result<Opened, ArchiveError> {
    let place = find_directory(&source)?;
    let mut store = ZipStore {
        source: Arc::clone(&source),
        prefix: place.prefix,
        end: place.start,
        entries: Vec::new(),
        password: password.cloned(),
    };
    let mut notes = Vec::new();
    let view: Arc<dyn ReadAt> = Arc::new(Slice::new(Arc::clone(&source), place.start, place.size));
    let mut reader = BufReader::with_capacity(64 * 1024, Cursor::new(view));
    let mut at = place.start;
    let mut links = 0;
    loop {
        let record = match Central::read(&mut reader, at, place.prefix) {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) if store.entries.is_empty() => return Err(error),
            Err(error) => {
                notes.push(format!("{error}: entries behind it are not listed"));
                break;
            }
        };
        let entry = Entry { central: at, ..record.entry };
        at = at.saturating_add(record.bytes);
        store.entries.push(entry);
        let mut target = None;
        if record.is_link && links < MAX_LINKS {
            links += 1;
            target = store.target(entry, record.info.size);
        }
        let leaf = match (&target, record.is_link) {
            (Some(target), _) => Leaf::Link(target),
            (None, true) => Leaf::Refused(Refusal::Broken),
            (None, false) if record.is_dir => Leaf::Dir,
            (None, false) => Leaf::File,
        };
        let info = if record.is_dir { Info { size: 0, ..record.info } } else { record.info };
        builder.add(&record.name, leaf, info)?;
    }
    let found = store.entries.len() as u64;
    if place.count.is_some_and(|count| count != found) {
        notes.push(format!(
            "ZIP: the end record speaks of {} entries, the central directory holds {found}",
            place.count.unwrap_or_default()
        ));
    }
    store.entries.shrink_to_fit();
    Ok(Opened { directory: builder.finish(), store: Box::new(store), notes })
}

/// Where the central directory stands.
struct Place {
    start: u64,
    size: u64,
    prefix: u64,
    count: Option<u64>,
}

fn find_directory(source: &Arc<dyn ReadAt>) -> Result<Place, ArchiveError> {
    let len = source.len();
    let tail_len = len.min(MAX_COMMENT + END_BYTES + LOCATOR_BYTES);
    let tail_at = len - tail_len;
    let mut tail = vec![0; usize::try_from(tail_len).unwrap_or_default()];
    source.read_exact_at(tail_at, &mut tail)?;
    let end = tail
        .windows(END_BYTES as usize)
        .enumerate()
        .rev()
        .find(|(at, window)| {
            let comment = u64::from(u16_at(window, 20));
            window.starts_with(&END) && *at as u64 + END_BYTES + comment <= tail_len
        })
        .ok_or_else(|| damaged(FORMAT, "end record", len, "PK\\5\\6", "nothing: the end is cut off"))?;
    let (end_at, record) = (tail_at + end.0 as u64, end.1);
    if u16_at(record, 4) != u16_at(record, 6) && u16_at(record, 4) != 0xffff {
        return Err(ArchiveError::Unsupported("a part of a split ZIP archive".into()));
    }
    let mut count = Some(u64::from(u16_at(record, 10)));
    let mut size = u64::from(u32_at(record, 12));
    let mut start = u64::from(u32_at(record, 16));
    let mut behind = end_at;
    let mut locator = [0; LOCATOR_BYTES as usize];
    if let Some(at) = end_at.checked_sub(LOCATOR_BYTES) {
        source.read_exact_at(at, &mut locator)?;
    }
    if locator.starts_with(&END64_LOCATOR) {
        let told = u64_at(&locator, 8);
        // Bytes in front of the archive move the record away from where the locator says.
        let usual = end_at.checked_sub(LOCATOR_BYTES + END64_BYTES);
        let mut record = [0; END64_BYTES as usize];
        let mut found = None;
        for at in [Some(told), usual].into_iter().flatten() {
            if at < end_at && source.read_at(at, &mut record)? == record.len() && record.starts_with(&END64) {
                found = Some(at);
                break;
            }
        }
        behind = found.ok_or_else(|| damaged(FORMAT, "ZIP64 end record", told, "PK\\6\\6", "other bytes"))?;
        count = Some(u64_at(&record, 32));
        size = u64_at(&record, 40);
        start = u64_at(&record, 48);
    } else if count == Some(0xffff) {
        count = None;
    }
    let actual = behind.checked_sub(size).ok_or_else(|| {
        damaged(
            FORMAT,
            "size of the central directory",
            end_at + 12,
            format!("at most {behind}"),
            size.to_string(),
        )
    })?;
    let starts = |at: u64| -> io::Result<bool> {
        let mut head = [0; 4];
        Ok(source.read_at(at, &mut head)? == 4 && (head == CENTRAL || (size == 0 && head != LOCAL)))
    };
    if size == 0 || starts(actual)? {
        let prefix = actual.checked_sub(start).ok_or_else(|| {
            damaged(
                FORMAT,
                "start of the central directory",
                end_at + 16,
                format!("at most {actual}"),
                start.to_string(),
            )
        })?;
        return Ok(Place { start: actual, size, prefix, count });
    }
    if start < behind && starts(start)? {
        return Ok(Place { start, size: size.min(behind - start), prefix: 0, count });
    }
    Err(damaged(FORMAT, "central directory", actual, "PK\\1\\2", "other bytes"))
}

impl ZipStore {
    fn entry(&self, entry: u32) -> Result<Entry, ArchiveError> {
        self.entries.get(entry as usize).copied().ok_or(ArchiveError::NotAFile)
    }

    /// The bytes of an entry as they stand in the archive.
    fn raw(&self, entry: Entry) -> Result<Slice, ArchiveError> {
        let mut head = [0; LOCAL_BYTES as usize];
        let count = self.source.read_at(entry.local, &mut head)?;
        if count < head.len() || !head.starts_with(&LOCAL) {
            return Err(damaged(FORMAT, "local header", entry.local, "PK\\3\\4", "other bytes"));
        }
        let skip = LOCAL_BYTES + u64::from(u16_at(&head, 26)) + u64::from(u16_at(&head, 28));
        let start = entry.local.saturating_add(skip);
        let room = self.end.saturating_sub(start);
        if entry.packed > room {
            let expected = format!("at most {room} bytes");
            return Err(damaged(FORMAT, "data of the entry", start, expected, entry.packed.to_string()));
        }
        Ok(Slice::new(Arc::clone(&self.source), start, entry.packed))
    }

    fn target(&self, entry: Entry, size: u64) -> Option<String> {
        let mut target = String::new();
        let reader = self.reader(entry, size).ok().filter(|_| size <= MAX_TARGET)?;
        reader.take(MAX_TARGET).read_to_string(&mut target).ok()?;
        Some(target)
    }

    fn reader(&self, entry: Entry, declared: u64) -> Result<Box<dyn Read + Send>, ArchiveError> {
        if entry.flags & FLAG_ENCRYPTED != 0 && self.password.is_none() {
            return Err(ArchiveError::Encrypted);
        }
        let raw: Arc<dyn ReadAt> = Arc::new(self.raw(entry)?);
        if entry.flags & FLAG_ENCRYPTED == 0 && entry.method == STORED {
            return Ok(Box::new(Checked::new(Cursor::new(raw), declared, Some(entry.crc))));
        }
        if declared > entry.packed.saturating_add(1).saturating_mul(MAX_RATIO) {
            let expected = format!("what {} compressed bytes can hold", entry.packed);
            return Err(damaged(FORMAT, "size of the entry", entry.central, expected, declared.to_string()));
        }
        if entry.flags & FLAG_ENCRYPTED == 0 && entry.method == DEFLATED {
            let inflated = DeflateDecoder::new(Cursor::new(raw));
            return Ok(Box::new(Checked::new(inflated, declared, Some(entry.crc))));
        }
        self.through_crate(entry, declared)
    }

    fn through_crate(&self, entry: Entry, declared: u64) -> Result<Box<dyn Read + Send>, ArchiveError> {
        let view = self.view_of_one(entry)?;
        let config = ::zip::read::Config { archive_offset: ::zip::read::ArchiveOffset::Known(0) };
        let mut archive = ::zip::ZipArchive::with_config(config, Cursor::new(view)).map_err(from_zip)?;
        let password = self.password.clone();
        // Asked for here so that a wrong password is told before the first byte.
        archive.by_index_with_options(0, options(password.as_ref())).map_err(from_zip)?;
        if declared <= INLINE {
            let mut data = Vec::new();
            archive
                .by_index_with_options(0, options(password.as_ref()))
                .map_err(from_zip)?
                .take(declared.saturating_add(1))
                .read_to_end(&mut data)?;
            return Ok(Box::new(Checked::new(io::Cursor::new(data), declared, None)));
        }
        let stream = pump(move |sink| {
            let mut file =
                archive.by_index_with_options(0, options(password.as_ref())).map_err(io::Error::other)?;
            sink.copy(&mut file).map(drop)
        })?;
        Ok(Box::new(Checked::new(stream, declared, None)))
    }

    /// The archive with a central directory of one entry: the crate then holds one entry, not all of them.
    fn view_of_one(&self, entry: Entry) -> Result<Arc<dyn ReadAt>, ArchiveError> {
        let mut head = [0; CENTRAL_BYTES];
        self.source.read_exact_at(entry.central, &mut head)?;
        let (name_len, extra_len) = (usize::from(u16_at(&head, 28)), usize::from(u16_at(&head, 30)));
        let mut rest = vec![0; name_len + extra_len];
        self.source.read_exact_at(entry.central.saturating_add(CENTRAL_BYTES as u64), &mut rest)?;
        let name = rest.get(..name_len).unwrap_or_default();
        let mut extra = rest.get(name_len..).unwrap_or_default();
        let mut kept = Vec::new();
        while let Some((field, len)) =
            extra.first_chunk::<4>().map(|h| (u16_at(h, 0), 4 + usize::from(u16_at(h, 2))))
        {
            let Some((whole, next)) = extra.split_at_checked(len) else { break };
            // The crate refuses unusual forms of fields that are of no use for reading the data.
            if matches!(field, 0x0001 | 0x9901) {
                kept.extend_from_slice(whole);
            }
            extra = next;
        }
        let mut tail = head.get(..30).unwrap_or_default().to_vec();
        tail.extend_from_slice(&u16::try_from(kept.len()).unwrap_or_default().to_le_bytes());
        tail.extend_from_slice(&[0, 0]);
        tail.extend_from_slice(head.get(34..).unwrap_or_default());
        tail.extend_from_slice(name);
        tail.extend_from_slice(&kept);
        let start = self.end.saturating_sub(self.prefix);
        let size = tail.len() as u64;
        let end64 = start.saturating_add(size);
        tail.extend_from_slice(&END64);
        tail.extend_from_slice(&(END64_BYTES - 12).to_le_bytes());
        tail.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [1, 1, size, start] {
            tail.extend_from_slice(&u64::to_le_bytes(value));
        }
        tail.extend_from_slice(&END64_LOCATOR);
        tail.extend_from_slice(&[0; 4]);
        tail.extend_from_slice(&end64.to_le_bytes());
        tail.extend_from_slice(&[1, 0, 0, 0]);
        tail.extend_from_slice(&END);
        tail.extend_from_slice(&[0, 0, 0, 0, 1, 0, 1, 0]);
        tail.extend_from_slice(&[0xff; 8]);
        tail.extend_from_slice(&[0, 0]);
        let head = Slice::new(Arc::clone(&self.source), self.prefix, start);
        Ok(Arc::new(Spliced { head, tail }))
    }
}

impl Store for ZipStore {
    fn open(&self, entry: u32, declared: u64) -> Result<Box<dyn Read + Send>, ArchiveError> {
        self.reader(self.entry(entry)?, declared)
    }

    fn in_place(&self, entry: u32, declared: u64) -> Result<Option<Arc<dyn ReadAt>>, ArchiveError> {
        let entry = self.entry(entry)?;
        if entry.flags & FLAG_ENCRYPTED != 0 || entry.method != STORED {
            return Ok(None);
        }
        if entry.packed != declared {
            let expected = format!("{declared} bytes as declared");
            return Err(damaged(FORMAT, "stored entry", entry.central, expected, entry.packed.to_string()));
        }
        Ok(Some(Arc::new(self.raw(entry)?)))
    }

    fn is_encrypted(&self, entry: u32) -> bool {
        self.entry(entry).is_ok_and(|entry| entry.flags & FLAG_ENCRYPTED != 0 || entry.method == AES)
    }
}

fn options(password: Option<&Password>) -> ::zip::read::ZipReadOptions<'_> {
    ::zip::read::ZipReadOptions::new().password(password.map(Password::as_bytes))
}

fn from_zip(error: ::zip::result::ZipError) -> ArchiveError {
    use ::zip::result::ZipError;
    match error {
        ZipError::InvalidPassword => ArchiveError::WrongPassword,
        ZipError::Io(error) => ArchiveError::Io(error),
        ZipError::UnsupportedArchive(what) => ArchiveError::Unsupported(format!("ZIP: {what}")),
        other => ArchiveError::Io(bad(other.to_string())),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |value| u16::from_le_bytes(*value))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |value| u32::from_le_bytes(*value))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |value| u64::from_le_bytes(*value))
}
