//! Remains of deleted files: entries in the slack of directories and records that are no longer in use.
//!
//! Deleting a file counts the sequence number of its record up by one. An entry in slack still has the old number, so
//! it belongs to a free record with the next one, and to no other.

use std::collections::BTreeSet;

use iiskeys_disk::ReadAt;

use crate::attribute::{BITMAP, DATA};
use crate::bytes::u8_at;
use crate::error::NtfsError;
use crate::file::File;
use crate::index::{Node, node_entry};
use crate::name::{DirEntry, FileName, NAME_HEADER, Namespace};
use crate::record::FileRef;
use crate::runs::Run;
use crate::stream::Stream;
use crate::value::Body;
use crate::volume::Volume;

/// Record of `$Bitmap`.
const BITMAP_FILE: u64 = 6;
/// Longest content that is kept with a remain, in bytes.
const MAX_CONTENT: u64 = 64 * 1024;
/// Longest bitmap of records that is read, in bytes: 500 million records.
const MAX_BITMAP: u64 = 64 << 20;
/// Remains that are kept of one directory.
const MAX_FOUND: usize = 100_000;
/// Slack is that much aligned: entries start at multiples of 8 bytes.
const ALIGN: usize = 8;
/// 1980-01-01 and 2200-01-01 as FILETIME: times outside are no times of files.
const PLAUSIBLE: std::ops::Range<u64> = 119_600_064_000_000_000..189_026_784_000_000_000;

/// The reference of an entry whose header is gone; record 0 is `$MFT`, which is never deleted.
pub const LOST: FileRef = FileRef { record: 0, sequence: 0 };

/// Where a remain was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// In the slack of the directory's index.
    IndexSlack,
    /// In a file record that is not in use.
    Record,
}

/// What can still be read of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recoverable {
    /// The content was in the record and still is.
    Resident(Vec<u8>),
    /// The clusters are known and free: the content is likely whole.
    Clusters(Vec<Run>),
    /// Other files have taken clusters of it, or `$Bitmap` cannot tell.
    Overwritten {
        /// Clusters of the content.
        clusters: u64,
        /// How many of them are in use again.
        taken: u64,
    },
    /// The record belongs to another file.
    RecordReused,
    /// The record is blank, damaged, or says nothing of the content.
    Nothing(String),
}

/// A remain of a deleted file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The name and the facts that stand with it. The reference is the one that the file had when it existed.
    pub entry: DirEntry,
    /// Where it was found.
    pub trace: Trace,
    /// What can be read of its content.
    pub recoverable: Recoverable,
    /// Size of the content as the record has it, where the record still is the file's.
    pub size: Option<u64>,
}

impl Deleted {
    /// The reference of the record as it stands now, for [`Volume::record`]; `None` where it is not the file's.
    pub fn record(&self) -> Option<u64> {
        match self.recoverable {
            Recoverable::Resident(_) | Recoverable::Clusters(_) | Recoverable::Overwritten { .. } => {
                Some(self.entry.file.record)
            }
            Recoverable::RecordReused | Recoverable::Nothing(_) => None,
        }
    }
}

impl Volume {
    /// Remains of the files of a directory whose names `is_wanted`, in order of their records.
    ///
    /// `scan_records` also goes through all records of the volume once, in order; without it only the slack of the
    /// directory is looked at.
    ///
    /// # Errors
    /// When the directory cannot be read. Damaged blocks and records are left out.
    pub fn deleted_in(
        &self,
        dir: FileRef,
        scan_records: bool,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Deleted>, NtfsError> {
        let file = self.file(dir)?;
        let mut found: Vec<(DirEntry, Trace)> = Vec::new();
        if scan_records {
            for (parent, entry) in
                self.free_names(&|parent, name| parent.record == dir.record && is_wanted(name))
            {
                if parent.sequence == file.reference().sequence
                    && is_wanted(&entry.name)
                    && found.len() < MAX_FOUND
                {
                    found.push((entry, Trace::Record));
                }
            }
        }
        let mut known: BTreeSet<(FileRef, Vec<u16>)> =
            found.iter().map(|(entry, _)| (entry.file, entry.name_utf16.clone())).collect();
        let mut living = Vec::new();
        let mut slack = Vec::new();
        self.slack_of(&file, &mut living, &mut slack)?;
        // Windows moves entries about, and leaves copies of living ones behind.
        known.extend(living);
        let names: BTreeSet<Vec<u16>> = known.iter().map(|(_, name)| name.clone()).collect();
        for entry in slack {
            // Without a reference, a name that is known otherwise says nothing new.
            let is_known = entry.file == LOST && names.contains(&entry.name_utf16);
            let wanted = entry.namespace != Namespace::Dos && is_wanted(&entry.name) && !is_known;
            if wanted && found.len() < MAX_FOUND && known.insert((entry.file, entry.name_utf16.clone())) {
                found.push((entry, Trace::IndexSlack));
            }
        }
        found.sort_by(|(a, _), (b, _)| (a.file, &a.name_utf16).cmp(&(b.file, &b.name_utf16)));
        let remains = found.into_iter().filter_map(|(entry, trace)| {
            if entry.file == LOST {
                let recoverable = Recoverable::Nothing("the number of its record is overwritten".into());
                return Some(Deleted { entry, trace, recoverable, size: None });
            }
            let record = self.record(entry.file.record);
            // An entry of a file that lives on was renamed or moved, not deleted.
            if record.as_ref().is_ok_and(|r| r.is_in_use() && r.reference().sequence == entry.file.sequence) {
                return None;
            }
            let (recoverable, size) = match record {
                Ok(record) => self.recoverable(&entry, &record),
                Err(error) => (Recoverable::Nothing(error.to_string()), None),
            };
            Some(Deleted { entry, trace, recoverable, size })
        });
        Ok(remains.collect())
    }

    /// Names in records that are not in use, with the reference that the file had. One pass over `$MFT`, which its
    /// bitmap spares the records in use.
    fn free_names(&self, is_wanted: &dyn Fn(FileRef, &str) -> bool) -> Vec<(FileRef, DirEntry)> {
        let mut found = Vec::new();
        let in_use = self.records_in_use().unwrap_or_default();
        for number in 0..self.record_count() {
            let byte = usize::try_from(number / 8).ok().and_then(|at| in_use.get(at)).copied().unwrap_or(0);
            if byte >> (number % 8) & 1 == 1 {
                continue;
            }
            let Ok(file) = self.record(number) else { continue };
            if file.is_in_use() || file.base().is_some() {
                continue;
            }
            // Names in other records of the file are reached where these still fit.
            let names = file.names().unwrap_or_else(|_| file.own_names());
            let was = FileRef { record: number, sequence: before(file.reference().sequence) };
            for name in names {
                if name.namespace != Namespace::Dos
                    && is_wanted(name.parent, &name.name)
                    && found.len() < MAX_FOUND
                {
                    found.push((name.parent, DirEntry::new(was, name)));
                }
            }
        }
        found
    }

    /// The bitmap of `$MFT`: a set bit for each record in use.
    fn records_in_use(&self) -> Result<Vec<u8>, NtfsError> {
        let value = self.record(0)?.value(BITMAP, &[])?;
        let value = value.ok_or_else(|| NtfsError::damaged("$MFT", 0, "a bitmap", "none"))?;
        value.load(&**self.source(), MAX_BITMAP, "bitmap of $MFT")
    }

    fn slack_of(
        &self,
        dir: &File,
        living: &mut Vec<(FileRef, Vec<u16>)>,
        slack: &mut Vec<DirEntry>,
    ) -> Result<(), NtfsError> {
        let index = self.directory_index(dir)?;
        let mut look = |node: &Node<'_>, is_used: bool| {
            for entry in node.entries().map_while(Result::ok) {
                if let (Some(name), true) = (FileName::parse(entry.key), is_used) {
                    living.push((FileRef::from_bits(entry.head), name.name_utf16));
                }
            }
            let areas = if is_used { [node.slack, &[]] } else { [node.used(), node.slack] };
            slack.extend(areas.into_iter().flat_map(|area| carve(area, dir.reference())));
        };
        look(&index.root_node()?, true);
        for number in 0..index.block_count() {
            let Ok(data) = index.block(number) else { continue };
            if let Ok(node) = index.node(number, &data) {
                look(&node, index.is_used(number).unwrap_or(true));
            }
        }
        Ok(())
    }

    fn recoverable(&self, entry: &DirEntry, record: &File) -> (Recoverable, Option<u64>) {
        if record.is_in_use() || before(record.reference().sequence) != entry.file.sequence {
            return (Recoverable::RecordReused, None);
        }
        let value = match record.value(DATA, &[]) {
            Ok(Some(value)) => value,
            Ok(None) => return (Recoverable::Nothing("its record has no content".into()), None),
            Err(error) => return (Recoverable::Nothing(error.to_string()), None),
        };
        let size = Some(value.size());
        match value.body {
            Body::Resident(data) if data.len() as u64 <= MAX_CONTENT => (Recoverable::Resident(data), size),
            Body::Resident(_) => (Recoverable::Nothing("longer than a record".into()), size),
            Body::Clusters(clusters) => {
                let parts = || clusters.runs.iter().filter_map(|run| Some((run.lcn?, run.clusters)));
                let all = parts().map(|(_, count)| count).sum();
                // More clusters than there are can only be a lie, which must not cost the time to look at each.
                let is_lie = all > self.source().len() / clusters.cluster.max(1);
                // What cannot be told is not called free.
                let taken = if is_lie {
                    all
                } else {
                    parts().map(|(lcn, count)| self.allocated(lcn, count).unwrap_or(count)).sum()
                };
                let state = match taken {
                    0 => Recoverable::Clusters(clusters.runs.to_vec()),
                    taken => Recoverable::Overwritten { clusters: all, taken },
                };
                (state, size)
            }
        }
    }

    /// How many of some clusters are in use.
    fn allocated(&self, lcn: u64, clusters: u64) -> Result<u64, NtfsError> {
        let value = self.record(BITMAP_FILE)?.value(DATA, &[])?;
        let value = value.ok_or_else(|| NtfsError::damaged("$Bitmap", 0, "a stream", "none"))?;
        let bitmap = Stream::new(self.source(), value, "$Bitmap".into())?;
        let end = lcn.saturating_add(clusters);
        if end > bitmap.len().saturating_mul(8) {
            return Err(NtfsError::damaged("$Bitmap", 0, format!("{end} clusters"), bitmap.len()));
        }
        let mut buf = vec![0; 64 * 1024];
        let mut used = 0;
        let mut at = lcn;
        while at < end {
            let first = at / 8;
            let count = bitmap.read_at(first, &mut buf).map_err(NtfsError::reading("$Bitmap"))?;
            let upto = ((first + count as u64) * 8).min(end);
            if count == 0 {
                break;
            }
            for cluster in at..upto {
                let byte = u8_at(&buf, (cluster / 8 - first) as usize).unwrap_or(u8::MAX);
                used += u64::from(byte >> (cluster % 8) & 1);
            }
            at = upto;
        }
        Ok(used)
    }

    /// The content of a deleted file as its record still has it, however many of its clusters were taken since.
    ///
    /// # Errors
    /// When the record is in use or was reused, or what it says cannot be read.
    pub fn deleted_data(&self, remain: &Deleted) -> Result<Stream, NtfsError> {
        let file = self.record(remain.entry.file.record)?;
        if file.is_in_use() || before(file.reference().sequence) != remain.entry.file.sequence {
            return Err(NtfsError::Stale {
                record: remain.entry.file.record,
                expected: remain.entry.file.sequence,
                found: file.reference().sequence.to_string(),
            });
        }
        file.data()
    }
}

/// The sequence number before the last deletion; zero is skipped.
fn before(sequence: u16) -> u16 {
    if sequence <= 1 { u16::MAX } else { sequence - 1 }
}

/// Entries of directory `dir` within bytes that are not in use.
fn carve(area: &[u8], dir: FileRef) -> Vec<DirEntry> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = area.get(at..).filter(|rest| rest.len() > NAME_HEADER) {
        match remain(rest, dir) {
            Some((entry, len)) => {
                found.push(entry);
                at += len.max(ALIGN);
            }
            None => at += ALIGN,
        }
    }
    found
}

fn remain(data: &[u8], dir: FileRef) -> Option<(DirEntry, usize)> {
    if let Some(entry) = node_entry(data) {
        let file = FileRef::from_bits(entry.head);
        let name = plausible(entry.key, dir).filter(|_| file.record != 0 && file.sequence != 0);
        // An entry is as long as its key, rounded up, and maybe the number of a subnode.
        let least = (16 + entry.key.len()).next_multiple_of(ALIGN);
        let len = entry.bytes.len();
        if let Some((name, key)) = name
            && key == entry.key.len()
            && (len == least || len == least + 8)
        {
            return Some((DirEntry::new(file, name), len));
        }
    }
    // The end of a node moves onto the header of the entry that was its last one, and leaves the key.
    let (name, key) = plausible(data, dir)?;
    Some((DirEntry::new(LOST, name), key.next_multiple_of(ALIGN)))
}

/// A key of directory `dir` that can be one, with its length.
fn plausible(key: &[u8], dir: FileRef) -> Option<(FileName, usize)> {
    let name = FileName::parse(key).filter(|name| name.parent == dir)?;
    let times = [name.times.created, name.times.modified, name.times.record_changed, name.times.accessed];
    let is_name = |unit: &u16| *unit >= 0x20 && ![b'/', b'\\'].iter().any(|slash| u16::from(*slash) == *unit);
    let fits = !name.name_utf16.is_empty()
        && name.name_utf16.iter().all(is_name)
        && times.iter().all(|time| PLAUSIBLE.contains(time));
    let len = NAME_HEADER + name.name_utf16.len() * 2;
    fits.then_some((name, len))
}
