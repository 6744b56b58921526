//! Access rights of containers: from a volume, from listings of every form, and where nobody collected them.

mod support;

use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Level, Report, Verdict};
use iiskeys_fixtures::acl::{
    ADMINISTRATORS, Acl, EVERYONE, FULL, IIS_IUSRS, READ, SYSTEM, english, german, saved, sddl_csv,
};
use iiskeys_fixtures::container::{Family, file_name};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{CONFIGURATION_KEY, GUID, METABASE, Machine, Os, WAS_KEY};
use support::{diagnose, finding, findings, of_tree, outcome};

const RULE: &str = "container-access";

/// The rights that Windows gives to everything in the key folders, with one file or folder (by its name) changed.
fn rights(machine: &Machine, changed: &str, acl: &Acl) -> Vec<(String, Acl)> {
    let configuration = [Family::Capi, Family::Cng].map(|family| {
        let name = if family == Family::Cng { "iisCngConfigurationKey" } else { CONFIGURATION_KEY };
        file_name(name, family, GUID)
    });
    let mut rows = Vec::new();
    for folder in [machine.machine_keys(), machine.cng_keys()] {
        let mut files: Vec<String> =
            machine.files().into_keys().filter(|path| path.starts_with(&format!("{folder}\\"))).collect();
        if files.is_empty() {
            continue;
        }
        files.insert(0, folder);
        rows.extend(files.into_iter().enumerate().map(|(number, path)| {
            let name = path.rsplit('\\').next().unwrap_or_default().to_owned();
            let usual = if number == 0 {
                Acl::of_folder()
            } else if configuration.contains(&name) {
                Acl::of_container().allow(READ, IIS_IUSRS)
            } else if name.starts_with("f686aace") {
                Acl::of_container().allow(READ, "S-1-5-20")
            } else {
                Acl::of_container()
            };
            let acl = if name == changed { acl.clone() } else { usual };
            (path, acl)
        }));
    }
    rows
}

fn tree(machine: &Machine, layout: Layout) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        tree.insert(&layout.place(&path), &file.bytes, None, None);
    }
    tree
}

/// A volume that keeps the rights beside the files.
fn on_volume(machine: &Machine, changed: &str, acl: &Acl) -> Report {
    let rows = rights(machine, changed, acl);
    of_tree(rows.iter().fold(tree(machine, Layout::DriveRoot), |tree, (path, acl)| {
        tree.with_security(&Layout::DriveRoot.place(path), &acl.bytes())
    }))
}

/// A copy with a listing beside it.
fn with_listing(machine: &Machine, listing: &[u8]) -> Report {
    of_tree(tree(machine, Layout::Kape).file("rights.txt", listing))
}

fn was_key() -> String {
    file_name(WAS_KEY, Family::Capi, GUID)
}

fn configuration_key() -> String {
    file_name(CONFIGURATION_KEY, Family::Capi, GUID)
}

#[test]
fn the_default_rights_raise_no_alarm() {
    for os in
        [Os::Windows2000, Os::Server2003, Os::Server2008R2, Os::Server2012R2, Os::Server2022, Os::Client]
    {
        let report = on_volume(&Machine::new(os), "", &Acl::new());
        assert_eq!(outcome(&report, RULE), "clear", "{os:?}: {}", report.to_text());
        assert_eq!(report.verdict, Verdict::Healthy, "{os:?}");
    }
}

#[test]
fn a_copied_folder_says_nothing_about_access() {
    let report = diagnose(&Machine::new(Os::Server2012R2));
    let check = report.checks.iter().find(|check| check.rule == RULE).expect("the rule");
    assert_eq!(check.outcome, "not-evaluated");
    assert!(
        check.reason.contains("the access rights of the key file iisWasKey are not in evidence"),
        "{}",
        check.reason
    );
    assert!(check.needs.iter().any(|need| need.contains("icacls") && need.contains("disk image")));
    assert_eq!(report.verdict, Verdict::Healthy, "a required group is none of this rule's");
    assert!(report.key_containers.iter().all(|row| row.access.is_none()));
}

#[test]
fn an_entry_that_denies_everyone_keeps_system_out() {
    let machine = Machine::new(Os::Server2012R2);
    let report = on_volume(&machine, &was_key(), &Acl::of_container().deny(FULL, EVERYONE));
    let found = finding(&report, RULE);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Error, "proven"));
    assert_eq!(found.title, "SYSTEM may not open the container iisWasKey");
    assert!(found.explanation.contains("entry 1 of the list, Everyone is denied full control"));
    assert_eq!(found.evidence[1].locator, "security descriptor");
    assert!(found.evidence[1].observed.contains("the owner is BUILTIN\\Administrators"));
    assert_eq!(report.root_cause.as_ref().map(|cause| cause.rule.as_str()), Some(RULE));
    let plan = report.plan.as_ref().expect("a plan");
    assert!(plan.resolves.contains(&found.id));
    assert!(plan.leaves.iter().all(|left| !left.starts_with(RULE)), "{:?}", plan.leaves);
    let step = plan.steps.iter().find(|step| step.action == "grant-access").expect("the step");
    let path = format!("{}\\{}", machine.machine_keys(), was_key());
    assert_eq!(
        step.commands,
        [
            format!("icacls \"{path}\" /save \"C:\\iiskeys-backup\\acl-rsa-machine-{}.txt\"", was_key()),
            format!("icacls \"{path}\" /remove:d *S-1-1-0"),
            format!("icacls \"{path}\" /grant *S-1-5-18:(F)"),
            format!("icacls \"{path}\""),
        ]
    );
    assert!(
        step.undo.starts_with("icacls \"C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\" /restore ")
    );
    assert_eq!(plan.steps[0].action, "back-up");
    assert_eq!(plan.steps[1].action, "stop-services");
    let row = report.key_containers.iter().find(|row| row.name.as_deref() == Some(WAS_KEY)).expect("a row");
    let access = row.access.as_ref().expect("its access");
    assert_eq!((access.owner.as_deref(), access.entries), (Some("BUILTIN\\Administrators"), Some(3)));
}

#[test]
fn an_empty_list_keeps_everybody_out_and_no_list_lets_everybody_in() {
    let machine = Machine::new(Os::Server2012R2);
    let found = finding(&on_volume(&machine, &configuration_key(), &Acl::new()), RULE);
    assert_eq!(found.title, "SYSTEM and IIS_IUSRS may not open the container iisConfigurationKey");
    assert_eq!(found.confidence, "proven");
    let report = on_volume(&machine, &configuration_key(), &Acl::null());
    assert_eq!(outcome(&report, RULE), "clear");
    let row = report.key_containers.iter().find(|row| row.name.as_deref() == Some(CONFIGURATION_KEY));
    assert_eq!(row.and_then(|row| row.access.as_ref()).expect("its access").entries, None);
}

#[test]
fn worker_processes_without_read_access_are_a_strong_finding_unless_a_pool_has_its_own_entry() {
    let machine = Machine::new(Os::Server2012R2);
    let found = finding(&on_volume(&machine, &configuration_key(), &Acl::of_container()), RULE);
    assert_eq!(found.title, "IIS_IUSRS may not open the container iisConfigurationKey");
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Error, "strong"));
    let pool = Acl::of_container().allow(READ, "S-1-5-82-1-2-3-4-5");
    assert_eq!(finding(&on_volume(&machine, &configuration_key(), &pool), RULE).confidence, "weak");
    // What Everyone may read, worker processes may read.
    let open = Acl::of_container().allow(READ, EVERYONE);
    assert_eq!(outcome(&on_volume(&machine, &configuration_key(), &open), RULE), "clear");
}

#[test]
fn the_absence_of_an_entry_for_system_proves_nothing() {
    let machine = Machine::new(Os::Server2012R2);
    let acl = Acl::new().allow(FULL, ADMINISTRATORS);
    assert_eq!(outcome(&on_volume(&machine, &was_key(), &acl), RULE), "clear", "SYSTEM is an administrator");
}

#[test]
fn the_metabase_key_is_judged_with_less_confidence_and_others_with_less_severity() {
    let machine = Machine::new(Os::Server2003);
    let key = file_name(METABASE, Family::Capi, GUID);
    let found = finding(&on_volume(&machine, &key, &Acl::new()), RULE);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Error, "strong"));
    let key = file_name("TSSecKeySet1", Family::Capi, GUID);
    let report = on_volume(&machine, &key, &Acl::of_container());
    let found = finding(&report, RULE);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Note, "strong"));
    assert!(found.title.starts_with("NETWORK SERVICE "));
    assert_eq!(report.verdict, Verdict::Healthy);
    assert!(report.plan.is_none());
}

#[test]
fn a_conditional_entry_leaves_the_question_open() {
    let machine = Machine::new(Os::Server2012R2);
    let report = on_volume(&machine, &was_key(), &Acl::new().entry(9, 0, FULL, SYSTEM));
    assert_eq!(outcome(&report, RULE), "not-evaluated");
}

#[test]
fn a_broken_descriptor_is_damage_and_no_answer() {
    let machine = Machine::new(Os::Server2012R2);
    let path = Layout::DriveRoot.place(&format!("{}\\{}", machine.machine_keys(), was_key()));
    let report = of_tree(tree(&machine, Layout::DriveRoot).with_security(&path, &[1, 0, 4, 0x80]));
    assert_eq!(outcome(&report, RULE), "not-evaluated");
    assert_eq!(outcome(&report, "evidence-damaged"), "found");
}

#[test]
fn a_folder_in_which_system_may_not_create_is_a_warning() {
    let machine = Machine::new(Os::Server2012R2);
    let acl = Acl::of_folder().deny(0x2, EVERYONE);
    let report = on_volume(&machine, "MachineKeys", &acl);
    let found = finding(&report, RULE);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Warning, "strong"));
    assert_eq!(found.subject, "folder:rsa-machine");
    assert_eq!(report.verdict, Verdict::Degraded);
    let plan = report.plan.as_ref().expect("a plan");
    assert_eq!(plan.resolves, [found.id]);
    let step = plan.steps.iter().find(|step| step.action == "grant-access").expect("the step");
    assert!(
        step.undo.starts_with("icacls \"C:\\ProgramData\\Microsoft\\Crypto\\RSA\" /restore "),
        "{}",
        step.undo
    );
}

#[test]
fn every_form_of_listing_beside_a_copy_gives_the_same_finding() {
    let machine = Machine::new(Os::Server2012R2);
    let broken = Acl::of_container().deny(FULL, SYSTEM);
    let rows = rights(&machine, &was_key(), &broken);
    let relative: Vec<(String, Acl)> = rows
        .iter()
        .map(|(path, acl)| (path.trim_start_matches("C:\\ProgramData\\Microsoft\\").to_owned(), acl.clone()))
        .collect();
    let print = |show: &dyn Fn(&str, &Acl) -> String| -> Vec<u8> {
        rows.iter().map(|(path, acl)| show(path, acl)).collect::<String>().into_bytes()
    };
    for listing in [
        print(&|path, acl| acl.icacls(path, &english)),
        print(&|path, acl| acl.icacls(path, &german)),
        print(&|path, acl| acl.icacls(path.rsplit('\\').next().unwrap_or_default(), &german)),
        print(&|path, acl| acl.format_list(path, &english, true)),
        print(&|path, acl| acl.format_list(path, &german, false)),
        sddl_csv(&rows).into_bytes(),
        saved(&relative),
    ] {
        let report = with_listing(&machine, &listing);
        let found = findings(&report, RULE);
        let text = String::from_utf8_lossy(&listing);
        assert_eq!(found.len(), 1, "{text}\n{}", report.to_text());
        assert_eq!((found[0].severity, found[0].confidence.as_str()), (Level::Error, "proven"), "{text}");
        assert!(found[0].evidence[1].locator.starts_with("line "), "{}", found[0].evidence[1].locator);
        let file = report.evidence.iter().find(|row| row.kind == "access-listing").expect("the listing");
        assert_eq!(file.path, "rights.txt");
        assert!(file.sha256.is_some());
    }
}

#[test]
fn a_listing_of_the_folder_alone_leaves_the_files_open() {
    let machine = Machine::new(Os::Server2012R2);
    let text = Acl::of_folder().icacls(&machine.machine_keys(), &english);
    let report = with_listing(&machine, text.as_bytes());
    let check = report.checks.iter().find(|check| check.rule == RULE).expect("the rule");
    assert_eq!(check.outcome, "not-evaluated");
    assert!(check.reason.contains("key file iisWasKey"));
    assert!(!check.reason.contains("folder of the store rsa-machine"), "{}", check.reason);
}

#[test]
fn a_folder_that_may_be_the_one_of_dss_says_nothing_about_the_one_of_rsa() {
    let machine = Machine::new(Os::Server2012R2);
    let text = Acl::of_folder().deny(FULL, SYSTEM).icacls("MachineKeys", &english);
    let report = with_listing(&machine, text.as_bytes());
    assert!(findings(&report, RULE).is_empty(), "{}", report.to_text());
}

#[test]
fn windows_2000_gets_words_instead_of_commands() {
    let machine = Machine::new(Os::Windows2000);
    let key = file_name(METABASE, Family::Capi, GUID);
    let report = on_volume(&machine, &key, &Acl::of_container().deny(FULL, SYSTEM));
    let plan = report.plan.as_ref().expect("a plan");
    let step = plan.steps.iter().find(|step| step.action == "grant-access").expect("the step");
    assert!(step.commands.is_empty());
    assert!(step.detail.contains("Security page"));
}
