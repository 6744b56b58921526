//! One machine at two times, a clone, or two machines.
//!
//! A copy of a disk agrees with its source in everything, so nothing proves that two pieces of evidence are of one machine.
//! The host name is what an administrator changes when a copy goes into service; the installation date is what Setup and
//! sysprep write anew; private keys and master keys are what is random enough to have come from one place.

use std::collections::BTreeSet;

use super::model::{Kinship, Relation};
use super::seen::{Seen, second};

/// Two facts side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// They are the same.
    Same,
    /// They are not.
    Other,
    /// One of them is not known.
    Unknown,
}

/// Two facts, where both are known.
pub(crate) fn sign<T: PartialEq>(a: Option<T>, b: Option<T>) -> Sign {
    match (a, b) {
        (Some(a), Some(b)) if a == b => Sign::Same,
        (Some(_), Some(_)) => Sign::Other,
        _ => Sign::Unknown,
    }
}

/// What both reports share.
pub(super) struct Shared<'a> {
    /// SHA-256 of the moduli of private keys that stand in both.
    pub keys: BTreeSet<&'a str>,
    /// GUIDs of master keys whose files are in both.
    pub master_keys: BTreeSet<&'a str>,
    /// Hives with the same bytes.
    hives: BTreeSet<&'a str>,
}

impl<'a> Shared<'a> {
    pub fn of(a: &'a Seen<'_>, b: &'a Seen<'_>) -> Self {
        let hives = |seen: &'a Seen<'_>| -> BTreeSet<(&'a str, &'a str)> {
            let rows = seen.report.evidence.iter().filter(|row| row.kind.ends_with("-hive"));
            rows.filter_map(|row| Some((row.kind.as_str(), row.sha256.as_deref()?))).collect()
        };
        Self {
            keys: a.keys.keys().filter(|key| b.keys.contains_key(*key)).copied().collect(),
            master_keys: a
                .master_keys
                .keys()
                .filter(|guid| b.master_keys.contains_key(*guid))
                .map(String::as_str)
                .collect(),
            hives: hives(a).intersection(&hives(b)).map(|(kind, _)| *kind).collect(),
        }
    }
}

/// What two machines have in common, as far as it tells whether they are one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signs {
    /// The host name.
    pub host: Sign,
    /// The MachineGuid.
    pub guid: Sign,
    /// The date of the installation.
    pub installed: Sign,
    /// Whether the GUID of one is an earlier one of the other.
    pub is_linked: bool,
    /// Whether something stands in both that comes with the disk.
    pub is_one_disk: bool,
    /// Whether that is a hive or a master key.
    pub is_one_secret: bool,
    /// Whether both have private keys and share none.
    pub has_no_common_key: bool,
}

impl Signs {
    /// How the two belong together, how sure that is, and a sentence that says so.
    pub(crate) fn kinship(self) -> (Kinship, &'static str, &'static str) {
        let one_setup = self.installed == Sign::Same;
        let sure = |strong: bool| if strong { "strong" } else { "weak" };
        let guids = self.guid == Sign::Same || self.is_linked;
        match self.host {
            Sign::Same
                if self.guid == Sign::Other
                    && self.installed == Sign::Other
                    && !self.is_linked
                    && !self.is_one_disk =>
            {
                (
                    Kinship::TwoMachines,
                    "weak",
                    "Two installations under one host name: the server was installed anew, or the name is used twice.",
                )
            }
            // Servers rolled out from one image may share name and date. A machine seldom changes its GUID and all of its keys.
            Sign::Same
                if self.has_no_common_key && !guids && !self.is_one_disk && self.guid == Sign::Other =>
            {
                (
                    Kinship::TwoMachines,
                    "weak",
                    "They are two machines of one name, or one that lost its MachineGuid and all of its keys.",
                )
            }
            Sign::Same => (
                Kinship::SameMachine,
                sure(one_setup || self.is_one_disk || self.guid == Sign::Same),
                "Both are of one machine, at two times.",
            ),
            Sign::Other if one_setup && self.guid == Sign::Same => (
                Kinship::Clone,
                "weak",
                "One is a clone of the other that was not generalised, or the machine was renamed in between; the two cannot be told \
             apart.",
            ),
            Sign::Other if self.is_one_disk || one_setup => (
                Kinship::Clone,
                sure(self.is_one_secret || one_setup),
                "They are two machines of one origin: one was made from a copy of the other, or both from one image.",
            ),
            Sign::Other if self.guid == Sign::Same => (
                Kinship::Clone,
                "weak",
                "Two machines with one MachineGuid: clones, or the GUID of one was given to the other.",
            ),
            Sign::Other => (
                Kinship::TwoMachines,
                sure(self.guid == Sign::Other && self.installed == Sign::Other && !self.is_linked),
                "They are two machines.",
            ),
            Sign::Unknown if one_setup || self.is_one_disk || (guids && self.installed != Sign::Other) => (
                Kinship::SameMachine,
                "weak",
                "Both are of one machine as far as can be told without both host names; a clone would look the same.",
            ),
            Sign::Unknown if self.guid == Sign::Other && self.installed == Sign::Other => (
                Kinship::TwoMachines,
                "weak",
                "They are two machines as far as can be told without both host names.",
            ),
            Sign::Unknown => {
                (Kinship::Unknown, "weak", "The evidence does not tell whether both are of one machine.")
            }
        }
    }
}

/// The relation of two reports that cannot be compared.
pub(super) fn unknown(why: &str) -> Relation {
    Relation {
        kind: Kinship::Unknown,
        confidence: "weak".to_owned(),
        statement: why.to_owned(),
        reasons: Vec::new(),
    }
}

/// How the two machines belong together.
pub(super) fn relation(a: &Seen<'_>, b: &Seen<'_>, shared: &Shared<'_>) -> Relation {
    let host = sign(a.host(), b.host());
    let guid = sign(a.guid(), b.guid());
    let date = |seen: &Seen<'_>| -> Option<String> {
        second(seen.report.machine.installed.as_deref()?).map(str::to_owned)
    };
    let installed = sign(date(a), date(b));
    let linked = link(a, b);
    let mut reasons = reasons(a, b, shared, [host, guid, installed]);
    reasons.extend(linked.clone());
    let signs = Signs {
        host,
        guid,
        installed,
        is_linked: linked.is_some(),
        // A GUID alone can be typed in, and single keys can be imported; these come with the disk.
        is_one_disk: !shared.hives.is_empty()
            || !shared.master_keys.is_empty()
            || most_keys_are_shared(a, b, shared),
        is_one_secret: !shared.master_keys.is_empty() || !shared.hives.is_empty(),
        has_no_common_key: shared.keys.is_empty() && !a.keys.is_empty() && !b.keys.is_empty(),
    };
    let (kind, confidence, statement) = signs.kinship();
    if kind == Kinship::SameMachine && host == Sign::Same && installed == Sign::Other {
        reasons.push("An upgrade in place moves the installation date.".to_owned());
    }
    Relation { kind, confidence: confidence.to_owned(), statement: statement.to_owned(), reasons }
}

/// Whether one machine's GUID stands in the registry history of the other, or was its own before.
fn link(a: &Seen<'_>, b: &Seen<'_>) -> Option<String> {
    let (of_a, of_b) = (a.guid()?, b.guid()?);
    if of_a == of_b {
        return None;
    }
    if b.own.contains(&of_a) {
        return Some(format!("The MachineGuid of A, {of_a}, is an earlier one of B's registry."));
    }
    a.own.contains(&of_b).then(|| format!("The MachineGuid of B, {of_b}, is an earlier one of A's registry."))
}

/// Whether most keys of the smaller set stand in both, three at least: a few can be imported, a whole set comes with a disk.
fn most_keys_are_shared(a: &Seen<'_>, b: &Seen<'_>, shared: &Shared<'_>) -> bool {
    let smaller = a.keys.len().min(b.keys.len());
    // Keys that the operating system makes for itself are never imported on purpose.
    let systems_own = shared.keys.iter().any(|key| {
        let rows = a.keys.get(key).into_iter().flatten();
        rows.filter_map(|row| row.name.as_deref()).any(|name| name == "TSSecKeySet1")
    });
    systems_own && is_most(shared.keys.len(), smaller)
}

/// Whether so many shared keys are most of the smaller set, three at least.
pub(crate) fn is_most(shared: usize, smaller: usize) -> bool {
    shared >= 3 && shared * 2 > smaller
}

fn reasons(a: &Seen<'_>, b: &Seen<'_>, shared: &Shared<'_>, signs: [Sign; 3]) -> Vec<String> {
    let facts = |seen: &Seen<'_>| {
        let machine = &seen.report.machine;
        let guid = machine.machine_guid.as_ref().map(|guid| guid.value.clone());
        [machine.hostname.clone(), guid, machine.installed.clone()]
    };
    let names = ["host name", "MachineGuid", "installation date"];
    let mut reasons = Vec::new();
    for (((what, in_a), in_b), sign) in names.into_iter().zip(facts(a)).zip(facts(b)).zip(signs) {
        reasons.push(match ((in_a, in_b), sign) {
            ((Some(a), _), Sign::Same) => format!("The {what} is the same: {a}."),
            ((Some(a), Some(b)), _) => format!("The {what} is {a} in A and {b} in B."),
            ((Some(a), None), _) => format!("The {what} is {a} in A and not in the evidence of B."),
            ((None, Some(b)), _) => format!("The {what} is {b} in B and not in the evidence of A."),
            ((None, None), _) => format!("The {what} is in neither evidence."),
        });
    }
    if !shared.hives.is_empty() {
        let hives: Vec<&str> = shared.hives.iter().copied().collect();
        reasons.push(format!("Files with the same bytes in both: {}.", hives.join(", ")));
    }
    if !shared.keys.is_empty() {
        reasons.push(format!(
            "{} of the {} private keys of A and of the {} of B stand in both.",
            shared.keys.len(),
            a.keys.len(),
            b.keys.len()
        ));
    } else if !a.keys.is_empty() && !b.keys.is_empty() {
        reasons.push("No private key stands in both.".to_owned());
    }
    if !shared.master_keys.is_empty() {
        reasons.push(format!(
            "The DPAPI master key {} lies in both.",
            shared.master_keys.iter().copied().collect::<Vec<_>>().join(", ")
        ));
    }
    reasons
}
