//! The way in: seals blobs, records and master key files, so that tests can break one thing at a time.

use aes::cipher::{BlockCipherEncrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use zeroize::Zeroizing;

use super::super::crypto::Hash;

/// Cipher, stored key bits, hash, and whether the old mixing is used.
#[derive(Clone, Copy)]
pub(super) struct Suite {
    pub(super) cipher: u32,
    pub(super) bits: u32,
    pub(super) hash: u32,
    pub(super) old: bool,
}

pub(super) const TRIPLE_DES: Suite = Suite { cipher: 0x6603, bits: 192, hash: 0x8004, old: false };
pub(super) const AES_256: Suite = Suite { cipher: 0x6610, bits: 256, hash: 0x800e, old: false };

/// Encrypts whole blocks; `iv` of zeros for blobs.
pub(super) fn encrypt(cipher: u32, key: &[u8], iv: &[u8], clear: &[u8]) -> Vec<u8> {
    fn run<C: BlockModeEncrypt + KeyIvInit>(key: &[u8], iv: &[u8], clear: &[u8]) -> Vec<u8> {
        let mut cipher = C::new_from_slices(key, iv).unwrap();
        let mut out = clear.to_vec();
        for block in out.chunks_mut(C::block_size()) {
            cipher.encrypt_block(block.try_into().unwrap());
        }
        out
    }
    match cipher {
        0x6603 => run::<cbc::Encryptor<des::TdesEde3>>(&key[..24], &iv[..8], clear),
        0x660e => run::<cbc::Encryptor<aes::Aes128>>(&key[..16], iv, clear),
        0x660f => run::<cbc::Encryptor<aes::Aes192>>(&key[..24], iv, clear),
        0x6610 => run::<cbc::Encryptor<aes::Aes256>>(&key[..32], iv, clear),
        _ => panic!("no such cipher"),
    }
}

/// A blob that the master key with this GUID and this SHA-1 opens.
pub(super) fn blob(guid: [u8; 16], key: &[u8], entropy: &[u8], clear: &[u8], suite: Suite) -> Vec<u8> {
    let hash = Hash::from_id(suite.hash).unwrap();
    let (salt, sign_salt) = ([0x51; 16], [0x52; 16]);
    let mix = |salt: &[u8], rest: &[&[u8]]| -> Zeroizing<Vec<u8>> {
        let rest = rest.concat();
        if suite.old {
            let pad = |byte: u8| -> Vec<u8> {
                (0..hash.block()).map(|at| byte ^ key.get(at).copied().unwrap_or(0)).collect()
            };
            let inner = hash.digest(&[&pad(0x36), salt]);
            hash.digest(&[&pad(0x5c), &inner, &rest])
        } else {
            hash.hmac(key, &[salt, &rest])
        }
    };
    let mut session = mix(&salt, &[entropy]).to_vec();
    let (need, block) = match suite.cipher {
        0x6603 => (24, 8),
        0x660e => (16, 16),
        0x660f => (24, 16),
        _ => (32, 16),
    };
    if session.len() < need {
        session.resize(hash.block(), 0);
        let pad = |byte: u8| hash.digest(&[&session.iter().map(|b| b ^ byte).collect::<Vec<u8>>()]);
        session = [pad(0x36).to_vec(), pad(0x5c).to_vec()].concat();
    }
    let count = block - clear.len() % block;
    let padded = [clear, &vec![count as u8; count]].concat();
    let data = encrypt(suite.cipher, &session, &[0; 16], &padded);

    let mut bytes = crate::artifact::dpapi_blob::MAGIC.to_vec();
    let number = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
    let counted = |bytes: &mut Vec<u8>, part: &[u8]| {
        bytes.extend((part.len() as u32).to_le_bytes());
        bytes.extend(part);
    };
    number(&mut bytes, 1);
    bytes.extend(guid);
    number(&mut bytes, 4);
    counted(&mut bytes, &[0, 0]);
    number(&mut bytes, suite.cipher);
    number(&mut bytes, suite.bits);
    counted(&mut bytes, &salt);
    counted(&mut bytes, &[]);
    number(&mut bytes, suite.hash);
    number(&mut bytes, hash.len() as u32 * 8);
    counted(&mut bytes, &sign_salt);
    counted(&mut bytes, &data);
    let sign = mix(&sign_salt, &[entropy, &bytes[20..]]);
    counted(&mut bytes, &sign);
    bytes
}

/// An NT6 record of the LSA: a salt, and `clear` behind its length, encrypted.
pub(super) fn record(guid: [u8; 16], key: &[u8], clear: &[u8]) -> Vec<u8> {
    let salt = [0x61; 32];
    let mut parts: Vec<&[u8]> = vec![key];
    parts.resize(1001, &salt);
    let derived = Hash::Sha256.digest(&parts);
    let mut body = (clear.len() as u32).to_le_bytes().to_vec();
    body.extend([0; 12]);
    body.extend(clear);
    body.resize(body.len().next_multiple_of(16), 0);
    let cipher = aes::Aes256::new_from_slice(&derived).unwrap();
    for block in body.chunks_mut(16) {
        cipher.encrypt_block(block.try_into().unwrap());
    }
    [&[0, 0, 0, 1][..], &guid, &[3, 0, 0, 0, 0, 0, 0, 0], &salt, &body].concat()
}

/// A key list with these keys.
pub(super) fn key_list(boot_key: &[u8], keys: &[([u8; 16], [u8; 32])]) -> Vec<u8> {
    let mut clear = vec![1, 0, 0, 0];
    clear.extend(keys[0].0);
    clear.extend([0; 4]);
    clear.extend((keys.len() as u32).to_le_bytes());
    for (guid, key) in keys {
        clear.extend(guid);
        clear.extend([3, 0, 0, 0, 32, 0, 0, 0]);
        clear.extend(key);
    }
    record([0xee; 16], boot_key, &clear)
}

/// A master key file that `secret` opens.
pub(super) fn master_key_file(secret: &[u8], key: &[u8; 64], suite: Suite, rounds: u32) -> Vec<u8> {
    let hash = Hash::from_id(suite.hash).unwrap();
    let (key_len, block) = if suite.cipher == 0x6603 { (24, 8) } else { (32, 16) };
    let check = hash.hmac(&hash.hmac(secret, &[&[0x71; 16]]), &[key]);
    let mut clear = [&[0x71; 16][..], &check].concat();
    clear.resize((clear.len() + 64).next_multiple_of(block) - 64, 0);
    clear.extend(key);
    let derived = hash.stretch(secret, &[0x72; 16], rounds, key_len + block);
    let data = encrypt(suite.cipher, &derived[..key_len], &derived[key_len..], &clear);

    let mut file = vec![2, 0, 0, 0];
    file.resize(12, 0);
    file.extend(super::GUID.encode_utf16().flat_map(u16::to_le_bytes));
    file.resize(96, 0);
    file.extend((32 + data.len() as u64).to_le_bytes());
    file.resize(128, 0);
    file.extend([2, 0, 0, 0]);
    file.extend([0x72; 16]);
    for number in [rounds, suite.hash, suite.cipher] {
        file.extend(number.to_le_bytes());
    }
    file.extend(data);
    file
}
