//! `<RSAKeyValue>` files, as `aspnet_regiis -px` writes them: an RSA key in clear text.
//!
//! Of the private numbers only their presence is told; the reading that a proof needs wipes them. Format facts: W3C XML
//! Signature (`RSAKeyValue`) and Microsoft's documentation of `RSA.ToXmlString`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::config::ConfigError;
use super::config::enc::decode;
use super::config::xml::{self, Lines};

/// Files longer than this are no keys: the largest possible one has about 16 KiB.
pub const SIZE_LIMIT: usize = 256 * 1024;
/// Longest number in bytes: a modulus of 16384 bits.
const LONGEST_NUMBER: usize = 2048;
const NAMES: [&str; 8] = ["Modulus", "Exponent", "P", "Q", "DP", "DQ", "InverseQ", "D"];

/// Why a file is no `<RSAKeyValue>`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RsaKeyValueError {
    /// It is no XML of that kind.
    #[error(transparent)]
    Xml(#[from] ConfigError),
    /// A number is missing.
    #[error("<{name}> is missing")]
    Missing {
        /// Name of the element.
        name: &'static str,
    },
    /// A number stands there twice.
    #[error("line {line}: a second <{name}>")]
    Twice {
        /// Name of the element.
        name: &'static str,
        /// Line of the second one.
        line: usize,
    },
    /// A number is no base64, empty or longer than that of any key.
    #[error("line {line}: <{name}> is not a number in base64")]
    Number {
        /// Name of the element.
        name: &'static str,
        /// Line of the element.
        line: usize,
    },
}

/// What an `<RSAKeyValue>` says about its key, without any private number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RsaKeyValue {
    /// The modulus, big-endian without leading zeros.
    #[serde(skip)]
    pub modulus: Vec<u8>,
    /// The public exponent, big-endian without leading zeros.
    pub exponent: Vec<u8>,
    /// Size of the modulus in bits.
    pub bits: u32,
    /// Whether a private number is there: whoever has the file has the key.
    pub has_private: bool,
    /// Whether all six private numbers are there, so that the file can be imported as a key pair.
    pub is_complete_pair: bool,
}

impl RsaKeyValue {
    /// Reads a file whose root element is `RSAKeyValue`.
    ///
    /// # Errors
    /// [`RsaKeyValueError`] when it is something else, or a public number is missing or none.
    pub fn parse(data: &[u8]) -> Result<Self, RsaKeyValueError> {
        let numbers = numbers(data)?;
        let public = |name| {
            let bytes = numbers.get(name).ok_or(RsaKeyValueError::Missing { name })?;
            let start = bytes.iter().position(|&b| b != 0).unwrap_or(bytes.len());
            Ok::<_, RsaKeyValueError>(bytes.get(start..).unwrap_or_default().to_vec())
        };
        let (modulus, exponent) = (public("Modulus")?, public("Exponent")?);
        let first = modulus.first().map_or(0, |first| first.leading_zeros());
        let bits = u32::try_from(modulus.len() * 8).unwrap_or_default().saturating_sub(first);
        let private = NAMES.iter().skip(2).filter(|name| numbers.contains_key(**name)).count();
        Ok(Self { modulus, exponent, bits, has_private: private > 0, is_complete_pair: private == 6 })
    }
}

/// A text of which our own copy is wiped.
enum Wiped<'t> {
    Borrowed(&'t str),
    Converted(Zeroizing<String>),
}

impl Wiped<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Converted(text) => text,
        }
    }
}

/// All numbers by the name of their element, wiped when they are dropped.
pub(crate) fn numbers(data: &[u8]) -> Result<BTreeMap<&'static str, Zeroizing<Vec<u8>>>, RsaKeyValueError> {
    if data.len() > SIZE_LIMIT {
        return Err(ConfigError::TooLarge { size: data.len() }.into());
    }
    let text = match xml::decode(data)? {
        Cow::Borrowed(text) => Wiped::Borrowed(text),
        Cow::Owned(text) => Wiped::Converted(Zeroizing::new(text)),
    };
    let text = text.as_str();
    let lines = Lines::of(text);
    let document = xml::parse(text, &lines, "RSAKeyValue")?;
    let mut found = BTreeMap::new();
    for node in document.root_element().children().filter(roxmltree::Node::is_element) {
        let Some(name) = NAMES.into_iter().find(|name| *name == node.tag_name().name()) else { continue };
        let line = lines.position(node.range().start).0;
        let bytes = node.text().and_then(decode).map(Zeroizing::new);
        let bytes = bytes.filter(|bytes| !bytes.is_empty() && bytes.len() <= LONGEST_NUMBER + 1);
        let bytes = bytes.ok_or(RsaKeyValueError::Number { name, line })?;
        if found.insert(name, bytes).is_some() {
            return Err(RsaKeyValueError::Twice { name, line });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
