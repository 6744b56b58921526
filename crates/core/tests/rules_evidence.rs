//! Each rule about the evidence itself: one machine that fires it, one that must not, one where its evidence is missing.

mod support;

use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Level, Verdict};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::listing::utc_csv;
use iiskeys_fixtures::machine::{GUID, METABASE, Machine, OTHER_GUID, Os, Value};
use iiskeys_fixtures::time::filetime;
use support::{Kept, diagnose, diagnose_dirty, diagnose_kept, finding, findings, of_tree, outcome};

fn tree(machine: &Machine) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, bytes) in Layout::Kape.files(machine) {
        add(&mut tree, &path, bytes);
    }
    tree
}

fn add(tree: &mut MemoryTree, path: &str, bytes: Vec<u8>) {
    tree.insert(path, &bytes, None, None);
}

#[test]
fn a_dirty_hive_is_a_note_with_its_logs_and_a_warning_without() {
    let before = Machine::new(Os::Server2012R2);
    let mut after = before.clone();
    after.set("Software\\Some", "Value", Value::Dword(1));
    let report = diagnose_dirty(&before, &after, true);
    assert_eq!(finding(&report, "hive-dirty").severity, Level::Note);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    let report = diagnose_dirty(&before, &before, false);
    assert_eq!(finding(&report, "hive-dirty").severity, Level::Warning);
    // A warning about the evidence does not make the machine degraded.
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_clean_hive_is_clear_and_without_hives_it_is_open() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&diagnose(&machine), "hive-dirty"), "clear");
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Keys]), "hive-dirty"), "not-evaluated");
    assert_eq!(
        outcome(&diagnose_kept(&machine, &[Kept::Export, Kept::Keys]), "hive-dirty"),
        "not-applicable"
    );
}

#[test]
fn times_are_lost_without_a_listing_and_kept_with_one() {
    let machine = Machine::new(Os::Server2012R2);
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Keys, Kept::Config]);
    assert_eq!(finding(&report, "timestamps-lost").severity, Level::Note);
    assert!(report.key_containers.iter().all(|row| row.created.is_none()));
    let report = diagnose(&machine);
    assert_eq!(outcome(&report, "timestamps-lost"), "clear");
    assert!(report.key_containers.iter().all(|row| row.created.is_some()));
    assert_eq!(outcome(&diagnose_kept(&machine, &[Kept::Hives]), "timestamps-lost"), "not-evaluated");
}

#[test]
fn times_within_minutes_or_after_the_registry_are_those_of_a_copy() {
    for copied in [filetime((2019, 1, 1), (12, 0, 0)), filetime((2025, 1, 1), (12, 0, 0))] {
        let mut machine = Machine::new(Os::Server2012R2);
        let folder = machine.machine_keys();
        let paths: Vec<String> =
            machine.files().into_keys().filter(|path| path.starts_with(&folder)).collect();
        for path in paths {
            let bytes = machine.files()[&path].bytes.clone();
            machine.remove(&path);
            machine.put(&path, bytes, copied);
        }
        let report = diagnose(&machine);
        finding(&report, "timestamps-lost");
        assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    }
}

#[test]
fn lost_times_weigh_more_where_a_plan_would_have_to_choose_by_them() {
    let mut machine = Machine::new(Os::Server2003);
    machine.add_container(METABASE, OTHER_GUID, filetime((2007, 1, 1), (0, 0, 0)));
    let report = diagnose_kept(&machine, &[Kept::Hives, Kept::Keys]);
    assert_eq!(finding(&report, "timestamps-lost").severity, Level::Warning);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_diagnosed() {
    let mut machine = Machine::new(Os::Server2012R2);
    let config = format!("{}\\config\\applicationHost.config", machine.inetsrv());
    machine.put(&config, vec![0; 5_000], machine.installed);
    let report = diagnose(&machine);
    let found = finding(&report, "evidence-damaged");
    assert_eq!(found.severity, Level::Warning);
    assert!(found.subject.ends_with("applicationHost.config"));
    assert_eq!(report.machine.machine_guid.as_ref().map(|guid| guid.value.as_str()), Some(GUID));
    assert_eq!(outcome(&diagnose(&Machine::new(Os::Server2012R2)), "evidence-damaged"), "clear");
}

#[test]
fn a_hostile_hive_gives_a_report_about_what_is_left() {
    let machine = Machine::new(Os::Server2012R2);
    let mut hive = machine.software();
    hive[36..40].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut tree = tree(&machine);
    add(&mut tree, "C/Windows/System32/config/SOFTWARE", hive);
    let report = of_tree(tree);
    assert!(findings(&report, "evidence-damaged").iter().any(|found| found.explanation.contains("root key")));
    assert_eq!(outcome(&report, "machine-guid-missing"), "not-evaluated");
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary);
    assert_eq!(report.key_containers.len(), 4);
}

/// A broken machine with evidence of a second one beside it must give no repair plan.
fn assert_mixed(report: &iiskeys_core::Report, what: &str) {
    let found = finding(report, "evidence-mixed");
    assert_eq!(found.severity, Level::Warning);
    assert!(found.explanation.contains(what), "{}", found.explanation);
    assert!(report.plan.is_none());
    assert!(found.remedies[0].contains("matching evidence"));
}

#[test]
fn two_current_guids_are_two_machines() {
    let mut broken = Machine::new(Os::Server2003);
    broken.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
    let mut tree = tree(&broken);
    add(&mut tree, "cryptography.reg", Machine::new(Os::Server2003).export());
    assert_mixed(&of_tree(tree), "different MachineGuids");
}

#[test]
fn hives_that_do_not_know_each_other_are_of_two_machines() {
    let card = "Microsoft\\Windows NT\\CurrentVersion\\NetworkCards\\8";
    let interfaces = "ControlSet001\\Services\\Tcpip\\Parameters\\Interfaces";
    let mut machine = Machine::new(Os::Server2003);
    machine.set(card, "ServiceName", Value::Sz("{11111111-0000-0000-0000-000000000000}".to_owned()));
    machine.set_system(
        &format!("{interfaces}\\{{22222222-0000-0000-0000-000000000000}}"),
        "",
        Value::Dword(0),
    );
    machine.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
    assert_mixed(&diagnose(&machine), "network cards");
    machine.set_system(
        &format!("{interfaces}\\{{11111111-0000-0000-0000-000000000000}}"),
        "",
        Value::Dword(0),
    );
    let report = diagnose(&machine);
    assert_eq!(outcome(&report, "evidence-mixed"), "clear");
    assert!(report.plan.is_some());
}

#[test]
fn a_clients_software_beside_a_servers_system_is_a_mixture() {
    let mut tree = tree(&Machine::new(Os::Server2012R2));
    let client = Machine::new(Os::Client);
    add(&mut tree, "C/Windows/System32/config/SOFTWARE", client.software());
    assert_mixed(&of_tree(tree), "different machines");
}

#[test]
fn a_listing_made_on_another_computer_is_a_mixture() {
    let machine = Machine::new(Os::Server2012R2);
    let mut tree = tree(&machine);
    add(&mut tree, "files.csv", utc_csv(&machine.listed(), Some("ELSEWHERE")));
    assert_mixed(&of_tree(tree), "ELSEWHERE");
}

#[test]
fn key_files_that_this_registry_cannot_have_named_belong_to_another_machine() {
    // The registry was written at installation and never since; every needed key is younger and under another GUID.
    let mut machine = Machine::new(Os::Server2003);
    machine.set_guid(OTHER_GUID, machine.installed);
    machine.remove(&machine.machine_keys());
    machine.add_metabase_containers(GUID, filetime((2009, 3, 1), (8, 0, 0)));
    machine.add_container("other", GUID, filetime((2009, 5, 1), (8, 0, 0)));
    let report = diagnose(&machine);
    assert_mixed(&report, "never held");
    assert_eq!(finding(&report, "machine-guid-changed").confidence, "weak");
}

#[test]
fn one_piece_alone_cannot_contradict_itself() {
    let report = diagnose_kept(&Machine::new(Os::Server2012R2), &[Kept::Keys]);
    assert_eq!(outcome(&report, "evidence-mixed"), "not-evaluated");
    assert_eq!(outcome(&diagnose(&Machine::new(Os::Server2012R2)), "evidence-mixed"), "clear");
}
