//! `.evt`: a header, records one after another, and an end record that follows the newest; all of it a ring.
//!
//! Source: Microsoft, "Event Log File Format" with ELF_LOGFILE_HEADER, EVENTLOGRECORD and ELF_EOF_RECORD. The header of
//! a log that was not closed is stale; the end record tells the same and is written with each event. Where neither is
//! of use, records are found by their signature and by their length, which stands at both ends.

mod record;
mod ring;

#[cfg(test)]
mod tests;

use std::io;

use crate::artifact::bytes;

use super::skim::{Format, Head, Skim};
use super::{Event, Source};
use record::{FIXED, Record};
use ring::Ring;

/// Bytes of the header.
const HEADER: u64 = 0x30;
/// Bytes of the end record.
const END: usize = 0x28;
const SIGNATURE: [u8; 4] = *b"LfLe";
/// What an end record begins with.
const END_MARK: [u32; 5] = [0x28, 0x1111_1111, 0x2222_2222, 0x3333_3333, 0x4444_4444];
/// The longest record that is believed; Windows refuses events of more than some 64 KiB of strings and of data.
const MAX_RECORD: u64 = 1024 * 1024;
/// How far a log without a header is searched for a first record.
const SEARCH: usize = 64 * 1024;

/// Where the records are.
struct Span {
    begin: u64,
    left: u64,
}

/// Whether this is a log, by its header or, where that is overwritten, by a record near the start.
pub(super) fn is_evt(start: &[u8; 8], source: &dyn Source) -> bool {
    if start.ends_with(&SIGNATURE) {
        return true;
    }
    let Some(mut ring) = Ring::new(source) else { return false };
    let until = ring.end().min(HEADER + SEARCH as u64);
    let mut at = HEADER;
    while at < until {
        match length_at(&mut ring, at, until - at) {
            Ok(Some(_)) => return true,
            Ok(None) => at += 4,
            Err(_) => return false,
        }
    }
    false
}

/// Goes through a log; see [`super::skim`].
pub(super) fn skim(
    source: &dyn Source,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) -> Skim {
    let mut skim = Skim::new(Format::Evt);
    let Some(mut ring) = Ring::new(source) else {
        skim.harm(0, format!("The log has {} bytes and no room for a record.", source.len()));
        return skim;
    };
    let span = match plan(source, &mut ring, &mut skim) {
        Ok(span) => span,
        Err(error) => {
            skim.harm(0, format!("The log cannot be searched: {error}."));
            return skim;
        }
    };
    walk(&mut ring, span, &mut skim, wanted, found);
    skim
}

/// Finds where the records begin and end: by the header, by the end record, or everywhere.
fn plan(source: &dyn Source, ring: &mut Ring<'_>, skim: &mut Skim) -> io::Result<Option<Span>> {
    let mut header = [0; HEADER as usize];
    let whole = source.read_at(0, &mut header)? == header.len();
    let word = |offset| u64::from(bytes::u32_le(&header, offset).unwrap_or_default());
    let has_header = whole && header.get(4..8) == Some(&SIGNATURE[..]);
    if has_header {
        skim.is_dirty = word(36) & 1 != 0;
        let (begin, end) = (word(16), word(20));
        if ring.holds(end)
            && let Some(told) = end_record_at(ring, end)?
            && let Some(span) = span_of(ring, begin, end, told.oldest)?
        {
            return Ok(Some(span));
        }
    }
    if !has_header {
        skim.harm(0, "The header is damaged: \"LfLe\" is expected at offset 4.");
    } else if !skim.is_dirty {
        skim.harm(0, "The header points to no record or no end record, though the log is marked as closed.");
    }
    // Old end records may be left in a ring; the one with the highest number is the newest.
    let mut best: Option<(u64, Span)> = None;
    let mut at = HEADER;
    while at < ring.end() {
        if let Some(told) = end_record_at(ring, at)?
            && told.end == at
            && best.as_ref().is_none_or(|(next, _)| told.next > *next)
            && let Some(span) = span_of(ring, told.begin, at, told.oldest)?
        {
            best = Some((told.next, span));
        }
        at += 4;
    }
    if let Some((_, span)) = best {
        return Ok(Some(span));
    }
    skim.harm(
        0,
        "Neither the header nor an end record tells where the records are; they are taken as found.",
    );
    Ok(None)
}

/// What an end record says.
struct Told {
    begin: u64,
    end: u64,
    next: u64,
    oldest: u64,
}

fn end_record_at(ring: &mut Ring<'_>, at: u64) -> io::Result<Option<Told>> {
    let mut first = [0; 4];
    ring.read(at, &mut first)?;
    if u32::from_le_bytes(first) != END_MARK[0] {
        return Ok(None);
    }
    let mut data = [0; END];
    ring.read(at, &mut data)?;
    let word = |index: usize| bytes::u32_le(&data, 4 * index).unwrap_or_default();
    let is_end =
        END_MARK.iter().enumerate().all(|(index, mark)| word(index) == *mark) && word(9) == END_MARK[0];
    Ok(is_end.then(|| Told {
        begin: u64::from(word(5)),
        end: u64::from(word(6)),
        next: u64::from(word(7)),
        oldest: u64::from(word(8)),
    }))
}

/// The span between two offsets, if the record that is called the oldest stands at the first.
fn span_of(ring: &mut Ring<'_>, begin: u64, end: u64, oldest: u64) -> io::Result<Option<Span>> {
    if !ring.holds(begin) {
        return Ok(None);
    }
    let len = ring.distance(begin, end);
    if len == 0 {
        return Ok((oldest == 0).then_some(Span { begin, left: len }));
    }
    let length = u64::from(ring.far_u32(begin)?);
    if ring.far_u32(ring.step(begin, 4))?.to_le_bytes() != SIGNATURE
        || same_at_end(ring, begin, len, length)?.is_none()
    {
        return Ok(None);
    }
    let number = ring.far_u32(ring.step(begin, 8))?;
    Ok((u64::from(number) == oldest).then_some(Span { begin, left: len }))
}

/// The length in bytes of the record at `at`; `None` when there is none that ends within `left` bytes.
fn length_at(ring: &mut Ring<'_>, at: u64, left: u64) -> io::Result<Option<u64>> {
    let mut front = [0; 8];
    ring.read(at, &mut front)?;
    let length = u64::from(bytes::u32_le(&front, 0).unwrap_or_default());
    if front.ends_with(&SIGNATURE) { same_at_end(ring, at, left, length) } else { Ok(None) }
}

/// The length of a record, if it is believable and stands at its end as well.
fn same_at_end(ring: &mut Ring<'_>, at: u64, left: u64, length: u64) -> io::Result<Option<u64>> {
    if !length.is_multiple_of(4) || !(FIXED + 4..=MAX_RECORD.min(left)).contains(&length) {
        return Ok(None);
    }
    let last = ring.far_u32(ring.step(at, length - 4))?;
    if u64::from(last) != length {
        ring.missed()?;
        return Ok(None);
    }
    Ok(Some(length))
}

/// Reads the records of a span, or of the whole ring where there is none.
fn walk(
    ring: &mut Ring<'_>,
    span: Option<Span>,
    skim: &mut Skim,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) {
    let carving = span.is_none();
    let Span { begin: mut at, mut left } = span.unwrap_or(Span { begin: HEADER, left: ring.size() });
    let mut gap: Option<u64> = None;
    let mut record = Vec::new();
    while left > 0 {
        let length = match length_at(ring, at, left) {
            Ok(length) => length,
            Err(error) => {
                skim.harm(at, format!("The log cannot be read here: {error}."));
                return;
            }
        };
        let Some(length) = length else {
            let to_end = ring.end() - at;
            // Where the fixed part of a record does not fit, the rest is filler.
            let filler = to_end < FIXED && gap.is_none();
            let skip = if filler { to_end } else { 4 };
            if !filler {
                gap.get_or_insert(at);
            }
            at = ring.step(at, skip);
            left = left.saturating_sub(skip);
            continue;
        };
        if let Some(from) = gap.take()
            && !carving
        {
            skim.harm(from, format!("No record is here; the next one that is whole is at offset {at:#x}."));
        }
        record.resize(usize::try_from(length).unwrap_or_default(), 0);
        if let Err(error) = ring.read(at, &mut record) {
            skim.harm(at, format!("The log cannot be read here: {error}."));
            return;
        }
        if let Err(what) = one(&record, skim, wanted, found) {
            skim.harm(at, what);
        }
        at = ring.step(at, length);
        left -= length;
    }
    if let Some(from) = gap
        && !carving
    {
        skim.harm(from, "No record is here, nor between here and the end record.");
    }
}

fn one(
    data: &[u8],
    skim: &mut Skim,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) -> Result<(), String> {
    let record = Record::new(data).map_err(|error| format!("The record is damaged: {error}."))?;
    let number = record.number;
    skim.count(number, record.time);
    if !wanted(&Head { record: number, time: record.time, provider: &record.provider, id: record.id }) {
        return Ok(());
    }
    match record.event().map_err(|error| format!("Record {number} is damaged: {error}."))? {
        None => Err(format!("Record {number} has no time and is left out.")),
        Some((event, missing)) => {
            found(event);
            if missing == 0 {
                Ok(())
            } else {
                Err(format!("Record {number} lacks {missing} of its strings."))
            }
        }
    }
}
