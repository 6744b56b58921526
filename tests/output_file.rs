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

/// A disk image of two segments in a folder of its own, the first of them damaged.
fn damaged_image(folder: &std::path::Path) {
    let from = support::workspace().join("fixtures/server2008r2-guid-changed-image/evidence");
    for name in ["WEB2008R2.E01", "WEB2008R2.E02"] {
        let mut bytes = fs::read(from.join(name)).unwrap();
        if name.ends_with('1') {
            bytes[13..88].fill(0);
        }
        fs::write(folder.join(name), bytes).unwrap();
    }
    fs::write(folder.join("WEB2008R2.E01.txt"), "notes of the acquisition").unwrap();
    fs::write(folder.join("flat.bin"), [0; 64]).unwrap();
    fs::write(folder.join("key"), "secret\n").unwrap();
}

#[test]
fn no_part_of_an_image_is_written_over_even_when_the_image_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    damaged_image(folder.path());
    let before = snapshot(folder.path());
    let e01 = "WEB2008R2.E01";
    for output in ["WEB2008R2.E02", "WEB2008R2.E03", "web2008r2.e17", "WEB2008R2.E01.txt", "flat.bin"] {
        for words in [
            vec!["diagnose", e01, "--output", output],
            vec!["diagnose", "--case", e01, "--output", output],
            vec!["check", e01, "--baseline", "none.json", "--junit", output],
            vec!["check", e01, "--baseline", output, "--update"],
            vec!["compare", e01, e01, "--output", output],
            vec!["diagnose", e01, "--pseudonymize", output],
        ] {
            let run = run_in(folder.path(), &words);
            assert!(run.refusal().contains("may be a part of the evidence"), "{words:?}: {run:?}");
        }
    }
    let missing = ["check", "WEB2008R2.E00", "--baseline", "none.json", "--junit", "WEB2008R2.E02"];
    run_in(folder.path(), missing).refusal();
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn a_file_that_is_read_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    small_case(folder.path());
    fs::write(folder.path().join("key"), "secret\n").unwrap();
    let before = snapshot(folder.path());
    for words in [
        vec!["diagnose", "case", "--password-file", "key", "--output", "./key"],
        vec!["diagnose", "case", "--password-file", "key", "--pseudonymize", "key"],
        vec!["diagnose", "--case", "case", "--password-file", "key", "--output", "key"],
        vec!["compare", "case", "case", "--password-file", "key", "--output", "key"],
        vec!["check", "case", "--baseline", "key", "--update", "--password-file", "key"],
        vec!["check", "case", "--baseline", "none.json", "--junit", "key", "--password-file", "key"],
    ] {
        let run = run_in(folder.path(), &words);
        assert!(run.refusal().contains("this run reads"), "{words:?}: {run:?}");
    }
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn an_earlier_report_beside_the_evidence_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let from = support::workspace().join("fixtures/server2008r2-guid-changed-image/evidence");
    for name in ["WEB2008R2.E01", "WEB2008R2.E02"] {
        fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    for _ in 0..2 {
        let run = run_in(folder.path(), ["diagnose", "WEB2008R2.E01", "--output", "WEB2008R2.json"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{run:?}");
    }
}
