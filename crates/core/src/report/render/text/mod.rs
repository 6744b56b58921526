//! The report as text: what one would read at a terminal or paste into a mail.

mod machine;
mod plan;
#[cfg(test)]
mod tests;

use super::bounds::{Left, ROWS, bounded, line};
use super::{Look, words};
use crate::report::Report;
use crate::terminal::{Page, Style};

/// The report as text.
pub(super) fn render(whole: &Report, look: &Look) -> String {
    let (report, left) = bounded(whole);
    let report = report.as_ref();
    let mut out = Page::new(look);
    let verdict = report.verdict;
    let word = verdict.name().to_uppercase();
    out.spans(0, "", &[(Style::Bold, "VERDICT:"), (words::verdict_style(verdict), &word)]);
    out.paragraph(0, &report.summary);
    machine::machine(&mut out, report, &left);
    machine::sources(&mut out, report);
    machine::bindings(&mut out, report);
    machine::proofs(&mut out, report, &left);
    cause(&mut out, report);
    down(&mut out, whole);
    findings(&mut out, whole, report, &left);
    plan::plan(&mut out, whole, report, &left);
    machine::cleanup(&mut out, report, &left);
    open(&mut out, report);
    out.gap();
    out.spans(0, "", &[(Style::Faint, &words::made_by(report))]);
    out.into_text()
}

fn cause(out: &mut Page, report: &Report) {
    let Some(cause) = &report.root_cause else { return };
    out.heading("ROOT CAUSE");
    let proof = format!("[{}, {}]", cause.rule, cause.confidence);
    out.spans(2, "", &[(Style::Plain, &cause.statement), (Style::Faint, &proof)]);
    if let Some(window) = words::window(cause.earliest.as_deref(), cause.latest.as_deref()) {
        out.paragraph(2, &window);
    }
}

fn down(out: &mut Page, report: &Report) {
    let down = words::down(report);
    if down.is_empty() {
        return;
    }
    out.heading("DOWN, AND WHY");
    let more = line(down.len().saturating_sub(ROWS));
    for (name, causes) in down.into_iter().take(ROWS) {
        out.spans(2, "- ", &[(Style::Error, &format!("{name}:")), (Style::Plain, &causes)]);
    }
    rest(out, 2, more.as_ref());
}

/// How many rows of a list are not shown.
fn rest(out: &mut Page, indent: usize, more: Option<&String>) {
    if let Some(more) = more {
        out.paragraph(indent, more);
    }
}

fn findings(out: &mut Page, whole: &Report, report: &Report, left: &Left) {
    if report.findings.is_empty() {
        return;
    }
    out.heading("FINDINGS");
    let paths = words::paths(whole);
    for finding in &report.findings {
        let level = words::level(finding.severity).to_uppercase();
        let rest = format!("({}): {}", finding.confidence, finding.title);
        out.spans(
            2,
            "",
            &[
                (words::level_style(finding.severity), &level),
                (Style::Bold, &finding.rule),
                (Style::Plain, &rest),
            ],
        );
        out.paragraph(6, &finding.explanation);
        for cite in &finding.evidence {
            let path = paths.get(cite.evidence.as_str()).copied().unwrap_or_default();
            out.item(6, "> ", &format!("{path}, {}: {}", cite.locator, cite.observed));
        }
        for remedy in finding.remedies.iter().filter(|_| words::shows_remedies(report, finding)) {
            out.spans(6, "", &[(Style::Bold, "Cure:"), (Style::Plain, remedy)]);
        }
    }
    rest(out, 2, left.findings.as_ref());
    if let Some(why) = words::no_plan(report) {
        out.heading("PLAN");
        out.paragraph(2, why);
    }
}

fn open(out: &mut Page, report: &Report) {
    if !report.assumptions.is_empty() {
        out.heading("ASSUMED");
        for assumption in &report.assumptions {
            out.item(2, "- ", assumption);
        }
    }
    out.heading("COULD NOT BE CHECKED");
    let mut open = report.checks.iter().filter(|check| check.outcome == "not-evaluated").peekable();
    if open.peek().is_none() {
        out.paragraph(2, "Every rule of this version was evaluated.");
    }
    for check in open {
        out.spans(2, "- ", &[(Style::Bold, &format!("{}:", check.rule)), (Style::Plain, &check.reason)]);
    }
    collect(out, report);
}

/// What to collect, with the commands for it; bare words in a report that has no rows about it.
fn collect(out: &mut Page, report: &Report) {
    let needs = words::needs(report);
    if report.collect.is_empty() && needs.is_empty() {
        return;
    }
    out.heading("COLLECT");
    if report.collect.is_empty() {
        for need in needs {
            out.item(2, "- ", need);
        }
    }
    for row in &report.collect {
        out.item(2, "- ", &row.what);
        if row.sensitive {
            out.spans(4, "", &[(Style::Warning, "It holds secrets: send it encrypted.")]);
        }
        for command in &row.commands {
            out.line(7, Style::Command, command);
        }
        if !row.rules.is_empty() {
            out.spans(4, "", &[(Style::Faint, &format!("For {}.", row.rules.join(", ")))]);
        }
    }
}
