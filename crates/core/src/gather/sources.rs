//! The disk images and archives that the evidence came in.

use iiskeys_evidence::{Container, Evidence, SkipReason};

use super::GatherError;
use crate::machine::facts::{Damage, Facts, Source};

/// Adds every image and archive that was opened, and what is damaged in it and in its volumes.
///
/// What an image's own frame says (a copy of a table was used, a log was replayed) is for custody: the content came out
/// of it, and what did not come out is met where it is read.
pub(super) fn add(facts: &mut Facts, evidence: &Evidence) {
    for (container, verified) in evidence.containers() {
        let path = container.path.to_string();
        for what in &container.damage {
            facts.damage.push(Damage { path: path.clone(), what: what.clone(), citation: None });
        }
        if let Some(what) = verified.and_then(|digests| digests.contradiction(container)) {
            facts.damage.push(Damage { path: path.clone(), what, citation: None });
        }
        facts.sources.push(Source { container: container.clone(), verified: verified.cloned() });
    }
    for top in evidence.tops() {
        for what in top.notes() {
            facts.damage.push(Damage { path: top.path().to_string(), what, citation: None });
        }
    }
    facts.damage.sort_by(|a, b| (&a.path, &a.what).cmp(&(&b.path, &b.what)));
    facts.damage.dedup();
}

/// Says why there is nothing to diagnose.
///
/// # Errors
/// Always, unless something of the evidence is damaged, which is worth a report.
pub(super) fn nothing(facts: &Facts, evidence: &Evidence) -> Result<(), GatherError> {
    let mut refused: Vec<String> = Vec::new();
    for skipped in evidence.skipped() {
        if let SkipReason::NotOpened(why) = &skipped.reason {
            refused.push(format!("{}: {why}", skipped.path));
        }
    }
    if !refused.is_empty() {
        return Err(GatherError::NotOpened(refused));
    }
    let opened: Vec<String> = evidence.containers().map(|(container, _)| describe(container)).collect();
    if !opened.is_empty() {
        return Err(GatherError::NothingIn(opened));
    }
    if facts.damage.is_empty() { Err(GatherError::Nothing) } else { Ok(()) }
}

/// An image or archive with its volumes, in one phrase.
fn describe(container: &Container) -> String {
    let volumes: Vec<String> = container
        .volumes
        .iter()
        .map(|volume| {
            let what = volume.skipped.as_ref().unwrap_or(&volume.content);
            if volume.number == 0 { what.clone() } else { format!("partition {}: {what}", volume.number) }
        })
        .collect();
    let notes = container.notes.iter().chain(&container.damage).map(|note| format!(", {note}"));
    let of = if volumes.is_empty() { String::new() } else { format!(", {}", volumes.join(", ")) };
    format!("{} ({}{of}{})", container.path, container.format, notes.collect::<String>())
}
