//! What the printed definitions gather: each is read as its collector would, applied to the files of forged servers, put into
//! the shape that the collector leaves, and diagnosed.

#[path = "support/collector.rs"]
mod collector;
mod support;

use std::collections::BTreeMap;

use collector::{Understood, gather};
use iiskeys_core::collect::{FORMS, ITEMS, Request, Source};
use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Report, Verdict};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::container::{Family, capi_name_only, file_name};
use iiskeys_fixtures::event_log::EventSpec;
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::listing::utc_csv;
use iiskeys_fixtures::machine::{GUID, Machine, Os};
use iiskeys_fixtures::time::filetime;
use support::of_tree;

fn whole(machine: &Machine) -> Report {
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        tree.insert(&Layout::Kape.place(&path), &file.bytes, None, None);
    }
    tree.insert("files.csv", &utc_csv(&machine.listed(), None), None, None);
    of_tree(tree)
}

/// Verdict, cause, and what each rule found.
fn answer(report: &Report) -> (Verdict, Option<String>, Vec<(String, String)>) {
    let mut found: Vec<(String, String)> = report
        .findings
        .iter()
        .filter(|finding| finding.rule != "timestamps-lost" && finding.rule != "container-access")
        .map(|finding| (finding.rule.clone(), finding.subject.clone()))
        .collect();
    found.sort();
    (report.verdict, report.root_cause.as_ref().map(|cause| cause.rule.clone()), found)
}

fn machines() -> Vec<(&'static str, Machine)> {
    vec![
        ("healthy 2000", Machine::new(Os::Windows2000)),
        ("healthy 2003", Machine::new(Os::Server2003)),
        ("healthy 2022", Machine::new(Os::Server2022)),
        ("guid reset", cases::guid_reset()),
        ("guid changed", cases::guid_changed()),
        ("keys missing", cases::keys_missing()),
        ("foreign configuration", cases::foreign_config_by_unwrapping()),
        ("missing master key", cases::missing_master_key()),
        ("HTTPS after repair", cases::https_after_repair()),
        ("sysprepped clone", cases::sysprepped_clone()),
    ]
}

#[test]
fn every_form_gathers_every_file_that_a_server_is_diagnosed_from() {
    for form in FORMS {
        for (name, machine) in machines() {
            let understood = Understood::of(form, &Request::all(false), &machine);
            // IIS keeps a copy of its schema beside each configuration of the history; nothing is concluded from it.
            let is_read = |path: &String| !(path.contains("\\history\\") && path.contains("\\schema\\"));
            for path in machine.files().into_keys().filter(is_read) {
                assert!(Understood::has(&understood.copied, &path), "{} leaves {path} of {name}", form.name);
            }
        }
    }
}

#[test]
fn what_each_collector_leaves_is_recognised_and_gives_the_same_answer() {
    for form in FORMS {
        for (name, machine) in machines() {
            let tree = gather(form, &Request::all(false), &machine, true);
            let report = of_tree(tree);
            assert_eq!(
                answer(&report),
                answer(&whole(&machine)),
                "{} of {name}: {}",
                form.name,
                report.to_text()
            );
        }
    }
}

#[test]
fn names_alone_still_give_verdict_and_cause() {
    for form in FORMS {
        for (name, machine) in [("guid reset", cases::guid_reset()), ("guid changed", cases::guid_changed())]
        {
            let understood = Understood::of(form, &Request::all(true), &machine);
            let is_secret = |path: &str| {
                ["\\Microsoft\\Crypto\\", "\\Protect\\", "\\SECURITY"].iter().any(|part| path.contains(part))
            };
            for path in machine.files().into_keys().filter(|path| is_secret(path)) {
                assert!(!Understood::has(&understood.copied, &path), "{} sends {path}", form.name);
            }
            let report = of_tree(gather(form, &Request::all(true), &machine, true));
            let full = whole(&machine);
            let text = report.to_text();
            assert_eq!(report.verdict, Verdict::Broken, "{} of {name}: {text}", form.name);
            let cause =
                report.root_cause.as_ref().unwrap_or_else(|| panic!("{} of {name}: {text}", form.name));
            assert_eq!(cause.rule, full.root_cause.as_ref().unwrap().rule, "{} of {name}", form.name);
            let rank = |word: &str| ["proven", "strong", "weak"].iter().position(|known| *known == word);
            assert!(
                rank(&cause.confidence) >= rank(&full.root_cause.as_ref().unwrap().confidence),
                "{} of {name}: {text}",
                form.name
            );
            assert!(report.collect.iter().any(|row| row.need == "key-file-contents"), "{name}: {text}");
        }
    }
}

#[test]
fn each_form_has_every_item_or_says_what_to_do_for_it() {
    for form in FORMS {
        for names_only in [false, true] {
            let request = Request::all(names_only);
            let text =
                format!("{}{}", form.print(&request), form.notes(&request).join("\n")).replace(';', ",");
            for item in ITEMS {
                let alone = Request::of(&[item.name], false).unwrap();
                let files = form.print(&alone);
                match item.source {
                    Source::Files(places) => {
                        let mask = places[0].mask;
                        assert!(
                            files.contains(mask) || files.contains("ll,/"),
                            "{} lacks {}",
                            form.name,
                            item.name
                        );
                        assert!(form.print(&Request::all(false)).contains(mask), "{}", item.name);
                    }
                    Source::Output if form.name == "powershell" => {}
                    // Its source KeyFiles has all the times.
                    Source::Output if form.name == "velociraptor" && item.name == "creation-times" => {
                        assert!(files.contains("Crypto\\RSA\\MachineKeys\\*"), "{files}");
                    }
                    Source::Output | Source::Elsewhere if form.name == "acquire" && !names_only => {}
                    Source::Output => {
                        let command = item.commands(None)[0];
                        assert!(
                            text.contains(&command.replace(';', ",")),
                            "{} lacks {}",
                            form.name,
                            item.name
                        );
                    }
                    Source::Elsewhere => {
                        assert!(text.contains(item.name), "{} lacks {}", form.name, item.name)
                    }
                    Source::Items(names) => {
                        let one = names.iter().map(|name| form.print(&Request::of(&[name], false).unwrap()));
                        assert!(one.into_iter().all(|one| files.len() >= one.len()), "{}", item.name);
                    }
                }
            }
            if names_only && form.has_notes {
                assert!(text.contains("stays unproven"), "{}", form.name);
            }
        }
    }
}

/// A server on which many items have something to say.
fn rich() -> Machine {
    let mut machine = cases::foreign_config_by_unwrapping();
    let started = EventSpec::new(0, filetime((2020, 1, 1), (1, 1, 1)), "EventLog", 6005).level(4);
    machine.add_event_log("System", &[started]);
    machine
}

#[test]
fn without_an_item_a_rule_waits_for_exactly_that_item() {
    let machine = rich();
    let full = of_tree(gather(&FORMS[0], &Request::all(false), &machine, true));
    let mut named = Vec::new();
    for item in ITEMS.iter().filter(|item| item.need.is_some()) {
        let Source::Files(places) = item.source else { continue };
        let patterns: Vec<String> = places
            .iter()
            .flat_map(|place| place.folders().into_iter().map(|folder| format!("{folder}\\{}", place.mask)))
            .collect();
        let mut tree = MemoryTree::new();
        let mut left_out = 0;
        for (path, file) in machine.files() {
            if Understood::has(&patterns, &path) {
                left_out += 1;
            } else {
                tree.insert(&Layout::Kape.place(&path), &file.bytes, None, None);
            }
        }
        if left_out == 0 {
            continue;
        }
        let report = of_tree(tree);
        let was_asked = full.collect.iter().any(|row| row.need == item.name);
        let Some(row) = report.collect.iter().find(|row| row.need == item.name) else {
            // What rules can do without is taken for granted, and that is said.
            assert_ne!(
                report.assumptions,
                full.assumptions,
                "{} is not asked for: {}",
                item.name,
                report.to_text()
            );
            continue;
        };
        assert!(!was_asked || !row.rules.is_empty(), "{}", item.name);
        named.push(item.name);
        let check = report.checks.iter().find(|check| check.rule == row.rules[0]).unwrap();
        assert!(check.needs.iter().any(|need| need.starts_with(item.what)), "{}: {check:#?}", item.name);
        let commands = item.commands(Some(iiskeys_core::machine::Generation::Nt6));
        assert_eq!(row.commands, commands, "{}", item.name);
        let asked = format!("{}; on the server: {}", item.what, commands.join(" & "));
        assert!(check.needs.contains(&asked), "{}: {check:#?}", item.name);
    }
    let expected = [
        "software-hive",
        "system-hive",
        "machine-keys",
        "application-host",
        "security-hive",
        "protect",
        "system-log",
    ];
    assert!(expected.iter().all(|name| named.contains(name)), "{named:?}");
}

/// A server with a file in every place that is looked into.
fn with_everything() -> Machine {
    let mut machine = cases::foreign_config_by_unwrapping();
    let at = filetime((2016, 5, 4), (3, 2, 1));
    let (software, config) = (
        machine.software(),
        machine.files()["C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"].bytes.clone(),
    );
    for folder in [
        "Windows\\System32\\config\\RegBack",
        "Windows\\repair",
        "Windows\\repair\\RegBack",
        "Windows\\repair\\Backup\\BootableSystemState\\Registry",
        "Windows.old\\Windows\\System32\\config",
        "Windows.old\\Windows\\System32\\config\\RegBack",
    ] {
        machine.put(&format!("C:\\{folder}\\SOFTWARE"), software.clone(), at);
    }
    for name in ["SOFTWARE.SAV", "SOFTWARE_old", "SOFTWARE-2016", "old_SOFTWARE"] {
        machine.put(&format!("C:\\Windows\\System32\\config\\{name}"), software.clone(), at);
    }
    machine.put(
        "C:\\System Volume Information\\_restore{0F2C}\\RP12\\snapshot\\_REGISTRY_MACHINE_SOFTWARE",
        software,
        at,
    );
    for path in [
        "Windows\\System32\\inetsrv\\backup\\before\\applicationHost.config",
        "Windows\\System32\\inetsrv\\config\\Export\\applicationHost.config",
        "Windows\\System32\\inetsrv\\config\\Export\\configEncKey.key",
        "Windows\\System32\\inetsrv\\config\\applicationHost.config.bak",
        "Windows\\System32\\inetsrv\\config\\redirection.config",
        "inetpub\\history\\CFGHISTORY_0000000001\\applicationHost.config",
        "inetpub\\temp\\appPools\\DefaultAppPool.config",
        "inetpub\\temp\\appPools\\DefaultAppPool\\DefaultAppPool.config",
        "Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\CONFIG\\machine.config",
        "Windows\\Microsoft.NET\\Framework\\v2.0.50727\\CONFIG\\web.config",
        "inetpub\\wwwroot\\web.config",
    ] {
        machine.put(&format!("C:\\{path}"), config.clone(), at);
    }
    let metabase = b"<?xml version=\"1.0\"?><configuration xmlns=\"urn:microsoft-catalog:XML_Metabase_V64_0\"><MBProperty></MBProperty></configuration>";
    for path in ["MetaBase.xml", "History\\MetaBase_0000000001_0000000000.xml", "MetaBack\\before.MD0"] {
        machine.put(&format!("C:\\Windows\\System32\\inetsrv\\{path}"), metabase.to_vec(), at);
    }
    machine.put(
        "C:\\key.xml",
        b"<RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>".to_vec(),
        at,
    );
    let key = |name: &str, family| file_name(name, family, GUID);
    for (folder, family) in [
        ("ProgramData\\Microsoft\\Crypto\\DSS\\MachineKeys", Family::Capi),
        ("ProgramData\\Microsoft\\Crypto\\Keys", Family::Cng),
        ("ProgramData\\Microsoft\\Crypto\\SystemKeys", Family::Cng),
        ("ProgramData\\Microsoft\\Crypto\\RSA\\S-1-5-18", Family::Capi),
        (
            "Windows\\ServiceProfiles\\LocalService\\AppData\\Roaming\\Microsoft\\Crypto\\RSA\\S-1-5-19",
            Family::Capi,
        ),
        (
            "Windows\\ServiceProfiles\\NetworkService\\AppData\\Roaming\\Microsoft\\Crypto\\RSA\\S-1-5-20",
            Family::Capi,
        ),
        ("Windows\\ServiceProfiles\\LocalService\\AppData\\Roaming\\Microsoft\\Crypto\\Keys", Family::Cng),
        ("Windows\\ServiceProfiles\\NetworkService\\AppData\\Roaming\\Microsoft\\Crypto\\Keys", Family::Cng),
    ] {
        machine.put(&format!("C:\\{folder}\\{}", key("one", family)), capi_name_only("one"), at);
    }
    machine
}

#[test]
fn every_place_that_is_looked_into_is_gathered() {
    let machine = with_everything();
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        tree.insert(&Layout::DriveRoot.place(&path), &file.bytes, None, None);
    }
    let report = of_tree(tree);
    let files: BTreeMap<String, iiskeys_fixtures::machine::File> = machine.files();
    let mut kinds: Vec<&str> = Vec::new();
    for form in FORMS {
        let understood = Understood::of(form, &Request::all(false), &machine);
        for row in &report.evidence {
            let path = format!("C:\\{}", row.path.replace('/', "\\"));
            // A folder of keys stands for the files in it.
            let own = files.keys().find(|file| **file == path || file.starts_with(&format!("{path}\\")));
            let own = own.unwrap_or_else(|| panic!("{} is no file of the server", row.path));
            assert!(Understood::has(&understood.copied, own), "{} leaves {own} ({})", form.name, row.kind);
            kinds.push(&row.kind);
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 14, "{kinds:?}");
    let copies = report.evidence.iter().filter(|row| row.kind == "software-hive-history").count();
    assert!(copies >= 10, "{copies} copies of SOFTWARE");
}

#[test]
fn the_tables_of_the_script_give_times_and_access_rights_even_without_a_key_file() {
    let form = iiskeys_core::collect::Form::by_name("powershell").unwrap();
    for names_only in [false, true] {
        let machine = cases::guid_changed();
        let report = of_tree(gather(form, &Request::all(names_only), &machine, false));
        let text = report.to_text();
        assert!(
            report
                .collect
                .iter()
                .all(|row| !["access-rights", "creation-times"].contains(&row.need.as_str())),
            "{text}"
        );
        let access = report.checks.iter().find(|check| check.rule == "container-access").unwrap();
        assert!(!access.needs.iter().any(|need| need.contains("icacls")), "{access:?}");
        let with_times = report.key_containers.iter().filter(|row| row.created.is_some()).count();
        assert!(with_times > 0 && with_times == report.key_containers.len(), "{text}");
        assert!(report.key_containers.iter().any(|row| row.access.is_some()), "{text}");
        assert!(!report.findings.iter().any(|finding| finding.rule == "evidence-damaged"), "{text}");
    }
}

#[test]
fn what_the_commands_of_a_report_write_is_recognised() {
    const KEPT: [(&str, &str); 6] = [
        ("C:\\ProgramData\\Microsoft\\Crypto\\", "Crypto/"),
        ("C:\\Windows\\System32\\Microsoft\\Protect\\", "Protect/"),
        ("C:\\Windows\\System32\\inetsrv\\config\\", "config/"),
        ("C:\\Windows\\System32\\inetsrv\\", "inetsrv/"),
        ("C:\\inetpub\\history\\", "history/"),
        ("C:\\Windows\\System32\\winevt\\Logs\\", ""),
    ];
    for (name, machine) in [
        ("healthy 2022", Machine::new(Os::Server2022)),
        ("guid changed", cases::guid_changed()),
        ("keys missing", cases::keys_missing()),
        ("missing master key", cases::missing_master_key()),
    ] {
        let mut tree = MemoryTree::new();
        for (path, file) in machine.files() {
            let kept = KEPT.iter().find_map(|(from, to)| Some(format!("{to}{}", path.strip_prefix(from)?)));
            let place = kept.unwrap_or_else(|| format!("{}.hiv", path.rsplit('\\').next().unwrap()));
            tree.insert(&place.replace('\\', "/"), &file.bytes, None, None);
        }
        let keys: Vec<_> =
            machine.listed().into_iter().filter(|file| file.path.contains("\\Microsoft\\Crypto\\")).collect();
        tree.insert("dir-created.txt", &iiskeys_fixtures::listing::english_dir(&keys, true), None, None);
        let report = of_tree(tree);
        let full = whole(&machine);
        assert_eq!(
            (answer(&report).0, answer(&report).1),
            (answer(&full).0, answer(&full).1),
            "{name}: {}",
            report.to_text()
        );
    }
}
