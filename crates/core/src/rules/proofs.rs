//! What the rules about proofs have in common.

use super::support;
use super::{Cite, Judgement, Remedy, Severity};
use crate::artifact::container::{Family, Prefix};
use crate::machine::facts::{Config, Content, Inside, Provider};
use crate::machine::{
    Citation, ContainerSet, KeyProof, Known, Locator, Machine, Need, Protection, Standing, Store,
};

/// A container file with key pairs, seen from its protection.
pub(super) struct Guarded<'m> {
    /// Index into the facts' containers.
    pub index: usize,
    /// What it holds.
    pub inside: &'m Inside,
    /// How bad it is for this machine when the file cannot be opened.
    pub severity: Severity,
}

/// Every container that is followed for itself and holds key pairs.
pub(super) fn guarded<'m>(machine: &'m Machine<'_>) -> Vec<Guarded<'m>> {
    let mut found = Vec::new();
    for set in machine.sets.values() {
        let need = machine.need_of(set.store, set.prefix);
        for &index in &set.copies {
            let Content::Read(inside) = &machine.container(index).content else { continue };
            if inside.pairs.is_empty() {
                continue;
            }
            let in_use = match machine.standing(index) {
                Some(Standing::Current) | None => true,
                // The one that would have to come back.
                Some(Standing::OtherGuid) => {
                    machine.standing_copies(set, Standing::Current).is_empty()
                        && support::first_other(machine, set) == Some(index)
                }
                Some(_) => false,
            };
            let severity = if in_use { support::severity(need) } else { Severity::Note };
            found.push(Guarded { index, inside, severity });
        }
    }
    found
}

impl Guarded<'_> {
    /// The master keys that its blobs name, without repetition.
    pub fn master_keys(&self) -> Vec<&str> {
        let mut guids: Vec<&str> =
            self.inside.pairs.iter().filter_map(|pair| pair.master_key.as_deref()).collect();
        guids.sort_unstable();
        guids.dedup();
        guids
    }

    /// Whether the proof of any of its pairs came out like that.
    pub fn any(&self, wanted: impl Fn(&KeyProof) -> bool) -> bool {
        self.inside.pairs.iter().any(|pair| wanted(&pair.proof))
    }
}

/// Begins a rule about what opens with the machine's secrets: `Err` with the judgement when nothing can be opened.
pub(super) fn begin(machine: &Machine<'_>, examined: &str) -> Result<Judgement, Judgement> {
    let mut judgement = support::begin(machine, examined)?;
    support::require_contents(machine, &mut judgement);
    let is_known = require_secret(machine, &mut judgement);
    let is_there = require_protect(machine, &mut judgement);
    if !is_known || !is_there {
        return Err(judgement);
    }
    require_keys(machine, &mut judgement);
    require_tried(machine, &mut judgement);
    Ok(judgement)
}

/// Notes the needed containers in which no key pair is left: nothing can be told of their keys.
pub(super) fn require_keys(machine: &Machine<'_>, judgement: &mut Judgement) {
    for set in machine.sets.values().filter(|set| machine.need_of(set.store, set.prefix).is_some()) {
        for index in support::may_be_opened(machine, set) {
            let content = &machine.container(index).content;
            if matches!(content, Content::Read(inside) if inside.pairs.is_empty()) {
                let name = machine.display_name(index);
                judgement.gap(format!("{name} holds no key that could be tried"), Need::UndamagedCopy);
            }
        }
    }
}

/// Notes the private keys that matter and of which it is not known what opens them.
fn require_tried(machine: &Machine<'_>, judgement: &mut Judgement) {
    for guarded in guarded(machine).iter().filter(|guarded| guarded.severity > Severity::Note) {
        let name = machine.display_name(guarded.index);
        for pair in &guarded.inside.pairs {
            match &pair.proof {
                KeyProof::Opened { .. } | KeyProof::Neither | KeyProof::WrongMasterKey => {}
                KeyProof::MasterKeyMissing => judgement
                    .gap(format!("the master key of {name} is not there to be opened"), Need::Protect),
                KeyProof::MasterKeyDamaged(why) => {
                    judgement.gap(format!("the master key of {name} is damaged: {why}"), Need::UndamagedCopy);
                }
                KeyProof::Unsupported(what) => judgement.gap(format!("{name}: {what}"), Need::KeyProof),
                KeyProof::Lacks(need) => judgement.gap(format!("{name} was not tried"), *need),
                KeyProof::NotTried => {
                    judgement.gap(format!("{name} was not tried"), Need::UndamagedCopy);
                }
            }
        }
    }
}

/// Notes what keeps the DPAPI secret from being known; whether it is.
pub(super) fn require_secret(machine: &Machine<'_>, judgement: &mut Judgement) -> bool {
    let protection = &machine.facts.protection;
    if !protection.contradictions.is_empty() {
        judgement.gap(
            "SYSTEM and SECURITY do not belong together, so nothing that hangs on their secret can be told",
            Need::MatchingEvidence,
        );
        return false;
    }
    lacking(judgement, &protection.boot_key, "the boot key", Need::SystemHive);
    lacking(judgement, &protection.secret, "the secret DPAPI_SYSTEM", Need::SecurityHive);
    matches!((&protection.boot_key, &protection.secret), (Known::Read(_), Known::Read(_)))
}

fn lacking<T>(judgement: &mut Judgement, known: &Known<T>, what: &str, need: Need) {
    match known {
        Known::Read(_) => {}
        Known::Absent(_) => judgement.gap(format!("{what} is not in the hives in evidence"), need),
        Known::NotInEvidence(need) => {
            judgement.gap(format!("{} not collected, and {what} is in it", need.subject()), *need);
        }
        Known::Unreadable { why, .. } => judgement.gap(format!("{what} cannot be read: {why}"), need),
    }
}

/// Notes that LocalSystem's master keys were not collected; whether they were.
pub(super) fn require_protect(machine: &Machine<'_>, judgement: &mut Judgement) -> bool {
    let is_there = !machine.facts.protection.folders.is_empty();
    if !is_there {
        judgement.gap("LocalSystem's folder of master keys is not in evidence", Need::Protect);
    }
    is_there
}

/// The folders of master keys, as citations.
pub(super) fn cite_protect(protection: &Protection) -> Vec<Cite> {
    let rows = protection.folders.iter().map(|folder| Cite {
        citation: Citation::new(folder.file, Locator::File),
        observed: support::count(protection.master_keys.len() as u64, "master key"),
    });
    rows.collect()
}

/// The master key files of a container, as citations.
pub(super) fn cite_master_keys(machine: &Machine<'_>, guarded: &Guarded<'_>) -> Vec<Cite> {
    let names = guarded.master_keys();
    let files = machine.facts.protection.master_keys.iter();
    files
        .filter(|key| names.iter().any(|name| key.guid.as_str().eq_ignore_ascii_case(name)))
        .map(|key| Cite {
            citation: Citation::new(key.file, Locator::File),
            observed: format!("master key {}", key.guid.as_str()),
        })
        .collect()
}

/// The live configuration; `Err` with the judgement where there is none to judge.
pub(super) fn live_config<'m>(machine: &'m Machine<'_>, examined: &str) -> Result<&'m Config, Judgement> {
    if machine.iis_major().is_some_and(|major| major < 7) {
        return Err(Judgement::not_applicable("IIS before version 7 has no applicationHost.config"));
    }
    let mut judgement = Judgement::examined(examined);
    if let Some(shared) = machine.facts.shared.value().filter(|shared| shared.enabled) {
        judgement.gap(
            format!("shared configuration is in force, and the live file stands in {}", shared.path),
            Need::ApplicationHost,
        );
        return Err(judgement);
    }
    match &machine.facts.config {
        Known::Read(config) => return Ok(&config.value),
        Known::Unreadable { why, .. } => {
            judgement.gap(format!("applicationHost.config cannot be read: {why}"), Need::UndamagedCopy);
        }
        _ if machine.iis_installed() == Some(false) => {
            return Err(Judgement::not_applicable("no part of IIS is installed"));
        }
        _ => judgement.gap("applicationHost.config is not in evidence", Need::ApplicationHost),
    }
    Err(judgement)
}

/// The containers that a provider means, if any of that name is known.
pub(super) fn set_of<'m>(machine: &'m Machine<'_>, container: &str) -> Option<&'m ContainerSet> {
    let prefix = Prefix::of(Family::Capi, container)?;
    machine.sets.get(&(Store::RsaMachine, prefix))
}

/// How a wrapped key and a container stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The private key unwraps it.
    Opens,
    /// Only the sizes were compared, and they agree.
    SameSize,
    /// Nothing is known of the container's key.
    Unknown,
    /// The private key does not unwrap it.
    DoesNotOpen,
    /// The key has another size.
    OtherSize,
}

impl Fit {
    /// Whether they cannot belong together.
    pub fn is_wrong(self) -> bool {
        matches!(self, Self::DoesNotOpen | Self::OtherSize)
    }

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opens => "opens",
            Self::SameSize => "same-size",
            Self::Unknown => "unknown",
            Self::DoesNotOpen => "does-not-open",
            Self::OtherSize => "other-size",
        }
    }
}

/// How a wrapped key and a container file stand to each other.
pub(super) fn fit(machine: &Machine<'_>, wrap: usize, index: usize) -> Fit {
    let (Some(wrapped), Content::Read(inside)) =
        (machine.facts.wraps.get(wrap), &machine.container(index).content)
    else {
        return Fit::Unknown;
    };
    if inside.opens.wraps.contains(&wrap) {
        return Fit::Opens;
    }
    let exchange =
        inside.pairs.iter().find(|pair| !pair.signature && pair.algorithm == "RSA" && pair.bits > 0);
    // A container that a plan brings from elsewhere has a key that nobody has seen yet.
    match exchange.filter(|pair| pair.modulus_sha256.is_some()) {
        Some(pair) if pair.bits != wrapped.bits => Fit::OtherSize,
        Some(_) if inside.opens.not_wraps.contains(&wrap) => Fit::DoesNotOpen,
        Some(_) => Fit::SameSize,
        None => Fit::Unknown,
    }
}

/// How a wrapped key and the container that Windows opens under that name stand to each other.
pub(super) fn live_fit(machine: &Machine<'_>, wrap: usize, container: &str) -> Option<(usize, Fit)> {
    let set = set_of(machine, container)?;
    let copies = support::may_be_opened(machine, set).into_iter();
    copies.map(|index| (index, fit(machine, wrap, index))).min_by_key(|(_, fit)| *fit)
}

/// How many values with a payload use a provider.
pub(super) fn values_of(config: &Config, provider: &str) -> u64 {
    config.uses.get(provider).map_or(0, |used| used.values)
}

/// Providers of a machine container with a session key.
pub(super) fn wrapped(config: &Config) -> impl Iterator<Item = (&Provider, usize)> {
    config
        .providers
        .iter()
        .filter(|provider| provider.machine_container)
        .filter_map(|provider| Some((provider, provider.wrap?)))
}

/// Puts the newest copy of the configuration back that fits the containers, if there is one.
pub(super) fn restore(machine: &Machine<'_>) -> Option<Remedy> {
    super::config_backup_usable::usable(machine).last().map(|(at, ..)| Remedy::RestoreConfig { copy: *at })
}

/// What brings a container back that cannot be opened: a copy that was set aside, or the original from elsewhere.
pub(super) fn bring_back(machine: &Machine<'_>, guarded: &Guarded<'_>) -> Vec<Remedy> {
    let store = machine.folder_of(guarded.index).store;
    let prefix = machine.container(guarded.index).prefix;
    let Some(need) = prefix.and_then(|prefix| machine.need_of(store, prefix)) else { return Vec::new() };
    let Some(set) = machine.sets.get(&(need.store, need.prefix)) else { return Vec::new() };
    support::put_back(machine, set).chain([support::replace(need)]).collect()
}
