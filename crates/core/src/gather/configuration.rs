//! The live configuration as facts.

use std::collections::BTreeMap;

use super::prover::Prover;
use crate::artifact::config::{
    ApplicationHost, CngPayload, EncryptedValue, Provider as Declared, ProviderKind as Kind, Schema,
    SessionKey,
};
use crate::machine::facts::{Config, Facts, Provider, ProviderKind, ProviderUse};
use crate::machine::{Citation, FileId, Locator};
use crate::proof::session::Padding;

/// Pools and sites named for one provider; more are counted by the configuration itself.
const USERS: usize = 20;

/// Which file a configuration is: only the live one's values are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Live,
    Copy,
}

/// What a configuration file says about encryption; what it keeps locked goes to the prover.
pub(super) fn config(
    facts: &mut Facts,
    prover: &mut Prover,
    parsed: &ApplicationHost,
    file: FileId,
    part: Part,
) -> Config {
    let providers = parsed
        .providers
        .iter()
        .map(|declared| provider(facts, prover, parsed, declared, file, part))
        .collect();
    let cite = |value: &EncryptedValue| Citation::new(file, Locator::XPath(value.xpath.as_str().into()));
    let uses = parsed
        .uses
        .iter()
        .map(|(name, used)| {
            let mut values =
                parsed.values.iter().filter(|value| value.provider == *name && value.payload_len != Some(0));
            let dependents = parsed.dependents(name);
            let pools = dependents.pools.iter().map(|pool| format!("application pool {pool}"));
            let sites = dependents.sites.iter().map(|site| format!("site {site}"));
            let is_cng = parsed.provider(name).is_some_and(|provider| provider.kind == Kind::Cng);
            let mut groups: BTreeMap<[u8; 32], (u64, Citation)> = BTreeMap::new();
            for value in values.clone().filter(|_| is_cng && part == Part::Live) {
                if let Ok(payload) = CngPayload::parse(&value.payload) {
                    groups.entry(*payload.group()).or_insert_with(|| (0, cite(value))).0 += 1;
                }
            }
            (
                name.clone(),
                ProviderUse {
                    values: used.values,
                    empty: used.empty,
                    first: values.next().map(cite),
                    groups,
                    users: pools.chain(sites).take(USERS).collect(),
                },
            )
        })
        .collect();
    let bindings = parsed
        .sites
        .iter()
        .flat_map(|site| site.binding_list.iter().map(|binding| format!("{} {binding}", site.name)));
    Config {
        file,
        providers,
        uses,
        app_pools: parsed.app_pools.iter().map(|pool| pool.name.clone()).collect(),
        sites: parsed.sites.iter().map(|site| site.name.clone()).collect(),
        bindings: bindings.collect(),
        clear_values: parsed.plain_values,
    }
}

fn provider(
    facts: &mut Facts,
    prover: &mut Prover,
    parsed: &ApplicationHost,
    declared: &Declared,
    file: FileId,
    part: Part,
) -> Provider {
    let bits = match &declared.session_key {
        Some(SessionKey::Wrapped(header)) => Some(header.rsa_bits),
        _ => None,
    };
    let container = declared.key_container_name.clone().unwrap_or_default();
    // The machine's store is the default of these providers.
    let machine_container = declared.use_machine_container.unwrap_or(true);
    let of_provider = parsed.values.iter().filter(|value| value.provider == declared.name);
    let values = of_provider.filter(|value| part == Part::Live && !value.payload.is_empty()).map(|value| {
        let citation = Citation::new(file, Locator::XPath(value.xpath.as_str().into()));
        (value.payload.clone(), citation)
    });
    let padding = Padding::of_provider(declared.use_oaep);
    let wrap = match &declared.wrapped_key {
        _ if !machine_container => None,
        Some(Ok(key)) => prover.add_session_key(facts, &container, key, padding, values.collect()),
        _ if declared.kind == Kind::Rsa => prover.add_direct(facts, &container, padding, values.collect()),
        _ => None,
    };
    Provider {
        name: declared.name.clone(),
        kind: match declared.kind {
            Kind::Rsa => ProviderKind::Rsa,
            Kind::Aes => ProviderKind::Aes,
            Kind::Cng => ProviderKind::Cng,
            Kind::Unknown => ProviderKind::Unknown,
        },
        container,
        machine_container,
        session_key_bits: bits,
        wrap,
        has_session_key: matches!(&declared.session_key, Some(key) if *key != SessionKey::Empty),
        citation: Citation::new(file, Locator::XPath(declared.xpath.as_str().into())),
    }
}

/// The providers that new values would use, with the number of attributes.
pub(super) fn defaults(schema: &Schema) -> BTreeMap<String, u64> {
    schema.providers().into_iter().map(|(name, number)| (name.to_owned(), number)).collect()
}
