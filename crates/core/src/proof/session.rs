//! Session keys and the values under them: what opens, never what it says.
//!
//! Format facts: mimikatz `kuhl_m_iis.c` and JexusManager's AES provider agree on values of AES providers; the cipher of
//! values of the RSA provider and the Central Certificate Store's values stand on weaker ground, and verdicts say so.

mod cipher;

use std::fmt;

use data_encoding::BASE64;
use thiserror::Error;

use self::cipher::{Cbc, decrypt};
use super::Secret;
use super::rsa::{PrivateKey, RsaError};
use crate::artifact::config::{
    DataCipher, EncryptedSection, KeyAlgorithm, KeyWrap, PayloadError, RsaPayload, WrappedKey, payload_of_aes,
};

/// Random bytes in front of the text of a value.
const SALT: usize = 4;

/// How an RSA key wraps a session key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// PKCS#1 v1.5, which all known configurations use.
    Pkcs1,
    /// OAEP, when the provider says `useOAEP="true"`.
    Oaep,
}

impl Padding {
    /// The padding of a provider by its `useOAEP` attribute.
    pub fn of_provider(use_oaep: Option<bool>) -> Self {
        if use_oaep == Some(true) { Self::Oaep } else { Self::Pkcs1 }
    }
}

/// Why a key does not unwrap a session key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnwrapError {
    /// The session key needs an RSA key of another size.
    #[error("the session key needs an RSA key of {needed} bits, this one has {found}")]
    Size {
        /// Size in bits that it needs, rounded up to bytes.
        needed: u32,
        /// Size in bits of the key.
        found: u32,
    },
    /// Another key of the same size wrapped it.
    #[error("another RSA key of the same size wrapped the session key: {0}")]
    OtherKey(RsaError),
    /// What comes out is not as long as a key of that algorithm.
    #[error("{found} bytes come out, which is no key for {algorithm}")]
    KeyLength {
        /// The algorithm.
        algorithm: KeyAlgorithm,
        /// Length in bytes of what came out.
        found: usize,
    },
    /// The padding was right, but nothing is known about keys of that algorithm.
    #[error("the session key is for {0}, which no provider uses")]
    Algorithm(KeyAlgorithm),
}

/// An unwrapped session key.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    algorithm: KeyAlgorithm,
    key: Secret,
}

impl SessionKey {
    /// Unwraps a session key with the exchange key of the container.
    ///
    /// Success is a proof: a wrong key yields the padding and a key of the right length in fewer than one of 65536 cases.
    ///
    /// # Errors
    /// [`UnwrapError`] when the key has another size, or what comes out is no such key.
    pub fn unwrap(wrapped: &WrappedKey, key: &PrivateKey, padding: Padding) -> Result<Self, UnwrapError> {
        let (needed, found) = (wrapped.ciphertext().len(), key.public().len());
        if needed != found {
            return Err(UnwrapError::Size { needed: wrapped.modulus_bits(), found: key.public().bits() });
        }
        let big_endian: Vec<u8> = wrapped.ciphertext().iter().rev().copied().collect();
        let bytes = unpad(key, &big_endian, padding).map_err(UnwrapError::OtherKey)?;
        Self::of(wrapped.algorithm(), bytes)
    }

    fn of(algorithm: KeyAlgorithm, key: Secret) -> Result<Self, UnwrapError> {
        let found = key.expose().len();
        match algorithm.key_len() {
            None => Err(UnwrapError::Algorithm(algorithm)),
            Some(allowed) if allowed.contains(&found) => Ok(Self { algorithm, key }),
            Some(_) => Err(UnwrapError::KeyLength { algorithm, found }),
        }
    }

    /// What the key is for.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Whether a payload of an AES provider opens with this key, judged by the form of what comes out.
    pub fn decrypts(&self, payload: &[u8]) -> ValueVerdict {
        if let Err(error) = payload_of_aes(payload) {
            return ValueVerdict::of_shape(error);
        }
        match decrypt(self.algorithm, self.key.expose(), Cbc::ZeroBlock, payload) {
            None => ValueVerdict::OtherKey,
            Some(plain) if is_text_value(plain.expose(), 16) => ValueVerdict::Opens { confirmed: true },
            Some(_) => ValueVerdict::OtherKey,
        }
    }
}

#[cfg(test)]
impl SessionKey {
    pub(crate) fn key(&self) -> &Secret {
        &self.key
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({})", self.algorithm)
    }
}

/// Whether a value opens with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueVerdict {
    /// The value stands for an empty text; there is nothing to open.
    Empty,
    /// It opens: what comes out has the form of a secret.
    Opens {
        /// Whether that form is known from more than one source; where it is not, the proof is the unwrapped key alone.
        confirmed: bool,
    },
    /// Its own wrapped key opens, but what comes out has not the form that is assumed for it.
    KeyOpens,
    /// Another key made it, or it is damaged.
    OtherKey,
    /// It is nothing that its provider ever wrote; no key is at fault.
    Malformed(PayloadError),
    /// It is encrypted in a way that is not known here.
    Unknown,
}

impl ValueVerdict {
    fn of_shape(error: PayloadError) -> Self {
        if error == PayloadError::Empty { Self::Empty } else { Self::Malformed(error) }
    }
}

/// Whether a payload of the RSA provider opens with a container's key. The layout is certain, the cipher is assumed.
pub fn rsa_value(payload: &[u8], key: &PrivateKey, padding: Padding) -> ValueVerdict {
    let parsed = match RsaPayload::parse(payload) {
        Ok(parsed) => parsed,
        Err(error) => return ValueVerdict::of_shape(error),
    };
    let session = match SessionKey::unwrap(&parsed.key, key, padding) {
        Ok(session) => session,
        Err(UnwrapError::Algorithm(_)) => return ValueVerdict::KeyOpens,
        Err(_) => return ValueVerdict::OtherKey,
    };
    match decrypt(session.algorithm, session.key.expose(), Cbc::ZeroBlock, &parsed.ciphertext) {
        Some(plain) if is_text_value(plain.expose(), 8) => ValueVerdict::Opens { confirmed: false },
        _ => ValueVerdict::KeyOpens,
    }
}

/// Whether a password of the Central Certificate Store (registry value as text or bytes) opens with `iisWasKey`.
///
/// One public source says how these are written: PKCS#1 v1.5 over UTF-16 text, byte-reversed.
pub fn central_store_value(value: &[u8], key: &PrivateKey) -> ValueVerdict {
    let text: Option<Vec<u8>> = std::str::from_utf8(value).ok().and_then(|text| {
        let text = text.trim_end_matches('\0').trim();
        BASE64.decode(text.as_bytes()).ok().filter(|bytes| !bytes.is_empty())
    });
    let bytes = text.as_deref().unwrap_or(value);
    if bytes.is_empty() {
        return ValueVerdict::Empty;
    }
    let big_endian: Vec<u8> = bytes.iter().rev().copied().collect();
    match key.decrypt_pkcs1_v15(&big_endian) {
        Ok(plain) if is_text(strip_terminator(plain.expose())) => ValueVerdict::Opens { confirmed: false },
        Ok(_) => ValueVerdict::KeyOpens,
        Err(_) => ValueVerdict::OtherKey,
    }
}

/// Whether a section that ASP.NET encrypted opens with a container's key.
pub fn section(section: &EncryptedSection, key: &PrivateKey) -> ValueVerdict {
    let (Some(wrapped), Some(content)) = (&section.wrapped_key, &section.content) else {
        return ValueVerdict::Unknown;
    };
    let padding = match section.key_wrap {
        Some(KeyWrap::RsaPkcs1) => Padding::Pkcs1,
        Some(KeyWrap::RsaOaep) => Padding::Oaep,
        _ => return ValueVerdict::Unknown,
    };
    let (algorithm, block) = match section.cipher {
        Some(DataCipher::TripleDes) => (KeyAlgorithm::TripleDes, 8),
        Some(DataCipher::Aes128) => (KeyAlgorithm::Aes128, 16),
        Some(DataCipher::Aes192) => (KeyAlgorithm::Aes192, 16),
        Some(DataCipher::Aes256) => (KeyAlgorithm::Aes256, 16),
        _ => return ValueVerdict::Unknown,
    };
    if content.len() % block != 0 {
        let error = PayloadError::Length { len: content.len(), block };
        return ValueVerdict::Malformed(error);
    }
    let Ok(session) = unpad(key, wrapped, padding).map(|bytes| SessionKey::of(algorithm, bytes)) else {
        return ValueVerdict::OtherKey;
    };
    let Ok(session) = session else { return ValueVerdict::KeyOpens };
    let plain = decrypt(algorithm, session.key.expose(), Cbc::BlockInFront, content);
    let element = plain.as_ref().and_then(|plain| {
        let (padding, rest) = plain.expose().split_last()?;
        // XML Encryption says nothing about the bytes of the padding but the last.
        let len = plain.expose().len().checked_sub(usize::from(*padding))?;
        ((1..=block).contains(&usize::from(*padding))).then(|| rest.get(..len)).flatten()
    });
    match element {
        Some(text) if text.starts_with(b"<") && std::str::from_utf8(text).is_ok() => {
            ValueVerdict::Opens { confirmed: true }
        }
        _ => ValueVerdict::KeyOpens,
    }
}

fn unpad(key: &PrivateKey, ciphertext: &[u8], padding: Padding) -> Result<Secret, RsaError> {
    match padding {
        Padding::Pkcs1 => key.decrypt_pkcs1_v15(ciphertext),
        Padding::Oaep => key.decrypt_oaep_sha1(ciphertext),
    }
}

/// Whether decrypted blocks are random bytes, UTF-16 text, its terminator, filler and padding.
fn is_text_value(plain: &[u8], block: usize) -> bool {
    let Some(&last) = plain.last() else { return false };
    let padding = usize::from(last);
    let Some(body) = plain.len().checked_sub(padding).and_then(|len| plain.split_at_checked(len)) else {
        return false;
    };
    if !(1..=block).contains(&padding) || body.1.iter().any(|&byte| byte != last) {
        return false;
    }
    let units = body.0.get(SALT..).unwrap_or_default().as_chunks::<2>().0;
    let Some(end) = units.iter().position(|unit| *unit == [0, 0]) else { return false };
    let filler = body.0.len().saturating_sub(SALT + 2 * end + 2);
    let text = body.0.get(SALT..SALT + 2 * end).unwrap_or_default();
    filler < 16 && is_text(text)
}

/// Whether bytes are UTF-16LE without control characters.
fn is_text(bytes: &[u8]) -> bool {
    let (units, rest) = bytes.as_chunks::<2>();
    rest.is_empty()
        && char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)))
            .all(|c| c.is_ok_and(|c| !c.is_control() && !matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff)))
}

fn strip_terminator(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(&[0, 0]).filter(|rest| rest.len() % 2 == 0).unwrap_or(bytes)
}

#[cfg(test)]
mod tests;
