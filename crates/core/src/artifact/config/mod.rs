//! IIS configuration: `applicationHost.config` and `IIS_schema.xml`.
//!
//! Which providers are declared, which container each names, and which values each encrypted. Nothing is decrypted, and of
//! what stands in clear text where a secret belongs only the place is kept. Format facts: the documented IIS configuration system and public configurations.

mod application_host;
mod digest;
pub(crate) mod enc;
mod payload;
mod provider;
mod schema;
mod sections;
mod session_key;
pub(crate) mod xml;
mod xml_enc;
pub(crate) mod xpath;

use thiserror::Error;

pub use application_host::{
    AppPool, ApplicationHost, Dependents, EncryptedValue, KEPT_BINDINGS, KEPT_VALUES, Owner, ProviderUse,
    Site, TlsBinding,
};
pub use digest::{ConfigChange, ConfigDigest, SiteDigest};
pub use payload::{CngPayload, PayloadError, RsaPayload, is_placeholder, payload_of_aes};
pub use provider::{Provider, ProviderKind, SessionKey, SessionKeyHeader};
pub use schema::{DefaultProvider, Schema};
pub use sections::{ConfigHistory, PlainValue, Redirection};
pub use session_key::{KeyAlgorithm, SessionKeyError, WrappedKey};
pub use xml_enc::{DataCipher, EncryptedSection, KeyWrap};
pub use xpath::quote as xpath_literal;

/// Configuration files longer than this are refused.
pub const SIZE_LIMIT: usize = 64 * 1024 * 1024;
/// Elements may not be nested deeper than this; real files reach about twelve.
pub const DEPTH_LIMIT: usize = 64;
/// One element may not have more attributes than this.
pub const ATTRIBUTE_LIMIT: usize = 1024;
/// One file may not have more nodes than this.
pub const NODE_LIMIT: u32 = 4_000_000;

/// Why a configuration file could not be read. Offsets are in bytes, lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The file has no bytes, or only white space.
    #[error("the file is empty")]
    Empty,
    /// The file is longer than [`SIZE_LIMIT`].
    #[error("the file has {size} bytes, more than {SIZE_LIMIT} are not read")]
    TooLarge {
        /// Size of the file.
        size: usize,
    },
    /// The file is zero from an offset to its end.
    #[error("the file is zero from offset {from:#x} to its end at {size:#x}")]
    ZeroFilled {
        /// Offset of the first byte of the zeros.
        from: usize,
        /// Size of the file.
        size: usize,
    },
    /// Bytes that are not text in the file's encoding.
    #[error("the bytes at offset {offset:#x} are not {encoding}")]
    Encoding {
        /// Offset of the first wrong byte.
        offset: usize,
        /// Name of the encoding.
        encoding: &'static str,
    },
    /// A document type declaration, which configuration files do not have and which is never followed.
    #[error("line {line} declares a document type")]
    DocumentType {
        /// Line of the declaration.
        line: usize,
    },
    /// More nesting, attributes or nodes than any real file has.
    #[error("line {line} has more {what} than any real configuration")]
    Excessive {
        /// What there is too much of.
        what: &'static str,
        /// Line where the limit was passed.
        line: usize,
    },
    /// The text is not well-formed XML.
    #[error("not well-formed at line {line}, column {column} (offset {offset:#x}): {reason}")]
    NotWellFormed {
        /// Line.
        line: usize,
        /// Column in characters.
        column: usize,
        /// Offset in bytes of the text as UTF-8, without a byte order mark.
        offset: usize,
        /// What is wrong; holds no text from the file.
        reason: &'static str,
    },
    /// The root element is another one.
    #[error("the root element is not <{expected}>")]
    Root {
        /// Name that the root element should have.
        expected: &'static str,
    },
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod copies_tests;
