//! The LSA's keys from the boot key, and the secrets that they open.
//!
//! The formats carry no checksum. What decrypts is believed only when the lengths, zeros and versions that every real
//! value has are there, so a wrong key ends in [`LsaFailure::DoesNotDecode`].

use std::fmt;

use md5::Md5;
use rc4::{Rc4, StreamCipher};
use sha2::Digest;
use thiserror::Error;
use zeroize::Zeroizing;

use super::crypto::{Hash, Wiped, aes256_ecb, des_block};
use super::{BootKey, Secret};
use crate::artifact::bytes::{array, slice, u32_le};
use crate::artifact::container::Guid;
use crate::artifact::lsa::{ALGORITHM_AES, LsaFault, Nt5Secret, PolicyKey, Record};

/// How often salt or boot key are hashed.
const ROUNDS: usize = 1000;
/// Length in bytes of a decrypted key list before its keys.
const LIST_HEADER: usize = 28;
/// Offset in bytes of the number of keys in a decrypted key list.
const LIST_COUNT: usize = 24;
/// Length in bytes of one of its keys before the key's own bytes: a GUID, a type and a length.
const KEY_HEADER: usize = 24;
/// Version of the old format of decrypted secrets.
const NT5_VERSION: u32 = 1;
/// Length in bytes of the decrypted secret `DPAPI_SYSTEM`.
const DPAPI_SYSTEM_LEN: usize = 44;

/// Why a key list or a secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LsaFailure {
    /// The value is not whole, before anything is decrypted.
    #[error(transparent)]
    Malformed(#[from] LsaFault),
    /// A whole block of the ciphertext is zero, which no encryption leaves: the value is damaged.
    #[error("the {what} has blocks of zeros in its ciphertext")]
    ZeroFilled {
        /// Which value.
        what: &'static str,
    },
    /// What comes out is not what the value must hold: the key is another machine's or another moment's.
    #[error("the {what} does not decode: it was encrypted with another key")]
    DoesNotDecode {
        /// Which value.
        what: &'static str,
    },
    /// The secret names a key that the key list does not have: the values are of different moments or machines.
    #[error("the secret needs the key {wanted}, which the key list does not have; it has {known:?}")]
    KeyNotInList {
        /// The key that the secret names.
        wanted: Guid,
        /// The keys in the list.
        known: Vec<Guid>,
    },
    /// An encryption that is not known.
    #[error("the {what} is encrypted with the unknown algorithm {algorithm}")]
    UnsupportedAlgorithm {
        /// Which value.
        what: &'static str,
        /// Number of the algorithm.
        algorithm: u32,
    },
    /// The secret opens, but does not hold the two keys of `DPAPI_SYSTEM`.
    #[error("the secret opens, but is not DPAPI_SYSTEM version 1: {len} bytes where 44 are expected")]
    NotDpapiSystem {
        /// Length in bytes of the secret.
        len: usize,
    },
}

/// The keys that secrets are encrypted with.
#[derive(Clone)]
pub struct LsaKeys(Keys);

#[derive(Clone)]
enum Keys {
    Old(Secret),
    List(Vec<(Guid, Secret)>),
}

impl fmt::Debug for LsaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Keys::Old(_) => f.write_str("LsaKeys(NT5)"),
            Keys::List(keys) => f.debug_list().entries(keys.iter().map(|(guid, _)| guid)).finish(),
        }
    }
}

impl LsaKeys {
    /// Opens the default value of `PolEKList`, of Vista and later.
    ///
    /// # Errors
    /// [`LsaFailure`] when the value is damaged or the boot key is not the right one.
    pub fn from_key_list(value: &[u8], boot_key: &BootKey) -> Result<Self, LsaFailure> {
        let what = "key list";
        let record = Record::parse(value, what)?;
        let clear = open_record(value, &record, boot_key.expose(), what)?;
        key_list(clear.expose()).map(|keys| Self(Keys::List(keys))).ok_or(LsaFailure::DoesNotDecode { what })
    }

    /// Opens the default value of `PolSecretEncryptionKey`, of XP and 2003.
    ///
    /// Nothing in it tells a wrong boot key; the first secret does.
    ///
    /// # Errors
    /// [`LsaFailure`] when the value is damaged.
    pub fn from_policy_key(value: &[u8], boot_key: &BootKey) -> Result<Self, LsaFailure> {
        let what = "policy key";
        let parts = PolicyKey::parse(value)?;
        let salt = value.get(parts.salt).unwrap_or_default();
        let mut digest = Md5::new();
        digest.update(boot_key.expose());
        for _ in 0..ROUNDS {
            digest.update(salt);
        }
        let key = Zeroizing::new(digest.finalize().to_vec());
        let mut clear = Zeroizing::new(value.get(parts.data).unwrap_or_default().to_vec());
        let failed = LsaFailure::DoesNotDecode { what };
        let Ok(mut cipher) = <Rc4 as rc4::KeyInit>::new_from_slice(&key) else { return Err(failed) };
        cipher.apply_keystream(&mut clear);
        let key = clear.get(16..32).ok_or(failed)?;
        Ok(Self(Keys::Old(Secret::new(key.to_vec()))))
    }

    /// GUIDs of the keys, in the order of the list; none in the old format.
    pub fn ids(&self) -> Vec<Guid> {
        match &self.0 {
            Keys::Old(_) => Vec::new(),
            Keys::List(keys) => keys.iter().map(|(guid, _)| *guid).collect(),
        }
    }

    #[cfg(test)]
    pub(super) fn only_key(&self) -> &[u8] {
        match &self.0 {
            Keys::Old(key) => key.expose(),
            Keys::List(keys) => keys.first().map(|(_, key)| key.expose()).unwrap_or_default(),
        }
    }

    /// Opens a secret's `CurrVal` or `OldVal`.
    ///
    /// # Errors
    /// [`LsaFailure`] when the value is damaged, names a key that is not in the list, or does not open.
    pub fn open_secret(&self, value: &[u8]) -> Result<Secret, LsaFailure> {
        let what = "secret";
        match &self.0 {
            Keys::Old(key) => {
                let parts = Nt5Secret::parse(value)?;
                let data = value.get(parts.data).unwrap_or_default();
                if has_zero_block(data, 8) {
                    return Err(LsaFailure::ZeroFilled { what });
                }
                old_secret(data, key.expose()).ok_or(LsaFailure::DoesNotDecode { what })
            }
            Keys::List(keys) => {
                let record = Record::parse(value, what)?;
                let (_, key) = keys
                    .iter()
                    .find(|(guid, _)| *guid == record.key)
                    .ok_or_else(|| LsaFailure::KeyNotInList { wanted: record.key, known: self.ids() })?;
                open_record(value, &record, key.expose(), what)
            }
        }
    }

    /// Opens the secret `DPAPI_SYSTEM`.
    ///
    /// # Errors
    /// As [`Self::open_secret`], and [`LsaFailure::NotDpapiSystem`] when something else is inside.
    pub fn open_dpapi_system(&self, value: &[u8]) -> Result<DpapiSystem, LsaFailure> {
        DpapiSystem::from_secret(&self.open_secret(value)?)
    }
}

/// The two secrets that master keys of the system are encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct DpapiSystem {
    machine_key: Zeroizing<[u8; 20]>,
    user_key: Zeroizing<[u8; 20]>,
}

impl DpapiSystem {
    /// Reads the opened secret: a version of 1 and two keys of 20 bytes.
    ///
    /// # Errors
    /// [`LsaFailure::NotDpapiSystem`] when length or version are others.
    pub fn from_secret(secret: &Secret) -> Result<Self, LsaFailure> {
        let bytes = secret.expose();
        let wrong = || LsaFailure::NotDpapiSystem { len: bytes.len() };
        if bytes.len() != DPAPI_SYSTEM_LEN || u32_le(bytes, 0) != Ok(1) {
            return Err(wrong());
        }
        Ok(Self {
            machine_key: Zeroizing::new(array(bytes, 4).map_err(|_| wrong())?),
            user_key: Zeroizing::new(array(bytes, 24).map_err(|_| wrong())?),
        })
    }

    /// The secret of the master keys in `S-1-5-18`.
    pub(crate) fn machine_key(&self) -> &[u8; 20] {
        &self.machine_key
    }

    /// The secret of the master keys in `S-1-5-18\User`.
    pub(crate) fn user_key(&self) -> &[u8; 20] {
        &self.user_key
    }
}

impl fmt::Debug for DpapiSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpapiSystem(..)")
    }
}

fn open_record(value: &[u8], record: &Record, key: &[u8], what: &'static str) -> Result<Secret, LsaFailure> {
    if record.algorithm != ALGORITHM_AES {
        return Err(LsaFailure::UnsupportedAlgorithm { what, algorithm: record.algorithm });
    }
    let salt = value.get(record.salt.clone()).unwrap_or_default();
    let data = value.get(record.data.clone()).unwrap_or_default();
    if has_zero_block(data, 16) {
        return Err(LsaFailure::ZeroFilled { what });
    }
    let mut parts = vec![key];
    parts.resize(ROUNDS + 1, salt);
    let key = Hash::Sha256.digest(&parts);
    aes256_ecb(&key, data).and_then(|clear| counted(&clear)).ok_or(LsaFailure::DoesNotDecode { what })
}

fn has_zero_block(data: &[u8], len: usize) -> bool {
    data.chunks_exact(len).any(|block| block.iter().all(|&byte| byte == 0))
}

/// The bytes behind a length and twelve zeros.
fn counted(clear: &[u8]) -> Option<Secret> {
    let len = u32_le(clear, 0).ok()? as usize;
    if slice(clear, 4, 12).ok()?.iter().any(|&b| b != 0) {
        return None;
    }
    Some(Secret::new(slice(clear, 16, len).ok()?.to_vec()))
}

/// The keys of a decrypted list; `None` when it is not one.
fn key_list(clear: &[u8]) -> Option<Vec<(Guid, Secret)>> {
    let count = u32_le(clear, LIST_COUNT).ok()?;
    let mut at = LIST_HEADER;
    let mut keys = Vec::new();
    for _ in 0..count {
        let guid = Guid::from_fields(array(clear, at).ok()?);
        let len = u32_le(clear, at.checked_add(20)?).ok()? as usize;
        at = at.checked_add(KEY_HEADER)?;
        keys.push((guid, Secret::new(slice(clear, at, len).ok()?.to_vec())));
        at = at.checked_add(len)?;
    }
    (!keys.is_empty()).then_some(keys)
}

fn old_secret(data: &[u8], key: &[u8]) -> Option<Secret> {
    let mut clear: Wiped = Zeroizing::new(data.to_vec());
    let mut at = 0;
    for block in clear.chunks_mut(8) {
        des_block(slice(key, at, 7).ok()?, block)?;
        at = at.checked_add(7)?;
        // The window of seven bytes slides over the key; when it no longer fits, it starts as far in as bytes were left.
        let left = key.len().checked_sub(at)?;
        if left < 7 {
            at = left;
        }
    }
    let len = u32_le(&clear, 0).ok()? as usize;
    if u32_le(&clear, 4).ok()? != NT5_VERSION {
        return None;
    }
    Some(Secret::new(slice(&clear, 8, len).ok()?.to_vec()))
}
