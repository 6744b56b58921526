//! What the payloads of encrypted values show without any key.
//!
//! Format facts: public configurations; the layout of values of the RSA provider is certain, the cipher inside is not.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use thiserror::Error;

use super::session_key::{SessionKeyError, WrappedKey};
use crate::artifact::bytes::{Truncated, array, slice, u32_le};

/// Block of AES in bytes, which values of CNG come in as well.
const BLOCK: usize = 16;
/// Shortest value of CNG: sixteen bytes, the constant, one block.
const SHORTEST_CNG: usize = 64;

/// Why a payload cannot be what its provider writes, whatever the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// There is none: the value stands for an empty text.
    #[error("the payload is empty")]
    Empty,
    /// A text from a documentation page where a payload belongs.
    #[error("the payload is a placeholder out of a documentation page")]
    Placeholder,
    /// The length is not that of whole blocks.
    #[error("{len} bytes are not whole blocks of {block}")]
    Length {
        /// Length in bytes of what should be blocks.
        len: usize,
        /// Bytes of a block.
        block: usize,
    },
    /// The payload ends too early.
    #[error("the payload is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// The wrapped key in front of an RSA provider's value is none.
    #[error("the wrapped key in the payload: {0}")]
    Key(#[from] SessionKeyError),
}

/// Whether a payload reads as the joke that documentation samples carry: base64 text that is hexadecimal for plain text.
pub fn is_placeholder(payload: &[u8]) -> bool {
    let text = BASE64.encode(payload);
    text.len() >= 8
        && HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .is_ok_and(|plain| plain.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '))
}

/// Checks a payload of an AES provider: whole blocks and no placeholder.
///
/// # Errors
/// [`PayloadError`] when it is empty, a placeholder or not made of blocks.
pub fn payload_of_aes(payload: &[u8]) -> Result<(), PayloadError> {
    whole_blocks(payload, BLOCK)
}

fn whole_blocks(payload: &[u8], block: usize) -> Result<(), PayloadError> {
    match payload.len() {
        0 => Err(PayloadError::Empty),
        _ if is_placeholder(payload) => Err(PayloadError::Placeholder),
        len if len % block != 0 => Err(PayloadError::Length { len, block }),
        _ => Ok(()),
    }
}

/// A value of the RSA provider: its own wrapped key, then the ciphertext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPayload {
    /// The key of this one value.
    pub key: WrappedKey,
    /// What it encrypts.
    pub ciphertext: Vec<u8>,
}

impl RsaPayload {
    /// Takes a payload apart.
    ///
    /// # Errors
    /// [`PayloadError`] when it is empty, a placeholder, cut off, or no wrapped key is in front.
    pub fn parse(payload: &[u8]) -> Result<Self, PayloadError> {
        whole_blocks(payload, 1)?;
        let len = u32_le(payload, 0)? as usize;
        let key = WrappedKey::parse(slice(payload, 4, len)?)?;
        let ciphertext = payload.get(len.saturating_add(4)..).unwrap_or_default();
        if ciphertext.is_empty() || ciphertext.len() % 8 != 0 {
            return Err(PayloadError::Length { len: ciphertext.len(), block: 8 });
        }
        Ok(Self { key, ciphertext: ciphertext.to_vec() })
    }
}

/// A value of the CNG provider, of which only one constant is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CngPayload {
    group: [u8; 32],
}

impl CngPayload {
    /// Takes a payload apart.
    ///
    /// # Errors
    /// [`PayloadError`] when it is empty, a placeholder, too short or not made of blocks.
    pub fn parse(payload: &[u8]) -> Result<Self, PayloadError> {
        whole_blocks(payload, BLOCK)?;
        slice(payload, 0, SHORTEST_CNG)?;
        Ok(Self { group: array(payload, BLOCK)? })
    }

    /// The bytes 16 to 48, which all values of one machine share in public samples. More than one group in a configuration
    /// means values of different machines or keys; nothing else is known of them.
    pub fn group(&self) -> &[u8; 32] {
        &self.group
    }
}
