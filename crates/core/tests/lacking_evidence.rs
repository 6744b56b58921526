//! What was not collected is not called sound, and what was only not copied is not called missing.

mod support;

use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Report, Verdict};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::container::{Family, file_name};
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os};
use iiskeys_fixtures::metabase::MetabaseSite;
use support::drive::{check, lacks, listed_without, on_drive, tree};
use support::{finding, findings, of_tree, outcome};

fn bindings_are_open(report: &Report) {
    for rule in ["binding-certificate-missing", "certificate-key-mismatch", "certificate-key-missing"] {
        lacks(report, rule, "which certificates are bound", "SYSTEM");
    }
    let check = check(report, "certificate-key-orphaned");
    assert!(check.needs.iter().any(|need| need.contains("SYSTEM")), "{check:?}");
    assert!(report.summary.contains("certificates"), "{}", report.summary);
}

#[test]
fn without_http_sys_the_keys_of_the_sites_are_not_called_sound() {
    let whole = on_drive(&cases::https_after_repair());
    assert_eq!(whole.verdict, Verdict::Broken);
    let report = on_drive_without_system(&cases::https_after_repair());
    bindings_are_open(&report);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary);
    let orphaned = findings(&report, "container-orphaned");
    let key = orphaned.iter().find(|finding| finding.title.contains("le-WebServer")).expect("the key");
    assert!(key.explanation.contains("it may be needed"), "{}", key.explanation);
}

fn on_drive_without_system(machine: &Machine) -> Report {
    of_tree(tree(machine, &["\\config\\SYSTEM"]))
}

#[test]
fn without_http_sys_iis_7_and_later_are_no_better_known() {
    const KEY: &str = "le-WebServer-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44";
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_tls_site("shop.example.test", KEY, OTHER_GUID, "0.0.0.0:443", "Shop");
    let report = on_drive_without_system(&machine);
    bindings_are_open(&report);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary);

    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_tls_site("shop.example.test", KEY, GUID, "0.0.0.0:443", "Shop");
    let report = on_drive_without_system(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "what may be needed is there: {}", report.summary);
    let path =
        machine.files().keys().find(|path| path.contains("MachineKeys\\") && is_of(path, KEY)).cloned();
    let report = of_tree(tree(&machine, &["\\config\\SYSTEM", &path.expect("its file")]));
    lacks(&report, "container-missing", "may be needed", "SYSTEM");
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary);
}

fn is_of(path: &str, container: &str) -> bool {
    path.ends_with(&file_name(container, Family::Capi, GUID))
}

#[test]
fn a_metabase_that_names_every_certificate_tells_as_much_as_http_sys() {
    const KEY: &str = "le-WebServer-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44";
    let with = |site: &dyn Fn(&str) -> MetabaseSite| {
        let mut machine = Machine::new(Os::Server2003);
        machine.add_container(KEY, GUID, machine.installed);
        let spec = machine.certificate_for("shop.example.test", KEY, GUID);
        let thumbprint = machine.add_certificate(&spec);
        machine.metabase_site(site(&thumbprint));
        on_drive_without_system(&machine)
    };
    let report =
        with(&|thumbprint| MetabaseSite::new("Shop").secure("10.1.0.20:443:").certificate(thumbprint));
    assert_eq!(outcome(&report, "binding-certificate-missing"), "clear");
    let report = with(&|_| MetabaseSite::new("Shop").secure("10.1.0.20:443:"));
    bindings_are_open(&report);
}
