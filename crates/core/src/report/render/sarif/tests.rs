//! SARIF of whole reports against the published schema, and against the rules that the schema does not know.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::report::render::sample;
use crate::visible::is_deceptive;

fn reports() -> Vec<(String, Report)> {
    let mut reports: Vec<_> =
        sample::cases().into_iter().map(|case| (case.clone(), sample::report(&case))).collect();
    reports.push(("full".to_owned(), sample::full()));
    reports.push(("hostile".to_owned(), sample::hostile()));
    reports
}

fn sarif(report: &Report) -> Value {
    serde_json::from_str(&render(report, &Look::default())).expect("JSON")
}

fn rows<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn every_report_fits_the_published_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sarif-schema-2.1.0.json");
    let schema: Value = serde_json::from_slice(&fs::read(path).expect("the schema")).expect("JSON");
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema that can be used");
    for (name, report) in reports() {
        let log = sarif(&report);
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    let mut broken = sarif(&sample::full());
    broken["runs"][0]["results"][0]["kind"] = "splendid".into();
    assert!(!validator.is_valid(&broken));
}

/// Every object below a value.
fn objects<'v>(value: &'v Value, found: &mut Vec<&'v serde_json::Map<String, Value>>) {
    match value {
        Value::Object(fields) => {
            found.push(fields);
            fields.values().for_each(|value| objects(value, found));
        }
        Value::Array(rows) => rows.iter().for_each(|value| objects(value, found)),
        _ => {}
    }
}

#[test]
fn indexes_lead_to_what_they_name() {
    for (name, report) in reports() {
        let log = sarif(&report);
        let rules = rows(&log, "/runs/0/tool/driver/rules");
        let artifacts = rows(&log, "/runs/0/artifacts");
        let at = |list: &'_ [Value], index: &Value| {
            index
                .as_u64()
                .and_then(|index| list.get(usize::try_from(index).ok()?).cloned())
                .expect("an index in range")
        };
        for (index, artifact) in artifacts.iter().enumerate() {
            assert_eq!(artifact["location"]["index"], index, "{name}");
        }
        for result in rows(&log, "/runs/0/results") {
            assert_eq!(at(rules, &result["ruleIndex"])["id"], result["ruleId"], "{name}");
            assert_eq!(result["kind"] == "fail", result["level"] != "none", "{name}: {result}");
            for taxon in rows(result, "/taxa") {
                let taxonomy = at(rows(&log, "/runs/0/taxonomies"), &taxon["toolComponent"]["index"]);
                assert_eq!(at(rows(&taxonomy, "/taxa"), &taxon["index"])["id"], taxon["id"], "{name}");
            }
            let mut found = Vec::new();
            objects(result, &mut found);
            for place in found.iter().filter_map(|fields| fields.get("artifactLocation")) {
                assert_eq!(at(artifacts, &place["index"])["location"]["uri"], place["uri"], "{name}");
            }
        }
        for rule in rules {
            for relation in rows(rule, "/relationships") {
                assert_eq!(at(rules, &relation["target"]["index"])["id"], relation["target"]["id"]);
            }
        }
        for notification in rows(&log, "/runs/0/invocations/0/toolExecutionNotifications") {
            let rule = &notification["associatedRule"];
            assert_eq!(at(rules, &rule["index"])["id"], rule["id"], "{name}");
        }
    }
}

#[test]
fn every_finding_and_every_check_has_its_result() {
    for (name, report) in reports() {
        let log = sarif(&report);
        let results = rows(&log, "/runs/0/results");
        let of = |kind: &str| results.iter().filter(|result| result["kind"] == kind).count();
        let checks = |outcome: &str| report.checks.iter().filter(|check| check.outcome == outcome).count();
        assert_eq!(of("fail"), report.findings.len(), "{name}");
        assert_eq!(of("pass"), checks("clear"), "{name}");
        assert_eq!(of("notApplicable"), checks("not-applicable"), "{name}");
        assert_eq!(of("open"), checks("not-evaluated"), "{name}");
        for (result, finding) in results.iter().zip(&report.findings) {
            assert_eq!(result["partialFingerprints"][FINGERPRINT], finding.id, "{name}");
            let places = rows(result, "/locations").len() + rows(result, "/relatedLocations").len();
            assert_eq!(places, finding.evidence.len(), "{name}");
        }
    }
}

#[test]
fn a_finding_stands_at_its_subject() {
    let log = sarif(&sample::report("server2008r2-guid-changed"));
    let results = rows(&log, "/runs/0/results");
    let orphaned = results.iter().find(|result| result["ruleId"] == "container-orphaned").expect("a result");
    let uri =
        orphaned["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a URI");
    assert!(uri.ends_with("/7a436fe806e483969f48a894af2fe9a1_9790b371-96e4-4554-8f72-c2e0b12e99d2"), "{uri}");
    let changed = &results[0]["locations"][0];
    assert_eq!(changed["logicalLocations"][0]["kind"], "registryValue", "{changed}");
    let symptom =
        results.iter().find(|result| result["ruleId"] == "symptom-iisadmin-failed").expect("a result");
    assert_eq!(symptom["taxa"][0]["id"], "0x80090006", "{symptom}");
    let artifact = rows(&log, "/runs/0/artifacts").iter().find(|file| file["location"]["uri"] == uri);
    let digest = artifact.and_then(|file| file["hashes"]["sha-256"].as_str()).expect("a digest");
    assert_eq!(digest.len(), 64);
}

#[test]
fn what_was_damaged_is_told_of_the_run_and_tokens_are_listed() {
    let full = sarif(&sample::full());
    assert!(!rows(&full, "/runs/0/invocations/0/toolExecutionNotifications").is_empty());
    assert_eq!(full["runs"][0]["redactionTokens"], json!(["HOST-1", "SITE-2"]));
    assert_eq!(full["runs"][0]["properties"]["plan"]["steps"][0]["order"], 1);
    let plain = sarif(&sample::report("healthy-server2012r2"));
    assert!(plain["runs"][0].get("redactionTokens").is_none());
    assert!(!render(&sample::full(), &Look::default()).contains("file:///"), "no path of the analyst");
}

#[test]
fn hostile_text_is_no_link_and_no_placeholder_and_hides_nothing() {
    let report = sample::hostile();
    let text = render(&report, &Look::default());
    assert!(!text.chars().any(|letter| is_deceptive(letter) && letter != '\n'));
    let log = sarif(&report);
    let message = log["runs"][0]["results"][0]["message"]["text"].as_str().expect("text");
    assert!(message.contains("\\[a\\](javascript:b)") && !message.contains(" [a]("), "{message}");
    assert_eq!(Text::plain("{0} {guid}").text, "{{0}} {{guid}}");
}

#[test]
fn only_versions_of_that_form_are_called_semantic() {
    for (version, expected) in [
        ("0.1.0", true),
        ("1.2.3-rc.1+x", true),
        ("1.2", false),
        ("01.2.3", false),
        ("1.2.3 \n", false),
        ("", false),
    ] {
        assert_eq!(is_semantic(version), expected, "{version}");
    }
}
