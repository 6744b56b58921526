//! The one way through a log of either format.

use std::io;

use iiskeys_evidence::Timestamp;
use thiserror::Error;

use super::{Event, Source, evt, evtx};

/// Places of damage that are told one by one; more are counted.
pub(super) const MAX_DAMAGE: usize = 32;

/// What is known of a record before its values are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Number of the record in the log where it was written; a log that was exported from it counts anew.
    pub record: u64,
    /// When it was written, UTC; `None` when its time is not one.
    pub time: Option<Timestamp>,
    /// Its source, without a change of case.
    pub provider: &'a str,
    /// Number of the event, without severity and facility.
    pub id: u32,
}

/// The formats of event logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.evt`, Windows NT to Server 2003.
    Evt,
    /// `.evtx`, since Windows Vista.
    Evtx,
}

/// Bytes of text that are made of one log, and of all logs of a run. A chunk of 64 KiB can make megabytes of it.
const TEXT: (u64, u64) = (256 << 20, 1 << 30);

/// What was spent on decoding in a run: a budget that does not hang on the clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes of text that were made of records.
    pub text: u64,
    /// Threads that did not come back and were left behind.
    pub abandoned: usize,
}

impl Work {
    /// Bytes of text that may still be made of a log that began when `before` were made.
    pub(super) fn left(&self, before: u64) -> u64 {
        let of_log = TEXT.0.saturating_sub(self.text.saturating_sub(before));
        of_log.min(TEXT.1.saturating_sub(self.text))
    }
}

/// A record by number and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Number of the record.
    pub record: u64,
    /// When it was written, UTC; `None` when its time is not one.
    pub time: Option<Timestamp>,
}

/// A place of a log that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Offset in bytes in the log.
    pub offset: u64,
    /// What is wrong there, as a sentence.
    pub what: String,
}

/// What was seen of a log on the way through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skim {
    /// Its format.
    pub format: Format,
    /// Records that were read, wanted or not.
    pub records: u64,
    /// The record with the lowest number.
    pub first: Option<Mark>,
    /// The record with the highest number.
    pub last: Option<Mark>,
    /// The channel that its first readable record names; `None` in `.evt`.
    pub channel: Option<String>,
    /// What is damaged, in the order of the walk, at most 32 places.
    pub damage: Vec<Damage>,
    /// Places of damage beyond those.
    pub more_damage: u64,
    /// Whether Windows had not closed it: the newest events may be missing.
    pub is_dirty: bool,
    /// Wanted records that were not decoded because a budget of text was spent.
    pub over_budget: u64,
}

/// Why a file is not read as an event log.
#[derive(Debug, Error)]
pub enum LogError {
    /// It has neither signature.
    #[error("no event log: \"ElfFile\" or \"LfLe\" is expected at the start, {found:02x?} is there")]
    NotALog {
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// Its start cannot be read.
    #[error("the event log cannot be read at offset {offset:#x}: {source}")]
    Unreadable {
        /// Offset in bytes.
        offset: u64,
        /// Why.
        source: io::Error,
    },
}

impl Skim {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            records: 0,
            first: None,
            last: None,
            channel: None,
            damage: Vec::new(),
            more_damage: 0,
            over_budget: 0,
            is_dirty: false,
        }
    }

    pub(super) fn count(&mut self, record: u64, time: Option<Timestamp>) {
        self.records += 1;
        let mark = Mark { record, time };
        if self.first.is_none_or(|first| record < first.record) {
            self.first = Some(mark);
        }
        if self.last.is_none_or(|last| record > last.record) {
            self.last = Some(mark);
        }
    }

    pub(super) fn harm(&mut self, offset: u64, what: impl Into<String>) {
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push(Damage { offset, what: what.into() });
        } else {
            self.more_damage += 1;
        }
    }
}

/// Goes through a log, asks `wanted` about each record and hands the events that are to `found`.
///
/// The order is that of the file; a log that has wrapped around does not begin with its oldest record. A chunk of
/// `.evtx` is decoded at a time: mostly a megabyte or two, at the worst some tens of megabytes, whatever the log's size.
/// Values of records that are not wanted are not decoded, and of those that are no more than a budget of text. Damage
/// does not end the walk: what can still be read behind it is read, and [`Skim::damage`] tells of it.
///
/// # Errors
/// When the start cannot be read or is of no event log.
pub fn skim(
    source: &dyn Source,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) -> Result<Skim, LogError> {
    skim_with(&mut Work::default(), source, wanted, found)
}

/// As [`skim`], for one log of several that share a budget.
///
/// # Errors
/// When the start cannot be read or is of no event log.
pub fn skim_with(
    work: &mut Work,
    source: &dyn Source,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) -> Result<Skim, LogError> {
    let mut start = [0; 8];
    let count = source.read_at(0, &mut start).map_err(|source| LogError::Unreadable { offset: 0, source })?;
    if evtx::is_evtx(&start, source) {
        return Ok(evtx::skim(work, source, wanted, found));
    }
    if evt::is_evt(&start, source) {
        return Ok(evt::skim(source, wanted, found));
    }
    Err(LogError::NotALog { found: start.get(..count).unwrap_or_default().to_vec() })
}
