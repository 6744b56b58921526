//! What the printed definitions gather: each is read as its collector would, applied to the files of forged servers, put into
//! the shape that the collector leaves, and diagnosed.

mod support;

use std::collections::BTreeMap;

use iiskeys_core::collect::{FORMS, Form, ITEMS, Request, Source};
use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Report, Verdict};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::event_log::EventSpec;
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::listing::{Listed, english_dir, utc_csv};
use iiskeys_fixtures::machine::{Machine, Os};
use iiskeys_fixtures::time::filetime;
use support::of_tree;

/// A definition as its collector understands it: patterns below the drive root.
#[derive(Default)]
struct Understood {
    /// Files to copy.
    copied: Vec<String>,
    /// Files whose names, sizes and times are written down.
    listed: Vec<String>,
}

fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    let (wanted, names): (Vec<&str>, Vec<&str>) = (pattern.split('\\').collect(), path.split('\\').collect());
    wanted.len() == names.len() && wanted.iter().zip(names).all(|(wanted, name)| fits(wanted, name))
}

fn fits(mask: &str, name: &str) -> bool {
    match mask.split_once('*') {
        None => mask == name,
        Some((front, rest)) => name.strip_prefix(front).is_some_and(|name| {
            (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| fits(rest, &name[at..]))
        }),
    }
}

impl Understood {
    fn of(form: &Form, request: &Request, machine: &Machine) -> Self {
        let text = form.print(request);
        let mut it = Self::default();
        match form.name {
            "kape" => {
                let value = |line: &str, name: &str| {
                    Some(line.trim().strip_prefix(name)?.strip_prefix(": '")?.strip_suffix('\'')?.to_owned())
                };
                let mut folder = None;
                for line in text.lines() {
                    folder = value(line, "Path").or(folder);
                    if let (Some(mask), Some(folder)) = (value(line, "FileMask"), &folder) {
                        it.copied.push(format!("{}{mask}", folder.strip_prefix("C:\\").unwrap()));
                    }
                }
            }
            "velociraptor" => {
                let names_only = text.contains("type: bool\n    default: \"Y\"");
                let (_, rules) = text.split_once("Item,Glob,Secret\n").unwrap();
                let (rules, folders) = rules.split_once("  - name: KeyFolders\n").unwrap();
                for row in rules.lines() {
                    let [_, glob, secret] = row.trim().split(',').collect::<Vec<_>>()[..] else {
                        panic!("{row}")
                    };
                    if !(names_only && secret == "Y") {
                        it.copied.push(glob.to_owned());
                    }
                }
                let globs = folders.split_once("      Glob\n").unwrap().1.lines();
                it.listed
                    .extend(globs.take_while(|line| !line.is_empty()).map(|line| line.trim().to_owned()));
            }
            "acquire" => {
                for line in text.lines().skip(1) {
                    let path = line.split_once("=sysvol/").unwrap_or_else(|| panic!("{line}")).1;
                    assert_eq!(line.starts_with("--glob="), path.contains('*'), "{line}");
                    it.copied.push(path.replace('/', "\\"));
                }
            }
            "azure" => {
                for line in text.lines() {
                    match line.split(',').collect::<Vec<_>>()[..] {
                        ["copy", path, "noscan"] => it.copied.push(path[1..].replace('/', "\\")),
                        ["ll", path] => it.listed.push(format!("{}\\*", path[1..].replace('/', "\\"))),
                        ["echo", _] | [_] => {}
                        _ => panic!("{line}"),
                    }
                }
            }
            "powershell" => it.script(&text, machine),
            "list" => {
                let root = machine.root().strip_prefix("C:\\").unwrap();
                for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                    let path = line.replace("%SystemRoot%", root).replace("%ProgramData%", "ProgramData");
                    it.copied.push(path.replace("%SystemDrive%\\", ""));
                }
            }
            name => panic!("no test for {name}"),
        }
        it
    }

    /// Reads the table of the script and resolves it as the script does.
    fn script(&mut self, text: &str, machine: &Machine) {
        let names_only = text.contains("$keepSecrets = $NamesOnly.IsPresent -or $true");
        let root = machine.root().strip_prefix("C:\\").unwrap();
        let (_, table) = text.split_once("$table = @(\r\n").unwrap();
        for row in table.split_once("\r\n)").unwrap().0.lines() {
            let row = row.trim().trim_matches('\'');
            let [_, base, folder, mask, secret] = row.split('|').collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let old = machine.os.is_old();
            let base = match (base, old) {
                ("Windows", _) => root.to_owned(),
                ("Drive", _) => String::new(),
                ("Shared", false) => "ProgramData".to_owned(),
                ("Shared", true) => "Documents and Settings\\All Users\\Application Data".to_owned(),
                (account, false) => format!("{root}\\ServiceProfiles\\{account}\\AppData\\Roaming"),
                (account, true) => format!("Documents and Settings\\{account}\\Application Data"),
            };
            let parts: Vec<&str> =
                [base.as_str(), folder, mask].into_iter().filter(|part| !part.is_empty()).collect();
            let pattern = parts.join("\\");
            if !(names_only && secret != "-") {
                self.copied.push(pattern.clone());
            }
            self.listed.push(pattern);
        }
    }

    fn has(patterns: &[String], windows_path: &str) -> bool {
        let path = windows_path.strip_prefix("C:\\").unwrap();
        patterns.iter().any(|pattern| matches(pattern, path))
    }
}

/// The result of `ll` on each folder.
fn inspection(listed: &[Listed]) -> Vec<u8> {
    let mut text = String::from("Execution start time: 15:52:50.\r\n\r\n");
    let mut folders: BTreeMap<String, Vec<&Listed>> = BTreeMap::new();
    for file in listed {
        let (folder, _) = file.path[2..].rsplit_once('\\').unwrap();
        folders.entry(folder.replace('\\', "/")).or_default().push(file);
    }
    for (folder, files) in folders {
        text.push_str(&format!("15:52:59  Listing contents of {folder}:\r\n\r\ntotal 64\r\n"));
        text.push_str("drwxrwxrwx 1 root root    4096 Nov 21 15:53 .\r\n");
        for file in files {
            let name = file.path.rsplit('\\').next().unwrap();
            text.push_str(&format!("-rwxrwxrwx 2 root root {:>7} Jul  1  2016 {name}\r\n", file.size));
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// What a collector leaves when it was given the definition; with `by_hand`, beside it what the notes ask for.
fn gather(form: &Form, request: &Request, machine: &Machine, by_hand: bool) -> MemoryTree {
    let understood = Understood::of(form, request, machine);
    let mut tree = MemoryTree::new();
    let layout = match form.name {
        "velociraptor" => Layout::VelociraptorAuto,
        "acquire" => Layout::Acquire,
        "list" => Layout::DriveRoot,
        _ => Layout::Kape,
    };
    for (path, file) in machine.files() {
        if Understood::has(&understood.copied, &path) {
            let place = match form.name {
                // One folder for each device with a system.
                "azure" => format!("device_0/{}", Layout::DriveRoot.place(&path)),
                _ => layout.place(&path),
            };
            tree.insert(&place, &file.bytes, None, None);
        }
    }
    let listed: Vec<Listed> =
        machine.listed().into_iter().filter(|file| Understood::has(&understood.listed, &file.path)).collect();
    match form.name {
        "azure" => tree.insert("results.txt", &inspection(&listed), None, None),
        "velociraptor" => tree.insert(
            "results/Custom.Windows.IIS.MachineKeys%2FKeyFiles.csv",
            &utc_csv(&listed, None),
            None,
            None,
        ),
        "powershell" => tree.insert("files.csv", &utc_csv(&listed, None), None, None),
        _ if by_hand => {
            let keys: Vec<Listed> = machine
                .listed()
                .into_iter()
                .filter(|file| file.path.contains("\\Microsoft\\Crypto\\"))
                .collect();
            tree.insert("dir-created.txt", &english_dir(&keys, true), None, None);
        }
        _ => {}
    }
    tree
}

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
    for log in ["System"] {
        machine.add_event_log(
            log,
            &[EventSpec::new(0, filetime((2020, 1, 1), (1, 1, 1)), "EventLog", 6005).level(4)],
        );
    }
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
