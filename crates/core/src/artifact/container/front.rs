//! What both families have in common: one container type, and a glance that costs one small read.

use std::fmt;

use serde::Serialize;

use super::damage::{Damage, Foreign, Note};
use super::name::{Family, KeyName, Prefix, PrefixCheck};
use super::public_key::PublicKey;
use super::{capi, cng};
use crate::artifact::dpapi_blob::DpapiBlobHeader;

/// What a key pair is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Spec {
    /// CAPI `AT_SIGNATURE`.
    Signature,
    /// CAPI `AT_KEYEXCHANGE`.
    Exchange,
    /// A CNG container's only key.
    Cng,
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "signature",
            Self::Exchange => "exchange",
            Self::Cng => "cng",
        })
    }
}

/// Lengths in bytes of the three blocks of a pair, from the header; 0 means absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BlockLengths {
    /// The public key.
    pub public: u32,
    /// The private key.
    pub private: u32,
    /// The export flag (CAPI) or the private properties (CNG).
    pub flag: u32,
}

impl BlockLengths {
    /// Whether no block is there.
    pub fn is_absent(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all three blocks are there.
    pub fn is_full(&self) -> bool {
        self.public != 0 && self.private != 0 && self.flag != 0
    }
}

/// One key pair of a container; a block that is there but could not be read is `None` here and in the damage list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyPair {
    /// What it is for.
    pub spec: Spec,
    /// Lengths of its blocks.
    pub lengths: BlockLengths,
    /// The public key.
    pub public: Option<PublicKey>,
    /// How the private key is protected.
    pub private: Option<DpapiBlobHeader>,
    /// How the export flag (CAPI) or the private properties (CNG) are protected.
    pub export_flag: Option<DpapiBlobHeader>,
}

/// What a container file amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// A CAPI container with at least one whole pair and nothing wrong.
    Complete {
        /// There is a signature pair.
        signature: bool,
        /// There is an exchange pair.
        exchange: bool,
    },
    /// A CNG container with its key.
    CngKey,
    /// A key that lives in a TPM; the file only points to it.
    Hardware,
    /// Header and name only: no key was ever written.
    NameOnly,
    /// Provably not what Windows wrote.
    Damaged,
}

/// A container file, read without any key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// CAPI or CNG; `None` when the bytes are neither.
    pub family: Option<Family>,
    /// Size of the file in bytes.
    pub size: u64,
    /// Version from the header.
    pub version: u32,
    /// The second number of the header; its meaning is not known.
    pub flags: u32,
    /// The container's name in its original case.
    pub name: Option<KeyName>,
    /// The key pairs that are there, signature first.
    pub pairs: Vec<KeyPair>,
    /// What the file amounts to.
    pub state: State,
    /// What is wrong, in the order of the file.
    pub damage: Vec<Damage>,
    /// What is unusual.
    pub notes: Vec<Note>,
}

impl Container {
    /// Reads a container of either family; the content decides which.
    pub fn parse(data: &[u8]) -> Self {
        match identify(data) {
            Some(Family::Capi) => capi::parse(data),
            Some(Family::Cng) => cng::parse(data),
            None => Self::unreadable(data.len() as u64, why_unidentified(data, data.len() as u64)),
        }
    }

    pub(super) fn unreadable(size: u64, damage: Damage) -> Self {
        Self {
            family: None,
            size,
            version: 0,
            flags: 0,
            name: None,
            pairs: Vec::new(),
            state: State::Damaged,
            damage: vec![damage],
            notes: Vec::new(),
        }
    }

    /// The prefix that belongs to the name inside; `None` without a name or when its lower-casing is not known.
    pub fn prefix_from_name(&self) -> Option<Prefix> {
        self.name.as_ref().and_then(KeyName::prefix)
    }

    /// Compares a file name's prefix with the name inside.
    pub fn check_prefix(&self, prefix: Prefix) -> PrefixCheck {
        self.name.as_ref().map_or(PrefixCheck::CannotVerify, |name| name.check(prefix))
    }

    /// The pair for one purpose.
    pub fn pair(&self, spec: Spec) -> Option<&KeyPair> {
        self.pairs.iter().find(|pair| pair.spec == spec)
    }

    /// Whether anything is provably wrong.
    pub fn is_damaged(&self) -> bool {
        self.state == State::Damaged
    }
}

/// Says by content which family a file belongs to; `data` is the whole file.
///
/// A version of 2 with believable lengths is CAPI and of 1 CNG; any other version is believed when its lengths add up.
pub fn identify(data: &[u8]) -> Option<Family> {
    identify_sized(data, data.len() as u64)
}

fn identify_sized(head: &[u8], size: u64) -> Option<Family> {
    if cng::is_hardware_record(head) {
        return Some(Family::Cng);
    }
    // Zeros of a header's length would add up to a container without name and keys.
    if head.iter().all(|&b| b == 0) {
        return None;
    }
    let capi_adds_up = capi::CapiHeader::adds_up(head, size);
    let cng_adds_up = cng::CngHeader::adds_up(head, size);
    match head {
        // The lengths of a truncated file of one family can add up as a file of the other, so the version goes first.
        [2, 0, 0, 0, ..] if capi_adds_up || capi::CapiHeader::is_plausible(head) => Some(Family::Capi),
        [1, 0, 0, 0, ..] if cng_adds_up || (!capi_adds_up && cng::CngHeader::is_plausible(head)) => {
            Some(Family::Cng)
        }
        _ if capi_adds_up => Some(Family::Capi),
        _ if cng_adds_up => Some(Family::Cng),
        _ => None,
    }
}

/// What is wrong with a file whose first bytes belong to no family.
fn why_unidentified(head: &[u8], size: u64) -> Damage {
    if size == 0 {
        return Damage::Empty;
    }
    let nonzero = head.iter().position(|&b| b != 0);
    if nonzero.is_none() {
        return Damage::ZeroFilled { from: 0, size };
    }
    if size < capi::HEADER_LEN as u64
        && matches!(head, [1 | 2, 0, 0, 0, ..] | [1 | 2, 0, 0] | [1 | 2, 0] | [1 | 2])
    {
        return Damage::HeaderTruncated { expected: capi::HEADER_LEN as u64, found: size };
    }
    let mut found = [0; 8];
    for (to, from) in found.iter_mut().zip(head) {
        *to = *from;
    }
    Damage::NotAContainer { found, looks_like: Foreign::guess(head) }
}

/// Bytes of a file that a [`Glance`] looks at.
pub const GLANCE_LEN: usize = 512;

/// What the first bytes of a file and its size tell: enough for a folder of a million files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// CAPI or CNG; `None` when the bytes are neither.
    pub family: Option<Family>,
    /// The name, when it lies within the bytes that were looked at.
    pub name: Option<KeyName>,
    /// State as far as the header tells; blocks were not looked into.
    pub state: State,
    /// The first thing that is wrong. Zeros are claimed only for the bytes that were looked at.
    pub damage: Option<Damage>,
    /// Size in bits of the first RSA key that lies within the bytes that were looked at.
    pub bits: Option<u32>,
}

impl Glance {
    /// Looks at the beginning of a file ([`GLANCE_LEN`] bytes are enough) and its size in bytes.
    pub fn at(head: &[u8], size: u64) -> Self {
        let known = (head.len() as u64).min(size) as usize;
        let head = head.get(..known.min(GLANCE_LEN)).unwrap_or(head);
        match identify_sized(head, size) {
            Some(Family::Capi) => capi::glance(head, size),
            Some(Family::Cng) => cng::glance(head, size),
            None => Self {
                family: None,
                name: None,
                state: State::Damaged,
                damage: Some(why_unidentified(head, size)),
                bits: None,
            },
        }
    }

    /// The prefix that belongs to the name inside; `None` without a name or when its lower-casing is not known.
    pub fn prefix_from_name(&self) -> Option<Prefix> {
        self.name.as_ref().and_then(KeyName::prefix)
    }

    /// Compares a file name's prefix with the name inside.
    pub fn check_prefix(&self, prefix: Prefix) -> PrefixCheck {
        self.name.as_ref().map_or(PrefixCheck::CannotVerify, |name| name.check(prefix))
    }
}

/// SHA-256 of each RSA modulus that stands in the first bytes of a container of `size` bytes; `None` when a public key
/// may stand behind them.
pub fn moduli_at(head: &[u8], size: u64) -> Option<Vec<[u8; 32]>> {
    match identify_sized(head, size) {
        Some(Family::Capi) => capi::moduli(head, size),
        Some(Family::Cng) => cng::moduli(head, size),
        None => Some(Vec::new()),
    }
}

/// Where the zeros that a file ends with begin, when they reach into what its header promises.
///
/// A few zeros can be chance (a signature may end in one), a whole run cannot.
pub(super) fn zero_tail(data: &[u8], promised: u64) -> Option<u64> {
    const SHORTEST_RUN: u64 = 32;
    let from = data.iter().rposition(|&b| b != 0).map_or(0, |last| last as u64 + 1);
    let end = promised.min(data.len() as u64);
    (end.saturating_sub(from) >= SHORTEST_RUN).then_some(from)
}
