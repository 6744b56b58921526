//! What could bring a configuration back, and which metabase belongs to its container.

mod support;

use iiskeys_core::report::Level;
use iiskeys_fixtures::cases::{
    foreign_config_by_size, foreign_config_by_unwrapping, power_loss, protected_healthy, protected_metabase,
    recreated_metabase_container, replaced_metabase,
};
use iiskeys_fixtures::machine::{Machine, Os, WAS_KEY};
use iiskeys_fixtures::time::filetime;
use support::drive::{check, clear, lacks, on_drive, without};
use support::{finding, findings, outcome};

const USABLE: &str = "config-backup-usable";
const EXPORT: &str = "recovery-export-present";
const SHARED: &str = "shared-configuration";
const METABASE: &str = "metabase-key-mismatch";

fn at() -> u64 {
    filetime((2021, 1, 25), (10, 0, 0))
}

#[test]
fn the_newest_copy_that_opens_is_named() {
    let report = on_drive(&power_loss());
    let row = finding(&report, USABLE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Note, "proven"));
    assert_eq!(row.subject, "file:history/CFGHISTORY_0000000008");
    assert!(row.explanation.contains("open with the containers of today"), "{}", row.explanation);
    assert!(row.evidence[0].observed.contains("2 encrypted values"), "{}", row.evidence[0].observed);
    assert_eq!(findings(&report, USABLE).len(), 1);
}

#[test]
fn without_secrets_the_size_is_a_weak_witness() {
    let report = without(&protected_healthy(), &["\\config\\SECURITY", "\\Protect\\"]);
    let row = finding(&report, USABLE);
    assert_eq!(row.confidence, "weak");
    assert!(row.explanation.contains("whether they open was not tried"), "{}", row.explanation);
    assert!(row.explanation.contains("2 older copies fit as well"), "{}", row.explanation);
}

#[test]
fn what_going_back_would_lose_is_listed() {
    let mut machine = protected_healthy();
    let live = machine.live_config();
    let text = String::from_utf8(machine.files()[&live].bytes.clone()).expect("UTF-8");
    let text = text.replace("<add name=\"Intranet\"", "<add name=\"Shop\" />\r\n<add name=\"Intranet\"");
    machine.put(&live, text.into_bytes(), at());
    let row = finding(&on_drive(&machine), USABLE);
    assert!(
        row.explanation.contains("Going back to it loses application pools: Shop"),
        "{}",
        row.explanation
    );
}

#[test]
fn copies_that_do_not_open_are_no_way_back() {
    let mut machine = foreign_config_by_unwrapping();
    machine.remove("C:\\inetpub");
    machine.add_history(10, at());
    machine.add_backup("before-update", at());
    clear(&on_drive(&machine), &[USABLE]);
    let row = check(&without(&machine, &["\\Crypto\\"]), USABLE);
    assert_eq!(row.outcome, "not-evaluated", "{}", row.reason);
}

#[test]
fn a_backup_by_appcmd_counts_as_a_copy() {
    let mut machine = protected_healthy();
    machine.remove("C:\\inetpub");
    machine.add_backup("before-update", at());
    let row = finding(&on_drive(&machine), USABLE);
    assert_eq!(row.subject, "file:backup/before-update");
}

#[test]
fn without_copies_they_are_asked_for() {
    let report = without(&protected_healthy(), &["\\inetpub\\"]);
    lacks(&report, USABLE, "no copy of the configuration is in evidence", "inetpub\\history");
    lacks(&report, EXPORT, "where exports usually stand", "inetsrv\\config\\Export");
    assert_eq!(outcome(&on_drive(&protected_metabase()), USABLE), "not-applicable");
}

#[test]
fn an_export_of_the_shared_configuration_is_recovery_material() {
    let mut machine = protected_healthy();
    clear(&on_drive(&machine), &[EXPORT]);
    machine.add_shared_export(at());
    let row = finding(&on_drive(&machine), EXPORT);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Note, "proven"));
    assert!(row.subject.ends_with("config\\Export"), "{}", row.subject);
    assert!(row.explanation.contains("with its encrypted keys"), "{}", row.explanation);
    assert_eq!(row.evidence.len(), 1);
}

#[test]
fn an_exported_key_is_matched_with_its_container_and_warned_about() {
    let mut machine = protected_healthy();
    machine.add_exported_key(WAS_KEY, "C:\\keys.xml", at());
    let row = finding(&on_drive(&machine), EXPORT);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Note, "proven"));
    assert!(row.explanation.contains("the one of the container iisWasKey"), "{}", row.explanation);
    assert!(row.explanation.contains("private key in clear"), "{}", row.explanation);
    machine.foreign_container(WAS_KEY);
    let row = finding(&on_drive(&machine), EXPORT);
    assert!(row.explanation.contains("no container in evidence has its public key"), "{}", row.explanation);
}

#[test]
fn a_copy_of_the_metabase_is_recovery_material() {
    let row = finding(&on_drive(&protected_metabase()), EXPORT);
    assert!(row.explanation.contains("a copy of the metabase"), "{}", row.explanation);
    assert!(row.subject.contains("History"), "{}", row.subject);
}

#[test]
fn a_redirection_says_which_file_is_live() {
    let mut machine = protected_healthy();
    lacks(&on_drive(&machine), SHARED, "redirection.config is not in evidence", "redirection.config");
    machine.add_redirection(false, at());
    clear(&on_drive(&machine), &[SHARED]);
    machine.add_redirection(true, at());
    let report = on_drive(&machine);
    let row = finding(&report, SHARED);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Note, "proven"));
    assert_eq!(row.title, "The live configuration stands in \\\\farm\\config");
    assert!(row.explanation.contains("no configEncKey.key is in evidence"), "{}", row.explanation);
    assert_eq!(row.evidence[0].observed, "enabled, path \\\\farm\\config");
    for rule in ["config-unreadable", "session-key-mismatch", "encrypted-value-unreadable"] {
        lacks(&report, rule, "shared configuration is in force", "applicationHost.config");
    }
    machine.add_shared_export(at());
    let row = finding(&on_drive(&machine), SHARED);
    assert!(row.explanation.contains("an export with configEncKey.key is in evidence"));
    assert_eq!(outcome(&on_drive(&protected_metabase()), SHARED), "not-applicable");
}

#[test]
fn a_damaged_redirection_leaves_it_open() {
    let mut machine = protected_healthy();
    machine.put(
        &format!("{}\\config\\redirection.config", machine.inetsrv()),
        b"<configuration".to_vec(),
        at(),
    );
    lacks(&on_drive(&machine), SHARED, "redirection.config cannot be read", "another copy");
}

#[test]
fn a_metabase_of_this_server_verifies() {
    clear(&on_drive(&protected_metabase()), &[METABASE]);
    // The signature needs no secret.
    clear(&without(&protected_metabase(), &["\\config\\SECURITY", "\\Protect\\"]), &[METABASE]);
    assert_eq!(outcome(&on_drive(&protected_healthy()), METABASE), "not-applicable");
}

#[test]
fn a_replaced_metabase_is_told_by_the_copy_that_verifies() {
    let report = on_drive(&replaced_metabase());
    let row = finding(&report, METABASE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "strong"));
    assert_eq!(row.subject, "file:MetaBase.xml");
    assert!(row.explanation.contains("History\\MetaBase_0000000041_0000000000.xml"), "{}", row.explanation);
    assert!(row.evidence.iter().any(|cite| cite.observed == "verifies with it"));
    assert!(row.evidence.iter().any(|cite| cite.observed.contains("2 secure values")));
    let without_copy = finding(&without(&replaced_metabase(), &["\\History\\"]), METABASE);
    assert_eq!((without_copy.severity, without_copy.confidence.as_str()), (Level::Note, "weak"));
    assert!(without_copy.explanation.contains("unconfirmed"), "{}", without_copy.explanation);
}

#[test]
fn a_new_container_beside_an_old_metabase_is_only_suspected() {
    let row = finding(&on_drive(&recreated_metabase_container()), METABASE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Note, "weak"), "{}", row.explanation);
}

#[test]
fn without_the_metabase_or_its_container_they_are_asked_for() {
    let report = without(&protected_metabase(), &["MetaBase"]);
    lacks(&report, METABASE, "the metabase is not in evidence", "MetaBase.xml");
    let report = without(&protected_metabase(), &["\\Crypto\\"]);
    lacks(&report, METABASE, "its container is not in evidence", "MachineKeys");
    let mut damaged = Machine::new(Os::Server2003);
    damaged.put(&format!("{}\\MetaBase.xml", damaged.inetsrv()), vec![0; 4096], at());
    lacks(&on_drive(&damaged), METABASE, "the metabase was not understood", "another copy");
}

#[test]
fn an_export_is_an_alternative_where_containers_are_lost() {
    let mut machine = foreign_config_by_size();
    machine.add_shared_export(filetime((2020, 12, 1), (8, 0, 0)));
    let report = on_drive(&machine);
    let plan = report.plan.as_ref().expect("a plan");
    let way = plan.alternatives.iter().find(|way| way.name == "import-export").expect("the way");
    assert!(way.summary.contains("inetsrv\\config\\Export"), "{}", way.summary);
    assert!(!way.tried && way.cost.contains("password") && way.steps.len() == 5);
}

#[test]
fn a_pfx_is_known_by_its_content() {
    let mut machine = protected_healthy();
    let head = [0x30, 0x82, 0x0a, 0x00, 0x02, 0x01, 0x03, 0x30, 0x82, 0x09, 0xc0, 0x06, 0x09];
    let pfx = [head.as_slice(), &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01], &[7; 600]].concat();
    machine.put("C:\\site.pfx", pfx, filetime((2020, 12, 1), (8, 0, 0)));
    machine.put("C:\\other.pfx", vec![0x30; 600], filetime((2020, 12, 1), (8, 0, 0)));
    let found = findings(&on_drive(&machine), "recovery-export-present");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].explanation.contains("PFX"), "{}", found[0].explanation);
}
