//! What a clean-up must leave alone: each reason once where it holds and once where it does not.

mod support;

use iiskeys_core::report::{CleanupRow, KeepRow, Report};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, file_name};
use iiskeys_fixtures::machine::{GUID, METABASE, Machine, Os, WAS_KEY, with_tls};
use iiskeys_fixtures::time::filetime;
use support::drive::{listed_without, on_drive};
use support::{Kept, diagnose_kept};

const ENROLLED: &str = "le-WebServer-5e350d8e-ae46-458c-bac0-d8f3279c944e";
const IMPORTED: &str = "{5A1D3C7E-0B42-4F6B-8E7D-93B1C7A0F2D4}";

fn section(report: &Report) -> &CleanupRow {
    report.cleanup.as_ref().expect("a section about clean-up")
}

fn kept<'r>(report: &'r Report, name: &str) -> Option<&'r KeepRow> {
    section(report).keep.iter().find(|row| row.name.as_deref() == Some(name))
}

fn why(report: &Report, name: &str) -> String {
    kept(report, name).unwrap_or_else(|| panic!("{name} in {:#?}", section(report))).why.join("; ")
}

/// A healthy server with TLS, whose certificates are in evidence.
fn server() -> Machine {
    with_tls(Machine::new(Os::Server2012R2))
}

fn late() -> u64 {
    filetime((2016, 7, 1), (8, 0, 0))
}

#[test]
fn what_the_machine_needs_and_what_is_well_known_stays() {
    let report = on_drive(&server());
    assert!(
        why(&report, WAS_KEY).contains("uses provider IISWASOnlyAesProvider"),
        "{}",
        why(&report, WAS_KEY)
    );
    let rdp = why(&report, "TSSecKeySet1");
    assert!(rdp.contains("Remote Desktop Services") && !rdp.contains("uses provider"), "{rdp}");
    assert!(section(&report).leftovers.is_empty());
}

#[test]
fn the_key_of_a_certificate_stays_by_name_and_by_modulus() {
    let mut machine = server();
    machine.add_container(IMPORTED, GUID, late());
    let mut spec = machine.certificate_for("unlinked.example.test", IMPORTED, GUID);
    let without = on_drive(&machine);
    assert!(kept(&without, IMPORTED).is_none(), "nothing has its key yet");
    spec.link = None;
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    assert!(
        why(&report, IMPORTED).contains("no link to it: its private key is here"),
        "{}",
        why(&report, IMPORTED)
    );
    let linked = why(&report, "le-WebServer-6e6b1c55");
    assert!(linked.contains("is linked to it"), "{linked}");
}

#[test]
fn what_enrolment_left_is_a_leftover_with_its_product_and_an_import_without() {
    let mut machine = server();
    machine.add_container(ENROLLED, GUID, late());
    machine.add_container(IMPORTED, GUID, late());
    let report = listed_without(&machine, &[]);
    let rows: Vec<(&str, Option<&str>, u64)> = section(&report)
        .leftovers
        .iter()
        .map(|row| (row.pattern.as_str(), row.product.as_deref(), row.count))
        .collect();
    assert_eq!(
        rows,
        [("le-<template>-<GUID>", Some("Certificate enrolment of Windows"), 1), ("{<GUID>}", None, 1)],
    );
    for row in &section(&report).leftovers {
        assert_eq!(row.first_day.as_deref(), Some("2016-07-01"));
        assert!(row.basis.contains("back the folder up") && !row.basis.contains("delete"), "{}", row.basis);
        assert!(!row.basis.contains("not the current one"), "{}", row.basis);
    }
    assert!(kept(&report, ENROLLED).is_none());
}

#[test]
fn the_key_of_a_pending_request_and_of_a_store_that_a_product_made_stays() {
    for store in ["REQUEST", "My Product"] {
        let mut machine = server();
        machine.add_container(ENROLLED, GUID, late());
        assert!(kept(&on_drive(&machine), ENROLLED).is_none(), "nothing has its key yet");
        let spec = machine.certificate_for("pending.example.test", ENROLLED, GUID).store(store);
        let thumbprint = machine.add_certificate(&spec);
        let report = on_drive(&machine);
        let why = why(&report, ENROLLED);
        assert!(why.contains(&thumbprint) && why.contains(store), "{why}");
        assert!(section(&report).leftovers.is_empty(), "{:?}", section(&report).leftovers);
        assert!(report.certificates.iter().all(|row| row.thumbprint != thumbprint));
        assert_eq!(report.verdict, on_drive(&server()).verdict, "{}", report.summary);
    }
}

#[test]
fn a_certificate_of_another_store_that_cannot_be_read_keeps_everything() {
    let mut machine = server();
    machine.add_container(ENROLLED, GUID, late());
    assert!(!section(&on_drive(&machine)).leftovers.is_empty());
    let spec = machine.certificate_for("pending.example.test", ENROLLED, GUID).store("REQUEST");
    machine.add_certificate(&spec);
    machine.damage_certificate(&spec, |bytes| bytes.truncate(9));
    let report = on_drive(&machine);
    assert!(section(&report).leftovers.is_empty());
    assert!(section(&report).limits[0].contains("pending requests"), "{:?}", section(&report).limits);
}

#[test]
fn without_the_certificates_or_the_system_hive_nothing_is_a_leftover() {
    let mut machine = server();
    machine.add_container(ENROLLED, GUID, late());
    let report = diagnose_kept(&machine, &[Kept::Keys, Kept::Config, Kept::Listing]);
    let section = section(&report);
    assert!(section.leftovers.is_empty());
    assert!(section.limits[0].starts_with("Nothing is called a leftover here"), "{:?}", section.limits);
    assert!(section.limits[0].contains("SYSTEM hive"), "{:?}", section.limits);
    assert!(why(&report, ENROLLED).contains("not in evidence"), "{}", why(&report, ENROLLED));
}

#[test]
fn a_name_that_somebody_chose_stays_and_says_so() {
    let mut machine = server();
    machine.add_container("Payroll", GUID, late());
    let report = on_drive(&machine);
    assert!(why(&report, "Payroll").contains("chose its name"), "{}", why(&report, "Payroll"));
}

#[test]
fn what_was_not_read_is_never_called_a_leftover() {
    let mut machine = server();
    machine.add_container(ENROLLED, GUID, late());
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Config, Kept::Listing]);
    let section = section(&report);
    assert!(section.leftovers.is_empty(), "{:#?}", section.leftovers);
    assert!(
        section.keep.iter().any(|row| row.why.iter().any(|why| why.contains("was not read"))),
        "{section:#?}"
    );
}

#[test]
fn a_damaged_container_stays_since_nobody_can_read_what_it_is_for() {
    let mut machine = server();
    let name = file_name(ENROLLED, Family::Capi, GUID);
    let mut bytes = CapiSpec::new(ENROLLED).exchange(PairSpec::new("x")).bytes();
    bytes.truncate(200);
    machine.add_container_file(&name, bytes, late());
    let report = on_drive(&machine);
    let row = section(&report).keep.iter().find(|row| row.container.ends_with(&name)).expect("a row");
    assert!(row.why.join("; ").contains("damaged"), "{row:?}");
}

#[test]
fn the_only_good_copy_under_an_old_guid_is_the_one_to_restore() {
    let report = on_drive(&cases::guid_changed());
    let rows: Vec<&KeepRow> =
        section(&report).keep.iter().filter(|row| row.name.as_deref() == Some(METABASE)).collect();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let old = rows.iter().find(|row| row.container.contains(GUID)).expect("the old one");
    assert!(old.why.join("; ").contains("this is the better one"), "{old:?}");
    assert!(section(&report).limits.iter().any(|limit| limit.contains("Repair first")));
    let remote = why(&report, "MS IIS DCOM Server");
    assert!(remote.contains("it is the one to restore"), "{remote}");
    let healthy = on_drive(&server());
    assert!(!why(&healthy, WAS_KEY).contains("restore"));
}

#[test]
fn what_a_changed_guid_left_behind_is_no_leftover() {
    let report = on_drive(&cases::guid_reset());
    assert!(section(&report).leftovers.is_empty(), "{:#?}", section(&report).leftovers);
    let row =
        section(&report).keep.iter().find(|row| row.name.as_deref().is_some_and(|it| it.starts_with("le-")));
    let row = row.expect("the key of a site");
    assert!(row.why.join("; ").contains("works again when a repair"), "{row:?}");
}

#[test]
fn what_opens_something_and_what_the_plan_uses_stays() {
    let report = on_drive(&cases::protected_healthy());
    assert!(why(&report, WAS_KEY).contains("provably opens"), "{}", why(&report, WAS_KEY));
    assert!(!why(&report, WAS_KEY).contains("repair plan"));
    let report = on_drive(&cases::https_after_repair());
    let row = section(&report).keep.iter().find(|row| row.name.as_deref() == Some(IMPORTED)).expect("a row");
    assert!(row.why.iter().any(|why| why.contains("repair plan")), "{row:?}");
}

#[test]
fn without_a_key_folder_there_is_no_section() {
    let report = diagnose_kept(&server(), &[Kept::Hives, Kept::Config]);
    assert_eq!(report.cleanup, None);
}
