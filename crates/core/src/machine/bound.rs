//! The joins of TLS: site to binding to certificate to container.
//!
//! A certificate is joined to containers twice: by the name that it is linked to, and by the modulus of its key.

use std::collections::BTreeMap;

use super::facts::{Content, Facts, FolderRole};
use super::known::{Citation, Known};
use super::store::Store;
use super::tls::{Certificate, Endpoint, HttpBinding, KeyLink, Site, SiteBinding};
use crate::artifact::container::{Guid, Prefix};

/// CRYPT_MACHINE_KEYSET and NCRYPT_MACHINE_KEY_FLAG.
const MACHINE_KEYSET: u32 = 0x20;
/// `sslFlags`: server name indication.
const SNI: u32 = 1;
/// `sslFlags`: central certificate store.
const CENTRAL: u32 = 2;

/// A certificate that was chosen for the Remote Desktop listener.
pub const RDP: &str = "rdp";
/// A certificate whose hash stands in a metabase that cannot be read otherwise.
pub const METABASE: &str = "MetaBase.bin";

/// The application that made a binding of HTTP.sys, by its GUID.
const APPLICATIONS: [(&str, Owner); 3] = [
    ("4dc3e181-e14b-4a21-b022-59fc669b0914", Owner::Iis),
    ("214124cd-d05b-4309-9af9-9caa44b2b74a", Owner::IisExpress),
    ("d7d72267-fcf9-4424-9eec-7e1d8dcec9a9", Owner::ManagementService),
];

/// Software providers of Windows whose containers are files that this program reads.
const CAPI_PROVIDERS: [&str; 8] = [
    "Microsoft RSA SChannel Cryptographic Provider",
    "Microsoft Base Cryptographic Provider v1.0",
    "Microsoft Enhanced Cryptographic Provider v1.0",
    "Microsoft Strong Cryptographic Provider",
    "Microsoft Enhanced RSA and AES Cryptographic Provider",
    "Microsoft Enhanced RSA and AES Cryptographic Provider (Prototype)",
    "Microsoft RSA Signature Cryptographic Provider",
    "Microsoft Base DSS and Diffie-Hellman Cryptographic Provider",
];
/// The software provider of CNG.
const CNG_PROVIDER: &str = "Microsoft Software Key Storage Provider";
/// Provider types whose containers stand in the DSS folder: PROV_DSS, PROV_DSS_DH and PROV_DH_SCHANNEL.
const DSS_TYPES: [u32; 3] = [3, 13, 18];

/// Who made a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// IIS.
    Iis,
    /// IIS Express.
    IisExpress,
    /// The Web Management Service.
    ManagementService,
    /// The Remote Desktop listener.
    RemoteDesktop,
    /// Another application, or one that did not say who it is.
    Other,
}

impl Owner {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iis => "iis",
            Self::IisExpress => "iis-express",
            Self::ManagementService => "wmsvc",
            Self::RemoteDesktop => "rdp",
            Self::Other => "other",
        }
    }

    /// How it is called in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Iis => "IIS",
            Self::IisExpress => "IIS Express",
            Self::ManagementService => "the Web Management Service",
            Self::RemoteDesktop => "Remote Desktop",
            Self::Other => "another application",
        }
    }
}

/// How much hangs on a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stake {
    /// Nothing of IIS.
    None,
    /// Something of IIS that is not in service: a stopped site, an endpoint that no site uses.
    Idle,
    /// A site that is in service.
    Live,
}

/// One way on which TLS is answered, as far as it can be followed.
#[derive(Debug, Clone)]
pub struct BindingView {
    /// The endpoint, as shown.
    pub endpoint: String,
    /// Who owns it.
    pub owner: Owner,
    /// The application's GUID, where the binding has one.
    pub app_id: Option<Guid>,
    /// The site: indices into the sites and its bindings.
    pub site: Option<(usize, usize)>,
    /// The binding of HTTP.sys, an index.
    pub http: Option<usize>,
    /// Whether its certificates come from the central store.
    pub central: bool,
    /// The certificate's SHA-1.
    pub thumbprint: Option<String>,
    /// The store that it is taken from.
    pub store: Option<String>,
    /// The certificate, an index.
    pub certificate: Option<usize>,
    /// How much hangs on it.
    pub stake: Stake,
    /// Why that is less than it could be.
    pub lowered: Option<&'static str>,
    /// Where it stands.
    pub citation: Citation,
}

/// What a certificate's link comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It has none.
    None,
    /// To a machine container of a software provider of Windows.
    Machine,
    /// To a user container of such a provider.
    User,
    /// To a provider whose keys are not files that can be read here.
    Elsewhere(String),
    /// It cannot be read.
    Unknown,
}

/// A certificate with its containers and users.
#[derive(Debug, Clone)]
pub struct CertificateView {
    /// What its link comes to.
    pub link: Link,
    /// Where the link's container must be looked for: store and hash of the name, the likelier first.
    pub places: Vec<(Store, Prefix)>,
    /// Containers at these places, indices into the facts, set-aside copies excluded.
    pub by_name: Vec<usize>,
    /// Containers whose public key is the certificate's, set-aside copies included.
    pub by_key: Vec<usize>,
    /// Bindings that use it, indices into [`TlsView::bindings`].
    pub used_by: Vec<usize>,
}

/// All joins of TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsView {
    /// One for each certificate of the facts.
    pub certificates: Vec<CertificateView>,
    /// One for each way on which TLS is answered, by site and endpoint.
    pub bindings: Vec<BindingView>,
    /// Whether it is known which certificates are bound.
    pub bindings_known: bool,
}

impl TlsView {
    /// The most that hangs on a certificate.
    pub fn stake(&self, certificate: usize) -> Stake {
        let view = self.certificates.get(certificate);
        let used = view.into_iter().flat_map(|view| &view.used_by).filter_map(|&at| self.bindings.get(at));
        used.map(|binding| binding.stake).max().unwrap_or(Stake::None)
    }
}

/// Joins what is known about TLS. `iis_serves` is whether the Web service is installed and not disabled.
pub(super) fn derive(facts: &Facts, iis_serves: bool) -> TlsView {
    let certificates = facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    let mut by_place: BTreeMap<(Store, Prefix), Vec<usize>> = BTreeMap::new();
    let mut by_modulus: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (index, container) in facts.containers.iter().enumerate() {
        let Some(folder) = facts.folder(container) else { continue };
        let is_copy = container.set_aside || folder.role == FolderRole::Copy;
        if let (Some(prefix), false) = (container.prefix, is_copy) {
            by_place.entry((folder.store, prefix)).or_default().push(index);
        }
        if let Content::Read(inside) = &container.content {
            let mut moduli: Vec<[u8; 32]> =
                inside.pairs.iter().filter_map(|pair| pair.modulus_sha256).collect();
            moduli.sort_unstable();
            moduli.dedup();
            for modulus in moduli {
                by_modulus.entry(modulus).or_default().push(index);
            }
        }
    }
    let mut views: Vec<CertificateView> = certificates
        .iter()
        .map(|certificate| certificate_view(certificate, &by_place, &by_modulus))
        .collect();
    let bindings = bindings(facts, certificates, iis_serves);
    for (at, binding) in bindings.iter().enumerate() {
        if let Some(view) = binding.certificate.and_then(|certificate| views.get_mut(certificate)) {
            view.used_by.push(at);
        }
    }
    TlsView { certificates: views, bindings, bindings_known: are_known(facts) }
}

/// Whether the evidence tells which certificates are bound. Before HTTP.sys the metabase alone told it.
fn are_known(facts: &Facts) -> bool {
    let by_sites = facts.tls.sites.value().is_some_and(|sites| {
        sites.iter().flat_map(|site| &site.bindings).any(|binding| binding.thumbprint.is_some())
    });
    let is_older = facts.os.version.value().is_some_and(|version| matches!(version.as_str(), "5.0" | "5.1"));
    let by_http = facts.tls.bindings.is_settled() && facts.tls.uncovered_tables.is_empty();
    by_sites || if is_older { facts.tls.sites.is_settled() } else { by_http }
}

fn certificate_view(
    certificate: &Certificate,
    by_place: &BTreeMap<(Store, Prefix), Vec<usize>>,
    by_modulus: &BTreeMap<[u8; 32], Vec<usize>>,
) -> CertificateView {
    let link = match &certificate.link {
        Known::Read(cited) => link_of(&cited.value),
        Known::Absent(_) => Link::None,
        _ => Link::Unknown,
    };
    let places = match (&link, certificate.link.value()) {
        (Link::Machine, Some(link)) => places_of(link),
        _ => Vec::new(),
    };
    let by_name = places.iter().filter_map(|place| by_place.get(place)).flatten().copied().collect();
    let modulus = certificate.body.value().and_then(|body| body.modulus_sha256);
    let by_key = modulus.and_then(|modulus| by_modulus.get(&modulus)).cloned().unwrap_or_default();
    CertificateView { link, places, by_name, by_key, used_by: Vec::new() }
}

fn link_of(link: &KeyLink) -> Link {
    let known = |name: &str| link.provider.eq_ignore_ascii_case(name);
    // Without a name the default provider of the type is meant, which is one of Windows.
    let is_software = if link.provider_type == 0 {
        known(CNG_PROVIDER)
    } else {
        link.provider.is_empty() || CAPI_PROVIDERS.iter().any(|name| known(name)) || is_dss(link)
    };
    if !is_software {
        return Link::Elsewhere(link.provider.clone());
    }
    if link.flags & MACHINE_KEYSET == 0 { Link::User } else { Link::Machine }
}

fn is_dss(link: &KeyLink) -> bool {
    DSS_TYPES.contains(&link.provider_type) && link.provider.starts_with("Microsoft ")
}

/// Where a container of that name may stand. The provider of CNG opens containers of CAPI, too.
fn places_of(link: &KeyLink) -> Vec<(Store, Prefix)> {
    let capi = Prefix::of_capi(&link.container);
    let mut places = Vec::new();
    if link.provider_type == 0 {
        places.extend(Prefix::of_cng(&link.container).map(|prefix| (Store::CngMachine, prefix)));
    }
    let store = if is_dss(link) { Store::DssMachine } else { Store::RsaMachine };
    places.extend(capi.map(|prefix| (store, prefix)));
    places
}

/// A name of HTTP.sys in the form that is shown.
pub fn endpoint_text(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Address { address, port } if address.contains(':') => format!("[{address}]:{port}"),
        Endpoint::Address { address, port } => format!("{address}:{port}"),
        Endpoint::Host { host, port } => format!("{host}:{port}"),
        Endpoint::Central { port } => format!("*:{port}"),
        Endpoint::Unknown(name) => name.clone(),
    }
}

/// `address:port:host` of a site's binding; the address is `*` or empty for all.
fn split(information: &str) -> Option<(&str, u16, &str)> {
    let (rest, host) = information.rsplit_once(':')?;
    let (address, port) = rest.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    Some((if address == "*" { "" } else { address }, port.parse().ok()?, host))
}

/// The binding of HTTP.sys that answers for a binding of a site, in the order in which HTTP.sys looks.
fn answering(http: &[HttpBinding], binding: &SiteBinding) -> Option<usize> {
    let (address, port, host) = split(&binding.information)?;
    let find = |wanted: &dyn Fn(&Endpoint) -> bool| http.iter().position(|known| wanted(&known.endpoint));
    let exact = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Address { address: known, port: p } if *p == port && !address.is_empty() && known.eq_ignore_ascii_case(address));
    let named = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Host { host: known, port: p } if *p == port && !host.is_empty() && covers(known, host));
    let central = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Central { port: p } if *p == port);
    let any = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Address { address, port: p } if *p == port && matches!(address.as_str(), "0.0.0.0" | "::"));
    if binding.ssl_flags & CENTRAL != 0 {
        return find(&central);
    }
    if binding.ssl_flags & SNI != 0 {
        return find(&exact).or_else(|| find(&named)).or_else(|| find(&any));
    }
    find(&exact).or_else(|| find(&any))
}

/// Whether the name of a binding is that host, or a wildcard over it.
fn covers(known: &str, host: &str) -> bool {
    known.eq_ignore_ascii_case(host)
        || known
            .strip_prefix("*.")
            .zip(host.split_once('.'))
            .is_some_and(|(domain, (_, rest))| domain.eq_ignore_ascii_case(rest))
}

fn bindings(facts: &Facts, certificates: &[Certificate], iis_serves: bool) -> Vec<BindingView> {
    let http = facts.tls.bindings.value().map(Vec::as_slice).unwrap_or_default();
    // Where shared configuration is in force, the sites of this file are not those that run.
    let is_shared = facts.shared.value().is_some_and(|shared| shared.enabled);
    let sites: Option<&[Site]> = facts.tls.sites.value().map(Vec::as_slice).filter(|_| !is_shared);
    let mut answered = vec![false; http.len()];
    let mut views = Vec::new();
    for (number, site) in sites.unwrap_or_default().iter().enumerate() {
        for (at, binding) in site.bindings.iter().enumerate() {
            let found = answering(http, binding);
            if let Some(known) = found.and_then(|found| answered.get_mut(found)) {
                *known = true;
            }
            let through = found.and_then(|found| http.get(found));
            let (stake, lowered) = if !iis_serves {
                (Stake::Idle, Some("the Web service is not installed or disabled"))
            } else if !site.auto_start {
                (Stake::Idle, Some("the site does not start with the server"))
            } else {
                (Stake::Live, None)
            };
            views.push(BindingView {
                endpoint: binding.information.clone(),
                owner: Owner::Iis,
                app_id: through.and_then(|through| through.app_id),
                site: Some((number, at)),
                http: found,
                central: binding.ssl_flags & CENTRAL != 0,
                thumbprint: through
                    .and_then(|through| through.thumbprint.clone())
                    .or_else(|| binding.thumbprint.clone()),
                store: through.map(|through| through.store.clone()).or_else(|| binding.store.clone()),
                certificate: None,
                stake,
                lowered,
                citation: through.map_or(&binding.citation, |through| &through.citation).clone(),
            });
        }
    }
    for (number, (binding, answered)) in http.iter().zip(answered).enumerate() {
        if answered {
            continue;
        }
        let owner = owner_of(binding.app_id.as_ref());
        let (stake, lowered) = match owner {
            Owner::Iis if !iis_serves => (Stake::Idle, Some("the Web service is not installed or disabled")),
            Owner::Iis if sites.is_some() => {
                (Stake::Idle, Some("no site of the configuration uses the endpoint"))
            }
            Owner::Iis => (Stake::Live, None),
            _ => (Stake::None, None),
        };
        views.push(BindingView {
            endpoint: endpoint_text(&binding.endpoint),
            owner,
            app_id: binding.app_id,
            site: None,
            http: Some(number),
            central: matches!(binding.endpoint, Endpoint::Central { .. }),
            thumbprint: binding.thumbprint.clone(),
            store: Some(binding.store.clone()),
            certificate: None,
            stake,
            lowered,
            citation: binding.citation.clone(),
        });
    }
    views.extend(facts.tls.others.iter().map(|other| {
        BindingView {
            endpoint: other.service.to_owned(),
            owner: match other.service {
                RDP => Owner::RemoteDesktop,
                METABASE => Owner::Iis,
                _ => Owner::ManagementService,
            },
            app_id: None,
            site: None,
            http: None,
            central: false,
            thumbprint: Some(other.thumbprint.clone()),
            store: None,
            certificate: None,
            stake: if other.service == METABASE { Stake::Idle } else { Stake::None },
            lowered: (other.service == METABASE)
                .then_some("its hash stands in MetaBase.bin, and the form of that file is not public"),
            citation: other.citation.clone(),
        }
    }));
    for view in &mut views {
        view.certificate = view
            .thumbprint
            .as_ref()
            .filter(|_| !view.central)
            .and_then(|thumbprint| certificate_of(certificates, thumbprint, view.store.as_deref()));
    }
    views
}

fn owner_of(app_id: Option<&Guid>) -> Owner {
    app_id
        .and_then(|id| APPLICATIONS.iter().find(|(known, _)| id.as_str().eq_ignore_ascii_case(known)))
        .map_or(Owner::Other, |(_, owner)| *owner)
}

/// The certificate of that hash, in the named store before any other.
fn certificate_of(certificates: &[Certificate], thumbprint: &str, store: Option<&str>) -> Option<usize> {
    let mut same = certificates
        .iter()
        .enumerate()
        .filter(|(_, known)| known.thumbprint.eq_ignore_ascii_case(thumbprint));
    let first = same.clone().next();
    let store = store.unwrap_or("MY");
    same.find(|(_, known)| known.store.eq_ignore_ascii_case(store)).or(first).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_binding_is_split_from_the_right() {
        assert_eq!(split("*:443:"), Some(("", 443, "")));
        assert_eq!(split("10.0.0.1:8443:www.example.test"), Some(("10.0.0.1", 8443, "www.example.test")));
        assert_eq!(split("[fe80::1]:443:"), Some(("fe80::1", 443, "")));
        assert_eq!(split("[::]:443:a"), Some(("::", 443, "a")));
        for broken in ["", "443", ":443", "*:https:", "*:70000:"] {
            assert_eq!(split(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        assert!(covers("*.example.test", "www.example.test"));
        assert!(covers("WWW.example.test", "www.Example.test"));
        assert!(!covers("*.example.test", "a.b.example.test"));
        assert!(!covers("*.example.test", "example.test"));
    }
}
