//! How much of a report is shown to people. A machine with tens of thousands of damaged or copied containers has as many
//! rows, which no reader gets through and no mail carries; what is left out is counted and stands in the JSON form.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::report::{Level, Report};

/// Most findings that are shown.
pub(super) const FINDINGS: usize = 300;
/// Most containers that are shown, and most groups of them.
pub(super) const CONTAINERS: usize = 500;
/// Most evidence files that are shown.
pub(super) const EVIDENCE: usize = 1_000;
/// Most rows of any other list.
pub(super) const ROWS: usize = 300;
/// Most citations of one finding.
const CITES: usize = 50;

/// What is left out of each list, as the line that ends it.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) findings: Option<String>,
    pub(super) containers: Option<String>,
    pub(super) groups: Option<String>,
    pub(super) guids: Option<String>,
    pub(super) evidence: Option<String>,
    pub(super) remaining: Option<String>,
    pub(super) expect: Option<String>,
    pub(super) keep: Option<String>,
}

/// The report with no more rows than are shown, and what was left out. Most reports are shown whole.
pub(super) fn bounded(report: &Report) -> (Cow<'_, Report>, Left) {
    let plan = report.plan.as_ref();
    let fits = report.findings.len() <= FINDINGS
        && report.findings.iter().all(|finding| finding.evidence.len() <= CITES)
        && report.key_containers.len() <= CONTAINERS
        && report.container_groups.len() <= CONTAINERS
        && report.evidence.len() <= EVIDENCE
        && report.guid_census.len() <= ROWS
        && plan.is_none_or(|plan| plan.remaining.len() <= ROWS && plan.expect.len() <= ROWS)
        && report.cleanup.as_ref().is_none_or(|cleanup| cleanup.keep.len() <= CONTAINERS);
    if fits {
        return (Cow::Borrowed(report), Left::default());
    }
    let mut shown = report.clone();
    let mut left = Left::default();
    // Findings are sorted with the worst first.
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in report.findings.iter().skip(FINDINGS) {
        *rules.entry(&finding.rule).or_default() += 1;
    }
    let rules: Vec<String> = rules.into_iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    left.findings = cut(&mut shown.findings, FINDINGS).map(|line| format!("{line}: {}", rules.join(", ")));
    for finding in &mut shown.findings {
        finding.evidence.truncate(CITES);
    }
    let kept = kept_containers(report);
    let mut at = 0;
    shown.key_containers.retain(|_| {
        at += 1;
        kept.contains(&(at - 1))
    });
    left.containers = line(report.key_containers.len() - shown.key_containers.len());
    left.groups = cut(&mut shown.container_groups, CONTAINERS);
    shown.guid_census.sort_by_key(|row| !row.is_current);
    left.guids = cut(&mut shown.guid_census, ROWS);
    left.evidence = cut(&mut shown.evidence, EVIDENCE);
    if let Some(plan) = &mut shown.plan {
        plan.remaining.sort_by_key(|row| std::cmp::Reverse(row.severity));
        left.remaining = cut(&mut plan.remaining, ROWS);
        left.expect = cut(&mut plan.expect, ROWS);
    }
    if let Some(cleanup) = &mut shown.cleanup {
        left.keep = cut(&mut cleanup.keep, CONTAINERS);
    }
    (Cow::Owned(shown), left)
}

/// Positions of the containers that are shown: those with the worst findings, then those that are needed.
fn kept_containers(report: &Report) -> BTreeSet<usize> {
    let mut worst: BTreeMap<&str, Level> = BTreeMap::new();
    for finding in &report.findings {
        if let Some(id) = finding.subject.strip_prefix("container:") {
            let level = worst.entry(id).or_insert(finding.severity);
            *level = finding.severity.max(*level);
        }
    }
    let mut order: Vec<usize> = (0..report.key_containers.len()).collect();
    order.sort_by_key(|&at| {
        let row = report.key_containers.get(at);
        let level = row.and_then(|row| worst.get(row.id.as_str()));
        (std::cmp::Reverse(level), row.is_none_or(|row| row.needed_by.is_empty()), at)
    });
    order.into_iter().take(CONTAINERS).collect()
}

fn cut<T>(rows: &mut Vec<T>, most: usize) -> Option<String> {
    let count = rows.len().saturating_sub(most);
    rows.truncate(most);
    line(count)
}

/// "and 3 more; they are in the JSON report".
pub(super) fn line(count: usize) -> Option<String> {
    (count > 0).then(|| match count {
        1 => "and 1 more; it is in the JSON report".to_owned(),
        count => format!("and {count} more; they are in the JSON report"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::render::{FORMATS, sample};
    use crate::report::{ContainerRow, EvidenceRow, FindingRow};

    /// A machine on which one name has that many copies, each with a finding of its own.
    fn large(count: usize) -> Report {
        let mut report = sample::report("server2008r2-guid-changed");
        let finding = report.findings.last().expect("a finding").clone();
        let (row, file) = (report.key_containers[0].clone(), report.evidence[1].clone());
        for number in 0..count {
            let id = format!("rsa-machine/{}_{number:032}", "c2319c42033a5ca7f44e731bfd3fa2b5");
            report.findings.push(FindingRow {
                id: format!("id{number}"),
                severity: Level::Note,
                subject: format!("container:{id}"),
                ..finding.clone()
            });
            report.evidence.push(EvidenceRow { id: format!("x{number}"), path: id.clone(), ..file.clone() });
            report.key_containers.push(ContainerRow { path: id.clone(), id, ..row.clone() });
        }
        report
    }

    #[test]
    fn a_small_report_is_shown_whole() {
        for case in sample::cases() {
            let report = sample::report(&case);
            assert!(matches!(bounded(&report), (Cow::Borrowed(_), _)), "{case}");
        }
    }

    #[test]
    fn what_is_left_out_is_counted_and_errors_are_kept() {
        let report = large(2_000);
        let (shown, left) = bounded(&report);
        let errors =
            |report: &Report| report.findings.iter().filter(|row| row.severity == Level::Error).count();
        assert_eq!(errors(&shown), errors(&report));
        let rows = (shown.findings.len(), shown.key_containers.len(), shown.evidence.len());
        assert_eq!(rows, (FINDINGS, CONTAINERS, EVIDENCE));
        let out = report.findings.len() - FINDINGS;
        let rule = &report.findings[report.findings.len() - 1].rule;
        assert_eq!(left.findings, Some(format!("and {out} more; they are in the JSON report: {rule} {out}")));
        for finding in report.findings.iter().filter(|row| row.severity >= Level::Warning) {
            let Some(id) = finding.subject.strip_prefix("container:") else { continue };
            assert!(shown.key_containers.iter().any(|row| row.id == id), "{id}");
        }
    }

    #[test]
    fn a_form_for_people_does_not_grow_without_bound() {
        let (small, big) = (large(2_000), large(6_000));
        for format in FORMATS.iter().filter(|format| ["html", "text", "markdown"].contains(&format.name)) {
            let look = crate::report::Look::default();
            let (one, two) = (format.render(&small, &look), format.render(&big, &look));
            assert!(two.len() < one.len() + 2_000, "{}: {} and {}", format.name, one.len(), two.len());
            assert!(two.contains("more; they are in the JSON report"), "{}", format.name);
        }
    }
}
