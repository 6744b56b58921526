//! What a comparison must not claim: another key is no repair, what was not looked at is not gone, and tokens of two maps are no
//! names.

mod support;

use iiskeys_core::across::{self, Identity};
use iiskeys_core::compare::{self, Comparison, Kinship, Met, Outcome, against};
use iiskeys_core::report::{Level, PseudonymMap, Report};
use iiskeys_core::rules::{self, Severity};
use iiskeys_fixtures::cases::{self, guid_changed, protected_healthy, sysprepped_clone};
use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, file_name};
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os, Value, WAS_KEY};
use iiskeys_fixtures::time::filetime;
use support::diagnose;

fn repaired() -> Machine {
    let mut machine = guid_changed();
    machine.set_guid(GUID, filetime((2012, 5, 1), (8, 0, 0)));
    machine
}

fn named(mut machine: Machine, host: &str) -> Machine {
    let key = "ControlSet001\\Control\\ComputerName\\ComputerName";
    machine.set_system(key, "ComputerName", Value::Sz(host.to_owned()));
    machine
}

fn with_other_keys(report: &Report) -> Report {
    let mut report = report.clone();
    for pair in report.key_containers.iter_mut().flat_map(|row| &mut row.key_pairs) {
        if let Some(modulus) = &mut pair.modulus_sha256 {
            *modulus = modulus.chars().rev().collect();
        }
    }
    report
}

fn states(comparison: &Comparison, kind: &str) -> Vec<Met> {
    let rows = comparison.expectations.iter().filter(|row| row.expect.kind == kind);
    rows.filter(|row| !row.expect.modulus_sha256.is_empty()).map(|row| row.state).collect()
}

#[test]
fn a_container_with_another_key_is_not_what_the_plan_expects() {
    let (before, after) = (diagnose(&guid_changed()), diagnose(&repaired()));
    let same = compare::reports(&before, &after);
    assert!(!states(&same, "container").is_empty(), "the plan says which keys are expected");
    assert!(states(&same, "container").iter().all(|state| *state == Met::Met), "{}", same.to_text());
    let other = compare::reports(&before, &with_other_keys(&after));
    assert!(states(&other, "container").iter().all(|state| *state == Met::NotMet), "{}", other.to_text());
    assert_eq!(other.outcome, Outcome::Worse);
    let mut unread = after.clone();
    for row in &mut unread.key_containers {
        row.key_pairs.clear();
    }
    let unread = compare::reports(&before, &unread);
    assert!(states(&unread, "container").iter().all(|state| *state == Met::NotEvaluated));
}

#[test]
fn another_key_in_a_needed_container_is_open_without_a_plan() {
    let healthy = Machine::new(Os::Server2012R2);
    let mut other = healthy.clone();
    let name = file_name(WAS_KEY, Family::Capi, GUID);
    other.remove_container(WAS_KEY, GUID);
    other.add_container_file(
        &name,
        CapiSpec::new(WAS_KEY).exchange(PairSpec::new("another")).bytes(),
        healthy.installed,
    );
    let comparison = compare::reports(&diagnose(&healthy), &diagnose(&other));
    assert_eq!(comparison.outcome, Outcome::Open, "{}", comparison.to_text());
    assert!(comparison.open.iter().any(|line| line.contains("holds another key")), "{:?}", comparison.open);
}

#[test]
fn what_a_finding_names_no_more_is_not_back() {
    let before = diagnose(&guid_changed());
    let mut after = before.clone();
    for finding in &mut after.findings {
        finding.affects.clear();
    }
    let comparison = compare::reports(&before, &after);
    assert!(comparison.down.back.is_empty(), "{:?}", comparison.down);
    assert!(comparison.down.unknown.contains(&"IISADMIN".to_owned()), "{:?}", comparison.down);
}

#[test]
fn a_finding_about_a_file_that_was_not_collected_again_is_not_gone() {
    let mut before = diagnose(&guid_changed());
    let mut after = diagnose(&repaired());
    let path = before.evidence.first().expect("a file").path.clone();
    let mut finding = before.findings.first().expect("a finding").clone();
    finding.rule = "evidence-damaged".to_owned();
    finding.id = "evidence-damaged-000000000000".to_owned();
    finding.subject = format!("file:{path}");
    before.findings.push(finding);
    let gone = |comparison: &Comparison| {
        comparison.findings.vanished.iter().any(|row| row.rule == "evidence-damaged")
    };
    assert!(gone(&compare::reports(&before, &after)));
    after.evidence.retain(|row| row.path != path);
    assert!(!gone(&compare::reports(&before, &after)));
}

#[test]
fn no_plan_expects_good_news_to_be_gone() {
    for case in cases::all() {
        let report = diagnose(&case.machine);
        for row in report.plan.iter().flat_map(|plan| &plan.expect).filter(|row| row.kind == "finding-gone") {
            let finding =
                report.findings.iter().find(|finding| finding.id == row.subject).expect("a finding");
            let rule = rules::by_name(&finding.rule).expect("a rule");
            assert!(rule.info().severity > Severity::Note, "{}: {}", case.name, row.what);
        }
    }
}

#[test]
fn a_plan_without_expectations_leaves_the_repair_open() {
    let mut before = diagnose(&guid_changed());
    before.plan.as_mut().expect("a plan").expect.clear();
    let comparison = compare::reports(&before, &diagnose(&repaired()));
    assert_eq!(comparison.outcome, Outcome::Open);
    assert!(comparison.open.iter().any(|line| line.contains("diagnose A again")), "{:?}", comparison.open);
}

#[test]
fn what_less_evidence_raises_is_open_and_not_worse() {
    let mut before = diagnose(&guid_changed());
    before.plan = None;
    let mut after = before.clone();
    let finding = before.findings.iter_mut().find(|row| row.severity == Level::Error).expect("an error");
    finding.severity = Level::Note;
    assert_eq!(compare::reports(&before, &after).outcome, Outcome::Worse);
    let check = after.checks.iter_mut().find(|row| row.outcome == "clear").expect("a clear rule");
    check.outcome = "not-evaluated".to_owned();
    assert_eq!(compare::reports(&before, &after).outcome, Outcome::Open);
}

#[test]
fn the_number_of_what_is_expected_is_said_in_words_that_agree() {
    let (before, after) = (diagnose(&guid_changed()), diagnose(&repaired()));
    let comparison = compare::reports(&before, &after);
    let all = comparison.expectations.len();
    let said = format!("Of the {all} things that the plan of A expects, {all} are there.");
    assert!(comparison.summary.contains(&said), "{}", comparison.summary);
}

#[test]
fn a_step_that_is_worded_anew_is_no_drift() {
    let baseline = diagnose(&guid_changed());
    let mut now = baseline.clone();
    let plan = now.plan.as_mut().expect("a plan");
    plan.steps[0].detail.push_str(" Please.");
    let drift = against(&baseline, &now);
    assert!(drift.is_empty() && drift.wording.len() == 1, "{drift:?}");
    assert!(drift.to_text().contains("worded anew"));
    let plan = now.plan.as_mut().expect("a plan");
    plan.expect.pop();
    plan.alternatives.pop();
    let rows = against(&baseline, &now).rows;
    let subjects: Vec<&str> = rows.iter().map(|row| row.subject.as_str()).collect();
    assert!(subjects.contains(&"expect"), "{subjects:?}");
    assert_eq!(subjects.contains(&"alternatives"), !baseline.plan.unwrap().alternatives.is_empty());
}

#[test]
fn tokens_of_two_maps_are_no_names() {
    let pseudonymous = |machine: &Machine, map: &mut PseudonymMap| {
        let mut report = diagnose(machine);
        report.pseudonymize(map).expect("a report");
        report
    };
    let (mut one, mut two) = (PseudonymMap::default(), PseudonymMap::default());
    let clear = diagnose(&guid_changed());
    let mine = pseudonymous(&guid_changed(), &mut one);
    let again = pseudonymous(&guid_changed(), &mut one);
    let other = pseudonymous(&named(guid_changed(), "MAIL"), &mut two);
    assert_eq!(mine.redaction_map, again.redaction_map);
    assert!(mine.redaction_map.is_some() && mine.redaction_map != other.redaction_map);
    let read = PseudonymMap::from_json(&one.to_json()).expect("a map");
    assert_eq!(pseudonymous(&guid_changed(), &mut read.clone()).redaction_map, mine.redaction_map);

    assert_eq!(compare::reports(&mine, &again).relation.kind, Kinship::SameMachine);
    for (a, b) in [(&mine, &other), (&clear, &mine), (&mine, &clear)] {
        let comparison = compare::reports(a, b);
        assert_eq!(comparison.relation.kind, Kinship::Unknown, "{}", comparison.to_text());
        assert_eq!(comparison.outcome, Outcome::Open, "{}", comparison.to_text());
        assert!(comparison.findings.vanished.is_empty() && comparison.findings.appeared.is_empty());
        assert!(comparison.origins.is_empty() && comparison.down.back.is_empty());
        assert!(comparison.expectations.iter().all(|row| row.state == Met::NotEvaluated));
        assert!(comparison.summary.contains("with one map"), "{}", comparison.summary);
    }
    let identities = [("a".to_owned(), Identity::of(&mine)), ("b".to_owned(), Identity::of(&other))];
    let joined = across::join(&identities, 0);
    assert!(joined.findings.iter().all(|row| row.kind != "private-key"), "{:#?}", joined.findings);
    assert_eq!(joined.limits.len(), 2, "{:?}", joined.limits);
}

#[test]
fn compare_and_across_agree_on_what_is_one_machine() {
    let mut two = Machine::new(Os::Server2012R2);
    for name in ["iisWasKey", "iisConfigurationKey", "NetFrameworkConfigurationKey", "TSSecKeySet1"] {
        two.remove_container(name, GUID);
        two.add_container(name, OTHER_GUID, two.installed);
    }
    two.set_guid(OTHER_GUID, two.installed);
    let mut reports: Vec<Report> = cases::all().iter().map(|case| diagnose(&case.machine)).collect();
    reports.extend([&two, &protected_healthy(), &named(sysprepped_clone(), "X")].map(diagnose));
    for a in &reports {
        for b in &reports {
            let identities = [("a".to_owned(), Identity::of(a)), ("b".to_owned(), Identity::of(b))];
            let joined = across::join(&identities, 0);
            let one = joined.findings.iter().any(|row| row.kind == "same-machine");
            let relation = compare::reports(a, b).relation;
            assert_eq!(one, relation.kind == Kinship::SameMachine, "{relation:?} {joined:#?}");
        }
    }
}
