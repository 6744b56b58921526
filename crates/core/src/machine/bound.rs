//! The joins of TLS: site to binding to certificate to container.
//!
//! A certificate is joined to containers twice: by the name that it is linked to, and by the modulus of its key.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::facts::{Content, Facts, FolderRole};
use super::known::{Citation, Known};
use super::store::Store;
use super::tls::{Certificate, Endpoint, HttpBinding, KeyLink, OtherUse, Site, StorePlace};
use crate::artifact::container::{Guid, Prefix};

/// CRYPT_MACHINE_KEYSET and NCRYPT_MACHINE_KEY_FLAG.
const MACHINE_KEYSET: u32 = 0x20;

/// A certificate that was chosen for the Remote Desktop listener.
pub const RDP: &str = "rdp";
/// A certificate that FTP over TLS was given.
pub const FTP: &str = "ftp";
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
    /// Containers at these places, indices into the facts by folder and name, set-aside copies excluded. Certificates of one
    /// container share the list.
    pub by_name: Arc<[usize]>,
    /// Containers whose public key is the certificate's, set-aside copies included. Certificates of one key share the list.
    pub by_key: Arc<[usize]>,
    /// Bindings that use it, indices into [`TlsView::bindings`].
    pub used_by: Vec<usize>,
}

/// All joins of TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsView {
    /// One for each certificate of the facts.
    pub certificates: Vec<CertificateView>,
    /// One for each certificate of the other stores, of those that are linked to a key.
    pub held: Vec<CertificateView>,
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

/// Containers by where they stand and by what they hold.
#[derive(Default)]
struct Containers {
    by_place: HashMap<(Store, Prefix), Vec<usize>>,
    by_modulus: HashMap<[u8; 32], Arc<[usize]>>,
    /// Lists that were made, for certificates with the same places.
    made: HashMap<Vec<(Store, Prefix)>, Arc<[usize]>>,
}

impl Containers {
    fn of(facts: &Facts) -> Self {
        let mut by_place: HashMap<(Store, Prefix), Vec<usize>> = HashMap::new();
        let mut by_modulus: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
        // Large folders are read in the order in which the file system lists them.
        let mut order: Vec<usize> = (0..facts.containers.len()).collect();
        order.sort_by_key(|&index| {
            facts.containers.get(index).map(|container| (container.folder, container.name.as_str()))
        });
        for index in order {
            let Some(container) = facts.containers.get(index) else { continue };
            let Some(folder) = facts.folder(container) else { continue };
            let is_copy = container.set_aside || folder.role == FolderRole::Copy;
            if let (Some(prefix), false) = (container.prefix, is_copy) {
                by_place.entry((folder.store, prefix)).or_default().push(index);
            }
            let Content::Read(inside) = &container.content else { continue };
            for modulus in inside.pairs.iter().filter_map(|pair| pair.modulus_sha256) {
                let known = by_modulus.entry(modulus).or_default();
                if known.last() != Some(&index) {
                    known.push(index);
                }
            }
        }
        let by_modulus = by_modulus.into_iter().map(|(key, list)| (key, list.into())).collect();
        Self { by_place, by_modulus, made: HashMap::new() }
    }

    fn at(&mut self, places: &[(Store, Prefix)]) -> Arc<[usize]> {
        if let Some(made) = self.made.get(places) {
            return made.clone();
        }
        let found = places.iter().filter_map(|place| self.by_place.get(place)).flatten().copied();
        let list: Arc<[usize]> = found.collect();
        self.made.insert(places.to_vec(), list.clone());
        list
    }
}

/// Joins what is known about TLS. `iis_serves` is whether the Web service is installed and not disabled.
pub(super) fn derive(facts: &Facts, iis_serves: bool) -> TlsView {
    let certificates = facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    let mut containers = Containers::of(facts);
    let mut views: Vec<CertificateView> =
        certificates.iter().map(|certificate| certificate_view(certificate, &mut containers)).collect();
    let bindings = bindings(facts, certificates, iis_serves);
    for (at, binding) in bindings.iter().enumerate() {
        if let Some(view) = binding.certificate.and_then(|certificate| views.get_mut(certificate)) {
            view.used_by.push(at);
        }
    }
    let held =
        facts.tls.held.iter().map(|certificate| certificate_view(certificate, &mut containers)).collect();
    TlsView { certificates: views, held, bindings, bindings_known: are_known(facts) }
}

/// Whether the evidence tells which certificates are bound. Before HTTP.sys the metabase alone told it; later the
/// configuration seldom does.
fn are_known(facts: &Facts) -> bool {
    let version = facts.os.version.value().map(String::as_str);
    let by_http = facts.tls.bindings.is_settled() && facts.tls.uncovered_tables.is_empty();
    match version {
        Some("5.0" | "5.1") => facts.tls.sites.is_settled(),
        Some("5.2") => by_http || are_told_by_the_sites(&facts.tls.sites),
        _ => by_http,
    }
}

/// Whether the sites themselves name the certificate of each of their bindings. IIS 6 writes it into the metabase as well,
/// but the entry of HTTP.sys alone is what counts, so a binding without a name says nothing.
fn are_told_by_the_sites(sites: &Known<Vec<Site>>) -> bool {
    let bindings = || sites.value().into_iter().flatten().flat_map(|site| &site.bindings);
    sites.is_settled() && bindings().all(|binding| binding.thumbprint.is_some())
}

fn certificate_view(certificate: &Certificate, containers: &mut Containers) -> CertificateView {
    let link = match &certificate.link {
        Known::Read(cited) => link_of(&cited.value),
        Known::Absent(_) => Link::None,
        _ => Link::Unknown,
    };
    let places = match (&link, certificate.link.value()) {
        (Link::Machine, Some(link)) => places_of(link),
        _ => Vec::new(),
    };
    let modulus = certificate.body.value().and_then(|body| body.modulus_sha256);
    let by_key = modulus.and_then(|modulus| containers.by_modulus.get(&modulus)).cloned();
    CertificateView {
        link,
        by_name: containers.at(&places),
        by_key: by_key.unwrap_or_default(),
        places,
        used_by: Vec::new(),
    }
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
        let name = if link.provider.is_empty() { "a provider without a name" } else { &link.provider };
        return Link::Elsewhere(name.to_owned());
    }
    if link.flags & MACHINE_KEYSET == 0 { Link::User } else { Link::Machine }
}

fn is_dss(link: &KeyLink) -> bool {
    DSS_TYPES.contains(&link.provider_type) && link.provider.starts_with("Microsoft ")
}

/// Where a container of that name may stand. The provider of CNG opens containers of CAPI, too.
fn places_of(link: &KeyLink) -> Vec<(Store, Prefix)> {
    // Without a name the provider's default container is meant, and which that is depends on the account.
    if link.container.is_empty() {
        return Vec::new();
    }
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

/// The entries of HTTP.sys by what they answer for.
struct Entries<'f> {
    by_endpoint: HashMap<&'f Endpoint, usize>,
}

impl<'f> Entries<'f> {
    fn of(http: &'f [HttpBinding]) -> Self {
        let mut by_endpoint = HashMap::new();
        for (number, binding) in http.iter().enumerate() {
            by_endpoint.entry(&binding.endpoint).or_insert(number);
        }
        Self { by_endpoint }
    }

    fn get(&self, endpoint: &Endpoint) -> Option<usize> {
        self.by_endpoint.get(endpoint).copied()
    }

    /// The entry for every address of a port.
    fn any(&self, port: u16) -> Option<usize> {
        ["0.0.0.0", "::"]
            .into_iter()
            .find_map(|address| self.get(&Endpoint::Address { address: address.to_owned(), port }))
    }

    /// By port the entries for single addresses and for all, without those of other bindings.
    fn free(&self, claimed: &HashSet<usize>) -> BTreeMap<u16, Vec<usize>> {
        let mut free: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (endpoint, &entry) in &self.by_endpoint {
            if let (Some(port), false) = (port_of(endpoint), claimed.contains(&entry)) {
                free.entry(port).or_default().push(entry);
            }
        }
        free.values_mut().for_each(|entries| entries.sort_unstable());
        free
    }

    /// The entry that answers for an endpoint of a site, in the order in which HTTP.sys looks: the address of the binding,
    /// the name, the entry for all addresses.
    fn answering(&self, endpoint: &Endpoint, own: Option<&Endpoint>) -> Option<usize> {
        let exact = self.get(endpoint);
        match endpoint {
            Endpoint::Address { port, .. } => exact.or_else(|| self.any(*port)),
            Endpoint::Host { .. }
                if !is_on_every_address(own) && own.is_some_and(|own| self.get(own).is_some()) =>
            {
                own.and_then(|own| self.get(own))
            }
            Endpoint::Host { host, port } => exact
                .or_else(|| {
                    let (_, rest) = host.split_once('.')?;
                    self.get(&Endpoint::Host { host: format!("*.{rest}"), port: *port })
                })
                .or_else(|| self.any(*port)),
            Endpoint::Central { .. } => exact,
            Endpoint::Unknown(_) => None,
        }
    }
}

/// The address and port of a site's binding, whatever name it has.
fn own_address(information: &str) -> Option<Endpoint> {
    Some(Endpoint::of_site(information, 0)).filter(|endpoint| matches!(endpoint, Endpoint::Address { .. }))
}

fn is_on_every_address(own: Option<&Endpoint>) -> bool {
    matches!(own, Some(Endpoint::Address { address, .. }) if is_any(address))
}

fn port_of(endpoint: &Endpoint) -> Option<u16> {
    match endpoint {
        Endpoint::Address { port, .. } => Some(*port),
        _ => None,
    }
}

fn is_any(address: &str) -> bool {
    matches!(address, "0.0.0.0" | "::")
}

fn bindings(facts: &Facts, certificates: &[Certificate], iis_serves: bool) -> Vec<BindingView> {
    let http = facts.tls.bindings.value().map(Vec::as_slice).unwrap_or_default();
    let entries = Entries::of(http);
    // Where shared configuration is in force, the sites of this file are not those that run.
    let is_shared = facts.shared.value().is_some_and(|shared| shared.enabled);
    let sites: Option<&[Site]> = facts.tls.sites.value().map(Vec::as_slice).filter(|_| !is_shared);
    let mut answered = vec![false; http.len()];
    let mut views = Vec::new();
    // Entries that are exactly those of some site's binding are shown there alone.
    let claimed: HashSet<usize> = sites
        .unwrap_or_default()
        .iter()
        .flat_map(|site| &site.bindings)
        .filter_map(|binding| own_address(&binding.information))
        .filter(|own| !is_on_every_address(Some(own)))
        .filter_map(|own| entries.get(&own))
        .collect();
    let free = entries.free(&claimed);
    let mut shown: HashSet<u16> = HashSet::new();
    for (number, site) in sites.unwrap_or_default().iter().enumerate() {
        for (at, binding) in site.bindings.iter().enumerate() {
            let endpoint = Endpoint::of_site(&binding.information, binding.ssl_flags);
            let (stake, lowered) = stake(site, iis_serves);
            let own = own_address(&binding.information);
            let found = entries.answering(&endpoint, own.as_ref());
            // Where it listens on every address, it is reached through the entries of single addresses as well. They are
            // shown once for each port.
            let port = own.as_ref().and_then(port_of).filter(|_| is_on_every_address(own.as_ref()));
            let beside = port.and_then(|port| free.get(&port)).into_iter().flatten().copied();
            let mut beside = beside.filter(|&entry| Some(entry) != found);
            let is_first = port.is_some_and(|port| shown.insert(port));
            let more: Vec<usize> = match endpoint {
                Endpoint::Central { .. } => Vec::new(),
                _ if is_first => beside.collect(),
                _ if found.is_none() => beside.next().into_iter().collect(),
                _ => Vec::new(),
            };
            let through: Vec<Option<usize>> = match found {
                None if !more.is_empty() => more.into_iter().map(Some).collect(),
                found => std::iter::once(found).chain(more.into_iter().map(Some)).collect(),
            };
            for entry in through {
                if let Some(known) = entry.and_then(|entry| answered.get_mut(entry)) {
                    *known = true;
                }
                let entry_of = entry.and_then(|entry| http.get(entry));
                views.push(BindingView {
                    endpoint: binding.information.clone(),
                    owner: Owner::Iis,
                    app_id: entry_of.and_then(|entry| entry.app_id),
                    site: Some((number, at)),
                    http: entry,
                    central: matches!(endpoint, Endpoint::Central { .. }),
                    thumbprint: entry_of
                        .and_then(|entry| entry.thumbprint.clone())
                        .or_else(|| binding.thumbprint.clone()),
                    store: entry_of.map(|entry| entry.store.clone()).or_else(|| binding.store.clone()),
                    certificate: None,
                    stake,
                    lowered,
                    citation: entry_of.map_or(&binding.citation, |entry| &entry.citation).clone(),
                });
            }
        }
    }
    for (number, (binding, answered)) in http.iter().zip(answered).enumerate() {
        if answered {
            continue;
        }
        let owner = owner_of(binding.app_id.as_ref());
        // An entry that no site uses was left behind; without the sites it may be in use.
        let is_live = owner == Owner::Iis && iis_serves && sites.is_none();
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
            stake: if is_live { Stake::Live } else { Stake::None },
            lowered: None,
            citation: binding.citation.clone(),
        });
    }
    views.extend(facts.tls.others.iter().map(other));
    let known = Thumbprints::of(certificates);
    for view in views.iter_mut().filter(|view| !view.central) {
        view.certificate =
            view.thumbprint.as_ref().and_then(|thumbprint| known.find(thumbprint, view.store.as_deref()));
    }
    views
}

/// How much hangs on a site, and why that is less than it could be.
fn stake(site: &Site, iis_serves: bool) -> (Stake, Option<&'static str>) {
    if !iis_serves {
        (Stake::Idle, Some("the Web service is not installed or disabled"))
    } else if !site.auto_start {
        (Stake::Idle, Some("the site does not start with the server"))
    } else {
        (Stake::Live, None)
    }
}

/// A certificate that something besides the sites was given.
fn other(other: &OtherUse) -> BindingView {
    let (owner, stake, lowered) = match other.service {
        RDP => (Owner::RemoteDesktop, Stake::None, None),
        FTP => (Owner::Iis, Stake::Idle, Some("FTP may go on without TLS")),
        METABASE => (
            Owner::Iis,
            Stake::Idle,
            Some("its hash stands in MetaBase.bin, and the form of that file is not public"),
        ),
        _ => (Owner::ManagementService, Stake::None, None),
    };
    BindingView {
        endpoint: other.service.to_owned(),
        owner,
        app_id: None,
        site: None,
        http: None,
        central: false,
        thumbprint: Some(other.thumbprint.clone()),
        store: None,
        certificate: None,
        stake,
        lowered,
        citation: other.citation.clone(),
    }
}

/// Certificates by their hash.
struct Thumbprints<'f>(HashMap<String, Vec<(usize, &'f Certificate)>>);

impl<'f> Thumbprints<'f> {
    fn of(certificates: &'f [Certificate]) -> Self {
        let mut known: HashMap<String, Vec<(usize, &'f Certificate)>> = HashMap::new();
        for (index, certificate) in certificates.iter().enumerate() {
            // HTTP.sys looks into the stores of the machine, not into those of single services.
            if !matches!(certificate.place, StorePlace::Service(_)) {
                known
                    .entry(certificate.thumbprint.to_ascii_uppercase())
                    .or_default()
                    .push((index, certificate));
            }
        }
        Self(known)
    }

    /// The certificate of that hash, in the named store before any other.
    fn find(&self, thumbprint: &str, store: Option<&str>) -> Option<usize> {
        let same = self.0.get(&thumbprint.to_ascii_uppercase())?;
        let store = store.unwrap_or("MY");
        let named = same.iter().find(|(_, known)| known.store.eq_ignore_ascii_case(store));
        named.or(same.first()).map(|(index, _)| *index)
    }
}

fn owner_of(app_id: Option<&Guid>) -> Owner {
    app_id
        .and_then(|id| APPLICATIONS.iter().find(|(known, _)| id.as_str().eq_ignore_ascii_case(known)))
        .map_or(Owner::Other, |(_, owner)| *owner)
}
