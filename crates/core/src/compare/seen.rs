//! One report as the comparison looks at it: what it knows, and how far its evidence reaches.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{CheckRow, ContainerRow, Report};

/// A report with its indexes.
pub(crate) struct Seen<'a> {
    pub report: &'a Report,
    checks: BTreeMap<&'a str, &'a CheckRow>,
    /// GUIDs that a registry of this machine holds or held, in lower case.
    pub own: BTreeSet<String>,
    /// Containers by the SHA-256 of a modulus.
    pub keys: BTreeMap<&'a str, Vec<&'a ContainerRow>>,
    /// Master keys in evidence that a container asked for, by GUID in lower case, with what opened them.
    pub master_keys: BTreeMap<String, &'a str>,
    stores: BTreeSet<&'a str>,
    key_folders: BTreeSet<String>,
    /// Whether the names in the other report are not those in this one, so that absence says nothing.
    pub is_apart: bool,
}

impl<'a> Seen<'a> {
    pub fn of(report: &'a Report) -> Self {
        let mut own = BTreeSet::new();
        for row in &report.guid_census {
            let guid = row.guid.to_lowercase();
            // Reports from before the field name the registry among the places.
            let in_registry =
                row.in_registry || row.sources.iter().any(|source| source.starts_with("registry"));
            if row.is_current || in_registry {
                own.insert(guid);
            }
        }
        own.extend(report.machine.machine_guid.iter().map(|guid| guid.value.to_lowercase()));
        let mut keys: BTreeMap<&str, Vec<&ContainerRow>> = BTreeMap::new();
        for row in &report.key_containers {
            for key in moduli(row) {
                keys.entry(key).or_default().push(row);
            }
        }
        let tried = report.dpapi.iter().flat_map(|dpapi| &dpapi.tried);
        let stores = report.key_containers.iter().map(|row| row.store.as_str());
        let counted = report.container_groups.iter().map(|row| row.store.as_str());
        let folders = report.evidence.iter().filter(|row| row.kind == "key-folder");
        Self {
            report,
            checks: report.checks.iter().map(|check| (check.rule.as_str(), check)).collect(),
            own,
            keys,
            master_keys: tried.map(|row| (row.guid.to_lowercase(), row.opened.as_str())).collect(),
            stores: stores.chain(counted).collect(),
            key_folders: folders.map(|row| last(&row.path)).collect(),
            is_apart: false,
        }
    }

    /// The MachineGuid in lower case.
    pub fn guid(&self) -> Option<String> {
        self.report.machine.machine_guid.as_ref().map(|guid| guid.value.to_lowercase())
    }

    /// The host name in upper case.
    pub fn host(&self) -> Option<String> {
        self.report.machine.hostname.as_ref().map(|name| name.to_uppercase())
    }

    /// What a rule came to.
    pub fn check(&self, rule: &str) -> Option<&'a CheckRow> {
        self.checks.get(rule).copied()
    }

    /// Whether a rule was evaluated at all.
    pub fn answers(&self, rule: &str) -> bool {
        self.check(rule).is_some_and(|check| check.outcome != "not-evaluated")
    }

    /// Whether a rule looked at everything that it looked at in `other`, and at this subject: what it does not report here is
    /// not there.
    pub fn looked_as_far(&self, rule: &str, subject: &str, other: &Self) -> bool {
        self.rule_looked_as_far(rule, other) && self.reaches(subject, other)
    }

    /// Whether a rule lacks nothing here that it had in `other`.
    pub fn rule_looked_as_far(&self, rule: &str, other: &Self) -> bool {
        if self.is_apart {
            return false;
        }
        let Some(check) = self.check(rule) else { return false };
        if check.outcome == "not-evaluated" {
            return false;
        }
        // A rule that fired may still lack a part of its evidence.
        let before = other.check(rule).map(|check| check.needs.as_slice()).unwrap_or_default();
        let before: BTreeSet<&String> = before.iter().collect();
        check.needs.iter().all(|need| before.contains(need))
    }

    /// Whether the evidence shows what `other` has under this subject, or that it is not there any more.
    fn reaches(&self, subject: &str, other: &Self) -> bool {
        match subject.split_once(':') {
            Some(("container", id)) => self.reaches_container(id, other),
            Some(("file", path)) => {
                let rows = &other.report.evidence;
                // Some files have a name that is no path of the evidence.
                !rows.iter().any(|row| row.path.eq_ignore_ascii_case(path))
                    || self.report.evidence.iter().any(|row| is_one_place(&row.path, path))
            }
            Some(("provider", _)) => other.report.config.is_none() || self.report.config.is_some(),
            _ => true,
        }
    }

    fn reaches_container(&self, id: &str, other: &Self) -> bool {
        // What needs it stands in the configuration, and without a need many rules are silent.
        let (store, name) = id.split_once('/').unwrap_or(("", id));
        let is_needed = |seen: &Self| {
            seen.report
                .needed
                .iter()
                .any(|row| row.store == store && name.to_lowercase().starts_with(&row.prefix.to_lowercase()))
        };
        let config_is_lost = other.report.config.is_some() && self.report.config.is_none();
        if config_is_lost && is_needed(other) && !is_needed(self) {
            return false;
        }
        let Some(row) = other.report.key_containers.iter().find(|row| row.id.eq_ignore_ascii_case(id)) else {
            return true;
        };
        let mut here =
            self.report.key_containers.iter().filter(|row| row.id.eq_ignore_ascii_case(id)).peekable();
        if here.peek().is_none() {
            return self.has_store_of(row) && !self.may_be_counted(row);
        }
        row.state == "not-read" || here.any(|row| row.state != "not-read")
    }

    /// Whether a folder like that of `row` is in evidence.
    pub fn has_store_of(&self, row: &ContainerRow) -> bool {
        if self.is_apart {
            return false;
        }
        let folder = row.path.rsplit_once('/').map(|(folder, _)| last(folder));
        self.stores.contains(row.store.as_str())
            || folder.is_some_and(|folder| self.key_folders.contains(&folder))
    }

    /// Whether a container like `row` may be among those that are only counted.
    pub fn may_be_counted(&self, row: &ContainerRow) -> bool {
        let guid = row.guid.as_ref().map(|guid| guid.to_lowercase());
        self.report.containers_only_counted > 0
            && self.report.container_groups.iter().any(|group| {
                group.store == row.store && group.guid.as_ref().map(|guid| guid.to_lowercase()) == guid
            })
    }

    /// Whether any rule of a group was evaluated.
    pub fn looked_at(&self, group: &str) -> bool {
        !self.is_apart
            && self.report.checks.iter().any(|check| check.group == group && check.outcome != "not-evaluated")
    }
}

/// Whether two paths of evidence that was collected in different ways lead to one place on the server.
fn is_one_place(a: &str, b: &str) -> bool {
    /// So many parts tell a file of Windows from its copies.
    const TELLING: usize = 3;
    let parts = |path: &str| -> Vec<String> {
        path.rsplit(['/', '\\']).take(TELLING).map(str::to_lowercase).collect()
    };
    let (a, b) = (parts(a), parts(b));
    let shorter = a.len().min(b.len());
    shorter > 0 && a.get(..shorter) == b.get(..shorter)
}

/// The last part of a path, in lower case.
fn last(path: &str) -> String {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase()
}

/// SHA-256 of the moduli of a container, sorted. A container without a key has none, and two such are never the same key.
pub(crate) fn moduli(row: &ContainerRow) -> Vec<&str> {
    let mut keys: Vec<&str> =
        row.key_pairs.iter().filter_map(|pair| pair.modulus_sha256.as_deref()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A moment as text that sorts, whatever the number of its decimals; nothing that is no time of RFC 3339 in UTC.
pub(crate) fn moment(text: &str) -> Option<&str> {
    let bare = text.strip_suffix('Z')?;
    let shaped = bare.get(..19)?.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    shaped.then_some(bare)
}

/// The second of a moment.
pub(crate) fn second(text: &str) -> Option<&str> {
    moment(text)?.get(..19)
}
