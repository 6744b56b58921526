//! Event logs: which there are, and what they say, one event at a time and none of them kept.

mod collect;
mod walk;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use iiskeys_evidence::{Dir, File, Node, Volume};

use super::Progress;
use super::containers::push_file;
use super::pieces::Pieces;
use super::places::{Unread, dirs, settled};
use super::symptoms;
use crate::artifact::event_log::Work;
use crate::machine::facts::{Damage, EvidenceFile, Facts};
use crate::machine::{Citation, EventLog, FileId, Locator, UnreadLog};
use collect::Collected;
use walk::Walk;

/// Largest log that is read, in bytes: Windows makes logs of up to 4 GiB, those that matter are mostly of 20 to 512 MiB.
const LARGEST: u64 = 1 << 30;
/// Bytes of all logs together.
const ALL: u64 = 4 << 30;
/// Logs that are read of those that Windows writes to, and as many of others, such as archives.
const MOST: usize = 64;
/// Bytes of a compressed log that are unpacked into memory.
const MEMORY: u64 = 256 << 20;

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
    /// Whether it stands on the drive with Windows, where Windows keeps it.
    pub is_in_place: bool,
}

impl LogPiece {
    /// Whether its name is that of the log that Windows writes to, and of no archive.
    fn is_live(&self) -> bool {
        self.channel.is_some() && !is_archive(&self.file.name)
    }
}

fn is_archive(name: &str) -> bool {
    name.get(..8).is_some_and(|front| front.eq_ignore_ascii_case("archive-"))
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
        // What other computers sent says nothing of this one.
        None if plain == "forwardedevents" => Err(()),
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
                logs.push(LogPiece { file, channel: Some(channel), is_in_place: true });
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
                logs.push(LogPiece { file, channel: Some(channel), is_in_place: true });
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
    channel_of(&file.name).ok().map(|channel| LogPiece { file: file.clone(), channel, is_in_place: false })
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
    // The name of an archive ends with its date, and the newest tell most.
    logs.sort_by_key(|log| {
        (
            !log.is_live(),
            rank(log),
            is_archive(&log.file.name).then_some(Reverse(&log.file.name)),
            log.file.path(),
        )
    });
    let host = facts.os.hostname.value().cloned();
    let mut collected = Collected::new(symptoms::Services::of(facts), host);
    let mut seen: BTreeSet<([u8; 32], Option<&str>)> = BTreeSet::new();
    let mut bytes = 0_u64;
    let mut work = Work::default();
    let mut numbers = [0_usize; 2];
    for (number, log) in logs.into_iter().enumerate() {
        let [live, other] = &mut numbers;
        let of_its_sort = if log.is_live() { live } else { other };
        *of_its_sort += 1;
        if let Some(why) = over_budget(log, *of_its_sort, bytes) {
            let why = format!("was not read: over a budget of {why}");
            leave(facts, log, why, true);
            continue;
        }
        bytes = bytes.saturating_add(log.file.size);
        if let Err(why) = one(facts, log, &mut work, &mut collected, &mut seen) {
            leave(facts, log, format!("could not be read: {why}"), false);
        }
        progress.done(number as u64 + 1);
    }
    collected.finish(&mut facts.events);
    let files = &facts.files;
    let path = |file: FileId| files.get(file.0 as usize).map(|file| file.path.as_str());
    facts.events.logs.sort_by(|a, b| (path(a.file), &a.channel).cmp(&(path(b.file), &b.channel)));
    facts.events.unread.sort();
}

/// Which budget a log is over.
fn over_budget(log: &LogPiece, number: usize, bytes: u64) -> Option<String> {
    if number > MOST {
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
fn one<'a>(
    facts: &mut Facts,
    log: &'a LogPiece,
    work: &mut Work,
    collected: &mut Collected,
    seen: &mut BTreeSet<([u8; 32], Option<&'a str>)>,
) -> Result<(), String> {
    let (_, sha256) = log
        .file
        .open_hashed()
        .map_err(|error| error.to_string())?
        .finish()
        .map_err(|error| error.to_string())?;
    // Empty logs of several channels are the same bytes; a log without a name of its own is a copy of any.
    let is_copy =
        log.channel.is_none() && seen.range((sha256, None)..).next().is_some_and(|(sum, _)| *sum == sha256);
    if is_copy || !seen.insert((sha256, log.channel)) {
        return Ok(());
    }
    let source = log.file.random(MEMORY).map_err(|error| error.to_string())?;
    let file = push_file(facts, EvidenceFile::of(&log.file, "event-log", Some(sha256)));
    let walk = Walk::new(log.channel, file);
    let skim = walk.through(work, &source, collected);
    let computers = collected.end_log();
    // What was collected of it is nothing, for events of another channel are left alone.
    if walk.is_of_another_channel() {
        facts.files.pop();
        return Ok(());
    }
    let skim = skim?;
    let (first, last) = walk.span();
    let spanned = match (skim.first, skim.last) {
        (Some(first), Some(last)) => last.record.saturating_sub(first.record).saturating_add(1),
        _ => 0,
    };
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
    let channel = walk.into_channel();
    if skim.over_budget > 0 {
        facts.events.unread.push(UnreadLog {
            channel: channel.clone(),
            path: log.file.path().to_string(),
            why: format!(
                "was read in part: {} of its events that matter are over the budget of text",
                skim.over_budget
            ),
            over_budget: true,
        });
    }
    facts.events.logs.push(EventLog {
        file,
        channel,
        records: skim.records,
        spanned,
        first,
        last,
        is_damaged: !skim.damage.is_empty(),
        is_dirty: skim.is_dirty,
        is_in_place: log.is_in_place,
        computers,
    });
    Ok(())
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
        for name in [
            "Setup/x",
            "ForwardedEvents.evtx",
            "Microsoft-Windows-Setup%4Operational.evtx",
            "Microsoft-Windows-Backup.evtx",
        ] {
            assert_eq!(channel_of(name), Err(()), "{name}");
        }
        assert_eq!(channel_of("security_sample.evtx"), Ok(None));
    }
}
