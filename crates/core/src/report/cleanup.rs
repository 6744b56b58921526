//! What a clean-up of the key folders must leave alone, and what looks left behind.
//!
//! A container is kept for what is known of it; of one that nothing is known of, just that is said. Nothing is ever called
//! a leftover for its name alone: the certificates of the machine and its services must be in evidence, and none of them
//! may have the key. No deletion is proposed at all.
//!
//! What makes which names is taken from public write-ups of enrolment, of `certutil`, and of folders that filled up.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::tls::container_id;
use super::*;
use crate::artifact::container::well_known::Certainty;
use crate::artifact::container::{NamePattern, WellKnown};
use crate::machine::{Known, Machine};

/// Reasons of one kind that are listed.
const LISTED: usize = 3;
/// The store in which Windows keeps requests until their certificates come.
const REQUESTS: &str = "REQUEST";
/// So many containers of one pattern, at such a rate, are made by a program that leaves them behind.
const FLOOD: u64 = 100;
/// Containers in a day.
const FLOOD_RATE: u64 = 10;

/// The section; `None` when no key folder is in evidence.
pub(super) fn cleanup(machine: &Machine<'_>, report: &Report) -> Option<CleanupRow> {
    if machine.facts.folders.is_empty() {
        return None;
    }
    let gaps = gaps(machine);
    let changed = report.findings.iter().any(|finding| finding.rule == "machine-guid-changed");
    let keep = keep(machine, report, gaps.first().copied(), changed);
    let leftovers = if gaps.is_empty() { leftovers(machine, report, &keep, changed) } else { Vec::new() };
    Some(CleanupRow { limits: limits(machine, report, gaps, changed), keep, leftovers })
}

/// What is looked up for each container.
struct Around<'r> {
    /// What certificates say of a container, by its id.
    linked: BTreeMap<String, Vec<String>>,
    /// Words of the plan's steps, among them the names of the files that they work on.
    planned: BTreeSet<&'r str>,
    /// The copies of each container, by store and hash of the name.
    copies: BTreeMap<(&'r str, &'r str), Vec<&'r ContainerRow>>,
    /// What lacks in evidence to say that something is not needed.
    gap: Option<&'static str>,
    /// Whether the MachineGuid changed: then what stands under another one lost its owner and is no leftover.
    changed: bool,
}

impl<'r> Around<'r> {
    fn of(machine: &Machine<'_>, report: &'r Report, gap: Option<&'static str>, changed: bool) -> Self {
        let mut linked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for certificate in &report.certificates {
            let subject = certificate.subject.as_deref().unwrap_or("of unknown subject");
            let named =
                format!("certificate {} ({subject}) of store {}", certificate.thumbprint, certificate.store);
            for container in &certificate.by_name {
                linked.entry(container.clone()).or_default().push(format!("{named} is linked to it"));
            }
            for container in certificate.by_key.iter().filter(|id| !certificate.by_name.contains(id)) {
                let why =
                    format!("{named} has the same public key and no link to it: its private key is here");
                linked.entry(container.clone()).or_default().push(why);
            }
        }
        for (certificate, view) in machine.facts.tls.held.iter().zip(&machine.tls.held) {
            let store = &certificate.store;
            let what =
                if store.eq_ignore_ascii_case(REQUESTS) { "the pending request" } else { "certificate" };
            let why = format!("{what} {} of store {store} is linked to it", certificate.thumbprint);
            for index in view.by_name.iter().chain(view.by_key.iter()) {
                let reasons = linked.entry(container_id(machine, *index)).or_default();
                if !reasons.contains(&why) {
                    reasons.push(why.clone());
                }
            }
        }
        let steps = report.plan.iter().flat_map(|plan| &plan.steps);
        let texts = steps.flat_map(|step| std::iter::once(&step.target).chain(&step.commands));
        let planned = texts.flat_map(|text| text.split(['\\', '"', ' '])).collect();
        let mut copies: BTreeMap<(&str, &str), Vec<&ContainerRow>> = BTreeMap::new();
        for container in &report.key_containers {
            if let Some(prefix) = &container.prefix {
                copies.entry((&container.store, prefix)).or_default().push(container);
            }
        }
        Self { linked, planned, copies, gap, changed }
    }
}

fn keep(machine: &Machine<'_>, report: &Report, gap: Option<&'static str>, changed: bool) -> Vec<KeepRow> {
    let around = Around::of(machine, report, gap, changed);
    let mut rows: Vec<KeepRow> = report
        .key_containers
        .iter()
        .filter_map(|container| {
            let why = reasons(container, &around);
            let name = container.well_known.clone().or_else(|| container.name.clone());
            (!why.is_empty()).then(|| KeepRow { container: container.id.clone(), name, why })
        })
        .collect();
    // One file may stand in several folders of a store.
    rows.sort_by(|a, b| (&a.container, &a.why).cmp(&(&b.container, &b.why)));
    rows.dedup();
    rows
}

/// Why a container must stay.
fn reasons(container: &ContainerRow, around: &Around<'_>) -> Vec<String> {
    let mut why: Vec<String> = some(&container.needed_by, "further reason");
    let links = around.linked.get(container.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    why.extend(some(links, "further certificate"));
    let known = container.well_known.as_deref().or(container.name.as_deref()).and_then(WellKnown::by_name);
    if let Some(known) = known {
        why.push(owner(known));
    }
    if !container.opens.is_empty() {
        why.push(format!("its private key provably opens {}", some(&container.opens, "more").join(", ")));
    }
    if container.id.split_once('/').is_some_and(|(_, file)| around.planned.contains(file)) {
        why.push("the repair plan of this report works with it".to_owned());
    }
    if why.is_empty() {
        why.extend(unclaimed(container, around));
    } else {
        why.extend(standing(container, around));
    }
    why
}

/// Why a container must stay that nothing in evidence needs.
fn unclaimed(container: &ContainerRow, around: &Around<'_>) -> Option<String> {
    let pattern = container.name.as_deref().map(NamePattern::of);
    let lost = around.changed && container.standing.as_deref() == Some("other-guid");
    Some(match (container.state.as_str(), pattern, around.gap) {
        ("not-read", ..) => "its content was not read, so nothing can be said about what needs it".to_owned(),
        ("damaged", ..) => "its bytes are damaged, so what needs it cannot be read from it".to_owned(),
        _ if lost => {
            "it stands under a GUID that this machine had before: it works again when a repair brings that GUID back, or \
             renames the file"
                .to_owned()
        }
        (_, _, Some(gap)) => format!("whether anything needs it is not in evidence: {gap}"),
        (_, Some(pattern), None) if maker(pattern.label()).is_some() => return None,
        _ => "a program or a person chose its name, and the evidence does not tell what needs it: ask first"
            .to_owned(),
    })
}

/// The first few of many, and how many more there are.
fn some(all: &[String], noun: &str) -> Vec<String> {
    let mut texts: Vec<String> = all.iter().take(LISTED).cloned().collect();
    match all.len().saturating_sub(LISTED) {
        0 => {}
        1 => texts.push(format!("1 {noun}")),
        more => texts.push(format!("{more} {noun}s")),
    }
    texts
}

fn owner(known: &WellKnown) -> String {
    match known.certainty {
        Certainty::Unverified => {
            format!(
                "{} is a name that has been seen with {}; what needs it is not known for certain",
                known.name, known.owner
            )
        }
        _ => format!("it belongs to {}; without it: {}", known.owner, known.effect),
    }
}

/// What a copy is worth that Windows does not open at present.
fn standing(container: &ContainerRow, around: &Around<'_>) -> Option<String> {
    let place = match container.standing.as_deref()? {
        "other-guid" => "under another GUID",
        "other-root" => "below another folder than the registry names",
        "set-aside" => "under a name that somebody gave it",
        _ => return None,
    };
    let is_broken = |copy: &ContainerRow| matches!(copy.state.as_str(), "damaged" | "empty" | "incomplete");
    if is_broken(container) {
        return None;
    }
    let prefix = container.prefix.as_deref()?;
    let copies =
        around.copies.get(&(container.store.as_str(), prefix)).map(Vec::as_slice).unwrap_or_default();
    let current = copies.iter().find(|copy| copy.standing.as_deref() == Some("current"));
    match current {
        None => Some(format!(
            "it stands {place}, and no copy stands where Windows looks: if anything misses it, it is the one to restore"
        )),
        Some(current) if is_broken(current) => Some(format!(
            "it stands {place}, and the copy that Windows opens is {}: this is the better one",
            current.state
        )),
        // What was not read may be whole, and two whole copies are two keys: which of them the data needs shows only
        // when they are opened.
        Some(current) if container.opens.is_empty() && current.opens.is_empty() => Some(format!(
            "it stands {place} beside the copy that Windows opens: which of the two the data needs is not proven"
        )),
        Some(_) => None,
    }
}

/// What must be in evidence before anything is called a leftover.
fn gaps(machine: &Machine<'_>) -> Vec<&'static str> {
    let facts = machine.facts;
    let tls = &facts.tls;
    let checks = [
        (machine.guid.is_none(), "the MachineGuid is not known"),
        (
            tls.certificates.value().is_none() && !matches!(tls.certificates, Known::Absent(_)),
            "the certificate stores were not read",
        ),
        (!tls.uncovered.is_empty(), "not every certificate store of the machine is in evidence"),
        (
            tls.held_left_out,
            "not every other certificate store, among them the one of pending requests, could be read",
        ),
        (facts.software.value().is_none(), "the SOFTWARE hive is not in evidence"),
        (facts.system.value().is_none(), "the SYSTEM hive is not in evidence"),
        (
            facts.config.value().is_none()
                && machine.iis_installed() != Some(false)
                && machine.iis_major().is_none_or(|major| major >= 7),
            "the live configuration of IIS was not read",
        ),
    ];
    checks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what).collect()
}

/// What is counted of one pattern under one GUID.
#[derive(Default)]
struct Sum {
    count: u64,
    first: Option<String>,
    last: Option<String>,
    sizes: BTreeMap<String, u64>,
}

fn leftovers(machine: &Machine<'_>, report: &Report, keep: &[KeepRow], changed: bool) -> Vec<LeftoverRow> {
    let mut sums: BTreeMap<(String, Option<String>, String), Sum> = BTreeMap::new();
    for group in &report.container_groups {
        let key = (group.store.clone(), group.guid.clone(), group.pattern.clone());
        let sum = sums.entry(key).or_default();
        sum.count += group.count;
        *sum.sizes.entry(group.size_class.clone()).or_default() += group.count;
        let first = sum.first.iter().chain(&group.first_day).min().cloned();
        let last = sum.last.iter().chain(&group.last_day).max().cloned();
        (sum.first, sum.last) = (first, last);
    }
    // Those that have a row and a reason to stay are no leftovers.
    let kept: BTreeSet<&str> = keep.iter().map(|row| row.container.as_str()).collect();
    let tracked = machine.facts.containers.iter().filter(|container| container.tracked);
    let tracked: BTreeSet<&str> = tracked.map(|container| container.name.as_str()).collect();
    for row in report.key_containers.iter().filter(|row| kept.contains(row.id.as_str())) {
        let is_counted = row.id.split_once('/').is_some_and(|(_, file)| !tracked.contains(file));
        let pattern = row.name.as_deref().map(NamePattern::of).map_or("", |pattern| pattern.label());
        let key = (row.store.clone(), row.guid.clone(), pattern.to_owned());
        if let Some(sum) = sums.get_mut(&key).filter(|_| is_counted) {
            sum.count = sum.count.saturating_sub(1);
        }
    }
    let current = machine.guid.as_ref().map(|guid| guid.as_str());
    sums.into_iter()
        .filter(|(_, sum)| sum.count > 0)
        .filter_map(|((store, guid, pattern), sum)| {
            let (product, made) = maker(&pattern)?;
            let is_old = match (guid.as_deref(), current) {
                (Some(guid), Some(current)) => !guid.eq_ignore_ascii_case(current),
                _ => true,
            };
            if is_old && changed {
                return None;
            }
            let basis = basis(&sum, made, is_old);
            Some(LeftoverRow {
                store,
                guid,
                pattern,
                product: product.map(str::to_owned),
                count: sum.count,
                first_day: sum.first,
                last_day: sum.last,
                basis,
            })
        })
        .collect()
}

/// The product that makes names of a pattern, where the pattern alone tells it, and what is known of it. Patterns that are
/// in no table are names that somebody chose: of those nothing is said.
fn maker(pattern: &str) -> Option<(Option<&'static str>, &'static str)> {
    const ENROLMENT: &str = "Certificate enrolment of Windows";
    Some(match pattern {
        "le-<template>-<GUID>" | "te-<template>-<GUID>" => (
            Some(ENROLMENT),
            "Enrolment makes such a container for each request; the template's name is in it.",
        ),
        "tp-<GUID>" => {
            (Some(ENROLMENT), "Enrolment makes such a container for a request without a template.")
        }
        "{<GUID>}" | "<GUID>" => (
            None,
            "Imports of PFX files by Windows and by .NET programs make such names; the name does not tell which of them it was.",
        ),
        _ => return None,
    })
}

fn basis(sum: &Sum, made: &str, is_old: bool) -> String {
    let mut text = vec![
        "No certificate of the machine's stores is linked to these or has the key of one, and nothing in IIS names them.".to_owned(),
        made.to_owned(),
    ];
    let sizes: Vec<String> = sum.sizes.iter().map(|(size, count)| format!("{count} of {size}")).collect();
    text.push(format!("Sizes: {}.", sizes.join(", ")));
    if let (Some(first), Some(last)) = (&sum.first, &sum.last) {
        let days = days_between(first, last).map_or(1, |days| days + 1);
        let rate = sum.count / days.max(1);
        if sum.count >= FLOOD && rate >= FLOOD_RATE {
            text.push(format!(
                "About {rate} a day from {first} to {last}: a program makes a key for each call and leaves it behind. Ask which \
                 one loads PFX files into the machine's store or keeps RSA keys by name; setting files aside helps only once \
                 it is cured."
            ));
        } else if first == last {
            text.push(format!("All were made on {first}: ask what was imported or requested on that day."));
        } else {
            text.push(format!("Ask who requested or imported certificates from {first} to {last}."));
        }
    } else {
        text.push(
            "When they were made is not in evidence: ask who requested or imported certificates here."
                .to_owned(),
        );
    }
    if is_old {
        text.push(
            "They stand under a GUID that is not the current one: settle first whether that GUID comes back, for then they work again."
                .to_owned(),
        );
    }
    text.push(
        "Ask as well for keys that programs open by name and for certificates in the stores of users. Then back the folder up \
         with its access rights and set a few aside at a time; put them back at the first complaint."
            .to_owned(),
    );
    text.join(" ")
}

/// Days from one day to another, `YYYY-MM-DD` each.
fn days_between(first: &str, last: &str) -> Option<u64> {
    let day = |text: &str| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    u64::try_from(day(last)?.signed_duration_since(day(first)?).num_days()).ok()
}

fn limits(machine: &Machine<'_>, report: &Report, gaps: Vec<&'static str>, changed: bool) -> Vec<String> {
    let mut limits = Vec::new();
    if !gaps.is_empty() {
        limits.push(format!("Nothing is called a leftover here: {}.", gaps.join("; ")));
    }
    let count = |wanted: &dyn Fn(&GroupRow) -> bool| -> u64 {
        report.container_groups.iter().filter(|group| wanted(group)).map(|group| group.count).sum()
    };
    let unread = count(&|group| group.pattern == "name not readable");
    if unread > 0 {
        limits.push(format!(
            "{} counted by their file names alone: nothing is known about what needs them.",
            containers(unread, "is", "are")
        ));
    }
    let named = count(&|group| group.pattern != "name not readable" && maker(&group.pattern).is_none());
    if named > 0 {
        limits.push(format!(
            "{} names that a program or a person chose; ask for each what needs it.",
            containers(named, "has", "have")
        ));
    }
    if report.containers_only_counted > 0 {
        limits.push(format!(
            "{} no row in this report; that one is not listed under `keep` does not mean that nothing needs it.",
            containers(report.containers_only_counted, "has", "have")
        ));
    }
    if changed {
        limits.push(
            "The MachineGuid changed: nothing under another GUID is called a leftover. Repair first, and clean up only when \
             everything has run for a while under one GUID."
                .to_owned(),
        );
    }
    if machine.facts.aspnet.is_empty() {
        limits.push(
            "No encrypted section of ASP.NET was read: web.config files of applications elsewhere may name containers.".to_owned(),
        );
    }
    limits
        .push("Certificates in the stores of users and keys in their profiles are not looked at.".to_owned());
    limits.push(
        "Programs open containers by names that stand in their own settings or code, and encrypt data with DPAPI-NG or keys of \
         their own; no evidence of IIS shows that."
            .to_owned(),
    );
    limits
}

fn containers(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 container {one}") } else { format!("{number} containers {many}") }
}
