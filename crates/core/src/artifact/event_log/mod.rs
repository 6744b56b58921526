//! Event logs: `.evtx` (Windows Vista and later) and `.evt` (Windows 2000 to Server 2003), as one kind of event.
//!
//! [`skim`] goes through a log of any size in some megabytes of memory and hands on the events that are wanted.

mod evt;
mod evtx;
mod skim;
mod source;

pub use skim::{Damage, Format, Head, LogError, Mark, Skim, Work, skim, skim_with};
pub use source::Source;

use iiskeys_evidence::Timestamp;

/// One value that an event carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datum {
    /// Its name; `None` where values have only a position.
    pub name: Option<String>,
    /// Its text, as the log has it.
    pub text: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Number of its record.
    pub record: u64,
    /// When it happened, UTC, by its own account.
    pub time: Timestamp,
    /// Its source, without a change of case: `Service Control Manager`, `Schannel`, `Microsoft-Windows-WAS`.
    pub provider: String,
    /// Its number, without severity and facility.
    pub id: u32,
    /// 1 critical, 2 error, 3 warning, 4 information, 0 audit or unknown.
    pub level: u8,
    /// The log that it was written to; `None` in `.evt`, where only the file's name tells.
    pub channel: Option<String>,
    /// The computer that wrote it.
    pub computer: String,
    /// Its values, in order.
    pub data: Vec<Datum>,
    /// Binary data at its end; empty where there is none.
    pub binary: Vec<u8>,
}

impl Event {
    /// The value of that name.
    pub fn named(&self, name: &str) -> Option<&str> {
        let mut data = self.data.iter();
        data.find(|datum| datum.name.as_deref() == Some(name)).map(|datum| datum.text.as_str())
    }

    /// The value at that position, counted from zero.
    pub fn at(&self, position: usize) -> Option<&str> {
        self.data.get(position).map(|datum| datum.text.as_str())
    }
}

#[cfg(test)]
mod tests;
