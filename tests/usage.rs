//! Bad usage ends with exit code 2 and one sentence.

mod support;

use std::fs;

use support::{run, run_in, small_case};

const COMMANDS: [&str; 11] = [
    "diagnose",
    "render",
    "compare",
    "check",
    "collect",
    "rules",
    "explain",
    "name",
    "schema",
    "completions",
    "man",
];

#[test]
fn without_a_command_the_commands_are_named() {
    let run = run::<&str>([]);
    let told = run.refusal();
    for command in COMMANDS {
        assert!(told.contains(command), "{told}");
    }
}

#[test]
fn a_mistake_is_named_with_the_place_to_read_on() {
    let cases: [(&[&str], &str); 9] = [
        (&["diagnose"], "<EVIDENCE>"),
        (&["diagnose", "x", "--colour"], "'--colour'"),
        (&["diagnose", "x", "--format", "xml"], "'xml'"),
        (&["diagnose", "x", "--fail-on", "fatal"], "'fatal'"),
        (&["diagnose", "x", "--require", "identity,luck"], "'luck'"),
        (&["render"], "<REPORT>"),
        (&["explain"], "<CODE|TEXT>"),
        (&["name", ""], "<CONTAINER>"),
        (&["schema", "extra"], "'extra'"),
    ];
    for (words, named) in cases {
        let run = run(words);
        let told = run.refusal();
        assert!(told.contains(named) && told.ends_with(&format!("`iiskeys {} --help`", words[0])), "{told}");
    }
}

#[test]
fn a_bad_value_is_answered_with_the_good_ones() {
    let run = run(["diagnose", "x", "--fail-on", "fatal"]);
    for value in ["error", "warning", "note", "never"] {
        assert!(run.refusal().contains(value), "{run:?}");
    }
}

#[test]
fn a_missing_path_is_named() {
    let folder = tempfile::tempdir().unwrap();
    small_case(folder.path());
    let run = run_in(folder.path(), ["diagnose", "case", "gone"]);
    assert!(run.refusal().contains("'gone' does not exist"), "{run:?}");
}

#[test]
fn a_path_from_evidence_cannot_steer_the_terminal() {
    let run = run(["diagnose", "no\u{1b}[2Jsuch\u{202e}path"]);
    assert!(run.refusal().contains(r"no\u{1b}[2Jsuch\u{202e}path"), "{run:?}");
}

#[cfg(unix)]
#[test]
fn an_unreadable_path_is_named_with_the_reason() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("SOFTWARE");
    fs::write(&file, "regf").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let run = run_in(folder.path(), ["diagnose", "SOFTWARE"]);
    assert!(run.refusal().contains("'SOFTWARE' cannot be opened"), "{run:?}");
}

#[cfg(unix)]
#[test]
fn a_device_is_not_evidence() {
    let run = run(["diagnose", "/dev/null"]);
    assert!(run.refusal().contains("'/dev/null' is neither a folder nor a regular file"), "{run:?}");
}

#[test]
fn help_and_version_are_answers() {
    let help = run(["--help"]);
    assert!(help.answer().contains("Usage: iiskeys"));
    for command in COMMANDS {
        assert!(help.stdout.contains(command), "{help:?}");
        assert!(run([command, "--help"]).answer().contains(&format!("Usage: iiskeys {command}")));
    }
    assert!(run(["--version"]).answer().starts_with(concat!("iiskeys ", env!("CARGO_PKG_VERSION"), " ")));
}

#[test]
fn the_help_of_diagnose_tells_every_exit_code() {
    let help = run(["diagnose", "--help"]);
    for code in ["\n  0 ", "\n  1 ", "\n  2 ", "\n  3 ", "\n  130 "] {
        assert!(help.answer().contains(code), "{code:?}");
    }
}
