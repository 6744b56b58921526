//! Certificates as Windows keeps them in the registry: a blob of properties with the X.509 certificate among them.
//!
//! Format facts: MS-GPEF, section 2.2.1.2.3 (properties), Microsoft's documentation of `CRYPT_KEY_PROV_INFO`, and RFC 5280,
//! which is read by `x509-parser`. No signature is verified and nothing is fetched.

#[cfg(test)]
mod tests;
mod x509;

use serde::Serialize;
use thiserror::Error;

use super::bytes::{Truncated, slice, u32_le};

pub use x509::{CertificateBody, CertificateError};

/// CERT_KEY_PROV_INFO_PROP_ID.
const KEY_PROVIDER_INFO: u32 = 2;
/// CERT_SHA1_HASH_PROP_ID.
const SHA1_HASH: u32 = 3;
/// CERT_FRIENDLY_NAME_PROP_ID.
const FRIENDLY_NAME: u32 = 11;
/// The certificate itself.
const CERTIFICATE: u32 = 32;
/// Bytes in front of a property's value.
const HEADER: usize = 12;
/// Properties that are told apart; real certificates have about ten.
const MOST_PROPERTIES: usize = 1024;
/// Numbers at the start of a key provider info.
const LINK_HEADER: usize = 28;
/// Characters kept of a name in a blob.
const LONGEST_NAME: usize = 1024;

/// Why a blob cannot be read to its end. Offsets are in bytes of the blob.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlobError {
    /// A property goes beyond the end.
    #[error("a property is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// More properties than any certificate has.
    #[error("more than {MOST_PROPERTIES} properties, the next at offset {offset:#x}")]
    Excessive {
        /// Offset of the first property that was not looked at.
        offset: usize,
    },
}

/// Why what ties a certificate to its key cannot be read. Offsets are in bytes of the property's value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkError {
    /// It is shorter than its numbers.
    #[error("the key provider info is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// A text does not lie behind the numbers and within the value, or does not end there.
    #[error("the text at offset {offset:#x} of the key provider info does not end within its {len:#x} bytes")]
    Text {
        /// Where the text should start.
        offset: usize,
        /// Length of the value.
        len: usize,
    },
}

/// What ties a certificate to its private key (CERT_KEY_PROV_INFO_PROP_ID).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct KeyLink {
    /// The container's name.
    pub container: String,
    /// The provider's name.
    pub provider: String,
    /// The provider's type; 0 is a CNG key storage provider.
    pub provider_type: u32,
    /// Flags as stored; 0x20 is CRYPT_MACHINE_KEYSET.
    pub flags: u32,
    /// 1 exchange, 2 signature, 0 or 0xFFFFFFFF CNG.
    pub key_spec: u32,
}

impl KeyLink {
    /// Reads the value of the property. A text may be missing, which is an empty one.
    ///
    /// # Errors
    /// [`LinkError`] when it is too short, or a text runs over its end.
    pub fn parse(value: &[u8]) -> Result<Self, LinkError> {
        slice(value, 0, LINK_HEADER)?;
        Ok(Self {
            container: text_at(value, u32_le(value, 0)?)?,
            provider: text_at(value, u32_le(value, 4)?)?,
            provider_type: u32_le(value, 8)?,
            flags: u32_le(value, 12)?,
            key_spec: u32_le(value, 24)?,
        })
    }
}

fn text_at(value: &[u8], offset: u32) -> Result<String, LinkError> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if offset == 0 {
        return Ok(String::new());
    }
    let error = || LinkError::Text { offset, len: value.len() };
    let rest = value.get(offset..).filter(|_| offset >= LINK_HEADER).ok_or_else(error)?;
    let units: Vec<u16> = units(rest).take(LONGEST_NAME + 1).collect();
    let end = units.iter().position(|unit| *unit == 0).ok_or_else(error)?;
    Ok(String::from_utf16_lossy(units.get(..end).unwrap_or_default()))
}

fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair))
}

/// A property of a certificate in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    /// Its number.
    pub id: u32,
    /// Offset of its value in the blob, in bytes.
    pub offset: usize,
    /// Its value.
    pub value: &'a [u8],
}

/// The blob of a certificate, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreBlob<'a> {
    /// The properties that are whole, in the order of the blob.
    pub properties: Vec<Property<'a>>,
    /// What ends the reading early.
    pub trouble: Option<BlobError>,
}

impl<'a> StoreBlob<'a> {
    /// Reads the value `Blob` of a certificate's key.
    pub fn parse(blob: &'a [u8]) -> Self {
        let mut found = Self { properties: Vec::new(), trouble: None };
        let mut at = 0;
        while at < blob.len() {
            if found.properties.len() == MOST_PROPERTIES {
                found.trouble = Some(BlobError::Excessive { offset: at });
                break;
            }
            match property(blob, at) {
                Ok(property) => {
                    at = property.offset + property.value.len();
                    found.properties.push(property);
                }
                Err(error) => {
                    found.trouble = Some(error.into());
                    break;
                }
            }
        }
        found
    }

    /// The first property of that number.
    pub fn property(&self, id: u32) -> Option<&'a [u8]> {
        self.properties.iter().find(|property| property.id == id).map(|property| property.value)
    }

    /// What ties it to its private key; `None` when nothing does.
    pub fn link(&self) -> Option<Result<KeyLink, LinkError>> {
        self.property(KEY_PROVIDER_INFO).map(KeyLink::parse)
    }

    /// The name that an administrator gave it.
    pub fn friendly_name(&self) -> Option<String> {
        let units: Vec<u16> =
            units(self.property(FRIENDLY_NAME)?).take_while(|unit| *unit != 0).take(LONGEST_NAME).collect();
        (!units.is_empty()).then(|| String::from_utf16_lossy(&units))
    }

    /// The SHA-1 that the blob itself names.
    pub fn sha1(&self) -> Option<[u8; 20]> {
        self.property(SHA1_HASH)?.try_into().ok()
    }

    /// The certificate in DER; `None` when the blob has none.
    pub fn der(&self) -> Option<&'a [u8]> {
        self.property(CERTIFICATE)
    }
}

fn property(blob: &[u8], at: usize) -> Result<Property<'_>, Truncated> {
    slice(blob, at, HEADER)?;
    let id = u32_le(blob, at)?;
    let len = usize::try_from(u32_le(blob, at.saturating_add(8))?).unwrap_or(usize::MAX);
    let offset = at.saturating_add(HEADER);
    Ok(Property { id, offset, value: slice(blob, offset, len)? })
}
