//! Two reports side by side: one machine before and after, or two machines.
//!
//! Reports are enough; no evidence is opened. What one report could not examine is never counted as gone: it is said to be
//! open, and so is what follows from it.
//!
//! ```
//! use iiskeys_core::Report;
//! use iiskeys_core::compare::{self, Outcome};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let saved = |case: &str| std::fs::read(format!("../../fixtures/{case}/expected.json"));
//! let before = Report::from_json(&saved("server2008r2-guid-changed")?)?;
//! let after = Report::from_json(&saved("server2008r2-guid-restored")?)?;
//! let comparison = compare::reports(&before, &after);
//! assert_eq!(comparison.outcome, Outcome::NotWorse);
//! assert!(compare::against(&before, &before).is_empty(), "a baseline is like itself");
//! # Ok(())
//! # }
//! ```

mod apart;
mod containers;
mod drift;
mod expect;
mod findings;
mod junit;
mod model;
mod origins;
mod relation;
mod seen;
mod tables;
mod text;

use crate::report::{Level, Report, Verdict};

pub(crate) use apart::{Tokens, without_tokens};
pub use drift::{Drift, DriftChange, DriftPart, DriftRow, against};
pub use junit::{junit, junit_of_failure};
pub use model::*;
pub(crate) use relation::{Sign, Signs, is_most, sign};
use seen::Seen;
pub(crate) use seen::{moduli, second};

/// Version of the comparison's form.
pub const SCHEMA_VERSION: &str = "1.0";

/// Compares two reports; `a` is the earlier one, or the one that the other is measured by.
pub fn reports(a: &Report, b: &Report) -> Comparison {
    compare(a, b, apart::why(a, b))
}

fn compare(whole_a: &Report, whole_b: &Report, apart: Option<String>) -> Comparison {
    let tokens = Tokens::of(&[whole_a, whole_b]);
    let kept = apart.as_ref().map(|_| [whole_a, whole_b].map(|report| without_tokens(report, &tokens)));
    let [a, b] = kept.as_ref().map_or([whole_a, whole_b], |[a, b]| [a, b]);
    let (mut a, mut b) = (Seen::of(a), Seen::of(b));
    (a.is_apart, b.is_apart) = (apart.is_some(), apart.is_some());
    let (a, b) = (&a, &b);
    let shared = relation::Shared::of(a, b);
    let relation = match &apart {
        Some(why) => relation::unknown(why),
        None => relation::relation(a, b, &shared),
    };
    let mut findings = findings::findings(a, b);
    if apart.is_some() {
        findings::add_tokened(&mut findings, [whole_a, whole_b], &tokens);
    }
    let down = findings::what_is_down(a, b, &findings);
    let rules = findings::rules(a, b);
    let expectations = expect::expectations(a, b, &relation);
    let (containers, containers_same) = containers::containers(a, b);
    let (worse, open) = match apart {
        Some(why) => (Vec::new(), vec![why]),
        None => judge(a, b, &findings, &rules, &expectations, &containers),
    };
    let outcome = match (worse.is_empty(), open.is_empty()) {
        (false, _) => Outcome::Worse,
        (true, false) => Outcome::Open,
        (true, true) => Outcome::NotWorse,
    };
    let mut comparison = Comparison {
        schema_version: SCHEMA_VERSION.to_owned(),
        outcome,
        summary: String::new(),
        worse,
        open,
        a: side(whole_a),
        b: side(whole_b),
        next: whole_b.plan.iter().flat_map(|plan| plan.expect.clone()).collect(),
        expectations,
        down,
        rules,
        guids: tables::guids(a, b),
        containers,
        containers_same,
        session_keys: tables::session_keys(a, b),
        master_keys: tables::master_keys(a, b),
        certificates: tables::certificates(a, b),
        bindings: tables::bindings(a, b),
        config_copies: tables::config_copies(a, b),
        // Without names it is not known whose things these are.
        origins: if a.is_apart { Vec::new() } else { origins::origins(a, b, &relation, &shared) },
        relation,
        findings,
    };
    comparison.summary = summary(&comparison);
    comparison
}

fn side(report: &Report) -> Side {
    let machine = &report.machine;
    Side {
        hostname: machine.hostname.clone(),
        machine_guid: machine.machine_guid.as_ref().map(|guid| guid.value.clone()),
        installed: machine.installed.clone(),
        os: machine.os.clone(),
        verdict: report.verdict,
        root_cause: report.root_cause.as_ref().map(|cause| cause.rule.clone()),
        version: report.tool.version.clone(),
        catalogue: report.tool.catalogue.clone(),
        stamp: report.stamp.clone(),
        latest: report.timeline.last().map(|row| row.time.clone()),
    }
}

/// What is worse in B, and what is open.
fn judge(
    a_seen: &Seen<'_>,
    b_seen: &Seen<'_>,
    findings: &FindingChanges,
    rules: &[Difference],
    expectations: &[Expectation],
    containers: &[ContainerChange],
) -> (Vec<String>, Vec<String>) {
    let (a, b) = (a_seen.report, b_seen.report);
    let mut worse = Vec::new();
    let mut open = Vec::new();
    let lost: Vec<&str> =
        rules.iter().filter(|row| row.change == Change::NotInB).map(|row| row.subject.as_str()).collect();
    // With less evidence a rule judges by less, which may raise what it says.
    let is_thinner = |rule: Option<&str>| {
        !lost.is_empty() || rule.is_some_and(|rule| !b_seen.rule_looked_as_far(rule, a_seen))
    };
    // `inconclusive` is a lack of answers and no state of the machine.
    let rank = |verdict| match verdict {
        Verdict::Healthy => Some(0),
        Verdict::Degraded => Some(1),
        Verdict::Broken => Some(2),
        Verdict::Inconclusive => None,
    };
    if let (Some(before), Some(after)) = (rank(a.verdict), rank(b.verdict))
        && after > before
    {
        let said = format!("The verdict went from {} to {}", a.verdict.name(), b.verdict.name());
        if is_thinner(None) {
            open.push(format!("{said}, and B answers less than A."));
        } else {
            worse.push(format!("{said}."));
        }
    }
    if b.verdict == Verdict::Inconclusive && a.verdict != Verdict::Inconclusive {
        open.push(format!("The verdict was {} in A and is inconclusive in B.", a.verdict.name()));
    }
    for finding in findings.appeared.iter().filter(|finding| finding.severity > Level::Note) {
        worse.push(format!("New {}: {}.", level(finding.severity), finding.title));
    }
    for finding in findings.newly_examined.iter().filter(|finding| finding.severity > Level::Note) {
        worse.push(format!("New {}, which A could not examine: {}.", level(finding.severity), finding.title));
    }
    for change in findings.changed.iter().filter(|change| change.b.severity > change.a.severity) {
        let (before, after) = (level(change.a.severity), level(change.b.severity));
        let said = format!("From {before} to {after}: {}", change.b.title);
        if is_thinner(Some(&change.b.rule)) {
            open.push(format!("{said}; B answers less than A."));
        } else {
            worse.push(format!("{said}."));
        }
    }
    for (before, after) in
        containers.iter().filter_map(|change| Some((change.a.as_ref()?, change.b.as_ref()?)))
    {
        let is_expected = expectations.iter().any(|row| {
            row.expect.is_new && row.state == Met::Met && row.expect.subject.eq_ignore_ascii_case(&after.id)
        });
        if (before.is_needed || after.is_needed)
            && !before.keys.is_empty()
            && !after.keys.is_empty()
            && before.keys != after.keys
            && !is_expected
        {
            open.push(format!(
                "The needed container {} holds another key in B than in A; what was encrypted with the old one is lost to it.",
                after.id
            ));
        }
    }
    for finding in &findings.no_longer_examined {
        open.push(format!("Not examined again ({}): {}.", finding.rule, finding.title));
    }
    if !lost.is_empty() {
        open.push(format!("Rules that were evaluated in A and not in B: {}.", lost.join(", ")));
    }
    if a.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty() && plan.expect.is_empty()) {
        open.push(
            "The plan of A does not say what to expect of a repaired server; diagnose A again.".to_owned(),
        );
    }
    for expectation in expectations {
        match expectation.state {
            Met::Met => {}
            Met::NotMet => {
                worse.push(format!(
                    "Expected and not there: {} {}",
                    expectation.expect.what, expectation.because
                ));
            }
            Met::NotEvaluated => {
                open.push(format!(
                    "Expected and not known: {} {}",
                    expectation.expect.what, expectation.because
                ));
            }
        }
    }
    (worse, open)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

fn summary(comparison: &Comparison) -> String {
    let findings = &comparison.findings;
    let mut parts = vec![comparison.relation.statement.clone()];
    parts.push(match comparison.outcome {
        Outcome::NotWorse => "Nothing in B is worse than in A.".to_owned(),
        Outcome::Worse => format!(
            "B is not as it should be: {}.",
            count(
                comparison.worse.len(),
                "thing is worse or not as expected",
                "things are worse or not as expected"
            )
        ),
        Outcome::Open => {
            format!(
                "Nothing in B is known to be worse, and {}.",
                count(comparison.open.len(), "question is open", "questions are open")
            )
        }
    });
    let (before, after) = (comparison.a.verdict.name(), comparison.b.verdict.name());
    parts.push(if before == after {
        format!("The verdict is {after} in both.")
    } else {
        format!("The verdict was {before} in A and is {after} in B.")
    });
    let counts = [
        (findings.appeared.len(), "appeared"),
        (findings.newly_examined.len(), "seen for the first time"),
        (findings.vanished.len(), "gone"),
        (findings.no_longer_examined.len(), "not examined again"),
        (findings.changed.len(), "changed"),
        (findings.stayed.len(), "unchanged"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if !counts.is_empty() {
        parts.push(format!("Findings: {}.", counts.join(", ")));
    }
    parts.extend(expected(&comparison.expectations));
    parts.join(" ")
}

/// How much of what the plan of A expects is there.
fn expected(rows: &[Expectation]) -> Option<String> {
    let number = |state| rows.iter().filter(|row| row.state == state).count();
    let is = |number: usize, what: &str| {
        let verb = if number == 1 { "is" } else { "are" };
        (number > 0).then(|| format!("{number} {verb} {what}"))
    };
    let parts: Vec<String> = [
        is(number(Met::Met), "there"),
        is(number(Met::NotMet), "not there"),
        is(number(Met::NotEvaluated), "not known"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match rows.len() {
        0 => None,
        1 => {
            let said = match rows.first()?.state {
                Met::Met => "there",
                Met::NotMet => "not there",
                Met::NotEvaluated => "not known",
            };
            Some(format!("The one thing that the plan of A expects is {said}."))
        }
        all => {
            let last = parts.last()?;
            let said = match parts.get(..parts.len() - 1) {
                Some([]) | None => last.clone(),
                Some(first) => format!("{} and {last}", first.join(", ")),
            };
            Some(format!("Of the {all} things that the plan of A expects, {said}."))
        }
    }
}

impl Comparison {
    /// The comparison as JSON, with a newline at its end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The comparison as text, wrapped at 100 letters.
    pub fn to_text(&self) -> String {
        text::comparison(self)
    }
}

/// The JSON Schema (2020-12) of the comparison, with a newline at its end.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Comparison)).unwrap_or_default();
    text.push('\n');
    text
}
