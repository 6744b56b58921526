//! One record of an `.evt`.

use iiskeys_evidence::Timestamp;

use crate::artifact::bytes;
use crate::artifact::event_log::{Datum, Event};

/// Bytes of the part that each record has, with offsets and counts.
pub(super) const FIXED: u64 = 56;

/// What stands at fixed places of a record.
pub(super) struct Record<'a> {
    data: &'a [u8],
    pub(super) number: u64,
    pub(super) time: Option<Timestamp>,
    pub(super) id: u32,
    pub(super) provider: String,
    behind_provider: usize,
}

impl<'a> Record<'a> {
    /// `data` is the whole record, with its length at both ends.
    pub(super) fn new(data: &'a [u8]) -> Result<Self, bytes::Truncated> {
        let seconds = |offset| {
            bytes::u32_le(data, offset).map(|seconds| Timestamp::from_unix_seconds(i64::from(seconds)))
        };
        // When it happened, or, where that is not set, when the service wrote it.
        let time = seconds(12)?.or(seconds(16)?);
        let (provider, behind_provider) = text_at(data, FIXED as usize, end_of(data));
        Ok(Self {
            data,
            number: u64::from(bytes::u32_le(data, 8)?),
            time,
            id: bytes::u32_le(data, 20)? & 0xffff,
            provider,
            behind_provider,
        })
    }

    /// The event, and how many of its strings are missing; `None` when it has no time.
    pub(super) fn event(self) -> Result<Option<(Event, usize)>, bytes::Truncated> {
        let Some(time) = self.time else { return Ok(None) };
        let level = match bytes::u16_le(self.data, 24)? {
            1 => 2,
            2 => 3,
            4 => 4,
            _ => 0,
        };
        let count = usize::from(bytes::u16_le(self.data, 26)?);
        let binary_len = bytes::u32_le(self.data, 48)? as usize;
        let binary_at = bytes::u32_le(self.data, 52)? as usize;
        let end = end_of(self.data);
        let (computer, _) = text_at(self.data, self.behind_provider, end);
        let body = self.data.get(..end).unwrap_or_default();
        let binary = if binary_len == 0 { &[][..] } else { bytes::slice(body, binary_at, binary_len)? };
        // Strings end where the data begins; where there is none its offset may be anything.
        let limit = if binary_len == 0 { end } else { binary_at.min(end) };
        let mut at = bytes::u32_le(self.data, 36)? as usize;
        let mut data = Vec::new();
        while data.len() < count && at < limit {
            let (text, next) = text_at(self.data, at, limit);
            data.push(Datum { name: None, text });
            at = next;
        }
        let missing = count - data.len();
        let event = Event {
            record: self.number,
            time,
            provider: self.provider,
            id: self.id,
            level,
            channel: None,
            computer,
            data,
            binary: binary.to_vec(),
        };
        Ok(Some((event, missing)))
    }
}

/// Where the length at the end of a record begins.
fn end_of(data: &[u8]) -> usize {
    data.len().saturating_sub(4)
}

/// UTF-16 text up to a NUL or `end`, and what follows it.
fn text_at(data: &[u8], at: usize, end: usize) -> (String, usize) {
    let body = data.get(at..end).unwrap_or_default();
    let units = body.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let len = units.clone().take_while(|unit| *unit != 0).count();
    let text = char::decode_utf16(units.take(len)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    (text.collect(), at.saturating_add(2 * len + 2))
}
