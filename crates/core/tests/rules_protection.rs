//! What protects the private keys: master keys, the secrets of the machine, and the hives that hold them.

mod support;

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::machine::{Content, KeyProof};
use iiskeys_core::report::{Level, Report};
use iiskeys_core::{Options, Quiet};
use iiskeys_fixtures::cases::{
    damaged_containers_under_protection, foreign_containers, inconsistent_security_hive, missing_master_key,
    mixed_security_hive, protected_healthy, protected_healthy_cng, protected_metabase, rotated_out_clone,
    sysprepped_clone,
};
use iiskeys_fixtures::container::{Family, file_name};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{CONFIGURATION_KEY, GUID, Machine, Os, Secrets, Value, WAS_KEY};
use iiskeys_fixtures::time::filetime;
use support::drive::{actions, check, clear, lacks, on_drive, plan, tree, without};
use support::{finding, findings, of_tree, outcome};

const MISSING: &str = "master-key-missing";
const ROTATED: &str = "dpapi-secret-rotated";
const FOREIGN: &str = "dpapi-foreign";
const HIVES: &str = "hives-inconsistent";
const ALL: [&str; 4] = [MISSING, ROTATED, FOREIGN, HIVES];

fn subject(container: &str) -> String {
    format!("container:rsa-machine/{}", file_name(container, Family::Capi, GUID))
}

#[test]
fn machines_in_good_order_raise_no_alarm() {
    for machine in [protected_healthy(), protected_healthy_cng(), protected_metabase()] {
        let report = on_drive(&machine);
        clear(&report, &ALL);
        assert_eq!(report.root_cause, None, "{}", report.to_text());
    }
}

#[test]
fn a_machine_without_iis_and_key_folders_has_nothing_to_open() {
    let mut machine = Machine::new(Os::Client);
    machine.protect(&Secrets::new("client"));
    let report = without(&machine, &["\\Crypto\\"]);
    for rule in [MISSING, ROTATED, FOREIGN] {
        assert_eq!(outcome(&report, rule), "not-applicable", "{rule}");
    }
}

#[test]
fn a_missing_master_key_is_named_for_each_container() {
    let machine = missing_master_key();
    let guid = machine.master_key().guid.clone();
    let report = on_drive(&machine);
    let found = findings(&report, MISSING);
    for name in [WAS_KEY, CONFIGURATION_KEY] {
        let row = found.iter().find(|row| row.title.contains(name)).expect("a finding");
        assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "strong"));
        assert!(row.explanation.contains(&guid), "{}", row.explanation);
        assert!(row.evidence.iter().any(|cite| cite.observed.contains("master key")));
        assert!(row.evidence.len() >= 2);
    }
    let other = found.iter().find(|row| row.title.contains("NetFrameworkConfigurationKey"));
    assert!(other.is_some_and(|row| row.severity == Level::Note));
    assert_eq!(report.root_cause.as_ref().map(|cause| cause.rule.as_str()), Some(MISSING));
}

#[test]
fn the_missing_master_key_needs_no_secret() {
    let report = without(&missing_master_key(), &["\\config\\SECURITY"]);
    assert_eq!(finding(&report, MISSING).severity, Level::Error);
}

#[test]
fn without_the_protect_folder_nothing_is_said_to_be_missing() {
    let report = without(&protected_healthy(), &["\\Protect\\"]);
    for rule in [MISSING, ROTATED, FOREIGN] {
        lacks(&report, rule, "LocalSystem's folder of master keys", "Microsoft\\Protect\\S-1-5-18");
    }
    clear(&report, &[HIVES]);
}

#[test]
fn without_security_the_secret_is_asked_for() {
    let report = without(&protected_healthy(), &["\\config\\SECURITY"]);
    for rule in [ROTATED, FOREIGN, HIVES] {
        lacks(&report, rule, "the SECURITY hive was not collected", "config\\SECURITY");
    }
    clear(&report, &[MISSING]);
}

#[test]
fn without_the_key_files_their_contents_are_asked_for() {
    let report = without(&protected_healthy(), &["\\Crypto\\"]);
    for rule in [MISSING, ROTATED, FOREIGN] {
        lacks(&report, rule, "is not in evidence", "Crypto\\RSA\\MachineKeys");
    }
}

#[test]
fn a_sysprepped_clone_hangs_on_the_secret_before() {
    let report = on_drive(&sysprepped_clone());
    let found = findings(&report, ROTATED);
    let row = found.iter().find(|row| row.title.contains(WAS_KEY)).expect("a finding");
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "strong"));
    assert_eq!(row.subject, subject(WAS_KEY));
    assert!(row.explanation.contains("The secret was changed on 2021-01-30"), "{}", row.explanation);
    for observed in ["opens with OldVal only", "master key "] {
        assert!(row.evidence.iter().any(|cite| cite.observed.contains(observed)), "{observed}");
    }
    let cause = report.root_cause.as_ref().expect("a cause");
    assert_eq!(cause.rule, "machine-guid-changed", "{}", report.to_text());
    let plan = plan(&report);
    assert!(plan.leaves.iter().any(|left| left.starts_with(ROTATED)), "{:?}", plan.leaves);
    assert_eq!(outcome(&report, FOREIGN), "clear", "{:?}", findings(&report, FOREIGN));
}

#[test]
fn nothing_dead_is_renamed_on_a_clone_whose_secret_is_gone() {
    let report = on_drive(&rotated_out_clone());
    let row = finding(&report, FOREIGN);
    assert_eq!((row.severity, row.subject.as_str()), (Level::Error, subject(WAS_KEY).as_str()));
    assert!(row.explanation.contains("neither value of DPAPI_SYSTEM"), "{}", row.explanation);
    assert!(row.explanation.contains("No container opens with these hives"), "{}", row.explanation);
    let renames = report.plan.iter().flat_map(actions).filter(|action| action.contains("rename"));
    assert_eq!(renames.count(), 0, "{:?}", report.plan);
    assert!(!plan(&report).summary.contains("MachineGuid"), "{}", plan(&report).summary);
    assert_eq!(outcome(&report, ROTATED), "clear");
}

#[test]
fn a_foreign_container_is_an_error_where_it_is_needed_and_a_note_elsewhere() {
    let mut machine = protected_healthy();
    machine.foreign_container(CONFIGURATION_KEY);
    machine.foreign_container("NetFrameworkConfigurationKey");
    let report = on_drive(&machine);
    // The other server's master key is not here, so the file is told by what it names.
    let row = finding(&report, MISSING);
    assert_eq!((row.severity, row.subject.as_str()), (Level::Error, subject(CONFIGURATION_KEY).as_str()));
    assert!(row.explanation.contains("copied from another server"), "{}", row.explanation);
    let others = findings(&report, MISSING);
    let other = others.iter().find(|row| row.title.contains("NetFramework"));
    assert!(other.is_some_and(|row| row.severity == Level::Note), "{other:?}");
}

/// The containers of another server, with its Protect folder merged into this machine's.
fn with_their_master_key(machine: &Machine) -> MemoryTree {
    let mut other = Machine::new(Os::Server2012R2);
    other.protect(&Secrets::new("another server"));
    let name = file_name(CONFIGURATION_KEY, Family::Capi, GUID);
    let key = other.files()[&format!("{}\\{name}", other.machine_keys())].bytes.clone();
    let spare = file_name("Somebody", Family::Capi, GUID);
    let guid = other.master_key().guid.clone();
    let master = other.files()[&format!("{}\\{guid}", other.protect_folder())].bytes.clone();
    tree(machine, &[])
        .file(&format!("ProgramData/Microsoft/Crypto/RSA/MachineKeys/{name}"), &key)
        .file(&format!("ProgramData/Microsoft/Crypto/RSA/MachineKeys/{spare}"), &key)
        .file(&format!("Windows/System32/Microsoft/Protect/S-1-5-18/{guid}"), &master)
}

#[test]
fn a_container_that_no_secret_opens_is_foreign() {
    let report = of_tree(with_their_master_key(&protected_healthy()));
    let row = finding(&report, FOREIGN);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"), "{}", row.explanation);
    assert_eq!(row.subject, subject(CONFIGURATION_KEY));
    assert!(row.explanation.contains("neither value of DPAPI_SYSTEM"), "{}", row.explanation);
    assert!(row.explanation.contains("so it is the file that comes from elsewhere"), "{}", row.explanation);
    assert!(row.evidence.iter().any(|cite| cite.observed.contains("master key")));
    for row in findings(&report, FOREIGN).iter().filter(|row| row.subject != subject(CONFIGURATION_KEY)) {
        assert_eq!(row.severity, Level::Note, "{}", row.title);
    }
    clear(&report, &[MISSING, ROTATED, HIVES]);
}

#[test]
fn a_needed_container_full_of_zeros_was_not_tried() {
    let mut machine = protected_healthy();
    let name = file_name(WAS_KEY, Family::Capi, GUID);
    machine.add_container_file(&name, vec![0; 1918], filetime((2021, 1, 28), (2, 0, 0)));
    lacks(&on_drive(&machine), FOREIGN, "iisWasKey holds no key", "another copy of the damaged file");
}

#[test]
fn foreign_containers_are_never_told_to_be_in_order() {
    let report = on_drive(&foreign_containers());
    lacks(&report, FOREIGN, "the master key of", "Microsoft\\Protect\\S-1-5-18");
    assert_eq!(findings(&report, MISSING).iter().filter(|row| row.severity == Level::Error).count(), 2);
}

#[test]
fn a_security_hive_of_another_server_does_not_decode() {
    let report = on_drive(&mixed_security_hive());
    let row = finding(&report, HIVES);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert!(row.explanation.contains("does not open with the boot key in SYSTEM"), "{}", row.explanation);
    assert!(row.evidence.iter().any(|cite| cite.locator.contains("PolEKList")), "{:?}", row.evidence);
    for rule in [ROTATED, FOREIGN] {
        lacks(&report, rule, "SYSTEM and SECURITY do not belong together", "collected in one go");
    }
}

#[test]
fn a_secret_under_an_unknown_lsa_key_shows_parts_of_different_times() {
    let report = on_drive(&inconsistent_security_hive());
    let row = finding(&report, HIVES);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert_eq!(row.subject, "value:SECURITY\\Policy\\Secrets\\DPAPI_SYSTEM");
    assert!(row.explanation.contains("is not in the list PolEKList"), "{}", row.explanation);
    for observed in ["needs the LSA key", "LSA keys "] {
        assert!(row.evidence.iter().any(|cite| cite.observed.contains(observed)), "{observed}");
    }
    assert!(findings(&report, FOREIGN).is_empty());
}

#[test]
fn a_boot_key_that_is_not_on_the_disk_leaves_everything_open() {
    for (mode, word) in [(2, "password"), (3, "floppy")] {
        let mut machine = protected_healthy();
        machine.set_system("ControlSet001\\Control\\Lsa", "SecureBoot", Value::Dword(mode));
        let report = on_drive(&machine);
        for rule in [ROTATED, FOREIGN, HIVES] {
            let row = check(&report, rule);
            assert_eq!(row.outcome, "not-evaluated", "{rule}");
            assert!(row.reason.contains("boot key") && row.reason.contains(word), "{}", row.reason);
        }
        clear(&report, &[MISSING]);
    }
}

#[test]
fn a_folder_with_everything_side_by_side_is_proved_like_a_drive() {
    let machine = sysprepped_clone();
    let mut flat = MemoryTree::new();
    for (path, file) in machine.files() {
        let name = path.rsplit('\\').next().unwrap_or_default();
        let place = if path.contains("\\RSA\\MachineKeys\\") {
            format!("MachineKeys/{name}")
        } else if path.contains("\\Protect\\S-1-5-18\\User\\") {
            format!("Protect/S-1-5-18/User/{name}")
        } else if path.contains("\\Protect\\S-1-5-18\\") {
            format!("Protect/S-1-5-18/{name}")
        } else if path.contains("System32\\config\\") || path == machine.live_config() {
            name.to_owned()
        } else {
            continue;
        };
        flat.insert(&place, &file.bytes, None, None);
    }
    let (flat, drive) = (of_tree(flat), on_drive(&machine));
    assert_eq!(subjects(&flat, ROTATED), subjects(&drive, ROTATED));
    assert!(!subjects(&flat, ROTATED).is_empty());
    for rule in ["session-key-mismatch", "encrypted-value-unreadable", HIVES, FOREIGN] {
        assert_eq!(outcome(&flat, rule), outcome(&drive, rule), "{rule}: {}", check(&flat, rule).reason);
    }
}

fn subjects(report: &Report, rule: &str) -> Vec<String> {
    let mut subjects: Vec<String> = findings(report, rule).into_iter().map(|row| row.subject).collect();
    subjects.sort();
    subjects
}

#[test]
fn every_shape_of_a_drive_is_proved() {
    for layout in [Layout::Kape, Layout::VelociraptorAuto, Layout::Acquire, Layout::TwoLevels] {
        let mut tree = MemoryTree::new();
        for (path, bytes) in layout.files(&missing_master_key()) {
            tree.insert(&path, &bytes, None, None);
        }
        assert_eq!(finding(&of_tree(tree), MISSING).severity, Level::Error, "{layout:?}");
    }
}

#[test]
fn only_on_demand_are_the_containers_of_others_tried() {
    let mut machine = protected_healthy();
    machine.add_container("8c2b6f01-somebody", GUID, filetime((2020, 1, 1), (0, 0, 0)));
    let name = file_name("8c2b6f01-somebody", Family::Capi, GUID);
    let evidence = Evidence::from_tree(tree(&machine, &[]));
    for (prove_all, is_opened) in [(false, false), (true, true)] {
        let mut options = Options::default();
        options.prove_all = prove_all;
        let facts = iiskeys_core::read(&evidence, &options, &mut Quiet).expect("facts");
        let row = facts.containers.iter().find(|row| row.name == name).expect("a row");
        let Content::Read(inside) = &row.content else { panic!("it was not read") };
        let opened = inside.pairs.iter().all(|pair| matches!(pair.proof, KeyProof::Opened { .. }));
        assert_eq!(opened && !inside.pairs.is_empty(), is_opened, "{:?}", inside.pairs);
    }
}

#[test]
fn no_secret_of_a_machine_is_in_its_report() {
    for machine in [sysprepped_clone(), missing_master_key(), mixed_security_hive()] {
        let report = on_drive(&machine);
        let text = format!("{}{}", report.to_text(), report.to_json()).to_lowercase();
        for (name, secret) in machine.planted_secrets().into_iter().filter(|(_, secret)| secret.len() >= 8) {
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!text.contains(&hex), "{name} in hex");
            if let Ok(plain) = String::from_utf8(secret) {
                assert!(!text.contains(&plain.to_lowercase()), "{name}");
            }
        }
    }
}

#[test]
fn what_could_not_be_tried_is_clear_nowhere() {
    let missing = on_drive(&missing_master_key());
    lacks(&missing, "dpapi-secret-rotated", "the master key of iisWasKey is not there", "Protect");
    lacks(&missing, "dpapi-foreign", "the master key of iisWasKey is not there", "Protect");
    let damaged = on_drive(&damaged_containers_under_protection());
    for rule in ["master-key-missing", "dpapi-secret-rotated", "dpapi-foreign"] {
        lacks(&damaged, rule, "iisWasKey holds no key that could be tried", "another copy");
    }
}
