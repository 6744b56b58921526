//! The parts of a report that are lists of named rows: GUIDs, providers, master keys, certificates, bindings, copies.

use std::collections::{BTreeMap, VecDeque};

use super::model::{Change, Difference};
use super::seen::Seen;

/// Rows of a list by name, with what is said of each.
type Rows = Vec<(String, String)>;

/// What is not the same in two lists, by name. A list that the other evidence does not reach says nothing of absence.
fn table(a: Rows, b: Rows, reached: [bool; 2]) -> Vec<Difference> {
    let mut names: BTreeMap<String, [VecDeque<String>; 2]> = BTreeMap::new();
    for (side, rows) in [a, b].into_iter().enumerate() {
        for (name, said) in rows {
            if let Some(list) = names.entry(name).or_default().get_mut(side) {
                list.push_back(said);
            }
        }
    }
    let mut differences = Vec::new();
    for (subject, [mut before, mut after]) in names {
        loop {
            let (a, b) = (before.pop_front(), after.pop_front());
            let change = match (&a, &b) {
                (None, None) => break,
                (Some(a), Some(b)) if a == b => continue,
                (Some(_), Some(_)) => Change::Changed,
                (Some(_), None) if reached[1] => Change::Vanished,
                (Some(_), None) => Change::NotInB,
                (None, Some(_)) if reached[0] => Change::Appeared,
                (None, Some(_)) => Change::NotInA,
            };
            differences.push(Difference { subject: subject.clone(), change, a, b });
        }
    }
    differences
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The census.
pub(super) fn guids(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let rows = |seen: &Seen<'_>| -> Rows {
        let census = seen.report.guid_census.iter();
        let mut rows: Rows = census
            .map(|row| {
                let current = if row.is_current { "current, " } else { "" };
                (row.guid.to_lowercase(), format!("{current}{}", count(row.containers, "container")))
            })
            .collect();
        rows.sort();
        rows
    };
    let reached = [a, b].map(|seen| seen.looked_at("identity") && seen.looked_at("containers"));
    let mut differences = table(rows(a), rows(b), reached);
    // Compared without regard to case, and said as found.
    let mut as_found: BTreeMap<String, &String> = BTreeMap::new();
    for row in a.report.guid_census.iter().chain(&b.report.guid_census) {
        let found = as_found.entry(row.guid.to_lowercase()).or_insert(&row.guid);
        *found = (*found).min(&row.guid);
    }
    for row in &mut differences {
        if let Some(found) = as_found.get(&row.subject) {
            row.subject = (*found).clone();
        }
    }
    differences
}

/// Providers with their session keys.
pub(super) fn session_keys(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let rows = |seen: &Seen<'_>| -> Rows {
        let providers = seen.report.config.iter().flat_map(|config| &config.providers);
        let mut rows: Rows = providers
            .map(|provider| {
                let key = match (&provider.session_key_sha256, provider.has_session_key) {
                    (Some(digest), _) => format!("session key {}", digest.get(..16).unwrap_or(digest)),
                    (None, true) => "a session key".to_owned(),
                    (None, false) => "no session key".to_owned(),
                };
                let fit = provider.session_key.as_deref().map(|fit| format!(", {fit}")).unwrap_or_default();
                let values = count(provider.values, "value");
                (provider.name.clone(), format!("{}: {key}{fit}, {values}", provider.key_container))
            })
            .collect();
        rows.sort();
        rows
    };
    table(rows(a), rows(b), [a, b].map(|seen| seen.report.config.is_some() && !seen.is_apart))
}

/// Master keys.
pub(super) fn master_keys(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let rows = |seen: &Seen<'_>| -> Rows {
        seen.master_keys.iter().map(|(guid, opened)| (guid.clone(), format!("opened by: {opened}"))).collect()
    };
    // Only what a container asked for is named, so absence says little without the folder.
    let reached = [a, b].map(|seen| seen.report.evidence.iter().any(|row| row.kind == "protect-folder"));
    table(rows(a), rows(b), reached)
}

/// Certificates with the state of their keys.
pub(super) fn certificates(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let rows = |seen: &Seen<'_>| -> Rows {
        let mut rows: Rows = seen
            .report
            .certificates
            .iter()
            .map(|row| {
                let link = row.link.as_ref().map(|link| link.container.as_str()).unwrap_or("no link");
                (row.id.clone(), format!("{}, {link}", row.state))
            })
            .collect();
        rows.sort();
        rows
    };
    table(rows(a), rows(b), [a, b].map(|seen| seen.looked_at("certificates")))
}

/// Bindings with what stands behind them.
pub(super) fn bindings(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let rows = |seen: &Seen<'_>| -> Rows {
        let mut rows: Rows = seen
            .report
            .bindings
            .iter()
            .map(|row| {
                let site = row.site.as_ref().map(|site| format!("{site} ")).unwrap_or_default();
                let parts = [&row.thumbprint, &row.container, &row.file];
                let behind: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
                let behind =
                    if behind.is_empty() { String::new() } else { format!(": {}", behind.join(", ")) };
                (format!("{site}{}", row.endpoint), format!("{}{behind}", row.state))
            })
            .collect();
        rows.sort();
        rows
    };
    table(rows(a), rows(b), [a, b].map(|seen| seen.looked_at("certificates")))
}

/// Copies of the configuration.
pub(super) fn config_copies(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let rows = |seen: &Seen<'_>| -> Rows {
        let mut rows: Rows = seen
            .report
            .config_copies
            .iter()
            .map(|row| {
                (format!("{} {}", row.kind, row.path), format!("{}, {}", row.fit, count(row.values, "value")))
            })
            .collect();
        rows.sort();
        rows
    };
    let reached = [a, b].map(|seen| !seen.report.config_copies.is_empty() && !seen.is_apart);
    table(rows(a), rows(b), reached)
}
