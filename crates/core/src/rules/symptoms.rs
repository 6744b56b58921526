//! What the rules about symptoms share. Events support or contradict a cause; they never are one.

use std::collections::BTreeMap;

use iiskeys_evidence::Timestamp;

use super::support;
use super::{Cite, Confidence, Finding, Judgement, Severity};
use crate::artifact::container::{Prefix, WellKnown};
use crate::codes;
use crate::machine::events::is_host;
use crate::machine::{
    Condition, DAY, EventLog, Machine, Need, Standing, Store, Symptom, SymptomKey, SymptomKind,
};

/// Codes of one finding that are explained.
const EXPLAINED: usize = 4;
/// Records of one finding that are cited.
const CITED: usize = 12;

/// The System log.
pub(super) const SYSTEM: &str = "system";

/// Events about one subject.
pub(super) type Events<'m> = Vec<(&'m SymptomKey, &'m Symptom)>;

/// The symptoms of one kind by what `by` says of them; `None` leaves one out.
pub(super) fn grouped<'m>(
    machine: &'m Machine<'_>,
    kind: SymptomKind,
    by: impl Fn(&SymptomKey) -> Option<String>,
) -> BTreeMap<String, Events<'m>> {
    let mut groups: BTreeMap<String, Events<'m>> = BTreeMap::new();
    for (key, symptom) in machine.facts.events.of_kind(kind) {
        if let Some(subject) = by(key) {
            groups.entry(subject).or_default().push((key, symptom));
        }
    }
    groups
}

/// Notes which logs of a channel, among those that are in evidence, could not be read whole.
pub(super) fn require_whole(machine: &Machine<'_>, judgement: &mut Judgement, channel: &str, need: Need) {
    let events = &machine.facts.events;
    for log in events.unread.iter().filter(|log| log.channel == channel) {
        let need = if log.over_budget { need } else { Need::UndamagedCopy };
        judgement.gap(format!("{} {}", log.path, log.why), need);
    }
    for log in events.of_channel(channel).filter(|log| log.is_damaged) {
        judgement.gap(
            format!("a part of {} could not be read, and may have held such events", path_of(machine, log)),
            Need::UndamagedCopy,
        );
    }
}

fn path_of<'m>(machine: &'m Machine<'_>, log: &EventLog) -> &'m str {
    machine.facts.files.get(log.file.0 as usize).map_or("", |file| file.path.as_str())
}

/// Notes what keeps a log from saying that there was nothing.
pub(super) fn require_log(machine: &Machine<'_>, judgement: &mut Judgement, channel: &str, need: Need) {
    let events = &machine.facts.events;
    let is_unread = events.unread.iter().any(|log| log.channel == channel);
    if !is_unread && events.of_channel(channel).next().is_none() {
        judgement.gap(format!("{} not collected", need.subject()), need);
    }
    require_whole(machine, judgement, channel, need);
    let logs = || events.of_channel(channel);
    let host = machine.facts.os.hostname.value();
    let is_own = |log: &EventLog| {
        log.computers.is_empty()
            || host.is_none_or(|host| log.computers.iter().any(|name| is_host(name, host)))
    };
    // Most logs of single components are empty on a healthy machine; the System log never is.
    let is_empty = |log: &EventLog| log.records == 0 && channel == SYSTEM;
    // A choice of the records beside the whole log takes nothing away from it; an archive does not stand for an empty log.
    let is_whole = |log: &EventLog| !is_empty(log) && !log.is_choice() && is_own(log);
    let lacks_live = logs().any(|log| log.is_in_place && is_empty(log));
    if lacks_live || !logs().any(is_whole) {
        for log in logs().filter(|log| is_own(log) && !is_whole(log)) {
            let why = if log.records == 0 {
                format!("{} holds no record", path_of(machine, log))
            } else {
                format!(
                    "{} holds {} of {} records: it is an export of a choice",
                    path_of(machine, log),
                    log.records,
                    log.spanned
                )
            };
            judgement.gap(why, need);
        }
    }
    if let Some(host) = machine.facts.os.hostname.value() {
        let mut names: Vec<String> = logs().flat_map(|log| log.computers.iter().cloned()).collect();
        names.sort();
        names.dedup();
        if !names.is_empty() && !names.iter().any(|name| is_host(name, host)) {
            let names = support::join(&names, 3);
            judgement.gap(format!("{} was written on {names}, and this is {host}", need.subject()), need);
        }
    }
}

/// What was examined, with the time that the logs of a channel cover and what may be missing in it.
pub(super) fn examined(machine: &Machine<'_>, channel: &str, what: &str) -> String {
    let mut text = match covered(machine, channel) {
        Some((first, last)) => format!("{what} between {first} and {last}"),
        None => what.to_owned(),
    };
    let events = &machine.facts.events;
    if let Some(cleared) = events.cleared.get(channel) {
        text.push_str(&format!("; the log was cleared on {cleared}"));
    }
    if events.of_channel(channel).any(|log| log.is_dirty) {
        text.push_str("; the log was not closed, and its newest events may be missing");
    }
    text
}

fn covered(machine: &Machine<'_>, channel: &str) -> Option<(Timestamp, Timestamp)> {
    let logs = || machine.facts.events.of_channel(channel);
    Some((logs().filter_map(|log| log.first).min()?, logs().filter_map(|log| log.last).max()?))
}

/// A finding about events of one subject.
pub(super) struct Told<'m> {
    pub rule: &'static str,
    pub subject: String,
    pub title: String,
    pub events: Events<'m>,
    /// What the codes point to in this machine.
    pub here: String,
    /// How sure it is that these events are of this family.
    pub confidence: Confidence,
}

impl Told<'_> {
    pub fn finding(self, machine: &Machine<'_>) -> Finding {
        let Self { rule, subject, title, events, here, confidence } = self;
        let mut parts = vec![course(&events)];
        parts.extend(meanings(&events));
        parts.push(here);
        parts.push("Events are symptoms: they support or contradict a cause and never are one.".to_owned());
        parts.retain(|part| !part.is_empty());
        let confidence =
            if is_of_others(machine, &events) { confidence.min(Confidence::Strong) } else { confidence };
        Finding {
            rule,
            subject,
            severity: Severity::Note,
            confidence,
            title,
            explanation: parts.join(" "),
            evidence: cites(&events),
            remedies: Vec::new(),
            affects: Vec::new(),
        }
    }
}

/// How many, when, and which events.
fn course(events: &Events<'_>) -> String {
    let mut kinds: BTreeMap<(&str, u32), u64> = BTreeMap::new();
    for (key, symptom) in events {
        *kinds.entry((key.provider.as_str(), key.id)).or_default() += symptom.count;
    }
    let kinds: Vec<String> =
        kinds.into_iter().map(|((provider, id), count)| format!("{provider} {id} ({count})")).collect();
    let number: u64 = events.iter().map(|(_, symptom)| symptom.count).sum();
    match span(events) {
        Some((first, _)) if number == 1 => format!("1 event on {first}: {}.", support::join(&kinds, 6)),
        Some((first, last)) => {
            format!(
                "{number} events, the first on {first}, the last on {last}: {}.",
                support::join(&kinds, 6)
            )
        }
        None => String::new(),
    }
}

/// Time of the first and of the last event.
pub(super) fn span(events: &Events<'_>) -> Option<(Timestamp, Timestamp)> {
    let first = events.iter().map(|(_, symptom)| symptom.first).min()?;
    Some((first, events.iter().map(|(_, symptom)| symptom.last).max()?))
}

/// The codes of events, the most frequent first.
fn codes_of(events: &Events<'_>) -> Vec<u32> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for (key, symptom) in events {
        if let Some(code) = key.code {
            *counts.entry(code).or_default() += symptom.count;
        }
    }
    let mut counts: Vec<(u32, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
    counts.into_iter().map(|(code, _)| code).collect()
}

/// The codes of a title: ` with 0x80090006 (NTE_BAD_SIGNATURE)`.
pub(super) fn with_codes(events: &Events<'_>) -> String {
    let named: Vec<String> = codes_of(events)
        .into_iter()
        .map(|code| {
            let name = codes::status(code).map_or("", |known| known.name);
            if code > 0xffff { format!("0x{code:08X} ({name})") } else { format!("{code} ({name})") }
        })
        .collect();
    if named.is_empty() { String::new() } else { format!(" with {}", support::join(&named, 2)) }
}

/// Each code in all forms in which Windows prints it, with what it means.
fn meanings(events: &Events<'_>) -> Vec<String> {
    let known = |code: u32| Some((code, codes::status(code)?));
    codes_of(events)
        .into_iter()
        .take(EXPLAINED)
        .filter_map(known)
        .map(|(code, known)| {
            let forms = if code > 0xffff {
                format!("0x{code:08X}, {code} or {}", code.cast_signed())
            } else {
                format!("{code} (0x{code:X}, as an HRESULT 0x{:08X})", code | 0x8007_0000)
            };
            format!("The code {forms} is {}: {}", known.name, known.meaning)
        })
        .collect()
}

/// Records of events, those of the first symptoms first.
fn cites(events: &Events<'_>) -> Vec<Cite> {
    let mut cites: Vec<Cite> = events
        .iter()
        .flat_map(|(key, symptom)| {
            let about = if key.subject.is_empty() { String::new() } else { format!(", {}", key.subject) };
            let code = key.code.map_or_else(String::new, |code| format!(", 0x{code:08X}"));
            let observed = format!("{} {}{about}{code}", key.provider, key.id);
            symptom
                .records
                .iter()
                .map(move |record| Cite { citation: record.clone(), observed: observed.clone() })
        })
        .collect();
    cites.sort();
    cites.dedup();
    // The first and the last tell most.
    if cites.len() > CITED {
        let last = cites.split_off(cites.len() - CITED / 2);
        cites.truncate(CITED / 2);
        cites.extend(last);
    }
    cites
}

/// Whether none of the logs behind these events names this machine.
fn is_of_others(machine: &Machine<'_>, events: &Events<'_>) -> bool {
    let Some(host) = machine.facts.os.hostname.value() else { return false };
    let files = || events.iter().flat_map(|(_, symptom)| &symptom.records).map(|citation| citation.file);
    let logs = machine.facts.events.logs.iter().filter(|log| files().any(|file| file == log.file));
    let mut computers = logs.flat_map(|log| &log.computers).peekable();
    computers.peek().is_some() && computers.all(|computer| !is_host(computer, host))
}

/// How a container of a well-known name stands on this machine, in one sentence.
pub(super) fn state_of(machine: &Machine<'_>, name: &str) -> String {
    let Some(known) = WellKnown::by_name(name) else { return String::new() };
    let store = match known.family {
        crate::artifact::container::Family::Cng => Store::CngMachine,
        crate::artifact::container::Family::Capi => Store::RsaMachine,
    };
    known.prefix().map(|prefix| state(machine, store, prefix, name)).unwrap_or_default()
}

/// How a container stands on this machine, in one sentence.
pub(super) fn state(machine: &Machine<'_>, store: Store, prefix: Prefix, name: &str) -> String {
    if !machine.has_store(store) {
        return format!("How the container {name} stands here is not in evidence.");
    }
    let Some(set) = machine.sets.get(&(store, prefix)) else {
        return format!("Here the container {name} has no file under any GUID.");
    };
    if machine.guid.is_none() {
        return format!(
            "Here the container {name} has {}; which of them Windows opens is not known without the MachineGuid.",
            support::count(set.copies.len() as u64, "file")
        );
    }
    let current = machine.standing_copies(set, Standing::Current);
    let others = machine.standing_copies(set, Standing::OtherGuid);
    let under_current = match current.first().map(|&index| machine.condition(index)) {
        None => "has no file under the current GUID",
        Some(Condition::Complete) => "is complete under the current GUID",
        Some(Condition::LooksComplete) => "stands under the current GUID, in a size that holds keys",
        Some(Condition::Incomplete) => "lacks a key pair under the current GUID",
        Some(Condition::Empty) => "is empty under the current GUID",
        Some(Condition::Damaged) => "is damaged under the current GUID",
        Some(Condition::Unknown) => "stands under the current GUID with unknown content",
    };
    let more = match others.len() {
        0 => String::new(),
        1 => match machine.container(others.first().copied().unwrap_or_default()).guid {
            Some(guid) => format!(" and stands under {guid} as well"),
            None => String::new(),
        },
        number => format!(" and stands under {number} other GUIDs as well"),
    };
    format!("Here the container {name} {under_current}{more}.")
}

/// When the IIS Admin Service itself failed for the first time, with each code of this family.
fn failures_of_iisadmin(machine: &Machine<'_>) -> impl Iterator<Item = Timestamp> {
    let events = machine.facts.events.of_kind(SymptomKind::IisAdminFailed);
    // A crash, or a code that any service may end with, has any reason.
    let own = events.filter(|(key, _)| {
        key.subject == "IISADMIN"
            && matches!(key.id, 7023 | 7024)
            && (key.has_own_code() || matches!(key.code, Some(6 | 1008)))
    });
    own.map(|(_, symptom)| symptom.first)
}

/// The first failure of the IIS Admin Service in the logs.
pub(crate) fn first_failure(machine: &Machine<'_>) -> Option<Timestamp> {
    failures_of_iisadmin(machine).min()
}

/// The first failure of the IIS Admin Service at or after a time, among the codes with which it did not fail before.
pub(crate) fn first_failure_after(machine: &Machine<'_>, time: Timestamp) -> Option<Timestamp> {
    failures_of_iisadmin(machine).filter(|first| *first >= time).min()
}

/// What the failures of IISADMIN say of a change at the time when the Cryptography key was last written, in one
/// sentence; empty when they say nothing.
pub(super) fn beside_the_guid(machine: &Machine<'_>) -> String {
    let Some(written) = machine.facts.identity.key_written.value().copied() else { return String::new() };
    let Some(first) = first_failure(machine) else { return String::new() };
    if first < written {
        let before = span_words(written.seconds_since(first));
        return format!(
            "The IIS Admin Service failed already on {first}, {before} before the Cryptography key was last written: \
             that write is not what failed it first."
        );
    }
    let Some(first) = first_failure_after(machine, written) else { return String::new() };
    let begins = covered(machine, SYSTEM).map(|(begins, _)| begins);
    if let Some(begins) = begins.filter(|begins| *begins > written) {
        return format!(
            "The System log, which begins on {begins} and after the Cryptography key was written, shows the IIS Admin \
             Service failing from {first} on."
        );
    }
    let start = machine.facts.events.start_after_the_guid(&machine.facts.identity);
    let start =
        start.map(|(time, _)| format!("; the first start after that was on {time}")).unwrap_or_default();
    format!(
        "The IIS Admin Service first failed on {first}, {} after the Cryptography key was written{start}.",
        span_words(first.seconds_since(written))
    )
}

/// A span of time in words, in the largest unit that fits.
pub(super) fn span_words(seconds: i64) -> String {
    let seconds = seconds.max(0).unsigned_abs();
    let day = DAY.unsigned_abs();
    match seconds {
        0..60 => support::count(seconds, "second"),
        60..3_600 => support::count(seconds / 60, "minute"),
        _ if seconds < 2 * day => support::count(seconds / 3_600, "hour"),
        _ => support::count(seconds / day, "day"),
    }
}
