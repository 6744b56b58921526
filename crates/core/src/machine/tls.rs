//! Facts about TLS: certificates of the machine's stores, bindings of HTTP.sys, sites and their bindings.

use iiskeys_evidence::Timestamp;

use super::known::{Citation, Known};
pub use crate::artifact::certificate::{CertificateBody, KeyLink};
use crate::artifact::container::Guid;
pub use crate::artifact::http_sys::Endpoint;

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
    /// `rdp`, `wmsvc`, `ftp` or `MetaBase.bin`.
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
    /// Stores that the evidence does not cover although it covers others: a certificate that is not in
    /// `certificates` may be there. Store `*` stands for every store of that place.
    pub uncovered: Vec<(StorePlace, String)>,
    /// The stores that were looked for in each place.
    pub looked_for: Vec<String>,
    /// Certificates of the machine's other stores (pending requests among them) that are linked to a key. No binding of
    /// IIS takes one from there, so only the keys that they hold matter.
    pub held: Vec<Certificate>,
    /// Whether there may be more of them, in stores that are not in evidence or could not be read.
    pub held_left_out: bool,
    /// Tables of HTTP.sys (`SslBindingInfo`, ...) that the evidence does not cover.
    pub uncovered_tables: Vec<&'static str>,
}

impl Tls {
    /// Whether a certificate that is not among those read is provably not in this store.
    pub fn covers(&self, place: &StorePlace, store: &str) -> bool {
        let is_it = |name: &str| name.eq_ignore_ascii_case(store);
        self.certificates.is_settled()
            && self.looked_for.iter().any(|name| is_it(name))
            && !self
                .uncovered
                .iter()
                .any(|(other, name)| other == place && (name == "*" || name.eq_ignore_ascii_case(store)))
    }

    /// Nothing is known yet.
    pub fn unknown() -> Self {
        use super::need::Need;
        Self {
            certificates: Known::NotInEvidence(Need::SoftwareHive),
            bindings: Known::NotInEvidence(Need::SystemHive),
            sites: Known::NotInEvidence(Need::ApplicationHost),
            others: Vec::new(),
            uncovered: Vec::new(),
            looked_for: Vec::new(),
            held: Vec::new(),
            held_left_out: true,
            uncovered_tables: Vec::new(),
        }
    }
}
