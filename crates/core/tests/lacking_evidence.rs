//! What was not collected is not called sound, and what was only not copied is not called missing.

mod support;

use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Report, Verdict};
use iiskeys_fixtures::acl::{Acl, IIS_IUSRS, READ, saved, sddl_csv};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::container::{Family, file_name};
use iiskeys_fixtures::listing::bodyfile;
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os, WAS_KEY};
use iiskeys_fixtures::metabase::MetabaseSite;
use support::drive::{check, lacks, listed_without, on_drive, tree};
use support::{findings, of_tree, outcome};

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

/// The rules that judge what stands in the key files.
const OF_BYTES: [&str; 6] = [
    "container-corrupt",
    "container-empty",
    "container-incomplete",
    "master-key-missing",
    "dpapi-secret-rotated",
    "dpapi-foreign",
];

#[test]
fn rules_about_bytes_are_not_clear_of_files_that_only_a_listing_names() {
    for machine in [cases::sysprepped_clone(), cases::protected_healthy()] {
        let report = listed_without(&machine, &["\\ProgramData\\"]);
        for rule in OF_BYTES {
            lacks(&report, rule, "only their names", "key files");
        }
    }
}

#[test]
fn a_rule_about_needed_containers_says_which_others_it_did_not_read() {
    let machine = cases::protected_healthy();
    let spare = file_name("TSSecKeySet1", Family::Capi, GUID);
    let report = listed_without(&machine, &[&spare]);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    for rule in OF_BYTES {
        let check = check(&report, rule);
        assert_eq!(check.outcome, "clear", "{check:?}");
        assert!(check.reason.ends_with("not read, and not known to be needed: 1 container"), "{check:?}");
    }
    let whole = check(&listed_without(&machine, &[]), "container-corrupt");
    assert!(!whole.reason.contains("not read"), "{whole:?}");
}

/// A listing of everything that the machine has.
fn listed(machine: &Machine) -> MemoryTree {
    MemoryTree::new().file("listing.txt", bodyfile(&machine.listed(), false).as_bytes())
}

#[test]
fn a_master_key_that_a_listing_names_is_not_missing() {
    let machine = cases::protected_healthy();
    let guid = machine.master_key().guid.to_string();
    let mut copied = listed(&machine);
    let mut bare = MemoryTree::new();
    for (path, file) in machine.files().iter().filter(|(path, _)| !path.ends_with(&guid)) {
        let path = path.trim_start_matches("C:\\").replace('\\', "/");
        copied.insert(&path, &file.bytes, None, None);
        bare.insert(&path, &file.bytes, None, None);
    }
    let report = of_tree(copied);
    lacks(&report, "master-key-missing", "a listing names the master key of", "Protect");
    assert_ne!(report.verdict, Verdict::Broken, "{}", report.summary);
    assert_eq!(outcome(&of_tree(bare), "master-key-missing"), "found");
}

#[test]
fn a_key_file_that_a_listing_of_access_names_is_not_missing() {
    let machine = Machine::new(Os::Server2012R2);
    let key = file_name(WAS_KEY, Family::Capi, GUID);
    let bare = || tree(&machine, &[&key]);
    assert_eq!(outcome(&of_tree(bare()), "container-missing"), "found");
    let folder = "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys";
    let names = machine.files().into_keys().filter(|path| path.contains("\\MachineKeys\\"));
    let rows: Vec<(String, Acl)> = names
        .map(|path| (path, Acl::of_container().allow(READ, IIS_IUSRS)))
        .chain([(folder.to_owned(), Acl::of_folder())])
        .collect();
    let relative: Vec<(String, Acl)> = rows
        .iter()
        .map(|(path, acl)| (path.replace("C:\\ProgramData\\Microsoft\\", ""), acl.clone()))
        .collect();
    for (name, listing) in [("access.csv", sddl_csv(&rows).into_bytes()), ("acl.txt", saved(&relative))] {
        let report = of_tree(bare().file(name, &listing));
        assert_eq!(outcome(&report, "container-missing"), "clear", "{name}");
        assert_ne!(report.verdict, Verdict::Broken, "{}", report.summary);
        lacks(&report, "container-corrupt", "the copier may have lacked the right", "key files");
        let row = report.key_containers.iter().find(|row| row.id.contains(&key)).expect("its row");
        assert_eq!((row.state.as_str(), row.standing.as_deref()), ("not-read", Some("current")));
        let whole = of_tree(tree(&machine, &[]).file(name, &listing));
        assert_eq!(whole.verdict, Verdict::Healthy, "{}", whole.summary);
        assert_eq!(whole.key_containers.len(), of_tree(tree(&machine, &[])).key_containers.len());
    }
}

#[test]
fn the_plan_names_a_missing_master_key_before_what_loses_the_containers() {
    let mut machine = cases::protected_healthy();
    let guid = machine.master_key().guid.to_string();
    machine.drop_master_key();
    let report = on_drive(&machine);
    let first = report.plan.as_ref().expect("a plan").alternatives.first().expect("an alternative");
    assert_eq!((first.name.as_str(), first.tried), ("restore-master-key", false));
    assert!(first.summary.contains(&guid), "{}", first.summary);
    let text: String = first.steps.iter().map(|step| step.detail.as_str()).collect();
    assert!(
        text.contains(&format!("Protect\\S-1-5-18\\User\\{guid}")) && text.contains("attrib +s +h"),
        "{text}"
    );
    let other = on_drive(&cases::guid_changed());
    let plan = other.plan.as_ref().expect("a plan");
    assert!(plan.alternatives.iter().all(|alternative| alternative.name != "restore-master-key"));
}
