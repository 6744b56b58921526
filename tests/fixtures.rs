//! The checked-in cases: their evidence is what the forge makes, and their reports are what was reviewed.
//!
//! `UPDATE_FIXTURES=1 cargo test -p iiskeys --test fixtures` rewrites evidence and expected reports for review.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Once;

use iiskeys_core::Report;
use iiskeys_fixtures::cases::{self, Case};
use serde_json::Value;
use support::{run_in, workspace};

/// Rewrites everything once, when asked to.
fn update() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("UPDATE_FIXTURES").is_none() {
            return;
        }
        for case in cases::all() {
            let folder = workspace().join("fixtures").join(case.name);
            let _ = fs::remove_dir_all(folder.join("evidence"));
            write(&case, &folder);
            let run = run_in(&folder, ["diagnose", "evidence", "--fail-on", "never"]);
            fs::write(folder.join("expected.json"), run.stdout).expect("the expected report is written");
        }
    });
}

fn write(case: &Case, folder: &Path) {
    for (path, bytes) in case.files() {
        let path = folder.join("evidence").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

fn read_tree(root: &Path, below: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(below).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_tree(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
}

#[test]
fn the_evidence_of_each_case_is_what_the_forge_makes() {
    update();
    for case in cases::all() {
        let folder = workspace().join("fixtures").join(case.name).join("evidence");
        let mut found = BTreeMap::new();
        read_tree(&folder, &folder, &mut found);
        let forged: BTreeMap<String, Vec<u8>> = case.files().into_iter().collect();
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&forged), "{}", case.name);
        for (name, bytes) in &forged {
            assert!(found[name] == *bytes, "{}/{name} differs from what the forge makes", case.name);
        }
        assert!(folder.with_file_name("README.md").is_file(), "{} has no README", case.name);
    }
}

#[test]
fn each_case_gives_its_expected_report() {
    update();
    for case in cases::all() {
        let folder = workspace().join("fixtures").join(case.name);
        let run = run_in(&folder, ["diagnose", "evidence", "--fail-on", "never"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", case.name);
        let expected = folder.join("expected.json");
        let wanted = fs::read_to_string(&expected).expect("expected.json");
        assert!(
            run.stdout == wanted,
            "{}: the report differs; see it with UPDATE_FIXTURES=1 and git diff",
            case.name
        );
    }
}

#[test]
fn a_copy_elsewhere_with_other_times_gives_the_same_bytes() {
    update();
    for case in cases::all() {
        let folder = tempfile::tempdir().expect("a folder");
        write(&case, folder.path());
        let run = run_in(folder.path(), ["diagnose", "evidence", "--fail-on", "never"]);
        let expected = workspace().join("fixtures").join(case.name).join("expected.json");
        assert!(run.stdout == fs::read_to_string(expected).expect("expected.json"), "{}", case.name);
    }
}

fn report(case: &str) -> Value {
    update();
    let folder = workspace().join("fixtures").join(case);
    run_in(&folder, ["diagnose", "evidence", "--fail-on", "never"]).json()
}

#[test]
fn the_three_situations_of_the_articles_come_out_as_what_happened() {
    let windows_2000 = report("win2000-guid-reset");
    assert_eq!(windows_2000["verdict"], "broken");
    assert_eq!(windows_2000["root_cause"]["rule"], "machine-guid-changed");
    assert_eq!(windows_2000["root_cause"]["latest"], "2009-01-11T03:17:42.0000000Z");
    let changed = report("server2008r2-guid-changed");
    assert_eq!(changed["root_cause"]["rule"], "machine-guid-changed");
    assert_eq!(changed["findings"][0]["affects"], serde_json::json!(["IISADMIN", "SMTPSVC"]));
    let missing = report("iis7-keys-missing");
    assert_eq!(missing["root_cause"]["rule"], "container-missing");
    assert_eq!(report("healthy-server2012r2")["verdict"], "healthy");
}

/// The articles' repair stands complete in the plan or among its alternatives.
#[test]
fn the_windows_2000_repair_of_the_article_is_complete() {
    let plan = &report("win2000-guid-reset")["plan"];
    let rename = plan["alternatives"]
        .as_array()
        .expect("alternatives")
        .iter()
        .find(|other| other["name"] == "rename-containers")
        .expect("the article's repair");
    let text = rename["steps"].to_string();
    for part in [
        "set-aside",
        "c2319c42033a5ca7f44e731bfd3fa2b5_1b2162a0-ed5a-4d56-bd8a-8f2f65406b82",
        "IIS Admin Service first",
        "certutil -repairstore",
        "import the PFX again",
        "bind",
        "rename the certificate's container",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let names: Vec<&str> = plan["alternatives"]
        .as_array()
        .expect("alternatives")
        .iter()
        .filter_map(|other| other["name"].as_str())
        .collect();
    assert_eq!(names, ["rename-containers", "restore-backup", "reinstall"]);
    for step in plan["steps"].as_array().expect("steps") {
        for field in ["risk", "undo", "verify", "detail"] {
            assert!(step[field].as_str().is_some_and(|text| !text.is_empty()), "{step}");
        }
    }
    assert!(!plan.to_string().to_lowercase().contains("\"del "), "nothing is ever deleted");
}

#[test]
fn a_report_that_is_read_back_is_written_the_same() {
    update();
    for case in cases::all() {
        let path = workspace().join("fixtures").join(case.name).join("expected.json");
        let text = fs::read_to_string(path).expect("expected.json");
        let report =
            Report::from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert!(report.to_json() == text, "{}", case.name);
    }
}
