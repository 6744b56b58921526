//! Container names and the file-name prefixes that follow from them.
//!
//! A file name starts with the MD5 of the lower-cased container name, printed as four little-endian numbers: of the
//! ANSI name and one NUL for CAPI (checked against Wine's rsaenh tests), of the UTF-16LE name and two NUL bytes for CNG
//! (checked against file names in real events 5058).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::guid::Guid;

/// Which of the two Windows key stores a container belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// CryptoAPI: `Crypto\RSA` and `Crypto\DSS`.
    Capi,
    /// Cryptography next generation: `Crypto\Keys` and `Crypto\SystemKeys`.
    Cng,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capi => "CAPI",
            Self::Cng => "CNG",
        })
    }
}

/// The 32 hexadecimal digits that a key file's name starts with, in printed order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(pub [u8; 16]);

/// A text is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key file name starts with 32 hexadecimal digits")]
pub struct NotAPrefix;

impl Prefix {
    /// The prefix of a CAPI container.
    ///
    /// `None` when the name holds bytes from 0x80 up: how Windows lower-cases them is not known, so nothing can be
    /// verified.
    pub fn of_capi(name: impl AsRef<[u8]>) -> Option<Self> {
        let name = name.as_ref();
        if !name.is_ascii() {
            return None;
        }
        let mut hash = Md5::new();
        for chunk in name.chunks(64) {
            let mut lower = [0u8; 64];
            for (to, from) in lower.iter_mut().zip(chunk) {
                *to = from.to_ascii_lowercase();
            }
            hash.update(lower.get(..chunk.len()).unwrap_or_default());
        }
        hash.update([0]);
        Some(Self::from_md5(hash.finalize().into()))
    }

    /// The prefix of a CNG container.
    ///
    /// `None` when the name holds upper-case letters outside ASCII: how Windows lower-cases them is not known.
    pub fn of_cng(name: &str) -> Option<Self> {
        let mut hash = Md5::new();
        for c in name.chars() {
            if !c.is_ascii() && c.to_lowercase().ne([c]) {
                return None;
            }
            for unit in c.to_ascii_lowercase().encode_utf16(&mut [0; 2]) {
                hash.update(unit.to_le_bytes());
            }
        }
        hash.update([0, 0]);
        Some(Self::from_md5(hash.finalize().into()))
    }

    /// The prefix of a container of either family.
    pub fn of(family: Family, name: &str) -> Option<Self> {
        match family {
            Family::Capi => Self::of_capi(name),
            Family::Cng => Self::of_cng(name),
        }
    }

    fn from_md5(mut digest: [u8; 16]) -> Self {
        for number in digest.chunks_mut(4) {
            number.reverse();
        }
        Self(digest)
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| NotAPrefix)?;
        let mut bytes = [0u8; 16];
        for (slot, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            for &digit in pair {
                let value = char::from(digit).to_digit(16).ok_or(NotAPrefix)? as u8;
                *slot = *slot << 4 | value;
            }
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the name inside a container says about the prefix of its file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixCheck {
    /// The name hashes to that prefix.
    Matches,
    /// The name hashes to another prefix.
    Differs {
        /// The prefix that belongs to the name inside.
        expected: Prefix,
    },
    /// There is no name, or its lower-casing is not known.
    CannotVerify,
}

/// A container's name as it stands inside the file, without its terminator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    family: Family,
    bytes: Box<[u8]>,
}

impl KeyName {
    /// A CAPI name: single bytes in the machine's ANSI code page.
    pub fn capi(bytes: &[u8]) -> Self {
        Self { family: Family::Capi, bytes: bytes.into() }
    }

    /// A CNG name: UTF-16LE.
    pub fn cng(bytes: &[u8]) -> Self {
        Self { family: Family::Cng, bytes: bytes.into() }
    }

    /// The bytes as found.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name as text; bytes from 0x80 up in a CAPI name are shown as Windows-1252, which is a guess.
    pub fn text(&self) -> Cow<'_, str> {
        match self.family {
            Family::Capi => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&self.bytes).0,
            Family::Cng => encoding_rs::UTF_16LE.decode_without_bom_handling(&self.bytes).0,
        }
    }

    /// The prefix that a file with this name inside must have; `None` when that can't be known.
    pub fn prefix(&self) -> Option<Prefix> {
        match self.family {
            Family::Capi => Prefix::of_capi(&self.bytes),
            Family::Cng => {
                let (text, damaged) = encoding_rs::UTF_16LE.decode_without_bom_handling(&self.bytes);
                if damaged { None } else { Prefix::of_cng(&text) }
            }
        }
    }

    /// Compares a file name's prefix with this name.
    pub fn check(&self, prefix: Prefix) -> PrefixCheck {
        match self.prefix() {
            None => PrefixCheck::CannotVerify,
            Some(expected) if expected == prefix => PrefixCheck::Matches,
            Some(expected) => PrefixCheck::Differs { expected },
        }
    }

    /// What kind of name it is, for counting the ones that nobody knows.
    pub fn pattern(&self) -> NamePattern {
        NamePattern::of(&self.text())
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({} {:?})", self.family, self.text())
    }
}

impl Serialize for KeyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// How the name of a container that is not well known looks; used to aggregate a folder of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamePattern {
    /// `le-<template>-<GUID>`: certificate enrolment by an administrator or the machine.
    Enrolment,
    /// `te-<template>-<GUID>`: certificate enrolment through the enrolment client.
    TemplateEnrolment,
    /// `tp-<GUID>`: certificate enrolment without a template.
    Request,
    /// `MS IIS DCOM Client` with a user and a SID appended.
    DcomClient,
    /// `{GUID}`: PFX import, .NET.
    BracedGuid,
    /// A GUID alone.
    BareGuid,
    /// `TB_<version>_<host>`: token binding.
    TokenBinding,
    /// A file path.
    Path,
    /// Anything else: product names, CA names.
    Other,
}

impl NamePattern {
    /// How such names look, as reports show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Enrolment => "le-<template>-<GUID>",
            Self::TemplateEnrolment => "te-<template>-<GUID>",
            Self::Request => "tp-<GUID>",
            Self::DcomClient => "MS IIS DCOM Client<user><SID>",
            Self::BracedGuid => "{<GUID>}",
            Self::BareGuid => "<GUID>",
            Self::TokenBinding => "token binding",
            Self::Path => "path",
            Self::Other => "other",
        }
    }

    /// Classifies a name.
    pub fn of(name: &str) -> Self {
        let ends_with_guid = name.len().checked_sub(36).and_then(|at| name.get(at..)).is_some_and(is_guid);
        if super::well_known::is_dcom_client(name) {
            return Self::DcomClient;
        }
        if is_guid(name) {
            return Self::BareGuid;
        }
        if name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(is_guid) {
            return Self::BracedGuid;
        }
        match name.get(..3).map(str::to_ascii_lowercase).as_deref() {
            Some("le-") if ends_with_guid => return Self::Enrolment,
            Some("te-") if ends_with_guid => return Self::TemplateEnrolment,
            Some("tp-") if ends_with_guid => return Self::Request,
            _ => {}
        }
        if let Some(rest) = name.strip_prefix("TB_")
            && rest.split_once('_').is_some_and(|(version, _)| version.parse::<u8>().is_ok())
        {
            return Self::TokenBinding;
        }
        if name.contains('\\') || name.contains('/') || name.get(1..2) == Some(":") {
            return Self::Path;
        }
        Self::Other
    }
}

fn is_guid(text: &str) -> bool {
    Guid::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capi_names_hash_as_windows_hashes_them() {
        let table = [
            ("winetest", "9d20fd8d05ed2b8455d125d0bf6d6a70"),
            ("MyCoolContainer", "52ab417621a9d74c73e3e0f1bc374e0a"),
            ("Microsoft Internet Information Server", "c2319c42033a5ca7f44e731bfd3fa2b5"),
            ("MS IIS DCOM Server", "7a436fe806e483969f48a894af2fe9a1"),
            ("MS IIS DCOM ClientSYSTEMS-1-5-18", "786999f5617b331428135848d30802a1"),
            ("iisWasKey", "76944fb33636aeddb9590521c2e8815a"),
            ("iisConfigurationKey", "6de9cb26d2b98c01ec4e9e8b34824aa2"),
            ("NetFrameworkConfigurationKey", "d6d986f09a1ee04e24c949879fdb506c"),
            ("TSSecKeySet1", "f686aace6942fb7f7ceb231212eef4a4"),
            ("WMSvc Certificate Key Container", "bedbf0b4da5f8061b6444baedf4c00b1"),
            ("IIS Express Development Certificate Container", "fad662b360941f26a1193357aab3c12d"),
            ("NetMon", "cfb9f90a4105b517ec861064e4333b36"),
            ("iisRsaProviderKeyContainer", "78f4417bfed27d5e5d374a8766f5a5ae"),
            ("PVKKeyContainer", "9a62e3a81f082989dcdf21e708cb8eae"),
            ("MS_DPAPI_MACHINEKEY", "21c962ca0afce882dce77d305fede128"),
            ("ConfigMgrPrimaryKey", "977cc1e4f7b5f4be82b3a5a943b0448c"),
        ];
        for (name, prefix) in table {
            assert_eq!(Prefix::of_capi(name).unwrap().to_string(), prefix, "{name}");
            assert_eq!(Prefix::of_capi(name.to_uppercase()), Prefix::of_capi(name));
        }
    }

    #[test]
    fn cng_names_hash_as_windows_hashes_them() {
        let table = [
            ("iisCngWasKey", "597367cc37b886d7ee6c493e3befb421"),
            ("TB_2_msedge.net", "cf5cb1723dccff2c0ea8430f59e66dc5"),
            ("iisCngConfigurationKey", "f0e91f6485ac2d09485e4ec18135601e"),
            ("le-SuperAdmin-5e350d8e-ae46-458c-bac0-d8f3279c944e", "c0a496c6786f0d25e8624fee96e4e580"),
            ("TSSecKeySet1", "68c54eaf5af9a82623e0e07046c5f738"),
            ("iisWasKey", "fe0d8631831420addaf3cf6970961071"),
            ("WMSvc Certificate Key Container", "2acc2701e6a07a10fde9d6c07b1191b0"),
            ("IIS Express Development Certificate Container", "1fdb2af1132a8023c9a51a9e0f7c5e9d"),
        ];
        for (name, prefix) in table {
            assert_eq!(Prefix::of_cng(name).unwrap().to_string(), prefix, "{name}");
        }
    }

    #[test]
    fn a_name_outside_ascii_cannot_be_verified() {
        let name = KeyName::capi(b"Schl\xfcssel");
        assert_eq!(name.text(), "Schlüssel");
        assert_eq!(name.check(Prefix([0; 16])), PrefixCheck::CannotVerify);
        assert_eq!(Prefix::of_cng("ÄRGER"), None);
        assert!(Prefix::of_cng("ärger").is_some());
    }

    #[test]
    fn a_prefix_prints_what_it_reads() {
        let text = "c2319c42033a5ca7f44e731bfd3fa2b5";
        assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Prefix>().unwrap().to_string(), text);
        assert!("c2319c42033a5ca7f44e731bfd3fa2b".parse::<Prefix>().is_err());
        assert!("g2319c42033a5ca7f44e731bfd3fa2b5".parse::<Prefix>().is_err());
    }

    #[test]
    fn names_fall_into_patterns() {
        let guid = "5e350d8e-ae46-458c-bac0-d8f3279c944e";
        let cases = [
            (format!("le-Web-{guid}"), NamePattern::Enrolment),
            (format!("te-WebServer-{guid}"), NamePattern::TemplateEnrolment),
            (format!("tp-{guid}"), NamePattern::Request),
            (format!("{{{guid}}}"), NamePattern::BracedGuid),
            (guid.to_owned(), NamePattern::BareGuid),
            ("TB_2_www.example.org".to_owned(), NamePattern::TokenBinding),
            ("d:\\keys\\a".to_owned(), NamePattern::Path),
            ("MS IIS DCOM ClientSYSTEMS-1-5-18".to_owned(), NamePattern::DcomClient),
            ("Contoso Issuing CA 1".to_owned(), NamePattern::Other),
            ("le-".to_owned(), NamePattern::Other),
        ];
        for (name, pattern) in cases {
            assert_eq!(NamePattern::of(&name), pattern, "{name}");
        }
    }
}
