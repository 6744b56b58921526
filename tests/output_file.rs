//! `--output` never touches the evidence and never leaves half a file.

mod support;

use std::fs;

use support::{run_in, small_case, snapshot};

#[test]
fn a_report_into_the_evidence_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let case = small_case(folder.path());
    let before = snapshot(folder.path());
    for output in ["case/report.json", "case/MachineKeys/../report.json", "./case/MachineKeys/report.json"] {
        let run = run_in(folder.path(), ["diagnose", "case", "--output", output]);
        assert!(run.refusal().contains("lies in the evidence"), "{run:?}");
    }
    let inside = run_in(&case, ["diagnose", ".", "--output", "report.json"]);
    assert!(inside.refusal().contains("lies in the evidence"), "{inside:?}");
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn a_report_over_an_evidence_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("SOFTWARE"), "regf").unwrap();
    let before = snapshot(folder.path());
    let run = run_in(folder.path(), ["diagnose", "SOFTWARE", "--output", "SOFTWARE"]);
    assert!(run.refusal().contains("lies in the evidence"), "{run:?}");
    assert_eq!(snapshot(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn no_link_leads_a_report_into_the_evidence() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let case = small_case(folder.path());
    let hive = case.join("SOFTWARE");
    fs::write(&hive, "regf").unwrap();
    symlink(&case, folder.path().join("alias")).unwrap();
    symlink(&hive, folder.path().join("soft")).unwrap();
    fs::hard_link(&hive, folder.path().join("hard")).unwrap();
    let before = snapshot(folder.path());
    for (evidence, output) in [
        ("case", "alias/report.json"),
        ("alias", "case/report.json"),
        ("case", "soft"),
        ("case", "hard"),
        ("soft", "hard"),
    ] {
        run_in(folder.path(), ["diagnose", evidence, "--output", output]).refusal();
    }
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn a_folder_and_a_file_in_no_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    small_case(folder.path());
    fs::create_dir(folder.path().join("reports")).unwrap();
    for (output, why) in [("reports", "is a folder"), ("none/report.json", "does not exist")] {
        let run = run_in(folder.path(), ["diagnose", "case", "--output", output]);
        assert!(run.refusal().contains(why), "{run:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    small_case(folder.path());
    let run = run_in(folder.path(), ["diagnose", "case", "--output", "/dev/null"]);
    assert!(run.refusal().contains("not a regular file"), "{run:?}");
}
