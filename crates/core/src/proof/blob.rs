//! Opening DPAPI blobs with a master key.
//!
//! The signature decides: it covers the whole blob, so a wrong master key or wrong entropy is told from damage without
//! looking at what decrypts. Facts: impacket `dpapi.py`, DPAPIck3 `crypto.py`.

use thiserror::Error;

use super::Secret;
use super::crypto::{Cipher, Hash, Wiped, same, unpad};
use super::master_key::MasterKey;
use crate::artifact::dpapi_blob::{BlobError, DpapiBlob};

/// Why a blob does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlobFailure {
    /// The blob is not whole, before anything is decrypted.
    #[error(transparent)]
    Malformed(#[from] BlobError),
    /// An algorithm or a key length that is not known.
    #[error(
        "the blob is protected with the unsupported algorithms {cipher:#06x} with {bits} bits and {hash:#06x}"
    )]
    UnsupportedAlgorithm {
        /// Encryption algorithm as an `ALG_ID`.
        cipher: u32,
        /// Key length in bits.
        bits: u32,
        /// Hash algorithm as an `ALG_ID`.
        hash: u32,
    },
    /// A password that a user typed is part of the key.
    #[error("the blob needs a password that a user typed")]
    UserPassword,
    /// The master key or the entropy is another one: the signature does not match.
    #[error("the signature does not match: another master key, other entropy, or changed bytes")]
    WrongKey,
    /// The signature matches, but the ciphertext does not end as it must.
    #[error(
        "the signature matches, but the {found} bytes of ciphertext at offset {offset:#x} do not decrypt"
    )]
    Ciphertext {
        /// Offset in bytes from the start of the blob.
        offset: usize,
        /// Length in bytes of the ciphertext.
        found: usize,
    },
}

/// The two ways in which Windows mixes key, salt and entropy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mixing {
    /// One HMAC over everything, as Vista and later do.
    Whole,
    /// An HMAC of the salt whose outer hash goes on over the rest, as 2000, XP and 2003 do.
    Outer,
}

impl Mixing {
    fn mix(self, hash: Hash, key: &[u8], salt: &[u8], rest: &[&[u8]]) -> Wiped {
        match self {
            Self::Whole => {
                let all: Vec<&[u8]> = std::iter::once(salt).chain(rest.iter().copied()).collect();
                hash.hmac(key, &all)
            }
            Self::Outer => {
                let inner = hash.padded(key, 0x36, &[salt]);
                let all: Vec<&[u8]> = std::iter::once(inner.as_slice()).chain(rest.iter().copied()).collect();
                hash.padded(key, 0x5c, &all)
            }
        }
    }
}

/// Opens the blob at the start of `bytes`; `entropy` is what the program that made it added, often nothing.
///
/// # Errors
/// [`BlobFailure`]: damage, algorithms that are not known, and a wrong key are told apart.
pub fn open(bytes: &[u8], key: &MasterKey, entropy: &[u8]) -> Result<Secret, BlobFailure> {
    let blob = DpapiBlob::parse_prefix(bytes)?;
    let part = |range: &std::ops::Range<usize>| bytes.get(range.clone()).unwrap_or_default();
    let (cipher, hash) = algorithms(&blob)?;
    if !blob.strong.is_empty() {
        return Err(BlobFailure::UserPassword);
    }
    let (hmac_key, signed, sign) = (part(&blob.hmac_key), part(&blob.signed), part(&blob.sign));
    let mixing = [Mixing::Whole, Mixing::Outer]
        .into_iter()
        .find(|mixing| same(&mixing.mix(hash, key.hash(), hmac_key, &[entropy, signed]), sign))
        .ok_or(BlobFailure::WrongKey)?;

    let session = mixing.mix(hash, key.hash(), part(&blob.salt), &[entropy]);
    let derived = derive(hash, session, cipher.key_len());
    let iv = vec![0; cipher.block()];
    derived
        .get(..cipher.key_len())
        .and_then(|key| cipher.decrypt(key, &iv, part(&blob.data)))
        .and_then(|clear| unpad(clear, cipher.block()))
        .map(|clear| Secret::new(clear.to_vec()))
        .ok_or(BlobFailure::Ciphertext { offset: blob.data.start, found: blob.data.len() })
}

fn algorithms(blob: &DpapiBlob) -> Result<(Cipher, Hash), BlobFailure> {
    let header = &blob.header;
    let unsupported = BlobFailure::UnsupportedAlgorithm {
        cipher: header.cipher,
        bits: header.cipher_bits,
        hash: header.hash,
    };
    let (Some(cipher), Some(hash)) = (Cipher::from_id(header.cipher), Hash::from_id(header.hash)) else {
        return Err(unsupported);
    };
    let bits = cipher.key_len() as u32 * 8;
    // 3DES keys are 168 bits long without parity and some versions of Windows say so; the key is 192 bits all the same.
    let known = header.cipher_bits == bits || (cipher == Cipher::Des3 && header.cipher_bits < bits);
    if known { Ok((cipher, hash)) } else { Err(unsupported) }
}

/// The cipher's key: the session key when it is long enough, otherwise two digests of it.
///
/// Windows sets the parity bits of 3DES keys, which the cipher ignores.
fn derive(hash: Hash, session: Wiped, len: usize) -> Wiped {
    if session.len() >= len {
        return session;
    }
    let mut key = hash.padded(&session, 0x36, &[]);
    key.extend_from_slice(&hash.padded(&session, 0x5c, &[]));
    key
}
