//! `iiskeys check` as a CI runs it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use iiskeys_fixtures::cases;
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{GUID, Machine, Os, WAS_KEY};
use support::{Run, run, run_in, snapshot, workspace};

fn put(folder: &Path, machine: &Machine) {
    for (path, bytes) in Layout::DriveRoot.files(machine) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// A folder with a healthy server in `good`, the same without one container in `bad`, and the baseline of the first.
fn servers() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let mut machine = Machine::new(Os::Server2012R2);
    put(&path.join("good"), &machine);
    machine.remove_container(WAS_KEY, GUID);
    put(&path.join("bad"), &machine);
    let made = run_in(&path, ["check", "good", "--baseline", "baseline.json", "--update"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    (folder, path)
}

/// A JUnit file as a parser reads it: for each test case its name and how it ended.
fn read_junit(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).expect("the file is written");
    let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let cases: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|node| {
            let ended =
                node.children().find(|child| child.is_element()).map_or("passed", |it| it.tag_name().name());
            (node.attribute("name").unwrap_or_default().to_owned(), ended.to_owned())
        })
        .collect();
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    assert_eq!(suite.attribute("name"), Some("iiskeys"));
    for (attribute, ended) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
        let counted = cases.iter().filter(|(_, it)| it == ended).count().to_string();
        assert_eq!(suite.attribute(attribute), Some(counted.as_str()));
    }
    assert_eq!(suite.attribute("tests"), Some(cases.len().to_string().as_str()));
    cases
}

fn ended(cases: &[(String, String)], name: &str) -> String {
    let case = cases.iter().find(|(it, _)| it == name);
    case.unwrap_or_else(|| panic!("no test case {name}: {cases:?}")).1.clone()
}

#[test]
fn every_fixture_is_what_its_baseline_says() {
    for case in cases::all() {
        let folder = workspace().join("fixtures").join(case.name);
        let run = run_in(&folder, ["check", "evidence", "--baseline", "expected.json"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}: {}", case.name, run.stdout);
    }
}

#[test]
fn a_difference_is_named_in_the_first_line_and_shown() {
    let (_kept, folder) = servers();
    let same = run_in(&folder, ["check", "good", "--baseline", "baseline.json"]);
    assert_eq!((same.code, same.stderr.as_str()), (Some(0), ""), "{same:?}");
    let differs = run_in(&folder, ["check", "bad", "--baseline", "baseline.json", "--junit", "junit.xml"]);
    assert_eq!(differs.code, Some(1), "{differs:?}");
    let first = differs.stdout.lines().next().expect("a line");
    assert!(first.starts_with("Differs from the baseline: the verdict"), "{first}");
    assert!(differs.stdout.contains("  - healthy\n  + broken\n"), "{}", differs.stdout);
    let cases = read_junit(&folder.join("junit.xml"));
    for (name, expected) in [
        ("verdict", "failure"),
        ("plan", "failure"),
        ("container-missing", "failure"),
        ("machine-guid-missing", "passed"),
        ("master-key-missing", "skipped"),
    ] {
        assert_eq!(ended(&cases, name), expected, "{name}");
    }
}

#[test]
fn update_writes_only_what_differs_and_says_what_changed() {
    let (_kept, folder) = servers();
    let baseline = folder.join("baseline.json");
    let before = fs::metadata(&baseline).unwrap().modified().unwrap();
    let same = run_in(&folder, ["check", "good", "--baseline", "baseline.json", "--update"]);
    assert_eq!(same.code, Some(0));
    assert!(!same.stdout.contains("written anew"), "{same:?}");
    assert_eq!(fs::metadata(&baseline).unwrap().modified().unwrap(), before);
    let words = ["check", "bad", "--baseline", "baseline.json", "--update", "--junit", "junit.xml"];
    let changed = run_in(&folder, words);
    let cases = read_junit(&folder.join("junit.xml"));
    assert!(
        cases.iter().all(|(_, ended)| ended != "failure"),
        "nothing fails once it is accepted: {cases:?}"
    );
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(
        changed.stdout.starts_with("Differs from the baseline") && changed.stdout.contains("written anew")
    );
    let diagnosed = run_in(&folder, ["diagnose", "bad"]);
    assert_eq!(fs::read_to_string(&baseline).unwrap(), diagnosed.stdout);
    assert_eq!(run_in(&folder, ["check", "bad", "--baseline", "baseline.json"]).code, Some(0));
}

#[test]
fn the_baseline_is_never_written_into_the_evidence_nor_without_being_asked() {
    let (_kept, folder) = servers();
    let before = snapshot(&folder);
    let into = run_in(&folder, ["check", "good", "--baseline", "good/baseline.json", "--update"]);
    assert!(into.refusal().contains("never written to"));
    let junit =
        run_in(&folder, ["check", "good", "--baseline", "baseline.json", "--junit", "good/junit.xml"]);
    assert!(junit.refusal().contains("never written to"));
    let same = run_in(&folder, ["check", "good", "--baseline", "baseline.json", "--junit", "baseline.json"]);
    assert!(same.refusal().contains("the same file"));
    assert_eq!(run_in(&folder, ["check", "bad", "--baseline", "baseline.json"]).code, Some(1));
    assert_eq!(snapshot(&folder), before);
}

#[test]
fn what_is_no_baseline_is_refused_and_left_alone() {
    let (_kept, folder) = servers();
    fs::write(folder.join("notes.txt"), "not a report").unwrap();
    fs::write(folder.join("future.json"), "{\"schema_version\": \"2.0\"}").unwrap();
    let refuse = |words: &[&str]| -> Run { run_in(&folder, words) };
    for file in ["notes.txt", "future.json"] {
        let refused = refuse(&["check", "good", "--baseline", file, "--update"]);
        assert!(
            refused.refusal().contains(file) && refused.refusal().contains("delete the file"),
            "{refused:?}"
        );
    }
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "not a report");
    assert!(refuse(&["check", "good", "--baseline", "none.json"]).refusal().contains("--update"));
    assert!(run(["check", "x"]).refusal().contains("--baseline"));
}

#[test]
fn a_run_that_fails_leaves_a_well_formed_error() {
    let (_kept, folder) = servers();
    let failed =
        run_in(&folder, ["check", "no<such>&\u{1b}", "--baseline", "baseline.json", "--junit", "junit.xml"]);
    failed.refusal();
    assert_eq!(read_junit(&folder.join("junit.xml")), [("diagnosis".to_owned(), "error".to_owned())]);
}
