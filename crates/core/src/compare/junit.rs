//! The result of a check as JUnit XML, which every CI shows: one test case for the verdict, the root cause, the plan, and each
//! rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::drift::{Drift, DriftPart, DriftRow};
use crate::report::Report;
use crate::visible::visible;

/// One test case.
struct Case {
    class: &'static str,
    name: String,
    result: Ending,
}

/// How a test case ended.
enum Ending {
    Passed,
    Skipped(String),
    Failed { headline: String, text: String },
}

/// The result of a check as JUnit XML, with a newline at its end.
pub fn junit(baseline: &Report, now: &Report, drift: &Drift) -> String {
    let rows = |part: DriftPart, rule: Option<&str>| -> Vec<DriftRow> {
        let rows = drift
            .rows
            .iter()
            .filter(|row| row.part == part && (rule.is_none() || row.rule.as_deref() == rule));
        rows.cloned().collect()
    };
    let judged = |rows: Vec<DriftRow>| {
        if rows.is_empty() {
            return Ending::Passed;
        }
        let only = Drift { rows, ..Drift::default() }.to_text();
        let headline = only.lines().next().unwrap_or_default().to_owned();
        Ending::Failed { headline, text: only }
    };
    let mut cases = vec![
        Case {
            class: "iiskeys.answer",
            name: "verdict".to_owned(),
            result: judged(rows(DriftPart::Verdict, None)),
        },
        Case {
            class: "iiskeys.answer",
            name: "root-cause".to_owned(),
            result: judged(rows(DriftPart::RootCause, None)),
        },
        Case {
            class: "iiskeys.answer",
            name: "plan".to_owned(),
            result: judged(rows(DriftPart::Plan, None)),
        },
    ];
    let open: BTreeMap<&str, &str> = now
        .checks
        .iter()
        .filter(|check| check.outcome == "not-evaluated")
        .map(|check| (check.rule.as_str(), check.reason.as_str()))
        .collect();
    let rules = now.checks.iter().chain(&baseline.checks).map(|check| check.rule.as_str());
    // A finding of a rule that neither list of rules names is no reason to lose it.
    let rules = rules.chain(drift.rows.iter().filter_map(|row| row.rule.as_deref()));
    let mut seen = BTreeSet::new();
    for rule in rules.filter(|rule| seen.insert(*rule)) {
        let result = match (judged(rows(DriftPart::Finding, Some(rule))), open.get(rule)) {
            (Ending::Passed, Some(reason)) => Ending::Skipped(format!("not evaluated: {reason}")),
            (result, _) => result,
        };
        cases.push(Case { class: "iiskeys.rules", name: rule.to_owned(), result });
    }
    let failed = cases.iter().filter(|case| matches!(case.result, Ending::Failed { .. })).count();
    let skipped = cases.iter().filter(|case| matches!(case.result, Ending::Skipped(_))).count();
    let mut out = opening(cases.len(), failed, 0, skipped);
    for case in cases {
        let _ = write!(out, "    <testcase classname=\"{}\" name=\"{}\"", case.class, escaped(&case.name));
        let _ = match case.result {
            Ending::Passed => writeln!(out, "/>"),
            Ending::Skipped(why) => {
                writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escaped(&why))
            }
            Ending::Failed { headline, text } => writeln!(
                out,
                ">\n      <failure message=\"{}\" type=\"drift\">{}</failure>\n    </testcase>",
                escaped(&headline),
                text.lines().map(escaped).collect::<Vec<_>>().join("\n")
            ),
        };
    }
    out.push_str(CLOSING);
    out
}

/// The result of a check that came to no answer as JUnit XML, with a newline at its end.
pub fn junit_of_failure(sentence: &str) -> String {
    let mut out = opening(1, 0, 1, 0);
    let sentence = escaped(sentence);
    let _ = writeln!(
        out,
        "    <testcase classname=\"iiskeys.answer\" name=\"diagnosis\">\n      <error message=\"{sentence}\" \
         type=\"not-diagnosed\">{sentence}</error>\n    </testcase>"
    );
    out.push_str(CLOSING);
    out
}

const CLOSING: &str = "  </testsuite>\n</testsuites>\n";

fn opening(tests: usize, failures: usize, errors: usize, skipped: usize) -> String {
    let counts =
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"iiskeys\" {counts}>\n"
    )
}

/// Text of one line for an attribute or an element. XML 1.0 cannot hold most control characters, so they are shown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in visible(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{{{:x}}}", letter as u32);
            }
            _ => out.push(letter),
        }
    }
    out
}
