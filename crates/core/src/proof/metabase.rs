//! Whether a container's keys are those of a metabase's session key.
//!
//! Which bytes are signed and with which hash is not public, so every likely combination is tried. The padding of the
//! signature is a proof of its own: only the private half of the key that reveals it can have made it.

use super::rsa::{Hash, PrivateKey, PublicKey, RsaError, SignatureForm};
use super::session::{Padding, SessionKey, UnwrapError};
use crate::artifact::metabase::MetabaseKey;

/// How well a statement is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// It was computed here and cannot come out by chance.
    Computed,
    /// The layout it rests on is known from one public sample.
    OneSample,
    /// It rests on an assumption about the format.
    Assumed,
}

/// What bytes a signature turned out to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signed {
    /// The wrapped key.
    Key,
    /// The wrapped key with the filler behind it.
    KeyWithFiller,
    /// The RSA ciphertext of the wrapped key alone.
    Ciphertext,
}

/// What a signature says about a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureVerdict {
    /// This key signed this session key.
    Verified {
        /// The hash.
        hash: Hash,
        /// How the digest stands in it.
        form: SignatureForm,
        /// What was hashed.
        over: Signed,
    },
    /// This key made the signature; what was signed is not known, or the session key was changed afterwards.
    MadeByThisKey {
        /// Length in bytes of what the padding holds.
        content: usize,
    },
    /// Another key of the same size made the signature.
    OtherKey,
    /// The signature is of a key of another size.
    OtherSize {
        /// Size in bits that the signature is as long as.
        needed: u32,
        /// Size in bits of the key.
        found: u32,
    },
}

impl SignatureVerdict {
    /// How well the verdict is founded.
    pub fn ground(self) -> Ground {
        match self {
            Self::Verified { .. } | Self::MadeByThisKey { .. } => Ground::Computed,
            Self::OtherSize { .. } => Ground::OneSample,
            // A padding other than PKCS#1 would look the same.
            Self::OtherKey => Ground::Assumed,
        }
    }

    /// Whether the private half of the key made the signature.
    pub fn is_made_by_key(self) -> bool {
        matches!(self, Self::Verified { .. } | Self::MadeByThisKey { .. })
    }
}

/// Checks the signature of a metabase's session key with the public signature key of a container.
pub fn verify(key: &MetabaseKey, signer: &PublicKey) -> SignatureVerdict {
    let signature: Vec<u8> = key.signature.iter().rev().copied().collect();
    let content = match signer.recover_pkcs1_v15(&signature) {
        Ok(content) => content,
        Err(RsaError::Length { .. }) => {
            return SignatureVerdict::OtherSize { needed: key.signature_bits(), found: signer.bits() };
        }
        Err(RsaError::Range | RsaError::Padding) => return SignatureVerdict::OtherKey,
    };
    let messages = [
        (Signed::Key, key.signed.as_slice()),
        (Signed::KeyWithFiller, key.signed_with_filler.as_slice()),
        (Signed::Ciphertext, key.key.ciphertext()),
    ];
    for (over, message) in messages {
        for hash in [Hash::Md5, Hash::Sha1] {
            if let Some(form) = signer.verify_pkcs1_v15(hash, &hash.digest(message), &signature) {
                return SignatureVerdict::Verified { hash, form, over };
            }
        }
    }
    SignatureVerdict::MadeByThisKey { content: content.len() }
}

/// Unwraps the session key of a metabase with the exchange key of a container.
///
/// # Errors
/// [`UnwrapError`] when the key has another size, or what comes out is no such key.
pub fn unwrap(key: &MetabaseKey, exchange: &PrivateKey) -> Result<SessionKey, UnwrapError> {
    SessionKey::unwrap(&key.key, exchange, Padding::Pkcs1)
}

#[cfg(test)]
mod tests;
