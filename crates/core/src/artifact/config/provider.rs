//! Providers of `configProtectedData` and the header of their session key.
//!
//! A session key is a `SIMPLEBLOB` as `CryptExportKey` writes it (Microsoft's documentation of that structure): its length
//! gives the RSA modulus that it needs.

use roxmltree::Node;
use serde::Serialize;

use super::enc::decode;
use super::session_key::{HEADER_LEN, SessionKeyError, WrappedKey};
use crate::artifact::bytes::u32_le;

/// How a provider encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// With the container's RSA key itself.
    Rsa,
    /// With a session key that the container's RSA key unwraps.
    Aes,
    /// With a CNG container.
    Cng,
    /// With something that is not known.
    Unknown,
}

impl ProviderKind {
    fn of(type_name: &str) -> Self {
        let class = type_name.split(',').next().unwrap_or_default().trim();
        match class.rsplit('.').next().unwrap_or_default() {
            "" | "RsaProtectedConfigurationProvider" => Self::Rsa,
            "AesProtectedConfigurationProvider" => Self::Aes,
            "CngProtectedConfigurationProvider" => Self::Cng,
            _ => Self::Unknown,
        }
    }
}

/// What the header of a session key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SessionKeyHeader {
    /// Length in bytes of the whole blob.
    pub len: usize,
    /// `ALG_ID` of the wrapped key: 0x660e is AES-128.
    pub algorithm: u32,
    /// `ALG_ID` of the wrapping: 0xa400 is RSA key exchange.
    pub wrapping: u32,
    /// Size in bits of the RSA modulus that unwraps it.
    pub rsa_bits: u32,
}

/// The `sessionKey` attribute of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKey {
    /// The attribute is there and empty.
    Empty,
    /// A wrapped key.
    Wrapped(SessionKeyHeader),
    /// Not base64.
    NotBase64 {
        /// Characters in the attribute.
        chars: usize,
    },
    /// Base64 of something that is not a wrapped key.
    NotABlob {
        /// Decoded length in bytes.
        len: usize,
    },
}

impl SessionKey {
    fn read(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::Empty;
        }
        let Some(blob) = decode(text) else { return Self::NotBase64 { chars: text.chars().count() } };
        let len = blob.len();
        let (Ok(head), Ok(algorithm), Ok(wrapping)) = (u32_le(&blob, 0), u32_le(&blob, 4), u32_le(&blob, 8))
        else {
            return Self::NotABlob { len };
        };
        // Type 1 (SIMPLEBLOB), version 2, two reserved bytes.
        if head != 0x0201 || len == HEADER_LEN {
            return Self::NotABlob { len };
        }
        let rsa_bits = u32::try_from((len - HEADER_LEN) * 8).unwrap_or(u32::MAX);
        Self::Wrapped(SessionKeyHeader { len, algorithm, wrapping, rsa_bits })
    }
}

/// One provider that `configProtectedData` declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provider {
    /// Its name, as `[enc:` values use it.
    pub name: String,
    /// Its type as written; empty for the built-in RSA provider.
    pub type_name: String,
    /// What the type means.
    pub kind: ProviderKind,
    /// The container that it opens; `None` when the attribute is missing.
    pub key_container_name: Option<String>,
    /// The CAPI provider that it asks for; usually empty.
    pub csp_provider_name: Option<String>,
    /// Whether it looks in the machine's store.
    pub use_machine_container: Option<bool>,
    /// Whether its RSA uses OAEP.
    pub use_oaep: Option<bool>,
    /// Facts about its session key; `None` when the attribute is missing.
    pub session_key: Option<SessionKey>,
    /// The session key itself, still wrapped, or why it cannot be unwrapped by any key; `None` when the attribute is missing.
    #[serde(skip)]
    pub wrapped_key: Option<Result<WrappedKey, SessionKeyError>>,
    /// Line of its element.
    pub line: usize,
    /// Citation of its element.
    pub xpath: String,
}

impl Provider {
    pub(super) fn read(node: Node<'_, '_>, line: usize, xpath: String) -> Self {
        let text = |name| node.attribute(name).map(str::to_owned);
        let flag =
            |name| node.attribute(name).and_then(|value| value.trim().to_ascii_lowercase().parse().ok());
        let type_name = text("type").unwrap_or_default();
        Self {
            name: text("name").unwrap_or_default(),
            kind: ProviderKind::of(&type_name),
            type_name,
            key_container_name: text("keyContainerName"),
            csp_provider_name: text("cspProviderName"),
            use_machine_container: flag("useMachineContainer"),
            use_oaep: flag("useOAEP"),
            session_key: node.attribute("sessionKey").map(SessionKey::read),
            wrapped_key: node.attribute("sessionKey").map(WrappedKey::from_base64),
            line,
            xpath,
        }
    }
}
