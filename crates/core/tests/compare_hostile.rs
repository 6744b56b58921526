//! Reports that were damaged or forged: comparing them never panics, and the answer stays in proportion.

use std::fs;
use std::path::{Path, PathBuf};

use iiskeys_core::Report;
use iiskeys_core::across::{Identity, join};
use iiskeys_core::compare::{self, against, junit};
use iiskeys_fixtures::rng::Rng;

fn expected() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut paths: Vec<PathBuf> = fs::read_dir(fixtures)
        .expect("fixtures")
        .flatten()
        .map(|entry| entry.path().join("expected.json"))
        .collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

/// Everything that is made of two reports.
fn use_both(a: &Report, b: &Report) -> usize {
    let comparison = compare::reports(a, b);
    let drift = against(a, b);
    let cases = [("a".to_owned(), Identity::of(a)), ("b".to_owned(), Identity::of(b))];
    let across = join(&cases, 0);
    let junit = junit(a, b, &drift);
    let texts = [comparison.to_text(), drift.to_text()];
    for text in &texts {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
    roxmltree::Document::parse(&junit).unwrap_or_else(|error| panic!("{error}: {junit}"));
    comparison.to_json().len() + texts.iter().map(String::len).sum::<usize>() + across.findings.len()
}

/// What stands in place of a string: everything that a name from evidence may hold.
const HOSTILE: [&str; 9] = [
    "",
    "\u{0}\u{1b}[31m\u{7}",
    "]]><x a='\"&amp;",
    "\u{202e}txt.exe\u{2066}",
    "\u{fffe}\u{ffff}\u{10ffff}",
    "../../..//\\\\?\\C:\\",
    "2012-13-45T99:99:99Z",
    "not-evaluated",
    "key-container",
];

/// Puts hostile text in place of some strings of a report.
fn spoil(value: &mut serde_json::Value, rng: &mut Rng) {
    match value {
        serde_json::Value::String(text) if rng.below(12) == 0 => {
            *text = HOSTILE[rng.below(HOSTILE.len())].repeat(1 + rng.below(3));
        }
        serde_json::Value::Array(rows) => {
            if !rows.is_empty() && rng.below(10) == 0 {
                let row = rows[rng.below(rows.len())].clone();
                rows.push(row);
            }
            if !rows.is_empty() && rng.below(10) == 0 {
                let at = rng.below(rows.len());
                rows.remove(at);
            }
            rows.iter_mut().for_each(|row| spoil(row, rng));
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| spoil(field, rng)),
        _ => {}
    }
}

#[test]
fn reports_with_hostile_content_are_compared() {
    let mut rng = Rng::named("hostile reports");
    let mut compared = 0;
    for path in expected() {
        let text = fs::read(&path).expect("a report");
        let good = Report::from_json(&text).expect("a report");
        let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        for _ in 0..20 {
            let mut spoiled = value.clone();
            spoil(&mut spoiled, &mut rng);
            // The words of a verdict and the like are checked when it is read.
            for field in ["schema_version", "verdict"] {
                spoiled[field] = value[field].clone();
            }
            for (list, field) in [("findings", "severity"), ("timeline", "kind")] {
                for row in spoiled[list].as_array_mut().into_iter().flatten() {
                    row[field] = value[list][0][field].clone();
                }
            }
            for row in
                spoiled.pointer_mut("/plan/remaining").and_then(|it| it.as_array_mut()).into_iter().flatten()
            {
                row["severity"] = "note".into();
            }
            let bytes = spoiled.to_string().into_bytes();
            let bad = Report::from_json(&bytes).expect("still of the form");
            let size = use_both(&good, &bad) + use_both(&bad, &good) + use_both(&bad, &bad);
            let itself = compare::reports(&bad, &bad);
            assert!(
                itself.containers.is_empty() && itself.guids.is_empty() && against(&bad, &bad).is_empty()
            );
            assert!(size < 60 * (text.len() + bytes.len()), "{size} bytes of {}", text.len());
            compared += 1;
        }
    }
    assert!(compared >= 250);
}

#[test]
fn reports_with_flipped_bytes_are_compared_or_refused() {
    let mut rng = Rng::named("flipped reports");
    let (mut refused, mut compared) = (0, 0);
    for path in expected() {
        let text = fs::read(&path).expect("a report");
        let good = Report::from_json(&text).expect("a report");
        for _ in 0..150 {
            let mut bytes = text.clone();
            for _ in 0..=rng.below(3) {
                let at = rng.below(bytes.len());
                match rng.below(3) {
                    0 => bytes[at] ^= 1 << rng.below(7),
                    1 => drop(bytes.drain(at..(at + rng.below(40)).min(bytes.len()))),
                    _ => bytes.truncate(at.max(1)),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            match Report::from_json(&bytes) {
                Ok(bad) => {
                    use_both(&good, &bad);
                    compared += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100 && compared > 100, "{refused} refused, {compared} compared");
}

#[test]
fn a_hundred_thousand_equal_rows_are_joined_in_seconds() {
    let path =
        expected().into_iter().find(|path| path.to_string_lossy().contains("guid-changed")).expect("a case");
    let mut report = Report::from_json(&fs::read(path).expect("a report")).expect("a report");
    let row = report.key_containers[0].clone();
    let finding = report.findings[0].clone();
    report.key_containers = vec![row; 100_000];
    report.findings = vec![finding; 100_000];
    let comparison = compare::reports(&report, &report);
    assert_eq!(comparison.containers_same, 100_000);
    assert_eq!(comparison.findings.stayed.len(), 100_000);
    assert!(against(&report, &report).is_empty());
}
