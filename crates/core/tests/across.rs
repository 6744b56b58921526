//! What several machines share.

mod support;

use iiskeys_core::across::{Across, AcrossRow, Identity, join};
use iiskeys_core::report::{Level, Report};
use iiskeys_fixtures::cases::{protected_healthy, sysprepped_clone};
use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, capi_name_only, file_name};
use iiskeys_fixtures::machine::{METABASE, Machine, OTHER_GUID, Os, Value, WAS_KEY};
use iiskeys_fixtures::time::filetime;
use support::diagnose;

/// A server with its own name, GUID, day of installation and containers.
fn server(number: u32) -> Machine {
    let guid = guid(number);
    let mut machine = Machine::new(Os::Server2012R2);
    machine.remove(&machine.machine_keys());
    machine.set_guid(&guid, machine.installed);
    for name in [WAS_KEY, "TSSecKeySet1"] {
        machine.add_container(name, &guid, machine.installed);
    }
    machine.set(
        "Microsoft\\Windows NT\\CurrentVersion",
        "InstallDate",
        Value::Dword(1_454_313_600 + number * 86_400),
    );
    named(machine, &format!("WEB{number:02}"))
}

fn guid(number: u32) -> String {
    format!("{number:08x}-96e4-4554-8f72-c2e0b12e99d2")
}

fn named(mut machine: Machine, host: &str) -> Machine {
    let key = "ControlSet001\\Control\\ComputerName\\ComputerName";
    machine.set_system(key, "ComputerName", Value::Sz(host.to_owned()));
    machine
}

/// Joins machines without their configurations, which the forge makes alike.
fn across(machines: &[Machine]) -> Across {
    let reports = machines.iter().map(|machine| {
        let mut report: Report = diagnose(machine);
        report.config = None;
        report
    });
    let cases: Vec<_> =
        reports.zip(1..).map(|(report, number)| (format!("case {number}"), Identity::of(&report))).collect();
    join(&cases, 0)
}

fn rows<'a>(across: &'a Across, kind: &str) -> Vec<&'a AcrossRow> {
    across.findings.iter().filter(|row| row.kind == kind).collect()
}

fn cases(row: &AcrossRow) -> Vec<&str> {
    row.cases.iter().map(|case| case.case.as_str()).collect()
}

#[test]
fn servers_of_their_own_share_nothing() {
    let across = across(&[server(1), server(2), server(3)]);
    assert!(across.findings.is_empty(), "{:#?}", across.findings);
    assert_eq!(across.cases, 3);
}

#[test]
fn one_machine_that_was_collected_twice_is_no_clone() {
    let across = across(&[server(1), server(2), server(1)]);
    let same = rows(&across, "same-machine");
    assert_eq!(same.len(), 1);
    assert_eq!(cases(same[0]), ["case 1", "case 3"]);
    assert_eq!(across.findings.len(), 1, "what one machine has is no finding: {:#?}", across.findings);
}

#[test]
fn machines_with_one_name_and_date_and_other_keys_are_two() {
    let mut other = server(1);
    other.remove(&other.machine_keys());
    other.add_container(WAS_KEY, OTHER_GUID, other.installed);
    let one_guid = across(&[server(1), other.clone()]);
    assert_eq!(rows(&one_guid, "same-machine").len(), 1, "its keys were replaced");
    other.set_guid(OTHER_GUID, other.installed);
    other.set_system("ControlSet001\\Services\\W3SVC", "Start", Value::Dword(3));
    let two = across(&[server(1), other]);
    assert!(rows(&two, "same-machine").is_empty());
}

#[test]
fn a_clone_without_sysprep_shares_the_guid_and_every_key() {
    let across = across(&[server(1), named(server(1), "WEB09"), server(2)]);
    let guid = rows(&across, "machine-guid");
    assert_eq!((cases(guid[0]), guid[0].severity), (vec!["case 1", "case 2"], Level::Note));
    let keys = rows(&across, "private-key");
    assert_eq!(keys.len(), 1, "one finding for the whole set");
    assert_eq!((keys[0].subjects.len(), keys[0].severity), (2, Level::Warning));
    assert!(
        keys[0].cases[0].places[0].starts_with("TSSecKeySet1: ")
            || keys[0].cases[0].places[0].starts_with(WAS_KEY)
    );
}

#[test]
fn a_sysprepped_clone_still_has_the_master_key_of_its_source() {
    let mut clone = named(sysprepped_clone(), "WEB09");
    clone.set("Microsoft\\Windows NT\\CurrentVersion", "InstallDate", Value::Dword(1_611_998_000));
    let across = across(&[protected_healthy(), clone]);
    assert!(rows(&across, "machine-guid").is_empty());
    assert_eq!(rows(&across, "master-key").len(), 1);
    assert_eq!(rows(&across, "private-key")[0].severity, Level::Warning);
}

#[test]
fn a_key_imported_on_each_node_of_a_farm_is_a_note() {
    let with = |number: u32| {
        let mut machine = server(number);
        let key = CapiSpec::new("NetFrameworkConfigurationKey").exchange(PairSpec::new("farm")).bytes();
        let name = file_name("NetFrameworkConfigurationKey", Family::Capi, &guid(number));
        machine.add_container_file(&name, key, filetime((2017, 1, 1), (0, 0, 0)));
        machine
    };
    let across = across(&[with(1), server(2), with(3)]);
    let keys = rows(&across, "private-key");
    assert_eq!(keys.len(), 1);
    assert_eq!((cases(keys[0]), keys[0].severity), (vec!["case 1", "case 3"], Level::Note));
    assert!(keys[0].advice.contains("farm"));
}

#[test]
fn empty_containers_are_no_shared_key() {
    let with = |number: u32| {
        let mut machine = server(number);
        machine.add_container_file(
            &file_name(METABASE, Family::Capi, &guid(number)),
            capi_name_only(METABASE),
            machine.installed,
        );
        machine
    };
    assert!(across(&[with(1), with(2)]).findings.is_empty());
}

#[test]
fn the_order_of_the_cases_changes_nothing_but_their_order() {
    let machines = [server(1), named(server(1), "WEB09"), server(2), server(1)];
    let kinds = |across: &Across| across.findings.iter().map(|row| row.kind.clone()).collect::<Vec<_>>();
    let mut reversed = machines.clone();
    reversed.reverse();
    assert_eq!(kinds(&across(&machines)), kinds(&across(&reversed)));
}

#[test]
fn a_thousand_cases_are_joined_at_once() {
    let report = diagnose(&server(1));
    let cases: Vec<_> = (0..1000)
        .map(|number| {
            let mut report = report.clone();
            report.machine.hostname = Some(format!("WEB{number}"));
            (format!("case {number}"), Identity::of(&report))
        })
        .collect();
    let across = join(&cases, 0);
    assert_eq!(rows(&across, "private-key")[0].cases.len(), 1000);
}
