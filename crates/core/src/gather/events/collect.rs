//! What is kept of events: counts, times, and a few records of each kind.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use iiskeys_evidence::Timestamp;

use crate::artifact::container::{Guid, Prefix};
use crate::artifact::event_log::Event;
use crate::gather::events::CHANNELS;
use crate::gather::symptoms::{self, KeyFile, Services};
use crate::machine::events::{STARTS, is_host};
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
/// Names of computers that are kept of one log, beside the machine's own.
const COMPUTERS: usize = 8;
/// Characters of such a name; that of a domain has 255 at most.
const NAME: usize = 255;
/// Events that are remembered, so that those of an export are not counted beside those of the log.
const REMEMBERED: usize = 500_000;

/// What was collected.
#[derive(Default)]
pub(super) struct Collected {
    services: Services,
    host: Option<String>,
    all: Bucket,
    /// Events that matter, by their time and a hash of what else makes them one, with the log that they were first in.
    remembered: BTreeMap<(u64, u64), FileId>,
    /// What the log that is being read says, by who says it.
    own: (Option<Span>, Bucket),
    others: BTreeMap<String, (Span, Bucket)>,
}

/// Time of the first and of the last event.
type Span = (Timestamp, Timestamp);

fn widened(span: Option<Span>, time: Timestamp) -> Span {
    span.map_or((time, time), |(first, last)| (first.min(time), last.max(time)))
}

/// What events say, of one computer or of all.
#[derive(Default)]
struct Bucket {
    symptoms: BTreeMap<SymptomKey, Times>,
    key_files: BTreeMap<Guid, (Times, BTreeMap<Prefix, String>)>,
    starts: BTreeSet<(Timestamp, Citation)>,
    cleared: BTreeMap<String, Timestamp>,
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
        Self { count: 1, early: vec![(time, record.clone())], last: (time, record) }
    }

    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.last = self.last.clone().max(other.last);
        for new in other.early {
            // A log that has wrapped around does not begin with its oldest record.
            let at = self.early.partition_point(|known| *known <= new);
            if at < RECORDS {
                self.early.insert(at, new);
                self.early.truncate(RECORDS);
            }
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

impl Bucket {
    fn symptom(&mut self, mut key: SymptomKey, times: Times) {
        if self.symptoms.len() >= SUBJECTS && !self.symptoms.contains_key(&key) {
            key.subject.clear();
        }
        if self.symptoms.len() >= KINDS && !self.symptoms.contains_key(&key) {
            return;
        }
        match self.symptoms.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().merge(times),
            Entry::Vacant(place) => drop(place.insert(times)),
        }
    }

    fn key_file(&mut self, guid: Guid, times: Times, named: BTreeMap<Prefix, String>) {
        if self.key_files.len() >= GUIDS && !self.key_files.contains_key(&guid) {
            return;
        }
        let containers = match self.key_files.entry(guid) {
            Entry::Occupied(known) => {
                let (known, containers) = known.into_mut();
                known.merge(times);
                containers
            }
            Entry::Vacant(place) => &mut place.insert((times, BTreeMap::new())).1,
        };
        for (prefix, name) in named {
            if containers.len() < CONTAINERS {
                containers.entry(prefix).or_insert(name);
            }
        }
    }

    fn start(&mut self, time: Timestamp, record: Citation) {
        self.starts.insert((time, record));
        if self.starts.len() > STARTS {
            self.starts.pop_first();
        }
    }

    fn cleared(&mut self, channel: String, time: Timestamp) {
        // A name that is none must not fill the memory.
        if CHANNELS.contains(&channel.as_str()) {
            let known = self.cleared.entry(channel).or_insert(time);
            *known = time.max(*known);
        }
    }

    fn merge(&mut self, other: Self) {
        for (key, times) in other.symptoms {
            self.symptom(key, times);
        }
        for (guid, (times, named)) in other.key_files {
            self.key_file(guid, times, named);
        }
        for (time, record) in other.starts {
            self.start(time, record);
        }
        for (channel, time) in other.cleared {
            self.cleared(channel, time);
        }
    }
}

impl Collected {
    /// Nothing yet, of events of a machine with these services and that name.
    pub fn new(services: Services, host: Option<String>) -> Self {
        Self { services, host, ..Self::default() }
    }

    /// Takes what matters of an event that stands in a log of that channel.
    pub fn add(&mut self, event: Event, file: FileId, channel: &str) {
        let (symptom, seen) = (symptoms::classify(&event, &self.services), symptoms::key_file(&event));
        let is_start = symptoms::is_start(&event.provider, event.id);
        let cleared = symptoms::cleared(&event);
        let is_nothing = symptom.is_none() && seen.is_none() && !is_start && cleared.is_none();
        let is_known = !is_nothing && self.is_known(&event, file, channel);
        let Some(bucket) = self.bucket_of(event.computer, event.time) else { return };
        if is_known {
            return;
        }
        let record = Citation::new(file, Locator::Record(event.record));
        if let Some(key) = symptom {
            bucket.symptom(key, Times::new(event.time, record.clone()));
        }
        if let Some(KeyFile { guid, prefix, name }) = seen {
            let times = Times::new(event.time, record.clone());
            bucket.key_file(guid, times, BTreeMap::from([(prefix, name)]));
        }
        if let Some(channel) = cleared {
            bucket.cleared(channel, event.time);
        }
        if is_start {
            bucket.start(event.time, record);
        }
    }

    /// Whether another log held the event already.
    fn is_known(&mut self, event: &Event, file: FileId, channel: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (channel, event.computer.to_lowercase(), event.record, event.id).hash(&mut hasher);
        let key = (event.time.filetime(), hasher.finish());
        if self.remembered.len() >= REMEMBERED {
            return self.remembered.get(&key).is_some_and(|first| *first != file);
        }
        *self.remembered.entry(key).or_insert(file) != file
    }

    /// Where the events of a computer are collected; `None` for one too many.
    fn bucket_of(&mut self, computer: String, time: Timestamp) -> Option<&mut Bucket> {
        let is_own = self.host.as_ref().is_some_and(|host| is_host(&computer, host));
        if computer.is_empty() {
            return Some(&mut self.own.1);
        }
        if is_own {
            self.own.0 = Some(widened(self.own.0, time));
        }
        let name: String = computer.chars().take(NAME).collect();
        if self.others.len() >= COMPUTERS && !self.others.contains_key(&name) {
            return is_own.then_some(&mut self.own.1);
        }
        let (span, bucket) = self.others.entry(name).or_insert_with(|| ((time, time), Bucket::default()));
        *span = widened(Some(*span), time);
        Some(if is_own { &mut self.own.1 } else { bucket })
    }

    /// Takes over what the log says that was read, as far as it speaks of this machine, and gives the computers that it
    /// names.
    ///
    /// Logs to which others forward their events name several computers at a time. A machine that was renamed has one
    /// name after the other.
    pub fn end_log(&mut self) -> Vec<String> {
        let (own_span, own) = std::mem::take(&mut self.own);
        let named = std::mem::take(&mut self.others);
        let mut computers: Vec<String> = named.keys().cloned().collect();
        self.all.merge(own);
        let is_own = |name: &str| self.host.as_ref().is_some_and(|host| is_host(name, host));
        let mut others: Vec<(Span, Bucket)> =
            named.into_iter().filter(|(name, _)| !is_own(name)).map(|(_, other)| other).collect();
        others.sort_by_key(|(span, _)| *span);
        let follow = others.windows(2).all(|pair| match pair {
            [(before, _), (after, _)] => before.1 <= after.0,
            _ => true,
        });
        let is_alone = others.len() == 1 || self.host.is_none();
        for (span, other) in others {
            let was_renamed = match own_span {
                Some((first, _)) => span.1 <= first,
                None => follow,
            };
            if is_alone || was_renamed {
                self.all.merge(other);
            }
        }
        if let Some(host) = self.host.as_ref().filter(|_| own_span.is_some())
            && !computers.iter().any(|name| is_host(name, host))
        {
            computers.truncate(COMPUTERS - 1);
            computers.push(host.clone());
            computers.sort();
        }
        computers
    }

    /// Writes everything down.
    pub fn finish(self, events: &mut Events) {
        let Bucket { symptoms, key_files, starts, cleared } = self.all;
        events.cleared = cleared;
        for (key, times) in symptoms {
            let symptom = Symptom {
                count: times.count,
                first: times.first(),
                last: times.last.0,
                records: times.records(),
            };
            events.symptoms.insert(key, symptom);
        }
        for (guid, (times, containers)) in key_files {
            events.key_files.push(KeyFileSeen {
                guid,
                count: times.count,
                first: times.first(),
                last: times.last.0,
                records: times.ends(),
                containers,
            });
        }
        events.starts = starts.into_iter().collect();
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

    fn collect(host: Option<&str>, events: impl Iterator<Item = Event>) -> (Events, Vec<String>) {
        let mut collected = Collected::new(Services::default(), host.map(str::to_owned));
        for event in events {
            collected.add(event, FileId(0), "system");
        }
        let computers = collected.end_log();
        let mut events = Events::default();
        collected.finish(&mut events);
        (events, computers)
    }

    fn counted(events: &Events) -> u64 {
        events.symptoms.values().map(|symptom| symptom.count).sum()
    }

    fn of(computer: &str, record: u64) -> Event {
        Event { computer: computer.to_owned(), ..failed(record, "W3SVC") }
    }

    #[test]
    fn a_log_that_has_wrapped_around_gives_its_first_and_last_records_by_time() {
        let (events, _) = collect(None, (51..=100).chain(1..=50).map(|record| of("WEB", record)));
        let symptom = events.symptoms.values().next().expect("a symptom");
        assert_eq!(symptom.count, 100);
        let numbers: Vec<&Locator> = symptom.records.iter().map(|record| &record.locator).collect();
        let wanted: Vec<Locator> = (1..=7).chain([100]).map(Locator::Record).collect();
        assert_eq!(numbers, wanted.iter().collect::<Vec<_>>());
        assert!(symptom.first < symptom.last);
    }

    #[test]
    fn what_is_kept_is_bounded_and_nothing_is_left_uncounted() {
        let service = |record: u64| Event {
            computer: "WEB".to_owned(),
            ..failed(record, &format!("service {record}"))
        };
        let (events, _) = collect(None, (1..=5_000).map(service));
        assert!((SUBJECTS..=SUBJECTS + 1).contains(&events.symptoms.len()));
        assert_eq!(counted(&events), 5_000);
    }

    #[test]
    fn of_many_computers_the_machines_own_events_are_kept_and_names_are_few_and_short() {
        let (events, computers) = collect(Some("WEB9"), (1..=40).map(|record| failed(record, "W3SVC")));
        assert_eq!(counted(&events), 2, "of twenty computers in turns");
        assert_eq!(computers.len(), COMPUTERS);
        assert!(computers.contains(&"WEB9".to_owned()), "{computers:?}");
        let long = |record| of(&format!("{record}{}", "x".repeat(60_000)), record);
        let (_, computers) = collect(Some("WEB9"), (1..=100).map(long));
        assert_eq!(computers.len(), COMPUTERS);
        assert!(computers.iter().all(|name| name.len() == NAME));
    }

    #[test]
    fn a_machine_that_was_renamed_keeps_its_events() {
        let renamed =
            || ["SETUP", "WIN-OLD", "web9.example.org"].into_iter().zip(1..).map(|(name, at)| of(name, at));
        assert_eq!(counted(&collect(Some("WEB9"), renamed()).0), 3);
        assert_eq!(counted(&collect(Some("WEB77"), renamed()).0), 3, "one name after the other");
        let forwarded =
            || renamed().chain(renamed().map(|event| Event { record: event.record + 10, ..event }));
        let later = |event: Event| Event { time: failed(event.record, "").time, ..event };
        assert_eq!(counted(&collect(Some("WEB9"), forwarded().map(later)).0), 2, "SETUP and WIN-OLD go on");
        assert_eq!(counted(&collect(Some("WEB77"), forwarded().map(later)).0), 0);
    }

    #[test]
    fn an_event_counts_once_whatever_logs_it_stands_in() {
        let mut collected = Collected::new(Services::default(), None);
        for file in [FileId(0), FileId(1)] {
            collected.add(of("WEB", 1), file, "system");
            collected.end_log();
        }
        collected.add(of("WEB", 2), FileId(1), "system");
        collected.add(of("OTHER", 1), FileId(1), "system");
        collected.end_log();
        let mut events = Events::default();
        collected.finish(&mut events);
        assert_eq!(counted(&events), 3);
    }
}
