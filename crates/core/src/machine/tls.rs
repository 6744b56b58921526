//! Facts about TLS: certificates of the machine's stores, bindings of HTTP.sys, sites and their bindings.

use iiskeys_evidence::Timestamp;

use super::known::{Citation, Known};
use crate::artifact::container::Guid;

/// Which family of stores a certificate stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorePlace {
    /// `SOFTWARE\Microsoft\SystemCertificates`.
    Machine,
    /// `SOFTWARE\Policies\Microsoft\SystemCertificates`: sent by group policy.
    Policy,
    /// The store of one service, by the service's name.
    Service(String),
}

/// What ties a certificate to its private key (CERT_KEY_PROV_INFO_PROP_ID).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// What a certificate itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateBody {
    /// SHA-1 of its DER form.
    pub sha1: [u8; 20],
    /// Subject, in the order in which Windows shows it.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Serial number, upper-case hexadecimal without separators.
    pub serial: String,
    /// First moment of its validity.
    pub not_before: Timestamp,
    /// Last moment of its validity.
    pub not_after: Timestamp,
    /// DNS names it is for, from the alternative names.
    pub dns_names: Vec<String>,
    /// Algorithm of its public key: `RSA`, `EC`, ...
    pub key_algorithm: String,
    /// Length of that key in bits.
    pub key_bits: Option<u32>,
    /// SHA-256 of the RSA modulus, big-endian without padding, as for containers.
    pub modulus_sha256: Option<[u8; 32]>,
    /// Whether it may authenticate a server; `None` when it does not limit its use.
    pub for_servers: Option<bool>,
}

/// A certificate in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The family of stores.
    pub place: StorePlace,
    /// The store: `MY`, `WebHosting`, `Remote Desktop`.
    pub store: String,
    /// Name of its registry key: its SHA-1 in upper-case hexadecimal.
    pub thumbprint: String,
    /// The name that an administrator gave it.
    pub friendly_name: Option<String>,
    /// What ties it to its private key; absent for a certificate without a private key.
    pub link: Known<KeyLink>,
    /// What it says.
    pub body: Known<CertificateBody>,
    /// Last write of its registry key.
    pub written: Option<Timestamp>,
    /// Where it stands.
    pub citation: Citation,
}

/// What HTTP.sys listens on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// An address and a port (`SslBindingInfo`).
    Address {
        /// IPv4 address, or IPv6 address without brackets; `0.0.0.0` for all.
        address: String,
        /// TCP port.
        port: u16,
    },
    /// A host name and a port (`SslSniBindingInfo`), lower case.
    Host {
        /// The name.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A port whose certificates come from the central store (`SslCcsBindingInfo`).
    Central {
        /// TCP port.
        port: u16,
    },
    /// A name that is none of these.
    Unknown(String),
}

/// A TLS binding of HTTP.sys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpBinding {
    /// What it is for.
    pub endpoint: Endpoint,
    /// SHA-1 of the certificate in upper-case hexadecimal; `None` where the binding has none.
    pub thumbprint: Option<String>,
    /// The store named; `MY` where none is.
    pub store: String,
    /// The application that made it.
    pub app_id: Option<Guid>,
    /// Where it stands.
    pub citation: Citation,
}

/// An HTTPS binding of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteBinding {
    /// `https`, or another protocol that carries TLS settings.
    pub protocol: String,
    /// `address:port:host`, as found.
    pub information: String,
    /// `sslFlags`: 1 server name indication, 2 central store.
    pub ssl_flags: u32,
    /// Certificate that the configuration itself names (IIS 6 `SSLCertHash`), upper-case hexadecimal.
    pub thumbprint: Option<String>,
    /// The store that it names.
    pub store: Option<String>,
    /// Where it stands.
    pub citation: Citation,
}

/// A web site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Its number.
    pub id: u32,
    /// Whether it starts with the server.
    pub auto_start: bool,
    /// Its bindings that use TLS.
    pub bindings: Vec<SiteBinding>,
}

/// Something besides IIS that has a certificate chosen for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherUse {
    /// `rdp` or `wmsvc`.
    pub service: &'static str,
    /// SHA-1 of the certificate in upper-case hexadecimal.
    pub thumbprint: String,
    /// Where it is chosen.
    pub citation: Citation,
}

/// All that the evidence says about TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of every machine store, by place, store and thumbprint. Absent when a hive has no store at all.
    pub certificates: Known<Vec<Certificate>>,
    /// Bindings of HTTP.sys. Absent when the service's key has none.
    pub bindings: Known<Vec<HttpBinding>>,
    /// Sites of the live configuration, or of the metabase before IIS 7.
    pub sites: Known<Vec<Site>>,
    /// What other services were given.
    pub others: Vec<OtherUse>,
}

impl Tls {
    /// Nothing is known yet.
    pub fn unknown() -> Self {
        use super::need::Need;
        Self {
            certificates: Known::NotInEvidence(Need::SoftwareHive),
            bindings: Known::NotInEvidence(Need::SystemHive),
            sites: Known::NotInEvidence(Need::ApplicationHost),
            others: Vec::new(),
        }
    }
}
