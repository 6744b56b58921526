//! What several forms say in the same way.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{ExpectRow, FindingRow, Level, RemainingRow, Report, Verdict};
use crate::terminal::Style;

/// The word for a severity.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// The colour of a severity.
pub(super) fn level_style(level: Level) -> Style {
    match level {
        Level::Error => Style::Error,
        Level::Warning => Style::Warning,
        Level::Note => Style::Note,
    }
}

/// The colour of a verdict.
pub(super) fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Broken => Style::Error,
        Verdict::Degraded => Style::Warning,
        Verdict::Inconclusive => Style::Note,
        Verdict::Healthy => Style::Good,
    }
}

/// When the cause set in, as a sentence.
pub(super) fn window(earliest: Option<&str>, latest: Option<&str>) -> Option<String> {
    Some(match (earliest, latest) {
        (Some(earliest), Some(latest)) => format!("It happened from {earliest} to {latest}."),
        (Some(earliest), None) => format!("It happened after {earliest}."),
        (None, Some(latest)) => format!("It happened by {latest}."),
        (None, None) => return None,
    })
}

/// Most causes that are told of one thing that is down.
const CAUSES: usize = 3;

/// What is down, each with the errors that say so.
pub(super) fn down(report: &Report) -> Vec<(&str, String)> {
    let mut down: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.severity == Level::Error) {
        for name in &finding.affects {
            let causes = down.entry(name).or_default();
            if !causes.contains(&finding.title.as_str()) {
                causes.push(&finding.title);
            }
        }
    }
    let told = |causes: Vec<&str>| {
        let more = causes.len().saturating_sub(CAUSES);
        let shown: Vec<&str> = causes.into_iter().take(CAUSES).collect();
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{}{more}", shown.join("; "))
    };
    down.into_iter().map(|(name, causes)| (name, told(causes))).collect()
}

/// Why there is no plan although something is wrong, as far as the report tells.
pub(super) fn no_plan(report: &Report) -> Option<&'static str> {
    let worst = report.worst().filter(|_| report.plan.is_none())?;
    match worst {
        _ if report.findings.iter().any(|finding| finding.rule == "evidence-mixed") => Some(
            "No plan: the evidence does not come from one machine at one time. Send evidence that belongs together.",
        ),
        Level::Error => Some(
            "No plan: no repair could be shown on this evidence to be safe. What would cure each finding stands with it.",
        ),
        Level::Warning => Some(
            "No plan: nothing that this machine needs is broken. What would cure each finding stands with it.",
        ),
        Level::Note => None,
    }
}

/// Whether what would cure a finding is shown with it: where no plan cures it, and it does harm.
pub(super) fn shows_remedies(report: &Report, finding: &FindingRow) -> bool {
    let is_left = report.plan.as_ref().is_none_or(|plan| plan.leaves.contains(&finding.id));
    finding.severity >= Level::Warning && is_left && !finding.remedies.is_empty()
}

/// Titles that several findings have, and what tells them apart.
pub(super) struct Titles<'r> {
    subjects: BTreeMap<&'r str, BTreeSet<&'r str>>,
    findings: BTreeMap<&'r str, &'r FindingRow>,
}

impl<'r> Titles<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let mut subjects: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let remaining = report.plan.iter().flat_map(|plan| &plan.remaining);
        let remaining = remaining.filter(|row| !row.subject.is_empty());
        let found = report.findings.iter().map(|row| (row.title.as_str(), row.subject.as_str()));
        for (title, subject) in found.chain(remaining.map(|row| (row.title.as_str(), row.subject.as_str()))) {
            subjects.entry(title).or_default().insert(subject);
        }
        let findings = report.findings.iter().map(|row| (row.id.as_str(), row)).collect();
        Self { subjects, findings }
    }

    /// " (NAME)" where the title alone could mean several things.
    fn mark(&self, title: &str, subject: &str) -> String {
        let is_clear = self.subjects.get(title).is_none_or(|subjects| subjects.len() < 2);
        let name = subject.split_once(':').map_or(subject, |(_, name)| name);
        let name = name.rsplit('/').next().unwrap_or(name);
        if is_clear || name.is_empty() { String::new() } else { format!(" ({name})") }
    }

    /// What a plan leaves.
    pub(super) fn remaining(&self, row: &RemainingRow) -> String {
        format!("{}{}", row.title, self.mark(&row.title, &row.subject))
    }

    /// What the next evidence must show.
    pub(super) fn expected(&self, row: &ExpectRow) -> String {
        let finding = self.findings.get(row.subject.as_str()).filter(|_| row.kind == "finding-gone");
        let mark = finding.map(|finding| self.mark(&finding.title, &finding.subject)).unwrap_or_default();
        match row.what.strip_suffix('.').filter(|_| !mark.is_empty()) {
            Some(what) => format!("{what}{mark}."),
            None => format!("{}{mark}", row.what),
        }
    }
}

/// The MachineGuid where there is none.
pub(super) fn no_guid(report: &Report) -> &'static str {
    match report.missing_guid() {
        Some(_) => "missing: the value is absent",
        None => "not in evidence",
    }
}

/// The paths of the evidence rows by their identifiers.
pub(super) fn paths(report: &Report) -> BTreeMap<&str, &str> {
    report.evidence.iter().map(|file| (file.id.as_str(), file.path.as_str())).collect()
}

/// What rules lacked, in bare words: for reports without rows about it.
pub(super) fn needs(report: &Report) -> BTreeSet<&str> {
    report.checks.iter().flat_map(|check| check.needs.iter().map(String::as_str)).collect()
}

/// What program made the report, of which catalogue, and when where that was asked for.
pub(super) fn made_by(report: &Report) -> String {
    let tool = &report.tool;
    let catalogue =
        if tool.catalogue.is_empty() { String::new() } else { format!(", rules {}", tool.catalogue) };
    let stamp = report.stamp.as_ref().map(|time| format!(", run at {time}")).unwrap_or_default();
    format!("{} {}{catalogue}{stamp}", tool.name, tool.version)
}

/// First and last day of something, where they are known.
pub(super) fn days(first: Option<&String>, last: Option<&String>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first != last => format!(", created {first} to {last}"),
        (Some(day), _) | (None, Some(day)) => format!(", created {day}"),
        (None, None) => String::new(),
    }
}

/// A number of bytes as people say it.
pub(super) fn size_of(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut shown = format!("{bytes} bytes");
    for unit in UNITS {
        size /= 1024.0;
        if size < 1.0 {
            break;
        }
        shown = format!("{size:.1} {unit}");
    }
    shown
}
