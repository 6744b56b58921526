//! Reports for the tests of the forms: those of the checked-in cases, with rows of every kind, and with hostile names.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::report::Report;

/// What evidence may try: markup of every form, letters that steer a terminal or hide text, and lines of its own.
pub(super) const HOSTILE: &str = "<script>alert(1)</script> <img src=x onerror=y> [a](javascript:b) ![c](http://d) \
    `e` ``` ~~~ *f* __g__ | h | @admin #1 http://i.example www.j.example k@l.example &lt; &#60; \\ \" ' \n# m\n- n\n    \
    o\n---\n\r\u{1b}[31mred\u{1b}]0;title\u{7}\u{202e}p\u{200b}\u{0}\u{9b}2J 站点";

/// The names of the checked-in cases.
pub(super) fn cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("expected.json").is_file())
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    assert!(names.len() > 10, "{names:?}");
    names
}

fn value(case: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(case).join("expected.json");
    serde_json::from_slice(&fs::read(path).expect("a report")).expect("JSON")
}

fn read(value: &Value) -> Report {
    Report::from_json(value.to_string().as_bytes()).expect("a report")
}

/// The report of a case.
pub(super) fn report(case: &str) -> Report {
    read(&value(case))
}

/// A report that has rows of every kind.
fn full_value() -> Value {
    let mut report = value("server2008r2-guid-changed-image");
    for (part, case) in [
        ("certificates", "server2003-https-after-repair"),
        ("bindings", "server2003-https-after-repair"),
        ("config_copies", "server2012r2-foreign-config-by-history"),
        ("dpapi", "server2012r2-sysprepped-clone"),
    ] {
        report[part] = value(case)[part].clone();
    }
    let rows = report["findings"].as_array_mut().expect("findings");
    rows.extend(value("server2012r2-power-loss")["findings"].as_array().expect("findings").clone());
    let cites = rows[0]["evidence"].as_array_mut().expect("citations");
    for locator in ["offset 0x1f0", "line 12", "entry a", "security descriptor", "file, record 57-1"] {
        let mut cite = cites[0].clone();
        cite["locator"] = locator.into();
        cites.push(cite);
    }
    report["collect"] = json!([{
        "need": "software-hive",
        "what": "%SystemRoot%\\System32\\config\\SOFTWARE with its logs",
        "shell": "cmd",
        "commands": [format!("reg save HKLM\\SOFTWARE \"C:\\collect\\{}\" /y", "deep\\".repeat(30))],
        "sensitive": true,
        "rules": ["machine-guid-missing", "machine-guid-changed"],
    }]);
    report["cleanup"] = json!({
        "keep": [{"container": "rsa-machine/c2319c42", "name": "Microsoft Internet Information Server", "why": ["it is needed"]}],
        "leftovers": [{
            "store": "rsa-machine", "guid": "9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a", "pattern": "tp-*", "product": "Some product",
            "count": 4000, "first_day": "2010-01-01", "last_day": "2012-01-01", "basis": "their names",
        }],
        "limits": ["user keys are not in evidence"],
    });
    report["plan"]["expect"] = json!([{
        "kind": "machine-guid", "subject": "Microsoft\\Cryptography\\MachineGuid", "value": "9790b371",
        "what": "The MachineGuid is 9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a.",
    }]);
    report["redaction_tokens"] = json!(["HOST-1", "SITE-2"]);
    report
}

/// A report that has rows of every kind.
pub(super) fn full() -> Report {
    read(&full_value())
}

/// The same with [`HOSTILE`] in every text of it, as a forged report or hostile evidence might have it. Times are kept, and
/// words that stand for a variant.
pub(super) fn hostile() -> Report {
    let mut report = full_value();
    spoil("", &mut report);
    for row in report["timeline"].as_array_mut().expect("rows") {
        let kind = row["kind"].as_str().and_then(|kind| kind.split(' ').next()).expect("a kind").to_owned();
        row["kind"] = kind.into();
    }
    read(&report)
}

fn spoil(key: &str, value: &mut Value) {
    match value {
        Value::String(text)
            if !["schema_version", "verdict", "severity", "outcome", "time", "created", "modified"]
                .contains(&key) =>
        {
            // Commands are one line each by contract; a forged report breaks that as well.
            *text = format!("{text} {HOSTILE}");
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| spoil(key, row)),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| spoil(key, value)),
        _ => {}
    }
}
