//! What several forms say in the same way.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{Level, Report, Verdict};
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

/// Containers that errors speak of, each with what is down because of it. Several rules may speak of one container.
pub(super) fn down(report: &Report) -> BTreeSet<(&str, String)> {
    report
        .findings
        .iter()
        .filter(|finding| finding.severity == Level::Error && !finding.affects.is_empty())
        .filter_map(|finding| Some((finding.subject.strip_prefix("container:")?, finding.affects.join(", "))))
        .collect()
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
