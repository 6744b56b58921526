//! Which containers are followed for themselves.

use std::collections::{BTreeMap, HashSet};

use crate::artifact::container::{Family, Prefix, WellKnown};
use crate::machine::facts::Inside;

/// Containers that are followed for themselves, by the hash of their name or by their public key.
#[derive(Debug, Default, Clone)]
pub(super) struct Interest {
    /// With each whether its private key is tried as well.
    names: BTreeMap<(Family, Prefix), bool>,
    /// SHA-256 of moduli.
    moduli: HashSet<[u8; 32]>,
}

impl Interest {
    /// Follows the container of that name as well.
    pub fn add(&mut self, family: Family, name: &str) {
        if let Some(prefix) = Prefix::of(family, name) {
            self.names.insert((family, prefix), true);
        }
    }

    /// Follows the container of that name without trying its private key: nothing is known to use it.
    pub fn follow(&mut self, family: Family, name: &str) {
        if let Some(prefix) = Prefix::of(family, name) {
            self.names.entry((family, prefix)).or_insert(false);
        }
    }

    /// Whether the private key of the container with that hash is tried.
    pub fn proves(&self, family: Family, prefix: Prefix) -> bool {
        WellKnown::by_prefix(family, prefix).is_some() || self.names.get(&(family, prefix)) == Some(&true)
    }

    /// Follows the containers with that public key as well.
    pub fn add_modulus(&mut self, sha256: [u8; 32]) {
        self.moduli.insert(sha256);
    }

    /// Whether public keys are looked for at all.
    pub fn has_keys(&self) -> bool {
        !self.moduli.is_empty()
    }

    /// Whether a public key of a container is one that is looked for.
    pub fn holds_key(&self, moduli: impl IntoIterator<Item = [u8; 32]>) -> bool {
        self.has_keys() && moduli.into_iter().any(|modulus| self.moduli.contains(&modulus))
    }

    /// Whether the container with that hash is well-known, or named by the configuration or by a certificate.
    pub fn holds(&self, family: Family, prefix: Prefix) -> bool {
        WellKnown::by_prefix(family, prefix).is_some() || self.names.contains_key(&(family, prefix))
    }
}

/// SHA-256 of the moduli of a container.
pub(super) fn moduli(inside: &Inside) -> impl Iterator<Item = [u8; 32]> + '_ {
    inside.pairs.iter().filter_map(|pair| pair.modulus_sha256)
}
