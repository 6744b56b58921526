//! What the LSA keeps under `SECURITY\Policy`: its key list, its secrets and when they were changed, all still encrypted.
//!
//! Format facts: impacket `secretsdump`, dissect.target `lsa.py`, pypykatz `security.py`; lengths and flags as measured on
//! public SECURITY hives.

use std::ops::Range;

use thiserror::Error;

use super::bytes::{Truncated, array, u16_le, u32_le, u64_le};
use super::container::Guid;

/// Length in bytes of an NT6 record before its data.
pub const RECORD_HEADER_LEN: usize = 28;
/// Length in bytes of the salt at the start of an NT6 record's data.
pub const RECORD_SALT_LEN: usize = 32;
/// The algorithm of all known NT6 records.
pub const ALGORITHM_AES: u32 = 3;
/// Length in bytes of the value of `PolSecretEncryptionKey`.
pub const POLICY_KEY_LEN: usize = 76;
/// Length in bytes of an NT5 secret before its ciphertext.
pub const NT5_HEADER_LEN: usize = 12;
/// Bytes that every NT6 record starts with.
const RECORD_VERSION: [u8; 4] = [0, 0, 0, 1];
/// Cipher block of AES.
const AES_BLOCK: usize = 16;
/// Cipher block of DES.
const DES_BLOCK: usize = 8;

/// Why a value of the SECURITY hive is not what its place says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LsaFault {
    /// The value has no bytes.
    #[error("the {what} is empty")]
    Empty {
        /// Which value.
        what: &'static str,
    },
    /// The value has nothing but zeros.
    #[error("the {what} holds {len} zero bytes and nothing else")]
    Zeros {
        /// Which value.
        what: &'static str,
        /// Length in bytes.
        len: usize,
    },
    /// A field reaches past the end.
    #[error("the {field} of the {what} does not fit: {source}")]
    Overrun {
        /// Which value.
        what: &'static str,
        /// Which field.
        field: &'static str,
        /// What was needed where.
        source: Truncated,
    },
    /// The first four bytes are not the known version.
    #[error("the {what} starts with {found:02x?} where 00 00 00 01 is expected")]
    Version {
        /// Which value.
        what: &'static str,
        /// The four bytes.
        found: [u8; 4],
    },
    /// The value has another length than the format has.
    #[error("the {what} has {found} bytes where {expected} are expected")]
    Length {
        /// Which value.
        what: &'static str,
        /// Length in bytes that the format has.
        expected: usize,
        /// Length in bytes of the value.
        found: usize,
    },
    /// The ciphertext is empty or not a whole number of cipher blocks.
    #[error(
        "the ciphertext of the {what} at offset {offset:#x} has {found} bytes, not whole blocks of {block}"
    )]
    Blocks {
        /// Which value.
        what: &'static str,
        /// Offset of the ciphertext.
        offset: usize,
        /// Its length in bytes.
        found: usize,
        /// Length in bytes of a block.
        block: usize,
    },
}

/// An NT6 record: the default value of `PolEKList`, and of a secret's `CurrVal` and `OldVal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// In a secret: the key of the key list that opens it. In the key list: the same on all known machines.
    pub key: Guid,
    /// [`ALGORITHM_AES`] in all known records.
    pub algorithm: u32,
    /// 0 in all known records.
    pub flags: u32,
    /// Where the salt lies.
    pub salt: Range<usize>,
    /// Where the ciphertext lies.
    pub data: Range<usize>,
}

impl Record {
    /// Reads a record that fills `data`; `what` names it in errors.
    ///
    /// # Errors
    /// [`LsaFault`] when it is empty, zeroed, cut off or of another version.
    pub fn parse(data: &[u8], what: &'static str) -> Result<Self, LsaFault> {
        not_blank(data, what)?;
        let overrun = |field| move |source| LsaFault::Overrun { what, field, source };
        let found = array::<4>(data, 0).map_err(overrun("version"))?;
        if found != RECORD_VERSION {
            return Err(LsaFault::Version { what, found });
        }
        let key = Guid::from_fields(array(data, 4).map_err(overrun("key GUID"))?);
        let algorithm = u32_le(data, 20).map_err(overrun("algorithm"))?;
        let flags = u32_le(data, 24).map_err(overrun("flags"))?;
        array::<RECORD_SALT_LEN>(data, RECORD_HEADER_LEN).map_err(overrun("salt"))?;
        let salt = RECORD_HEADER_LEN..RECORD_HEADER_LEN + RECORD_SALT_LEN;
        let range = salt.end..data.len();
        whole_blocks(&range, AES_BLOCK, what)?;
        Ok(Self { key, algorithm, flags, salt, data: range })
    }
}

/// The value of `PolSecretEncryptionKey` of NT5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyKey {
    /// Where the ciphertext lies.
    pub data: Range<usize>,
    /// Where the salt lies.
    pub salt: Range<usize>,
}

impl PolicyKey {
    /// Reads the value.
    ///
    /// # Errors
    /// [`LsaFault`] when it is empty, zeroed or not [`POLICY_KEY_LEN`] bytes long.
    pub fn parse(data: &[u8]) -> Result<Self, LsaFault> {
        let what = "policy key";
        not_blank(data, what)?;
        if data.len() != POLICY_KEY_LEN {
            return Err(LsaFault::Length { what, expected: POLICY_KEY_LEN, found: data.len() });
        }
        Ok(Self { data: 12..60, salt: 60..POLICY_KEY_LEN })
    }
}

/// A secret of NT5: `CurrVal` and `OldVal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nt5Secret {
    /// Where the ciphertext lies.
    pub data: Range<usize>,
}

impl Nt5Secret {
    /// Reads a secret that fills `data`.
    ///
    /// # Errors
    /// [`LsaFault`] when it is empty, zeroed, cut off or its length does not fit.
    pub fn parse(data: &[u8]) -> Result<Self, LsaFault> {
        let what = "secret";
        not_blank(data, what)?;
        let len =
            u32_le(data, 0).map_err(|source| LsaFault::Overrun { what, field: "length", source })? as usize;
        let expected = NT5_HEADER_LEN.saturating_add(len);
        if data.len() != expected {
            return Err(LsaFault::Length { what, expected, found: data.len() });
        }
        let range = NT5_HEADER_LEN..data.len();
        whole_blocks(&range, DES_BLOCK, what)?;
        Ok(Self { data: range })
    }
}

/// `PolRevision`: which of the two formats the hive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision {
    /// High half.
    pub major: u16,
    /// Low half.
    pub minor: u16,
}

impl Revision {
    /// Reads the default value of `PolRevision`.
    ///
    /// # Errors
    /// [`LsaFault`] when there are fewer than four bytes.
    pub fn parse(data: &[u8]) -> Result<Self, LsaFault> {
        let overrun = |source| LsaFault::Overrun { what: "policy revision", field: "number", source };
        Ok(Self { minor: u16_le(data, 0).map_err(overrun)?, major: u16_le(data, 2).map_err(overrun)? })
    }

    /// Whether the keys are in `PolEKList`, as on Vista and later.
    pub fn has_key_list(&self) -> bool {
        *self > Self { major: 1, minor: 9 }
    }
}

/// Reads `CupdTime` or `OupdTime`: when a secret was changed, in FILETIME ticks.
///
/// # Errors
/// [`LsaFault`] when the value does not have eight bytes.
pub fn update_time(data: &[u8]) -> Result<u64, LsaFault> {
    let wrong = LsaFault::Length { what: "update time", expected: 8, found: data.len() };
    if data.len() == 8 { u64_le(data, 0).map_err(|_| wrong) } else { Err(wrong) }
}

fn not_blank(data: &[u8], what: &'static str) -> Result<(), LsaFault> {
    match data.len() {
        0 => Err(LsaFault::Empty { what }),
        len if data.iter().all(|&b| b == 0) => Err(LsaFault::Zeros { what, len }),
        _ => Ok(()),
    }
}

fn whole_blocks(range: &Range<usize>, block: usize, what: &'static str) -> Result<(), LsaFault> {
    match range.len() {
        found if found == 0 || found % block != 0 => {
            Err(LsaFault::Blocks { what, offset: range.start, found, block })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 1];
        bytes.extend(1..=16);
        bytes.extend([3, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([7; 32 + 64]);
        bytes
    }

    #[test]
    fn a_record_names_its_key_and_its_parts() {
        let record = Record::parse(&record(), "secret").unwrap();
        assert_eq!(record.key.as_str(), "04030201-0605-0807-090a-0b0c0d0e0f10");
        assert_eq!((record.algorithm, record.salt, record.data), (ALGORITHM_AES, 28..60, 60..124));
    }

    #[test]
    fn a_record_that_is_cut_zeroed_or_of_another_version_is_refused() {
        let whole = record();
        let what = "secret";
        assert_eq!(Record::parse(&[], what), Err(LsaFault::Empty { what }));
        assert_eq!(Record::parse(&[0; 124], what), Err(LsaFault::Zeros { what, len: 124 }));
        let source = Truncated { offset: 28, need: 32, len: 50 };
        assert_eq!(Record::parse(&whole[..50], what), Err(LsaFault::Overrun { what, field: "salt", source }));
        for end in [60, 120] {
            let cut = LsaFault::Blocks { what, offset: 60, found: end - 60, block: 16 };
            assert_eq!(Record::parse(&whole[..end], what), Err(cut));
        }
        let mut other = whole;
        other[3] = 2;
        assert_eq!(Record::parse(&other, what), Err(LsaFault::Version { what, found: [0, 0, 0, 2] }));
    }

    #[test]
    fn an_old_secret_must_have_the_length_it_claims() {
        let mut secret = vec![16, 0, 0, 0];
        secret.extend([9; 8 + 16]);
        assert_eq!(Nt5Secret::parse(&secret).unwrap().data, 12..28);
        let fault = LsaFault::Length { what: "secret", expected: 28, found: 27 };
        assert_eq!(Nt5Secret::parse(&secret[..27]), Err(fault));
        assert!(PolicyKey::parse(&[1; 75]).is_err());
        assert_eq!(PolicyKey::parse(&[1; 76]).unwrap().data, 12..60);
    }

    #[test]
    fn the_revision_says_which_format_there_is() {
        let of = |number: u32| Revision::parse(&number.to_le_bytes()).unwrap();
        assert!(of(0x0001_000c).has_key_list() && of(0x0001_0012).has_key_list());
        assert!(!of(0x0001_0007).has_key_list() && !of(0x0001_0009).has_key_list());
        assert_eq!(update_time(&5_u64.to_le_bytes()), Ok(5));
        assert!(update_time(&[0; 7]).is_err());
    }
}
