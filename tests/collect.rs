//! `iiskeys collect`: definitions for collectors, and what a report lacks.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use iiskeys_fixtures::archive::{Packed, Zip};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::layout::{Layout, place, write};
use support::{run, run_in, small_case};

const FORMS: [&str; 6] = ["kape", "velociraptor", "acquire", "azure", "powershell", "list"];

#[test]
fn every_form_is_printed_twice_alike_and_names_the_key_folder() {
    for form in FORMS {
        let first = run(["collect", "--for", form]);
        assert!(first.answer().replace('/', "\\").contains("Microsoft\\Crypto\\RSA\\MachineKeys"), "{form}");
        assert_eq!(first.answer(), run(["collect", "--for", form]).answer(), "{form}");
    }
}

#[test]
fn with_names_only_what_opens_keys_is_nowhere_asked_for() {
    for form in ["kape", "acquire", "azure"] {
        let run = run(["collect", "--for", form, "--names-only"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let asked = run.stdout.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        for secret in
            ["config/SECURITY", "'SECURITY'", "Protect", "configEncKey", ".pfx", "copy,/ProgramData"]
        {
            assert!(!asked.contains(secret), "{form} asks for {secret}");
        }
        assert!(
            format!("{}{}", run.stdout, run.stderr).contains("stays unproven"),
            "{form} says what is lost"
        );
    }
}

#[test]
fn what_a_report_lacks_is_gathered_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    small_case(folder.path());
    let report = run_in(folder.path(), ["diagnose", "case", "--output", "report.json"]);
    assert!(matches!(report.code, Some(0 | 1 | 3)), "{report:?}");
    let text = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let lacking: Vec<&str> =
        report["collect"].as_array().unwrap().iter().map(|row| row["need"].as_str().unwrap()).collect();
    assert!(lacking.contains(&"software-hive") && !lacking.contains(&"machine-keys"), "{lacking:?}");
    for row in report["collect"].as_array().unwrap() {
        assert_eq!(row["shell"].is_null(), row["commands"].as_array().unwrap().is_empty(), "{row}");
        assert!(!row["rules"].as_array().unwrap().is_empty(), "{row}");
    }
    let missing = run_in(folder.path(), ["collect", "--for", "list", "--missing", "report.json"]);
    assert!(missing.answer().contains("config\\SOFTWARE\n"), "{missing:?}");
    let mut paths = missing.answer().lines().filter(|line| !line.starts_with('#'));
    assert!(!paths.any(|path| path.contains("MachineKeys")), "{missing:?}");
    let named = run(["collect", "--for", "list", "--need", &lacking.join(",")]);
    assert_eq!(named.answer(), missing.answer());
}

#[test]
fn mistakes_are_told_in_one_sentence() {
    assert!(run(["collect"]).refusal().contains("--for"));
    assert!(run(["collect", "--for", "cellebrite"]).refusal().contains("kape"));
    let unknown = run(["collect", "--for", "list", "--need", "software-hive,luck"]);
    assert!(unknown.refusal().contains("'luck'") && unknown.refusal().contains("machine-keys"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("no.json"), "{}").unwrap();
    let refused = run_in(folder.path(), ["collect", "--for", "list", "--missing", "no.json"]);
    assert!(refused.refusal().contains("'no.json'"), "{refused:?}");
    let absent = run_in(folder.path(), ["collect", "--for", "list", "--missing", "absent.json"]);
    assert!(absent.refusal().contains("cannot be opened"), "{absent:?}");
    let over =
        run_in(folder.path(), ["collect", "--for", "list", "--missing", "no.json", "--output", "no.json"]);
    over.refusal();
    assert_eq!(fs::read_to_string(folder.path().join("no.json")).unwrap(), "{}");
}

#[test]
fn a_definition_that_would_gather_nothing_is_refused() {
    for (form, need) in
        [("kape", "access-rights"), ("acquire", "creation-times"), ("velociraptor", "access-rights")]
    {
        let refused = run(["collect", "--for", form, "--need", need]);
        assert!(refused.refusal().contains("on the server: "), "{refused:?}");
    }
    let half = run(["collect", "--for", "acquire", "--need", "access-rights,system-hive"]);
    assert!(half.stdout.contains("--glob=sysvol/Windows/System32/config/SYSTEM\n"), "{half:?}");
    assert!(half.stderr.contains("access-rights is not gathered"), "{half:?}");
}

#[test]
fn a_definition_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), ["collect", "--for", "kape", "--output", "IisMachineKeys.tkape"]);
    assert_eq!(run.answer(), "");
    let text = fs::read_to_string(folder.path().join("IisMachineKeys.tkape")).unwrap();
    assert!(text.starts_with("Description: ") && text.contains("\nTargets:\n"));
}

/// PowerShell, where there is one.
fn powershell() -> Option<&'static str> {
    ["pwsh", "powershell"].into_iter().find(|name| {
        Command::new(name)
            .args(["-NoProfile", "-Command", "exit 0"])
            .output()
            .is_ok_and(|run| run.status.success())
    })
}

#[test]
fn the_script_gathers_a_drive_that_is_then_diagnosed() {
    let Some(shell) = powershell() else {
        println!("skipped: no PowerShell here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let machine = cases::guid_changed();
    let files = machine.files().into_iter().map(|(path, file)| (path, file.bytes)).collect();
    write(&place(&files, Layout::DriveRoot), &folder.path().join("drive"), None).unwrap();
    fs::write(folder.path().join("collect.ps1"), run(["collect", "--for", "powershell"]).answer()).unwrap();
    let collect = |output: &str, more: &[&str]| {
        let words =
            ["-NoProfile", "-File", "collect.ps1", "-SystemDrive", "drive", "-Output", output, "-Force"];
        Command::new(shell).args(words).args(more).current_dir(folder.path()).output().unwrap()
    };
    let diagnose = |output: &Path| {
        run_in(folder.path(), [Path::new("diagnose"), output, Path::new("--fail-on"), Path::new("never")])
            .json()
    };
    assert!(!collect("drive/Windows/out", &[]).status.success(), "it refuses to write into what it reads");
    for (output, more) in [("all", &[][..]), ("names", &["-NamesOnly"][..])] {
        let done = collect(output, more);
        assert!(done.status.success(), "{done:?}");
        let report = diagnose(Path::new(output));
        assert_eq!(report["verdict"], "broken", "{report:#}");
        assert_eq!(report["root_cause"]["rule"], "machine-guid-changed", "{report:#}");
    }
    assert!(!folder.path().join("names/C/ProgramData").exists(), "no key file was sent");
}

#[test]
fn the_zip_of_a_disk_inspection_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<Packed> = Layout::DiskInspection
        .files(&cases::guid_changed())
        .into_iter()
        .map(|(path, bytes)| Packed::new(&path, &bytes))
        .collect();
    fs::write(folder.path().join("inspection.zip"), Zip::default().write(&files)).unwrap();
    let report = run_in(folder.path(), ["diagnose", "inspection.zip", "--fail-on", "never"]);
    let report = report.json();
    assert_eq!(report["verdict"], "broken", "{report:#}");
    assert_eq!(report["root_cause"]["rule"], "machine-guid-changed", "{report:#}");
}
