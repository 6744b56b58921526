//! The timeline: every moment that the facts know, each with the kind of time that it is.

use std::collections::BTreeMap;

use iiskeys_evidence::{Precision, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TimelineRow;
use super::build::Ids;
use crate::artifact::container::Guid;
use crate::machine::facts::{Config, EarlierGuid};
use crate::machine::{Citation, CopyKind, FileId, FolderRole, Known, Machine, Origin, SymptomKind};

/// Rows that a report has at most.
const MOST_ROWS: usize = 2_000;

/// What kind of time a row of the timeline has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeKind {
    /// Last write of a registry key: of any value or subkey in it, not of one alone.
    RegistryKeyWritten,
    /// The content of a registry value.
    RegistryValue,
    /// Creation of a file, by its file system, archive or listing.
    FileCreated,
    /// Last write to a file, likewise.
    FileModified,
    /// When a record was written to an event log.
    EventRecorded,
    /// From the validity of a certificate, which its issuer chose.
    CertificateValidity,
    /// A field in the content of a file, such as a hive's header.
    StatedInFile,
}

impl TimeKind {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::RegistryKeyWritten => "registry-key-written",
            Self::RegistryValue => "registry-value",
            Self::FileCreated => "file-created",
            Self::FileModified => "file-modified",
            Self::EventRecorded => "event-recorded",
            Self::CertificateValidity => "certificate-validity",
            Self::StatedInFile => "stated-in-file",
        }
    }

    /// A phrase for people.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::RegistryKeyWritten => "Registry key last written",
            Self::RegistryValue => "Time in a registry value",
            Self::FileCreated => "File created",
            Self::FileModified => "File modified",
            Self::EventRecorded => "Event recorded",
            Self::CertificateValidity => "Certificate valid from",
            Self::StatedInFile => "Time stated in a file",
        }
    }
}

/// How much a moment tells; what tells least is left out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// The machine itself, and changes of what identifies and protects it.
    Machine,
    /// Containers that matter, and what failed.
    Key,
    /// Copies, from which changes follow.
    Copy,
    /// The rest.
    Other,
}

/// The rows by time, and how many are left out.
pub(super) fn timeline(machine: &Machine<'_>, ids: &Ids) -> (Vec<TimelineRow>, u64) {
    let mut rows = Rows { machine, ids, weight: Weight::Machine, rows: Vec::new(), left_out: 0 };
    installations(&mut rows);
    guids(&mut rows);
    secrets(&mut rows);
    key_changes(&mut rows);
    rows.weight = Weight::Key;
    hives(&mut rows);
    containers(&mut rows);
    events(&mut rows);
    rows.weight = Weight::Copy;
    copies(&mut rows);
    rows.weight = Weight::Other;
    master_keys(&mut rows);
    certificates(&mut rows);
    registry_containers(&mut rows);
    let already = rows.left_out;
    let (rows, left_out) = bounded(rows.rows, MOST_ROWS);
    (rows, left_out + already)
}

type Row = (Timestamp, Weight, TimelineRow);

fn bounded(mut rows: Vec<Row>, most: usize) -> (Vec<TimelineRow>, u64) {
    rows.sort_by(|a, b| (a.1, a.0.filetime(), &a.2).cmp(&(b.1, b.0.filetime(), &b.2)));
    rows.dedup_by(|a, b| a.2 == b.2);
    let left_out = rows.len().saturating_sub(most);
    rows.truncate(most);
    rows.sort_by(|a, b| (a.0.filetime(), &a.2).cmp(&(b.0.filetime(), &b.2)));
    (rows.into_iter().map(|(_, _, row)| row).collect(), left_out as u64)
}

struct Rows<'a> {
    machine: &'a Machine<'a>,
    ids: &'a Ids,
    weight: Weight,
    rows: Vec<Row>,
    /// Rows that were left out before.
    left_out: u64,
}

impl Rows<'_> {
    fn add(&mut self, time: Option<Timestamp>, kind: TimeKind, source: &str, what: String, file: FileId) {
        let Some(time) = time else { return };
        let row = TimelineRow {
            time: time.to_string(),
            what,
            kind,
            source: source.to_owned(),
            evidence: self.ids.get(file),
        };
        self.rows.push((time, self.weight, row));
    }

    fn add_known(&mut self, known: &Known<Timestamp>, kind: TimeKind, source: &str, what: &str) {
        if let (Some(time), Some(citation)) = (known.value(), known.citation()) {
            self.add(Some(*time), kind, source, what.to_owned(), citation.file);
        }
    }

    /// The times of a file, where they are those that it had on the machine.
    fn times(&self, file: FileId) -> (Option<Timestamp>, Option<Timestamp>) {
        match self.machine.facts.files.get(file.0 as usize) {
            Some(row) => (row.created, own_modified(row.created, row.modified)),
            None => (None, None),
        }
    }
}

/// A modification time that comes from where the creation time comes from. Beside the coarse times of a listing, a fine
/// one is that of the copy on somebody's disk.
fn own_modified(created: Option<Timestamp>, modified: Option<Timestamp>) -> Option<Timestamp> {
    let (created, modified) = (created?, modified?);
    let is_own = created.precision() != Precision::Tick && modified.precision() == Precision::Tick;
    (!is_own && created != modified).then_some(modified)
}

fn installations(rows: &mut Rows<'_>) {
    let os = &rows.machine.facts.os;
    let what = "Windows was installed (an upgrade in place moves this date)";
    rows.add_known(&os.installed, TimeKind::RegistryValue, "InstallDate", what);
    for install in &os.earlier_installs {
        let product = install.product.as_deref().unwrap_or("an earlier Windows");
        let what = format!("{product} was installed; an upgrade in place replaced it since");
        let source = "InstallDate of Setup\\Source OS";
        rows.add(Some(install.installed), TimeKind::RegistryValue, source, what, install.citation.file);
    }
}

/// The key of the current GUID, and what copies show of it at other times.
fn guids(rows: &mut Rows<'_>) {
    const SOURCE: &str = "registry key last write";
    let identity = &rows.machine.facts.identity;
    let what = "the registry key that holds the MachineGuid was last written";
    rows.add_known(&identity.key_written, TimeKind::RegistryKeyWritten, SOURCE, what);
    // Copies that were taken without a change in between tell one moment.
    let mut states: BTreeMap<(Guid, Timestamp), Vec<&EarlierGuid>> = BTreeMap::new();
    for earlier in &identity.earlier {
        if let Some(written) = earlier.written {
            states.entry((earlier.guid, written)).or_default().push(earlier);
        }
        let what = format!(
            "the copy {} of SOFTWARE was made; the MachineGuid in it is {}",
            earlier.source, earlier.guid
        );
        rows.add(earlier.taken, TimeKind::StatedInFile, "hive base block", what, earlier.citation.file);
    }
    for ((guid, written), copies) in states {
        let Some(first) = copies.first() else { continue };
        let more = match copies.len() {
            1 => String::new(),
            2 => " and 1 more copy".to_owned(),
            many => format!(" and {} more copies", many - 1),
        };
        let what = format!("the MachineGuid was {guid} ({}{more})", first.source);
        rows.add(Some(written), TimeKind::RegistryKeyWritten, SOURCE, what, first.citation.file);
    }
}

fn secrets(rows: &mut Rows<'_>) {
    let secret = &rows.machine.facts.protection.secret;
    let (Some(value), Some(citation)) = (secret.value(), secret.citation()) else { return };
    let file = citation.file;
    let what = "the machine's DPAPI secret was changed".to_owned();
    rows.add(value.current_since, TimeKind::RegistryValue, "CupdTime", what, file);
    let what = "the machine's previous DPAPI secret was set".to_owned();
    rows.add(value.previous_since, TimeKind::RegistryValue, "OupdTime", what, file);
}

fn hives(rows: &mut Rows<'_>) {
    let facts = rows.machine.facts;
    for (name, hive) in [("SOFTWARE", &facts.software), ("SYSTEM", &facts.system)] {
        if let Some(hive) = hive.value() {
            let what = format!("the {name} hive was last written");
            rows.add(hive.last_written, TimeKind::StatedInFile, "hive base block", what, hive.file);
        }
    }
}

fn containers(rows: &mut Rows<'_>) {
    let machine = rows.machine;
    for (index, container) in machine.facts.containers.iter().enumerate() {
        let folder = machine.folder_of(index);
        if !container.tracked || folder.role == FolderRole::Copy || machine.times_lost(folder).is_some() {
            continue;
        }
        let Origin::Bytes(citation) = &container.origin else { continue };
        let name = machine.display_name(index);
        let what = format!("the container {name} was created as {}", container.name);
        rows.add(container.created, TimeKind::FileCreated, "file creation", what, citation.file);
        let modified = own_modified(container.created, container.modified);
        let what = format!("the container {name} was last modified as {}", container.name);
        rows.add(modified, TimeKind::FileModified, "file modification", what, citation.file);
    }
    for deleted in &machine.facts.deleted {
        let Some(folder) = machine.facts.folders.get(deleted.folder) else { continue };
        if machine.times_lost(folder).is_none() {
            let what = format!("the container file {}, which was deleted since, was created", deleted.name);
            let file = deleted.citation.file;
            rows.add(
                deleted.created,
                TimeKind::FileCreated,
                "file creation, by what is left of it",
                what,
                file,
            );
        }
    }
}

/// Rows about symptoms of one kind, half of them the first and half the last.
const SYMPTOMS: usize = 200;

fn events(rows: &mut Rows<'_>) {
    let facts = rows.machine.facts;
    let mut by_kind: BTreeMap<SymptomKind, Vec<(Timestamp, String, String, FileId)>> = BTreeMap::new();
    for (key, symptom) in &facts.events.symptoms {
        let source = format!("{} {}", key.provider, key.id);
        let subject = if key.subject.is_empty() { String::new() } else { format!(" about {}", key.subject) };
        let code = key.code.map_or_else(String::new, |code| format!(" with code {code:#010x}"));
        let of_kind = by_kind.entry(key.kind).or_default();
        let mut say = |which: String, time, record: Option<&Citation>| {
            if let Some(record) = record {
                let what = format!("{which} of {source}{subject}{code}");
                of_kind.push((time, what, source.clone(), record.file));
            }
        };
        let count = symptom.count;
        if count < 2 {
            say("the only event".to_owned(), symptom.first, symptom.records.first());
            continue;
        }
        say(format!("first of {count} events"), symptom.first, symptom.records.first());
        say(format!("last of {count} events"), symptom.last, symptom.records.last());
    }
    for (kind, mut said) in by_kind {
        rows.weight = match kind {
            SymptomKind::IisAdminFailed | SymptomKind::ServiceTimeout | SymptomKind::SchannelKey => {
                Weight::Key
            }
            _ => Weight::Other,
        };
        said.sort();
        rows.left_out += ends(&mut said, SYMPTOMS);
        for (time, what, source, file) in said {
            rows.add(Some(time), TimeKind::EventRecorded, &source, what, file);
        }
    }
    rows.weight = Weight::Key;
    if let Some((time, record)) = facts.events.start_after_the_guid(&facts.identity) {
        let what =
            "the system or its event log started for the first time after the MachineGuid's key was written";
        rows.add(Some(*time), TimeKind::EventRecorded, "start", what.to_owned(), record.file);
    }
    for seen in &facts.events.key_files {
        for (time, record, which) in
            [(seen.first, seen.records.first(), "first"), (seen.last, seen.records.last(), "last")]
        {
            if let Some(record) = record.filter(|_| seen.count > 1 || which == "first") {
                let what =
                    format!("an event named a key file of the GUID {} for the {which} time", seen.guid);
                rows.add(Some(time), TimeKind::EventRecorded, "key file event", what, record.file);
            }
        }
    }
}

/// Keeps so many of both ends, and says how many are left out.
fn ends<T>(items: &mut Vec<T>, most: usize) -> u64 {
    let too_many = items.len().saturating_sub(most);
    if too_many > 0 {
        items.drain(most / 2..most / 2 + too_many);
    }
    too_many as u64
}

fn copies(rows: &mut Rows<'_>) {
    let facts = rows.machine.facts;
    for copy in &facts.copies {
        let what = format!("the configuration was copied to {}", copy.name);
        rows.add(copy.written, TimeKind::FileModified, "file modification", what, copy.file);
    }
    for metabase in facts.metabases.iter().filter(|metabase| !metabase.is_live) {
        let what = format!("the metabase was copied to {}", metabase.name);
        rows.add(metabase.written, TimeKind::FileModified, "file modification", what, metabase.file);
    }
}

fn master_keys(rows: &mut Rows<'_>) {
    for key in &rows.machine.facts.protection.master_keys {
        let (created, modified) = rows.times(key.file);
        let what = format!("the master key {} was created", key.guid);
        rows.add(created.or(key.created), TimeKind::FileCreated, "file creation", what, key.file);
        let what = format!("the master key {} was last modified", key.guid);
        rows.add(modified, TimeKind::FileModified, "file modification", what, key.file);
    }
}

/// Certificates with a private key; those of others only say whom the machine trusts.
fn certificates(rows: &mut Rows<'_>) {
    let Some(certificates) = rows.machine.facts.tls.certificates.value() else { return };
    for certificate in certificates.iter().filter(|certificate| certificate.link.value().is_some()) {
        let subject = certificate.body.value().map_or("", |body| body.subject.as_str());
        let named = format!("the certificate {} {subject}", certificate.thumbprint);
        let (named, file) = (named.trim_end(), certificate.citation.file);
        let what = format!("{named} was last written to the store {}", certificate.store);
        rows.add(certificate.written, TimeKind::RegistryKeyWritten, "registry key last write", what, file);
        let valid = certificate.body.value().map(|body| body.not_before);
        let what = format!("{named} became valid");
        rows.add(valid, TimeKind::CertificateValidity, "notBefore", what, file);
    }
}

fn registry_containers(rows: &mut Rows<'_>) {
    for container in &rows.machine.facts.registry_containers {
        let what =
            format!("the container {} of Windows NT 4 was last written in the registry", container.name);
        let file = container.citation.file;
        rows.add(container.written, TimeKind::RegistryKeyWritten, "registry key last write", what, file);
    }
}

/// Neighbours among the copies of configuration and metabase whose session keys differ: the later one dates the change.
fn key_changes(rows: &mut Rows<'_>) {
    let facts = rows.machine.facts;
    let mut before: Option<(&str, &Config)> = None;
    let history = facts.copies.iter().filter(|copy| copy.kind == CopyKind::History);
    let steps = history.filter_map(|copy| {
        let config = copy.content.as_ref().ok()?;
        Some((copy.name.as_str(), config, copy.written, copy.file))
    });
    let live = facts.config.value().map(|config| {
        let row = facts.files.get(config.file.0 as usize);
        // The time of somebody's copy on a plain disk dates nothing.
        let written = row.filter(|row| row.container.is_some()).and_then(|row| row.modified);
        ("the live configuration", config, written, config.file)
    });
    for (name, config, written, file) in steps.chain(live) {
        for provider in config.providers.iter().filter(|provider| provider.wrap.is_some()) {
            let Some((earlier_name, earlier)) = before else { break };
            let was = earlier.providers.iter().find(|other| other.name == provider.name);
            if was.is_some_and(|was| was.wrap.is_some() && was.wrap != provider.wrap) {
                let what =
                    format!("session key of {} changes between {earlier_name} and {name}", provider.name);
                rows.add(written, TimeKind::FileModified, "file modification", what, file);
            }
        }
        before = Some((name, config));
    }
    let mut metabases: Vec<_> = facts.metabases.iter().filter(|metabase| metabase.wrap.is_some()).collect();
    metabases.sort_by_key(|metabase| (metabase.is_live, metabase.written, metabase.name.as_str()));
    for pair in metabases.windows(2) {
        let [earlier, later] = pair else { continue };
        if earlier.wrap != later.wrap {
            let what =
                format!("session key of the metabase changes between {} and {}", earlier.name, later.name);
            rows.add(later.written, TimeKind::FileModified, "file modification", what, later.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seconds: i64, weight: Weight, what: &str) -> Row {
        let time = Timestamp::from_unix_seconds(seconds).unwrap();
        let row = TimelineRow {
            time: time.to_string(),
            what: what.to_owned(),
            kind: TimeKind::FileCreated,
            source: "file creation".to_owned(),
            evidence: "e1".to_owned(),
        };
        (time, weight, row)
    }

    #[test]
    fn what_tells_least_is_left_out_first_and_the_rest_is_in_order() {
        let rows = vec![
            row(30, Weight::Other, "late"),
            row(5, Weight::Other, "early"),
            row(20, Weight::Machine, "guid"),
            row(10, Weight::Key, "key"),
            row(10, Weight::Key, "key"),
        ];
        let what = |rows: Vec<TimelineRow>| rows.into_iter().map(|row| row.what).collect::<Vec<_>>();
        let (all, left_out) = bounded(rows.clone(), 10);
        assert_eq!((what(all), left_out), (["early", "key", "guid", "late"].map(str::to_owned).to_vec(), 0));
        let (some, left_out) = bounded(rows, 3);
        assert_eq!((what(some), left_out), (["early", "key", "guid"].map(str::to_owned).to_vec(), 1));
    }

    #[test]
    fn of_too_many_rows_both_ends_are_kept() {
        let mut items: Vec<u32> = (0..10).collect();
        assert_eq!(ends(&mut items, 4), 6);
        assert_eq!(items, [0, 1, 8, 9]);
        assert_eq!(ends(&mut items, 4), 0);
    }

    #[test]
    fn rows_are_in_the_order_of_time_whatever_its_precision() {
        let (second, ..) = row(7, Weight::Key, "");
        let tick = Timestamp::from_filetime(second.filetime() + 1).unwrap();
        let fine = TimelineRow { time: tick.to_string(), ..row(7, Weight::Key, "after").2 };
        let rows = vec![(tick, Weight::Key, fine), row(7, Weight::Key, "before")];
        let (sorted, _) = bounded(rows, 10);
        assert_eq!(sorted[0].what, "before");
        assert!(sorted[0].time > sorted[1].time, "as text they stand the other way round");
    }

    #[test]
    fn the_fine_time_of_a_copy_is_not_taken_for_that_of_a_listing() {
        let coarse = Timestamp::from_unix_seconds(1_000).unwrap();
        let later = Timestamp::from_unix_seconds(2_000).unwrap();
        let fine = Timestamp::from_filetime(later.filetime()).unwrap();
        assert_eq!(own_modified(Some(coarse), Some(later)), Some(later));
        assert_eq!(own_modified(Some(coarse), Some(fine)), None);
        assert_eq!(own_modified(None, Some(fine)), None);
        assert_eq!(own_modified(Some(coarse), Some(coarse)), None, "it says nothing new");
    }
}
