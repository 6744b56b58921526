//! Findings, rules, and what is down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::apart::Tokens;
use super::model::{Change, Difference, DownChanges, FindingChanges, FindingMove, FindingRef};
use super::seen::Seen;
use crate::report::{FindingRow, Level, Report};

pub(super) fn reference(row: &FindingRow) -> FindingRef {
    FindingRef {
        id: row.id.clone(),
        rule: row.rule.clone(),
        severity: row.severity,
        confidence: row.confidence.clone(),
        title: row.title.clone(),
    }
}

/// Rows of both by id: in A alone, in both, in B alone; each list in the order of its report.
pub(super) struct Joined<'a> {
    pub only_a: Vec<&'a FindingRow>,
    pub both: Vec<(&'a FindingRow, &'a FindingRow)>,
    pub only_b: Vec<&'a FindingRow>,
}

pub(super) fn join<'a>(a: &'a [FindingRow], b: &'a [FindingRow]) -> Joined<'a> {
    // An id stands once in a report of ours. One that was edited may say otherwise, and no row is lost then.
    let mut waiting: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    for (at, row) in b.iter().enumerate() {
        waiting.entry(&row.id).or_default().push_back(at);
    }
    let mut joined = Joined { only_a: Vec::new(), both: Vec::new(), only_b: Vec::new() };
    let mut taken = BTreeSet::new();
    for row in a {
        match waiting.get_mut(row.id.as_str()).and_then(VecDeque::pop_front) {
            Some(at) => {
                taken.insert(at);
                joined.both.extend(b.get(at).map(|other| (row, other)));
            }
            None => joined.only_a.push(row),
        }
    }
    joined.only_b = b.iter().enumerate().filter(|(at, _)| !taken.contains(at)).map(|(_, row)| row).collect();
    joined
}

pub(super) fn findings(a: &Seen<'_>, b: &Seen<'_>) -> FindingChanges {
    let joined = join(&a.report.findings, &b.report.findings);
    let mut changes = FindingChanges::default();
    for row in joined.only_a {
        let list = if b.looked_as_far(&row.rule, &row.subject, a) {
            &mut changes.vanished
        } else {
            &mut changes.no_longer_examined
        };
        list.push(reference(row));
    }
    for row in joined.only_b {
        let list = if a.looked_as_far(&row.rule, &row.subject, b) {
            &mut changes.appeared
        } else {
            &mut changes.newly_examined
        };
        list.push(reference(row));
    }
    for (before, after) in joined.both {
        let (before, after) = (reference(before), reference(after));
        if before == after {
            changes.stayed.push(before);
        } else {
            changes.changed.push(FindingMove { a: before, b: after });
        }
    }
    changes
}

/// Takes in findings about what tokens of two maps name: none of them is known to be one of the other report.
pub(super) fn add_tokened(changes: &mut FindingChanges, reports: [&Report; 2], tokens: &Tokens<'_>) {
    let tokened = |report: &Report| -> Vec<FindingRef> {
        let rows = report.findings.iter();
        rows.filter(|row| serde_json::to_string(row).is_ok_and(|text| tokens.is_in(&text)))
            .map(reference)
            .collect()
    };
    let [a, b] = reports;
    changes.no_longer_examined.extend(tokened(a));
    changes.newly_examined.extend(tokened(b));
}

/// Rules that answer in one report alone.
pub(super) fn rules(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Difference> {
    let mut names: Vec<&str> = a.report.checks.iter().map(|check| check.rule.as_str()).collect();
    let known: BTreeSet<&str> = names.iter().copied().collect();
    names
        .extend(b.report.checks.iter().map(|check| check.rule.as_str()).filter(|rule| !known.contains(rule)));
    let said = |seen: &Seen<'_>, rule: &str| {
        seen.check(rule).map(|check| match check.outcome.as_str() {
            "not-evaluated" => format!("not-evaluated: {}", check.reason),
            outcome => outcome.to_owned(),
        })
    };
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .filter(|rule| seen.insert(*rule) && a.answers(rule) != b.answers(rule))
        .map(|rule| Difference {
            subject: rule.to_owned(),
            change: if a.answers(rule) { Change::NotInB } else { Change::NotInA },
            a: said(a, rule),
            b: said(b, rule),
        })
        .collect()
}

/// What is down because of errors, with the findings that say so.
fn down<'a>(seen: &Seen<'a>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut down: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in seen.report.findings.iter().filter(|finding| finding.severity == Level::Error) {
        for name in &finding.affects {
            down.entry(name).or_default().push(&finding.id);
        }
    }
    down
}

pub(super) fn what_is_down(a: &Seen<'_>, b: &Seen<'_>, findings: &FindingChanges) -> DownChanges {
    let (before, after) = (down(a), down(b));
    let gone: BTreeSet<&str> = findings.vanished.iter().map(|finding| finding.id.as_str()).collect();
    let mut changes = DownChanges::default();
    if a.is_apart || b.is_apart {
        changes.unknown = before.keys().map(|name| (*name).to_owned()).collect();
        return changes;
    }
    for (name, said_by) in &before {
        let list = if after.contains_key(name) {
            &mut changes.still_down
        } else if said_by.iter().all(|id| gone.contains(id)) {
            &mut changes.back
        } else {
            // A finding that stays and names it no more has not looked at who uses what.
            &mut changes.unknown
        };
        list.push((*name).to_owned());
    }
    changes.went_down =
        after.keys().filter(|name| !before.contains_key(*name)).map(|name| (*name).to_owned()).collect();
    changes
}
