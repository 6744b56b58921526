//! `applicationHost.config` and other files with protected values.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;
use serde::Serialize;

use super::provider::Provider;
use super::sections::{self, ConfigHistory, PlainValue, Redirection};
use super::xml::{self, Lines};
use super::xml_enc::EncryptedSection;
use super::{ConfigError, enc, xpath};

/// Encrypted values that are kept one by one; the rest is only counted.
pub const KEPT_VALUES: usize = 1024;
/// Payloads longer than this in bytes are not kept; real ones have less than two hundred.
pub const KEPT_PAYLOAD: usize = 16 * 1024;

/// Bindings with TLS that are kept one by one; the rest is only counted.
pub const KEPT_BINDINGS: usize = 20_000;

/// Whom an encrypted value belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// An application pool.
    Pool(String),
    /// All application pools that say nothing else.
    PoolDefaults,
    /// A site.
    Site(String),
    /// All sites that say nothing else.
    SiteDefaults,
    /// A `location` element with this path.
    Location(String),
    /// The server as a whole.
    Server,
}

/// One `[enc:...:enc]` value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EncryptedValue {
    /// The provider that it names.
    pub provider: String,
    /// Length in bytes of its payload, 0 for an empty value; `None` when the payload is not base64.
    pub payload_len: Option<usize>,
    /// The payload, still encrypted; empty when it is not base64 or longer than 16 KiB.
    #[serde(skip)]
    pub payload: Vec<u8>,
    /// Line of the attribute.
    pub line: usize,
    /// Column of the attribute in characters.
    pub column: usize,
    /// Citation of the attribute.
    pub xpath: String,
    /// The configuration section, such as `system.applicationHost/applicationPools`.
    pub section: String,
    /// Name of the attribute.
    pub attribute: String,
    /// Whom it belongs to.
    pub owner: Owner,
}

/// How much a provider is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ProviderUse {
    /// Values with a payload.
    pub values: u64,
    /// Values without one: they stand for an empty text and need no key.
    pub empty: u64,
}

/// An application pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppPool {
    /// Its name.
    pub name: String,
    /// `SpecificUser`, `ApplicationPoolIdentity`, ...; `None` when it says nothing.
    pub identity_type: Option<String>,
    /// Line of its element.
    pub line: usize,
    /// Providers that values with a payload in it use.
    pub providers: BTreeSet<String>,
}

/// A binding of a site that uses TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsBinding {
    /// Its protocol, mostly `https`.
    pub protocol: String,
    /// `address:port:host` as written.
    pub information: String,
    /// `sslFlags`; 0 when nothing is said.
    pub ssl_flags: u32,
    /// `certificateHash` as written.
    pub certificate_hash: Option<String>,
    /// `certificateStoreName` as written.
    pub certificate_store: Option<String>,
    /// Citation of its element.
    pub xpath: String,
}

impl TlsBinding {
    fn read(path: &[Node<'_, '_>]) -> Option<Self> {
        let &node = path.last()?;
        let text = |name| owned(node, name).filter(|text: &String| !text.is_empty());
        let flags = node.attribute("sslFlags").and_then(|flags| flags.trim().parse().ok());
        let protocol = node.attribute("protocol").unwrap_or_default();
        let certificate_hash = text("certificateHash");
        let is_tls = protocol.eq_ignore_ascii_case("https")
            || certificate_hash.is_some()
            || flags.is_some_and(|flags: u32| flags != 0);
        is_tls.then(|| Self {
            protocol: protocol.to_owned(),
            information: node.attribute("bindingInformation").unwrap_or_default().to_owned(),
            ssl_flags: flags.unwrap_or_default(),
            certificate_hash,
            certificate_store: text("certificateStoreName"),
            xpath: xpath::cite(path, None),
        })
    }
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Its number as written.
    pub id: Option<String>,
    /// Number of its bindings.
    pub bindings: usize,
    /// Its bindings as `protocol/information`.
    pub binding_list: BTreeSet<String>,
    /// Its bindings that use TLS; of all sites together up to [`KEPT_BINDINGS`].
    pub tls: Vec<TlsBinding>,
    /// `serverAutoStart`; `None` when nothing is said, which means that it starts.
    pub auto_start: Option<bool>,
    /// Application pools of its applications.
    pub pools: BTreeSet<String>,
    /// Line of its element.
    pub line: usize,
    /// Providers that values with a payload in it use.
    pub providers: BTreeSet<String>,
}

/// Who needs a provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Dependents {
    /// Application pools with a value of it.
    pub pools: BTreeSet<String>,
    /// Sites with a value of it, or that run in one of the pools.
    pub sites: BTreeSet<String>,
}

/// What a configuration file says about keys and about who needs them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ApplicationHost {
    /// Declared providers in the order of the file.
    pub providers: Vec<Provider>,
    /// Encrypted values in the order of the file, up to [`KEPT_VALUES`].
    pub values: Vec<EncryptedValue>,
    /// All encrypted values, counted by provider.
    pub uses: BTreeMap<String, ProviderUse>,
    /// Application pools.
    pub app_pools: Vec<AppPool>,
    /// Providers that values with a payload in the pools' defaults use: every pool needs them.
    pub pool_default_providers: BTreeSet<String>,
    /// Sites.
    pub sites: Vec<Site>,
    /// The pool of applications that name none.
    pub default_pool: Option<String>,
    /// Whether there is a `configProtectedData` element.
    pub has_protected_data: bool,
    /// Where the live configuration is, when the file says so.
    pub redirection: Option<Redirection>,
    /// Where copies are kept, when the file says so.
    pub history: Option<ConfigHistory>,
    /// Certificates that FTP sites were given (`serverCertHash` as written), with the citation of each.
    pub ftp_certificates: Vec<(String, String)>,
    /// Sections that ASP.NET encrypted as a whole, up to [`KEPT_VALUES`].
    pub encrypted_sections: Vec<EncryptedSection>,
    /// Secrets in clear text that are kept one by one, up to [`KEPT_VALUES`].
    pub plain: Vec<PlainValue>,
    /// All secrets in clear text.
    pub plain_values: u64,
    /// All bindings with TLS.
    pub tls_bindings: usize,
    is_application_host: bool,
}

impl ApplicationHost {
    /// Reads a file with the root element `configuration`, in UTF-8 or UTF-16.
    ///
    /// # Errors
    /// [`ConfigError`] when it is empty, zero-filled, not text, not well-formed, beyond a limit, or something else.
    pub fn parse(data: &[u8]) -> Result<Self, ConfigError> {
        let text = xml::decode(data)?;
        let lines = Lines::of(&text);
        let document = xml::parse(&text, &lines, "configuration")?;
        let mut reader = Reader { lines: &lines, found: Self::default(), sections: BTreeSet::new() };
        xml::walk(&document, &lines, |path| reader.element(path))?;
        let mut found = reader.found;
        if let Some(default) = found.default_pool.clone() {
            for site in found.sites.iter_mut().filter(|site| site.pools.is_empty()) {
                site.pools.insert(default.clone());
            }
        }
        Ok(found)
    }

    /// Whether this is an `applicationHost.config` or a copy of one, by content.
    pub fn is_application_host(&self) -> bool {
        self.is_application_host
    }

    /// The provider that a value names; names differ in case.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Which pools and sites need a provider.
    pub fn dependents(&self, provider: &str) -> Dependents {
        let every_pool = self.pool_default_providers.contains(provider);
        let pools: BTreeSet<String> = self
            .app_pools
            .iter()
            .filter(|pool| every_pool || pool.providers.contains(provider))
            .map(|pool| pool.name.clone())
            .collect();
        let sites = self
            .sites
            .iter()
            .filter(|site| site.providers.contains(provider) || !site.pools.is_disjoint(&pools))
            .map(|site| site.name.clone())
            .collect();
        Dependents { pools, sites }
    }

    /// Number of encrypted values that were counted but not kept.
    pub fn values_left_out(&self) -> u64 {
        let all: u64 = self.uses.values().map(|uses| uses.values + uses.empty).sum();
        all.saturating_sub(self.values.len() as u64)
    }
}

struct Reader<'t> {
    lines: &'t Lines<'t>,
    found: ApplicationHost,
    sections: BTreeSet<String>,
}

impl Reader<'_> {
    fn element(&mut self, path: &[Node<'_, '_>]) {
        let Some(&node) = path.last() else { return };
        let mut names = [""; 6];
        // Locations only say where a setting holds, so they are no part of its place.
        let place = path.iter().skip(1).map(|node| node.tag_name().name()).filter(|name| *name != "location");
        let depth = place.clone().count();
        for (slot, name) in names.iter_mut().zip(place) {
            *slot = name;
        }
        match names.get(..depth.min(names.len())).unwrap_or_default() {
            ["configSections", .., "section"] => self.section(path),
            ["configProtectedData"] => self.found.has_protected_data = true,
            ["configProtectedData", "providers", "add"] => {
                let provider = Provider::read(node, self.line(node), xpath::cite(path, None));
                self.found.providers.push(provider);
            }
            ["system.applicationHost"] => self.found.is_application_host = true,
            ["system.applicationHost", "applicationPools", "add"] => self.found.app_pools.push(AppPool {
                name: owned(node, "name").unwrap_or_default(),
                identity_type: None,
                line: self.line(node),
                providers: BTreeSet::new(),
            }),
            ["system.applicationHost", "applicationPools", "add", "processModel"] => {
                if let Some(pool) = self.found.app_pools.last_mut() {
                    pool.identity_type = owned(node, "identityType");
                }
            }
            ["system.applicationHost", "sites", "applicationDefaults"] => {
                self.found.default_pool = owned(node, "applicationPool");
            }
            ["system.applicationHost", "sites", "site"] => {
                let site = Site {
                    name: owned(node, "name").unwrap_or_default(),
                    id: owned(node, "id"),
                    auto_start: owned(node, "serverAutoStart")
                        .map(|flag| !flag.trim().eq_ignore_ascii_case("false")),
                    line: self.line(node),
                    ..Site::default()
                };
                self.found.sites.push(site);
            }
            ["system.applicationHost", "sites", "site", "bindings", "binding"] => {
                if let Some(site) = self.found.sites.last_mut() {
                    site.bindings += 1;
                    let part = |name| node.attribute(name).unwrap_or_default();
                    site.binding_list.insert(format!("{}/{}", part("protocol"), part("bindingInformation")));
                    if let Some(binding) = TlsBinding::read(path) {
                        self.found.tls_bindings += 1;
                        if self.found.tls_bindings <= KEPT_BINDINGS {
                            site.tls.push(binding);
                        }
                    }
                }
            }
            ["system.applicationHost", "sites", "site", "application" | "applicationDefaults"] => {
                if let (Some(site), Some(pool)) =
                    (self.found.sites.last_mut(), owned(node, "applicationPool"))
                {
                    site.pools.insert(pool);
                }
            }
            [.., "ftpServer", "security", "ssl"] => {
                let hash = owned(node, "serverCertHash").filter(|hash| !hash.trim().is_empty());
                if let Some(hash) = hash.filter(|_| self.found.ftp_certificates.len() < KEPT_BINDINGS) {
                    self.found.ftp_certificates.push((hash, xpath::cite(path, Some("serverCertHash"))));
                }
            }
            ["system.applicationHost", "configHistory"] => {
                self.found.history = Some(ConfigHistory::read(node));
            }
            ["configurationRedirection"] => {
                self.found.redirection = Some(Redirection::read(node, self.line(node)));
            }
            [.., "EncryptedData"] if self.found.encrypted_sections.len() < KEPT_VALUES => {
                if let Some((_, [.., section])) = path.split_last() {
                    let xpath = xpath::cite(path.get(..path.len() - 1).unwrap_or_default(), None);
                    let section = EncryptedSection::read(node, *section, self.line(node), xpath);
                    self.found.encrypted_sections.push(section);
                }
            }
            _ => {}
        }
        self.plain(path, node);
        self.values(path, node);
    }

    fn line(&self, node: Node<'_, '_>) -> usize {
        self.lines.position(node.range().start).0
    }

    /// Remembers the full name of a registered section, so that values can be told by section.
    fn section(&mut self, path: &[Node<'_, '_>]) {
        let names: Vec<&str> = path.iter().skip(2).filter_map(|node| node.attribute("name")).collect();
        if names.len() == path.len().saturating_sub(2) {
            self.sections.insert(names.join("/"));
        }
    }

    /// Notes secrets in clear text by their place alone.
    fn plain(&mut self, path: &[Node<'_, '_>], node: Node<'_, '_>) {
        let parent = path.iter().rev().nth(1).map_or("", |parent| parent.tag_name().name());
        for attribute in node.attributes() {
            let secret = sections::is_secret(parent, node.tag_name().name(), attribute.name());
            if !secret || attribute.value().is_empty() || enc::tokens(attribute.value()).next().is_some() {
                continue;
            }
            self.found.plain_values += 1;
            if self.found.plain.len() < KEPT_VALUES {
                self.found.plain.push(PlainValue {
                    xpath: xpath::cite(path, Some(attribute.name())),
                    line: self.lines.position(attribute.range().start).0,
                    section: self.section_of(path),
                    attribute: attribute.name().to_owned(),
                });
            }
        }
    }

    fn values(&mut self, path: &[Node<'_, '_>], node: Node<'_, '_>) {
        for attribute in node.attributes() {
            for token in enc::tokens(attribute.value()) {
                let empty = token.payload.is_empty();
                let uses = self.found.uses.entry(token.provider.to_owned()).or_default();
                *(if empty { &mut uses.empty } else { &mut uses.values }) += 1;
                let owner = owner(path);
                if !empty {
                    self.charge(&owner, token.provider);
                }
                if self.found.values.len() < KEPT_VALUES {
                    let (line, column) = self.lines.position(attribute.range().start);
                    let payload = token.decoded();
                    self.found.values.push(EncryptedValue {
                        provider: token.provider.to_owned(),
                        payload_len: payload.as_ref().map(Vec::len),
                        payload: payload.filter(|bytes| bytes.len() <= KEPT_PAYLOAD).unwrap_or_default(),
                        line,
                        column,
                        xpath: xpath::cite(path, Some(attribute.name())),
                        section: self.section_of(path),
                        attribute: attribute.name().to_owned(),
                        owner,
                    });
                }
            }
        }
    }

    /// Notes that a pool or a site needs a provider; in document order it is the last one that was opened.
    fn charge(&mut self, owner: &Owner, provider: &str) {
        let set = match owner {
            Owner::Pool(_) => self.found.app_pools.last_mut().map(|pool| &mut pool.providers),
            Owner::Site(_) => self.found.sites.last_mut().map(|site| &mut site.providers),
            Owner::PoolDefaults => Some(&mut self.found.pool_default_providers),
            _ => None,
        };
        if let Some(set) = set {
            set.insert(provider.to_owned());
        }
    }

    /// The longest registered section that the path lies in; without registrations its first two elements.
    fn section_of(&self, path: &[Node<'_, '_>]) -> String {
        let names: Vec<&str> = path
            .iter()
            .skip(1)
            .map(|node| node.tag_name().name())
            .filter(|name| *name != "location")
            .collect();
        (1..=names.len())
            .rev()
            .filter_map(|len| names.get(..len).map(|names| names.join("/")))
            .find(|section| self.sections.contains(section))
            .unwrap_or_else(|| names.get(..names.len().min(2)).unwrap_or_default().join("/"))
    }
}

fn owned(node: Node<'_, '_>, attribute: &str) -> Option<String> {
    node.attribute(attribute).map(str::to_owned)
}

fn owner(path: &[Node<'_, '_>]) -> Owner {
    let name = |at: usize| path.get(at).map_or("", |node| node.tag_name().name());
    let label =
        |at: usize, key| path.get(at).and_then(|node| node.attribute(key)).unwrap_or_default().to_owned();
    match (name(1), name(2), name(3)) {
        ("location", ..) => Owner::Location(label(1, "path")),
        ("system.applicationHost", "applicationPools", "add") => Owner::Pool(label(3, "name")),
        ("system.applicationHost", "applicationPools", "applicationPoolDefaults") => Owner::PoolDefaults,
        ("system.applicationHost", "sites", "site") => Owner::Site(label(3, "name")),
        ("system.applicationHost", "sites", _) => Owner::SiteDefaults,
        _ => Owner::Server,
    }
}
