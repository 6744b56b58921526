//! What several machines share: one MachineGuid, private key, master key or session key in more than one.
//!
//! Only what identifies is kept of each case, so the reports themselves need not stay in memory. Everything is joined by
//! digest or GUID, in time proportional to what is kept.
//!
//! ```
//! use iiskeys_core::Report;
//! use iiskeys_core::across::{Identity, join};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut cases = Vec::new();
//! for case in ["healthy-server2012r2", "server2012r2-sysprepped-clone"] {
//!     let report = Report::from_json(&std::fs::read(format!("../../fixtures/{case}/expected.json"))?)?;
//!     cases.push((case.to_owned(), Identity::of(&report)));
//! }
//! for finding in join(&cases, 0).findings {
//!     println!("{}: {}", finding.title, finding.explanation);
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::{Kinship, Sign, Signs, Tokens, is_most, moduli, second, sign, without_tokens};
use crate::report::{Level, Report};

/// Keys of one case that are kept. A report lists a folder of more containers one by one only where they matter.
const MOST_KEYS: usize = 2_000;
/// Keys that one finding names.
const MOST_NAMED: usize = 50;

/// What identifies one case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    host: Option<String>,
    installed: Option<String>,
    guid: Option<String>,
    /// GUIDs that the registry holds or held.
    own: BTreeSet<String>,
    /// Hives by kind and digest.
    hives: BTreeSet<(String, String)>,
    /// Containers by the SHA-256 of a modulus: name, file, GUID of the file.
    keys: BTreeMap<String, Vec<Key>>,
    master_keys: BTreeSet<String>,
    /// Providers by the SHA-256 of their wrapped session key.
    session_keys: BTreeMap<String, BTreeSet<String>>,
    left_out: u64,
    /// What is left of it without names that were replaced by tokens, where some were.
    clear: Option<Box<Self>>,
    /// The map of those tokens.
    map: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    name: Option<String>,
    id: String,
    guid: Option<String>,
    is_well_known: bool,
}

impl Identity {
    /// Takes from a report what identifies its machine.
    pub fn of(report: &Report) -> Self {
        let mut identity = Self::as_named(report);
        if !report.redaction_tokens.is_empty() {
            identity.map.clone_from(&report.redaction_map);
            let clear = without_tokens(report, &Tokens::of(&[report]));
            identity.clear = Some(Box::new(Self::as_named(&clear)));
        }
        identity
    }

    fn as_named(report: &Report) -> Self {
        let machine = &report.machine;
        let mut identity = Self {
            host: machine.hostname.as_ref().map(|name| name.to_uppercase()),
            installed: machine.installed.clone(),
            guid: machine.machine_guid.as_ref().map(|guid| guid.value.to_lowercase()),
            ..Self::default()
        };
        let census = report.guid_census.iter().filter(|row| row.is_current || row.in_registry);
        identity.own = census.map(|row| row.guid.to_lowercase()).chain(identity.guid.clone()).collect();
        let hives = report.evidence.iter().filter(|row| row.kind.ends_with("-hive"));
        identity.hives = hives.filter_map(|row| Some((row.kind.clone(), row.sha256.clone()?))).collect();
        for row in &report.key_containers {
            // An empty container has no key to tell it by.
            for modulus in moduli(row) {
                if identity.keys.len() >= MOST_KEYS && !identity.keys.contains_key(modulus) {
                    identity.left_out += 1;
                    continue;
                }
                identity.keys.entry(modulus.to_owned()).or_default().push(Key {
                    name: row.well_known.clone().or_else(|| row.name.clone()),
                    id: row.id.clone(),
                    guid: row.guid.as_ref().map(|guid| guid.to_lowercase()),
                    is_well_known: row.well_known.is_some(),
                });
            }
        }
        let tried = report.dpapi.iter().flat_map(|dpapi| &dpapi.tried);
        identity.master_keys = tried.map(|row| row.guid.to_lowercase()).collect();
        for provider in report.config.iter().flat_map(|config| &config.providers) {
            if let Some(digest) = &provider.session_key_sha256 {
                identity.session_keys.entry(digest.clone()).or_default().insert(provider.name.clone());
            }
        }
        identity
    }

    /// Whether `compare` takes both for one machine.
    fn is_of_one_machine_with(&self, other: &Self) -> bool {
        let date = |of: &Self| of.installed.as_deref().and_then(second).map(str::to_owned);
        let shared: Vec<&String> = self.keys.keys().filter(|key| other.keys.contains_key(*key)).collect();
        // Keys that the operating system makes for itself are never imported on purpose.
        let is_systems = |key: &&String| {
            let rows = self.keys.get(*key).into_iter().flatten();
            rows.filter_map(|key| key.name.as_deref()).any(|name| name == "TSSecKeySet1")
        };
        let is_one_secret =
            !self.hives.is_disjoint(&other.hives) || !self.master_keys.is_disjoint(&other.master_keys);
        let is_earlier =
            |guid: &Option<String>, of: &Self| guid.as_ref().is_some_and(|it| of.own.contains(it));
        let signs = Signs {
            host: sign(self.host.as_ref(), other.host.as_ref()),
            guid: sign(self.guid.as_ref(), other.guid.as_ref()),
            installed: sign(date(self), date(other)),
            is_linked: self.guid != other.guid
                && self.guid.is_some()
                && other.guid.is_some()
                && (is_earlier(&self.guid, other) || is_earlier(&other.guid, self)),
            is_one_disk: is_one_secret
                || is_most(shared.len(), self.keys.len().min(other.keys.len()))
                    && shared.iter().any(is_systems),
            is_one_secret,
            has_no_common_key: shared.is_empty() && !self.keys.is_empty() && !other.keys.is_empty(),
        };
        signs.host != Sign::Other && signs.kinship().0 == Kinship::SameMachine
    }
}

/// What several cases show together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Across {
    /// Cases that were diagnosed.
    pub cases: u64,
    /// Cases that could not be diagnosed, and so were compared with none.
    pub failed: u64,
    /// What is shared, by kind and subject.
    pub findings: Vec<AcrossRow>,
    /// What was not compared, one sentence each.
    pub limits: Vec<String>,
}

/// Something that several cases share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AcrossRow {
    /// `same-machine`, `machine-guid`, `master-key`, `private-key` or `session-key`.
    pub kind: String,
    /// How bad.
    pub severity: Level,
    /// One line.
    pub title: String,
    /// What it means.
    pub explanation: String,
    /// What to do.
    pub advice: String,
    /// GUIDs, digests or names of what is shared, sorted; the first ones of many.
    pub subjects: Vec<String>,
    /// The cases that share it, in their order.
    pub cases: Vec<AcrossCase>,
}

/// One of the cases that share something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AcrossCase {
    /// The case.
    pub case: String,
    /// Host name, where it is in evidence.
    pub hostname: Option<String>,
    /// Where it stands there: files, providers; the first ones of many.
    pub places: Vec<String>,
}

/// Joins the cases. Their order does not change what is found, only the order in which cases are named.
pub fn join(cases: &[(String, Identity)], failed: u64) -> Across {
    let maps: BTreeSet<_> = cases.iter().map(|(_, it)| it.clear.as_ref().map(|_| &it.map)).collect();
    let is_one_map = maps.len() <= 1 && !maps.contains(&Some(&None));
    let clear = |(name, it): &(String, Identity)| (name.clone(), it.clear.as_deref().unwrap_or(it).clone());
    let cleared: Vec<_> = if is_one_map { Vec::new() } else { cases.iter().map(clear).collect() };
    let redacted = cases.iter().filter(|(_, it)| it.clear.is_some() && !is_one_map).map(|(name, _)| {
        format!(
            "Names in {name} were replaced and are compared with none; replace them in all cases with one map (--pseudonymize MAP)."
        )
    });
    let redacted: Vec<String> = redacted.collect();
    let cases = if is_one_map { cases } else { &cleared };
    let machines = machines(cases);
    let mut findings = Vec::new();
    same_machine(cases, &machines, &mut findings);
    shared(cases, &machines, &Kind::MACHINE_GUID, |it| it.guid.iter().cloned().collect(), &mut findings);
    shared(cases, &machines, &Kind::MASTER_KEY, |it| it.master_keys.iter().cloned().collect(), &mut findings);
    shared(cases, &machines, &Kind::PRIVATE_KEY, |it| it.keys.keys().cloned().collect(), &mut findings);
    shared(
        cases,
        &machines,
        &Kind::SESSION_KEY,
        |it| it.session_keys.keys().cloned().collect(),
        &mut findings,
    );
    let limits = cases.iter().filter(|(_, identity)| identity.left_out > 0).map(|(name, identity)| {
        format!("{} keys of {name} are beyond the {MOST_KEYS} that are compared.", identity.left_out)
    });
    Across {
        cases: cases.len() as u64,
        failed,
        findings,
        limits: redacted.into_iter().chain(limits).collect(),
    }
}

/// For each case the first case of the same machine.
fn machines(cases: &[(String, Identity)]) -> Vec<usize> {
    // Without a common host name, GUID or date nothing says that two are one.
    let mut known: BTreeMap<(u8, &str), Vec<usize>> = BTreeMap::new();
    let mut machines: Vec<usize> = (0..cases.len()).collect();
    for (at, (_, identity)) in cases.iter().enumerate() {
        let date = identity.installed.as_deref().and_then(second);
        let names = [identity.host.as_deref(), identity.guid.as_deref(), date];
        let names = || (0..).zip(names).filter_map(|(kind, name)| Some((kind, name?)));
        let earlier: BTreeSet<usize> =
            names().filter_map(|name| known.get(&name)).flatten().copied().collect();
        let same = earlier.into_iter().find(|earlier| {
            cases.get(*earlier).is_some_and(|(_, other)| other.is_of_one_machine_with(identity))
        });
        let first = same.and_then(|earlier| machines.get(earlier).copied());
        if let (Some(first), Some(slot)) = (first, machines.get_mut(at)) {
            *slot = first;
        }
        for name in names() {
            let cases = known.entry(name).or_default();
            // What an image gave to very many machines: the first few tell them apart.
            if cases.len() < 16 {
                cases.push(at);
            }
        }
    }
    machines
}

fn same_machine(cases: &[(String, Identity)], machines: &[usize], findings: &mut Vec<AcrossRow>) {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, machine) in machines.iter().enumerate() {
        groups.entry(*machine).or_default().push(at);
    }
    for group in groups.into_values().filter(|group| group.len() > 1) {
        let host = group.first().and_then(|at| cases.get(*at)?.1.host.clone()).unwrap_or_default();
        findings.push(AcrossRow {
            kind: "same-machine".to_owned(),
            severity: Level::Note,
            title: format!(
                "{} cases are of one machine{}",
                group.len(),
                if host.is_empty() { String::new() } else { format!(", {host}") }
            ),
            explanation: "Host name, MachineGuid, installation date and keys say so as far as they are in evidence. What these cases \
                          share is no finding."
                .to_owned(),
            advice: "Compare them with each other: iiskeys compare A B.".to_owned(),
            subjects: Some(host).into_iter().filter(|host| !host.is_empty()).collect(),
            cases: group.into_iter().filter_map(|at| case(cases, at, Vec::new())).collect(),
        });
    }
}

fn case(cases: &[(String, Identity)], at: usize, places: Vec<String>) -> Option<AcrossCase> {
    let (name, identity) = cases.get(at)?;
    Some(AcrossCase { case: name.clone(), hostname: identity.host.clone(), places })
}

/// A kind of thing that is shared, with its words.
struct Kind {
    name: &'static str,
    title: &'static str,
    explanation: &'static str,
    advice: &'static str,
    severity: Level,
}

impl Kind {
    const MACHINE_GUID: Self = Self {
        name: "machine-guid",
        title: "One MachineGuid on several machines",
        explanation: "Windows makes this value at random, so the machines were cloned without sysprep, or the value was copied by hand. \
                      By itself it breaks no key; it means that key files of one machine are found by the others.",
        advice: "Leave it as it is where keys work: a new value loses every container. Generalise images with sysprep before they are \
                 cloned the next time.",
        severity: Level::Note,
    };
    const MASTER_KEY: Self = Self {
        name: "master-key",
        title: "One DPAPI master key on several machines",
        explanation: "Windows never shares a machine's master key, so these machines come from one disk. Where the clone was not \
                      generalised, each of them opens the private keys of the others.",
        advice: "Find out which one is the source (iiskeys compare). On the others, replace certificates and keys that shall not be \
                 shared, and generalise images before they are cloned.",
        severity: Level::Warning,
    };
    const PRIVATE_KEY: Self = Self {
        name: "private-key",
        title: "One private key on several machines",
        explanation: "The same key stands in container files of several machines. Nodes of a farm import keys on purpose (aspnet_regiis \
                      -pi, shared configuration, a PFX on each node); otherwise the machines were cloned, or files were copied.",
        advice: "Where it is a farm, nothing. Otherwise whoever holds one of these machines has the keys of the others: replace them, \
                 and give each machine its own.",
        severity: Level::Warning,
    };
    const FARM_KEY: Self = Self {
        name: "private-key",
        title: "One private key on several machines, each under its own GUID",
        explanation: "The same key stands in container files that carry the GUID of the machine that they stand on. Imports look like \
                      this (aspnet_regiis -pi, shared configuration, a PFX on each node), and nodes of a farm need it.",
        advice: "Nothing, where the machines are nodes of one farm. Otherwise find out who imported the key.",
        severity: Level::Note,
    };
    const SESSION_KEY: Self = Self {
        name: "session-key",
        title: "One session key in the configuration of several machines",
        explanation: "The wrapped session keys are the same bytes, so the configuration was shared or copied. It works on machines that \
                      hold the private key as well, and on no other.",
        advice: "See in each report whether the session key opens there. Where it does not, import the keys or bring back the machine's \
                 own configuration.",
        severity: Level::Note,
    };
}

/// Things that stand on several machines, one finding for each set of cases that shares some.
fn shared(
    cases: &[(String, Identity)],
    machines: &[usize],
    kind: &Kind,
    things: impl Fn(&Identity) -> Vec<String>,
    findings: &mut Vec<AcrossRow>,
) {
    let mut holders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, (_, identity)) in cases.iter().enumerate() {
        for thing in things(identity) {
            holders.entry(thing).or_default().push(at);
        }
    }
    let several = |group: &[usize]| {
        let machines: BTreeSet<_> = group.iter().filter_map(|at| machines.get(*at)).collect();
        machines.len() > 1
    };
    // A clone shares many keys with its source, which is one finding; imported ones are another.
    let mut groups: BTreeMap<(Vec<usize>, bool), Vec<String>> = BTreeMap::new();
    for (thing, group) in holders.into_iter().filter(|(_, group)| several(group)) {
        let at_home = kind.name == Kind::PRIVATE_KEY.name && is_at_home(cases, &group, &thing);
        groups.entry((group, at_home)).or_default().push(thing);
    }
    for ((group, at_home), mut subjects) in groups {
        let kind = if at_home { &Kind::FARM_KEY } else { kind };
        let rows =
            group.iter().filter_map(|at| case(cases, *at, places(cases, *at, kind, &subjects))).collect();
        let number = if subjects.len() > 1 { format!(" ({})", subjects.len()) } else { String::new() };
        subjects.truncate(MOST_NAMED);
        findings.push(AcrossRow {
            kind: kind.name.to_owned(),
            severity: kind.severity,
            title: format!("{}{number}", kind.title),
            explanation: kind.explanation.to_owned(),
            advice: kind.advice.to_owned(),
            subjects,
            cases: rows,
        });
    }
}

/// Whether every file with that key carries the GUID of the machine that it stands on, and those differ.
fn is_at_home(cases: &[(String, Identity)], group: &[usize], key: &str) -> bool {
    let holders = || group.iter().filter_map(|at| cases.get(*at)).map(|(_, identity)| identity);
    let guids: BTreeSet<_> = holders().map(|identity| &identity.guid).collect();
    guids.len() > 1
        && holders().all(|identity| {
            let files = identity.keys.get(key);
            identity.guid.is_some()
                && files.is_some_and(|files| files.iter().all(|file| file.guid == identity.guid))
        })
}

fn places(cases: &[(String, Identity)], at: usize, kind: &Kind, subjects: &[String]) -> Vec<String> {
    let Some((_, identity)) = cases.get(at) else { return Vec::new() };
    let mut places: Vec<(bool, String)> = Vec::new();
    for subject in subjects {
        if kind.name == Kind::PRIVATE_KEY.name {
            let keys = identity.keys.get(subject).into_iter().flatten();
            places.extend(keys.map(|key| {
                let name = key.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                (!key.is_well_known, format!("{name}{}", key.id))
            }));
        } else if kind.name == Kind::SESSION_KEY.name {
            let providers = identity.session_keys.get(subject).into_iter().flatten();
            places.extend(providers.map(|provider| (false, provider.clone())));
        }
    }
    // What everybody knows comes first.
    places.sort();
    places.dedup();
    places.into_iter().take(MOST_NAMED).map(|(_, place)| place).collect()
}
