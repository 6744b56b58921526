//! The paddings of RFC 8017. Messages are big-endian and as long as the modulus.

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::proof::Secret;

/// Length in bytes of a SHA-1 digest.
const SHA1_LEN: usize = 20;

/// A hash that a signature can be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How a digest stands in a signature that verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureForm {
    /// Behind the name of its algorithm, as the standard has it.
    Named,
    /// Alone, as CAPI writes it with `CRYPT_NOHASHOID`.
    Bare,
}

impl Hash {
    /// The DER encoding of `DigestInfo` up to the digest.
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Md5 => b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
            Self::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
            Self::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
        }
    }

    /// The digest of a message.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5::Md5::digest(message).to_vec(),
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
        }
    }
}

/// Whether the content of a signature's padding is a digest.
pub(super) fn signature_form(hash: Hash, digest: &[u8], content: &[u8]) -> Option<SignatureForm> {
    if content == digest {
        return Some(SignatureForm::Bare);
    }
    (content.strip_prefix(hash.prefix()) == Some(digest)).then_some(SignatureForm::Named)
}

/// The content of padding type 1: `00 01 ff .. ff 00 content`, at least eight times `ff`.
pub(super) fn signed(message: &[u8]) -> Option<&[u8]> {
    let filled = message.strip_prefix(&[0, 1])?;
    let filler = filled.iter().position(|&b| b != 0xff)?;
    let content = filled.get(filler..)?.strip_prefix(&[0])?;
    (filler >= 8).then_some(content)
}

/// The content of padding type 2: `00 02 random 00 content`, at least eight random bytes that are not zero.
pub(super) fn encrypted(message: &[u8]) -> Option<&[u8]> {
    let filled = message.strip_prefix(&[0, 2])?;
    let filler = filled.iter().position(|&b| b == 0)?;
    let content = filled.get(filler..)?.strip_prefix(&[0])?;
    (filler >= 8).then_some(content)
}

/// The content of OAEP with SHA-1 and an empty label.
pub(super) fn oaep_sha1(message: &[u8]) -> Option<Secret> {
    let masked = message.strip_prefix(&[0])?;
    let (seed, block) = masked.split_at_checked(SHA1_LEN)?;
    let seed = masked_by(seed, block);
    let block = masked_by(block, &seed);
    let filled = block.strip_prefix(Sha1::digest(b"").as_slice())?;
    let filler = filled.iter().position(|&b| b != 0)?;
    let content = filled.get(filler..)?.strip_prefix(&[1])?;
    Some(Secret::new(content.to_vec()))
}

/// Bytes under the mask that MGF1 with SHA-1 makes of a seed.
fn masked_by(bytes: &[u8], seed: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
    for (counter, chunk) in (0u32..).zip(bytes.chunks(SHA1_LEN)) {
        let mask = Sha1::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        out.extend(chunk.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
    out
}

#[cfg(test)]
pub(super) mod forward {
    use super::*;

    /// A message of `len` bytes padded by OAEP.
    pub(in crate::proof) fn oaep(content: &[u8], len: usize, seed: [u8; SHA1_LEN]) -> Vec<u8> {
        let mut block = Sha1::digest(b"").to_vec();
        block.resize(len - 1 - SHA1_LEN - 1 - content.len(), 0);
        block.push(1);
        block.extend(content);
        let block = masked_by(&block, &seed);
        let seed = masked_by(&seed, &block);
        [&[0][..], &seed, &block].concat()
    }
}
