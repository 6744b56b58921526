//! Rows about what was proved.

use std::collections::BTreeSet;

use super::build::Ids;
use super::{ConfigCopyRow, DpapiRow, MasterKeyRow, ProtectionRow};
use crate::machine::facts::{Config, Inside, Pair};
use crate::machine::{KeyProof, Known, Machine, MasterKeyState, SecretAge, WrapKind};
use crate::rules::{self, Fit};

/// The protection of a container's private keys, of several pairs the worst.
pub(super) fn protection(machine: &Machine<'_>, pairs: &[Pair]) -> Option<ProtectionRow> {
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts.dedup();
        texts
    };
    let master_keys = sorted(pairs.iter().filter_map(|pair| pair.master_key.clone()).collect());
    if master_keys.is_empty() {
        return None;
    }
    let known = &machine.facts.protection;
    let has =
        |guid: &String| known.master_keys.iter().any(|key| key.guid.as_str().eq_ignore_ascii_case(guid));
    let worst = pairs.iter().map(|pair| &pair.proof).max_by_key(|proof| badness(proof))?;
    let opened = || {
        pairs.iter().filter_map(|pair| match &pair.proof {
            KeyProof::Opened { agrees, exportable, .. } => Some((*agrees, *exportable)),
            _ => None,
        })
    };
    Some(ProtectionRow {
        master_keys_in_evidence: (!known.folders.is_empty()).then(|| master_keys.iter().all(has)),
        master_keys,
        algorithms: sorted(pairs.iter().filter_map(|pair| pair.protection.clone()).collect()),
        proof: word(worst).to_owned(),
        reason: reason(worst),
        verified: opened().map(|(agrees, _)| agrees).reduce(|a, b| a && b),
        exportable: opened().filter_map(|(_, exportable)| exportable).reduce(|a, b| a && b),
    })
}

fn badness(proof: &KeyProof) -> u8 {
    match proof {
        KeyProof::Opened { age: SecretAge::Current, .. } => 0,
        KeyProof::Opened { age: SecretAge::Previous, .. } => 1,
        KeyProof::NotTried | KeyProof::Lacks(_) => 2,
        KeyProof::Unsupported(_) => 3,
        KeyProof::MasterKeyDamaged(_) => 4,
        KeyProof::MasterKeyMissing => 5,
        KeyProof::WrongMasterKey => 6,
        KeyProof::Neither => 7,
    }
}

fn word(proof: &KeyProof) -> &'static str {
    match proof {
        KeyProof::Opened { age: SecretAge::Current, .. } => "opened-with-current-secret",
        KeyProof::Opened { age: SecretAge::Previous, .. } => "opened-with-previous-secret",
        KeyProof::NotTried | KeyProof::Lacks(_) => "not-attempted",
        KeyProof::Unsupported(_) => "unsupported",
        KeyProof::MasterKeyDamaged(_) => "master-key-damaged",
        KeyProof::MasterKeyMissing => "master-key-missing",
        KeyProof::WrongMasterKey => "wrong-master-key",
        KeyProof::Neither => "neither-secret",
    }
}

fn reason(proof: &KeyProof) -> Option<String> {
    match proof {
        KeyProof::NotTried => {
            Some("the container is not one that is followed; --prove-all tries it".to_owned())
        }
        KeyProof::Lacks(need) => Some(format!("{} not collected", need.subject())),
        KeyProof::Unsupported(what) | KeyProof::MasterKeyDamaged(what) => Some(what.clone()),
        _ => None,
    }
}

/// What a container's private key opens, in words.
pub(super) fn opens(machine: &Machine<'_>, inside: &Inside) -> Vec<String> {
    let facts = machine.facts;
    let mut words = Vec::new();
    let mut copies = BTreeSet::new();
    for &at in &inside.opens.wraps {
        let Some(wrap) = facts.wraps.get(at) else { continue };
        let users = |config: &Config| -> Vec<String> {
            config
                .providers
                .iter()
                .filter(|provider| provider.wrap == Some(at))
                .map(|provider| provider.name.clone())
                .collect()
        };
        match wrap.kind {
            WrapKind::Direct => {
                let live = facts.config.value().map(users).unwrap_or_default();
                words.extend(live.iter().map(|name| format!("the values of {name}")));
            }
            WrapKind::SessionKey => {
                let live = facts.config.value().map(users).unwrap_or_default();
                words.extend(live.iter().map(|name| format!("the session key of {name}")));
                copies.extend(
                    facts
                        .copies
                        .iter()
                        .filter(|copy| copy.content.as_ref().is_ok_and(|config| !users(config).is_empty()))
                        .map(|copy| copy.file),
                );
            }
            WrapKind::Metabase => {
                let of = facts.metabases.iter().filter(|metabase| metabase.wrap == Some(at));
                words.extend(of.map(|metabase| format!("the session key of {}", metabase.name)));
            }
            WrapKind::AspNet => words.push("an encrypted section of ASP.NET".to_owned()),
            WrapKind::CentralStore => words.push("a password of the central certificate store".to_owned()),
        }
    }
    words.sort();
    words.dedup();
    match copies.len() {
        0 => {}
        1 => words.push("session keys of 1 copy of the configuration".to_owned()),
        number => words.push(format!("session keys of {number} copies of the configuration")),
    }
    words
}

/// The copies of the configuration.
pub(super) fn config_copies(machine: &Machine<'_>, ids: &Ids) -> Vec<ConfigCopyRow> {
    let copies = machine.facts.copies.iter();
    let rows = copies.map(|copy| {
        let config = copy.content.as_ref().ok();
        let fits = config.map(|config| {
            let wraps = config.providers.iter().filter_map(|provider| Some((provider, provider.wrap?)));
            let fit =
                |wrap, container: &str| rules::live_fit(machine, wrap, container).unwrap_or(Fit::Unknown);
            wraps.map(|(provider, wrap)| fit(wrap, &provider.container)).max()
        });
        ConfigCopyRow {
            kind: copy.kind.word().to_owned(),
            name: copy.name.clone(),
            path: copy.windows_path.clone(),
            evidence: ids.get(copy.file),
            written: copy.written.map(|time| time.to_string()),
            fit: match fits {
                None => "unreadable",
                Some(None) => "no-session-key",
                Some(Some(fit)) => fit.word(),
            }
            .to_owned(),
            sites: config.map_or(0, |config| config.sites.len() as u64),
            app_pools: config.map_or(0, |config| config.app_pools.len() as u64),
            values: config.map_or(0, |config| config.uses.values().map(|used| used.values).sum()),
        }
    });
    rows.collect()
}

/// The machine's DPAPI secret, as far as the evidence tells anything of it.
pub(super) fn dpapi(machine: &Machine<'_>, ids: &Ids) -> Option<DpapiRow> {
    let protection = &machine.facts.protection;
    if matches!(protection.secret, Known::NotInEvidence(_)) && protection.folders.is_empty() {
        return None;
    }
    let secret = protection.secret.value();
    let tried = protection.master_keys.iter().filter_map(|key| {
        let opened = match &key.state {
            MasterKeyState::NotTried => return None,
            MasterKeyState::Opened(SecretAge::Current) => "current-secret",
            MasterKeyState::Opened(SecretAge::Previous) => "previous-secret",
            MasterKeyState::Neither => "neither",
            MasterKeyState::Damaged(_) => "damaged",
        };
        Some(MasterKeyRow {
            guid: key.guid.to_string(),
            evidence: ids.get(key.file),
            preferred: key.is_preferred,
            opened: opened.to_owned(),
        })
    });
    let mut tried: Vec<MasterKeyRow> = tried.collect();
    tried.sort_by(|a, b| (&a.guid, &a.evidence).cmp(&(&b.guid, &b.evidence)));
    Some(DpapiRow {
        boot_key: state(&protection.boot_key),
        secret: state(&protection.secret),
        current_since: secret.and_then(|secret| secret.current_since).map(|time| time.to_string()),
        previous_since: secret.and_then(|secret| secret.previous_since).map(|time| time.to_string()),
        has_previous: secret.map(|secret| secret.has_previous && !secret.is_unchanged),
        master_keys: protection.master_keys.len() as u64,
        tried,
    })
}

fn state<T>(known: &Known<T>) -> String {
    match known {
        Known::Read(_) => "read".to_owned(),
        Known::Absent(_) => "absent".to_owned(),
        Known::NotInEvidence(need) => format!("{} not collected", need.subject()),
        Known::Unreadable { why, .. } => why.clone(),
    }
}
