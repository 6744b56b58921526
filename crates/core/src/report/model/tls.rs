//! Certificates and what is bound to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CertificateRow {
    /// Store and thumbprint.
    pub id: String,
    /// SHA-1 in upper-case hexadecimal.
    pub thumbprint: String,
    /// The store.
    pub store: String,
    /// The name that an administrator gave it.
    pub friendly_name: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Issuer.
    pub issuer: Option<String>,
    /// Serial number in upper-case hexadecimal.
    pub serial: Option<String>,
    /// First moment of its validity.
    pub not_before: Option<String>,
    /// Last moment of its validity.
    pub not_after: Option<String>,
    /// DNS names that it is for.
    pub dns_names: Vec<String>,
    /// Algorithm of its key.
    pub key_algorithm: Option<String>,
    /// Length of its key in bits.
    pub key_bits: Option<u32>,
    /// SHA-256 of the modulus, as for containers.
    pub modulus_sha256: Option<String>,
    /// What ties it to its private key; null without a link.
    pub link: Option<KeyLinkRow>,
    /// Containers that the link leads to, by name.
    pub by_name: Vec<String>,
    /// Containers that hold its key, by modulus.
    pub by_key: Vec<String>,
    /// `ok`, `key-missing`, `key-orphaned`, `key-mismatch`, `key-unusable`, `key-unlinked`, `no-link`, `user-key-set`, `key-elsewhere`,
    /// `key-not-compared`, `unreadable` or `not-evaluated`.
    pub state: String,
    /// What uses it.
    pub used_by: Vec<String>,
    /// The hive.
    pub evidence: String,
}

/// What ties a certificate to its private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyLinkRow {
    /// The container.
    pub container: String,
    /// The provider.
    pub provider: String,
    /// Its type; 0 for CNG.
    pub provider_type: u32,
    /// Whether it is a container of the machine.
    pub machine_key_set: bool,
    /// 1 exchange, 2 signature, 0 CNG.
    pub key_spec: u32,
}

/// One way on which TLS is answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct BindingRow {
    /// The site; null where no site of the configuration uses the endpoint.
    pub site: Option<String>,
    /// The endpoint: as the site's binding has it, else as HTTP.sys has it, else the service.
    pub endpoint: String,
    /// The entry of HTTP.sys that answers.
    pub http_sys: Option<String>,
    /// `iis`, `iis-express`, `wmsvc`, `rdp` or `other`.
    pub owner: String,
    /// The application that made the entry.
    pub app_id: Option<String>,
    /// SHA-1 of the certificate.
    pub thumbprint: Option<String>,
    /// The store that it is taken from.
    pub store: Option<String>,
    /// The certificate, by id.
    pub certificate: Option<String>,
    /// The container that it is linked to.
    pub container: Option<String>,
    /// The file of that container, by id; the one under the current GUID before any other.
    pub file: Option<String>,
    /// The state of the certificate's key; or `certificate-missing`, `certificate-in-other-store`, `central-store`,
    /// `no-certificate`, `not-bound`, `not-evaluated`.
    pub state: String,
    /// Where the binding stands.
    pub evidence: String,
}
