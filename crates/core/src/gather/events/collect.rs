//! What is kept of events: counts, times, and a few records of each kind.

use std::collections::{BTreeMap, BTreeSet};

use iiskeys_evidence::Timestamp;

use crate::artifact::container::{Guid, Prefix};
use crate::artifact::event_log::Event;
use crate::gather::symptoms::{self, KeyFile, Services};
use crate::machine::events::is_host;
use crate::machine::{Citation, Events, FileId, KeyFileSeen, Locator, Symptom, SymptomKey};

/// Kinds of events that are told apart by their subject; beyond that only kind, source and code count.
const SUBJECTS: usize = 2_000;
/// Kinds of events at all.
const KINDS: usize = 4_000;
/// The first records of a kind that are kept; the last one comes on top.
const RECORDS: usize = 7;
/// GUIDs in the names of key files.
const GUIDS: usize = 256;
/// Containers of one GUID.
const CONTAINERS: usize = 64;
/// Starts of the system.
const STARTS: usize = 1_000;
/// Names of computers that are kept while a log is read, and afterwards.
const COMPUTERS: (usize, usize) = (256, 8);

/// What was collected.
#[derive(Default)]
pub(super) struct Collected {
    symptoms: BTreeMap<SymptomKey, Times>,
    key_files: BTreeMap<Guid, (Times, BTreeMap<Prefix, String>)>,
    starts: BTreeSet<(Timestamp, Citation)>,
    computers: BTreeSet<String>,
    services: Services,
}

/// How many, when, and which records.
struct Times {
    count: u64,
    /// The first ones, oldest first.
    early: Vec<(Timestamp, Citation)>,
    last: (Timestamp, Citation),
}

impl Times {
    fn new(time: Timestamp, record: Citation) -> Self {
        Self { count: 0, early: Vec::new(), last: (time, record) }
    }

    fn add(&mut self, time: Timestamp, record: &Citation) {
        self.count = self.count.saturating_add(1);
        let new = (time, record.clone());
        // A log that has wrapped around does not begin with its oldest record.
        let at = self.early.partition_point(|known| *known <= new);
        if new > self.last {
            self.last = new.clone();
        }
        if at < RECORDS {
            self.early.insert(at, new);
            self.early.truncate(RECORDS);
        }
    }

    fn first(&self) -> Timestamp {
        self.early.first().map_or(self.last.0, |(time, _)| *time)
    }

    fn records(&self) -> Vec<Citation> {
        let mut records: Vec<Citation> = self.early.iter().map(|(_, record)| record.clone()).collect();
        if !records.contains(&self.last.1) {
            records.push(self.last.1.clone());
        }
        records
    }

    fn ends(&self) -> Vec<Citation> {
        let mut records: Vec<Citation> =
            self.early.first().map(|(_, record)| record.clone()).into_iter().collect();
        if !records.contains(&self.last.1) {
            records.push(self.last.1.clone());
        }
        records
    }
}

impl Collected {
    /// Nothing yet, of events of a machine with these services.
    pub fn new(services: Services) -> Self {
        Self { services, ..Self::default() }
    }

    /// Takes what matters of an event.
    pub fn add(&mut self, event: Event, file: FileId) {
        let record = Citation::new(file, Locator::Record(event.record));
        if let Some(key) = symptoms::classify(&event, &self.services) {
            self.symptom(key, event.time, &record);
        }
        if let Some(seen) = symptoms::key_file(&event) {
            self.key_file(seen, event.time, &record);
        }
        if symptoms::is_start(&event.provider, event.id) {
            self.starts.insert((event.time, record));
            if self.starts.len() > STARTS {
                self.starts.pop_first();
            }
        }
        if self.computers.len() < COMPUTERS.0 && !event.computer.is_empty() {
            self.computers.insert(event.computer);
        }
    }

    fn symptom(&mut self, mut key: SymptomKey, time: Timestamp, record: &Citation) {
        if self.symptoms.len() >= SUBJECTS && !self.symptoms.contains_key(&key) {
            key.subject.clear();
        }
        if self.symptoms.len() >= KINDS && !self.symptoms.contains_key(&key) {
            return;
        }
        self.symptoms.entry(key).or_insert_with(|| Times::new(time, record.clone())).add(time, record);
    }

    fn key_file(&mut self, seen: KeyFile, time: Timestamp, record: &Citation) {
        if self.key_files.len() >= GUIDS && !self.key_files.contains_key(&seen.guid) {
            return;
        }
        let (times, containers) = self
            .key_files
            .entry(seen.guid)
            .or_insert_with(|| (Times::new(time, record.clone()), BTreeMap::new()));
        times.add(time, record);
        if containers.len() < CONTAINERS {
            containers.entry(seen.prefix).or_insert(seen.name);
        }
    }

    /// The computers of the log that was read last.
    pub fn take_computers(&mut self) -> Vec<String> {
        std::mem::take(&mut self.computers).into_iter().collect()
    }

    /// Writes everything down. Of the computers of a log those that may be this machine are kept before others.
    pub fn finish(self, events: &mut Events, host: Option<&str>) {
        for log in &mut events.logs {
            log.computers.sort_by_key(|computer| !host.is_some_and(|host| is_host(computer, host)));
            log.computers.truncate(COMPUTERS.1);
            log.computers.sort();
        }
        for (key, times) in self.symptoms {
            let symptom = Symptom {
                count: times.count,
                first: times.first(),
                last: times.last.0,
                records: times.records(),
            };
            events.symptoms.insert(key, symptom);
        }
        for (guid, (times, containers)) in self.key_files {
            events.key_files.push(KeyFileSeen {
                guid,
                count: times.count,
                first: times.first(),
                last: times.last.0,
                records: times.ends(),
                containers,
            });
        }
        events.starts = self.starts.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::event_log::Datum;

    fn failed(record: u64, service: &str) -> Event {
        let datum = |text: &str| Datum { name: None, text: text.to_owned() };
        Event {
            record,
            time: Timestamp::from_unix_seconds(1_231_660_800 + i64::try_from(record).unwrap_or(0))
                .expect("a time"),
            provider: "Service Control Manager".to_owned(),
            id: 7001,
            level: 2,
            channel: None,
            computer: format!("WEB{}", record % 20),
            data: vec![datum(service), datum("IISADMIN"), datum("%%2148073478")],
            binary: Vec::new(),
        }
    }

    #[test]
    fn a_log_that_has_wrapped_around_gives_its_first_and_last_records_by_time() {
        let mut collected = Collected::default();
        for record in (51..=100).chain(1..=50) {
            collected.add(failed(record, "W3SVC"), FileId(0));
        }
        let mut events = Events::default();
        collected.finish(&mut events, None);
        let symptom = events.symptoms.values().next().expect("a symptom");
        assert_eq!(symptom.count, 100);
        let numbers: Vec<&Locator> = symptom.records.iter().map(|record| &record.locator).collect();
        let wanted: Vec<Locator> = (1..=7).chain([100]).map(Locator::Record).collect();
        assert_eq!(numbers, wanted.iter().collect::<Vec<_>>());
        assert!(symptom.first < symptom.last);
    }

    #[test]
    fn what_is_kept_is_bounded_and_nothing_is_left_uncounted() {
        let mut collected = Collected::default();
        for record in 1..=5_000 {
            collected.add(failed(record, &format!("service {record}")), FileId(0));
        }
        let mut events = Events::default();
        collected.finish(&mut events, None);
        assert_eq!(events.symptoms.len(), SUBJECTS + 1);
        assert_eq!(events.symptoms.values().map(|symptom| symptom.count).sum::<u64>(), 5_000);
    }

    #[test]
    fn of_many_computers_the_machines_own_name_is_kept() {
        let mut collected = Collected::default();
        for record in 1..=40 {
            collected.add(failed(record, "W3SVC"), FileId(0));
        }
        let computers = collected.take_computers();
        assert_eq!(computers.len(), 20);
        let log = crate::machine::EventLog {
            file: FileId(0),
            channel: "system".to_owned(),
            records: 40,
            first: None,
            last: None,
            is_damaged: false,
            computers,
        };
        let mut events = Events { logs: vec![log], ..Events::default() };
        collected.finish(&mut events, Some("WEB9"));
        let kept = &events.logs[0].computers;
        assert_eq!(kept.len(), COMPUTERS.1);
        assert!(kept.contains(&"WEB9".to_owned()), "{kept:?}");
    }
}
