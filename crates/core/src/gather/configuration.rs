//! The live configuration as facts.

use std::collections::BTreeMap;

use crate::artifact::config::{
    ApplicationHost, Provider as Declared, ProviderKind as Kind, Schema, SessionKey,
};
use crate::machine::facts::{Config, Provider, ProviderKind, ProviderUse};
use crate::machine::{Citation, FileId, Locator};

/// Pools and sites named for one provider; more are counted by the configuration itself.
const USERS: usize = 20;

/// What a configuration file says about encryption.
pub(super) fn config(parsed: &ApplicationHost, file: FileId) -> Config {
    let providers = parsed.providers.iter().map(|declared| provider(declared, file)).collect();
    let uses = parsed
        .uses
        .iter()
        .map(|(name, used)| {
            let first = parsed
                .values
                .iter()
                .find(|value| value.provider == *name && value.payload_len != Some(0))
                .map(|value| Citation::new(file, Locator::XPath(value.xpath.as_str().into())));
            let dependents = parsed.dependents(name);
            let pools = dependents.pools.iter().map(|pool| format!("application pool {pool}"));
            let sites = dependents.sites.iter().map(|site| format!("site {site}"));
            (
                name.clone(),
                ProviderUse {
                    values: used.values,
                    empty: used.empty,
                    first,
                    groups: BTreeMap::new(),
                    users: pools.chain(sites).take(USERS).collect(),
                },
            )
        })
        .collect();
    Config {
        file,
        providers,
        uses,
        app_pools: parsed.app_pools.iter().map(|pool| pool.name.clone()).collect(),
        sites: parsed.sites.iter().map(|site| site.name.clone()).collect(),
        bindings: Vec::new(),
        clear_values: 0,
    }
}

fn provider(declared: &Declared, file: FileId) -> Provider {
    let bits = match &declared.session_key {
        Some(SessionKey::Wrapped(header)) => Some(header.rsa_bits),
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
        container: declared.key_container_name.clone().unwrap_or_default(),
        // The machine's store is the default of these providers.
        machine_container: declared.use_machine_container.unwrap_or(true),
        session_key_bits: bits,
        wrap: None,
        has_session_key: matches!(&declared.session_key, Some(key) if *key != SessionKey::Empty),
        citation: Citation::new(file, Locator::XPath(declared.xpath.as_str().into())),
    }
}

/// The providers that new values would use, with the number of attributes.
pub(super) fn defaults(schema: &Schema) -> BTreeMap<String, u64> {
    schema.providers().into_iter().map(|(name, number)| (name.to_owned(), number)).collect()
}
