//! The chain of sections that a segment file consists of.

use super::adler::adler32;
use super::damaged;
use crate::error::DiskError;
use crate::fields::{le16, le32, le64};
use crate::read_at::ReadAt;

/// Mark, one byte 1, segment number, two bytes 0.
pub(super) const FILE_HEADER: u64 = 13;
/// A section descriptor: type, offset of the next, size, padding, Adler-32.
pub(super) const DESCRIPTOR: u64 = 76;

/// One section.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Its type in lower case ASCII.
    pub(super) kind: String,
    /// Where its descriptor stands in the segment file.
    pub(super) offset: u64,
    /// Where it ends: at the next descriptor.
    pub(super) end: u64,
}

impl Section {
    /// Where its content starts.
    pub(super) fn content(&self) -> u64 {
        self.offset + DESCRIPTOR
    }

    /// The first `want` bytes of its content.
    pub(super) fn read(&self, segment: &dyn ReadAt, want: usize) -> Result<Vec<u8>, DiskError> {
        let room = self.end.saturating_sub(self.content());
        if (want as u64) > room {
            return Err(damaged(
                "section content",
                self.content(),
                format!("{want} bytes in section `{}`", self.kind),
                format!("{room}"),
            ));
        }
        let mut buf = vec![0; want];
        segment.read_exact_at(self.content(), &mut buf)?;
        Ok(buf)
    }
}

/// How a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Another segment follows.
    Next,
    /// This was the last one.
    Done,
}

/// The number that a segment file has in its header.
pub(super) fn segment_number(segment: &dyn ReadAt) -> Result<u16, DiskError> {
    let mut head = [0; FILE_HEADER as usize];
    segment.read_exact_at(0, &mut head)?;
    Ok(le16(&head, 9).unwrap_or_default())
}

/// All sections of a segment, the closing one excluded.
///
/// Each stands behind the one before, so that the chain cannot loop.
pub(super) fn sections(segment: &dyn ReadAt) -> Result<(Vec<Section>, End), DiskError> {
    let mut found = Vec::new();
    let mut offset = FILE_HEADER;
    loop {
        let mut raw = [0; DESCRIPTOR as usize];
        if segment.len().saturating_sub(offset) < DESCRIPTOR {
            return Err(damaged(
                "section descriptor",
                offset,
                "a section (the chain has no end)".into(),
                format!("the end of the file at byte {}", segment.len()),
            ));
        }
        segment.read_exact_at(offset, &mut raw)?;
        let (body, stored) = (raw.get(..72).unwrap_or_default(), le32(&raw, 72).unwrap_or_default());
        let computed = adler32(body);
        if computed != stored {
            return Err(damaged(
                "section descriptor",
                offset,
                format!("Adler-32 {computed:08x}"),
                format!("{stored:08x}"),
            ));
        }
        let kind = body.get(..16).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
        let kind = String::from_utf8_lossy(kind).into_owned();
        match kind.as_str() {
            "next" => return Ok((found, End::Next)),
            "done" => return Ok((found, End::Done)),
            _ => {}
        }
        let next = le64(body, 16).unwrap_or_default();
        if next < offset + DESCRIPTOR || next > segment.len() {
            return Err(damaged(
                "offset of the next section",
                offset + 16,
                format!("{} to {}", offset + DESCRIPTOR, segment.len()),
                next.to_string(),
            ));
        }
        found.push(Section { kind, offset, end: next });
        offset = next;
    }
}
