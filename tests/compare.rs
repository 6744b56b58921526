//! `iiskeys compare` as a user runs it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use iiskeys_fixtures::cases::guid_changed;
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{GUID, Machine};
use iiskeys_fixtures::time::filetime;
use support::{run, run_in, snapshot, workspace};

fn put(folder: &Path, machine: &Machine) {
    for (path, bytes) in Layout::DriveRoot.files(machine) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// A server before and after its GUID was put back, as evidence and as the report of the first.
fn repaired_server() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let mut machine = guid_changed();
    put(&path.join("before"), &machine);
    machine.set_guid(GUID, filetime((2012, 5, 1), (8, 0, 0)));
    put(&path.join("after"), &machine);
    let saved = run_in(&path, ["diagnose", "before", "--fail-on", "never", "--output", "before.json"]);
    assert_eq!(saved.code, Some(0), "{saved:?}");
    (folder, path)
}

#[test]
fn a_repair_is_seen_from_a_report_and_from_evidence() {
    let (_kept, folder) = repaired_server();
    let before = snapshot(&folder);
    let of_report = run_in(&folder, ["compare", "before.json", "after"]);
    assert_eq!((of_report.code, of_report.stderr.as_str()), (Some(0), ""), "{}", of_report.stdout);
    assert!(of_report.stdout.starts_with("COMPARISON: NOT WORSE\n"), "{}", of_report.stdout);
    assert!(of_report.stdout.contains("back       IISADMIN, SMTPSVC"), "{}", of_report.stdout);
    let of_evidence = run_in(&folder, ["compare", "before", "after"]);
    assert_eq!(of_evidence.stdout, of_report.stdout);
    assert_eq!(snapshot(&folder), before);
    assert!(of_report.stdout.lines().all(|line| line.chars().count() <= 120));
}

#[test]
fn the_way_back_is_worse() {
    let (_kept, folder) = repaired_server();
    let run = run_in(&folder, ["compare", "after", "before.json", "--format", "json"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let answer = run.json();
    let schema = run_in(&folder, ["schema", "comparison"]);
    let validator = jsonschema::validator_for(&schema.json()).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(&answer).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(answer["outcome"], "worse");
    assert_eq!(answer["relation"]["kind"], "same-machine");
    assert!(answer["worse"].to_string().contains("from healthy to broken"), "{}", answer["worse"]);
}

#[test]
fn less_evidence_is_open_and_not_better() {
    let (_kept, folder) = repaired_server();
    fs::remove_dir_all(folder.join("after/ProgramData")).unwrap();
    let run = run_in(&folder, ["compare", "before.json", "after"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.starts_with("COMPARISON: OPEN\n") && run.stdout.contains("NOT EXAMINED AGAIN"));
}

#[test]
fn the_answer_goes_to_a_file_that_is_neither_evidence_nor_a_report() {
    let (_kept, folder) = repaired_server();
    let written = run_in(&folder, ["compare", "before.json", "after", "--output", "answer.txt"]);
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""), "{written:?}");
    assert!(fs::read_to_string(folder.join("answer.txt")).unwrap().starts_with("COMPARISON"));
    for (into, why) in [("before.json", "this run reads"), ("after/answer.txt", "never written to")] {
        let refused = run_in(&folder, ["compare", "before.json", "after", "--output", into]);
        assert!(refused.refusal().contains(why), "{refused:?}");
    }
}

#[test]
fn what_is_neither_is_refused_in_one_sentence() {
    let (_kept, folder) = repaired_server();
    fs::write(folder.join("other.json"), "{\"schema_version\": \"2.0\"}").unwrap();
    fs::write(folder.join("torn.json"), &fs::read(folder.join("before.json")).unwrap()[..2000]).unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    for file in ["other.json", "torn.json", "empty", "none"] {
        let refused = run_in(&folder, ["compare", "before.json", file]);
        assert!(refused.refusal().contains(file) || file == "empty", "{refused:?}");
    }
    run(["compare", "one"]).refusal();
}

#[test]
fn a_choice_between_two_systems_is_made_where_the_report_is_made() {
    let (_kept, folder) = repaired_server();
    fs::create_dir(folder.join("both")).unwrap();
    for name in ["before", "after"] {
        fs::rename(folder.join(name), folder.join("both").join(name)).unwrap();
    }
    let refused = run_in(&folder, ["compare", "before.json", "both"]);
    let told = refused.refusal();
    assert!(told.contains("--windows") && told.contains("diagnose --output FILE"), "{told}");
}

#[test]
fn a_report_is_known_in_utf_16_and_as_a_line_of_many_cases() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = workspace().join("fixtures/server2008r2-guid-changed/evidence");
    let plain = run_in(folder.path(), ["diagnose".as_ref(), evidence.as_os_str()]).stdout;
    let lines = run_in(folder.path(), ["diagnose".as_ref(), "--case".as_ref(), evidence.as_os_str()]).stdout;
    let units = |text: &str| [0xfeff].into_iter().chain(text.encode_utf16()).collect::<Vec<u16>>();
    let little: Vec<u8> = units(&plain).into_iter().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units(&plain).into_iter().flat_map(u16::to_be_bytes).collect();
    let line = lines.lines().next().expect("a line").to_owned();
    let forms = [("plain", plain.into_bytes()), ("le", little), ("be", big), ("line", line.into_bytes())];
    for (name, bytes) in &forms {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let rendered = |name: &str| run_in(folder.path(), ["render", name, "--format", "json"]).stdout;
    for (name, _) in &forms {
        assert_eq!(rendered(name), rendered("plain"), "{name}");
        let compared = run_in(folder.path(), ["compare", "plain", name]);
        assert!(compared.stdout.contains("one machine, at two times"), "{name}: {compared:?}");
    }
}
