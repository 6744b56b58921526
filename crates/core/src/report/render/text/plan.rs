//! The part about the way back.

use super::rest;
use crate::report::render::bounds::{Left, ROWS, line};
use crate::report::render::words;
use crate::report::{PlanRow, Report, StepRow};
use crate::terminal::{Page, Style};

/// The plan, what it leaves, what proves it, and what else was weighed.
pub(super) fn plan(out: &mut Page, whole: &Report, report: &Report, left: &Left) {
    let titles = words::Titles::of(whole);
    let Some(plan) = &report.plan else { return };
    out.heading("PLAN");
    steps(out, &plan.steps, 2);
    if !plan.resolves.is_empty() {
        let more = line(plan.resolves.len().saturating_sub(ROWS));
        let more = more.map(|more| format!(", {more}")).unwrap_or_default();
        let ids: Vec<&str> = plan.resolves.iter().map(String::as_str).take(ROWS).collect();
        out.paragraph(2, &format!("Tried on the facts, it resolves: {}{more}.", ids.join(", ")));
    }
    for row in &plan.remaining {
        let level = format!("({}):", words::level(row.severity));
        let title = format!("{}.", titles.remaining(row));
        let style = words::level_style(row.severity);
        out.spans(2, "", &[(Style::Plain, "It leaves"), (style, &level), (Style::Plain, &title)]);
    }
    rest(out, 2, left.remaining.as_ref());
    expect(out, plan, &titles, left);
    out.heading("ALTERNATIVES");
    for alternative in &plan.alternatives {
        let name = format!("{}:", alternative.name);
        out.spans(2, "- ", &[(Style::Bold, &name), (Style::Plain, &alternative.summary)]);
        labelled(out, 4, "Not chosen:", &alternative.reason);
        labelled(out, 4, "Cost:", &alternative.cost);
        for step in &alternative.steps {
            out.item(4, &format!("{}. ", step.order), &step.detail);
            for command in &step.commands {
                out.line(8, Style::Command, command);
            }
        }
    }
    out.heading("SO THAT IT DOES NOT HAPPEN AGAIN");
    for advice in &plan.prevent {
        out.item(2, "- ", advice);
    }
}

fn steps(out: &mut Page, steps: &[StepRow], indent: usize) {
    for step in steps {
        out.item(indent, &format!("{}. ", step.order), &step.detail);
        for command in &step.commands {
            out.line(indent + 5, Style::Command, command);
        }
        labelled(out, indent + 3, "Risk:", &step.risk);
        labelled(out, indent + 3, "Undo:", &step.undo);
        labelled(out, indent + 3, "Verify:", &step.verify);
    }
}

fn labelled(out: &mut Page, indent: usize, label: &str, text: &str) {
    out.spans(indent, "", &[(Style::Bold, label), (Style::Plain, text)]);
}

/// What the next evidence must show.
fn expect(out: &mut Page, plan: &PlanRow, titles: &words::Titles<'_>, left: &Left) {
    if plan.expect.is_empty() {
        return;
    }
    out.heading("AFTER THE REPAIR, THE NEXT EVIDENCE MUST SHOW");
    for row in &plan.expect {
        out.item(2, "- ", &titles.expected(row));
    }
    rest(out, 2, left.expect.as_ref());
}
