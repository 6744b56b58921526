//! Block ciphers in CBC mode, without a padding: what comes out is judged by its form.

use aes::cipher::{Array, BlockCipherDecrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;
use zeroize::Zeroizing;

use crate::artifact::config::KeyAlgorithm;
use crate::proof::Secret;

/// Where the first block of the chain comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cbc {
    /// It is zero.
    ZeroBlock,
    /// It stands in front of the ciphertext.
    BlockInFront,
}

/// Decrypts whole blocks; `None` when the key or the ciphertext has no length for the cipher.
pub(super) fn decrypt(algorithm: KeyAlgorithm, key: &[u8], cbc: Cbc, ciphertext: &[u8]) -> Option<Secret> {
    match algorithm {
        KeyAlgorithm::Aes128 => blocks::<Aes128>(key, cbc, ciphertext),
        KeyAlgorithm::Aes192 => blocks::<Aes192>(key, cbc, ciphertext),
        KeyAlgorithm::Aes256 => blocks::<Aes256>(key, cbc, ciphertext),
        KeyAlgorithm::TripleDes => blocks::<TdesEde3>(key, cbc, ciphertext),
        KeyAlgorithm::Rc4 | KeyAlgorithm::Other(_) => None,
    }
}

fn blocks<C: KeyInit + BlockCipherDecrypt + BlockSizeUser>(
    key: &[u8],
    cbc: Cbc,
    ciphertext: &[u8],
) -> Option<Secret> {
    let cipher = C::new_from_slice(key).ok()?;
    let size = C::block_size();
    let (mut before, rest) = match cbc {
        Cbc::ZeroBlock => (vec![0; size], ciphertext),
        Cbc::BlockInFront => {
            let (first, rest) = ciphertext.split_at_checked(size)?;
            (first.to_vec(), rest)
        }
    };
    let chunks = rest.chunks_exact(size);
    if rest.is_empty() || !chunks.remainder().is_empty() {
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(rest.len()));
    for chunk in chunks {
        let mut block = Array::<u8, C::BlockSize>::try_from(chunk).ok()?;
        cipher.decrypt_block(&mut block);
        out.extend(block.iter().zip(&before).map(|(plain, before)| plain ^ before));
        before = chunk.to_vec();
    }
    Some(Secret::new(std::mem::take(&mut *out)))
}

#[cfg(test)]
pub(super) fn encrypt<C: KeyInit + aes::cipher::BlockCipherEncrypt + BlockSizeUser>(
    key: &[u8],
    first: &[u8],
    plain: &[u8],
) -> Vec<u8> {
    let cipher = C::new_from_slice(key).unwrap();
    let mut before = first.to_vec();
    let mut out = Vec::new();
    for chunk in plain.chunks_exact(C::block_size()) {
        let mixed: Vec<u8> = chunk.iter().zip(&before).map(|(a, b)| a ^ b).collect();
        let mut block = Array::<u8, C::BlockSize>::try_from(&mixed[..]).unwrap();
        cipher.encrypt_block(&mut block);
        before = block.to_vec();
        out.extend(&before);
    }
    out
}
