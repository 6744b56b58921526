//! The algorithms that DPAPI names by number.

use aes::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use des::{Des, TdesEde3};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// Bytes that are wiped when they are dropped.
pub(crate) type Wiped = Zeroizing<Vec<u8>>;

/// A hash algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// From an `ALG_ID`. HMAC (0x8009) stands for HMAC with SHA-1, as Windows XP wrote it.
    pub(crate) fn from_id(id: u32) -> Option<Self> {
        match id {
            0x8004 | 0x8009 => Some(Self::Sha1),
            0x800c => Some(Self::Sha256),
            0x800d => Some(Self::Sha384),
            0x800e => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Length in bytes of a digest.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Length in bytes of the blocks that are hashed.
    pub(crate) fn block(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    pub(crate) fn digest(self, parts: &[&[u8]]) -> Wiped {
        match self {
            Self::Sha1 => digest_of::<Sha1>(parts),
            Self::Sha256 => digest_of::<Sha256>(parts),
            Self::Sha384 => digest_of::<Sha384>(parts),
            Self::Sha512 => digest_of::<Sha512>(parts),
        }
    }

    pub(crate) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Wiped {
        match self {
            Self::Sha1 => hmac_of::<Hmac<Sha1>>(key, parts),
            Self::Sha256 => hmac_of::<Hmac<Sha256>>(key, parts),
            Self::Sha384 => hmac_of::<Hmac<Sha384>>(key, parts),
            Self::Sha512 => hmac_of::<Hmac<Sha512>>(key, parts),
        }
    }

    /// The key derivation of master key files: like PBKDF2, but what is hashed next is the running result.
    pub(crate) fn stretch(self, secret: &[u8], salt: &[u8], rounds: u32, len: usize) -> Wiped {
        match self {
            Self::Sha1 => stretch_with::<Hmac<Sha1>>(secret, salt, rounds, len),
            Self::Sha256 => stretch_with::<Hmac<Sha256>>(secret, salt, rounds, len),
            Self::Sha384 => stretch_with::<Hmac<Sha384>>(secret, salt, rounds, len),
            Self::Sha512 => stretch_with::<Hmac<Sha512>>(secret, salt, rounds, len),
        }
    }

    /// The digest of `parts` in the key pad of HMAC made of `byte`.
    pub(crate) fn padded(self, key: &[u8], byte: u8, parts: &[&[u8]]) -> Wiped {
        let mut pad = Zeroizing::new(vec![byte; self.block()]);
        pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        let all: Vec<&[u8]> = std::iter::once(pad.as_slice()).chain(parts.iter().copied()).collect();
        self.digest(&all)
    }
}

/// A cipher in CBC mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cipher {
    Des3,
    Aes128,
    Aes192,
    Aes256,
}

impl Cipher {
    /// From an `ALG_ID`.
    pub(crate) fn from_id(id: u32) -> Option<Self> {
        match id {
            0x6603 => Some(Self::Des3),
            0x660e => Some(Self::Aes128),
            0x660f => Some(Self::Aes192),
            0x6610 => Some(Self::Aes256),
            _ => None,
        }
    }

    /// Length in bytes of a key.
    pub(crate) fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Des3 | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Length in bytes of a block, which is that of the initialization vector as well.
    pub(crate) fn block(self) -> usize {
        if self == Self::Des3 { 8 } else { 16 }
    }

    /// Decrypts whole blocks; `None` when a length is wrong.
    pub(crate) fn decrypt(self, key: &[u8], iv: &[u8], data: &[u8]) -> Option<Wiped> {
        if !data.len().is_multiple_of(self.block()) {
            return None;
        }
        match self {
            Self::Des3 => blocks(cbc::Decryptor::<TdesEde3>::new_from_slices(key, iv).ok()?, data),
            Self::Aes128 => blocks(cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?, data),
            Self::Aes192 => blocks(cbc::Decryptor::<Aes192>::new_from_slices(key, iv).ok()?, data),
            Self::Aes256 => blocks(cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?, data),
        }
    }
}

/// Decrypts whole blocks of AES-256, each on its own; `None` when a length is wrong.
pub(crate) fn aes256_ecb(key: &[u8], data: &[u8]) -> Option<Wiped> {
    let cipher = Aes256::new_from_slice(key).ok()?;
    each_block(data, 16, |block| {
        cipher.decrypt_block(block.try_into().ok()?);
        Some(())
    })
}

/// Decrypts one block of DES with a key of seven bytes; `None` when a length is wrong.
pub(crate) fn des_block(key: &[u8], block: &mut [u8]) -> Option<()> {
    let mut bits = [0; 8];
    bits.get_mut(1..)?.copy_from_slice(key.get(..7)?);
    let bits = Zeroizing::new(u64::from_be_bytes(bits));
    let mut spread = Zeroizing::new([0_u8; 8]);
    for (byte, shift) in spread.iter_mut().zip((0..8).rev()) {
        // The lowest bit of each byte is parity, which the cipher ignores.
        *byte = ((*bits >> (shift * 7)) as u8 & 0x7f) << 1;
    }
    Des::new_from_slice(spread.as_slice()).ok()?.decrypt_block(block.try_into().ok()?);
    Some(())
}

/// Removes the padding of PKCS #7; `None` when it is wrong.
pub(crate) fn unpad(mut data: Wiped, block: usize) -> Option<Wiped> {
    let count = usize::from(*data.last()?);
    let keep = data.len().checked_sub(count)?;
    if count == 0 || count > block || data.get(keep..)?.iter().any(|&b| usize::from(b) != count) {
        return None;
    }
    data.truncate(keep);
    Some(data)
}

/// Compares without saying by the time it takes where the difference is; nothing is not the same as nothing.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    !a.is_empty() && a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn blocks<C: BlockModeDecrypt>(mut cipher: C, data: &[u8]) -> Option<Wiped> {
    each_block(data, C::block_size(), |block| {
        cipher.decrypt_block(block.try_into().ok()?);
        Some(())
    })
}

fn each_block(data: &[u8], len: usize, mut with: impl FnMut(&mut [u8]) -> Option<()>) -> Option<Wiped> {
    let mut out = Zeroizing::new(data.to_vec());
    for block in out.chunks_mut(len) {
        with(block)?;
    }
    Some(out)
}

fn digest_of<D: Digest>(parts: &[&[u8]]) -> Wiped {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    let mut out = digest.finalize();
    let wiped = Zeroizing::new(out.to_vec());
    out.as_mut_slice().zeroize();
    wiped
}

fn hmac_of<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Wiped {
    // HMAC takes keys of every length; no bytes are what an impossible error comes out as, and nothing matches them.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Wiped::default() };
    for part in parts {
        mac.update(part);
    }
    let mut out = mac.finalize().into_bytes();
    let wiped = Zeroizing::new(out.to_vec());
    out.as_mut_slice().zeroize();
    wiped
}

fn stretch_with<M: Mac + KeyInit + Clone>(secret: &[u8], salt: &[u8], rounds: u32, len: usize) -> Wiped {
    let mut out = Zeroizing::new(Vec::with_capacity(len.saturating_add(64)));
    let Ok(keyed) = <M as KeyInit>::new_from_slice(secret) else { return out };
    let mut number = 0_u32;
    while out.len() < len {
        number = number.saturating_add(1);
        let mut first = keyed.clone();
        first.update(salt);
        first.update(&number.to_be_bytes());
        let mut running = first.finalize().into_bytes();
        for _ in 1..rounds {
            let mut next = keyed.clone();
            next.update(&running);
            let next = next.finalize().into_bytes();
            running.iter_mut().zip(&next).for_each(|(to, from)| *to ^= from);
        }
        out.extend_from_slice(&running);
        running.as_mut_slice().zeroize();
    }
    out.truncate(len);
    out
}
