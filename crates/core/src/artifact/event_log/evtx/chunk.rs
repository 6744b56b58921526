//! A chunk: its header, its checksums, and where its records are.

use crate::artifact::bytes;

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 65_536;
/// Bytes of its header.
pub(super) const HEADER: usize = 512;
/// What a chunk begins with.
pub(super) const SIGNATURE: [u8; 8] = *b"ElfChnk\0";
/// What a record begins with.
const RECORD: [u8; 4] = *b"**\0\0";
/// Bytes of a record before its binary XML.
const RECORD_HEADER: usize = 24;
/// Flag: there are no checksums.
const NO_CHECKSUMS: u32 = 4;

/// Where a record is, and what its own header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset in bytes in the chunk.
    pub(super) offset: usize,
    /// Length in bytes.
    pub(super) size: usize,
    /// Number of the record.
    pub(super) number: u64,
    /// FILETIME of its writing.
    pub(super) time: u64,
}

impl Place {
    /// Its binary XML, from where to where.
    pub(super) fn body(&self) -> (usize, usize) {
        (self.offset + RECORD_HEADER, self.offset + self.size - 4)
    }
}

/// What a walk through a chunk found.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Its records, in order.
    pub(super) places: Vec<Place>,
    /// Offsets in the chunk, and what is wrong there.
    pub(super) damage: Vec<(usize, String)>,
}

/// Finds the records of a chunk, of which the last may end early.
pub(super) fn contents(data: &[u8]) -> Contents {
    let mut found = Contents::default();
    let flags = bytes::u32_le(data, 120).unwrap_or_default();
    let free = bytes::u32_le(data, 48).unwrap_or_default() as usize;
    let mut is_sound = true;
    let mut wrong = |offset, what: String| {
        is_sound = false;
        found.damage.push((offset, what));
    };
    if !data.starts_with(&SIGNATURE) {
        wrong(0, "The chunk has no signature; \"ElfChnk\" is expected.".to_owned());
    }
    if data.len() < CHUNK {
        wrong(data.len(), format!("The chunk ends after {} of 65,536 bytes.", data.len()));
    }
    if flags & NO_CHECKSUMS == 0 {
        if let Some((expected, stored)) = header_sum(data)
            && expected != stored
        {
            wrong(
                124,
                format!("The checksum of the chunk's header is {stored:#010x}, not {expected:#010x}."),
            );
        }
        match data.get(HEADER..free) {
            None => wrong(48, format!("The records of the chunk end at {free:#x}, which is outside of it.")),
            Some(records) => {
                let (expected, stored) =
                    (crc32fast::hash(records), bytes::u32_le(data, 52).unwrap_or_default());
                if expected != stored {
                    wrong(
                        52,
                        format!("The checksum of the records is {stored:#010x}, not {expected:#010x}."),
                    );
                }
            }
        }
    }
    // A chunk that is not as it was closed may have more records than its header knows.
    let end = if is_sound { free.min(data.len()) } else { data.len() };
    walk(data, end, is_sound, &mut found);
    found
}

/// The checksum that the header should have and the one that it has.
fn header_sum(data: &[u8]) -> Option<(u32, u32)> {
    let mut sum = crc32fast::Hasher::new();
    sum.update(data.get(..120)?);
    sum.update(data.get(128..HEADER)?);
    Some((sum.finalize(), bytes::u32_le(data, 124).ok()?))
}

fn walk(data: &[u8], end: usize, is_sound: bool, found: &mut Contents) {
    let mut at = HEADER;
    let mut last: Option<u64> = None;
    while at < end {
        // What an earlier use of the chunk left behind has lower numbers.
        let is_next = |place: &Place| is_sound || last.is_none_or(|last| place.number > last);
        if let Some(place) = record_at(data, at, end).filter(is_next) {
            at += place.size;
            last = Some(place.number);
            found.places.push(place);
            continue;
        }
        let next = next_record(data, at + 1, end, &is_next);
        let is_blank = bytes::u32_le(data, at).is_ok_and(|word| word == 0);
        if next.is_some() || (is_sound && !is_blank) {
            let what = match next {
                Some(next) => {
                    format!("No record is here; the next one that is whole is at {next:#x} of the chunk.")
                }
                None => "No record is here, though the chunk's header says so.".to_owned(),
            };
            found.damage.push((at, what));
        }
        let Some(next) = next else { return };
        at = next;
    }
}

fn next_record(data: &[u8], from: usize, end: usize, fits: &dyn Fn(&Place) -> bool) -> Option<usize> {
    let rest = data.get(from..end)?;
    let candidates = rest.windows(RECORD.len()).enumerate().filter(|(_, window)| **window == RECORD);
    candidates
        .map(|(index, _)| from + index)
        .find(|at| record_at(data, *at, end).is_some_and(|place| fits(&place)))
}

/// The record at an offset, if its length is believable and stands at its end as well.
fn record_at(data: &[u8], offset: usize, end: usize) -> Option<Place> {
    if bytes::array::<4>(data, offset).ok()? != RECORD {
        return None;
    }
    let size = bytes::u32_le(data, offset + 4).ok()? as usize;
    if size < RECORD_HEADER + 4 || size > end.checked_sub(offset)? {
        return None;
    }
    let again = bytes::u32_le(data, offset + size - 4).ok()? as usize;
    (again == size).then_some(Place {
        offset,
        size,
        number: bytes::u64_le(data, offset + 8).ok()?,
        time: bytes::u64_le(data, offset + 16).ok()?,
    })
}

/// A copy of the chunk with a header that has nothing but its records in it, of which all but `kept` are made
/// unrecognisable, so that whoever reads it does no work for those.
pub(super) fn extract(data: &[u8], places: &[Place], kept: &dyn Fn(usize) -> bool) -> Vec<u8> {
    let mut copy = data.to_vec();
    copy.resize(CHUNK, 0);
    let (mut last, mut free) = (HEADER, HEADER);
    for (index, place) in places.iter().enumerate() {
        if kept(index) {
            (last, free) = (place.offset, place.offset + place.size);
        } else if let Some(signature) = copy.get_mut(place.offset..place.offset + 4) {
            signature.fill(0);
        }
    }
    let mut header = SIGNATURE.to_vec();
    for number in [0, u64::MAX, 0, u64::MAX] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    for word in [128, last, free, 0] {
        header.extend_from_slice(&u32::try_from(word).unwrap_or_default().to_le_bytes());
    }
    header.resize(HEADER, 0);
    if let Some(place) = copy.get_mut(..HEADER) {
        place.copy_from_slice(&header);
    }
    copy
}
