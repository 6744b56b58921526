//! Replay of transaction logs: brings a dirty hive to the state that Windows would give it.

use super::base_block::{BaseBlock, SIZE, make_clean};
use super::log::{self, Form, Log, LogEntry, LogFile, SECTOR};
use super::reader::HiveFile;

/// A hive may grow by what its logs bring, and by this many bytes of holes between their pages.
const SLACK: usize = 16 << 20;

/// A log that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// File name of the log.
    pub log: String,
    /// Entries applied; one for a log in the old form.
    pub entries: usize,
    /// Bytes written.
    pub bytes: usize,
}

/// A log that was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// File name of the log.
    pub log: String,
    /// Why not.
    pub reason: String,
}

/// What came of a replay.
#[derive(Debug)]
pub struct Replay {
    /// The hive, recovered as far as the logs allowed.
    pub hive: HiveFile,
    /// Logs that were applied, in that order.
    pub applied: Vec<Applied>,
    /// Logs that were not.
    pub refused: Vec<Refused>,
}

/// Applies the logs to a hive, in place. A clean hive stays as it is.
pub fn replay(file: HiveFile, logs: Vec<LogFile>) -> Replay {
    let mut refused = Vec::new();
    if !file.is_dirty() {
        refused.extend(
            logs.into_iter().map(|log| Refused { log: log.name, reason: "the hive is clean".to_owned() }),
        );
        return Replay { hive: file, applied: Vec::new(), refused };
    }
    let header = file.header().clone();
    let mut usable: Vec<(&str, Log<'_>)> = Vec::new();
    for log in &logs {
        match log::read(&log.bytes).and_then(|read| fits(&header, &read).map(|()| read)) {
            Ok(read) => usable.push((&log.name, read)),
            Err(reason) => refused.push(Refused { log: log.name.clone(), reason }),
        }
    }
    let bytes = file.into_bytes();
    let brought: usize = logs.iter().map(|log| log.bytes.len()).sum();
    let largest = bytes.len().saturating_add(brought).saturating_add(SLACK);
    let mut state = State { bytes, largest, applied: Vec::new(), refused };
    if !header.is_checksum_right() {
        state.restore_base_block(&usable, &logs);
    }
    if usable.iter().any(|(_, log)| matches!(log.form, Form::New { .. })) {
        state.apply_entries(&header, usable);
    } else {
        state.apply_pages(usable);
    }
    let State { bytes, applied, refused, .. } = state;
    Replay { hive: HiveFile::reopen(bytes, header), applied, refused }
}

/// Whether a log may be applied to a hive with that base block.
fn fits(hive: &BaseBlock, log: &Log<'_>) -> Result<(), String> {
    match &log.form {
        Form::Old { .. } => {
            // The old form has no entries of its own: it belongs to exactly one write.
            if hive.is_checksum_right() && log.header.last_written != hive.last_written {
                return Err("it belongs to another write: the last-written times differ".to_owned());
            }
            Ok(())
        }
        Form::New { entries, ended } => {
            let Some(last) = entries.last() else {
                return Err(format!("it holds no entry that is right: {ended}"));
            };
            if hive.is_checksum_right() && last.sequence < hive.secondary_sequence {
                return Err(format!(
                    "its entries end with {}, the hive already holds everything before {}",
                    last.sequence, hive.secondary_sequence
                ));
            }
            Ok(())
        }
    }
}

struct State {
    bytes: Vec<u8>,
    largest: usize,
    applied: Vec<Applied>,
    refused: Vec<Refused>,
}

impl State {
    /// A damaged base block is taken from the latest log.
    fn restore_base_block(&mut self, usable: &[(&str, Log<'_>)], logs: &[LogFile]) {
        let Some((name, _)) = usable.iter().max_by_key(|(_, log)| log.header.primary_sequence) else {
            return;
        };
        let Some(log) = logs.iter().find(|log| log.name == *name) else { return };
        if let (Some(from), Some(to)) = (log.bytes.get(..SECTOR), self.bytes.get_mut(..SECTOR)) {
            to.copy_from_slice(from);
        }
    }

    fn write(&mut self, offset: usize, page: &[u8]) -> bool {
        let Some(end) = offset.checked_add(SIZE).and_then(|start| start.checked_add(page.len())) else {
            return false;
        };
        if end > self.largest {
            return false;
        }
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        match self.bytes.get_mut(offset + SIZE..end) {
            Some(place) => {
                place.copy_from_slice(page);
                true
            }
            None => false,
        }
    }

    /// The old form: one log, the latest.
    fn apply_pages(&mut self, mut usable: Vec<(&str, Log<'_>)>) {
        usable.sort_by_key(|(_, log)| log.header.primary_sequence);
        let Some((name, log)) = usable.pop() else { return };
        for (other, _) in usable {
            self.refused.push(Refused { log: other.to_owned(), reason: format!("{name} is the later one") });
        }
        let Form::Old { pages } = &log.form else { return };
        let mut bytes = 0;
        for (offset, page) in pages {
            if self.write(*offset, page) {
                bytes += page.len();
            }
        }
        self.applied.push(Applied { log: name.to_owned(), entries: 1, bytes });
        make_clean(&mut self.bytes, log.header.primary_sequence, log.header.bins_size);
    }

    /// The new form: entries of both logs in the order of their sequence numbers, without a gap.
    fn apply_entries(&mut self, hive: &BaseBlock, mut usable: Vec<(&str, Log<'_>)>) {
        usable.retain(|(name, log)| {
            let new = matches!(log.form, Form::New { .. });
            if !new {
                let reason = "it has the old form, and another log has the new one".to_owned();
                self.refused.push(Refused { log: (*name).to_owned(), reason });
            }
            new
        });
        let first = |log: &Log<'_>| match &log.form {
            Form::New { entries, .. } => entries.first().map_or(u32::MAX, |entry| entry.sequence),
            Form::Old { .. } => u32::MAX,
        };
        usable.sort_by_key(|(_, log)| first(log));
        let mut last: Option<(u32, u32)> = None;
        for (name, log) in usable {
            let Form::New { entries, .. } = &log.form else { continue };
            let (mut count, mut bytes) = (0, 0);
            let mut gap = None;
            for entry in entries {
                let done = last.map_or(
                    hive.is_checksum_right() && entry.sequence < hive.secondary_sequence,
                    |(last, _)| entry.sequence <= last,
                );
                if done {
                    continue;
                }
                if let Some((last, _)) = last
                    && entry.sequence != last.wrapping_add(1)
                {
                    gap = Some(format!("entry {} does not follow entry {last}", entry.sequence));
                    break;
                }
                bytes += self.apply_entry(entry);
                count += 1;
                last = Some((entry.sequence, entry.bins_size));
            }
            if count > 0 {
                self.applied.push(Applied { log: name.to_owned(), entries: count, bytes });
            } else {
                let reason = gap.unwrap_or_else(|| "the hive already holds its entries".to_owned());
                self.refused.push(Refused { log: name.to_owned(), reason });
            }
        }
        if let Some((sequence, bins_size)) = last {
            make_clean(&mut self.bytes, sequence.wrapping_add(1), bins_size);
        }
    }

    fn apply_entry(&mut self, entry: &LogEntry<'_>) -> usize {
        let size = (entry.bins_size as usize).saturating_add(SIZE);
        if size <= self.largest && size > self.bytes.len() {
            self.bytes.resize(size, 0);
        }
        entry
            .pages
            .iter()
            .filter(|(offset, page)| self.write(*offset, page))
            .map(|(_, page)| page.len())
            .sum()
    }
}
