//! Reads a collector's definition as the collector does, and forges what it leaves.

use std::collections::BTreeMap;

use iiskeys_core::collect::{Form, Request};
use iiskeys_core::evidence::{MemoryTree, Timestamp};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::listing::{Listed, english_dir, utc_csv};
use iiskeys_fixtures::machine::Machine;

/// A definition as its collector understands it: patterns below the drive root.
#[derive(Default)]
pub struct Understood {
    /// Files to copy.
    pub copied: Vec<String>,
    /// Files whose names, sizes and times are written down.
    pub listed: Vec<String>,
}

pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    let (wanted, names): (Vec<&str>, Vec<&str>) = (pattern.split('\\').collect(), path.split('\\').collect());
    wanted.len() == names.len() && wanted.iter().zip(names).all(|(wanted, name)| fits(wanted, name))
}

pub fn fits(mask: &str, name: &str) -> bool {
    match mask.split_once('*') {
        None => mask == name,
        Some((front, rest)) => name.strip_prefix(front).is_some_and(|name| {
            (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| fits(rest, &name[at..]))
        }),
    }
}

impl Understood {
    pub fn of(form: &Form, request: &Request, machine: &Machine) -> Self {
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
                    assert!(line.starts_with("--glob="), "{line}");
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
            if secret != "list" && !(names_only && secret != "-") {
                self.copied.push(pattern.clone());
            }
            self.listed.push(pattern);
        }
    }

    pub fn has(patterns: &[String], windows_path: &str) -> bool {
        let path = windows_path.strip_prefix("C:\\").unwrap();
        patterns.iter().any(|pattern| matches(pattern, path))
    }
}

/// The result of `ll` on each folder.
pub fn inspection(listed: &[Listed]) -> Vec<u8> {
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
pub fn gather(form: &Form, request: &Request, machine: &Machine, by_hand: bool) -> MemoryTree {
    let understood = Understood::of(form, request, machine);
    let mut tree = MemoryTree::new();
    let layout = match form.name {
        "velociraptor" => Layout::VelociraptorAuto,
        "acquire" => Layout::Acquire,
        "azure" => Layout::DiskInspection,
        "list" => Layout::DriveRoot,
        _ => Layout::Kape,
    };
    for (path, file) in machine.files() {
        if Understood::has(&understood.copied, &path) {
            tree.insert(&layout.place(&path), &file.bytes, None, None);
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
        "powershell" => {
            let text = form.print(request);
            tree.insert("files.csv", &table_of_files(&text, &listed), None, None);
            tree.insert("access.csv", &table_of_access(&text, &listed), None, None);
            tree.insert("errors.csv", b"\xef\xbb\xbf\"What\",\"Action\",\"Reason\"\r\n", None, None);
        }
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

/// The column names that the script writes into one of its tables.
fn columns(script: &str, table: &str) -> Vec<String> {
    let begin = format!("Write-Row ${table} @(");
    let row =
        script.lines().find_map(|line| line.strip_prefix(&begin)).expect("the script writes this table");
    row.trim_end_matches(')').split(", ").map(|name| name.trim_matches('\'').to_owned()).collect()
}

fn table(columns: &[String], rows: Vec<Vec<String>>) -> Vec<u8> {
    let line = |fields: &[String]| {
        let quoted: Vec<String> =
            fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
        format!("{}\r\n", quoted.join(","))
    };
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("\u{feff}{}{rows}", line(columns)).into_bytes()
}

/// `files.csv` as the script writes it.
fn table_of_files(script: &str, listed: &[Listed]) -> Vec<u8> {
    let columns = columns(script, "files");
    let time = |at: u64| Timestamp::from_filetime(at).expect("a time").to_string();
    let row = |file: &Listed| {
        let value = |name: &String| match name.as_str() {
            "FullName" => file.path.clone(),
            "Length" => file.size.to_string(),
            "CreationTimeUtc" => time(file.created),
            "LastWriteTimeUtc" | "LastAccessTimeUtc" => time(file.modified),
            "Attributes" => "Hidden, System, Archive".to_owned(),
            _ => String::new(),
        };
        columns.iter().map(value).collect()
    };
    table(&columns, listed.iter().map(row).collect())
}

/// `access.csv` as the script writes it: key folders and key files.
fn table_of_access(script: &str, listed: &[Listed]) -> Vec<u8> {
    let columns = columns(script, "access");
    assert_eq!(columns, ["Path", "Owner", "Sddl"]);
    let keys = listed.iter().filter(|file| file.path.contains("\\Microsoft\\Crypto\\"));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for file in keys {
        let (folder, _) = file.path.rsplit_once('\\').unwrap();
        if !rows.iter().any(|row| row[0] == folder) {
            let sddl = "O:SYG:SYD:PAI(A;;0x12019f;;;WD)(A;;FA;;;BA)(A;OICI;FA;;;SY)";
            rows.push(vec![folder.to_owned(), "S-1-5-18".to_owned(), sddl.to_owned()]);
        }
        let sddl = "O:SYG:SYD:AI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;NS)(A;;FR;;;LS)(A;;FR;;;S-1-5-32-568)";
        rows.push(vec![file.path.clone(), "S-1-5-18".to_owned(), sddl.to_owned()]);
    }
    table(&columns, rows)
}
