//! A session key as a configuration carries it: a `SIMPLEBLOB`, the key encrypted with the container's RSA key.
//!
//! Format facts: Microsoft's documentation of `PUBLICKEYSTRUC`, of simple key BLOBs and of `ALG_ID`.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::enc::decode;
use crate::artifact::bytes::{Truncated, array, u32_le};

/// Bytes before the ciphertext.
pub(super) const HEADER_LEN: usize = 12;
/// `CALG_RSA_KEYX`, the only wrapping.
const RSA_KEY_EXCHANGE: u32 = 0xa400;
/// Length in bytes of the ciphertext: RSA with 384 to 16384 bits.
const CIPHERTEXT_LEN: std::ops::RangeInclusive<usize> = 48..=2048;

/// What a wrapped key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// AES with 128 bits (0x660e).
    Aes128,
    /// AES with 192 bits (0x660f).
    Aes192,
    /// AES with 256 bits (0x6610).
    Aes256,
    /// Triple DES with three keys (0x6603).
    TripleDes,
    /// RC4 (0x6801).
    Rc4,
    /// Any other `ALG_ID`.
    Other(u32),
}

impl KeyAlgorithm {
    /// The algorithm of an `ALG_ID`.
    pub fn of(id: u32) -> Self {
        match id {
            0x660e => Self::Aes128,
            0x660f => Self::Aes192,
            0x6610 => Self::Aes256,
            0x6603 => Self::TripleDes,
            0x6801 => Self::Rc4,
            other => Self::Other(other),
        }
    }

    /// Lengths in bytes that a key may have; `None` when the algorithm is not known.
    pub fn key_len(self) -> Option<std::ops::RangeInclusive<usize>> {
        match self {
            Self::Aes128 => Some(16..=16),
            Self::Aes192 | Self::TripleDes => Some(24..=24),
            Self::Aes256 => Some(32..=32),
            // 40 bits on export systems, 128 on others.
            Self::Rc4 => Some(5..=16),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aes128 => f.write_str("AES-128"),
            Self::Aes192 => f.write_str("AES-192"),
            Self::Aes256 => f.write_str("AES-256"),
            Self::TripleDes => f.write_str("3DES"),
            Self::Rc4 => f.write_str("RC4"),
            Self::Other(0x6601) => f.write_str("DES"),
            Self::Other(0x6602) => f.write_str("RC2"),
            Self::Other(0x6609) => f.write_str("3DES with two keys"),
            Self::Other(id) => write!(f, "algorithm {id:#x}"),
        }
    }
}

/// Why a text or a blob is no wrapped key. Offsets are in bytes of the decoded blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionKeyError {
    /// There is no text.
    #[error("the attribute is empty")]
    Empty,
    /// The text is not base64.
    #[error("{chars} characters that are not base64")]
    NotBase64 {
        /// Characters in the attribute.
        chars: usize,
    },
    /// The header is cut off.
    #[error("the header is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// Not a `SIMPLEBLOB` of version 2.
    #[error("type 1, version 2 and two zeros are expected at offset 0, found {found:02x?}")]
    Kind {
        /// The four bytes.
        found: [u8; 4],
    },
    /// Not wrapped by RSA key exchange.
    #[error("0xa400 (RSA) is expected at offset 8, found {found:#x}")]
    Wrapping {
        /// The `ALG_ID`.
        found: u32,
    },
    /// The ciphertext is shorter or longer than that of any RSA key.
    #[error("48 to 2048 bytes of ciphertext are expected at offset 12, found {found}")]
    Ciphertext {
        /// Its length in bytes.
        found: usize,
    },
}

/// A key under an RSA key.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    algorithm: KeyAlgorithm,
    blob: Vec<u8>,
}

impl WrappedKey {
    /// Reads the base64 of a `sessionKey` attribute.
    ///
    /// # Errors
    /// [`SessionKeyError`] when it is empty, no base64 or no wrapped key.
    pub fn from_base64(text: &str) -> Result<Self, SessionKeyError> {
        if text.trim().is_empty() {
            return Err(SessionKeyError::Empty);
        }
        let blob = decode(text).ok_or_else(|| SessionKeyError::NotBase64 { chars: text.chars().count() })?;
        Self::parse(&blob)
    }

    /// Reads a `SIMPLEBLOB`; its ciphertext is everything behind the header.
    ///
    /// # Errors
    /// [`SessionKeyError`] when it is none.
    pub fn parse(blob: &[u8]) -> Result<Self, SessionKeyError> {
        let found = array(blob, 0)?;
        if found != [1, 2, 0, 0] {
            return Err(SessionKeyError::Kind { found });
        }
        let (algorithm, wrapping) = (u32_le(blob, 4)?, u32_le(blob, 8)?);
        if wrapping != RSA_KEY_EXCHANGE {
            return Err(SessionKeyError::Wrapping { found: wrapping });
        }
        let found = blob.len().saturating_sub(HEADER_LEN);
        if !CIPHERTEXT_LEN.contains(&found) {
            return Err(SessionKeyError::Ciphertext { found });
        }
        Ok(Self { algorithm: KeyAlgorithm::of(algorithm), blob: blob.to_vec() })
    }

    /// What the wrapped key is for.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The RSA ciphertext, little-endian as it stands in the blob.
    pub fn ciphertext(&self) -> &[u8] {
        self.blob.get(HEADER_LEN..).unwrap_or_default()
    }

    /// Size in bits of the RSA modulus that the ciphertext is as long as.
    pub fn modulus_bits(&self) -> u32 {
        u32::try_from(self.ciphertext().len() * 8).unwrap_or(u32::MAX)
    }

    /// SHA-256 of the whole blob: two copies of a configuration with the same one have the same session key.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.blob).into()
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({}, RSA {} bits)", self.algorithm, self.modulus_bits())
    }
}
