//! The header of a DPAPI blob: which master key and which algorithms protect what is inside, and where its parts lie.
//!
//! Nothing is decrypted and no ciphertext is kept. Format facts: impacket `dpapi.py`, mimikatz `kull_m_dpapi.h`,
//! DPAPIck3.

use std::ops::Range;

use serde::Serialize;
use thiserror::Error;

use super::bytes::{Truncated, array, slice, u32_le};
use super::container::Guid;

/// The 20 bytes that every blob starts with: version 1 and the provider's GUID.
pub const MAGIC: [u8; 20] = [
    0x01, 0x00, 0x00, 0x00, 0xd0, 0x8c, 0x9d, 0xdf, 0x01, 0x15, 0xd1, 0x11, 0x8c, 0x7a, 0x00, 0xc0, 0x4f,
    0xc2, 0x97, 0xeb,
];

/// Flag bit: protected for the machine, not for one user (`CRYPTPROTECT_LOCAL_MACHINE`).
pub const FLAG_LOCAL_MACHINE: u32 = 0x4;
/// Flag bit: protected by the system itself (`CRYPTPROTECT_SYSTEM`).
pub const FLAG_SYSTEM: u32 = 0x2000_0000;

/// What a DPAPI blob says in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DpapiBlobHeader {
    /// Version of the part that starts with the master key's GUID; 1.
    pub master_key_version: u32,
    /// The master key that opens the blob; the name of a file in a `Protect` folder.
    pub master_key: Guid,
    /// [`FLAG_LOCAL_MACHINE`], [`FLAG_SYSTEM`] and others.
    pub flags: u32,
    /// Description given by the program that made the blob.
    pub description: String,
    /// Encryption algorithm as an `ALG_ID`: 0x6603 is 3DES, 0x6610 AES-256.
    pub cipher: u32,
    /// Key length in bits, as stored.
    pub cipher_bits: u32,
    /// Hash algorithm as an `ALG_ID`: 0x8004 is SHA-1, 0x800e SHA-512.
    pub hash: u32,
    /// Hash length in bits.
    pub hash_bits: u32,
    /// Length in bytes of the salt.
    pub salt_len: u32,
    /// Length in bytes of the ciphertext.
    pub data_len: u32,
    /// Length in bytes of the signature.
    pub sign_len: u32,
    /// Length in bytes of the whole blob, from its own lengths.
    pub total_len: usize,
}

/// A DPAPI blob: what it says in clear, and where its parts lie, in bytes from the start of the blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpapiBlob {
    /// What it says in clear.
    pub header: DpapiBlobHeader,
    /// The salt of the session key.
    pub salt: Range<usize>,
    /// The part of a password that the user was asked for; empty in all known blobs of the system.
    pub strong: Range<usize>,
    /// The salt of the signature.
    pub hmac_key: Range<usize>,
    /// The ciphertext.
    pub data: Range<usize>,
    /// The signature.
    pub sign: Range<usize>,
    /// What is signed: from the master key version to the end of the ciphertext.
    pub signed: Range<usize>,
}

/// Why bytes are not a DPAPI blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BlobError {
    /// Version and provider GUID are not there.
    #[error("no DPAPI version and provider at offset 0x0, found {found:02x?}")]
    NoMagic {
        /// The first four bytes, zeros where there are fewer.
        found: [u8; 4],
    },
    /// A field reaches past the end.
    #[error("the DPAPI blob's {field} does not fit: {source}")]
    Overrun {
        /// Which field.
        field: &'static str,
        /// What was needed where.
        source: Truncated,
    },
    /// Bytes are left behind the signature.
    #[error("the DPAPI blob ends at {end:#x}, {extra} bytes follow")]
    Tail {
        /// Offset of the first byte behind the blob.
        end: usize,
        /// Number of bytes behind it.
        extra: usize,
    },
}

impl BlobError {
    /// Offset in bytes, from the start of the blob, of what is wrong.
    pub fn offset(&self) -> usize {
        match self {
            Self::NoMagic { .. } => 0,
            Self::Overrun { source, .. } => source.offset,
            Self::Tail { end, .. } => *end,
        }
    }
}

impl DpapiBlobHeader {
    /// Reads a blob that fills `data`.
    ///
    /// # Errors
    /// [`BlobError`] when the magic is missing or the lengths do not add up to the length of `data`.
    pub fn parse(data: &[u8]) -> Result<Self, BlobError> {
        let header = Self::parse_prefix(data)?;
        match data.len().saturating_sub(header.total_len) {
            0 => Ok(header),
            extra => Err(BlobError::Tail { end: header.total_len, extra }),
        }
    }

    /// Reads a blob at the start of `data`; bytes behind it are left alone.
    ///
    /// # Errors
    /// [`BlobError`] when the magic is missing or a length reaches past the end.
    pub fn parse_prefix(data: &[u8]) -> Result<Self, BlobError> {
        DpapiBlob::parse_prefix(data).map(|blob| blob.header)
    }

    /// Whether the blob is protected for the machine rather than for one account.
    pub fn is_local_machine(&self) -> bool {
        self.flags & FLAG_LOCAL_MACHINE != 0
    }

    /// Encryption and hash in words, `3DES-192/SHA-1`.
    pub fn algorithms(&self) -> String {
        let cipher = match self.cipher {
            0x6601 => "DES".to_owned(),
            0x6603 => "3DES".to_owned(),
            0x6801 => "RC4".to_owned(),
            0x660e..=0x6610 => "AES".to_owned(),
            other => format!("{other:#06x}"),
        };
        let hash = match self.hash {
            0x8003 => "MD5".to_owned(),
            0x8004 => "SHA-1".to_owned(),
            0x8009 => "HMAC".to_owned(),
            0x800c => "SHA-256".to_owned(),
            0x800d => "SHA-384".to_owned(),
            0x800e => "SHA-512".to_owned(),
            other => format!("{other:#06x}"),
        };
        format!("{cipher}-{}/{hash}", self.cipher_bits)
    }
}

impl DpapiBlob {
    /// Reads a blob at the start of `bytes`; what follows it is left alone.
    ///
    /// # Errors
    /// [`BlobError`] when the magic is missing or a length reaches past the end.
    pub fn parse_prefix(bytes: &[u8]) -> Result<Self, BlobError> {
        if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
            let mut found = [0; 4];
            for (to, from) in found.iter_mut().zip(bytes) {
                *to = *from;
            }
            return Err(BlobError::NoMagic { found });
        }
        let mut cursor = Cursor { data: bytes, at: MAGIC.len() };
        let master_key_version = cursor.number("master key version")?;
        let master_key = cursor.guid("master key GUID")?;
        let flags = cursor.number("flags")?;
        let description = cursor.counted("description")?;
        let cipher = cursor.number("encryption algorithm")?;
        let cipher_bits = cursor.number("key length")?;
        let salt = cursor.part("salt")?;
        let strong = cursor.part("strong password part")?;
        let hash = cursor.number("hash algorithm")?;
        let hash_bits = cursor.number("hash length")?;
        let hmac_key = cursor.part("HMAC key")?;
        let data = cursor.part("ciphertext")?;
        let sign = cursor.part("signature")?;
        let description = encoding_rs::UTF_16LE.decode_without_bom_handling(description).0;
        let header = DpapiBlobHeader {
            master_key_version,
            master_key,
            flags,
            description: description.trim_end_matches('\0').to_owned(),
            cipher,
            cipher_bits,
            hash,
            hash_bits,
            salt_len: salt.len() as u32,
            data_len: data.len() as u32,
            sign_len: sign.len() as u32,
            total_len: cursor.at,
        };
        let signed = MAGIC.len()..data.end;
        Ok(Self { header, salt, strong, hmac_key, data, sign, signed })
    }
}

struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn number(&mut self, field: &'static str) -> Result<u32, BlobError> {
        let value = u32_le(self.data, self.at).map_err(|source| BlobError::Overrun { field, source })?;
        self.at += 4;
        Ok(value)
    }

    fn guid(&mut self, field: &'static str) -> Result<Guid, BlobError> {
        let fields = array(self.data, self.at).map_err(|source| BlobError::Overrun { field, source })?;
        self.at += 16;
        Ok(Guid::from_fields(fields))
    }

    fn counted(&mut self, field: &'static str) -> Result<&'a [u8], BlobError> {
        let len = self.number(field)? as usize;
        let bytes = slice(self.data, self.at, len).map_err(|source| BlobError::Overrun { field, source })?;
        self.at += len;
        Ok(bytes)
    }

    fn part(&mut self, field: &'static str) -> Result<Range<usize>, BlobError> {
        let len = self.counted(field)?.len();
        Ok(self.at.saturating_sub(len)..self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn forged() -> Vec<u8> {
        iiskeys_fixtures::container::BlobSpec {
            master_key: "a1b2c3d4-0001-0002-0003-00000000000f".to_owned(),
            flags: FLAG_LOCAL_MACHINE | FLAG_SYSTEM,
            description: "some words".to_owned(),
            cipher: iiskeys_fixtures::container::Cipher::Aes256Sha512,
            plain_len: 40,
            seed: "blob".to_owned(),
        }
        .bytes()
    }

    #[test]
    fn a_blob_shows_what_it_says_in_clear() {
        let header = DpapiBlobHeader::parse(&forged()).unwrap();
        assert_eq!(header.master_key.as_str(), "a1b2c3d4-0001-0002-0003-00000000000f");
        assert_eq!(header.description, "some words");
        assert_eq!((header.salt_len, header.data_len, header.sign_len), (32, 48, 64));
        assert!(header.is_local_machine());
    }

    #[test]
    fn the_parts_of_a_blob_follow_each_other() {
        let bytes = forged();
        let blob = DpapiBlob::parse_prefix(&bytes).unwrap();
        assert_eq!(blob.strong, blob.salt.end + 4..blob.salt.end + 4);
        assert_eq!(blob.hmac_key.start, blob.strong.end + 12);
        assert_eq!(blob.data.start, blob.hmac_key.end + 4);
        assert_eq!(blob.signed, 20..blob.data.end);
        assert_eq!(blob.sign, blob.data.end + 4..bytes.len());
    }

    #[test]
    fn lengths_must_add_up() {
        let blob = forged();
        let end = blob.len();
        let longer = [&blob[..], b"xyz"].concat();
        assert_eq!(DpapiBlobHeader::parse(&longer), Err(BlobError::Tail { end, extra: 3 }));
        assert_eq!(DpapiBlobHeader::parse_prefix(&longer).unwrap().total_len, end);
        let source = Truncated { offset: end - 64, need: 64, len: end - 1 };
        let cut = DpapiBlobHeader::parse(&blob[..end - 1]);
        assert_eq!(cut, Err(BlobError::Overrun { field: "signature", source }));
        assert_eq!(DpapiBlobHeader::parse(b"abc"), Err(BlobError::NoMagic { found: *b"abc\0" }));
    }

    #[test]
    fn real_blobs_name_the_master_key_that_opens_them() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/dpapi-dpapick");
        let Ok(expected) = fs::read(folder.join("expected.json")) else {
            println!("skipped: dpapi-dpapick is not there");
            return;
        };
        let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
        let blobs = [
            ("BlobXPSimpleTest.blob", "3DES-168/SHA-1"),
            ("BlobXPEntropyTest.blob", "3DES-168/SHA-1"),
            ("BlobWin8SimpleTest.blob", "AES-256/SHA-512"),
            ("BlobWin8EntropyTest.blob", "AES-256/SHA-512"),
        ];
        for (file, algorithms) in blobs {
            let header = DpapiBlobHeader::parse(&fs::read(folder.join(file)).unwrap()).unwrap();
            assert_eq!(header.master_key.as_str(), expected["files"][file]["master_key_guid"]);
            assert_eq!(header.algorithms(), algorithms, "{file}");
            println!("{file}: {} {:?}", header.algorithms(), header.description);
        }
    }
}
