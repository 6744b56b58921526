//! Two reports side by side: before and after a repair, a clone and its source, a donor and what it gave.

mod support;

use iiskeys_core::compare::{self, Change, Comparison, Direction, Kinship, Met, Outcome, against};
use iiskeys_core::report::{ExpectRow, Report};
use iiskeys_fixtures::cases::{
    self, foreign_config_by_unwrapping, guid_changed, guid_restored, protected_healthy, sysprepped_clone,
};
use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, capi_name_only, file_name};
use iiskeys_fixtures::machine::{
    CONFIGURATION_KEY, GUID, METABASE, Machine, OTHER_GUID, Os, Secrets, Value, WAS_KEY,
};
use iiskeys_fixtures::time::filetime;
use support::{Kept, diagnose, diagnose_kept, finding};

const NAME: &str = "ControlSet001\\Control\\ComputerName\\ComputerName";

fn named(mut machine: Machine, host: &str) -> Machine {
    machine.set_system(NAME, "ComputerName", Value::Sz(host.to_owned()));
    machine
}

const THIRD_GUID: &str = "c1f0f7a4-5a0e-4b6e-9a55-0d1e6f0a7b3c";

/// Another server of the same kind: its own GUID, its own containers, another day of installation.
fn another_server(host: &str) -> Machine {
    let mut machine = Machine::new(Os::Server2012R2);
    for name in [WAS_KEY, CONFIGURATION_KEY, "NetFrameworkConfigurationKey", "TSSecKeySet1"] {
        machine.remove_container(name, GUID);
        machine.add_container(name, THIRD_GUID, filetime((2016, 2, 1), (9, 0, 0)));
    }
    machine.set_guid(THIRD_GUID, filetime((2016, 2, 1), (8, 0, 0)));
    machine.set("Microsoft\\Windows NT\\CurrentVersion", "InstallDate", Value::Dword(1_454_313_600));
    named(machine, host)
}

fn compare(a: &Report, b: &Report) -> Comparison {
    let comparison = compare::reports(a, b);
    let text = comparison.to_text();
    // A name is never broken, and one of the cases has names of 32,000 letters.
    let fits = |line: &str| line.chars().count() <= 160 || line.split(' ').any(|word| word.len() > 60);
    assert!(text.lines().all(fits), "{text}");
    comparison
}

fn expect(kind: &str, subject: &str, value: Option<&str>) -> ExpectRow {
    let row = serde_json::json!({ "kind": kind, "subject": subject, "value": value, "what": format!("{kind} {subject}.") });
    serde_json::from_value(row).expect("a row")
}

/// The server whose GUID was typed over, with what its plan expects.
fn broken() -> Report {
    let mut report = diagnose(&guid_changed());
    let resolved = report.plan.as_ref().expect("a plan").resolves.clone();
    let plan = report.plan.as_mut().expect("a plan");
    plan.expect = resolved.iter().map(|id| expect("finding-gone", id, None)).collect();
    plan.expect.push(expect(
        "machine-guid",
        "HKLM\\SOFTWARE\\Microsoft\\Cryptography\\MachineGuid",
        Some(GUID),
    ));
    let container = format!("rsa-machine/{}", file_name(METABASE, Family::Capi, GUID));
    plan.expect.push(expect("container", &container, Some("complete")));
    plan.expect.push(expect("group-evaluated", "containers", None));
    report
}

fn repaired() -> Machine {
    let mut machine = guid_changed();
    machine.set_guid(GUID, filetime((2012, 5, 1), (8, 0, 0)));
    machine
}

#[test]
fn after_the_repair_everything_that_the_plan_expects_is_there() {
    let (before, after) = (broken(), diagnose(&repaired()));
    let comparison = compare(&before, &after);
    assert_eq!(comparison.relation.kind, Kinship::SameMachine);
    assert_eq!(comparison.relation.confidence, "strong");
    for row in &comparison.expectations {
        assert_eq!(row.state, Met::Met, "{}: {}", row.expect.what, row.because);
    }
    assert_eq!(comparison.outcome, Outcome::NotWorse, "{}", comparison.to_text());
    assert_eq!(comparison.down.back, ["IISADMIN", "SMTPSVC"]);
    assert!(comparison.findings.vanished.iter().any(|row| row.rule == "machine-guid-changed"));
    assert!(comparison.origins.is_empty(), "a machine has everything from itself");
}

#[test]
fn without_the_repair_nothing_that_the_plan_expects_is_there() {
    let before = broken();
    let comparison = compare(&before, &diagnose(&guid_changed()));
    let state = |kind: &str| {
        let rows = comparison.expectations.iter().filter(|row| row.expect.kind == kind);
        rows.map(|row| row.state).collect::<Vec<_>>()
    };
    assert!(state("finding-gone").iter().all(|state| *state == Met::NotMet));
    assert_eq!(state("machine-guid"), [Met::NotMet]);
    assert_eq!(comparison.outcome, Outcome::Worse);
    assert!(comparison.findings.appeared.is_empty() && comparison.findings.vanished.is_empty());
}

#[test]
fn what_was_not_collected_again_is_not_gone() {
    let before = broken();
    let after = diagnose_kept(&repaired(), &[Kept::Hives]);
    let comparison = compare(&before, &after);
    let orphaned = |rows: &[compare::FindingRef]| rows.iter().any(|row| row.rule == "container-orphaned");
    assert!(orphaned(&comparison.findings.no_longer_examined), "{}", comparison.to_text());
    assert!(!orphaned(&comparison.findings.vanished));
    assert_eq!(comparison.outcome, Outcome::Open);
    assert!(comparison.down.back.is_empty() && !comparison.down.unknown.is_empty());
    assert!(
        comparison.containers.iter().all(|row| row.change == Change::NotInB),
        "{:?}",
        comparison.containers
    );
    for row in comparison.expectations.iter().filter(|row| row.expect.subject.contains("container-orphaned"))
    {
        assert_eq!(row.state, Met::NotEvaluated, "{}", row.because);
    }
    let guid =
        comparison.expectations.iter().find(|row| row.expect.kind == "machine-guid").expect("it is asked");
    assert_eq!(guid.state, Met::Met, "the hive alone tells this");
}

#[test]
fn another_machine_shows_nothing_about_the_repair() {
    let comparison = compare(&broken(), &diagnose(&another_server("WEB07")));
    assert_eq!(comparison.relation.kind, Kinship::TwoMachines);
    assert!(!comparison.expectations.is_empty());
    assert!(comparison.expectations.iter().all(|row| row.state == Met::NotEvaluated));
    assert_ne!(comparison.outcome, Outcome::NotWorse);
}

#[test]
fn an_expectation_of_another_version_and_one_about_nothing_are_open() {
    let mut before = broken();
    before.plan.as_mut().expect("a plan").expect =
        vec![expect("moon-phase", "full", None), expect("finding-gone", "no-such-rule-000000000000", None)];
    let comparison = compare(&before, &diagnose(&repaired()));
    assert!(comparison.expectations.iter().all(|row| row.state == Met::NotEvaluated));
    assert_eq!(comparison.outcome, Outcome::Open);
}

#[test]
fn a_container_that_was_renamed_is_one_that_moved() {
    let mut before = Machine::new(Os::Server2003);
    before.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
    let mut after = before.clone();
    after.rename_container(METABASE, GUID, OTHER_GUID);
    let comparison = compare(&diagnose(&before), &diagnose(&after));
    let moved: Vec<_> = comparison.containers.iter().filter(|row| row.change == Change::Moved).collect();
    assert_eq!(moved.len(), 1, "{:?}", comparison.containers);
    assert_eq!(moved[0].basis.as_deref(), Some("key"));
    assert!(moved[0].what.iter().any(|what| what.starts_with("GUID")), "{:?}", moved[0].what);
    assert!(comparison.containers.iter().all(|row| row.change != Change::Vanished));
}

#[test]
fn a_container_made_anew_holds_another_key() {
    let before = Machine::new(Os::Server2012R2);
    let mut after = before.clone();
    let other = CapiSpec::new(WAS_KEY).exchange(PairSpec::new("made anew")).bytes();
    after.add_container_file(
        &file_name(WAS_KEY, Family::Capi, GUID),
        other,
        filetime((2021, 1, 1), (0, 0, 0)),
    );
    let comparison = compare(&diagnose(&before), &diagnose(&after));
    let changed: Vec<_> = comparison.containers.iter().filter(|row| row.change == Change::Changed).collect();
    assert_eq!(changed.len(), 1, "{:?}", comparison.containers);
    assert!(changed[0].what.contains(&"it holds another key".to_owned()), "{:?}", changed[0].what);
}

#[test]
fn two_empty_containers_are_never_the_same_key() {
    let mut before = Machine::new(Os::Server2012R2);
    before.add_container_file(
        &file_name(METABASE, Family::Capi, GUID),
        capi_name_only(METABASE),
        before.installed,
    );
    let mut after = Machine::new(Os::Server2012R2);
    after.add_container_file(
        &file_name(METABASE, Family::Capi, OTHER_GUID),
        capi_name_only(METABASE),
        after.installed,
    );
    let comparison = compare(&diagnose(&before), &diagnose(&after));
    let of_metabase: Vec<Change> = comparison.containers.iter().map(|row| row.change).collect();
    assert_eq!(of_metabase, [Change::Appeared, Change::Vanished], "{:?}", comparison.containers);
}

#[test]
fn two_servers_that_share_nothing_are_two_machines() {
    let mut other = another_server("WEB07");
    other.protect(&Secrets::new("WEB07"));
    let comparison = compare(&diagnose(&Machine::new(Os::Server2012R2)), &diagnose(&other));
    assert_eq!(comparison.relation.kind, Kinship::TwoMachines);
    assert_eq!(comparison.relation.confidence, "strong");
    assert!(comparison.origins.is_empty(), "{:?}", comparison.origins);
}

#[test]
fn a_container_that_carries_the_guid_of_the_donor_came_from_it() {
    let donor = diagnose(&Machine::new(Os::Server2012R2));
    let mut taker = another_server("WEB07");
    taker.add_container(WAS_KEY, GUID, filetime((2014, 6, 3), (8, 10, 0)));
    let comparison = compare(&donor, &diagnose(&taker));
    assert_eq!(comparison.relation.kind, Kinship::TwoMachines, "{}", comparison.to_text());
    let origin = comparison.origins.iter().find(|row| row.kind == "private-key").expect("the key is in both");
    assert_eq!((origin.direction, origin.confidence.as_str()), (Direction::AToB, "strong"));
    assert!(origin.items.iter().any(|item| item.starts_with(WAS_KEY)), "{:?}", origin.items);
    let mirrored = compare(&diagnose(&taker), &donor);
    let origin = mirrored.origins.iter().find(|row| row.kind == "private-key").expect("the key is in both");
    assert_eq!(origin.direction, Direction::BToA);
}

#[test]
fn an_imported_key_under_the_own_guid_has_no_direction_and_is_no_fault() {
    let node = Machine::new(Os::Server2012R2);
    let mut other = another_server("WEB07");
    let key = CapiSpec::new(WAS_KEY).exchange(PairSpec::new(&format!("{WAS_KEY} {GUID}"))).bytes();
    // An import writes the same key into a file of the importing machine's name.
    let at = filetime((2016, 2, 1), (9, 0, 0));
    other.add_container_file(&file_name(WAS_KEY, Family::Capi, THIRD_GUID), key.clone(), at);
    let mut node = node;
    node.remove_container(WAS_KEY, GUID);
    node.add_container_file(&file_name(WAS_KEY, Family::Capi, GUID), key, at);
    let comparison = compare(&diagnose(&node), &diagnose(&other));
    assert_eq!(comparison.relation.kind, Kinship::TwoMachines);
    let origin = comparison.origins.iter().find(|row| row.kind == "private-key").expect("the key is in both");
    assert_eq!(origin.direction, Direction::Unknown, "{origin:?}");
    assert!(origin.statement.contains("no fault"), "{}", origin.statement);
}

#[test]
fn a_configuration_whose_session_key_opens_at_home_came_from_there() {
    // The configuration that was copied over stands at home in the donor, with the donor's own container.
    let taker = diagnose(&named(foreign_config_by_unwrapping(), "WEB07"));
    let mut donor = taker.clone();
    donor.machine.hostname = Some("WEB01".to_owned());
    for provider in donor.config.iter_mut().flat_map(|config| &mut config.providers) {
        if provider.session_key.is_some() {
            provider.session_key = Some("opens".to_owned());
        }
    }
    let comparison = compare(&donor, &taker);
    let origin = comparison.origins.iter().find(|row| row.kind == "session-key").expect("in both");
    assert_eq!((origin.direction, origin.confidence.as_str()), (Direction::AToB, "weak"));
    assert_eq!(origin.items.len(), 2, "{:?}", origin.items);
    assert_eq!(
        compare(&taker, &donor).origins.iter().find(|row| row.kind == "session-key").map(|row| row.direction),
        Some(Direction::BToA)
    );
}

#[test]
fn a_sysprepped_clone_is_a_clone_and_its_keys_came_from_the_source() {
    let source = diagnose(&protected_healthy());
    let mut clone = named(sysprepped_clone(), "WEB07");
    clone.set("Microsoft\\Windows NT\\CurrentVersion", "InstallDate", Value::Dword(1_611_998_000));
    let comparison = compare(&source, &diagnose(&clone));
    assert_eq!(comparison.relation.kind, Kinship::Clone, "{}", comparison.to_text());
    assert_eq!(comparison.relation.confidence, "strong");
    for kind in ["private-key", "master-key"] {
        let origin =
            comparison.origins.iter().find(|row| row.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(origin.direction, Direction::AToB, "{origin:?}");
        assert_eq!(origin.confidence, "weak", "the image of both may have had it first");
        assert!(origin.statement.contains("or from the image that A was made of"), "{}", origin.statement);
    }
}

#[test]
fn one_guid_on_two_machines_was_copied() {
    let mut other = another_server("WEB07");
    other.set_guid(GUID, filetime((2019, 4, 1), (8, 0, 0)));
    let comparison = compare(&diagnose(&Machine::new(Os::Server2012R2)), &diagnose(&other));
    assert_eq!(comparison.relation.kind, Kinship::Clone);
    assert_eq!(comparison.relation.confidence, "weak");
    let origin = comparison.origins.iter().find(|row| row.kind == "machine-guid").expect("it is in both");
    assert_eq!((origin.direction, origin.confidence.as_str()), (Direction::AToB, "weak"), "{origin:?}");
}

#[test]
fn a_renamed_machine_and_a_clone_are_not_told_apart() {
    let machine = Machine::new(Os::Server2012R2);
    let comparison = compare(&diagnose(&machine), &diagnose(&named(machine, "WEB07")));
    assert_eq!(comparison.relation.kind, Kinship::Clone);
    assert_eq!(comparison.relation.confidence, "weak");
    assert!(comparison.relation.statement.contains("renamed"));
}

/// Every case of the fixtures, diagnosed.
fn all() -> Vec<(&'static str, Report)> {
    cases::all().into_iter().map(|case| (case.name, diagnose(&case.machine))).collect()
}

#[test]
fn a_report_has_no_difference_to_itself() {
    for (name, report) in all() {
        let comparison = compare(&report, &report);
        let lists = [
            &comparison.rules,
            &comparison.guids,
            &comparison.session_keys,
            &comparison.master_keys,
            &comparison.certificates,
            &comparison.bindings,
            &comparison.config_copies,
        ];
        assert!(lists.iter().all(|list| list.is_empty()), "{name}");
        assert!(comparison.containers.is_empty() && comparison.origins.is_empty(), "{name}");
        assert_eq!(comparison.containers_same, report.key_containers.len() as u64, "{name}");
        assert_eq!(comparison.findings.stayed.len(), report.findings.len(), "{name}");
        assert_eq!(comparison.relation.kind, Kinship::SameMachine, "{name}");
        assert!(against(&report, &report).is_empty(), "{name}");
    }
}

fn mirrored(change: Change) -> Change {
    match change {
        Change::Appeared => Change::Vanished,
        Change::Vanished => Change::Appeared,
        Change::NotInA => Change::NotInB,
        Change::NotInB => Change::NotInA,
        same => same,
    }
}

#[test]
fn the_other_way_round_everything_is_mirrored() {
    let reports = all();
    for (name_a, a) in &reports {
        for (name_b, b) in &reports {
            let (there, back) = (compare(a, b), compare(b, a));
            let context = format!("{name_a} and {name_b}");
            assert_eq!(there.findings.appeared, back.findings.vanished, "{context}");
            assert_eq!(there.findings.newly_examined, back.findings.no_longer_examined, "{context}");
            assert_eq!(there.relation.kind, back.relation.kind, "{context}");
            assert_eq!(there.down.still_down, back.down.still_down, "{context}");
            let containers = |comparison: &Comparison, mirror: bool| {
                let mut rows: Vec<_> = comparison
                    .containers
                    .iter()
                    .map(|row| {
                        let (a, b) = (row.a.as_ref(), row.b.as_ref());
                        let ids = (a.map(|it| it.id.clone()), b.map(|it| it.id.clone()));
                        if mirror { (ids.1, ids.0, mirrored(row.change)) } else { (ids.0, ids.1, row.change) }
                    })
                    .collect();
                rows.sort();
                rows
            };
            assert_eq!(containers(&there, false), containers(&back, true), "{context}");
            for (rows, others) in [
                (&there.guids, &back.guids),
                (&there.session_keys, &back.session_keys),
                (&there.master_keys, &back.master_keys),
                (&there.bindings, &back.bindings),
                (&there.certificates, &back.certificates),
                (&there.config_copies, &back.config_copies),
            ] {
                let plain: Vec<_> =
                    rows.iter().map(|row| (&row.subject, row.change, &row.a, &row.b)).collect();
                let other: Vec<_> =
                    others.iter().map(|row| (&row.subject, mirrored(row.change), &row.b, &row.a)).collect();
                assert_eq!(plain, other, "{context}");
            }
            let ways = |comparison: &Comparison, from: Direction| {
                comparison.origins.iter().filter(|row| row.direction == from).count()
            };
            assert_eq!(ways(&there, Direction::AToB), ways(&back, Direction::BToA), "{context}");
            assert_eq!(ways(&there, Direction::Unknown), ways(&back, Direction::Unknown), "{context}");
        }
    }
}

#[test]
fn drift_names_what_differs_and_why() {
    let baseline = diagnose(&Machine::new(Os::Server2012R2));
    let mut machine = Machine::new(Os::Server2012R2);
    machine.remove_container(WAS_KEY, GUID);
    let drift = against(&baseline, &diagnose(&machine));
    let text = drift.to_text();
    let first = text.lines().next().expect("a first line");
    for word in ["the verdict", "the root cause", "findings (", "the plan"] {
        assert!(first.contains(word), "{text}");
    }
    assert!(text.contains("- healthy\n  + broken"), "{text}");
    assert!(text.contains("because the rule was clear in the baseline"), "{text}");
    let back = against(&diagnose(&machine), &baseline).to_text();
    assert!(back.contains("- broken\n  + healthy"), "{back}");
}

#[test]
fn versions_and_wording_are_no_drift() {
    let baseline = broken();
    let mut now = baseline.clone();
    now.tool.version = "9.9.9".to_owned();
    now.tool.catalogue = "9.9".to_owned();
    now.summary = "in other words".to_owned();
    now.findings[0].explanation = "in other words".to_owned();
    now.evidence.clear();
    now.timeline.clear();
    assert!(against(&baseline, &now).is_empty());
    now.findings[0].title.push('!');
    assert_eq!(against(&baseline, &now).rows.len(), 1);
}

#[test]
fn a_changed_step_of_a_plan_is_shown_as_a_difference_of_lines() {
    let baseline = broken();
    let mut now = baseline.clone();
    now.plan.as_mut().expect("a plan").steps[2].commands = vec!["echo \u{1b}[31mother".to_owned()];
    let text = against(&baseline, &now).to_text();
    assert!(text.contains("- ") && text.contains("> reg add"), "{text}");
    assert!(text.contains("> echo \\u{1b}[31mother") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_rule_that_found_something_else_answers_only_as_far_as_before() {
    let before = broken();
    let mut after = diagnose(&repaired());
    let id = finding(&before, "machine-guid-changed").id;
    let check = after.checks.iter_mut().find(|check| check.rule == "machine-guid-changed").expect("the rule");
    check.outcome = "found".to_owned();
    check.needs = vec!["the other half of the hive".to_owned()];
    let comparison = compare(&before, &after);
    assert!(comparison.findings.no_longer_examined.iter().any(|row| row.id == id), "a gap may hide it");
    assert!(comparison.findings.vanished.iter().all(|row| row.id != id));
}

#[test]
fn secrets_of_a_protected_machine_stay_where_they_are() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.protect(&Secrets::new("compared"));
    let report = diagnose(&machine);
    let text = compare(&report, &diagnose(&another_server("WEB07"))).to_json().to_lowercase();
    for (name, secret) in machine.planted_secrets() {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!text.contains(&hex), "{name}");
    }
}

/// The empty container that IIS Admin left under the typed GUID is another finding of the same rule, with the same title.
#[test]
fn what_a_rule_finds_in_place_of_what_is_gone_is_named() {
    let (before, after) = (diagnose(&guid_changed()), diagnose(&guid_restored()));
    let comparison = compare::reports(&before, &after);
    let row = comparison
        .expectations
        .iter()
        .find(|row| row.expect.what.starts_with("container-duplicated"))
        .expect("an expectation");
    assert_eq!(row.state, Met::Met);
    assert!(row.because.contains("is another: container:rsa-machine/c2319c42"), "{}", row.because);
}
