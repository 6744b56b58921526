//! Tries what opens with what, container by container, while the folders are read.
//!
//! Secrets live in the types of [`crate::proof`]. A private key is opened when its container's bytes are at hand, tried on
//! everything that was wrapped for a container of that name, and wiped before the next container is looked at.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::artifact::config::{EncryptedSection, RsaPayload, WrappedKey};
use crate::artifact::container::{Algorithm, Container, Family, Guid, Prefix, Spec};
use crate::artifact::metabase::MetabaseKey;
use crate::machine::facts::{Damage, Facts, Pair};
use crate::machine::{Citation, KeyProof, MasterKeyState, Need, Opens, SecretAge, Values, Wrap, WrapKind};
use crate::proof::blob::BlobFailure;
use crate::proof::container::{PairFailure, PairProof, open, public_block};
use crate::proof::master_key::{MasterKey, MasterKeyFailure, Rounds, SystemSecrets};
use crate::proof::metabase;
use crate::proof::rsa::{PrivateKey, PublicKey};
use crate::proof::session::{self, Padding, SessionKey, ValueVerdict};

/// Hash rounds of key derivation that one run may spend: some hundred master keys, a few seconds.
const MOST_ROUNDS: u64 = 20_000_000;
/// Work that one run may spend on RSA, in private operations with 512 bits: 5000 with 2048 bits, a minute at most.
const MOST_WORK: u64 = 320_000;
/// Bytes of values that are decrypted for one unit of that work.
const BYTES_PER_WORK: usize = 16 * 1024;
/// Wrapped keys that are tried: a server has a handful, and each copy of its configuration at most as many.
const MOST_WRAPS: usize = 2_000;
/// Citations that are kept of values that do not open.
const CITED: usize = 5;
/// Values of one RSA provider that are tried: each costs a private operation.
const MOST_DIRECT: usize = 64;

/// Something that a container's private key may open.
enum Locked {
    Session { key: WrappedKey, padding: Padding, values: Vec<(Vec<u8>, Citation)> },
    Direct { padding: Padding, values: Vec<(Vec<u8>, Citation)> },
    Metabase(MetabaseKey),
    Section(EncryptedSection),
    Store(Vec<u8>),
}

/// A master key with its files, opened when the first blob asks for it.
#[derive(Default)]
struct Slot {
    /// Index into the facts' master keys, and the bytes.
    files: Vec<(usize, Vec<u8>)>,
    /// Why a file of it could not be read.
    unread: Option<String>,
    state: Option<Opened>,
}

enum Opened {
    Yes(MasterKey, SecretAge),
    Neither,
    Damaged(String),
    /// Not tried to the end, and why: nothing is known about it.
    Unknown(String),
}

impl Opened {
    /// Of several files for one key, what is known of it: a file that was not tried may be the one that opens.
    fn rank(&self) -> u8 {
        match self {
            Self::Yes(..) => 3,
            Self::Unknown(_) => 2,
            Self::Neither => 1,
            Self::Damaged(_) => 0,
        }
    }
}

/// What may still be spent on RSA.
struct Work {
    left: u64,
    /// What is kept for the containers that matter.
    kept: u64,
    /// Whether something was not done.
    spent: bool,
}

impl Work {
    /// Takes an operation with a key of so many bits, whose cost grows with the third power; false when it is too much.
    fn take(&mut self, bits: u32) -> bool {
        let words = u64::from(bits.div_ceil(512)).max(1);
        self.take_units(words.saturating_pow(3))
    }

    fn take_units(&mut self, units: u64) -> bool {
        let left = self.left.checked_sub(units).filter(|left| *left >= self.kept);
        self.spent |= left.is_none();
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

/// What one container file came to.
pub(super) struct Examined {
    /// By purpose of the pair.
    pub pairs: Vec<(Spec, KeyProof)>,
    pub opens: Opens,
}

/// Everything that proofs need, and the results that do not belong to one container.
pub(super) struct Prover {
    secrets: SystemSecrets,
    /// What is lacking when there are no secrets.
    lacks: Option<Need>,
    has_folder: bool,
    slots: BTreeMap<Guid, Slot>,
    rounds: Rounds,
    work: Work,
    /// Wrapped keys that are not tried.
    left_out: u64,
    /// Whether there are master key files that nobody read.
    master_keys_left_out: bool,
    /// Master keys that a listing of the machine names.
    listed: BTreeSet<Guid>,
    locked: Vec<(Prefix, Locked)>,
    /// Session keys of metabases, by index into the facts' metabases.
    metabases: Vec<(usize, MetabaseKey)>,
    /// Whether containers that nobody asked for are tried as well.
    pub prove_all: bool,
}

impl Prover {
    /// A prover with the secrets of the machine, as far as the hives told them.
    pub fn new(facts: &Facts, secrets: SystemSecrets, prove_all: bool) -> Self {
        let lacks = match (&facts.protection.boot_key, &facts.protection.secret) {
            _ if secrets.current.is_some() => None,
            (crate::machine::Known::NotInEvidence(need), _)
            | (_, crate::machine::Known::NotInEvidence(need)) => Some(*need),
            _ => Some(Need::MatchingEvidence),
        };
        Self {
            secrets,
            lacks,
            has_folder: !facts.protection.folders.is_empty(),
            slots: BTreeMap::new(),
            rounds: Rounds::up_to(MOST_ROUNDS),
            work: Work { left: MOST_WORK, kept: 0, spent: false },
            left_out: 0,
            master_keys_left_out: false,
            listed: BTreeSet::new(),
            locked: Vec::new(),
            metabases: Vec::new(),
            prove_all,
        }
    }

    /// Adds a master key file, by its place in the facts.
    pub fn add_master_key(&mut self, guid: Guid, at: usize, bytes: Vec<u8>) {
        self.slots.entry(guid).or_default().files.push((at, bytes));
    }

    /// Says that a master key file is there and could not be read.
    pub fn add_unread_master_key(&mut self, guid: Guid, why: &str) {
        self.slots.entry(guid).or_default().unread = Some(why.to_owned());
    }

    /// Says which master keys stand on the machine, whether or not their files were collected.
    pub fn add_listed_master_keys(&mut self, listed: &BTreeSet<Guid>) {
        self.listed.extend(listed);
    }

    /// Says that there are more master key files than were read, so that none can be called missing.
    pub fn leave_out_master_keys(&mut self) {
        self.master_keys_left_out = true;
    }

    /// Adds the session key of an AES provider; the same key under the same name counts once.
    pub fn add_session_key(
        &mut self,
        facts: &mut Facts,
        container: &str,
        key: &WrappedKey,
        padding: Padding,
        values: Vec<(Vec<u8>, Citation)>,
    ) -> Option<usize> {
        let (bits, sha256) = (key.modulus_bits(), key.sha256());
        let at = self.add(facts, WrapKind::SessionKey, container, bits, sha256, || Locked::Session {
            key: key.clone(),
            padding,
            values: Vec::new(),
        })?;
        if let Some((_, Locked::Session { values: known, .. })) = self.locked.get_mut(at) {
            known.extend(values);
        }
        Some(at)
    }

    /// Adds the session key of a metabase, by the place of the metabase in the facts.
    pub fn add_metabase(
        &mut self,
        facts: &mut Facts,
        container: &str,
        metabase: usize,
        key: MetabaseKey,
    ) -> Option<usize> {
        let (bits, sha256) = (key.key.modulus_bits(), key.key.sha256());
        let at =
            self.add(facts, WrapKind::Metabase, container, bits, sha256, || Locked::Metabase(key.clone()));
        self.metabases.push((metabase, key));
        at
    }

    /// Adds an encrypted section of ASP.NET.
    pub fn add_section(
        &mut self,
        facts: &mut Facts,
        container: &str,
        section: EncryptedSection,
    ) -> Option<usize> {
        let wrapped = section.wrapped_key.as_ref()?;
        let bits = u32::try_from(wrapped.len().checked_mul(8)?).ok()?;
        let sha256 = Sha256::digest(wrapped).into();
        self.add(facts, WrapKind::AspNet, container, bits, sha256, || Locked::Section(section.clone()))
    }

    /// Adds the values of an RSA provider, which carry a wrapped key each.
    pub fn add_direct(
        &mut self,
        facts: &mut Facts,
        container: &str,
        padding: Padding,
        mut values: Vec<(Vec<u8>, Citation)>,
    ) -> Option<usize> {
        values.truncate(MOST_DIRECT);
        let first = values.iter().find_map(|(payload, _)| RsaPayload::parse(payload).ok())?;
        let mut digest = Sha256::new();
        values.iter().for_each(|(payload, _)| digest.update(payload));
        let (bits, sha256) = (first.key.modulus_bits(), digest.finalize().into());
        self.add(facts, WrapKind::Direct, container, bits, sha256, || Locked::Direct { padding, values })
    }

    /// Adds a password of the central certificate store.
    pub fn add_store_value(
        &mut self,
        facts: &mut Facts,
        container: &str,
        bits: u32,
        value: Vec<u8>,
    ) -> Option<usize> {
        let sha256 = Sha256::digest(&value).into();
        self.add(facts, WrapKind::CentralStore, container, bits, sha256, || Locked::Store(value.clone()))
    }

    fn add(
        &mut self,
        facts: &mut Facts,
        kind: WrapKind,
        container: &str,
        bits: u32,
        sha256: [u8; 32],
        locked: impl FnOnce() -> Locked,
    ) -> Option<usize> {
        let prefix = Prefix::of(Family::Capi, container)?;
        let known = facts.wraps.iter().position(|wrap| {
            wrap.kind == kind && wrap.sha256 == sha256 && wrap.container.eq_ignore_ascii_case(container)
        });
        if known.is_some() {
            return known;
        }
        if facts.wraps.len() >= MOST_WRAPS {
            self.left_out += 1;
            return None;
        }
        facts.wraps.push(Wrap {
            kind,
            container: container.to_owned(),
            bits,
            sha256,
            values: Values::default(),
        });
        self.locked.push((prefix, locked()));
        Some(facts.wraps.len() - 1)
    }

    /// Tries the pairs of a container file, and with them whatever is locked for its name.
    pub fn examine(
        &mut self,
        facts: &mut Facts,
        bytes: &[u8],
        container: &Container,
        prefix: Option<Prefix>,
        matters: bool,
    ) -> Examined {
        self.work.kept = if matters { 0 } else { MOST_WORK / 2 };
        let mut examined = Examined { pairs: Vec::new(), opens: Opens::default() };
        self.check_signatures(bytes, container, prefix, &mut examined.opens);
        if self.lacks.is_none() {
            for blob in container.pairs.iter().flat_map(|pair| [&pair.private, &pair.export_flag]).flatten() {
                self.unlock(blob.master_key);
            }
        }
        let proofs = {
            let lookup = |guid: Guid| match self.slots.get(&guid)?.state.as_ref()? {
                Opened::Yes(key, _) => Some(key),
                _ => None,
            };
            open(bytes, &lookup)
        };
        for proof in proofs {
            let (outcome, key) = self.judge(container, &proof);
            if let Some(key) = key.filter(|_| proof.purpose == Spec::Exchange) {
                self.try_all(facts, prefix, &key, &mut examined.opens);
            }
            examined.pairs.push((proof.purpose, outcome));
        }
        examined
    }

    /// Opens a master key, once.
    fn unlock(&mut self, guid: Guid) {
        let Some(slot) = self.slots.get_mut(&guid) else { return };
        if slot.state.is_some() {
            return;
        }
        let mut state = slot.unread.take().map(Opened::Unknown);
        for (_, bytes) in &slot.files {
            let next = match self.secrets.open(bytes, &mut self.rounds) {
                Ok((key, which)) => {
                    let age = if which.is_previous() { SecretAge::Previous } else { SecretAge::Current };
                    Opened::Yes(key, age)
                }
                Err(MasterKeyFailure::WrongSecret) if self.secrets.previous_is_unreadable => {
                    let why = "the current DPAPI_SYSTEM does not open its master key, the previous one cannot be read";
                    Opened::Unknown(why.to_owned())
                }
                Err(MasterKeyFailure::WrongSecret) => Opened::Neither,
                Err(MasterKeyFailure::BudgetSpent { .. }) => {
                    Opened::Unknown("more master keys than one run tries".to_owned())
                }
                Err(
                    failure @ (MasterKeyFailure::UnsupportedAlgorithm { .. }
                    | MasterKeyFailure::TooManyRounds { .. }
                    | MasterKeyFailure::NoSecret),
                ) => Opened::Unknown(failure.to_string()),
                Err(failure @ (MasterKeyFailure::Malformed(_) | MasterKeyFailure::CipherLength { .. })) => {
                    Opened::Damaged(failure.to_string())
                }
            };
            if state.as_ref().is_none_or(|state| next.rank() > state.rank()) {
                state = Some(next);
            }
            if matches!(state, Some(Opened::Yes(..))) {
                break;
            }
        }
        slot.state = state;
    }

    /// What opening one pair came to, with the private key if it is one of RSA.
    fn judge(&mut self, container: &Container, proof: &PairProof) -> (KeyProof, Option<PrivateKey>) {
        let opened = match &proof.outcome {
            Ok(opened) => opened,
            Err(failure) => return (self.refused(failure), None),
        };
        let Some(age) = proof.master_key.and_then(|guid| match self.slots.get(&guid)?.state.as_ref()? {
            Opened::Yes(_, age) => Some(*age),
            _ => None,
        }) else {
            return (KeyProof::NotTried, None);
        };
        let public = container.pair(proof.purpose).and_then(|pair| pair.public.as_ref());
        if public.is_some_and(|public| public.algorithm != Algorithm::Rsa) {
            return (KeyProof::Opened { age, agrees: true, exportable: opened.exportable }, None);
        }
        // A CNG blob holds twice as many bytes as the modulus has, a CAPI block four and a half times.
        let len = u32::try_from(opened.secret.expose().len()).unwrap_or(u32::MAX);
        let bits =
            if proof.purpose == Spec::Cng { len.saturating_mul(4) } else { len.saturating_mul(16) / 9 };
        if !self.work.take(bits) {
            return (KeyProof::Unsupported("more RSA keys than one run tries".to_owned()), None);
        }
        let key = match proof.purpose {
            Spec::Cng => PrivateKey::from_bcrypt(opened.secret.expose()),
            _ => PrivateKey::from_capi(opened.secret.expose()),
        };
        match key {
            Ok(key) => {
                let modulus = key.public().modulus();
                let significant = modulus.iter().position(|byte| *byte != 0).unwrap_or(0);
                let digest: [u8; 32] = Sha256::digest(modulus.get(significant..).unwrap_or_default()).into();
                let agrees = key.agrees_with(&modulus)
                    && public.is_none_or(|public| public.modulus_sha256.is_none_or(|known| known == digest));
                (
                    KeyProof::Opened { age, agrees, exportable: opened.exportable },
                    Some(key).filter(|_| agrees),
                )
            }
            // The blob verified, so this is the key; its form is one that nobody has described.
            Err(fault) => {
                (KeyProof::Unsupported(format!("a private key of a form that is not known: {fault}")), None)
            }
        }
    }

    fn refused(&self, failure: &PairFailure) -> KeyProof {
        match failure {
            PairFailure::NoMasterKey(guid) => {
                if !self.has_folder {
                    return KeyProof::Lacks(Need::Protect);
                }
                let Some(slot) = self.slots.get(guid) else {
                    if self.listed.contains(guid) {
                        return KeyProof::Lacks(Need::Protect);
                    }
                    if self.master_keys_left_out {
                        let why =
                            "its master key is not among the files that were read, and not all were read";
                        return KeyProof::Unsupported(why.to_owned());
                    }
                    return KeyProof::MasterKeyMissing;
                };
                match (&slot.state, self.lacks) {
                    (_, Some(need)) => KeyProof::Lacks(need),
                    (Some(Opened::Neither), _) => KeyProof::Neither,
                    (Some(Opened::Damaged(why)), _) => KeyProof::MasterKeyDamaged(why.clone()),
                    (Some(Opened::Unknown(why)), _) => KeyProof::Unsupported(why.clone()),
                    _ => KeyProof::NotTried,
                }
            }
            PairFailure::Blob { source: BlobFailure::WrongKey, .. } => KeyProof::WrongMasterKey,
            PairFailure::Blob { source, .. } => KeyProof::Unsupported(source.to_string()),
            PairFailure::Hardware | PairFailure::VirtualIsolation => {
                KeyProof::Unsupported(failure.to_string())
            }
            PairFailure::Absent | PairFailure::CutOff { .. } => KeyProof::NotTried,
        }
    }

    /// Tries everything that is locked for a container of that name.
    fn try_all(&mut self, facts: &mut Facts, prefix: Option<Prefix>, key: &PrivateKey, opens: &mut Opens) {
        for (at, (wanted, locked)) in self.locked.iter().enumerate() {
            if Some(*wanted) != prefix {
                continue;
            }
            let Some(wrap) = facts.wraps.get_mut(at) else { continue };
            // A key of another size is refused for nothing.
            if wrap.bits.div_ceil(8) == key.public().bits().div_ceil(8)
                && !self.work.take(key.public().bits())
            {
                return;
            }
            let opened = match locked {
                Locked::Session { key: wrapped, padding, values } => {
                    match SessionKey::unwrap(wrapped, key, *padding) {
                        Ok(session) => {
                            let bytes: usize = values.iter().map(|(payload, _)| payload.len()).sum();
                            if !self.work.take_units((bytes / BYTES_PER_WORK) as u64) {
                                return;
                            }
                            wrap.values = judge(values, |payload| session.decrypts(payload));
                            Some(true)
                        }
                        Err(session::UnwrapError::Algorithm(_)) => Some(true),
                        // The padding came out, which another key leaves once in 65,536 times: nothing is certain.
                        Err(session::UnwrapError::KeyLength { .. }) => None,
                        Err(session::UnwrapError::Size { .. } | session::UnwrapError::OtherKey(_)) => {
                            Some(false)
                        }
                    }
                }
                Locked::Direct { padding, values } => {
                    let size = key.public().bits();
                    let affordable = values.iter().take_while(|_| self.work.take(size)).count();
                    let values = values.get(..affordable).unwrap_or_default();
                    let judged = judge(values, |payload| session::rsa_value(payload, key, *padding));
                    let tried = judged.opened + judged.unreadable;
                    let opened = (tried > 0).then_some(judged.opened > 0);
                    // What another container cannot open says nothing about the values.
                    if opened == Some(true) {
                        wrap.values = judged;
                    }
                    opened
                }
                Locked::Metabase(wrapped) => Some(metabase::unwrap(wrapped, key).is_ok()),
                Locked::Section(section) => of_verdict(session::section(section, key)),
                Locked::Store(value) => of_verdict(session::central_store_value(value, key)),
            };
            match opened {
                Some(true) => opens.wraps.insert(at),
                Some(false) => opens.not_wraps.insert(at),
                None => false,
            };
        }
    }

    /// Verifies the session keys of metabases with the public signature key, which needs no secret.
    fn check_signatures(
        &mut self,
        bytes: &[u8],
        container: &Container,
        prefix: Option<Prefix>,
        opens: &mut Opens,
    ) {
        let is_metabase = prefix.is_some() && prefix == Prefix::of(Family::Capi, METABASE);
        if self.metabases.is_empty() || !is_metabase || container.pair(Spec::Signature).is_none() {
            return;
        }
        let block = public_block(bytes, Spec::Signature);
        let Some(signer) = block.and_then(|block| PublicKey::from_capi(block).ok()) else { return };
        for (at, key) in &self.metabases {
            // Up to seven operations with a short exponent cost less than a private one.
            if !self.work.take(signer.bits()) {
                return;
            }
            if metabase::verify(key, &signer).is_made_by_key() {
                opens.signed.insert(*at);
            } else {
                opens.not_signed.insert(*at);
            }
        }
    }

    /// Writes down what became of the master keys.
    pub fn finish(self, facts: &mut Facts) {
        let mut left_out = |what: String| {
            facts.damage.push(Damage { path: ".".to_owned(), what, citation: None });
        };
        if self.work.spent {
            left_out("there are more RSA keys than one run tries: the rest was not tried".to_owned());
        }
        if self.left_out > 0 {
            left_out(format!(
                "{} more wrapped keys were not tried: one run tries {MOST_WRAPS}",
                self.left_out
            ));
        }
        for slot in self.slots.into_values() {
            let state = match slot.state {
                None => continue,
                Some(Opened::Yes(_, age)) => MasterKeyState::Opened(age),
                Some(Opened::Neither) => MasterKeyState::Neither,
                Some(Opened::Damaged(why)) => MasterKeyState::Damaged(why),
                Some(Opened::Unknown(_)) => continue,
            };
            for (at, _) in slot.files {
                if let Some(file) = facts.protection.master_keys.get_mut(at) {
                    file.state = state.clone();
                }
            }
        }
    }
}

/// The container of the metabase.
pub(super) const METABASE: &str = "Microsoft Internet Information Server";

fn of_verdict(verdict: ValueVerdict) -> Option<bool> {
    match verdict {
        ValueVerdict::Opens { .. } | ValueVerdict::KeyOpens => Some(true),
        ValueVerdict::OtherKey => Some(false),
        ValueVerdict::Empty | ValueVerdict::Malformed(_) | ValueVerdict::Unknown => None,
    }
}

fn judge(values: &[(Vec<u8>, Citation)], mut verdict: impl FnMut(&[u8]) -> ValueVerdict) -> Values {
    let mut judged = Values::default();
    for (payload, citation) in values {
        match verdict(payload) {
            ValueVerdict::Opens { .. } | ValueVerdict::KeyOpens => judged.opened += 1,
            ValueVerdict::OtherKey => {
                judged.unreadable += 1;
                if judged.first_unreadable.len() < CITED {
                    judged.first_unreadable.push(citation.clone());
                }
            }
            ValueVerdict::Malformed(_) => {
                judged.malformed += 1;
                if judged.first_malformed.len() < CITED {
                    judged.first_malformed.push(citation.clone());
                }
            }
            ValueVerdict::Empty | ValueVerdict::Unknown => {}
        }
    }
    judged
}

/// Gives the pairs of a container what their proofs came to.
pub(super) fn apply(pairs: &mut [Pair], proofs: &[(Spec, KeyProof)]) {
    for pair in pairs {
        let proof = proofs.iter().find(|(spec, _)| (*spec == Spec::Signature) == pair.signature);
        if let Some((_, proof)) = proof {
            pair.proof = proof.clone();
        }
    }
}

#[cfg(test)]
mod tests;
