//! Each identity rule on forged machines: one that fires it, one that must not, one where its evidence is missing.

mod support;

use iiskeys_fixtures::container::{Family, capi_name_only, file_name};
use iiskeys_fixtures::machine::{GUID, METABASE, Machine, OTHER_GUID, Os, Value};
use iiskeys_fixtures::time::filetime;
use support::{Kept, diagnose, diagnose_kept, finding, outcome};

const CRYPTOGRAPHY: &str = "Microsoft\\Cryptography";

#[test]
fn a_missing_guid_is_an_error_and_is_written_back_from_the_file_names() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.unset(CRYPTOGRAPHY, "MachineGuid");
    let report = diagnose(&machine);
    let found = finding(&report, "machine-guid-missing");
    assert_eq!(found.severity, iiskeys_core::report::Level::Error);
    assert_eq!(found.confidence, "proven");
    assert!(found.remedies[0].contains(GUID), "{:?}", found.remedies);
    let plan = report.plan.as_ref().expect("a plan");
    assert!(plan.resolves.contains(&found.id), "{plan:#?}");
}

#[test]
fn an_empty_guid_counts_as_missing() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set(CRYPTOGRAPHY, "MachineGuid", Value::Sz(String::new()));
    let report = diagnose(&machine);
    finding(&report, "machine-guid-missing");
    assert_eq!(outcome(&report, "machine-guid-malformed"), "not-applicable");
}

#[test]
fn a_guid_that_is_there_is_not_missing() {
    let report = diagnose(&Machine::new(Os::Server2012R2));
    assert_eq!(outcome(&report, "machine-guid-missing"), "clear");
}

#[test]
fn without_the_hive_no_identity_rule_is_clear() {
    let report = diagnose_kept(&Machine::new(Os::Server2012R2), &[Kept::Keys]);
    for rule in [
        "machine-guid-missing",
        "machine-guid-malformed",
        "machine-guid-changed",
        "machine-guid-pending",
        "machine-guid-view-differs",
    ] {
        assert_eq!(outcome(&report, rule), "not-evaluated", "{rule}");
    }
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Inconclusive);
}

#[test]
fn a_hive_that_is_not_an_installed_systems_cannot_prove_a_missing_guid() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.unset(CRYPTOGRAPHY, "MachineGuid");
    machine.remove_key("Microsoft\\Windows NT\\CurrentVersion");
    let report = diagnose(&machine);
    assert_eq!(outcome(&report, "machine-guid-missing"), "not-evaluated");
}

#[test]
fn braces_spaces_and_a_wrong_type_are_malformed() {
    for value in [
        Value::Sz(format!("{{{GUID}}}")),
        Value::Sz(format!(" {GUID}")),
        Value::Sz(GUID[..35].to_owned()),
        Value::Sz("not a guid at all, but text of size".to_owned()),
        Value::ExpandSz(GUID.to_owned()),
    ] {
        let mut machine = Machine::new(Os::Server2012R2);
        machine.set(CRYPTOGRAPHY, "MachineGuid", value.clone());
        let report = diagnose(&machine);
        let found = finding(&report, "machine-guid-malformed");
        assert_eq!(found.severity, iiskeys_core::report::Level::Error, "{value:?}");
        assert_eq!(found.confidence, "strong");
        let plan = report.plan.as_ref().unwrap_or_else(|| panic!("no plan for {value:?}"));
        assert!(plan.resolves.contains(&found.id));
    }
}

#[test]
fn upper_case_is_not_malformed() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_guid(&GUID.to_uppercase(), machine.installed);
    let report = diagnose(&machine);
    assert_eq!(outcome(&report, "machine-guid-malformed"), "clear");
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_second_value_of_that_name_elsewhere_is_not_the_machines() {
    let mut machine = Machine::new(Os::Server2003);
    machine.set(
        "Microsoft\\Windows NT\\CurrentVersion\\SystemRestore\\Cfg",
        "MachineGuid",
        Value::Sz("{11111111-2222-3333-4444-555555555555}".to_owned()),
    );
    let report = diagnose(&machine);
    assert_eq!(report.machine.machine_guid.as_ref().map(|guid| guid.value.as_str()), Some(GUID));
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_needed_container_under_another_guid_only_says_that_the_guid_changed() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_guid(OTHER_GUID, filetime((2021, 1, 30), (4, 5, 6)));
    let report = diagnose(&machine);
    let found = finding(&report, "machine-guid-changed");
    assert_eq!(found.severity, iiskeys_core::report::Level::Error);
    let cause = report.root_cause.as_ref().expect("a root cause");
    assert_eq!(cause.rule, "machine-guid-changed");
    assert_eq!(cause.latest.as_deref(), Some("2021-01-30T04:05:06.0000000Z"));
    let plan = report.plan.as_ref().expect("a plan");
    assert_eq!(plan.steps[0].action, "back-up");
    assert!(plan.steps.iter().any(|step| step.action == "set-machine-guid"), "{plan:#?}");
    let names: Vec<&str> = plan.alternatives.iter().map(|other| other.name.as_str()).collect();
    for wanted in ["rename-containers", "restore-backup", "reinstall"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
}

#[test]
fn an_empty_container_beside_an_older_complete_one_says_the_same() {
    let mut machine = Machine::new(Os::Server2003);
    machine.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
    machine.add_metabase_containers(OTHER_GUID, filetime((2010, 5, 30), (5, 0, 0)));
    let name = file_name(METABASE, Family::Capi, OTHER_GUID);
    machine.add_container_file(&name, capi_name_only(METABASE), filetime((2010, 5, 30), (5, 0, 1)));
    let report = diagnose(&machine);
    let found = finding(&report, "machine-guid-changed");
    assert_eq!(found.confidence, "strong");
    assert!(found.explanation.contains("holds no key"), "{}", found.explanation);
}

#[test]
fn letters_in_upper_case_point_to_an_edit_by_hand() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_guid(&OTHER_GUID.to_uppercase(), filetime((2021, 1, 30), (4, 5, 6)));
    let found = finding(&diagnose(&machine), "machine-guid-changed");
    assert!(found.explanation.contains("Likeliest explanation: an edit by hand"), "{}", found.explanation);
}

#[test]
fn containers_made_after_the_key_was_written_point_to_a_rolled_back_hive() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_guid(OTHER_GUID, filetime((2014, 9, 1), (0, 0, 0)));
    machine.add_container(
        "le-Web-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44",
        GUID,
        filetime((2020, 8, 1), (0, 0, 0)),
    );
    machine.add_container("another", OTHER_GUID, filetime((2014, 8, 1), (0, 0, 0)));
    let found = finding(&diagnose(&machine), "machine-guid-changed");
    assert!(found.explanation.contains("rolled back"), "{}", found.explanation);
}

#[test]
fn a_machine_that_was_keyed_again_after_an_old_change_is_healthy() {
    let mut machine = Machine::new(Os::Server2003);
    let changed = filetime((2007, 2, 1), (0, 0, 0));
    machine.set_guid(OTHER_GUID, changed);
    machine.add_metabase_containers(OTHER_GUID, changed + 3_600 * 10_000_000);
    let report = diagnose(&machine);
    assert_eq!(outcome(&report, "machine-guid-changed"), "clear");
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Healthy, "{}", report.summary);
}

#[test]
fn two_copies_known_by_name_alone_are_not_called_clear() {
    let mut machine = Machine::new(Os::Server2003);
    let changed = filetime((2010, 5, 20), (0, 0, 0));
    machine.set_guid(OTHER_GUID, changed);
    machine.add_metabase_containers(OTHER_GUID, changed + 3_600 * 10_000_000);
    // Names and times from a listing, and the change is recent: a weak finding.
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Listing]);
    let found = finding(&report, "machine-guid-changed");
    assert_eq!(found.confidence, "weak");
    // Without the registry's times nothing can be said, and nothing is.
    let report = diagnose_kept(&machine, &[Kept::Export, Kept::Listing]);
    assert_eq!(outcome(&report, "machine-guid-changed"), "not-evaluated");
}

#[test]
fn a_container_that_may_be_needed_and_was_left_behind_is_not_called_clear() {
    // The configuration is there and its keys are in place; whether IIS Admin is installed, nobody knows.
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_metabase_containers(OTHER_GUID, filetime((2014, 7, 1), (0, 0, 0)));
    let report = diagnose_kept(&machine, &[Kept::Export, Kept::Keys, Kept::Config]);
    assert_eq!(outcome(&report, "machine-guid-changed"), "not-evaluated");
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Inconclusive);
    // The services say that it is not installed.
    assert_eq!(outcome(&diagnose(&machine), "machine-guid-changed"), "clear");
}

#[test]
fn a_template_has_no_identity_to_lose() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.unset(CRYPTOGRAPHY, "MachineGuid");
    machine.set(
        "Microsoft\\Windows\\CurrentVersion\\Setup\\State",
        "ImageState",
        Value::Sz("IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE".to_owned()),
    );
    let report = diagnose(&machine);
    for rule in ["machine-guid-missing", "machine-guid-malformed", "machine-guid-changed"] {
        assert_eq!(outcome(&report, rule), "not-applicable", "{rule}");
    }
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_value_that_waits_in_the_logs_is_pending() {
    let before = Machine::new(Os::Server2012R2);
    let mut after = before.clone();
    after.set_guid(OTHER_GUID, filetime((2021, 2, 1), (6, 0, 0)));
    let report = support::diagnose_dirty(&before, &after, true);
    let found = finding(&report, "machine-guid-pending");
    assert_eq!(found.severity, iiskeys_core::report::Level::Warning);
    let guid = report.machine.machine_guid.as_ref().expect("a GUID");
    assert_eq!(guid.value, OTHER_GUID);
    assert_eq!(guid.unreplayed_value.as_deref(), Some(GUID));
    // The old value was this registry's own: the folder does not come from another machine.
    let changed = finding(&report, "machine-guid-changed");
    assert!(changed.explanation.contains("this machine's own"), "{}", changed.explanation);
}

#[test]
fn a_clean_hive_has_nothing_pending_and_a_dirty_one_without_logs_is_open() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&diagnose(&machine), "machine-guid-pending"), "not-applicable");
    let report = support::diagnose_dirty(&machine, &machine, false);
    assert_eq!(outcome(&report, "machine-guid-pending"), "not-evaluated");
}

#[test]
fn another_value_in_the_32_bit_view_is_a_note_and_with_containers_a_warning() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set("WOW6432Node\\Microsoft\\Cryptography", "MachineGuid", Value::Sz(OTHER_GUID.to_owned()));
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "machine-guid-view-differs").severity, iiskeys_core::report::Level::Note);
    assert_eq!(report.verdict, iiskeys_core::report::Verdict::Healthy, "{}", report.summary);
    machine.add_container("someone", OTHER_GUID, filetime((2016, 1, 1), (0, 0, 0)));
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "machine-guid-view-differs").severity, iiskeys_core::report::Level::Warning);
}

#[test]
fn the_same_value_in_both_views_is_clear() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set("WOW6432Node\\Microsoft\\Cryptography", "MachineGuid", Value::Sz(GUID.to_uppercase()));
    assert_eq!(outcome(&diagnose(&machine), "machine-guid-view-differs"), "clear");
}
