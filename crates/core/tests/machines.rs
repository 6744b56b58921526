//! Whole machines: the same answer from every layout, no alarm on healthy ones, and plans that are safe to paste.

mod support;

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::report::{Report, Verdict};
use iiskeys_core::{Options, Quiet, rules};
use iiskeys_fixtures::config::ConfigSpec;
use iiskeys_fixtures::container::{CapiSpec, PairSpec};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os, Value, in_use};
use iiskeys_fixtures::time::filetime;
use iiskeys_fixtures::{cases, listing};
use support::{diagnose, finding, of_tree};

fn in_layout(machine: &Machine, layout: Layout) -> Report {
    let mut tree = MemoryTree::new();
    for (path, bytes) in layout.files(machine) {
        tree.insert(&path, &bytes, None, None);
    }
    // What Macs and people leave beside the files.
    tree.insert("._software", &[0, 5, 22, 7, 0, 2], None, None);
    tree.insert("notes/SYSTEM", b"thirteen byte", None, None);
    of_tree(tree)
}

#[test]
fn every_layout_gives_the_same_findings() {
    for machine in [
        Machine::new(Os::Server2012R2),
        Machine::new(Os::Server2022),
        cases::guid_changed(),
        cases::keys_missing(),
        cases::guid_reset(),
    ] {
        let rows = |report: &Report| {
            let mut rows: Vec<(String, String)> = report
                .findings
                .iter()
                .filter(|finding| {
                    finding.rule.starts_with("machine") || finding.rule.starts_with("container")
                })
                .map(|finding| (finding.id.clone(), finding.confidence.clone()))
                .collect();
            rows.sort();
            rows
        };
        let plain = in_layout(&machine, Layout::DriveRoot);
        for layout in Layout::all() {
            let report = in_layout(&machine, layout);
            assert_eq!(rows(&report), rows(&plain), "{layout:?} of {:?}: {}", machine.os, report.summary);
            assert_eq!(report.verdict, plain.verdict, "{layout:?}: {}", report.summary);
        }
    }
}

#[test]
fn healthy_machines_of_every_age_are_healthy() {
    for os in
        [Os::Windows2000, Os::Server2003, Os::Server2008R2, Os::Server2012R2, Os::Server2022, Os::Client]
    {
        let report = diagnose(&Machine::new(os));
        assert_eq!(report.verdict, Verdict::Healthy, "{os:?}: {}", report.summary);
        assert!(report.plan.is_none() && report.root_cause.is_none());
        assert!(report.summary.contains("Groups not examined: protection"), "{}", report.summary);
    }
}

#[test]
fn a_key_with_the_name_of_a_service_and_no_start_type_is_no_service() {
    // Clients without IIS have such a key, with settings of ASP.NET below it.
    let mut machine = Machine::new(Os::Client);
    machine.set_system("ControlSet001\\Services\\W3SVC\\ASP\\Parameters", "x", Value::Dword(1));
    let report = diagnose(&machine);
    assert!(report.machine.iis.is_none());
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    assert!(report.summary.contains("No part of IIS is installed"), "{}", report.summary);
}

#[test]
fn windows_11_is_named_by_its_build() {
    let report = diagnose(&Machine::new(Os::Client));
    assert!(
        report.machine.os.as_deref().is_some_and(|os| os.starts_with("Windows 11 Pro")),
        "{:?}",
        report.machine.os
    );
    let server = diagnose(&Machine::new(Os::Server2022));
    assert!(server.machine.os.as_deref().is_some_and(|os| os.starts_with("Windows Server 2022")));
}

#[test]
fn iis_10_with_only_cng_providers_does_not_need_the_older_containers() {
    let mut machine = Machine::new(Os::Server2022);
    machine.add_container("iisWasKey", OTHER_GUID, filetime((2022, 1, 11), (9, 0, 0)));
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn iis_10_with_an_older_configuration_needs_what_its_values_use() {
    let mut machine = Machine::new(Os::Server2022);
    machine.set_config(&in_use(ConfigSpec::iis10(), "IISWASOnlyAesProvider", "IISCngProvider"));
    let report = diagnose(&machine);
    assert!(finding(&report, "container-missing").title.contains("iisWasKey"));
    assert_eq!(report.verdict, Verdict::Broken);
}

#[test]
fn a_sysprepped_image_with_stale_containers_of_others_is_healthy() {
    let mut machine = Machine::new(Os::Server2012R2);
    let built = machine.installed - 40 * 86_400 * 10_000_000;
    for name in
        ["TSSecKeySet1", "WMSvc Certificate Key Container", "te-Machine-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44"]
    {
        machine.add_container(name, OTHER_GUID, built);
    }
    machine.remove_container("TSSecKeySet1", GUID);
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn without_any_sign_of_what_is_installed_the_assumption_is_said() {
    let mut machine = Machine::new(Os::Server2003);
    machine.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
    let report = support::diagnose_kept(&machine, &[support::Kept::Export, support::Kept::Keys]);
    let found = finding(&report, "container-orphaned");
    assert_eq!(found.confidence, "strong");
    assert!(
        report.assumptions.iter().any(|text| text.contains("assumed to be needed")),
        "{:?}",
        report.assumptions
    );
    assert_eq!(report.verdict, Verdict::Broken);
}

#[test]
fn what_the_plan_promises_is_what_the_rules_say_afterwards() {
    for machine in [cases::guid_changed(), cases::keys_missing(), cases::guid_reset()] {
        let report = diagnose(&machine);
        let plan = report.plan.as_ref().expect("a plan");
        let errors =
            report.findings.iter().filter(|finding| finding.severity == iiskeys_core::report::Level::Error);
        for error in errors {
            assert!(plan.resolves.contains(&error.id), "{} stays", error.id);
        }
        assert!(plan.remaining.iter().all(|left| left.severity != iiskeys_core::report::Level::Error));
        assert_eq!(plan.steps[0].action, "back-up");
        assert!(plan.steps[0].risk.contains("private keys"));
    }
}

/// The plan carried out by hand on the machine gives what the plan said.
#[test]
fn carrying_the_plan_out_heals_the_machine() {
    let mut machine = cases::guid_reset();
    machine.set_guid(GUID, filetime((2009, 1, 15), (9, 0, 0)));
    // It can happen again on a Windows 2000 without the hotfix.
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Degraded, "{}", report.summary);
    assert_eq!(support::outcome(&report, "hotfix-884872-missing"), "found");
    machine.set("Microsoft\\Windows NT\\CurrentVersion\\HotFix\\KB884872", "Installed", Value::Dword(1));
    let report = diagnose(&machine);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn many_new_containers_make_renaming_the_better_way() {
    let mut machine = Machine::new(Os::Server2003);
    let changed = filetime((2008, 5, 30), (4, 5, 6));
    machine.set_guid(OTHER_GUID, changed);
    for number in 0..30 {
        machine.add_container(&format!("product {number}"), OTHER_GUID, changed + number * 864_000_000_000);
    }
    let report = diagnose(&machine);
    let plan = report.plan.as_ref().expect("a plan");
    assert!(plan.steps.iter().any(|step| step.action == "rename-container"), "{plan:#?}");
    let back =
        plan.alternatives.iter().find(|other| other.name == "restore-machine-guid").expect("the other way");
    assert!(back.reason.contains("containers that Windows does not find"), "{}", back.reason);
}

const HOSTILE: [&str; 6] =
    ["a\" & del C:\\ & \"", "$(calc)", "%COMSPEC%", "`whoami`", "line\nbreak", "x\u{202e}cod.exe"];

#[test]
fn hostile_names_never_reach_a_command_line() {
    for hostile in HOSTILE {
        let mut machine = Machine::new(Os::Server2008R2);
        // A needed container with a hostile name, and a hostile folder that the registry names.
        let mut config = ConfigSpec::iis7(2048);
        for provider in &mut config.providers {
            provider.container = hostile.to_owned();
        }
        machine.set_config(&in_use(config, "IISWASOnlyAesProvider", "AesProvider"));
        let bytes = CapiSpec::new(hostile).exchange(PairSpec::new("h")).bytes();
        machine.add_container_file(&format!("{:032x}_{GUID}.{hostile}", 7), bytes, machine.installed);
        check(&diagnose(&machine), hostile);

        let mut machine = Machine::new(Os::Server2003);
        let folders = "Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders";
        machine.set(folders, "Common AppData", Value::Sz(format!("C:\\{hostile}")));
        machine.set_guid(OTHER_GUID, filetime((2010, 5, 30), (4, 5, 6)));
        check(&diagnose(&machine), hostile);

        let mut machine = Machine::new(Os::Server2003);
        machine.set("Microsoft\\Cryptography", "MachineGuid", Value::Sz(hostile.to_owned()));
        check(&diagnose(&machine), hostile);
    }
}

fn check(report: &Report, hostile: &str) {
    let steps = report
        .plan
        .iter()
        .flat_map(|plan| plan.steps.iter().chain(plan.alternatives.iter().flat_map(|other| &other.steps)));
    for command in steps.flat_map(|step| &step.commands) {
        assert!(!command.contains(hostile), "{command}");
        assert!(!command.contains(['&', '|', '<', '>', '`', '$', '\n', '\u{202e}', '\'']), "{command}");
        let percent = command.replace("%windir%", "");
        assert!(!percent.contains('%'), "{command}");
    }
    let text = report.to_text();
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
    let json = report.to_json();
    assert!(!json.contains('\u{202e}'));
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
}

#[test]
fn every_finding_and_every_rule_is_complete() {
    for machine in [cases::guid_changed(), cases::keys_missing(), cases::guid_reset()] {
        let report = diagnose(&machine);
        for finding in &report.findings {
            assert!(!finding.evidence.is_empty(), "{} cites nothing", finding.id);
            assert!(!finding.explanation.is_empty() && !finding.title.is_empty());
            for cite in &finding.evidence {
                assert!(
                    report.evidence.iter().any(|row| row.id == cite.evidence),
                    "{}: {cite:?}",
                    finding.id
                );
            }
        }
        assert_eq!(report.checks.len(), rules::all().len());
    }
    for rule in rules::all() {
        let info = rule.info();
        assert!(
            !info.meaning.is_empty() && !info.proof.is_empty() && !info.repair.is_empty(),
            "{}",
            info.name
        );
        for explained in info.explains {
            assert!(
                rules::by_name(explained).is_some(),
                "{} explains {explained}, which is no rule",
                info.name
            );
        }
    }
}

#[test]
fn the_library_can_be_used_step_by_step() {
    let mut tree = MemoryTree::new();
    for (path, bytes) in Layout::Kape.files(&cases::guid_reset()) {
        tree.insert(&path, &bytes, None, None);
    }
    tree.insert("dir.txt", &listing::english_dir(&cases::guid_reset().listed(), true), None, None);
    let evidence = Evidence::from_tree(tree);
    let facts = iiskeys_core::read(&evidence, &Options::default(), &mut Quiet).expect("facts");
    let machine = iiskeys_core::Machine::derive(&facts);
    let judged = rules::judge(&machine);
    let plan = iiskeys_core::plan::make(&machine, &judged);
    assert!(plan.is_some_and(|plan| !plan.steps.is_empty()));
}
