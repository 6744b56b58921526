//! The census: one row for each GUID that the evidence shows.

use std::collections::BTreeMap;

use iiskeys_evidence::Timestamp;

use super::{FolderRole, Machine};
use crate::artifact::container::Guid;

/// What is known of one GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusRow {
    /// The GUID, as first found.
    pub guid: Guid,
    /// Whether it is the current one.
    pub is_current: bool,
    /// Containers under it, in all folders that Windows uses.
    pub containers: u64,
    /// Earliest creation time among them.
    pub first_created: Option<Timestamp>,
    /// Latest creation time among them.
    pub last_created: Option<Timestamp>,
    /// Whether a registry in evidence holds it, or an earlier one held it.
    pub in_registry: bool,
    /// Where it was seen.
    pub sources: Vec<String>,
}

#[derive(Default)]
struct Row {
    containers: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    stores: BTreeMap<String, u64>,
    registry: Vec<String>,
    /// Sightings in event logs: they say that it was in use, not that anything is wrong.
    seen: Option<String>,
}

impl Row {
    fn witness(&mut self, first: Option<Timestamp>, last: Option<Timestamp>) {
        self.first = self.first.into_iter().chain(first).min();
        self.last = self.last.into_iter().chain(last).max();
    }
}

pub(super) fn derive(machine: &Machine<'_>) -> Vec<CensusRow> {
    let facts = machine.facts;
    let mut rows: BTreeMap<Guid, Row> = BTreeMap::new();
    let identity = &facts.identity;
    let mut registry = |guid: Option<&Guid>, source: &str| {
        if let Some(guid) = guid {
            rows.entry(*guid).or_default().registry.push(source.to_owned());
        }
    };
    registry(identity.guid.value().and_then(|value| value.guid.as_ref()), "registry");
    let unreplayed = identity.unreplayed.as_ref().and_then(|known| known.value());
    registry(unreplayed.and_then(|value| value.guid.as_ref()), "registry without its logs");
    registry(identity.wow64.value().and_then(|value| value.guid.as_ref()), "WOW6432Node");
    for (value, _) in &identity.rivals {
        registry(value.guid.as_ref(), "second registry source");
    }
    for earlier in &identity.earlier {
        let without = if earlier.is_unreplayed { " without its logs" } else { "" };
        registry(Some(&earlier.guid), &format!("{}{without}", earlier.source));
    }
    for (key, group) in &facts.groups {
        let (Some(guid), Some(folder)) = (&key.guid, facts.folders.get(key.folder)) else { continue };
        if folder.role == FolderRole::Copy {
            continue;
        }
        let row = rows.entry(*guid).or_default();
        row.containers += group.count;
        *row.stores.entry(folder.store.id().to_owned()).or_default() += group.count;
        if machine.times_lost(folder).is_none() {
            row.witness(group.first, group.last);
        }
    }
    for (index, container) in facts.containers.iter().enumerate() {
        let Some(guid) = &container.guid else { continue };
        // Containers of others are counted in the groups.
        if !container.tracked || container.set_aside || machine.folder_of(index).role == FolderRole::Copy {
            continue;
        }
        let created = machine.created(index);
        let row = rows.entry(*guid).or_default();
        row.containers += 1;
        *row.stores.entry(machine.folder_of(index).store.id().to_owned()).or_default() += 1;
        row.witness(created, created);
    }
    for seen in &facts.events.key_files {
        let (first, last) = (seen.first.day(), seen.last.day());
        let days = if first == last { first } else { format!("{first} to {last}") };
        rows.entry(seen.guid).or_default().seen =
            Some(format!("Security events on key files ({}, {days})", seen.count));
    }
    rows.into_iter()
        .map(|(guid, row)| CensusRow {
            is_current: machine.guid.as_ref() == Some(&guid),
            containers: row.containers,
            first_created: row.first,
            last_created: row.last,
            in_registry: !row.registry.is_empty(),
            sources: row
                .registry
                .into_iter()
                .chain(row.stores.into_iter().map(|(store, count)| format!("{store} ({count})")))
                .chain(row.seen)
                .collect(),
            guid,
        })
        .collect()
}
