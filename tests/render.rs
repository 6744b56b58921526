//! `iiskeys render`: a saved report in another form is what the diagnosis would have given.

mod support;

use std::fs;
use std::path::Path;

use iiskeys_core::report::FORMATS;
use support::{run, run_in, workspace};

const CASE: &str = "server2008r2-guid-changed";

fn evidence() -> String {
    workspace().join("fixtures").join(CASE).join("evidence").to_string_lossy().into_owned()
}

/// Saves the report of a case in `folder`.
fn save(folder: &Path) -> String {
    let path = folder.join("report.json").to_string_lossy().into_owned();
    let run = run(["diagnose", &evidence(), "--fail-on", "never", "--output", &path]);
    assert_eq!(run.code, Some(0), "{run:?}");
    path
}

#[test]
fn every_form_is_on_the_command_line_and_is_the_same_for_a_saved_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = save(folder.path());
    for form in FORMATS {
        let fresh = run(["diagnose", &evidence(), "--fail-on", "never", "--format", form.name]);
        assert_eq!((fresh.code, fresh.stderr.as_str()), (Some(0), ""), "{}", form.name);
        assert!(!fresh.stdout.is_empty() && fresh.stdout.ends_with('\n'), "{}", form.name);
        assert_eq!(run(["render", &saved, "--format", form.name]).answer(), fresh.stdout, "{}", form.name);
    }
    // A form that the command line has and the library does not would be listed there, and nowhere here.
    let refusal = run(["render", &saved, "--format", "no-such-form"]);
    let listed = refusal.refusal().split_once("possible values: ").expect("a list").1;
    let listed: Vec<&str> = listed.split(']').next().expect("its end").split(", ").collect();
    let mut known: Vec<&str> = FORMATS.iter().map(|form| form.name).collect();
    known.sort_unstable();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, known);
}

#[test]
fn text_is_the_default_and_takes_a_width() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = save(folder.path());
    let text = run(["render", &saved, "--width", "60"]);
    assert!(text.answer().starts_with("VERDICT: BROKEN\n"));
    let fresh = run(["diagnose", &evidence(), "--fail-on", "never", "--format", "text", "--width", "60"]);
    assert_eq!(text.stdout, fresh.stdout);
}

#[test]
fn a_file_gets_the_form_and_the_report_is_never_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = save(folder.path());
    let before = fs::read(&saved).expect("the report");
    let words = ["render", "report.json", "--format", "markdown", "--output", "ticket.md"];
    assert_eq!(run_in(folder.path(), words).answer(), "");
    let ticket = fs::read_to_string(folder.path().join("ticket.md")).expect("a ticket");
    assert!(ticket.starts_with("# Machine keys: broken\n"), "{ticket}");
    let over = run_in(folder.path(), ["render", "report.json", "--output", "report.json"]);
    assert!(over.refusal().contains("report.json"));
    assert_eq!(fs::read(&saved).expect("the report"), before);
}

#[test]
fn what_is_no_report_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    put("empty.json", "");
    put("other.json", "{\"schema_version\": \"2.0\"}");
    put("evil\u{1b}[31m.json", "{\"schema_version\": \"\u{202e}\"}");
    for (name, why) in [
        ("empty.json", "cannot be used"),
        ("other.json", "2.0"),
        ("evil\u{1b}[31m.json", "\\u{1b}"),
        ("missing.json", "cannot be opened"),
        (".", "cannot be"),
    ] {
        let run = run_in(folder.path(), ["render", name]);
        let told = run.refusal();
        assert!(told.contains(why) && told.contains("--format json"), "{name}: {told}");
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
    }
}
