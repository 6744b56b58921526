//! What one copy of a configuration protects, small enough to compare many copies.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{ApplicationHost, ProviderUse};

/// A site in a [`ConfigDigest`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct SiteDigest {
    /// Its bindings as `protocol/information`.
    pub bindings: BTreeSet<String>,
    /// Application pools of its applications.
    pub pools: BTreeSet<String>,
}

/// What one copy of a configuration protects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ConfigDigest {
    /// Sites by name.
    pub sites: BTreeMap<String, SiteDigest>,
    /// Names of application pools.
    pub app_pools: BTreeSet<String>,
    /// Encrypted values by provider.
    pub uses: BTreeMap<String, ProviderUse>,
    /// Secrets in clear text.
    pub plain_values: u64,
    /// Sections that ASP.NET encrypted.
    pub encrypted_sections: usize,
    /// SHA-256 of the session key of every provider that has one.
    pub session_keys: BTreeMap<String, [u8; 32]>,
    /// Container of every provider.
    pub containers: BTreeMap<String, String>,
    /// Whether the live configuration is elsewhere.
    pub redirected: bool,
}

/// One difference between two copies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigChange {
    /// A provider has another session key.
    SessionKeyChanged(String),
    /// A provider has a session key that it did not have.
    SessionKeyAdded(String),
    /// A provider has lost its session key.
    SessionKeyRemoved(String),
    /// A provider opens another container.
    ContainerChanged(String),
    /// A site is new.
    SiteAdded(String),
    /// A site is gone.
    SiteRemoved(String),
    /// A site has other bindings or pools.
    SiteChanged(String),
    /// An application pool is new.
    PoolAdded(String),
    /// An application pool is gone.
    PoolRemoved(String),
}

impl ConfigDigest {
    /// The digest of a configuration. Of providers that are declared twice the first counts, as for values.
    pub fn of(config: &ApplicationHost) -> Self {
        let mut session_keys = BTreeMap::new();
        let mut containers = BTreeMap::new();
        for provider in config.providers.iter().rev() {
            session_keys.remove(&provider.name);
            if let Some(Ok(key)) = &provider.wrapped_key {
                session_keys.insert(provider.name.clone(), key.sha256());
            }
            if let Some(container) = &provider.key_container_name {
                containers.insert(provider.name.clone(), container.clone());
            }
        }
        let sites = config.sites.iter().map(|site| {
            let digest = SiteDigest { bindings: site.binding_list.clone(), pools: site.pools.clone() };
            (site.name.clone(), digest)
        });
        Self {
            sites: sites.collect(),
            app_pools: config.app_pools.iter().map(|pool| pool.name.clone()).collect(),
            uses: config.uses.clone(),
            plain_values: config.plain_values,
            encrypted_sections: config.encrypted_sections.len(),
            session_keys,
            containers,
            redirected: config.redirection.as_ref().is_some_and(|redirection| redirection.enabled),
        }
    }

    /// What is different in a later copy, session keys first.
    pub fn changes(&self, later: &Self) -> Vec<ConfigChange> {
        let mut changes = Vec::new();
        let (old, new) = (&self.session_keys, &later.session_keys);
        for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
            changes.extend(match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) if old != new => Some(ConfigChange::SessionKeyChanged(name.clone())),
                (Some(_), None) => Some(ConfigChange::SessionKeyRemoved(name.clone())),
                (None, Some(_)) => Some(ConfigChange::SessionKeyAdded(name.clone())),
                _ => None,
            });
        }
        for (name, container) in &self.containers {
            if later.containers.get(name).is_some_and(|other| other != container) {
                changes.push(ConfigChange::ContainerChanged(name.clone()));
            }
        }
        for (name, site) in &self.sites {
            match later.sites.get(name) {
                None => changes.push(ConfigChange::SiteRemoved(name.clone())),
                Some(other) if other != site => changes.push(ConfigChange::SiteChanged(name.clone())),
                Some(_) => {}
            }
        }
        let new_sites = later.sites.keys().filter(|name| !self.sites.contains_key(*name));
        changes.extend(new_sites.cloned().map(ConfigChange::SiteAdded));
        changes.extend(self.app_pools.difference(&later.app_pools).cloned().map(ConfigChange::PoolRemoved));
        changes.extend(later.app_pools.difference(&self.app_pools).cloned().map(ConfigChange::PoolAdded));
        changes
    }
}
