//! Which container of one report is which of the other.
//!
//! The key decides, then the file name. Name and size together are a hint where no key was read, and sizes alone are nothing:
//! containers with keys of one length have one size, and empty ones have no key to tell them by.

use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;

use super::model::{Change, ContainerChange, ContainerRef};
use super::seen::{Seen, moduli};
use crate::report::ContainerRow;

pub(super) fn reference(row: &ContainerRow) -> ContainerRef {
    ContainerRef {
        id: row.id.clone(),
        name: row.well_known.clone().or_else(|| row.name.clone()),
        guid: row.guid.clone(),
        state: row.state.clone(),
        standing: row.standing.clone(),
        is_needed: !row.needed_by.is_empty(),
        keys: moduli(row).into_iter().map(str::to_owned).collect(),
    }
}

/// Rows that have no partner yet.
struct Pairing<'a> {
    a: Vec<Option<&'a ContainerRow>>,
    b: Vec<Option<&'a ContainerRow>>,
    pairs: Vec<(&'a ContainerRow, &'a ContainerRow, &'static str)>,
}

impl<'a> Pairing<'a> {
    /// Joins what has the same name of that kind, in order.
    fn by<K: Ord + Hash>(&mut self, basis: &'static str, name: impl Fn(&'a ContainerRow) -> Option<K>) {
        let mut waiting: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
        for (at, row) in self.b.iter().enumerate() {
            if let Some(key) = row.and_then(&name) {
                waiting.entry(key).or_default().push_back(at);
            }
        }
        for slot in &mut self.a {
            let Some(row) = *slot else { continue };
            let Some(at) = name(row).and_then(|key| waiting.get_mut(&key)?.pop_front()) else { continue };
            if let Some(other) = self.b.get_mut(at).and_then(Option::take) {
                *slot = None;
                self.pairs.push((row, other, basis));
            }
        }
    }
}

/// Containers that are not the same in both, and how many are.
pub(super) fn containers(a: &Seen<'_>, b: &Seen<'_>) -> (Vec<ContainerChange>, u64) {
    let mut pairing = Pairing {
        a: a.report.key_containers.iter().map(Some).collect(),
        b: b.report.key_containers.iter().map(Some).collect(),
        pairs: Vec::new(),
    };
    let keys = |row: &'_ ContainerRow| -> Option<String> {
        let keys = moduli(row);
        (!keys.is_empty()).then(|| keys.join(" "))
    };
    pairing.by("file-name", |row| Some((row.id.to_lowercase(), moduli(row).join(" "))));
    pairing.by("key", keys);
    // A copy that was set aside keeps the old name as the beginning of its own.
    pairing.by("file-name", |row| Some(row.id.to_lowercase()));
    pairing.by("name-and-size", |row| {
        let name = row.name.as_deref().or(row.prefix.as_deref())?;
        // Empty containers of one name all have one size, and keys that were read have spoken already.
        (row.state != "empty" && moduli(row).is_empty()).then_some((row.store.as_str(), name, row.size?))
    });

    let mut changes = Vec::new();
    let mut same = 0;
    for (before, after, basis) in pairing.pairs {
        let what = differences(before, after);
        let moved = !before.id.eq_ignore_ascii_case(&after.id);
        if what.is_empty() {
            same += 1;
            continue;
        }
        changes.push(ContainerChange {
            change: if moved { Change::Moved } else { Change::Changed },
            basis: Some(basis.to_owned()),
            a: Some(reference(before)),
            b: Some(reference(after)),
            what,
        });
    }
    let reached = |seen: &Seen<'_>, row: &ContainerRow| seen.has_store_of(row) && !seen.may_be_counted(row);
    for row in pairing.a.into_iter().flatten() {
        let change = if reached(b, row) { Change::Vanished } else { Change::NotInB };
        changes.push(alone(change, row, true));
    }
    for row in pairing.b.into_iter().flatten() {
        let change = if reached(a, row) { Change::Appeared } else { Change::NotInA };
        changes.push(alone(change, row, false));
    }
    let id = |row: &ContainerChange| row.a.as_ref().or(row.b.as_ref()).map(|row| row.id.clone());
    changes.sort_by_cached_key(|row| (id(row), row.change));
    (changes, same)
}

fn alone(change: Change, row: &ContainerRow, in_a: bool) -> ContainerChange {
    let here = Some(reference(row));
    let (a, b) = if in_a { (here, None) } else { (None, here) };
    ContainerChange { change, basis: None, a, b, what: Vec::new() }
}

/// What is not the same about one container, one phrase each.
fn differences(a: &ContainerRow, b: &ContainerRow) -> Vec<String> {
    let mut what = Vec::new();
    let mut differ = |name: &str, a: Option<&str>, b: Option<&str>| {
        if a != b {
            what.push(format!("{name} {} -> {}", a.unwrap_or("unknown"), b.unwrap_or("unknown")));
        }
    };
    differ("store", Some(&a.store), Some(&b.store));
    if !same_guid(a.guid.as_deref(), b.guid.as_deref()) {
        differ("GUID", a.guid.as_deref(), b.guid.as_deref());
    }
    if a.store == b.store && same_guid(a.guid.as_deref(), b.guid.as_deref()) {
        let file =
            |row: &ContainerRow| row.id.rsplit_once('/').map_or(row.id.clone(), |(_, file)| file.to_owned());
        let (before, after) = (file(a), file(b));
        if !before.eq_ignore_ascii_case(&after) {
            differ("file name", Some(&before), Some(&after));
        }
    }
    differ("state", Some(&a.state), Some(&b.state));
    differ("standing", a.standing.as_deref(), b.standing.as_deref());
    let (keys_a, keys_b) = (moduli(a), moduli(b));
    if keys_a != keys_b {
        match (keys_a.is_empty(), keys_b.is_empty()) {
            (false, false) => what.push("it holds another key".to_owned()),
            (true, _) => what.push("its key was not read before, or there was none".to_owned()),
            (_, true) => what.push("its key was not read again, or there is none".to_owned()),
        }
    }
    let needed = |row: &ContainerRow| !row.needed_by.is_empty();
    match (needed(a), needed(b)) {
        (true, false) => what.push("no longer needed under this file name".to_owned()),
        (false, true) => what.push("now needed under this file name".to_owned()),
        _ => {}
    }
    let proof = |row: &ContainerRow| {
        let proof = row.protection.as_ref().map(|protection| protection.proof.clone());
        proof.filter(|proof| proof != "not-attempted")
    };
    let (before, after) = (proof(a), proof(b));
    if before != after {
        let said = |proof: Option<String>| proof.unwrap_or_else(|| "not tried".to_owned());
        what.push(format!("private key {} -> {}", said(before), said(after)));
    }
    what
}

fn same_guid(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (None, None) => true,
        _ => false,
    }
}
