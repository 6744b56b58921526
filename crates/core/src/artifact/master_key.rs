//! DPAPI master key files and the file `Preferred` beside them, in `Protect\<SID>`.
//!
//! A header of 128 bytes with four lengths, then the four sections in their order. Nothing is decrypted. Format facts:
//! impacket `dpapi.py`, mimikatz `kull_m_dpapi.h`, DPAPIck3 `masterkey.py`.

use std::ops::Range;

use thiserror::Error;

use super::bytes::{Truncated, array, slice, u32_le, u64_le};
use super::container::{Guid, GuidFault};

/// Length in bytes of the header.
pub const HEADER_LEN: usize = 128;
/// Length in bytes of a key section before its ciphertext.
pub const SECTION_HEADER_LEN: usize = 32;
/// Length in bytes of the file `Preferred`.
pub const PREFERRED_LEN: usize = 24;
/// Offset and length in bytes of the GUID's text.
const GUID_TEXT: (usize, usize) = (12, 72);

/// Why bytes are not a master key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MasterKeyFault {
    /// The file has no bytes.
    #[error("the master key file is empty")]
    Empty,
    /// The file has nothing but zeros.
    #[error("the master key file holds {len} zero bytes and nothing else")]
    Zeros {
        /// Length in bytes.
        len: usize,
    },
    /// A field reaches past the end.
    #[error("the {field} of the master key file does not fit: {source}")]
    Overrun {
        /// Which field.
        field: &'static str,
        /// What was needed where.
        source: Truncated,
    },
    /// The lengths in the header need more bytes than there are.
    #[error("the master key file must have {expected} bytes, found {found}")]
    Truncated {
        /// Length in bytes from the header.
        expected: u64,
        /// Length in bytes of the file.
        found: u64,
    },
    /// The name in the header is no GUID.
    #[error("the GUID at offset 0xc of the master key file: {0}")]
    Guid(GuidFault),
    /// There is no section with the key itself.
    #[error("the master key file has no master key: its length at offset 0x60 is {len}")]
    NoKey {
        /// Length in bytes that the header gives.
        len: u64,
    },
    /// `Preferred` has another length.
    #[error("the file Preferred must have 24 bytes, found {found}")]
    PreferredLength {
        /// Length in bytes.
        found: usize,
    },
}

/// One encrypted key of a master key file; the places are from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySection {
    /// 2 in all known files since XP.
    pub version: u32,
    /// The salt of the key derivation.
    pub salt: [u8; 16],
    /// Rounds of the key derivation, as claimed.
    pub rounds: u32,
    /// Hash algorithm as an `ALG_ID`: 0x8009 is HMAC with SHA-1, 0x800e SHA-512.
    pub hash: u32,
    /// Encryption algorithm as an `ALG_ID`: 0x6603 is 3DES, 0x6610 AES-256.
    pub cipher: u32,
    /// Where the ciphertext lies.
    pub data: Range<usize>,
}

/// A master key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKeyFile {
    /// 2 in all known files since XP.
    pub version: u32,
    /// The key's GUID, which is also the name of the file.
    pub guid: Guid,
    /// Policy number; its meaning is not known.
    pub policy: u32,
    /// Flags; 6 in a known file of the system, 5 in files of users.
    pub flags: u32,
    /// The master key.
    pub key: KeySection,
    /// Where the backup key lies.
    pub backup_key: Range<usize>,
    /// Where the part lies that links to the history of passwords.
    pub credential_history: Range<usize>,
    /// Where the copy for the domain lies.
    pub domain_key: Range<usize>,
    /// Number of bytes behind the last section.
    pub extra: usize,
}

impl MasterKeyFile {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`MasterKeyFault`] when it is empty, zeroed, cut off, without a name or without a key.
    pub fn parse(file: &[u8]) -> Result<Self, MasterKeyFault> {
        if file.is_empty() {
            return Err(MasterKeyFault::Empty);
        }
        if file.iter().all(|&b| b == 0) {
            return Err(MasterKeyFault::Zeros { len: file.len() });
        }
        slice(file, 0, HEADER_LEN).map_err(overrun("header"))?;
        let version = u32_le(file, 0).map_err(overrun("version"))?;
        let name = slice(file, GUID_TEXT.0, GUID_TEXT.1).map_err(overrun("GUID"))?;
        let name = encoding_rs::UTF_16LE.decode_without_bom_handling(name).0;
        let guid = Guid::parse(&name).map_err(MasterKeyFault::Guid)?;
        let policy = u32_le(file, 88).map_err(overrun("policy"))?;
        let flags = u32_le(file, 92).map_err(overrun("flags"))?;

        let mut lengths = [0; 4];
        for (length, at) in lengths.iter_mut().zip([96, 104, 112, 120]) {
            *length = u64_le(file, at).map_err(overrun("section length"))?;
        }
        let expected = lengths.iter().fold(HEADER_LEN as u64, |sum, &len| sum.saturating_add(len));
        let found = file.len() as u64;
        if expected > found {
            return Err(MasterKeyFault::Truncated { expected, found });
        }
        let mut at = HEADER_LEN;
        let [key, backup_key, credential_history, domain_key] = lengths.map(|len| {
            let start = at;
            // The sum of the lengths is within the file, so no single one is cut here.
            at = at.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            start..at
        });
        if key.len() <= SECTION_HEADER_LEN {
            return Err(MasterKeyFault::NoKey { len: key.len() as u64 });
        }
        let extra = file.len().saturating_sub(at);
        let key = KeySection::read(file, key)?;
        Ok(Self { version, guid, policy, flags, key, backup_key, credential_history, domain_key, extra })
    }
}

impl KeySection {
    fn read(file: &[u8], range: Range<usize>) -> Result<Self, MasterKeyFault> {
        let at = range.start;
        Ok(Self {
            version: u32_le(file, at).map_err(overrun("key version"))?,
            salt: array(file, at.saturating_add(4)).map_err(overrun("salt"))?,
            rounds: u32_le(file, at.saturating_add(20)).map_err(overrun("number of rounds"))?,
            hash: u32_le(file, at.saturating_add(24)).map_err(overrun("hash algorithm"))?,
            cipher: u32_le(file, at.saturating_add(28)).map_err(overrun("encryption algorithm"))?,
            data: at.saturating_add(SECTION_HEADER_LEN)..range.end,
        })
    }
}

/// The file `Preferred`: which master key is used for new blobs, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferred {
    /// The master key.
    pub master_key: Guid,
    /// When a new one is made, in FILETIME ticks.
    pub expires: u64,
}

impl Preferred {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`MasterKeyFault`] when it is empty, zeroed or of another length.
    pub fn parse(file: &[u8]) -> Result<Self, MasterKeyFault> {
        if file.is_empty() {
            return Err(MasterKeyFault::Empty);
        }
        if file.len() != PREFERRED_LEN {
            return Err(MasterKeyFault::PreferredLength { found: file.len() });
        }
        if file.iter().all(|&b| b == 0) {
            return Err(MasterKeyFault::Zeros { len: file.len() });
        }
        Ok(Self {
            master_key: Guid::from_fields(array(file, 0).map_err(overrun("GUID"))?),
            expires: u64_le(file, 16).map_err(overrun("expiry"))?,
        })
    }
}

fn overrun(field: &'static str) -> impl Fn(Truncated) -> MasterKeyFault {
    move |source| MasterKeyFault::Overrun { field, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "a1b2c3d4-0001-0002-0003-00000000000f";

    fn file() -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0];
        bytes.resize(12, 0);
        bytes.extend(NAME.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.resize(92, 0);
        bytes.extend([6, 0, 0, 0]);
        for len in [176_u64, 144, 20, 0] {
            bytes.extend(len.to_le_bytes());
        }
        bytes.extend([2, 0, 0, 0]);
        bytes.extend([0x5a; 16]);
        for number in [17_400_u32, 0x800e, 0x6610] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([7; 144 + 144 + 20]);
        bytes
    }

    #[test]
    fn a_master_key_file_shows_what_it_says_in_clear() {
        let file = MasterKeyFile::parse(&file()).unwrap();
        assert_eq!((file.guid.as_str(), file.flags, file.extra), (NAME, 6, 0));
        assert_eq!((file.key.rounds, file.key.hash, file.key.cipher), (17_400, 0x800e, 0x6610));
        assert_eq!((file.key.data, file.backup_key), (160..304, 304..448));
        assert_eq!((file.credential_history, file.domain_key), (448..468, 468..468));
    }

    #[test]
    fn a_damaged_master_key_file_says_what_is_wrong() {
        let whole = file();
        assert_eq!(MasterKeyFile::parse(&[]), Err(MasterKeyFault::Empty));
        assert_eq!(MasterKeyFile::parse(&[0; 468]), Err(MasterKeyFault::Zeros { len: 468 }));
        let source = Truncated { offset: 0, need: 128, len: 100 };
        let cut = MasterKeyFile::parse(&whole[..100]);
        assert_eq!(cut, Err(MasterKeyFault::Overrun { field: "header", source }));
        let cut = MasterKeyFile::parse(&whole[..400]);
        assert_eq!(cut, Err(MasterKeyFault::Truncated { expected: 468, found: 400 }));
        assert_eq!(MasterKeyFile::parse(&[&whole[..], b"xy"].concat()).unwrap().extra, 2);

        let mut huge = whole.clone();
        huge[104..112].fill(0xff);
        let fault = MasterKeyFault::Truncated { expected: u64::MAX, found: 468 };
        assert_eq!(MasterKeyFile::parse(&huge), Err(fault));
        let mut short = whole.clone();
        short[96] = 32;
        assert_eq!(MasterKeyFile::parse(&short), Err(MasterKeyFault::NoKey { len: 32 }));
        let mut nameless = whole;
        nameless[12..84].fill(0);
        assert_eq!(MasterKeyFile::parse(&nameless), Err(MasterKeyFault::Guid(GuidFault::EmbeddedNul(0))));
    }

    #[test]
    fn preferred_names_a_master_key_and_an_end() {
        let mut file: Vec<u8> = (1..=16).collect();
        file.extend(9_u64.to_le_bytes());
        let preferred = Preferred::parse(&file).unwrap();
        assert_eq!(preferred.master_key.as_str(), "04030201-0605-0807-090a-0b0c0d0e0f10");
        assert_eq!(preferred.expires, 9);
        let cut = Preferred::parse(&file[..20]);
        assert_eq!(cut, Err(MasterKeyFault::PreferredLength { found: 20 }));
        assert_eq!(Preferred::parse(&[0; 24]), Err(MasterKeyFault::Zeros { len: 24 }));
    }
}
