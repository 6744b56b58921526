//! The report as one HTML file for people: no script, nothing from elsewhere, and every string escaped by the template.
//!
//! The file is XHTML-compatible HTML, so that a test can check its form. What can be folded stands in `details`, which
//! needs no script and prints unfolded.

mod moments;
mod picture;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

use self::moments::{Moments, people};
use self::picture::{Picture, class};
use super::Look;
use super::bounds::{Left, ROWS, bounded, line};
use super::words::{Titles, no_guid, no_plan, size_of};
use crate::report::chain::{Chain, Link, Node};
use crate::report::{CheckRow, ContainerRow, FindingRow, Level, Report, RootCause, Verdict};
use crate::visible::visible;

/// The report as HTML.
pub(super) fn render(report: &Report, _: &Look) -> String {
    let report = shown(report);
    let (bounded, left) = bounded(&report);
    let mut page = Page::of(&report, &bounded, left).render().unwrap_or_default();
    page.push('\n');
    page
}

/// The same report with every letter shown that is invisible or changes how its neighbours are shown. This is done once for
/// all strings, so that no place in a template can forget it.
fn shown(report: &Report) -> Report {
    fn show(value: &mut Value) {
        match value {
            Value::String(text) => *text = visible(text),
            Value::Array(items) => items.iter_mut().for_each(show),
            Value::Object(fields) => fields.values_mut().for_each(show),
            _ => {}
        }
    }
    // Rows are plain structs: they become values and are read back without loss.
    let mut value = serde_json::to_value(report).unwrap_or_default();
    show(&mut value);
    serde_json::from_value(value).unwrap_or_else(|_| report.clone())
}

/// What the templates see.
#[derive(Template)]
#[template(path = "report/page.html")]
struct Page<'r> {
    /// What is shown of the report, and how much there is besides.
    report: &'r Report,
    left: Left,
    containers: usize,
    files: usize,
    titles: Titles<'r>,
    down_left: Option<String>,
    chain: Chain,
    picture: Picture,
    moments: Option<Moments>,
    paths: BTreeMap<&'r str, &'r str>,
    sections: Vec<(&'static str, &'static str)>,
    counts: [(usize, &'static str); 3],
    down: Vec<&'r str>,
    open: Vec<&'r CheckRow>,
    needs: Vec<&'r str>,
    proofs: Vec<&'r ContainerRow>,
}

impl<'r> Page<'r> {
    fn of(report: &'r Report, bounded: &'r Report, left: Left) -> Self {
        let chain = Chain::of(report);
        let count = |level| report.findings.iter().filter(|finding| finding.severity == level).count();
        let errors = report.findings.iter().filter(|finding| finding.severity == Level::Error);
        let mut down: Vec<&str> = errors.flat_map(|finding| &finding.affects).map(String::as_str).collect();
        down.sort_unstable();
        down.dedup();
        let down_left = line(down.len().saturating_sub(ROWS));
        down.truncate(ROWS);
        let mut needs: Vec<&str> = Vec::new();
        if report.collect.is_empty() {
            needs.extend(report.checks.iter().flat_map(|check| &check.needs).map(String::as_str));
            needs.sort_unstable();
            needs.dedup();
        }
        let mut page = Self {
            report: bounded,
            left,
            containers: report.key_containers.len(),
            files: report.evidence.len(),
            titles: Titles::of(report),
            down_left,
            picture: Picture::of(&chain),
            chain,
            moments: Moments::of(report),
            paths: report.evidence.iter().map(|row| (row.id.as_str(), row.path.as_str())).collect(),
            sections: Vec::new(),
            counts: [
                (count(Level::Error), "error"),
                (count(Level::Warning), "warning"),
                (count(Level::Note), "note"),
            ],
            down,
            open: report.checks.iter().filter(|check| check.outcome == "not-evaluated").collect(),
            needs,
            proofs: bounded.key_containers.iter().filter(|row| row.protection.is_some()).collect(),
        };
        page.sections = page.contents();
        page
    }

    /// The sections that this report has, by id.
    fn contents(&self) -> Vec<(&'static str, &'static str)> {
        let report = self.report;
        [
            ("cause", "Root cause", report.root_cause.is_some()),
            ("plan", "Plan", report.plan.is_some() || self.no_plan().is_some()),
            ("chain", "The chain", true),
            ("timeline", "Timeline", self.moments.is_some()),
            ("findings", "Findings", true),
            (
                "https",
                "HTTPS and certificates",
                !report.bindings.is_empty() || !report.certificates.is_empty(),
            ),
            (
                "containers",
                "Key containers",
                !report.key_containers.is_empty() || !report.container_groups.is_empty(),
            ),
            ("configuration", "Configuration", report.config.is_some() || !report.config_copies.is_empty()),
            ("proof", "Proof", report.dpapi.is_some() || !self.proofs.is_empty()),
            ("cleanup", "Before any clean-up", report.cleanup.is_some()),
            ("open", "Not examined, and how to get it", self.has_open()),
            ("assumptions", "Assumptions", !report.assumptions.is_empty()),
            ("evidence", "Evidence", !report.evidence.is_empty() || !report.sources.is_empty()),
        ]
        .into_iter()
        .filter(|(_, _, is_there)| *is_there)
        .map(|(id, title, _)| (id, title))
        .collect()
    }

    fn has(&self, id: &str) -> bool {
        self.sections.iter().any(|(own, _)| *own == id)
    }

    fn has_open(&self) -> bool {
        !self.open.is_empty() || !self.needs.is_empty() || !self.report.collect.is_empty()
    }

    /// The verdict as a word of a sentence.
    fn verdict(&self) -> &'static str {
        match self.report.verdict {
            Verdict::Broken => "Broken",
            Verdict::Degraded => "Degraded",
            Verdict::Inconclusive => "Inconclusive",
            Verdict::Healthy => "Healthy",
        }
    }

    /// The verdict as a mark, around the origin of a circle.
    fn verdict_mark(&self) -> &'static str {
        match self.report.verdict {
            Verdict::Broken => "M-9 -9L9 9M9 -9L-9 9",
            Verdict::Degraded => "M0 -10V3M0 9V10",
            Verdict::Inconclusive => "M-6 -5A6 6 0 1 1 2 1Q0 2 0 5M0 10V10.5",
            Verdict::Healthy => "M-10 0L-3 8 10 -8",
        }
    }

    fn verdict_means(&self) -> &'static str {
        match self.report.verdict {
            Verdict::Broken => "Something that this machine needs does not work.",
            Verdict::Degraded => "Nothing is broken, and something will or may be.",
            Verdict::Inconclusive => "Nothing was found, and not everything required could be examined.",
            Verdict::Healthy => "Nothing was found, and everything required was examined.",
        }
    }

    fn host(&self) -> &str {
        self.report.machine.hostname.as_deref().unwrap_or("host not known")
    }

    /// The path of an evidence row.
    fn path(&self, id: &str) -> &str {
        self.paths.get(id).copied().unwrap_or("not in the list of evidence")
    }

    /// When the cause set in, as a sentence.
    fn window(&self, cause: &RootCause) -> String {
        match (&cause.earliest, &cause.latest) {
            (Some(earliest), Some(latest)) => format!(
                "It happened between {}, the last witness of the old state, and {}, the first witness of the new one (UTC).",
                people(earliest),
                people(latest)
            ),
            (Some(earliest), None) => {
                format!("It happened after {} (UTC), the last witness of the old state.", people(earliest))
            }
            (None, Some(latest)) => {
                format!("It happened by {} (UTC), the first witness of the new state.", people(latest))
            }
            (None, None) => "When it happened is not known.".to_owned(),
        }
    }

    /// The MachineGuid where there is none.
    fn no_guid(&self) -> &'static str {
        no_guid(self.report)
    }

    /// Why there is no plan although something is wrong.
    fn no_plan(&self) -> Option<&'static str> {
        no_plan(self.report)
    }

    fn words(&self, text: &str) -> String {
        text.replace('-', " ")
    }

    fn time(&self, time: &str) -> String {
        people(time)
    }

    fn size(&self, bytes: &u64) -> String {
        size_of(*bytes)
    }

    fn level(&self, level: &Level) -> &'static str {
        match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }

    fn is_error(&self, finding: &FindingRow) -> bool {
        finding.severity == Level::Error
    }

    fn class(&self, node: &Node) -> &'static str {
        class(node.state)
    }

    /// The state in CSS of what a word of a table says.
    fn mark(&self, word: &str) -> &'static str {
        match word {
            "ok" | "complete" | "opens" | "opened-with-current-secret" | "current" => "works",
            "not-evaluated"
            | "not-attempted"
            | "not-read"
            | "unknown"
            | "same-size"
            | "unsupported"
            | "central-store"
            | "key-not-compared"
            | "opened-with-previous-secret"
            | "key-elsewhere"
            | "user-key-set" => "unknown",
            "set-aside" | "other-root" | "no-session-key" | "no-link" => "idle",
            _ => "broken",
        }
    }

    /// What a node hangs on.
    fn sources(&self, at: &usize) -> Vec<(&Link, &Node)> {
        let links = &self.chain.links;
        // Links are few, by the bound of the picture.
        links
            .iter()
            .filter(|link| link.to == *at)
            .filter_map(|link| Some((link, self.chain.nodes.get(link.from)?)))
            .collect()
    }

    fn chain_summary(&self) -> String {
        let (nodes, links) = self.chain.broken;
        let noun = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let broken = match self.report.verdict {
            _ if nodes + links > 0 => {
                format!("{} and {} in this picture are broken.", noun(nodes, "part"), noun(links, "link"))
            }
            Verdict::Broken => "What is broken stands in the findings.".to_owned(),
            _ => "Nothing in this picture is broken.".to_owned(),
        };
        match self.chain.untested {
            0 => broken,
            1 => format!("{broken} One part could not be tested with this evidence."),
            count => format!("{broken} {count} parts could not be tested with this evidence."),
        }
    }

    /// A number and its noun. Templates hand numbers over by value and by reference alike, hence the bound.
    fn plural(&self, count: impl std::fmt::Display, word: &str) -> String {
        let count = count.to_string();
        format!("{count} {word}{}", if count == "1" { "" } else { "s" })
    }
}
