//! Event logs: which there are, and what they say, one event at a time and none of them kept.

mod collect;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use iiskeys_evidence::{Dir, File, Node, Timestamp, Volume};

use super::Progress;
use super::containers::push_file;
use super::pieces::Pieces;
use super::places::{Unread, dirs, settled};
use super::symptoms;
use crate::artifact::event_log::{self, Event, Head, Skim};
use crate::machine::facts::{Damage, EvidenceFile, Facts};
use crate::machine::{Citation, EventLog, FileId, Locator, UnreadLog};
use collect::Collected;

/// Largest log that is read, in bytes: Windows makes logs of up to 4 GiB, those that matter are mostly of 20 to 512 MiB.
const LARGEST: u64 = 1 << 30;
/// Bytes of all logs together.
const ALL: u64 = 4 << 30;
/// Logs that are read.
const MOST: usize = 64;
/// Bytes of a compressed log that are unpacked into memory.
const MEMORY: u64 = 256 << 20;
/// Every so many records one is looked at for the name of the computer.
const SAMPLE: u64 = 64;

/// The channels that matter, in the order in which they are read.
const CHANNELS: [&str; 8] = [
    "system",
    "application",
    "microsoft-windows-crypto-dpapi/operational",
    "microsoft-windows-crypto-ncrypt/operational",
    "microsoft-windows-capi2/operational",
    "microsoft-iis-configuration/administrative",
    "microsoft-iis-configuration/operational",
    "security",
];

/// The logs of Windows 2000 to 2003, in `System32\config`.
const OLD: [(&str, &str); 3] =
    [("SysEvent.Evt", "system"), ("AppEvent.Evt", "application"), ("SecEvent.Evt", "security")];

/// An event log in evidence.
#[derive(Debug, Clone)]
pub(super) struct LogPiece {
    pub file: File,
    /// Its channel as its name tells it; `None` for a name that tells nothing.
    pub channel: Option<&'static str>,
}

/// Whether a file begins as an event log of either format.
pub(super) fn is_event_log(head: &[u8]) -> bool {
    head.starts_with(b"ElfFile\0") || head.get(4..8) == Some(b"LfLe")
}

/// The channel that a log's file name tells; `Err` for a log that is named after another channel.
fn channel_of(name: &str) -> Result<Option<&'static str>, ()> {
    let name = name.to_ascii_lowercase();
    let stem = name.strip_suffix(".evtx").or_else(|| name.strip_suffix(".evt")).unwrap_or(&name);
    if let Some((_, channel)) =
        OLD.iter().find(|(old, _)| old.to_ascii_lowercase().trim_end_matches(".evt") == stem)
    {
        return Ok(Some(channel));
    }
    // A slash in a channel's name is `%4` in that of its file; some collectors encode the percent sign once more.
    let plain = stem.replace("%254", "/").replace("%4", "/");
    // Full logs are kept as `Archive-System-2020-01-02-03-04-05-678`.
    let plain = plain
        .strip_prefix("archive-")
        .map_or(plain.as_str(), |rest| rest.find("-20").and_then(|end| rest.get(..end)).unwrap_or(rest));
    match CHANNELS.iter().find(|channel| **channel == plain) {
        Some(channel) => Ok(Some(channel)),
        None if plain.contains('/') || plain.starts_with("microsoft-") => Err(()),
        None => Ok(None),
    }
}

/// The logs of the drive with Windows.
pub(super) fn of_drive(volume: &Volume, windows: &str, unread: &mut Vec<Unread>) -> Vec<LogPiece> {
    let mut logs: Vec<LogPiece> = Vec::new();
    for dir in dirs(volume, &format!("{windows}\\System32\\winevt\\Logs"), unread) {
        for file in named_logs(&dir, unread) {
            let Ok(Some(channel)) = channel_of(&file.name) else { continue };
            let is_known = |log: &LogPiece| log.file.name.eq_ignore_ascii_case(&file.name);
            // A second layer of the drive holds the same log.
            if logs.iter().any(is_known) {
                continue;
            }
            if let Some(file) = settled(file.complete().map(Some), unread) {
                logs.push(LogPiece { file, channel: Some(channel) });
            }
        }
    }
    for dir in dirs(volume, &format!("{windows}\\System32\\config"), unread) {
        for (name, channel) in OLD {
            if logs.iter().any(|log| log.file.name.eq_ignore_ascii_case(name)) {
                continue;
            }
            let found = dir.child(name);
            if let Some(file) = settled(found, unread).and_then(Node::into_file) {
                logs.push(LogPiece { file, channel: Some(channel) });
            }
        }
    }
    logs
}

fn named_logs(dir: &Dir, unread: &mut Vec<Unread>) -> Vec<File> {
    let Some(nodes) = settled(dir.names().map(Some), unread) else { return Vec::new() };
    let files = nodes.filter_map(|node| settled(node.map(Some), unread).and_then(Node::into_file));
    let is_log = |file: &File| file.name.to_ascii_lowercase().ends_with(".evtx");
    let mut files: Vec<File> = files.filter(is_log).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// A log outside every drive; `None` when its name says that it is of a channel that does not matter.
pub(super) fn loose(file: &File) -> Option<LogPiece> {
    channel_of(&file.name).ok().map(|channel| LogPiece { file: file.clone(), channel })
}

/// Reads the logs.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces, progress: &mut dyn Progress) {
    if pieces.logs.is_empty() {
        return;
    }
    progress.step("reading event logs");
    let mut logs: Vec<&LogPiece> = pieces.logs.iter().collect();
    let rank = |log: &LogPiece| {
        let at = log.channel.and_then(|channel| CHANNELS.iter().position(|known| *known == channel));
        at.unwrap_or(CHANNELS.len())
    };
    logs.sort_by_key(|log| (rank(log), log.file.path()));
    let mut collected = Collected::new(symptoms::Services::of(facts));
    let mut seen: BTreeSet<[u8; 32]> = BTreeSet::new();
    let mut bytes = 0_u64;
    for (number, log) in logs.into_iter().enumerate() {
        if let Some(why) = over_budget(log, number, bytes) {
            let why = format!("was not read: over a budget of {why}");
            leave(facts, log, why, true);
            continue;
        }
        bytes = bytes.saturating_add(log.file.size);
        if let Err(why) = one(facts, log, &mut collected, &mut seen) {
            leave(facts, log, format!("could not be read: {why}"), false);
        }
        progress.done(number as u64 + 1);
    }
    let host = facts.os.hostname.value().cloned();
    collected.finish(&mut facts.events, host.as_deref());
    let files = &facts.files;
    let path = |file: FileId| files.get(file.0 as usize).map(|file| file.path.as_str());
    facts.events.logs.sort_by(|a, b| (path(a.file), &a.channel).cmp(&(path(b.file), &b.channel)));
    facts.events.unread.sort();
}

/// Which budget a log is over.
fn over_budget(log: &LogPiece, number: usize, bytes: u64) -> Option<String> {
    if number >= MOST {
        Some(format!("{MOST} logs"))
    } else if log.file.size > LARGEST {
        Some(format!("{} MiB for one log, it has {} bytes", LARGEST >> 20, log.file.size))
    } else if bytes.saturating_add(log.file.size) > ALL {
        Some(format!("{} MiB for all logs", ALL >> 20))
    } else {
        None
    }
}

/// Notes a log that was not read, for the rules that need it and for the list of damage.
fn leave(facts: &mut Facts, log: &LogPiece, why: String, over_budget: bool) {
    let path = log.file.path().to_string();
    facts.damage.push(Damage { path: path.clone(), what: format!("the event log {why}"), citation: None });
    let channel = log.channel.unwrap_or_default().to_owned();
    facts.events.unread.push(UnreadLog { channel, path, why, over_budget });
}

/// Reads one log.
fn one(
    facts: &mut Facts,
    log: &LogPiece,
    collected: &mut Collected,
    seen: &mut BTreeSet<[u8; 32]>,
) -> Result<(), String> {
    let (_, sha256) = log
        .file
        .open_hashed()
        .map_err(|error| error.to_string())?
        .finish()
        .map_err(|error| error.to_string())?;
    if !seen.insert(sha256) {
        return Ok(());
    }
    let source = log.file.random(MEMORY).map_err(|error| error.to_string())?;
    let file = push_file(facts, EvidenceFile::of(&log.file, "event-log", Some(sha256)));
    let mut walk = Walk::new(log.channel, file);
    let skim = walk.through(&source, collected);
    let Walk { channel, is_other, first, last, .. } = walk;
    let computers = collected.take_computers();
    // What was collected of it is nothing, for a log of another channel is left alone from its first event on.
    if is_other.get() {
        facts.files.pop();
        return Ok(());
    }
    let skim = skim?;
    let channel = channel.into_inner();
    if let Some(place) = skim.damage.first() {
        let more = skim.damage.len() as u64 - 1 + skim.more_damage;
        let more = if more == 0 { String::new() } else { format!(", and {more} more places like it") };
        facts.damage.push(Damage {
            path: log.file.path().to_string(),
            what: format!(
                "the event log was read in part, {} records of it: {} (offset {:#x}){more}",
                skim.records,
                place.what.trim_end_matches('.'),
                place.offset
            ),
            citation: Some(Citation::new(file, Locator::Offset(place.offset))),
        });
    }
    facts.events.logs.push(EventLog {
        file,
        channel,
        records: skim.records,
        first: first.get(),
        last: last.get(),
        is_damaged: !skim.damage.is_empty(),
        computers,
    });
    Ok(())
}

/// What is known on the way through one log.
struct Walk {
    file: FileId,
    /// The channel, from the file's name or from the first event.
    channel: RefCell<String>,
    /// Whether the log turned out to be of a channel that does not matter.
    is_other: Cell<bool>,
    /// Whether an event of a channel that matters was in it.
    is_ours: Cell<bool>,
    count: Cell<u64>,
    first: Cell<Option<Timestamp>>,
    last: Cell<Option<Timestamp>>,
}

impl Walk {
    fn new(channel: Option<&str>, file: FileId) -> Self {
        Self {
            file,
            channel: RefCell::new(channel.unwrap_or_default().to_owned()),
            is_other: Cell::new(false),
            is_ours: Cell::new(false),
            count: Cell::new(0),
            first: Cell::new(None),
            last: Cell::new(None),
        }
    }

    fn through(&mut self, source: &dyn event_log::Source, collected: &mut Collected) -> Result<Skim, String> {
        let walk = &*self;
        let wanted = |head: &Head<'_>| walk.wants(head);
        let mut found = |event: Event| {
            if walk.belongs(&event) {
                // In an exported log only the event itself may have a time.
                walk.saw(event.time);
                collected.add(event, walk.file);
            }
        };
        event_log::skim(source, &wanted, &mut found).map_err(|error| error.to_string())
    }

    fn wants(&self, head: &Head<'_>) -> bool {
        let number = self.count.get();
        self.count.set(number.saturating_add(1));
        if self.is_other.get() {
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

    /// Whether an event's own channel is one that matters.
    fn belongs(&self, event: &Event) -> bool {
        let Some(channel) = event.channel.as_ref().map(|channel| channel.to_ascii_lowercase()) else {
            return true;
        };
        if CHANNELS.contains(&channel.as_str()) {
            *self.channel.borrow_mut() = channel;
            self.is_ours.set(true);
            return true;
        }
        // Its first event tells.
        self.is_other.set(!self.is_ours.get());
        false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logs_name_tells_its_channel() {
        for (name, channel) in [
            ("System.evtx", "system"),
            ("SysEvent.Evt", "system"),
            ("secevent.evt", "security"),
            ("Microsoft-Windows-CAPI2%4Operational.evtx", "microsoft-windows-capi2/operational"),
            (
                "Microsoft-Windows-Crypto-DPAPI%254Operational.evtx",
                "microsoft-windows-crypto-dpapi/operational",
            ),
            (
                "Microsoft-IIS-Configuration%4Administrative.evtx",
                "microsoft-iis-configuration/administrative",
            ),
            ("Archive-Security-2020-01-02-03-04-05-678.evtx", "security"),
        ] {
            assert_eq!(channel_of(name), Ok(Some(channel)), "{name}");
        }
        for name in ["Setup/x", "Microsoft-Windows-Setup%4Operational.evtx", "Microsoft-Windows-Backup.evtx"]
        {
            assert_eq!(channel_of(name), Err(()), "{name}");
        }
        assert_eq!(channel_of("security_sample.evtx"), Ok(None));
    }
}
