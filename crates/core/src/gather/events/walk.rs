//! The way through one log: which channel it is of, what time it covers, and which events are handed on.

use std::cell::{Cell, RefCell};

use iiskeys_evidence::Timestamp;

use super::CHANNELS;
use super::collect::Collected;
use crate::artifact::event_log::{self, Event, Head, Skim, Work};
use crate::gather::symptoms;
use crate::machine::FileId;

/// Every so many records one is looked at for the name of the computer.
const SAMPLE: u64 = 64;
/// Events of other channels after which a log without a telling name is one of those.
const ENOUGH: u64 = 16;

/// What is known on the way through one log.
pub(super) struct Walk {
    file: FileId,
    /// Whether the file's name tells the channel.
    is_named: bool,
    /// The channel, from the file's name or from the first event of one that matters.
    channel: RefCell<String>,
    /// Events of channels that matter, and of others.
    ours: Cell<u64>,
    others: Cell<u64>,
    count: Cell<u64>,
    first: Cell<Option<Timestamp>>,
    last: Cell<Option<Timestamp>>,
}

impl Walk {
    pub(super) fn new(channel: Option<&str>, file: FileId) -> Self {
        Self {
            file,
            is_named: channel.is_some(),
            channel: RefCell::new(channel.unwrap_or_default().to_owned()),
            ours: Cell::new(0),
            others: Cell::new(0),
            count: Cell::new(0),
            first: Cell::new(None),
            last: Cell::new(None),
        }
    }

    pub(super) fn through(
        &self,
        work: &mut Work,
        source: &dyn event_log::Source,
        collected: &mut Collected,
    ) -> Result<Skim, String> {
        let wanted = |head: &Head<'_>| self.wants(head);
        let mut found = |event: Event| {
            if self.belongs(&event) {
                // In an exported log only the event itself may have a time.
                self.saw(event.time);
                collected.add(event, self.file, &self.channel.borrow());
            }
        };
        event_log::skim_with(work, source, &wanted, &mut found).map_err(|error| error.to_string())
    }

    /// Whether the log turned out to be of a channel that does not matter.
    pub(super) fn is_of_another_channel(&self) -> bool {
        !self.is_named && self.ours.get() == 0 && self.others.get() > 0
    }

    /// Time of the earliest record and of the latest.
    pub(super) fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.first.get(), self.last.get())
    }

    pub(super) fn into_channel(self) -> String {
        self.channel.into_inner()
    }

    fn wants(&self, head: &Head<'_>) -> bool {
        let number = self.count.get();
        self.count.set(number.saturating_add(1));
        if self.is_of_another_channel() && self.others.get() >= ENOUGH {
            return false;
        }
        if let Some(time) = head.time {
            self.saw(time);
        }
        if self.channel.borrow().is_empty()
            && let Some(channel) = by_source(head.provider)
        {
            // An .evt file has no other way to say what it is.
            channel.clone_into(&mut self.channel.borrow_mut());
        }
        number.is_multiple_of(SAMPLE) || symptoms::can_matter(head.provider, head.id)
    }

    fn saw(&self, time: Timestamp) {
        self.first.set(Some(self.first.get().map_or(time, |first| first.min(time))));
        self.last.set(Some(self.last.get().map_or(time, |last| last.max(time))));
    }

    /// Whether an event is one of this log, by its own channel. One strange event does not speak for its log.
    fn belongs(&self, event: &Event) -> bool {
        let Some(channel) = event.channel.as_ref().map(|channel| channel.to_ascii_lowercase()) else {
            return true;
        };
        if self.is_named {
            return *self.channel.borrow() == channel;
        }
        if !CHANNELS.contains(&channel.as_str()) {
            self.others.set(self.others.get().saturating_add(1));
            return false;
        }
        if self.ours.get() == 0 {
            *self.channel.borrow_mut() = channel;
        }
        self.ours.set(self.ours.get().saturating_add(1));
        true
    }
}

/// The log that a source writes to.
fn by_source(provider: &str) -> Option<&'static str> {
    match provider.to_ascii_lowercase().as_str() {
        "service control manager" | "eventlog" | "schannel" | "w3svc" => Some("system"),
        "security" => Some("security"),
        _ => None,
    }
}
