//! The log: changes of the tables that were not yet written where they belong.

use std::sync::Arc;

use crate::crc32c::crc32c_without;
use crate::error::DiskError;
use crate::fields::{array, le32, le64};
use crate::read_at::ReadAt;
use crate::sparse::bytes_at;

use super::damaged;
use super::header::Header;
use super::overlay::{Overlay, PAGE};

const SECTOR: usize = 4096;
const DESCRIPTOR: usize = 32;
/// Windows writes logs of 1 MiB; the specification has no bound.
const MAX_LOG: u32 = 64 << 20;
/// How many times the length of the log may be hashed while the entries are looked for.
const WORK: usize = 16;

/// An entry that is whole.
struct Entry {
    bytes: Vec<u8>,
    tail: u32,
    sequence: u64,
    count: usize,
    flushed: u64,
    last: u64,
}

struct Ring<'a> {
    bytes: &'a [u8],
    guid: [u8; 16],
    work: usize,
}

/// The source as it is once the log is written out; the source itself when the log is empty.
pub(super) fn replay(
    source: Arc<dyn ReadAt>,
    header: &Header,
    notes: &mut Vec<String>,
) -> Result<Arc<dyn ReadAt>, DiskError> {
    if header.log_guid == [0; 16] {
        return Ok(source);
    }
    if header.log_version != 0 || header.log_length > MAX_LOG {
        return Err(DiskError::Unsupported {
            what: format!(
                "VHDX with a log of version {} and {} bytes",
                header.log_version, header.log_length
            ),
            advice: "attach a copy of it read-only once in Windows, or convert a copy with qemu-img".into(),
        });
    }
    let at = header.offset() + 68;
    if header.log_length == 0 || !(header.log_length as usize).is_multiple_of(SECTOR) {
        return Err(damaged("length of the log", at, "a multiple of 4096", header.log_length));
    }
    let bytes = bytes_at(&*source, header.log_offset, header.log_length as usize).map_err(|_| {
        damaged("log", header.log_offset, format!("{} bytes", header.log_length), "the end of the file")
    })?;
    let mut ring = Ring { bytes: &bytes, guid: header.log_guid, work: bytes.len() * WORK };
    let Some(entries) = ring.active() else {
        return Err(damaged(
            "log",
            header.log_offset,
            "a whole sequence of entries",
            "none: the image was not closed cleanly and its tables cannot be trusted; attach a copy of it read-only \
             once in Windows, or convert a copy with qemu-img",
        ));
    };
    let mut overlay = Overlay::new(Arc::clone(&source));
    let mut changes = 0usize;
    for entry in &entries {
        if entry.flushed > source.len() {
            let expected = format!("{} bytes", entry.flushed);
            return Err(damaged(
                "file with a log",
                0,
                expected,
                format!("{}: it was cut short", source.len()),
            ));
        }
        changes = changes.saturating_add(entry.apply(&mut overlay));
        overlay.extend(entry.last);
    }
    notes.push(format!(
        "the image was not closed cleanly; {changes} changes of its log were applied in memory"
    ));
    Ok(Arc::new(overlay))
}

impl Ring<'_> {
    /// `len` bytes from `at` on, around the end.
    fn take(&self, at: usize, len: usize) -> Option<Vec<u8>> {
        if len > self.bytes.len() {
            return None;
        }
        let before = self.bytes.get(at..)?;
        let mut taken = before.get(..len.min(before.len()))?.to_vec();
        taken.extend(self.bytes.get(..len - taken.len())?);
        Some(taken)
    }

    /// The entry at `at`, if there is one and it is whole.
    fn entry(&mut self, at: usize) -> Option<Entry> {
        let head = self.bytes.get(at..at.checked_add(64)?)?;
        let length = le32(head, 8)? as usize;
        let tail = le32(head, 12)?;
        let count = le32(head, 24)? as usize;
        let descriptors = count.checked_mul(DESCRIPTOR)?.checked_add(64)?.checked_next_multiple_of(SECTOR)?;
        if !head.starts_with(b"loge")
            || array(head, 32) != Some(self.guid)
            || length == 0
            || !length.is_multiple_of(SECTOR)
            || length > self.bytes.len()
            || descriptors > length
            || tail as usize >= self.bytes.len()
            || !(tail as usize).is_multiple_of(SECTOR)
        {
            return None;
        }
        // Entries that overlap could have the same bytes hashed again and again.
        self.work = self.work.checked_sub(length)?;
        let bytes = self.take(at, length)?;
        let entry = Entry {
            tail,
            sequence: le64(&bytes, 16).filter(|sequence| *sequence > 0)?,
            count,
            flushed: le64(&bytes, 48)?,
            last: le64(&bytes, 56)?,
            bytes,
        };
        let sound = crc32c_without(&entry.bytes, 4) == le32(&entry.bytes, 4)? && entry.is_whole(descriptors);
        sound.then_some(entry)
    }

    /// The sequence with the highest number whose last entry names one of the sequence as its tail, from that on.
    fn active(&mut self) -> Option<Vec<Entry>> {
        let mut best: Option<(u64, usize, usize)> = None;
        let mut at = 0;
        while at < self.bytes.len() {
            let (mut next, mut spent, mut sequence) = (at, 0, None);
            let mut starts = Vec::new();
            let mut tail = 0;
            while spent < self.bytes.len()
                && let Some(entry) = self.entry(next)
                && sequence.is_none_or(|before: u64| before.checked_add(1) == Some(entry.sequence))
                && spent + entry.bytes.len() <= self.bytes.len()
            {
                starts.push(next);
                (sequence, tail) = (Some(entry.sequence), entry.tail as usize);
                spent += entry.bytes.len();
                next = (next + entry.bytes.len()) % self.bytes.len();
            }
            if let Some(sequence) = sequence
                && let Some(position) = starts.iter().position(|start| *start == tail)
                && best.is_none_or(|(other, ..)| sequence > other)
            {
                best = Some((sequence, tail, starts.len() - position));
            }
            at += spent.max(SECTOR);
        }
        let (_, mut at, count) = best?;
        // The entries are read anew, so that only one sequence is in memory at a time.
        self.work = self.bytes.len();
        let mut entries = Vec::new();
        for _ in 0..count {
            let entry = self.entry(at)?;
            at = (at + entry.bytes.len()) % self.bytes.len();
            entries.push(entry);
        }
        Some(entries)
    }
}

impl Entry {
    fn descriptors(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.get(64..).unwrap_or_default().chunks_exact(DESCRIPTOR).take(self.count)
    }

    /// Whether descriptors and data sectors are of this entry.
    fn is_whole(&self, mut data: usize) -> bool {
        for descriptor in self.descriptors() {
            let aligned = |at| le64(descriptor, at).is_some_and(|value| value % PAGE == 0);
            if le64(descriptor, 24) != Some(self.sequence) || !aligned(16) {
                return false;
            }
            match array(descriptor, 0) {
                Some(b) if &b == b"zero" && aligned(8) => {}
                Some(b) if &b == b"desc" => {
                    let Some(sector) = self.bytes.get(data..data.saturating_add(SECTOR)) else {
                        return false;
                    };
                    let high = le32(sector, 4).map(u64::from).unwrap_or_default();
                    let low = le32(sector, SECTOR - 4).map(u64::from).unwrap_or_default();
                    if !sector.starts_with(b"data") || high << 32 | low != self.sequence {
                        return false;
                    }
                    data += SECTOR;
                }
                _ => return false,
            }
        }
        true
    }

    /// Puts the changes over the file and counts them.
    fn apply(&self, overlay: &mut Overlay) -> usize {
        let mut data = (64 + self.count * DESCRIPTOR).next_multiple_of(SECTOR);
        for descriptor in self.descriptors() {
            let offset = le64(descriptor, 16).unwrap_or_default();
            if descriptor.starts_with(b"zero") {
                overlay.zeros(offset, le64(descriptor, 8).unwrap_or_default());
                continue;
            }
            // The first eight and the last four bytes of a page make room for the sector's own numbers.
            let mut page = descriptor.get(8..16).unwrap_or_default().to_vec();
            page.extend(self.bytes.get(data + 8..data + SECTOR - 4).unwrap_or_default());
            page.extend(descriptor.get(4..8).unwrap_or_default());
            overlay.page(offset, page);
            data += SECTOR;
        }
        self.count
    }
}
