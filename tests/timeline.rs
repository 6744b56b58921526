//! The timeline of the checked-in cases, as a user gets it.

mod support;

use std::collections::BTreeSet;

use iiskeys_fixtures::cases;
use serde_json::Value;
use support::{run, workspace};

fn report(case: &str) -> Value {
    let evidence = workspace().join("fixtures").join(case).join("evidence");
    run(["diagnose", &evidence.to_string_lossy(), "--fail-on", "never"]).json()
}

fn rows(report: &Value) -> &[Value] {
    report["timeline"].as_array().expect("a timeline")
}

#[test]
fn every_row_says_what_kind_of_time_it_has_and_cites_a_file() {
    for case in cases::all() {
        let report = report(case.name);
        let files: BTreeSet<&str> = report["evidence"]
            .as_array()
            .expect("files")
            .iter()
            .filter_map(|file| file["id"].as_str())
            .collect();
        assert!(!rows(&report).is_empty(), "{}", case.name);
        for row in rows(&report) {
            assert!(row["evidence"].as_str().is_some_and(|id| files.contains(id)), "{}: {row}", case.name);
            for field in ["time", "what", "kind", "source"] {
                assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{}: {row}", case.name);
            }
        }
        // Whole seconds stand before their fractions, which as text they do not.
        let times: Vec<String> = rows(&report)
            .iter()
            .filter_map(|row| row["time"].as_str())
            .map(|time| time.replace('Z', if time.contains('.') { "" } else { ".0000000" }))
            .collect();
        assert!(times.is_sorted(), "{}: {times:?}", case.name);
    }
}

#[test]
fn an_image_dates_the_change_of_the_guid_by_key_and_by_file() {
    let report = report("server2008r2-guid-changed-image");
    let kind_of = |what: &str| {
        let row =
            rows(&report).iter().find(|row| row["what"].as_str().is_some_and(|text| text.contains(what)));
        row.map(|row| (row["kind"].clone(), row["time"].clone())).unwrap_or_else(|| panic!("no {what}"))
    };
    let latest = report["root_cause"]["latest"].clone();
    assert_eq!(kind_of("key that holds the MachineGuid"), ("registry-key-written".into(), latest));
    assert_eq!(kind_of("Windows was installed").0, "registry-value");
    assert_eq!(kind_of("_3E08FB7E-9B1D-4422-9215-C3ECA2A68BFE").0, "file-created");
    assert_eq!(kind_of("SOFTWARE hive was last written").0, "stated-in-file");
}

#[test]
fn a_change_of_the_session_key_is_dated_by_the_neighbours() {
    let report = report("server2012r2-foreign-config-by-history");
    let changes: Vec<&Value> = rows(&report)
        .iter()
        .filter(|row| row["what"].as_str().is_some_and(|text| text.starts_with("session key of ")))
        .collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    for row in changes {
        let what = row["what"].as_str().expect("text");
        assert!(what.ends_with("changes between CFGHISTORY_0000000009 and the live configuration"), "{what}");
    }
}

#[test]
fn the_timesketch_form_has_a_line_for_each_row() {
    let evidence = workspace().join("fixtures/server2008r2-guid-changed/evidence");
    let path = evidence.to_string_lossy();
    let report = report("server2008r2-guid-changed");
    let answer = run(["diagnose", &path, "--format", "timeline", "--fail-on", "never"]);
    let lines: Vec<Value> =
        answer.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), rows(&report).len());
    for (line, row) in lines.iter().zip(rows(&report)) {
        for field in ["message", "datetime", "timestamp_desc"] {
            assert!(line[field].as_str().is_some_and(|text| !text.is_empty()), "{line}");
        }
        assert_eq!(line["kind"], row["kind"]);
        assert!(line["timestamp"].is_i64());
    }
    assert!(lines.iter().any(|line| line["tag"][0] == "root-cause-window"));
}
