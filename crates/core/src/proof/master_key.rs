//! Opening master keys of the system with the secrets of `DPAPI_SYSTEM`.

use std::fmt;

use thiserror::Error;

use super::Secret;
use super::crypto::{Cipher, Hash, same};
use super::lsa::DpapiSystem;
use crate::artifact::container::Guid;
use crate::artifact::master_key::{KeySection, MasterKeyFault, MasterKeyFile};

/// More rounds than this are refused; Windows has never used a hundredth of it.
pub const MAX_ROUNDS: u32 = 2_000_000;
/// Length in bytes of a master key.
const KEY_LEN: usize = 64;
/// Length in bytes of the salt that a decrypted section starts with.
const SALT_LEN: usize = 16;

/// Why a master key file does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MasterKeyFailure {
    /// The file is not whole, before anything is decrypted.
    #[error(transparent)]
    Malformed(#[from] MasterKeyFault),
    /// An algorithm that is not known.
    #[error("the master key is protected with the unsupported algorithms {cipher:#06x} and {hash:#06x}")]
    UnsupportedAlgorithm {
        /// Encryption algorithm as an `ALG_ID`.
        cipher: u32,
        /// Hash algorithm as an `ALG_ID`.
        hash: u32,
    },
    /// The file asks for more work than is ever done.
    #[error("too many rounds: {rounds}, at most {cap} are done")]
    TooManyRounds {
        /// Rounds that the file asks for.
        rounds: u32,
        /// The most that is done.
        cap: u32,
    },
    /// The caller's budget does not reach.
    #[error("the budget of rounds is used up: {needed} are needed, {left} are left")]
    BudgetSpent {
        /// Hash rounds that one attempt needs.
        needed: u64,
        /// Hash rounds that are left.
        left: u64,
    },
    /// The ciphertext has a length that the algorithms do not have.
    #[error("the ciphertext at offset {offset:#x} has {found} bytes, which {what}")]
    CipherLength {
        /// Offset in bytes.
        offset: usize,
        /// Length in bytes.
        found: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The secret is another one: what was decrypted does not match its own check value.
    #[error("the secret does not open the master key")]
    WrongSecret,
    /// No secret was there to try.
    #[error("there is no secret to try")]
    NoSecret,
}

/// Rounds that may still be done, and that have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// Hash rounds that may be done in all.
    pub limit: u64,
    /// Hash rounds that have been done.
    pub spent: u64,
}

impl Rounds {
    /// A budget of `limit` hash rounds.
    pub fn up_to(limit: u64) -> Self {
        Self { limit, spent: 0 }
    }

    fn take(&mut self, needed: u64) -> Result<(), MasterKeyFailure> {
        let left = self.limit.saturating_sub(self.spent);
        if needed > left {
            return Err(MasterKeyFailure::BudgetSpent { needed, left });
        }
        self.spent = self.spent.saturating_add(needed);
        Ok(())
    }
}

/// An opened master key.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    guid: Guid,
    hash: Secret,
}

impl MasterKey {
    /// Takes over the 64 bytes of a master key; only their SHA-1 is kept, which is all that blobs need.
    pub fn from_secret(guid: Guid, key: &Secret) -> Self {
        Self { guid, hash: Secret::new(Hash::Sha1.digest(&[key.expose()]).to_vec()) }
    }

    /// The name that blobs call the key by.
    pub fn guid(&self) -> Guid {
        self.guid
    }

    /// SHA-1 of the key.
    pub(crate) fn hash(&self) -> &[u8] {
        self.hash.expose()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.guid)
    }
}

/// Opens a master key file with one secret of 20 bytes.
///
/// # Errors
/// [`MasterKeyFailure`]; a wrong secret is told from damage by the check value inside.
pub fn open(file: &[u8], secret: &Secret, rounds: &mut Rounds) -> Result<MasterKey, MasterKeyFailure> {
    let parsed = MasterKeyFile::parse(file)?;
    open_section(file, &parsed.key, secret.expose(), rounds)
        .map(|key| MasterKey::from_secret(parsed.guid, &key))
}

fn open_section(
    file: &[u8],
    section: &KeySection,
    secret: &[u8],
    rounds: &mut Rounds,
) -> Result<Secret, MasterKeyFailure> {
    let KeySection { cipher, hash, .. } = *section;
    let unsupported = MasterKeyFailure::UnsupportedAlgorithm { cipher, hash };
    let (Some(cipher), Some(hash)) = (Cipher::from_id(cipher), Hash::from_id(hash)) else {
        return Err(unsupported);
    };
    let length =
        |what| MasterKeyFailure::CipherLength { offset: section.data.start, found: section.data.len(), what };
    if section.data.len() < SALT_LEN + hash.len() + KEY_LEN {
        return Err(length("is too few for salt, check value and key"));
    }
    if !section.data.len().is_multiple_of(cipher.block()) {
        return Err(length("is not a whole number of cipher blocks"));
    }
    if section.rounds > MAX_ROUNDS {
        return Err(MasterKeyFailure::TooManyRounds { rounds: section.rounds, cap: MAX_ROUNDS });
    }
    let len = cipher.key_len() + cipher.block();
    rounds.take(u64::from(section.rounds.max(1)) * len.div_ceil(hash.len()) as u64)?;

    let derived = hash.stretch(secret, &section.salt, section.rounds, len);
    let (key, iv) = derived.split_at_checked(cipher.key_len()).ok_or_else(|| unsupported.clone())?;
    let data = file.get(section.data.clone()).unwrap_or_default();
    let clear = cipher.decrypt(key, iv, data).ok_or(unsupported)?;
    let wrong = MasterKeyFailure::WrongSecret;
    let (salt, rest) = clear.split_at_checked(SALT_LEN).ok_or_else(|| wrong.clone())?;
    let check = rest.get(..hash.len()).ok_or_else(|| wrong.clone())?;
    let master_key = rest.last_chunk::<KEY_LEN>().ok_or_else(|| wrong.clone())?;
    let check_key = hash.hmac(secret, &[salt]);
    if same(&hash.hmac(&check_key, &[master_key]), check) {
        Ok(Secret::new(master_key.to_vec()))
    } else {
        Err(wrong)
    }
}

/// One of the secrets that a master key of the system can be encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemSecret {
    /// The machine half of the secret as it is.
    CurrentMachine,
    /// The user half of the secret as it is.
    CurrentUser,
    /// The machine half of the secret before its last change.
    PreviousMachine,
    /// The user half of the secret before its last change.
    PreviousUser,
}

impl SystemSecret {
    /// Whether the secret was replaced since.
    pub fn is_previous(self) -> bool {
        matches!(self, Self::PreviousMachine | Self::PreviousUser)
    }
}

/// `DPAPI_SYSTEM` as it is and as it was before its last change.
#[derive(Debug, Clone, Default)]
pub struct SystemSecrets {
    /// From `CurrVal`.
    pub current: Option<DpapiSystem>,
    /// From `OldVal`.
    pub previous: Option<DpapiSystem>,
    /// Whether there is an `OldVal` that does not open: it may hold the secret that is wanted.
    pub previous_is_unreadable: bool,
}

impl SystemSecrets {
    /// Finds the secret that opens a master key file: current before previous, machine before user.
    ///
    /// Previous secrets that are the same as the current ones are not tried again.
    ///
    /// # Errors
    /// [`MasterKeyFailure::WrongSecret`] when none does, or what stops all of them.
    pub fn open(
        &self,
        file: &[u8],
        rounds: &mut Rounds,
    ) -> Result<(MasterKey, SystemSecret), MasterKeyFailure> {
        let parsed = MasterKeyFile::parse(file)?;
        let mut tried: Vec<&[u8; 20]> = Vec::new();
        for (which, secret) in self.in_order() {
            if tried.contains(&secret) {
                continue;
            }
            tried.push(secret);
            match open_section(file, &parsed.key, secret, rounds) {
                Ok(key) => return Ok((MasterKey::from_secret(parsed.guid, &key), which)),
                Err(MasterKeyFailure::WrongSecret) => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(if tried.is_empty() { MasterKeyFailure::NoSecret } else { MasterKeyFailure::WrongSecret })
    }

    fn in_order(&self) -> impl Iterator<Item = (SystemSecret, &[u8; 20])> {
        let current = self.current.iter().flat_map(|system| {
            [
                (SystemSecret::CurrentMachine, system.machine_key()),
                (SystemSecret::CurrentUser, system.user_key()),
            ]
        });
        let previous = self.previous.iter().flat_map(|system| {
            [
                (SystemSecret::PreviousMachine, system.machine_key()),
                (SystemSecret::PreviousUser, system.user_key()),
            ]
        });
        current.chain(previous)
    }
}
