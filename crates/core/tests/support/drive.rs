//! Machines with real secrets, as a copied drive.

use iiskeys_core::evidence::{MemoryTree, Timestamp};
use iiskeys_core::report::{CheckRow, PlanRow, Report};
use iiskeys_fixtures::listing::bodyfile;
use iiskeys_fixtures::machine::Machine;

use super::{findings, of_tree, outcome};

/// What holds the machine's secrets: both hives of the chain and the master keys.
pub const CHAIN: [&str; 2] = ["\\config\\SECURITY", "\\Protect\\"];

/// A tree with the files of a machine whose paths hold none of `without`; files have their modification times.
pub fn tree(machine: &Machine, without: &[&str]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        if without.iter().any(|part| path.to_lowercase().contains(&part.to_lowercase())) {
            continue;
        }
        let path = path.trim_start_matches("C:\\").replace('\\', "/");
        tree.insert(&path, &file.bytes, None, Timestamp::from_filetime(file.modified));
    }
    tree
}

/// Diagnoses a drive.
pub fn on_drive(machine: &Machine) -> Report {
    of_tree(tree(machine, &[]))
}

/// Diagnoses a drive of which something was not collected.
pub fn without(machine: &Machine, parts: &[&str]) -> Report {
    of_tree(tree(machine, parts))
}

/// Diagnoses a drive of which something was not collected, with a listing of its key folders.
pub fn listed_without(machine: &Machine, parts: &[&str]) -> Report {
    let rows: Vec<_> =
        machine.listed().into_iter().filter(|file| file.path.contains("\\Microsoft\\Crypto\\")).collect();
    of_tree(tree(machine, parts).file("listing.txt", bodyfile(&rows, false).as_bytes()))
}

/// What a rule came to, with why and what to collect.
pub fn check(report: &Report, rule: &str) -> CheckRow {
    report.checks.iter().find(|check| check.rule == rule).cloned().expect("the rule")
}

/// Asserts that a rule could not be evaluated, why, and what it asks for.
pub fn lacks(report: &Report, rule: &str, why: &str, need: &str) {
    let check = check(report, rule);
    assert_eq!(check.outcome, "not-evaluated", "{rule}: {}", check.reason);
    assert!(check.reason.contains(why), "{rule}: {}", check.reason);
    assert!(check.needs.iter().any(|text| text.contains(need)), "{rule}: {:?}", check.needs);
}

/// Asserts that rules looked and found nothing.
pub fn clear(report: &Report, rules: &[&str]) {
    for rule in rules {
        let check = check(report, rule);
        assert_eq!(outcome(report, rule), "clear", "{rule}: {} {:?}", check.reason, findings(report, rule));
    }
}

/// The plan, which there must be.
pub fn plan(report: &Report) -> &PlanRow {
    report.plan.as_ref().unwrap_or_else(|| panic!("no plan:\n{}", report.to_text()))
}

/// The kinds of a plan's steps.
pub fn actions(plan: &PlanRow) -> Vec<&str> {
    plan.steps.iter().map(|step| step.action.as_str()).collect()
}

/// Severity and confidence words of a finding, and its subject.
pub fn told(finding: &iiskeys_core::report::FindingRow) -> (String, String, String) {
    (format!("{:?}", finding.severity).to_lowercase(), finding.confidence.clone(), finding.subject.clone())
}
