//! The report as text: what one would read at a terminal or paste into a mail.

mod machine;
mod plan;
#[cfg(test)]
mod tests;

use super::{Look, words};
use crate::report::Report;
use crate::terminal::{Page, Style};

/// The report as text.
pub(super) fn render(report: &Report, look: &Look) -> String {
    let mut out = Page::new(look);
    let verdict = report.verdict;
    let word = verdict.name().to_uppercase();
    out.spans(0, "", &[(Style::Bold, "VERDICT:"), (words::verdict_style(verdict), &word)]);
    out.paragraph(0, &report.summary);
    machine::machine(&mut out, report);
    machine::sources(&mut out, report);
    machine::bindings(&mut out, report);
    machine::proofs(&mut out, report);
    cause(&mut out, report);
    down(&mut out, report);
    findings(&mut out, report);
    plan::plan(&mut out, report);
    machine::cleanup(&mut out, report);
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
    out.heading("DOWN, BY CONTAINER");
    for (container, affects) in down {
        out.spans(2, "- ", &[(Style::Plain, &format!("{container}:")), (Style::Error, &affects)]);
    }
}

fn findings(out: &mut Page, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    out.heading("FINDINGS");
    let paths = words::paths(report);
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
