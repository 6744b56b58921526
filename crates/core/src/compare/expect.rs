//! Whether B shows what the plan of A expects.

use super::model::{Expectation, Kinship, Met, Relation};
use super::seen::{Seen, moduli};
use crate::report::{ExpectRow, Report};

pub(super) fn expectations(a: &Seen<'_>, b: &Seen<'_>, relation: &Relation) -> Vec<Expectation> {
    let expected = a.report.plan.iter().flat_map(|plan| &plan.expect);
    expected
        .map(|expect| {
            let (state, because) = match relation.kind {
                _ if b.is_apart => {
                    (Met::NotEvaluated, "The names in the two reports cannot be joined.".to_owned())
                }
                Kinship::TwoMachines | Kinship::Clone => (
                    Met::NotEvaluated,
                    "B is not known to be the machine that was repaired, so it shows nothing about the repair.".to_owned(),
                ),
                Kinship::SameMachine | Kinship::Unknown => answer(expect, a, b),
            };
            Expectation { expect: expect.clone(), state, because }
        })
        .collect()
}

fn answer(expect: &ExpectRow, a: &Seen<'_>, b: &Seen<'_>) -> (Met, String) {
    match expect.kind.as_str() {
        "finding-gone" => finding_gone(&expect.subject, a, b),
        "machine-guid" => machine_guid(expect, b.report),
        "container" => container(expect, a, b),
        "group-evaluated" => group(&expect.subject, b.report),
        other => (Met::NotEvaluated, format!("This version does not know expectations of the kind {other}.")),
    }
}

/// That a rule does not find the same any more, and what it finds in its place: titles alone may be alike.
fn gone(rule: &str, a: &Seen<'_>, b: &Seen<'_>) -> String {
    let is_known = |id: &str| a.report.findings.iter().any(|finding| finding.id == id);
    let new = b.report.findings.iter().filter(|finding| finding.rule == rule && !is_known(&finding.id));
    let new: Vec<&str> = new.map(|finding| finding.subject.as_str()).collect();
    if new.is_empty() {
        return format!("The rule {rule} was evaluated in B and does not find it.");
    }
    let others = crate::rules::join(&new.iter().map(|&it| it.to_owned()).collect::<Vec<_>>(), 3);
    format!(
        "The rule {rule} was evaluated in B and does not find this any more; what it finds in B is another: {others}."
    )
}

fn finding_gone(id: &str, a: &Seen<'_>, b: &Seen<'_>) -> (Met, String) {
    if let Some(finding) = b.report.findings.iter().find(|finding| finding.id == id) {
        return (Met::NotMet, format!("B still has it: {}.", finding.title));
    }
    let Some((rule, subject)) = rule_of(id, a.report) else {
        return (
            Met::NotEvaluated,
            format!("A has no finding {id}, so the rule that would have to run again is not known."),
        );
    };
    if b.looked_as_far(rule, subject, a) {
        return (Met::Met, gone(rule, a, b));
    }
    if b.rule_looked_as_far(rule, a) {
        return (
            Met::NotEvaluated,
            format!(
                "The rule {rule} was evaluated in B, and what it found in A is not in the evidence of B."
            ),
        );
    }
    let why = match b.check(rule) {
        Some(check) if !check.reason.is_empty() => check.reason.clone(),
        Some(_) => "no reason is given".to_owned(),
        None => "the program that made B has no such rule".to_owned(),
    };
    (Met::NotEvaluated, format!("The rule {rule} was not fully evaluated in B: {why}."))
}

/// The rule of a finding and its subject; an id is made of the rule's name and a digest.
fn rule_of<'a>(id: &str, a: &'a Report) -> Option<(&'a str, &'a str)> {
    let found = a.findings.iter().find(|finding| finding.id == id);
    let found = found.map(|finding| (finding.rule.as_str(), finding.subject.as_str()));
    let named = || {
        let rule = id.rsplit_once('-')?.0;
        a.checks.iter().find(|check| check.rule == rule).map(|check| (check.rule.as_str(), ""))
    };
    found.or_else(named)
}

fn machine_guid(expect: &ExpectRow, b: &Report) -> (Met, String) {
    let Some(found) = &b.machine.machine_guid else {
        return (Met::NotEvaluated, "The MachineGuid is not in the evidence of B.".to_owned());
    };
    match &expect.value {
        Some(value) if found.value.eq_ignore_ascii_case(value) => {
            (Met::Met, format!("B has the MachineGuid {}.", found.value))
        }
        Some(value) => (Met::NotMet, format!("B has the MachineGuid {} and not {value}.", found.value)),
        None => (Met::Met, format!("B has a MachineGuid, {}.", found.value)),
    }
}

fn container(expect: &ExpectRow, a: &Seen<'_>, b: &Seen<'_>) -> (Met, String) {
    let id = &expect.subject;
    let found: Vec<_> =
        b.report.key_containers.iter().filter(|row| row.id.eq_ignore_ascii_case(id)).collect();
    if found.is_empty() {
        let store = id.split('/').next().unwrap_or_default();
        let like = a.report.key_containers.iter().find(|row| row.store == store);
        let here = b.report.key_containers.iter().any(|row| row.store == store);
        // Of a folder with very many files, some have no row of their own.
        let counted = b.report.containers_only_counted > 0;
        return if (here || like.is_some_and(|row| b.has_store_of(row))) && !counted {
            (Met::NotMet, format!("B has no container {id}."))
        } else {
            (Met::NotEvaluated, format!("The evidence of B does not tell whether {id} is there."))
        };
    }
    let value = expect.value.as_ref();
    let as_expected: Vec<_> =
        found.iter().filter(|row| value.is_none_or(|value| row.state == *value)).collect();
    if !as_expected.is_empty() {
        let state = value.map_or("there", |value| value);
        let holds = |keys: &[&str]| {
            expect.modulus_sha256.iter().all(|wanted| keys.iter().any(|key| key.eq_ignore_ascii_case(wanted)))
        };
        return if as_expected.iter().any(|row| holds(&moduli(row))) {
            (Met::Met, format!("The container {id} is {state} in B."))
        } else if as_expected.iter().any(|row| moduli(row).is_empty()) {
            (
                Met::NotEvaluated,
                format!("The container {id} is {state} in B, and which key it holds was not read."),
            )
        } else {
            (Met::NotMet, format!("The container {id} is {state} in B and holds another key than in A."))
        };
    }
    let Some(value) = value else { return (Met::Met, format!("B has the container {id}.")) };
    if found.iter().any(|row| row.state == "not-read") {
        return (Met::NotEvaluated, format!("The container {id} is in B, and its bytes were not read."));
    }
    let states: Vec<&str> = found.iter().map(|row| row.state.as_str()).collect();
    (Met::NotMet, format!("The container {id} is {} in B and not {value}.", states.join(" and ")))
}

fn group(group: &str, b: &Report) -> (Met, String) {
    let rows: Vec<_> = b.checks.iter().filter(|check| check.group == group).collect();
    let core = crate::rules::all().iter().map(|rule| rule.info());
    let core: Vec<&str> =
        core.filter(|info| info.core && info.group.name() == group).map(|info| info.name).collect();
    let open: Vec<&str> = rows
        .iter()
        .filter(|check| check.outcome == "not-evaluated" && core.contains(&check.rule.as_str()))
        .map(|check| check.rule.as_str())
        .collect();
    if rows.is_empty() || !core.iter().all(|rule| rows.iter().any(|check| check.rule == *rule)) {
        (Met::NotEvaluated, format!("B does not say whether the group {group} was evaluated."))
    } else if open.is_empty() {
        (Met::Met, format!("The group {group} was evaluated in B."))
    } else {
        // Too little was collected, which is an open question and no failed repair.
        (
            Met::NotEvaluated,
            format!("Rules of the group {group} were not evaluated in B: {}.", open.join(", ")),
        )
    }
}
