//! Public keys as they stand in clear in CAPI and CNG containers.
//!
//! Format facts: mimikatz `kull_m_key.h`, Microsoft's documentation of `BCRYPT_RSAKEY_BLOB` and `BCRYPT_ECCKEY_BLOB`.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::artifact::bytes::{array, slice, u32_le};

/// Bytes of a CAPI public key block before its modulus.
const CAPI_HEADER: usize = 20;
/// Bytes of a CNG public key blob before its exponent.
const BCRYPT_HEADER: usize = 24;

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// RSA.
    Rsa,
    /// DSS or Diffie-Hellman.
    Dss,
    /// Elliptic curves.
    Ec,
    /// Something else.
    Other,
}

/// What a container says in clear about its public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    /// RSA, DSS, ...
    pub algorithm: Algorithm,
    /// Key size in bits.
    pub bits: u32,
    /// Public exponent, where there is one and it fits.
    pub exponent: Option<u64>,
    /// SHA-256 of the RSA modulus, big-endian without leading zeros: the same for CAPI, CNG and a certificate.
    #[serde(serialize_with = "hex")]
    pub modulus_sha256: Option<[u8; 32]>,
    /// Length in bytes of the RSA modulus without leading zeros.
    pub modulus_len: usize,
}

fn hex<S: serde::Serializer>(digest: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    match digest {
        Some(digest) => serializer.serialize_some(&to_hex(digest)),
        None => serializer.serialize_none(),
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Why a public key block cannot be what its magic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicFault {
    /// The block does not start with a known magic.
    Magic {
        /// The first four bytes, zeros where there are fewer.
        found: [u8; 4],
    },
    /// The block is shorter than the lengths inside it say.
    Length {
        /// Bytes that it says it needs.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// The modulus is zero.
    ZeroModulus,
    /// The modulus has no room for the key size that the block claims.
    Bits {
        /// Claimed size in bits.
        claimed: u32,
        /// Size in bits that the modulus really has, rounded up to bytes.
        found: u64,
    },
}

impl PublicKey {
    /// Reads the public key block of a CAPI container: RSA in full, of DSS only the size.
    ///
    /// # Errors
    /// [`PublicFault`] when the magic is neither, or an RSA block is shorter than it says.
    pub fn from_capi(block: &[u8]) -> Result<Self, PublicFault> {
        match &magic(block) {
            b"RSA1" => {}
            [b'D', b'S' | b'H', ..] => {
                let bits = u32_le(block, 4).unwrap_or_default();
                return Ok(Self {
                    algorithm: Algorithm::Dss,
                    bits,
                    exponent: None,
                    modulus_sha256: None,
                    modulus_len: 0,
                });
            }
            &found => return Err(PublicFault::Magic { found }),
        }
        let short = |expected| PublicFault::Length { expected, found: block.len() as u64 };
        let Ok(header) = array::<CAPI_HEADER>(block, 0) else { return Err(short(CAPI_HEADER as u64)) };
        let number = |at| u32_le(&header, at).unwrap_or_default();
        let (padded, bits, exponent) = (number(4), number(8), number(16));
        let modulus = slice(block, CAPI_HEADER, padded as usize)
            .map_err(|_| short(CAPI_HEADER as u64 + u64::from(padded)))?;
        let significant = modulus.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        let big_endian: Vec<u8> = modulus.iter().take(significant).rev().copied().collect();
        Self::rsa(bits, Some(u64::from(exponent)), &big_endian)
    }

    /// Reads a CNG public key blob: `RSA1`, or an elliptic curve (`ECS1`, `ECK1`, ...) of which only the size is known.
    ///
    /// # Errors
    /// [`PublicFault`] when the magic is none of these, or the blob is shorter than it says.
    pub fn from_bcrypt(blob: &[u8]) -> Result<Self, PublicFault> {
        match &magic(blob) {
            b"RSA1" => {}
            [b'E', b'C', b'S' | b'K', _] => {
                let bits = u32_le(blob, 4).unwrap_or_default().saturating_mul(8);
                return Ok(Self {
                    algorithm: Algorithm::Ec,
                    bits,
                    exponent: None,
                    modulus_sha256: None,
                    modulus_len: 0,
                });
            }
            &found => return Err(PublicFault::Magic { found }),
        }
        let short = |expected| PublicFault::Length { expected, found: blob.len() as u64 };
        let Ok(header) = array::<BCRYPT_HEADER>(blob, 0) else { return Err(short(BCRYPT_HEADER as u64)) };
        let number = |at| u32_le(&header, at).unwrap_or_default();
        let (bits, exponent_len, modulus_len) = (number(4), number(8), number(12));
        let end = BCRYPT_HEADER as u64 + u64::from(exponent_len) + u64::from(modulus_len);
        let exponent = slice(blob, BCRYPT_HEADER, exponent_len as usize).map_err(|_| short(end))?;
        let modulus = slice(blob, BCRYPT_HEADER.saturating_add(exponent_len as usize), modulus_len as usize)
            .map_err(|_| short(end))?;
        let start = modulus.iter().position(|&b| b != 0).unwrap_or(modulus.len());
        let exponent = (exponent.len() <= 8)
            .then(|| exponent.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte)));
        Self::rsa(bits, exponent, modulus.get(start..).unwrap_or_default())
    }

    fn rsa(bits: u32, exponent: Option<u64>, modulus: &[u8]) -> Result<Self, PublicFault> {
        if modulus.is_empty() {
            return Err(PublicFault::ZeroModulus);
        }
        let found = modulus.len() as u64 * 8;
        if u64::from(bits) > found {
            return Err(PublicFault::Bits { claimed: bits, found });
        }
        Ok(Self {
            algorithm: Algorithm::Rsa,
            bits,
            exponent,
            modulus_sha256: Some(Sha256::digest(modulus).into()),
            modulus_len: modulus.len(),
        })
    }

    /// The modulus digest as hexadecimal text.
    pub fn modulus_sha256_hex(&self) -> Option<String> {
        self.modulus_sha256.map(|digest| to_hex(&digest))
    }
}

fn magic(block: &[u8]) -> [u8; 4] {
    array(block, 0).unwrap_or_default()
}
