//! Each container rule on forged machines: one that fires it, one that must not, one where its evidence is missing.

mod support;

use iiskeys_core::report::{Level, Verdict};
use iiskeys_fixtures::config::ConfigSpec;
use iiskeys_fixtures::container::damage::{
    renamed_inside, truncated, with_tail, without_exchange_private_key, zeroed,
};
use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, capi_name_only, file_name};
use iiskeys_fixtures::machine::{
    CONFIGURATION_KEY, GUID, METABASE, Machine, OTHER_GUID, Os, REMOTE, Value, WAS_KEY,
};
use iiskeys_fixtures::time::filetime;
use support::{Kept, diagnose, diagnose_kept, finding, findings, outcome};

const LATER: u64 = 132_000_000_000_000_000;

fn was_key_file() -> String {
    file_name(WAS_KEY, Family::Capi, GUID)
}

fn intact(name: &str) -> Vec<u8> {
    CapiSpec::new(name).exchange(PairSpec::new(&format!("{name} {GUID}"))).bytes()
}

#[test]
fn a_needed_container_without_a_file_is_missing_and_reinstalling_iis_does_not_help() {
    let mut machine = Machine::new(Os::Server2008R2);
    machine.remove_container(WAS_KEY, GUID);
    let report = diagnose(&machine);
    let found = finding(&report, "container-missing");
    assert_eq!(found.severity, Level::Error);
    assert!(found.explanation.contains("Installing IIS again does not create it"));
    assert!(found.affects.iter().any(|user| user.starts_with("application pool")), "{:?}", found.affects);
    let plan = report.plan.as_ref().expect("a plan");
    assert!(plan.resolves.contains(&found.id));
    let text = report.to_text();
    for word in ["aspnet_regiis", "inetpub\\history", "Process Activation Service", "-pi"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    assert!(plan.alternatives.iter().any(|other| other.name == "recreate-containers" && other.tried));
}

#[test]
fn nothing_is_missing_where_nothing_is_needed() {
    let report = diagnose(&Machine::new(Os::Client));
    assert_eq!(outcome(&report, "container-missing"), "not-applicable");
    let report = diagnose(&Machine::new(Os::Server2022));
    assert_eq!(outcome(&report, "container-missing"), "clear");
}

#[test]
fn a_provider_with_a_session_key_and_no_value_makes_a_missing_container_a_warning() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_config(&ConfigSpec::iis7(2048));
    machine.remove_container(WAS_KEY, GUID);
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "container-missing").severity, Level::Warning);
    assert_eq!(report.verdict, Verdict::Degraded);
}

#[test]
fn without_the_configuration_a_missing_container_rests_on_the_installed_defaults() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.remove_container(WAS_KEY, GUID);
    let folder = format!("{}\\config", machine.inetsrv());
    machine.remove(&folder);
    let report = diagnose(&machine);
    let found = finding(&report, "container-missing");
    assert!(found.explanation.contains("AES providers as its defaults"), "{}", found.explanation);
    assert!(!report.assumptions.is_empty());
}

#[test]
fn without_hives_and_keys_nothing_is_called_clear() {
    let machine = Machine::new(Os::Server2012R2);
    let report = diagnose_kept(&machine, &[Kept::Hives]);
    for rule in ["container-missing", "container-orphaned", "container-duplicated", "container-corrupt"] {
        assert_eq!(outcome(&report, rule), "not-evaluated", "{rule}");
    }
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn orphans_of_others_are_a_note_and_the_machine_stays_healthy() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container("WMSvc Certificate Key Container", OTHER_GUID, LATER);
    machine.add_container("te-Machine-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44", OTHER_GUID, LATER);
    let report = diagnose(&machine);
    let found = findings(&report, "container-orphaned");
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|finding| finding.severity == Level::Note));
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_needed_orphan_is_an_error_and_names_what_is_down() {
    let mut machine = Machine::new(Os::Server2003);
    machine.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
    let report = diagnose(&machine);
    let found = findings(&report, "container-orphaned");
    let metabase = found.iter().find(|finding| finding.title.contains(METABASE)).expect("c23");
    assert_eq!(metabase.severity, Level::Error);
    assert_eq!(metabase.affects, ["IISADMIN", "W3SVC", "SMTPSVC"]);
}

#[test]
fn a_disabled_iis_admin_service_needs_its_container_less() {
    let mut machine = Machine::new(Os::Server2008R2);
    machine.add_iis6_compatibility(OTHER_GUID, filetime((2012, 2, 13), (18, 59, 15)));
    machine.add_service("IISADMIN", 4);
    let report = diagnose(&machine);
    assert!(findings(&report, "container-orphaned").iter().all(|finding| finding.severity <= Level::Warning));
    assert_ne!(report.verdict, Verdict::Broken);
}

#[test]
fn a_leftover_container_of_removed_compatibility_raises_no_alarm() {
    let mut machine = Machine::new(Os::Server2008R2);
    machine.add_metabase_containers(OTHER_GUID, filetime((2010, 1, 1), (0, 0, 0)));
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_duplicate_whose_current_copy_has_no_key_is_an_error() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container(WAS_KEY, OTHER_GUID, filetime((2013, 1, 1), (0, 0, 0)));
    machine.add_container_file(&was_key_file(), capi_name_only(WAS_KEY), LATER);
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "container-duplicated").severity, Level::Error);
    assert_eq!(report.root_cause.as_ref().map(|cause| cause.rule.as_str()), Some("machine-guid-changed"));
}

#[test]
fn a_session_key_that_fits_the_other_copy_speaks_against_the_current_one() {
    let mut machine = Machine::new(Os::Server2012R2);
    let spec = |bits: u32, guid: &str| {
        let pair = PairSpec::new(&format!("{WAS_KEY} {guid} {bits}")).bits(bits);
        CapiSpec::new(WAS_KEY).exchange(pair).bytes()
    };
    machine.add_container_file(&was_key_file(), spec(1024, GUID), LATER);
    machine.add_container_file(
        &file_name(WAS_KEY, Family::Capi, OTHER_GUID),
        spec(2048, OTHER_GUID),
        LATER - 1,
    );
    let report = diagnose(&machine);
    let found = finding(&report, "container-duplicated");
    assert_eq!(found.severity, Level::Error);
    assert!(found.explanation.contains("2048 bits"), "{}", found.explanation);
}

#[test]
fn a_duplicate_with_nothing_against_the_current_copy_is_a_note() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container(WAS_KEY, OTHER_GUID, filetime((2013, 1, 1), (0, 0, 0)));
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "container-duplicated").severity, Level::Note);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_cluster_with_containers_under_two_guids_is_healthy() {
    let mut machine = Machine::new(Os::Server2012R2);
    for number in 0..5 {
        let name = format!("ClusterKey{number}");
        machine.add_container(&name, GUID, LATER);
        machine.add_container(&name, OTHER_GUID, LATER + 1);
    }
    machine.add_container("Microsoft Systems Management Server", GUID, LATER);
    machine.add_container("Microsoft Systems Management Server", OTHER_GUID, LATER);
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    assert!(findings(&report, "container-duplicated").iter().all(|finding| finding.severity == Level::Note));
}

#[test]
fn zeros_truncation_tails_and_half_pairs_are_damage() {
    let whole = intact(WAS_KEY);
    let cases = [
        Vec::new(),
        zeroed(&whole),
        truncated(&whole, whole.len() - 7),
        with_tail(&whole, b"tail"),
        without_exchange_private_key(&whole),
        b"this is a text file, not a container".to_vec(),
    ];
    for bytes in cases {
        let mut machine = Machine::new(Os::Server2012R2);
        machine.add_container_file(&was_key_file(), bytes.clone(), LATER);
        let report = diagnose(&machine);
        let found = finding(&report, "container-corrupt");
        assert_eq!(found.severity, Level::Error, "{} bytes", bytes.len());
        assert_eq!(found.confidence, "proven");
        assert!(found.evidence[0].observed.contains("offset"), "{:?}", found.evidence);
        assert_eq!(report.root_cause.as_ref().map(|cause| cause.rule.as_str()), Some("container-corrupt"));
    }
}

#[test]
fn damage_of_others_is_counted_and_never_breaks_the_machine() {
    let mut machine = Machine::new(Os::Server2012R2);
    for number in 0..4 {
        let name = format!("product-{number}");
        machine.add_container_file(&file_name(&name, Family::Capi, GUID), zeroed(&intact(&name)), LATER);
    }
    let report = diagnose(&machine);
    let found = findings(&report, "container-corrupt");
    assert_eq!(found.len(), 1);
    assert!(found[0].title.starts_with("4 containers"), "{}", found[0].title);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn whole_containers_are_clear_and_names_alone_are_not() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&diagnose(&machine), "container-corrupt"), "clear");
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config, Kept::Listing]);
    for rule in ["container-corrupt", "container-incomplete", "container-misnamed"] {
        assert_eq!(outcome(&report, rule), "not-evaluated", "{rule}");
    }
    // Names alone do prove that everything is in place.
    assert_eq!(outcome(&report, "container-missing"), "clear");
}

#[test]
fn a_zero_byte_file_is_damage_even_in_a_listing() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container_file(&was_key_file(), Vec::new(), LATER);
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config, Kept::Listing]);
    assert_eq!(finding(&report, "container-corrupt").severity, Level::Error);
}

#[test]
fn a_container_without_a_key_weighs_by_its_owner() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container_file(&was_key_file(), capi_name_only(WAS_KEY), LATER);
    assert_eq!(finding(&diagnose(&machine), "container-empty").severity, Level::Error);

    let mut machine = Machine::new(Os::Server2003);
    machine.add_container_file(&file_name(METABASE, Family::Capi, GUID), capi_name_only(METABASE), LATER);
    assert_eq!(finding(&diagnose(&machine), "container-empty").severity, Level::Warning);

    let mut machine = Machine::new(Os::Server2003);
    machine.add_container_file(&file_name(REMOTE, Family::Capi, GUID), capi_name_only(REMOTE), LATER);
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "container-empty").severity, Level::Note);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn full_containers_are_not_empty_and_without_keys_it_is_open() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&diagnose(&machine), "container-empty"), "clear");
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Hives]), "container-empty"), "not-evaluated");
}

#[test]
fn a_pair_that_the_owner_needs_must_be_there() {
    let mut machine = Machine::new(Os::Server2012R2);
    let only_signature = CapiSpec::new(WAS_KEY).signature(PairSpec::new("s")).bytes();
    machine.add_container_file(&was_key_file(), only_signature, LATER);
    let found = finding(&diagnose(&machine), "container-incomplete");
    assert_eq!(found.severity, Level::Error);
    assert!(found.title.contains("exchange"));

    let mut machine = Machine::new(Os::Server2003);
    machine.add_container_file(&file_name(METABASE, Family::Capi, GUID), intact(METABASE), LATER);
    let found = finding(&diagnose(&machine), "container-incomplete");
    assert_eq!(found.severity, Level::Warning);
    assert!(found.title.contains("signature"));
}

#[test]
fn an_exchange_pair_is_all_that_most_containers_need() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&diagnose(&machine), "container-incomplete"), "clear");
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Hives]), "container-incomplete"), "not-evaluated");
}

#[test]
fn a_name_inside_that_belongs_elsewhere_is_misnamed() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container_file(&was_key_file(), renamed_inside(&intact(WAS_KEY), b"somebodyElse"), LATER);
    let report = diagnose(&machine);
    let found = finding(&report, "container-misnamed");
    assert_eq!(found.severity, Level::Error);
    assert!(found.explanation.contains("somebodyElse"));
}

#[test]
fn a_needed_key_under_a_wrong_file_name_is_found_by_its_inner_name() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.remove_container(WAS_KEY, GUID);
    machine.add_container_file(&file_name("wrong", Family::Capi, GUID), intact(WAS_KEY), LATER);
    let report = diagnose(&machine);
    let found = finding(&report, "container-misnamed");
    assert_eq!(found.severity, Level::Error);
    let plan = report.plan.as_ref().expect("a plan");
    assert!(plan.steps.iter().any(|step| step.action == "rename-container"), "{plan:#?}");
    assert!(plan.resolves.contains(&found.id));
}

#[test]
fn names_that_agree_or_cannot_be_verified_are_not_misnamed() {
    let mut machine = Machine::new(Os::Server2012R2);
    let umlaut = renamed_inside(&intact("product"), b"Schl\xfcssel");
    machine.add_container_file(&file_name("product", Family::Capi, GUID), umlaut, LATER);
    assert_eq!(outcome(&diagnose(&machine), "container-misnamed"), "clear");
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Hives]), "container-misnamed"), "not-evaluated");
}

/// A Windows 2003 machine whose registry names another Application Data root than the one with the keys.
fn flipped() -> Machine {
    let mut machine = Machine::new(Os::Server2003);
    let folders = "Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders";
    let root = "C:\\WINDOWS\\Profiles\\All Users\\Application Data";
    machine.set(folders, "Common AppData", Value::Sz(root.to_owned()));
    let fresh = CapiSpec::new("TSSecKeySet1").exchange(PairSpec::new("fresh")).bytes();
    let path = format!(
        "{root}\\Microsoft\\Crypto\\RSA\\MachineKeys\\{}",
        file_name("TSSecKeySet1", Family::Capi, GUID)
    );
    machine.put(&path, fresh, LATER);
    machine
}

#[test]
fn containers_below_another_root_than_the_registry_names_are_relocated() {
    let report = diagnose(&flipped());
    let found = findings(&report, "container-relocated");
    let metabase = found.iter().find(|finding| finding.title.contains(METABASE)).expect("c23");
    assert_eq!(metabase.severity, Level::Error);
    assert!(
        report.plan.as_ref().is_some_and(|plan| plan.resolves.contains(&metabase.id)),
        "{:#?}",
        report.plan
    );
    assert_eq!(report.root_cause.as_ref().map(|cause| cause.rule.as_str()), Some("container-relocated"));
}

#[test]
fn one_root_is_not_relocated_and_without_the_hive_it_is_open() {
    let machine = Machine::new(Os::Server2003);
    assert_eq!(outcome(&diagnose(&machine), "container-relocated"), "clear");
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Keys]), "container-relocated"), "not-evaluated");
    assert_eq!(outcome(&diagnose(&Machine::new(Os::Server2012R2)), "container-relocated"), "not-applicable");
}

#[test]
fn set_aside_copies_are_notes_and_come_back_when_they_are_the_only_ones() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container_file(&format!("{}.OLD", was_key_file()), intact(WAS_KEY), LATER);
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "container-set-aside").severity, Level::Note);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);

    machine.remove_container(WAS_KEY, GUID);
    let report = diagnose(&machine);
    assert_eq!(finding(&report, "container-missing").severity, Level::Error);
    let plan = report.plan.as_ref().expect("a plan");
    let rename = plan.steps.iter().find(|step| step.action == "rename-container").expect("a rename");
    assert!(rename.commands[0].ends_with(&format!("\"{}\"", was_key_file())), "{:?}", rename.commands);
}

#[test]
fn a_folder_without_copies_has_nothing_set_aside() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&diagnose(&machine), "container-set-aside"), "clear");
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Hives]), "container-set-aside"), "not-evaluated");
}

#[test]
fn only_a_complete_volume_proves_that_the_folder_is_missing() {
    let mut machine = Machine::new(Os::Server2012R2);
    let folder = machine.machine_keys();
    machine.remove(&folder);
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config, Kept::VolumeListing]);
    let found = finding(&report, "machinekeys-folder-missing");
    assert_eq!(found.severity, Level::Error);
    assert_eq!(found.confidence, "proven");
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config]);
    assert_eq!(outcome(&report, "machinekeys-folder-missing"), "not-evaluated");
    assert_eq!(outcome(&diagnose(&Machine::new(Os::Server2012R2)), "machinekeys-folder-missing"), "clear");
}

#[test]
fn more_than_ten_thousand_files_are_a_warning() {
    let mut machine = Machine::new(Os::Server2012R2);
    let bytes = intact("{0}");
    for number in 0..10_001 - 4 {
        machine.add_container_file(&format!("{number:032x}_{GUID}"), bytes.clone(), LATER + number);
    }
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config, Kept::Listing]);
    assert_eq!(finding(&report, "machinekeys-folder-bloated").severity, Level::Warning);
    machine.remove(&format!("{}\\{:032x}_", machine.machine_keys(), 7));
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config, Kept::Listing]);
    assert_eq!(outcome(&report, "machinekeys-folder-bloated"), "clear");
    assert_eq!(
        outcome(&diagnose_kept(&machine, &[Kept::Hives]), "machinekeys-folder-bloated"),
        "not-evaluated"
    );
}

#[test]
fn three_thousand_certificate_keys_some_of_them_damaged_are_healthy() {
    let mut machine = Machine::new(Os::Server2012R2);
    for number in 0..3_000_u64 {
        let name = format!("le-Web-{number:08x}-2a31-4b7e-9d57-0c8a1f3b2e44");
        let guid = if number % 50 == 0 { OTHER_GUID } else { GUID };
        let whole = intact(&name);
        let bytes = if number % 40 == 0 { zeroed(&whole) } else { whole };
        machine.add_container_file(
            &file_name(&name, Family::Capi, guid),
            bytes,
            LATER + number * 600_000_000,
        );
    }
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    assert!(report.key_containers.len() < 200, "{} rows", report.key_containers.len());
    let grouped: u64 = report.container_groups.iter().map(|group| group.count).sum();
    assert_eq!(grouped, 3_000);
    assert!(report.container_groups.iter().any(|group| group.pattern == "le-<template>-<GUID>"));
}

#[test]
fn a_folder_of_thousands_of_guids_stays_a_small_report() {
    let mut machine = Machine::new(Os::Server2012R2);
    let bytes = intact("{0}");
    for number in 0..3_000_u32 {
        let name = format!("{number:032x}_{number:08x}-2a31-4b7e-9d57-0c8a1f3b2e44");
        machine.add_container_file(&name, bytes.clone(), LATER);
    }
    let report = diagnose(&machine);
    assert!(report.guid_census.len() < 300 && report.container_groups.len() < 600);
    let counted: u64 = report.container_groups.iter().map(|group| group.count).sum();
    assert_eq!(counted, 3_000);
    assert!(report.to_json().len() < 1_000_000, "{} bytes", report.to_json().len());
}

#[test]
fn both_iis_keys_are_named_when_both_are_missing() {
    let mut machine = Machine::new(Os::Server2008R2);
    machine.remove_container(WAS_KEY, GUID);
    machine.remove_container(CONFIGURATION_KEY, GUID);
    let report = diagnose(&machine);
    assert_eq!(findings(&report, "container-missing").len(), 2);
    let cause = report.root_cause.as_ref().expect("a root cause");
    assert!(
        cause.statement.contains(WAS_KEY) && cause.statement.contains(CONFIGURATION_KEY),
        "{}",
        cause.statement
    );
}
