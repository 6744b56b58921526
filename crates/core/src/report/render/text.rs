//! The report as text: what one would paste into a ticket.

use std::fmt::Write;

use super::Look;
use crate::report::visible::visible;
use crate::report::{CheckRow, FindingRow, Level, Report, StepRow};

/// Width to which paragraphs are wrapped.
const WIDTH: usize = 100;

/// The report as text.
pub(super) fn render(report: &Report, _: &Look) -> String {
    let mut out = Page(String::new());
    out.line(0, &format!("VERDICT: {}", report.verdict.name().to_uppercase()));
    out.paragraph(0, &report.summary);
    machine(&mut out, report);
    sources(&mut out, report);
    bindings(&mut out, report);
    proofs(&mut out, report);
    cause(&mut out, report);
    down(&mut out, report);
    findings(&mut out, report);
    plan(&mut out, report);
    open(&mut out, report);
    out.0
}

struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        let _ = write!(self.0, "\n{text}\n");
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.0, "{:indent$}{}", "", visible(text));
    }

    /// A wrapped paragraph.
    fn paragraph(&mut self, indent: usize, text: &str) {
        self.item(indent, "", text);
    }

    /// A wrapped paragraph that starts with `mark` and hangs behind it.
    fn item(&mut self, indent: usize, mark: &str, text: &str) {
        let hang = indent + mark.chars().count();
        let mut line = format!("{:indent$}{mark}", "");
        let mut used = hang;
        let text = visible(text);
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let length = word.chars().count();
            if used > hang && used + 1 + length > WIDTH {
                let _ = writeln!(self.0, "{line}");
                line = format!("{:hang$}", "");
                used = hang;
            }
            if used > hang {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
        let _ = writeln!(self.0, "{}", line.trim_end());
    }
}

fn machine(out: &mut Page, report: &Report) {
    let machine = &report.machine;
    out.heading("MACHINE");
    let unknown = || "not in evidence".to_owned();
    out.line(2, &format!("Windows      {}", machine.os.clone().unwrap_or_else(unknown)));
    out.line(2, &format!("Host         {}", machine.hostname.clone().unwrap_or_else(unknown)));
    let iis = machine
        .iis
        .as_ref()
        .map(|iis| iis.version.clone().unwrap_or_else(|| "installed, version not in evidence".into()));
    out.line(
        2,
        &format!("IIS          {}", iis.unwrap_or_else(|| "not installed or not in evidence".to_owned())),
    );
    match &machine.machine_guid {
        Some(guid) => {
            out.line(2, &format!("MachineGuid  {}", guid.value));
            if let Some(written) = &guid.key_last_written {
                out.line(15, &format!("its key was last written {written}"));
            }
            if let Some(before) = &guid.unreplayed_value {
                out.line(15, &format!("without the hive's logs: {before}"));
            }
        }
        None => out.line(2, &format!("MachineGuid  {}", unknown())),
    }
    for row in &report.guid_census {
        let mark = if row.is_current { "current" } else { "other" };
        let span = match (&row.first_created, &row.last_created) {
            (Some(first), Some(last)) if first != last => format!(", created {first} to {last}"),
            (Some(first), _) => format!(", created {first}"),
            _ => String::new(),
        };
        let noun = if row.containers == 1 { "container" } else { "containers" };
        out.line(2, &format!("GUID seen    {} ({mark}): {} {noun}{span}", row.guid, row.containers));
    }
}

fn sources(out: &mut Page, report: &Report) {
    if report.sources.is_empty() {
        return;
    }
    out.heading("SOURCES");
    for source in &report.sources {
        let divided = source.scheme.as_ref().map(|scheme| format!(", {scheme}")).unwrap_or_default();
        let disk = source.media_size.map(|size| format!(", disk of {}", size_of(size))).unwrap_or_default();
        out.item(
            2,
            "",
            &format!("{} ({}, {}{disk}{divided})", source.path, source.format, size_of(source.size)),
        );
        for part in &source.parts {
            out.item(4, "+ ", &format!("{} {} ({})", part.role, part.name, size_of(part.size)));
        }
        let digests = [
            ("MD5", &source.stored_md5, &source.computed_md5),
            ("SHA-1", &source.stored_sha1, &source.computed_sha1),
        ];
        for (name, stored, computed) in digests {
            let text = match (stored, computed) {
                (Some(stored), Some(computed)) if stored == computed => format!("{name} {stored}, verified"),
                (Some(stored), Some(computed)) => format!("{name} stated {stored}, computed {computed}"),
                (Some(stored), None) => {
                    format!("{name} {stored}, as the image states; --verify-image compares")
                }
                (None, Some(computed)) => format!("{name} {computed}, computed"),
                (None, None) => continue,
            };
            out.item(4, "= ", &text);
        }
        for note in &source.notes {
            out.item(4, "! ", note);
        }
        for volume in &source.volumes {
            let letter = volume.letter.as_ref().map(|letter| format!(", {letter}")).unwrap_or_default();
            let label =
                if volume.label.is_empty() { String::new() } else { format!(" \"{}\"", volume.label) };
            let skipped =
                volume.skipped.as_ref().map(|why| format!(": not looked into, {why}")).unwrap_or_default();
            let number = if volume.number == 0 {
                "whole disk".to_owned()
            } else {
                format!("partition {}", volume.number)
            };
            let size = size_of(volume.size);
            out.item(4, "- ", &format!("{number}{label}, {}, {size}{letter}{skipped}", volume.content));
        }
    }
}

/// Each way on which TLS is answered, with the state of its key.
fn bindings(out: &mut Page, report: &Report) {
    if report.bindings.is_empty() {
        return;
    }
    out.heading("HTTPS");
    for row in &report.bindings {
        let who = match &row.site {
            Some(site) => format!("site {site}, {}", row.endpoint.trim_end_matches(':')),
            None => format!("{} ({})", row.endpoint, row.owner),
        };
        let certificate =
            row.thumbprint.as_ref().map(|hash| format!(", certificate {hash}")).unwrap_or_default();
        let container = row.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
        let file = row.file.as_ref().map(|file| format!(", file {file}")).unwrap_or_default();
        let state = row.state.replace('-', " ");
        out.item(2, "", &format!("{who}: {state}{certificate}{container}{file}"));
    }
}

/// What was proved, container by container, and which copies of the configuration fit.
fn proofs(out: &mut Page, report: &Report) {
    if let Some(dpapi) = &report.dpapi {
        out.heading("PROOF");
        let changed =
            dpapi.current_since.as_ref().map(|since| format!(", changed {since}")).unwrap_or_default();
        out.item(2, "", &format!("boot key: {}; DPAPI secret: {}{changed}", dpapi.boot_key, dpapi.secret));
        for row in &report.key_containers {
            let Some(protection) = &row.protection else { continue };
            if protection.proof == "not-attempted" && row.well_known.is_none() {
                continue;
            }
            let name = row.well_known.as_ref().or(row.name.as_ref()).unwrap_or(&row.id);
            let verified = match protection.verified {
                Some(true) => ", fits its public key",
                Some(false) => ", does not fit its public key",
                None => "",
            };
            let exportable = match protection.exportable {
                Some(true) => ", exportable",
                Some(false) => ", not exportable",
                None => "",
            };
            let guid = row.guid.as_ref().map(|guid| format!(" ({guid})")).unwrap_or_default();
            let proof = protection.proof.replace('-', " ");
            let reason = protection.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            out.item(2, "", &format!("{name}{guid}: {proof}{reason}{verified}{exportable}"));
            for opens in &row.opens {
                out.item(4, "opens ", opens);
            }
        }
    }
    if !report.config_copies.is_empty() {
        out.heading("COPIES OF THE CONFIGURATION");
        for copy in &report.config_copies {
            let written = copy.written.as_ref().map(|time| format!(", {time}")).unwrap_or_default();
            out.item(2, "", &format!("{} {}{written}: {}", copy.kind, copy.name, copy.fit.replace('-', " ")));
        }
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

fn cause(out: &mut Page, report: &Report) {
    let Some(cause) = &report.root_cause else { return };
    out.heading("ROOT CAUSE");
    out.paragraph(2, &format!("{} [{}, {}]", cause.statement, cause.rule, cause.confidence));
    match (&cause.earliest, &cause.latest) {
        (Some(earliest), Some(latest)) => out.line(2, &format!("It happened from {earliest} to {latest}.")),
        (Some(earliest), None) => out.line(2, &format!("It happened after {earliest}.")),
        (None, Some(latest)) => out.line(2, &format!("It happened by {latest}.")),
        (None, None) => {}
    }
}

fn down(out: &mut Page, report: &Report) {
    let broken: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Level::Error && finding.subject.starts_with("container:"))
        .filter(|finding| !finding.affects.is_empty())
        .collect();
    if broken.is_empty() {
        return;
    }
    out.heading("DOWN, BY CONTAINER");
    let line = |finding: &FindingRow| {
        format!("{}: {}", finding.subject.trim_start_matches("container:"), finding.affects.join(", "))
    };
    // Several rules may speak of one container.
    let mut lines: Vec<String> = broken.into_iter().map(line).collect();
    lines.sort();
    lines.dedup();
    for line in lines {
        out.item(2, "- ", &line);
    }
}

fn findings(out: &mut Page, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    out.heading("FINDINGS");
    for finding in &report.findings {
        let level = match finding.severity {
            Level::Error => "ERROR",
            Level::Warning => "WARNING",
            Level::Note => "NOTE",
        };
        out.item(2, "", &format!("{level} {} ({}): {}", finding.rule, finding.confidence, finding.title));
        out.paragraph(6, &finding.explanation);
        for cite in &finding.evidence {
            let path = report
                .evidence
                .iter()
                .find(|row| row.id == cite.evidence)
                .map_or("", |row| row.path.as_str());
            out.item(6, "> ", &format!("{path}, {}: {}", cite.locator, cite.observed));
        }
    }
}

fn plan(out: &mut Page, report: &Report) {
    let Some(plan) = &report.plan else { return };
    out.heading("PLAN");
    steps(out, &plan.steps, 2);
    if !plan.resolves.is_empty() {
        out.paragraph(2, &format!("Tried on the facts, it resolves: {}.", plan.resolves.join(", ")));
    }
    for left in &plan.remaining {
        let level = match left.severity {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        out.item(2, "", &format!("It leaves ({level}): {}.", left.title));
    }
    out.heading("ALTERNATIVES");
    for alternative in &plan.alternatives {
        out.item(2, "- ", &format!("{}: {}", alternative.name, alternative.summary));
        out.paragraph(4, &format!("Not chosen: {}", alternative.reason));
        out.paragraph(4, &format!("Cost: {}", alternative.cost));
        for step in &alternative.steps {
            out.item(4, &format!("{}. ", step.order), &step.detail);
            for command in &step.commands {
                out.line(8, &command.to_string());
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
            out.line(indent + 5, command);
        }
        out.paragraph(indent + 3, &format!("Risk: {}", step.risk));
        out.paragraph(indent + 3, &format!("Undo: {}", step.undo));
        out.paragraph(indent + 3, &format!("Verify: {}", step.verify));
    }
}

fn open(out: &mut Page, report: &Report) {
    if !report.assumptions.is_empty() {
        out.heading("ASSUMED");
        for assumption in &report.assumptions {
            out.item(2, "- ", assumption);
        }
    }
    let open: Vec<&CheckRow> =
        report.checks.iter().filter(|check| check.outcome == "not-evaluated").collect();
    out.heading("COULD NOT BE CHECKED");
    if open.is_empty() {
        out.line(2, "Every rule of this version was evaluated.");
    }
    for check in &open {
        out.item(2, "- ", &format!("{}: {}", check.rule, check.reason));
    }
    let mut needs: Vec<&str> =
        report.checks.iter().flat_map(|check| check.needs.iter().map(String::as_str)).collect();
    needs.sort_unstable();
    needs.dedup();
    if !needs.is_empty() {
        out.heading("COLLECT");
        for need in needs {
            out.item(2, "- ", need);
        }
    }
}
