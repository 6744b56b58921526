//! Names that must not be told, by what they are names of.

use std::collections::BTreeMap;

use super::finder::Finder;
use super::ordinary::Place;
use super::public;
use crate::machine::{Content, Endpoint, Known, Machine, SymptomKind};

/// What a name is a name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A computer.
    Host,
    /// A domain, or a part of its name.
    Domain,
    /// A user, a group or a security identifier.
    Account,
    /// A web site.
    Site,
    /// An application pool.
    Pool,
    /// A certificate, by its SHA-1.
    Thumbprint,
    /// Subject, issuer or friendly name of a certificate, or a part of it.
    Certificate,
    /// A DNS name that a certificate or a binding is for.
    Dns,
    /// Serial number of a certificate.
    Serial,
    /// Digest of a public key.
    Modulus,
    /// An IP address.
    Address,
    /// A key container whose name is not public.
    Container,
    /// The hash of such a name at the start of its file name.
    KeyFile,
    /// An encryption provider whose name is not public.
    Provider,
    /// A certificate store whose name is not public.
    Store,
    /// The label of a volume.
    Label,
    /// A folder or a file.
    Path,
    /// Something else that the machine's own people named: the subject of an event, a service.
    Other,
}

impl Kind {
    const ALL: [Self; 18] = [
        Self::Host,
        Self::Domain,
        Self::Account,
        Self::Site,
        Self::Pool,
        Self::Thumbprint,
        Self::Certificate,
        Self::Dns,
        Self::Serial,
        Self::Modulus,
        Self::Address,
        Self::Container,
        Self::KeyFile,
        Self::Provider,
        Self::Store,
        Self::Label,
        Self::Path,
        Self::Other,
    ];

    /// The word at the start of its tokens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Account => "account",
            Self::Site => "site",
            Self::Pool => "app-pool",
            Self::Thumbprint => "thumbprint",
            Self::Certificate => "certificate-name",
            Self::Dns => "dns-name",
            Self::Serial => "serial",
            Self::Modulus => "modulus",
            Self::Address => "address",
            Self::Container => "container",
            Self::KeyFile => "key-file",
            Self::Provider => "provider",
            Self::Store => "store",
            Self::Label => "label",
            Self::Path => "path",
            Self::Other => "name",
        }
    }

    /// The kind with that word.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A letter without regard to case.
pub(super) fn fold(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

/// A name without regard to case.
pub(super) fn folded(name: &str) -> String {
    name.chars().map(fold).collect()
}

/// Names that were read from a machine, whether or not a field of its report is made for them.
///
/// It is no part of the document: prose may hold any of them, and only this knows which words of it are names.
#[derive(Clone, Default)]
pub struct Names {
    /// By name without regard to case: what it is, and how it was first spelled.
    known: BTreeMap<String, (Kind, String)>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Names({})", self.known.len())
    }
}

/// Two reports are the same when their documents are.
impl PartialEq for Names {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Names {}

impl Names {
    /// The names in the facts of a machine that no field of the report is made for.
    pub(in crate::report) fn of(machine: &Machine<'_>) -> Self {
        let mut names = Self::default();
        let facts = machine.facts;
        let os = &facts.os;
        for host in [os.hostname.value(), os.active_hostname.value()].into_iter().flatten() {
            names.host(host);
        }
        for computer in facts.events.logs.iter().flat_map(|log| &log.computers) {
            names.host(computer);
        }
        let configs = facts.copies.iter().filter_map(|copy| copy.content.as_ref().ok());
        for config in configs.chain(facts.config.value()) {
            config.sites.iter().for_each(|site| names.add(Kind::Site, site));
            config.app_pools.iter().for_each(|pool| names.add(Kind::Pool, pool));
            for provider in &config.providers {
                names.add(Kind::Provider, &provider.name);
                names.add(Kind::Container, &provider.container);
            }
            config.uses.keys().for_each(|provider| names.add(Kind::Provider, provider));
        }
        facts.schema.value().into_iter().flatten().for_each(|(name, _)| names.add(Kind::Provider, name));
        for container in &facts.containers {
            if let Content::Read(inside) = &container.content {
                inside.name.iter().for_each(|name| names.add(Kind::Container, name));
            }
        }
        for deleted in &facts.deleted {
            let inside = deleted.content.as_ref().ok().and_then(|inside| inside.name.as_ref());
            inside.into_iter().for_each(|name| names.add(Kind::Container, name));
        }
        let lists = facts.containers.iter().map(|container| &container.access);
        for list in lists.chain(facts.folders.iter().map(|folder| &folder.access)).filter_map(Known::value) {
            let owners = list.owner.iter().chain(&list.group);
            for account in owners.chain(list.aces().iter().map(|ace| &ace.account)) {
                names.account(&account.to_string());
            }
        }
        facts.wraps.iter().for_each(|wrap| names.add(Kind::Container, &wrap.container));
        for seen in &facts.events.key_files {
            seen.containers.values().for_each(|name| names.add(Kind::Container, name));
        }
        names.tls(machine);
        for symptom in facts.events.symptoms.keys() {
            match symptom.kind {
                SymptomKind::AppPoolIdentity => names.add(Kind::Pool, &symptom.subject),
                SymptomKind::HttpEndpoint => names.endpoint(&symptom.subject),
                _ if symptom.subject.contains(['\\', '/']) => names.path(&symptom.subject),
                _ => names.add(Kind::Other, &symptom.subject),
            }
        }
        let services = facts.iis.services.value().into_iter().flatten();
        for service in services.filter_map(|(_, service)| service.display_name.as_ref()) {
            names.add(Kind::Other, service);
        }
        let paths = (facts.files.iter().map(|file| &file.path))
            .chain(facts.folders.iter().flat_map(|folder| [&folder.path, &folder.windows_path]))
            .chain(facts.copies.iter().flat_map(|copy| [&copy.windows_path, &copy.name]))
            .chain(facts.metabases.iter().flat_map(|metabase| [&metabase.windows_path, &metabase.name]))
            .chain(facts.recovery.iter().map(|source| &source.windows_path))
            .chain(facts.aspnet.iter().map(|section| &section.windows_path))
            .chain(facts.shared.value().map(|shared| &shared.path))
            .chain(facts.events.unread.iter().map(|log| &log.path))
            .chain(facts.damage.iter().map(|damage| &damage.path))
            .chain(facts.protection.folders.iter().map(|folder| &folder.path))
            .chain(
                [&os.system_root, &os.common_app_data, &os.user_common_app_data]
                    .into_iter()
                    .filter_map(|it| it.value()),
            );
        paths.for_each(|path| names.path(path));
        names
    }

    fn tls(&mut self, machine: &Machine<'_>) {
        let tls = &machine.facts.tls;
        for certificate in tls.certificates.value().into_iter().flatten().chain(&tls.held) {
            self.add(Kind::Thumbprint, &certificate.thumbprint);
            self.add(Kind::Store, &certificate.store);
            certificate.friendly_name.iter().for_each(|name| self.add(Kind::Certificate, name));
            if let Some(body) = certificate.body.value() {
                self.distinguished(&body.subject);
                self.distinguished(&body.issuer);
                self.add(Kind::Serial, &body.serial);
                body.dns_names.iter().for_each(|name| self.dns(name));
            }
            if let Some(link) = certificate.link.value() {
                self.add(Kind::Container, &link.container);
                self.add(Kind::Provider, &link.provider);
            }
        }
        for binding in tls.bindings.value().into_iter().flatten() {
            self.add(Kind::Store, &binding.store);
            binding.thumbprint.iter().for_each(|it| self.add(Kind::Thumbprint, it));
            match &binding.endpoint {
                Endpoint::Address { address, .. } => self.add(Kind::Address, address),
                Endpoint::Host { host, .. } => self.dns(host),
                Endpoint::Unknown(name) => self.endpoint(name),
                Endpoint::Central { .. } => {}
            }
        }
        for site in tls.sites.value().into_iter().flatten() {
            self.add(Kind::Site, &site.name);
            for binding in &site.bindings {
                self.endpoint(&binding.information);
                binding.thumbprint.iter().for_each(|it| self.add(Kind::Thumbprint, it));
                binding.store.iter().for_each(|it| self.add(Kind::Store, it));
            }
        }
        tls.others.iter().for_each(|other| self.add(Kind::Thumbprint, &other.thumbprint));
        tls.uncovered.iter().for_each(|(_, store)| self.add(Kind::Store, store));
    }

    /// Adds a name, unless it is public. Of what it is a name of, the kind that comes first in [`Kind`] counts.
    pub(super) fn add(&mut self, kind: Kind, name: &str) {
        let name = name.trim();
        if !name.is_empty() && !public::is_public(kind, name) {
            let entry = self.known.entry(folded(name)).or_insert_with(|| (kind, name.to_owned()));
            entry.0 = entry.0.min(kind);
        }
    }

    /// Adds a computer, alone or with its domain.
    pub(super) fn host(&mut self, name: &str) {
        match name.split_once('.') {
            Some((host, domain)) if !host.is_empty() && name.parse::<std::net::IpAddr>().is_err() => {
                self.add(Kind::Host, host);
                self.domain(domain);
            }
            _ => self.add(Kind::Host, name),
        }
    }

    /// Adds an account: an identifier, or a name with the domain or computer that it is of.
    fn account(&mut self, name: &str) {
        match name.split_once('\\') {
            Some((authority, pool)) if authority.eq_ignore_ascii_case("IIS APPPOOL") => {
                self.add(Kind::Pool, pool)
            }
            Some((domain, user)) => {
                self.add(Kind::Domain, domain);
                self.add(Kind::Account, user);
            }
            None => self.add(Kind::Account, name),
        }
    }

    fn domain(&mut self, name: &str) {
        self.add(Kind::Domain, name);
        let mut labels = name.split('.').rev().peekable();
        // The last label belongs to nobody, and in front of a country neither does co or com.
        let last = labels.next_if(|_| name.contains('.'));
        if last.is_some_and(|last| last.len() == 2) {
            labels.next_if(|label| ["co", "com", "org", "net", "ac", "gov", "edu"].contains(label));
        }
        labels.for_each(|label| self.add(Kind::Domain, label));
    }

    /// Adds a DNS name, the domain that it stands in, and what of it would still tell.
    pub(super) fn dns(&mut self, name: &str) {
        let name = name.trim().trim_end_matches('.');
        let name = name.strip_prefix("*.").unwrap_or(name);
        let Some((first, domain)) = name.split_once('.') else { return self.add(Kind::Dns, name) };
        if name.parse::<std::net::IpAddr>().is_ok() {
            return self.add(Kind::Address, name);
        }
        // A computer keeps its token in front of that of its domain.
        let of_host = self.known.get(&folded(first)).is_some_and(|(kind, _)| *kind == Kind::Host);
        if domain.contains('.') {
            self.domain(domain);
        } else {
            self.add(Kind::Domain, first);
        }
        if !of_host {
            self.add(Kind::Dns, name);
        }
    }

    /// Adds a distinguished name and the parts of it.
    pub(super) fn distinguished(&mut self, name: &str) {
        for part in name.split(['=', ',', '+', ';', '/']) {
            let part = part.trim().trim_matches('"');
            let is_type =
                part.len() <= 2 || part.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
            match part {
                _ if is_type => {}
                _ if part.contains('.') && !part.contains(char::is_whitespace) => self.dns(part),
                _ => self.add(Kind::Certificate, part),
            }
        }
        self.add(Kind::Certificate, name);
    }

    /// Adds the address and the host of `address:port:host`.
    pub(super) fn endpoint(&mut self, text: &str) {
        let text = text.trim();
        let (address, rest) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            Some(parts) => parts,
            None => text.split_once(':').unwrap_or((text, "")),
        };
        for part in std::iter::once(address).chain(rest.split(':')) {
            if part.parse::<std::net::IpAddr>().is_ok() {
                self.add(Kind::Address, part);
            } else {
                self.dns(part);
            }
        }
    }

    /// Adds the parts of a path that are not well-known.
    pub(super) fn path(&mut self, path: &str) {
        let mut before = "";
        for part in path.split(['\\', '/']) {
            if let Some(sid) = public::private_sid(part) {
                self.add(Kind::Account, sid);
            } else if is_home(before) {
                self.add(Kind::Account, part);
            } else if let Some((prefix, behind)) = public::key_file(part) {
                self.add(Kind::KeyFile, prefix);
                self.add(Kind::Path, public::stem(behind.trim_start_matches(['.', '_', ' ', '-'])));
            } else {
                self.add(Kind::Path, public::stem(part));
            }
            before = part;
        }
    }

    /// Forgets what is a token already, or made of one.
    pub(super) fn forget_tokens(&mut self, tokens: &[String]) {
        let mut finder = Finder::default();
        tokens.iter().for_each(|token| finder.add(token, 0));
        self.known.retain(|_, (_, name)| {
            let mut is_free = true;
            finder.visit(Place::Name, name, &mut |_| is_free = false);
            is_free
        });
    }

    /// Every name with its kind, in the order of the names.
    pub(super) fn sorted(&self) -> Vec<(Kind, &str)> {
        self.known.values().map(|(kind, name)| (*kind, name.as_str())).collect()
    }
}

/// Whether the folders in this one are named after people.
fn is_home(folder: &str) -> bool {
    ["users", "documents and settings", "serviceprofiles"]
        .iter()
        .any(|home| folder.eq_ignore_ascii_case(home))
}
