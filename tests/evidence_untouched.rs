//! Whatever a diagnosis comes to, the evidence is afterwards as it was.

mod support;

use std::fs;
use std::path::Path;

use support::{run_in, small_case, snapshot};

fn diagnose_and_compare(folder: &Path, evidence: &str) {
    let before = snapshot(folder);
    for format in ["json", "text"] {
        let run = run_in(folder, ["diagnose", evidence, "--format", format, "-v"]);
        assert!(run.code.is_some_and(|code| (0..=3).contains(&code)), "{run:?}");
        assert_eq!(snapshot(folder), before, "{run:?}");
    }
}

#[test]
fn a_folder_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    small_case(folder.path());
    diagnose_and_compare(folder.path(), "case");
}

#[test]
fn damaged_files_are_left_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let case = small_case(folder.path());
    for (name, bytes) in [("SOFTWARE", &b"regf"[..]), ("SOFTWARE.LOG1", b"HvLE"), ("SYSTEM", b"")] {
        fs::write(case.join(name), bytes).unwrap();
    }
    diagnose_and_compare(folder.path(), "case");
    diagnose_and_compare(folder.path(), "case/SOFTWARE");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_enough() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let case = small_case(folder.path());
    let rights = |file, directory| {
        for entry in fs::read_dir(case.join("MachineKeys")).unwrap() {
            fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(file)).unwrap();
        }
        for path in [case.join("MachineKeys"), case.clone()] {
            fs::set_permissions(path, fs::Permissions::from_mode(directory)).unwrap();
        }
    };
    rights(0o444, 0o555);
    diagnose_and_compare(folder.path(), "case");
    rights(0o644, 0o755);
}
