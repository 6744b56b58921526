//! The parts about the machine and what was read.

use super::rest;
use crate::report::Report;
use crate::report::render::bounds::Left;
use crate::report::render::words::{days, no_guid, size_of};
use crate::terminal::{Page, Style};

pub(super) fn machine(out: &mut Page, report: &Report, left: &Left) {
    let machine = &report.machine;
    out.heading("MACHINE");
    let unknown = || "not in evidence".to_owned();
    out.item(2, "Windows      ", &machine.os.clone().unwrap_or_else(unknown));
    out.item(2, "Host         ", &machine.hostname.clone().unwrap_or_else(unknown));
    let iis = machine
        .iis
        .as_ref()
        .map(|iis| iis.version.clone().unwrap_or_else(|| "installed, version not in evidence".into()));
    out.item(2, "IIS          ", &iis.unwrap_or_else(|| "not installed or not in evidence".to_owned()));
    match &machine.machine_guid {
        Some(guid) => {
            out.item(2, "MachineGuid  ", &guid.value);
            if let Some(written) = &guid.key_last_written {
                out.paragraph(15, &format!("its key was last written {written}"));
            }
            if let Some(before) = &guid.unreplayed_value {
                out.paragraph(15, &format!("without the hive's logs: {before}"));
            }
        }
        None => out.item(2, "MachineGuid  ", no_guid(report)),
    }
    for row in &report.guid_census {
        let mark = if row.is_current { "current" } else { "other" };
        let span = match (&row.first_created, &row.last_created) {
            (Some(first), Some(last)) if first != last => format!(", created {first} to {last}"),
            (Some(first), _) => format!(", created {first}"),
            _ => String::new(),
        };
        let noun = if row.containers == 1 { "container" } else { "containers" };
        out.item(2, "GUID seen    ", &format!("{} ({mark}): {} {noun}{span}", row.guid, row.containers));
    }
    rest(out, 15, left.guids.as_ref());
}

pub(super) fn sources(out: &mut Page, report: &Report) {
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
pub(super) fn bindings(out: &mut Page, report: &Report) {
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
pub(super) fn proofs(out: &mut Page, report: &Report, left: &Left) {
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
        rest(out, 2, left.containers.as_ref());
    }
    if !report.config_copies.is_empty() {
        out.heading("COPIES OF THE CONFIGURATION");
        for copy in &report.config_copies {
            let written = copy.written.as_ref().map(|time| format!(", {time}")).unwrap_or_default();
            out.item(2, "", &format!("{} {}{written}: {}", copy.kind, copy.name, copy.fit.replace('-', " ")));
        }
    }
}

/// What a clean-up of the key folders must leave alone.
pub(super) fn cleanup(out: &mut Page, report: &Report, left: &Left) {
    let Some(cleanup) = &report.cleanup else { return };
    out.heading("BEFORE THE KEY FOLDERS ARE CLEANED UP");
    if !cleanup.keep.is_empty() {
        out.spans(2, "", &[(Style::Bold, "These must stay:")]);
    }
    for row in &cleanup.keep {
        let name = row.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        out.item(2, "- ", &format!("{}{name}: {}", row.container, row.why.join("; ")));
    }
    rest(out, 2, left.keep.as_ref());
    if !cleanup.leftovers.is_empty() {
        out.spans(2, "", &[(Style::Bold, "These look left behind:")]);
    }
    for row in &cleanup.leftovers {
        let product = row.product.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let guid = row.guid.as_ref().map(|guid| format!(" under {guid}")).unwrap_or_default();
        let noun = if row.count == 1 { "container" } else { "containers" };
        let days = days(row.first_day.as_ref(), row.last_day.as_ref());
        let what = format!("{} {noun} {} in {}{guid}{product}{days}", row.count, row.pattern, row.store);
        out.item(2, "- ", &format!("{what}: {}", row.basis));
    }
    if !cleanup.limits.is_empty() {
        out.spans(2, "", &[(Style::Bold, "What this cannot know:")]);
    }
    for limit in &cleanup.limits {
        out.item(2, "- ", limit);
    }
}
