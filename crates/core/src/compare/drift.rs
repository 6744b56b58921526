//! Whether a report still says what a baseline says: findings, verdict, root cause and plan.
//!
//! What tells nothing about the answer is left out: versions, identifiers of evidence, the wording of the summary and of
//! explanations, times.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::join;
use super::level;
use crate::report::{CheckRow, FindingRow, PlanRow, Report, StepRow};

/// What is not as in the baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Drift {
    /// Differences: the verdict, the root cause, findings in the order of the report, the plan.
    pub rows: Vec<DriftRow>,
    /// Rules that come to another outcome, with reason. They are no drift by themselves: what they find is.
    pub outcomes: Vec<DriftRow>,
    /// Steps of the plan that do the same and are worded anew. They are no drift.
    #[serde(default)]
    pub wording: Vec<DriftRow>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DriftRow {
    /// What part of the answer it is in.
    pub part: DriftPart,
    /// The rule, where there is one.
    pub rule: Option<String>,
    /// What it is about: the id of a finding, a field of the plan.
    pub subject: String,
    /// What became of it.
    pub change: DriftChange,
    /// In the baseline.
    pub baseline: Option<String>,
    /// Now.
    pub now: Option<String>,
    /// Why, where the reports tell.
    pub why: Option<String>,
}

/// A part of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftPart {
    /// The verdict.
    Verdict,
    /// The root cause.
    RootCause,
    /// A finding.
    Finding,
    /// The plan.
    Plan,
    /// The outcome of a rule.
    Outcome,
}

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftChange {
    /// It is not in the baseline.
    Added,
    /// It is only in the baseline.
    Gone,
    /// It is in both and not the same.
    Changed,
}

/// Compares a report with its baseline.
pub fn against(baseline: &Report, now: &Report) -> Drift {
    let mut rows = Vec::new();
    let mut differ =
        |part, subject: &str, rule: Option<&str>, before: Option<String>, after: Option<String>, why| {
            let change = match (&before, &after) {
                (before, after) if before == after => return,
                (None, _) => DriftChange::Added,
                (_, None) => DriftChange::Gone,
                _ => DriftChange::Changed,
            };
            rows.push(DriftRow {
                part,
                rule: rule.map(str::to_owned),
                subject: subject.to_owned(),
                change,
                baseline: before,
                now: after,
                why,
            });
        };
    let verdict = |report: &Report| Some(report.verdict.name().to_owned());
    differ(DriftPart::Verdict, "verdict", None, verdict(baseline), verdict(now), None);
    let cause = |report: &Report| {
        report.root_cause.as_ref().map(|cause| format!("{} ({})", cause.rule, cause.confidence))
    };
    differ(DriftPart::RootCause, "root cause", None, cause(baseline), cause(now), None);

    let joined = join(&baseline.findings, &now.findings);
    let checks = (by_rule(baseline), by_rule(now));
    for row in joined.only_a {
        let why = checks.1.get(row.rule.as_str()).map_or_else(
            || "this version has no such rule".to_owned(),
            |check| format!("the rule is {} now: {}", check.outcome, check.reason),
        );
        differ(DriftPart::Finding, &row.id, Some(&row.rule), Some(said(row)), None, Some(why));
    }
    for row in joined.only_b {
        let why = checks.0.get(row.rule.as_str()).map_or_else(
            || "the baseline is of a version that had no such rule".to_owned(),
            |check| format!("the rule was {} in the baseline: {}", check.outcome, check.reason),
        );
        differ(DriftPart::Finding, &row.id, Some(&row.rule), None, Some(said(row)), Some(why));
    }
    for (before, after) in joined.both {
        differ(DriftPart::Finding, &after.id, Some(&after.rule), Some(said(before)), Some(said(after)), None);
    }
    match (&baseline.plan, &now.plan) {
        (Some(before), Some(after)) => {
            let mut field = |name, text: fn(&PlanRow) -> String| {
                differ(DriftPart::Plan, name, None, Some(text(before)), Some(text(after)), None);
            };
            field("steps", steps);
            field("resolves", |plan| sorted(&plan.resolves));
            field("leaves", |plan| sorted(&plan.leaves));
            field("alternatives", alternatives);
            field("expect", expected);
        }
        (before, after) => {
            differ(
                DriftPart::Plan,
                "steps",
                None,
                before.as_ref().map(steps),
                after.as_ref().map(steps),
                None,
            );
        }
    }
    Drift { rows, outcomes: outcomes(baseline, now, &checks), wording: wording(baseline, now) }
}

/// A finding in one line. Its explanation may be worded anew and is left out.
fn said(row: &FindingRow) -> String {
    format!("{} ({}): {}", level(row.severity), row.confidence, row.title)
}

/// The steps of a plan as lines that can be compared: what is done, and not why.
fn steps(plan: &PlanRow) -> String {
    lines_of(&plan.steps).join("\n")
}

fn lines_of(steps: &[StepRow]) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        lines.push(format!("{}. {} {}", step.order, step.action, step.target));
        lines.extend(step.commands.iter().map(|command| format!("   > {command}")));
    }
    lines
}

/// The plans that were not chosen, by name and by what they do.
fn alternatives(plan: &PlanRow) -> String {
    let mut lines = Vec::new();
    for alternative in &plan.alternatives {
        lines.push(alternative.name.clone());
        lines.extend(lines_of(&alternative.steps).into_iter().map(|line| format!("   {line}")));
    }
    lines.join("\n")
}

/// What the plan expects, by kind, subject and value.
fn expected(plan: &PlanRow) -> String {
    let mut lines: Vec<String> = plan
        .expect
        .iter()
        .map(|row| {
            let value = row.value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
            let keys = row.modulus_sha256.iter().map(|key| format!(" key {key}")).collect::<String>();
            format!("{} {}{value}{keys}", row.kind, row.subject)
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// Steps whose details read otherwise.
fn wording(baseline: &Report, now: &Report) -> Vec<DriftRow> {
    let (Some(before), Some(after)) = (&baseline.plan, &now.plan) else { return Vec::new() };
    let named = |step: &StepRow| format!("{} {}", step.action, step.target);
    let pairs = before.steps.iter().zip(&after.steps);
    pairs
        .filter(|(before, after)| named(before) == named(after) && before.detail != after.detail)
        .map(|(before, after)| DriftRow {
            part: DriftPart::Plan,
            rule: None,
            subject: format!("{}. {}", after.order, named(after)),
            change: DriftChange::Changed,
            baseline: Some(before.detail.clone()),
            now: Some(after.detail.clone()),
            why: None,
        })
        .collect()
}

fn sorted(ids: &[String]) -> String {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    ids.into_iter().collect::<Vec<_>>().join("\n")
}

fn by_rule(report: &Report) -> BTreeMap<&str, &CheckRow> {
    report.checks.iter().map(|check| (check.rule.as_str(), check)).collect()
}

type Checks<'a> = BTreeMap<&'a str, &'a CheckRow>;

fn outcomes(baseline: &Report, now: &Report, (before, after): &(Checks<'_>, Checks<'_>)) -> Vec<DriftRow> {
    let mut seen = BTreeSet::new();
    let rules = now.checks.iter().chain(&baseline.checks).map(|check| check.rule.as_str());
    rules
        .filter(|rule| seen.insert(*rule))
        .filter_map(|rule| {
            let (before, after) = (before.get(rule), after.get(rule));
            let outcome = |check: Option<&&CheckRow>| check.map(|check| check.outcome.clone());
            let change = match (outcome(before), outcome(after)) {
                (before, after) if before == after => return None,
                (None, _) => DriftChange::Added,
                (_, None) => DriftChange::Gone,
                _ => DriftChange::Changed,
            };
            Some(DriftRow {
                part: DriftPart::Outcome,
                rule: Some(rule.to_owned()),
                subject: rule.to_owned(),
                change,
                baseline: outcome(before),
                now: outcome(after),
                why: after.map(|check| check.reason.clone()).filter(|reason| !reason.is_empty()),
            })
        })
        .collect()
}

impl Drift {
    /// Whether the answer is that of the baseline.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The differences as text, wrapped at 100 letters; the first line says what differs.
    pub fn to_text(&self) -> String {
        super::text::drift(self)
    }
}
