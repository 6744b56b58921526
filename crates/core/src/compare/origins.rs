//! What of one machine comes from the other, and in which direction.
//!
//! That both have a thing is proven by its digest. Who had it first is another question: a file name that carries the other
//! machine's GUID, a private key that only the other machine's secrets open, a session key that only the other machine's
//! container opens. Where nothing of the kind is there, the direction is said to be unknown. Nodes of a farm share imported
//! keys on purpose, each under its own GUID, and nothing is wrong with that.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Direction, Kinship, Origin, Relation};
use super::relation::Shared;
use super::seen::{Seen, moduli, second};
use crate::report::{ContainerRow, ProviderRow};

/// The two sides in the words of reasons.
const A: &str = "A";
const B: &str = "B";

/// One clue to a direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Clue {
    direction: Direction,
    is_strong: bool,
    reason: String,
}

impl Clue {
    fn new(direction: Direction, is_strong: bool, reason: impl Into<String>) -> Self {
        Self { direction, is_strong, reason: reason.into() }
    }
}

/// What clues come to: strong ones overrule weak ones, and contradiction is no direction.
fn weigh(clues: &[Clue]) -> (Direction, bool) {
    for strong in [true, false] {
        let said: BTreeSet<Direction> =
            clues.iter().filter(|clue| clue.is_strong == strong).map(|clue| clue.direction).collect();
        match said.len() {
            0 => continue,
            1 => return (said.into_iter().next().unwrap_or(Direction::Unknown), strong),
            _ => return (Direction::Unknown, strong),
        }
    }
    (Direction::Unknown, false)
}

pub(super) fn origins(a: &Seen<'_>, b: &Seen<'_>, relation: &Relation, shared: &Shared<'_>) -> Vec<Origin> {
    let mut origins = Vec::new();
    // One machine has everything from itself.
    if relation.kind == Kinship::SameMachine {
        return origins;
    }
    origins.extend(machine_guid(a, b));
    origins.extend(private_keys(a, b, shared));
    origins.extend(session_keys(a, b));
    origins.extend(master_keys(a, b, shared));
    origins.extend(containers_of_the_other(a, b, shared));
    origins.extend(certificates(a, b));
    if relation.kind == Kinship::Clone {
        // The image that both were made of had these things, too, and no report tells of it.
        for origin in origins.iter_mut().filter(|origin| origin.direction != Direction::Unknown) {
            let from = if origin.direction == Direction::AToB { A } else { B };
            "weak".clone_into(&mut origin.confidence);
            origin
                .statement
                .push_str(&format!(" That is from {from}, or from the image that {from} was made of."));
        }
    }
    origins
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::AToB => "B has it from A",
        Direction::BToA => "A has it from B",
        Direction::Unknown => "which way it went is not known",
    }
}

fn machine_guid(a: &Seen<'_>, b: &Seen<'_>) -> Option<Origin> {
    let guid = a.guid()?;
    if b.guid()? != guid {
        return None;
    }
    let mut clues = Vec::new();
    for (seen, side, direction) in [(a, A, Direction::BToA), (b, B, Direction::AToB)] {
        let earlier: Vec<&String> = seen.own.iter().filter(|own| **own != guid).collect();
        if let Some(earlier) = earlier.first() {
            clues.push(Clue::new(
                direction,
                true,
                format!("The registry of {side} held another GUID before, {earlier}."),
            ));
        }
        let written =
            seen.report.machine.machine_guid.as_ref().and_then(|guid| guid.key_last_written.clone());
        let set_up = seen.report.machine.installed.clone();
        if let (Some(written), Some(set_up)) = (written, set_up)
            && days_apart(&set_up, &written).is_some_and(|days| days > 1)
        {
            clues.push(Clue::new(
                direction,
                false,
                format!(
                    "{side} was installed {set_up}, and the key that holds its GUID was written {written}."
                ),
            ));
        }
    }
    let (direction, is_strong) = weigh(&clues);
    Some(Origin {
        kind: "machine-guid".to_owned(),
        direction,
        confidence: if direction == Direction::Unknown || is_strong { "strong" } else { "weak" }.to_owned(),
        statement: format!(
            "Both machines have the MachineGuid {guid}; {}. Windows makes one at random, so one was copied: with the disk, or by hand.",
            way(direction)
        ),
        reasons: clues.into_iter().map(|clue| clue.reason).collect(),
        items: vec![guid],
    })
}

/// Days from one moment to a later one, counted coarsely from the calendar: only "more than a day" matters.
fn days_apart(from: &str, to: &str) -> Option<i64> {
    let day = |text: &str| -> Option<i64> {
        let text = second(text)?;
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
        Some(part(0..4)? * 372 + part(5..7)? * 31 + part(8..10)?)
    };
    Some(day(to)? - day(from)?)
}

/// A key that stands in both, with its containers on each side.
struct Twin<'a> {
    in_a: Vec<&'a ContainerRow>,
    in_b: Vec<&'a ContainerRow>,
}

impl Twin<'_> {
    fn name(&self) -> String {
        let rows = || self.in_a.iter().chain(&self.in_b);
        rows()
            .find_map(|row| row.well_known.clone())
            .or_else(|| rows().find_map(|row| row.name.clone()))
            .or_else(|| rows().next().map(|row| row.id.clone()))
            .unwrap_or_default()
    }
}

fn private_keys(a: &Seen<'_>, b: &Seen<'_>, shared: &Shared<'_>) -> Vec<Origin> {
    let mut groups: BTreeMap<(Direction, bool, Vec<String>), BTreeSet<String>> = BTreeMap::new();
    for key in &shared.keys {
        let rows = (a.keys.get(key), b.keys.get(key));
        let (Some(in_a), Some(in_b)) = rows else { continue };
        let twin = Twin { in_a: in_a.clone(), in_b: in_b.clone() };
        let mut clues: Vec<Clue> = file_guids(a, b, &twin);
        clues.extend(secrets(&twin));
        clues.extend(times(a, b, &twin));
        clues.sort();
        clues.dedup();
        let (direction, is_strong) = weigh(&clues);
        let reasons = clues.into_iter().map(|clue| clue.reason).collect();
        let entry = groups.entry((direction, is_strong, reasons)).or_default();
        let ids = |rows: &[&ContainerRow]| {
            let mut ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.join(", ")
        };
        entry.insert(format!("{}: {} in A, {} in B", twin.name(), ids(&twin.in_a), ids(&twin.in_b)));
    }
    let mut origins: Vec<Origin> = groups
        .into_iter()
        .map(|((direction, is_strong, reasons), items)| {
            let (subject, verb) = if items.len() == 1 { ("One private key", "stands") } else { ("Private keys", "stand") };
            let innocent = if direction == Direction::Unknown {
                " Keys that were imported on purpose (aspnet_regiis -pi, shared configuration, a PFX) look like this and are no fault."
            } else {
                ""
            };
            let way = match (direction, items.len() == 1) {
                (Direction::AToB, true) => "B has it from A",
                (Direction::AToB, false) => "B has them from A",
                (Direction::BToA, true) => "A has it from B",
                (Direction::BToA, false) => "A has them from B",
                (Direction::Unknown, _) => "which way they went is not known",
            };
            Origin {
                kind: "private-key".to_owned(),
                direction,
                confidence: if direction == Direction::Unknown || is_strong { "strong" } else { "weak" }.to_owned(),
                statement: format!("{subject} {verb} in both machines; {way}.{innocent}"),
                reasons,
                items: items.into_iter().collect(),
            }
        })
        .collect();
    // What is sure comes first.
    origins.sort_by_key(|origin| (origin.direction == Direction::Unknown, origin.confidence != "strong"));
    origins
}

/// A file keeps the GUID of the machine that wrote it.
fn file_guids(a: &Seen<'_>, b: &Seen<'_>, twin: &Twin<'_>) -> Vec<Clue> {
    let carried = |rows: &[&ContainerRow]| -> BTreeSet<String> {
        rows.iter().filter_map(|row| row.guid.as_ref()).map(|guid| guid.to_lowercase()).collect()
    };
    let clue = |there: &BTreeSet<String>, home: &Seen<'_>, away: &Seen<'_>, names: [&str; 2], direction| {
        there.iter().find(|guid| home.own.contains(*guid) && !away.own.contains(*guid)).map(|guid| {
            let [home, away] = names;
            Clue::new(direction, true, format!("A file in {away} carries the GUID of {home}, {guid}."))
        })
    };
    let in_b = clue(&carried(&twin.in_b), a, b, [A, B], Direction::AToB);
    let in_a = clue(&carried(&twin.in_a), b, a, [B, A], Direction::BToA);
    in_b.into_iter().chain(in_a).collect()
}

/// What the secrets of each machine open.
fn secrets(twin: &Twin<'_>) -> Option<Clue> {
    // The age of what opened it, of the best copy: the smaller, the more at home.
    let rank = |rows: &[&ContainerRow]| {
        let proofs = rows.iter().filter_map(|row| row.protection.as_ref());
        proofs
            .filter_map(|protection| match protection.proof.as_str() {
                "opened-with-current-secret" => Some(0),
                "opened-with-previous-secret" => Some(1),
                "neither-secret" | "master-key-missing" => Some(2),
                _ => None,
            })
            .min()
    };
    let words =
        ["its current secret opens it", "only its previous secret opens it", "nothing there opens it"];
    let (in_a, in_b) = (rank(&twin.in_a)?, rank(&twin.in_b)?);
    let direction = match in_a.cmp(&in_b) {
        std::cmp::Ordering::Less => Direction::AToB,
        std::cmp::Ordering::Greater => Direction::BToA,
        std::cmp::Ordering::Equal => return None,
    };
    let said = |rank: usize| words.get(rank).copied().unwrap_or_default();
    Some(Clue::new(direction, true, format!("In A {}, in B {}.", said(in_a), said(in_b))))
}

/// A key that is older than the Windows that it stands in was not made there.
fn times(a: &Seen<'_>, b: &Seen<'_>, twin: &Twin<'_>) -> Vec<Clue> {
    let earliest = |rows: &[&ContainerRow]| -> Option<String> {
        rows.iter().filter_map(|row| second(row.created.as_deref()?)).min().map(str::to_owned)
    };
    let set_up = |seen: &Seen<'_>| second(seen.report.machine.installed.as_deref()?).map(str::to_owned);
    let (made_a, made_b) = (earliest(&twin.in_a), earliest(&twin.in_b));
    let mut clues = Vec::new();
    let at_home = |made: &Option<String>, seen: &Seen<'_>| Some(made.as_ref()? >= &set_up(seen)?);
    match (at_home(&made_a, a), at_home(&made_b, b)) {
        (Some(true), Some(false)) => clues.push(Clue::new(
            Direction::AToB,
            false,
            "The file in B is older than the installation of B, and the one in A is not older than that of A.",
        )),
        (Some(false), Some(true)) => clues.push(Clue::new(
            Direction::BToA,
            false,
            "The file in A is older than the installation of A, and the one in B is not older than that of B.",
        )),
        _ => {}
    }
    match (&made_a, &made_b) {
        (Some(made_a), Some(made_b)) if made_a < made_b => {
            clues.push(Clue::new(Direction::AToB, false, "The file in A was created before the one in B."));
        }
        (Some(made_a), Some(made_b)) if made_a > made_b => {
            clues.push(Clue::new(Direction::BToA, false, "The file in B was created before the one in A."));
        }
        _ => {}
    }
    clues
}

fn session_keys(a: &Seen<'_>, b: &Seen<'_>) -> Vec<Origin> {
    let providers = |seen: &Seen<'_>| -> BTreeMap<String, Vec<ProviderRow>> {
        let mut by_key: BTreeMap<String, Vec<ProviderRow>> = BTreeMap::new();
        for provider in seen.report.config.iter().flat_map(|config| &config.providers) {
            if let Some(digest) = &provider.session_key_sha256 {
                by_key.entry(digest.clone()).or_default().push(provider.clone());
            }
        }
        by_key
    };
    let (in_a, in_b) = (providers(a), providers(b));
    let mut groups: BTreeMap<(Direction, String, String), BTreeSet<String>> = BTreeMap::new();
    for (digest, rows_a) in &in_a {
        let Some(rows_b) = in_b.get(digest) else { continue };
        let opens = |rows: &[ProviderRow]| {
            let says = |fit: &str| rows.iter().any(|row| row.session_key.as_deref() == Some(fit));
            if says("opens") {
                Some(true)
            } else if says("does-not-open") || says("other-size") {
                Some(false)
            } else {
                None
            }
        };
        let (direction, reason, extra) = match (opens(rows_a), opens(rows_b)) {
            (Some(true), Some(false)) => (
                Direction::AToB,
                "The container of A opens it, and that of B does not.",
                "The configuration of B came from A without its keys; export them there (aspnet_regiis -px ... -pri) and import \
                 them (-pi), or bring back B's own configuration.",
            ),
            (Some(false), Some(true)) => (
                Direction::BToA,
                "The container of B opens it, and that of A does not.",
                "The configuration of A came from B without its keys; export them there (aspnet_regiis -px ... -pri) and import \
                 them (-pi), or bring back A's own configuration.",
            ),
            (Some(true), Some(true)) => (
                Direction::Unknown,
                "The containers of both open it.",
                "Nodes that share a configuration and imported keys look like this; nothing is wrong.",
            ),
            (Some(false), Some(false)) => (
                Direction::Unknown,
                "Neither container opens it.",
                "The configuration of both may come from a third machine.",
            ),
            _ => (
                Direction::Unknown,
                "Whether each container opens it is not known; equal sizes prove nothing.",
                "Both configurations have one origin.",
            ),
        };
        let names = rows_a.iter().chain(rows_b).map(|row| format!("{} ({})", row.name, row.key_container));
        groups.entry((direction, reason.to_owned(), extra.to_owned())).or_default().extend(names);
    }
    groups
        .into_iter()
        .map(|((direction, reason, extra), items)| Origin {
            kind: "session-key".to_owned(),
            direction,
            confidence: "strong".to_owned(),
            statement: format!("The same wrapped session keys stand in both configurations. {extra}"),
            reasons: vec![reason],
            items: items.into_iter().collect(),
        })
        .collect()
}

fn master_keys(a: &Seen<'_>, b: &Seen<'_>, shared: &Shared<'_>) -> Vec<Origin> {
    shared
        .master_keys
        .iter()
        .map(|guid| {
            let opened =
                |seen: &Seen<'_>| seen.master_keys.get(*guid).map(|by| (*by).to_owned()).unwrap_or_default();
            let rank = |opened: &str| match opened {
                "current-secret" => Some(0),
                "previous-secret" => Some(1),
                "neither" => Some(2),
                _ => None,
            };
            let (in_a, in_b) = (opened(a), opened(b));
            let direction = match (rank(&in_a), rank(&in_b)) {
                (Some(in_a), Some(in_b)) if in_a < in_b => Direction::AToB,
                (Some(in_a), Some(in_b)) if in_a > in_b => Direction::BToA,
                _ => Direction::Unknown,
            };
            Origin {
                kind: "master-key".to_owned(),
                direction,
                confidence: "strong".to_owned(),
                statement: format!(
                    "The DPAPI master key {guid} lies in both machines; {}. Windows never shares one, so a disk or the Protect \
                     folder was copied.",
                    way(direction)
                ),
                reasons: vec![format!("Opened by: {in_a} in A, {in_b} in B.")],
                items: vec![(*guid).to_owned()],
            }
        })
        .collect()
}

/// Containers that carry the other machine's GUID, or whose master key lies in the other machine alone.
fn containers_of_the_other(a: &Seen<'_>, b: &Seen<'_>, shared: &Shared<'_>) -> Vec<Origin> {
    let mut origins = Vec::new();
    for (here, there, direction) in [(b, a, Direction::AToB), (a, b, Direction::BToA)] {
        let (from, to) = if direction == Direction::AToB { (A, B) } else { (B, A) };
        let mut by_reason: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in &here.report.key_containers {
            // A key that stands in both is told of with its key.
            if moduli(row).iter().any(|key| shared.keys.contains(key)) {
                continue;
            }
            if let Some(guid) = row.guid.as_ref().map(|guid| guid.to_lowercase())
                && there.own.contains(&guid)
                && !here.own.contains(&guid)
            {
                let reason = format!("Their file names carry the GUID of {from}, {guid}.");
                by_reason.entry(reason).or_default().insert(row.id.clone());
            }
            let Some(protection) = &row.protection else { continue };
            if protection.master_keys_in_evidence != Some(false) {
                continue;
            }
            for guid in protection.master_keys.iter().map(|guid| guid.to_lowercase()) {
                if there.master_keys.contains_key(&guid) && !here.master_keys.contains_key(&guid) {
                    let reason = format!(
                        "Their master key {guid} lies in the Protect folder of {from} and not in that of {to}."
                    );
                    by_reason.entry(reason).or_default().insert(row.id.clone());
                }
            }
        }
        for (reason, items) in by_reason {
            origins.push(Origin {
                kind: "container".to_owned(),
                direction,
                confidence: "strong".to_owned(),
                statement: format!("Containers in {to} came from {from}."),
                reasons: vec![reason],
                items: items.into_iter().collect(),
            });
        }
    }
    origins
}

fn certificates(a: &Seen<'_>, b: &Seen<'_>) -> Option<Origin> {
    let hashes = |seen: &Seen<'_>| -> BTreeSet<String> {
        let rows = seen.report.certificates.iter().filter(|row| !row.thumbprint.is_empty());
        // An authority's certificate without its key stands in every machine that trusts it.
        rows.filter(|row| row.link.is_some()).map(|row| row.thumbprint.to_uppercase()).collect()
    };
    let both: Vec<String> = hashes(a).intersection(&hashes(b)).cloned().collect();
    (!both.is_empty()).then(|| Origin {
        kind: "certificate".to_owned(),
        direction: Direction::Unknown,
        confidence: "strong".to_owned(),
        statement: "Certificates with a link to a private key stand in both machines. One PFX that was imported on several nodes \
                    looks like this and is no fault."
            .to_owned(),
        reasons: Vec::new(),
        items: both,
    })
}
