//! `iiskeys diagnose` as a user runs it.

mod support;

use std::fs;
use std::path::Path;

use iiskeys_fixtures::container::{Family, file_name};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os, WAS_KEY};
use serde_json::Value;
use support::{run, run_in, workspace};

fn put(folder: &Path, files: Vec<(String, Vec<u8>)>) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

fn fixture(name: &str) -> String {
    workspace().join("fixtures").join(name).join("evidence").to_string_lossy().into_owned()
}

#[test]
fn exit_codes_follow_the_findings() {
    let healthy = fixture("healthy-server2012r2");
    let broken = fixture("win2000-guid-reset");
    assert_eq!(run(["diagnose", &healthy]).code, Some(0));
    assert_eq!(run(["diagnose", &broken]).code, Some(1));
    assert_eq!(run(["diagnose", &broken, "--fail-on", "never"]).code, Some(0));
    assert_eq!(run(["diagnose", &fixture("server2008r2-guid-changed"), "--fail-on", "note"]).code, Some(1));
    // Nothing in this version evaluates protection, so a verdict that requires it cannot be healthy.
    let strict = run(["diagnose", &healthy, "--require", "identity,protection"]);
    assert_eq!(strict.code, Some(3));
    assert_eq!(strict.json()["verdict"], "inconclusive");
}

#[test]
fn a_single_file_and_several_paths_are_evidence() {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = Machine::new(Os::Server2012R2);
    put(folder.path(), Layout::FlatRenamed.files(&machine));
    let one = run_in(folder.path(), ["diagnose", "software.hiv"]);
    assert_eq!(one.code, Some(3), "{}", one.stderr);
    assert_eq!(one.json()["machine"]["machine_guid"]["value"], GUID);
    let several = run_in(
        folder.path(),
        ["diagnose", "software.hiv", "system.hiv", "MachineKeys", "applicationHost.config", "IIS_schema.xml"],
    );
    assert_eq!(several.json()["verdict"], "healthy", "{}", several.stdout);
    fs::write(folder.path().join("cryptography.reg"), machine.export()).expect("an export");
    let export = run_in(folder.path(), ["diagnose", "cryptography.reg", "MachineKeys"]);
    assert_eq!(export.json()["machine"]["machine_guid"]["value"], GUID);
}

#[test]
fn two_systems_need_a_choice() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut other = Machine::new(Os::Server2012R2);
    other.set_guid(OTHER_GUID, other.installed);
    for (name, machine) in [("one", &Machine::new(Os::Server2012R2)), ("two", &other)] {
        put(&folder.path().join(name), Layout::DriveRoot.files(machine));
    }
    let refused = run_in(folder.path(), ["diagnose", "."]);
    let sentence = refused.refusal();
    assert!(
        sentence.contains("one/Windows")
            && sentence.contains("two/Windows")
            && sentence.contains("--windows")
    );
    let chosen = run_in(folder.path(), ["diagnose", ".", "--windows", "two/Windows", "--fail-on", "never"]);
    assert_eq!(chosen.json()["machine"]["machine_guid"]["value"], OTHER_GUID, "{}", chosen.stderr);
    assert!(run_in(folder.path(), ["diagnose", ".", "--windows", "three"]).refusal().contains("one/Windows"));
}

#[test]
fn history_is_never_a_second_system() {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = Machine::new(Os::Server2012R2);
    put(folder.path(), Layout::DriveRoot.files(&machine));
    let mut old = Machine::new(Os::Server2012R2);
    old.set_guid(OTHER_GUID, old.installed);
    put(&folder.path().join("Windows.old"), Layout::DriveRoot.files(&old));
    put(folder.path(), vec![("Windows/System32/config/RegBack/SOFTWARE".to_owned(), old.software())]);
    let report = run_in(folder.path(), ["diagnose", "."]).json();
    assert_eq!(report["verdict"], "healthy", "{report:#}");
    let census = report["guid_census"].as_array().expect("a census");
    let seen = census.iter().find(|row| row["guid"] == OTHER_GUID).expect("the earlier GUID");
    assert!(seen["sources"].to_string().contains("RegBack"));
}

#[test]
fn nothing_to_read_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("SYSTEM"), "13 characters").expect("a file");
    fs::write(folder.path().join("._software"), [0, 5, 22, 7]).expect("a file");
    assert!(run_in(folder.path(), ["diagnose", "."]).refusal().contains("no evidence could be read"));
}

#[test]
fn the_text_says_the_verdict_first_and_every_part() {
    let text = run(["diagnose", &fixture("iis7-keys-missing"), "--format", "text", "--fail-on", "never"]);
    assert!(text.stdout.starts_with("VERDICT: BROKEN\n"));
    for heading in ["ROOT CAUSE", "DOWN, AND WHY", "FINDINGS", "PLAN", "ALTERNATIVES", "COULD NOT BE CHECKED"]
    {
        assert!(text.stdout.contains(&format!("\n{heading}\n")), "{heading}");
    }
    assert!(text.stdout.contains("application pool Intranet"));
}

#[test]
fn two_runs_give_the_same_bytes_and_a_stamp_only_when_asked_for() {
    let evidence = fixture("win2000-guid-reset");
    let plain = run(["diagnose", &evidence]).stdout;
    assert_eq!(plain, run(["diagnose", &evidence, "-v", "--no-progress"]).stdout);
    assert!(serde_json::from_str::<Value>(&plain).expect("JSON")["stamp"].is_null());
    assert!(run(["diagnose", &evidence, "--stamp"]).json()["stamp"].is_string());
    assert!(!plain.contains(&*workspace().to_string_lossy()), "no path of the analyst");
}

#[test]
fn every_report_fits_the_checked_in_schema() {
    let schema: Value = serde_json::from_str(&run(["schema"]).stdout).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema that can be used");
    for case in iiskeys_fixtures::cases::all() {
        let report = run(["diagnose", &fixture(case.name), "--stamp"]).json();
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", case.name);
    }
    let mut broken = run(["diagnose", &fixture("win2000-guid-reset")]).json();
    broken["verdict"] = "splendid".into();
    assert!(!validator.is_valid(&broken));
}

#[test]
fn generated_documents_are_not_stale() {
    for (path, made) in [
        ("docs/report.schema.json", run(["schema"]).stdout),
        ("docs/rules.md", iiskeys_core::rules::markdown()),
    ] {
        let path = workspace().join(path);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&path, &made).expect("the document is written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == made, "{} is stale: UPDATE_FIXTURES=1 cargo test -p iiskeys", path.display());
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let list = run(["rules"]);
    assert!(list.answer().contains("machine-guid-changed"));
    assert!(run(["rules", "container-missing"]).answer().contains("How it is proved"));
    let json: Value = serde_json::from_str(run(["rules", "--format", "json"]).answer()).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(47));
    run(["rules", "no-such-rule"]).refusal();
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_and_pipes_are_named_and_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), "outside").expect("a file");
    put(folder.path(), Layout::Kape.files(&Machine::new(Os::Server2012R2)));
    std::os::unix::fs::symlink(outside.path(), folder.path().join("loop")).expect("a link");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).expect("a link");
    let run = run_in(folder.path(), ["diagnose", ".", "--fail-on", "never"]);
    assert!(run.stdout.contains("leads out of the evidence"), "{}", run.stdout);
    assert_eq!(run.json()["verdict"], "healthy");
    assert_eq!(run.json()["key_containers"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_large_folder_stays_a_small_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut machine = Machine::new(Os::Server2012R2);
    for number in 0..1_500 {
        let name = format!("{{{number:08x}-2a31-4b7e-9d57-0c8a1f3b2e44}}");
        machine.add_container(&name, GUID, machine.installed + number);
    }
    machine.add_container_file(&file_name(WAS_KEY, Family::Capi, GUID), Vec::new(), machine.installed);
    put(folder.path(), Layout::Kape.files(&machine));
    let run = run_in(folder.path(), ["diagnose", "."]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.len() < 100_000, "{} bytes", run.stdout.len());
    assert_eq!(run.json()["root_cause"]["rule"], "container-corrupt");
}
