//! `iiskeys diagnose` of many cases at once.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use iiskeys_fixtures::archive::{Packed, Zip};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{CONFIGURATION_KEY, GUID, Machine, OTHER_GUID, Os, Value, WAS_KEY};
use iiskeys_fixtures::time::filetime;
use serde_json::Value as Json;
use support::{Run, run, run_in, snapshot};

fn put(folder: &Path, machine: &Machine) {
    for (path, bytes) in Layout::DriveRoot.files(machine) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

fn named(mut machine: Machine, host: &str) -> Machine {
    machine.set_system(
        "ControlSet001\\Control\\ComputerName\\ComputerName",
        "ComputerName",
        Value::Sz(host.to_owned()),
    );
    machine
}

/// A server of its own: GUID, containers, installation date and session keys.
fn other_server() -> Machine {
    let mut machine = Machine::new(Os::Server2008R2);
    let at = filetime((2016, 2, 1), (9, 0, 0));
    for name in [WAS_KEY, CONFIGURATION_KEY, "NetFrameworkConfigurationKey", "TSSecKeySet1"] {
        machine.remove_container(name, GUID);
        machine.add_container(name, OTHER_GUID, at);
    }
    machine.set_guid(OTHER_GUID, at);
    machine.set("Microsoft\\Windows NT\\CurrentVersion", "InstallDate", Value::Dword(1_454_313_600));
    machine
}

/// A folder of cases: a server as folder and as archive, a clone of it, a server of its own, and a file of no use.
fn rack() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rack");
    let machine = Machine::new(Os::Server2012R2);
    put(&path.join("a-web01"), &machine);
    let files = Layout::DriveRoot.files(&machine);
    let packed: Vec<Packed> = files.iter().map(|(path, bytes)| Packed::new(path, bytes)).collect();
    fs::write(path.join("b-web01.zip"), Zip { deflate: true, ..Zip::default() }.write(&packed))
        .expect("an archive");
    put(&path.join("c-web02"), &named(machine, "WEB02"));
    fs::create_dir(path.join("d-broken")).expect("a folder");
    fs::write(path.join("d-broken/notes"), "nothing").expect("a file");
    fs::write(path.join("README.md"), "what this is").expect("a file");
    put(&path.join("e-mail"), &named(other_server(), "MAIL"));
    fs::write(path.join(".hidden"), "nothing").expect("a file");
    (folder, path)
}

fn lines(run: &Run) -> Vec<Json> {
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[test]
fn each_entry_is_one_line_and_a_failing_case_stops_no_other() {
    let (_kept, rack) = rack();
    let before = snapshot(&rack);
    let run = run_in(rack.parent().unwrap(), ["diagnose", "--each", "rack"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), ""), "{run:?}");
    let lines = lines(&run);
    let names: Vec<&str> = lines.iter().filter_map(|line| line["case"].as_str()).collect();
    assert_eq!(names, ["a-web01", "b-web01.zip", "c-web02", "d-broken", "e-mail"]);
    let exits: Vec<i64> = lines.iter().filter_map(|line| line["exit"].as_i64()).collect();
    assert_eq!(exits, [0, 0, 0, 2, 0]);
    assert!(
        lines[3]["error"].as_str().is_some_and(|why| why.contains("no evidence could be read")),
        "{}",
        lines[3]
    );
    assert!(lines[3]["error"].as_str().is_some_and(|why| !why.contains("rack")), "{}", lines[3]);
    assert_eq!(
        lines[5]["across"]["limits"],
        Json::from(vec!["README.md holds nothing that can be read as evidence, and is no case."])
    );
    assert!(lines[3].get("report").is_none() && lines[0].get("error").is_none());
    assert_eq!(lines[0]["report"]["verdict"], "healthy");
    assert_eq!(
        (&lines[5]["across"]["cases"], &lines[5]["across"]["failed"]),
        (&Json::from(4), &Json::from(1))
    );
    assert_eq!(snapshot(&rack), before);
    let alone = run_in(rack.parent().unwrap(), ["diagnose", "rack/c-web02"]).json();
    assert_eq!(lines[2]["report"], alone, "a case among many is diagnosed as it is alone");
}

#[test]
fn the_number_of_workers_changes_no_byte() {
    let (_kept, rack) = rack();
    let one = run_in(&rack, ["diagnose", "--each", ".", "--workers", "1"]);
    for workers in ["2", "5", "64"] {
        assert_eq!(run_in(&rack, ["diagnose", "--each", ".", "--workers", workers]).stdout, one.stdout);
    }
}

#[test]
fn what_the_cases_share_is_said_in_the_last_line() {
    let (_kept, rack) = rack();
    let run = run_in(&rack, ["diagnose", "--each", "."]);
    let across = &lines(&run)[5]["across"];
    let cases = |kind: &str| -> Vec<String> {
        let rows = across["findings"].as_array().expect("findings");
        let row =
            rows.iter().find(|row| row["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {across:#}"));
        row["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["case"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(cases("same-machine"), ["a-web01", "b-web01.zip"]);
    assert_eq!(cases("machine-guid"), ["a-web01", "b-web01.zip", "c-web02"]);
    assert_eq!(cases("private-key"), ["a-web01", "b-web01.zip", "c-web02"]);
}

#[test]
fn cases_are_answered_in_the_order_in_which_they_are_named() {
    let (_kept, rack) = rack();
    let run = run_in(
        &rack,
        ["diagnose", "--case", "e-mail", "--case", "a-web01", "--case", "none", "--case", "x/none"],
    );
    assert_eq!(run.code, Some(2), "{run:?}");
    let lines = lines(&run);
    let names: Vec<&str> = lines.iter().filter_map(|line| line["case"].as_str()).collect();
    assert_eq!(names, ["e-mail", "a-web01", "none", "x/none"], "names that stand twice are given in full");
    assert!(lines[2]["error"].as_str().is_some_and(|why| why.contains("does not exist")));
    let clean = run_in(&rack, ["diagnose", "--case", "e-mail", "--case", "a-web01"]);
    assert_eq!(clean.code, Some(0), "{clean:?}");
}

#[test]
fn the_exit_code_is_that_of_the_worst_case() {
    let (_kept, rack) = rack();
    let mut broken = Machine::new(Os::Server2012R2);
    broken.remove_container(WAS_KEY, GUID);
    put(&rack.join("f-broken"), &broken);
    fs::create_dir(rack.join("g-hive")).unwrap();
    fs::write(rack.join("g-hive/SOFTWARE"), broken.software()).unwrap();
    let code = |names: &[&str], fail_on: &str| {
        let cases = names.iter().flat_map(|name| ["--case", name]);
        run_in(&rack, ["diagnose", "--fail-on", fail_on].into_iter().chain(cases)).code
    };
    assert_eq!(code(&["a-web01", "g-hive"], "error"), Some(3));
    assert_eq!(code(&["a-web01", "f-broken", "g-hive"], "error"), Some(1));
    assert_eq!(code(&["f-broken"], "never"), Some(0));
    assert_eq!(code(&["f-broken", "g-hive", "d-broken"], "error"), Some(2));
}

#[test]
fn the_lines_go_to_a_file_that_is_whole_or_not_there() {
    let (_kept, rack) = rack();
    let printed = run_in(&rack, ["diagnose", "--each", "."]);
    let written = run_in(&rack, ["diagnose", "--each", ".", "--output", "../lines.jsonl"]);
    assert_eq!((written.code, written.stdout.as_str()), (Some(2), ""), "{written:?}");
    let file = rack.join("../lines.jsonl");
    assert_eq!(fs::read_to_string(&file).unwrap(), printed.stdout);
    let refused = run_in(&rack, ["diagnose", "--each", ".", "--output", "lines.jsonl"]);
    assert!(refused.refusal().contains("never written to"));
    assert!(!rack.join("lines.jsonl").exists());
    let left: Vec<_> =
        fs::read_dir(rack.parent().unwrap()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn what_does_not_fit_together_is_refused_in_one_sentence() {
    let (_kept, rack) = rack();
    let empty = rack.join("a-web01/empty");
    fs::create_dir(&empty).unwrap();
    for (words, why) in [
        (&["diagnose", "e-mail", "--case", "a-web01"] as &[&str], "--case"),
        (&["diagnose", "--each", ".", "--case", "a-web01"], "--case"),
        (&["diagnose", "--each", ".", "--format", "text"], "one JSON line each"),
        (&["diagnose", "--each", "none"], "cannot be listed"),
        (&["diagnose", "--each", "a-web01/empty"], "holds no case"),
        (&["diagnose", "--each", ".", "--workers", "0"], "--workers"),
        (&["diagnose", "e-mail", "--workers", "2"], "--each"),
    ] {
        let refused = run_in(&rack, words);
        assert!(refused.refusal().contains(why), "{refused:?}");
    }
    run(["diagnose"]).refusal();
}

#[test]
fn verbose_names_every_case_and_what_is_none() {
    let (_kept, rack) = rack();
    let run = run_in(&rack, ["diagnose", "--each", ".", "-v", "--workers", "2"]);
    for words in [
        "6 cases, 2 at a time",
        "'README.md' holds nothing",
        "'.hidden'",
        "a-web01: diagnosed",
        "d-broken: could not be diagnosed",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}

/// Ctrl-C while the lines are written: what stands there is whole.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_run_leaves_whole_lines() {
    use std::io::Read;
    use std::process::Command;

    let (_kept, rack) = rack();
    let has_interrupt = |process: u32, set: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let signals = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
        u64::from_str_radix(signals.trim_start_matches(':').trim(), 16).unwrap() & 0b10 != 0
    };
    if has_interrupt(std::process::id(), "SigIgn") {
        eprintln!("skipped: SIGINT is ignored where these tests run");
        return;
    }
    let (mut reader, writer) = std::io::pipe().unwrap();
    // More than a pipe takes, so that the run is not over when it is interrupted.
    let cases = std::iter::repeat_n(["--case", "a-web01"], 400).flatten();
    let mut command = support::command(&rack);
    let mut child = command.arg("diagnose").args(cases).stdout(writer).spawn().unwrap();
    drop(command);
    let mut text = vec![0; 30_000];
    reader.read_exact(&mut text).unwrap();
    let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
    reader.read_to_end(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let text = String::from_utf8(text).unwrap();
    assert!(text.ends_with('\n') && !text.contains("\"across\""), "{} bytes", text.len());
    for line in text.lines() {
        serde_json::from_str::<Json>(line).expect("each line is whole");
    }
}
