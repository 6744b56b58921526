//! The text of whole reports.

use super::*;
use crate::report::render::sample;
use crate::terminal::columns;
use crate::visible::is_deceptive;

/// Lines that are not wrapped: commands, and names that are as long as a line and stand behind an indent.
fn may_be_long(line: &str, width: usize, report: &Report) -> bool {
    let plan = report.plan.iter();
    let steps = plan
        .flat_map(|plan| plan.steps.iter().chain(plan.alternatives.iter().flat_map(|other| &other.steps)));
    let mut commands =
        steps.flat_map(|step| &step.commands).chain(report.collect.iter().flat_map(|row| &row.commands));
    let name = line.rsplit(' ').next().unwrap_or_default();
    columns(name) + "  MachineGuid  ".len() > width || commands.any(|command| command == line.trim_start())
}

#[test]
fn every_line_fits_the_width_and_commands_stay_whole() {
    let mut reports: Vec<Report> = sample::cases().iter().map(|case| sample::report(case)).collect();
    reports.push(sample::full());
    for report in reports {
        for width in [40, 80, 100, 160] {
            let text = render(&report, &Look::of_width(width));
            for line in text.lines().filter(|line| columns(line) > width) {
                assert!(may_be_long(line, width, &report), "{width}: {line}");
            }
            for step in report.plan.iter().flat_map(|plan| &plan.steps) {
                for command in &step.commands {
                    assert!(text.lines().any(|line| line.trim_start() == command), "{command}");
                }
            }
        }
    }
}

#[test]
fn hostile_names_neither_steer_the_terminal_nor_make_lines() {
    let report = sample::hostile();
    let plain = render(&report, &Look::default());
    assert!(plain.contains("\\u{1b}[31mred") && plain.contains("\\u{202e}"));
    assert_eq!(plain.chars().filter(|letter| is_deceptive(*letter) && *letter != '\n').count(), 0);
    assert!(!plain.lines().any(|line| line.starts_with("# m") || line.starts_with("- n")));
    let coloured = render(&report, &Look::default().in_colour(true));
    for (at, _) in coloured.match_indices('\u{1b}') {
        let rest = &coloured[at + 1..];
        let end = rest.find('m').expect("an end");
        assert!(
            ["[0", "[1", "[2", "[1;31", "[32", "[33", "[36"].contains(&&rest[..end]),
            "{:?}",
            &rest[..end]
        );
    }
}

#[test]
fn what_comes_with_later_parts_of_the_report_is_shown() {
    let text = render(&sample::full(), &Look::of_width(160));
    for line in [
        "AFTER THE REPAIR, THE NEXT EVIDENCE MUST SHOW",
        "  - The MachineGuid is 9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a.",
        "COLLECT",
        "  - %SystemRoot%\\System32\\config\\SOFTWARE with its logs",
        "    It holds secrets: send it encrypted.",
        "    For machine-guid-missing, machine-guid-changed.",
        "BEFORE THE KEY FOLDERS ARE CLEANED UP",
        "  - rsa-machine/c2319c42 (Microsoft Internet Information Server): it is needed",
        "  - user keys are not in evidence",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
    }
    assert!(text.contains("4000 containers tp-* in rsa-machine under 9790b371"));
    let mut without = sample::full();
    without.collect.clear();
    let needs = render(&without, &Look::default());
    assert!(needs.contains("\nCOLLECT\n  - "), "bare needs stand in for rows");
}

#[test]
fn the_verdict_has_a_colour_and_a_word() {
    let coloured = render(&sample::report("healthy-server2012r2"), &Look::default().in_colour(true));
    assert!(coloured.starts_with("\u{1b}[1mVERDICT:\u{1b}[0m \u{1b}[32mHEALTHY\u{1b}[0m\n"), "{coloured}");
}

#[test]
fn without_a_plan_each_harm_comes_with_its_cure_and_everything_down_with_its_cause() {
    let report = sample::report("server2003-metabase-replaced");
    assert!(report.plan.is_none());
    let text = render(&report, &Look::of_width(400));
    for finding in report.findings.iter().filter(|row| row.severity >= crate::report::Level::Warning) {
        for remedy in &finding.remedies {
            assert!(text.contains(&format!("Cure: {remedy}")), "{remedy} is not in {text}");
        }
        for name in &finding.affects {
            assert!(text.contains(&format!("- {name}: ")), "{name} is not in {text}");
        }
    }
    assert!(text.contains("DOWN, AND WHY") && text.contains("No plan: "), "{text}");
    let healthy = render(&sample::report("healthy-server2012r2"), &Look::of_width(400));
    assert!(!healthy.contains("No plan:") && !healthy.contains("DOWN"));
    let mut mixed = report;
    mixed.findings[0].rule = "evidence-mixed".to_owned();
    assert!(render(&mixed, &Look::of_width(400)).contains("not come from one machine at one time"));
}

#[test]
fn a_machine_guid_that_is_absent_is_called_missing() {
    let mut report = sample::report("healthy-server2012r2");
    report.machine.machine_guid = None;
    assert!(render(&report, &Look::default()).contains("MachineGuid  not in evidence"));
    let mut finding = sample::report("iis7-keys-missing").findings[0].clone();
    finding.rule = "machine-guid-missing".to_owned();
    report.findings.push(finding);
    for form in ["text", "markdown", "html"] {
        let shown = crate::report::render::in_form(&report, form);
        assert!(shown.contains("missing: the value is absent"), "{form}");
    }
}

#[test]
fn equal_titles_are_told_apart_by_their_file() {
    let mut report = sample::full();
    let (one, two) = ("container:rsa-machine/aaaa_old", "container:rsa-machine/bbbb_new");
    let mut finding = report.findings[0].clone();
    (finding.id, finding.title, finding.subject) =
        ("f1".to_owned(), "The copy is damaged".to_owned(), one.to_owned());
    report.findings.push(finding);
    let plan = report.plan.as_mut().expect("a plan");
    let mut row = plan.remaining[0].clone();
    (row.title, row.subject) = ("The copy is damaged".to_owned(), two.to_owned());
    plan.remaining.push(row);
    let mut expect = plan.expect[0].clone();
    expect.kind = "finding-gone".to_owned();
    expect.subject = "f1".to_owned();
    expect.what = "some-rule no longer finds: The copy is damaged.".to_owned();
    plan.expect.push(expect);
    let text = render(&report, &Look::of_width(400));
    assert!(text.contains("The copy is damaged (bbbb_new)."), "{text}");
    assert!(text.contains("no longer finds: The copy is damaged (aaaa_old)."), "{text}");
    for form in ["markdown", "html"] {
        let shown = crate::report::render::in_form(&report, form).replace('\\', "");
        assert!(shown.contains("(bbbb_new)") && shown.contains("(aaaa_old)"), "{form}");
    }
    assert!(text.contains("holds no key.\n"), "only where it is needed: {text}");
}
