//! What a machine needs. It follows from what is installed and from the live configuration, not from a list.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{ProviderKind, Service};
use super::known::{Citation, Known};
use super::store::Store;
use super::{BindingView, Generation, Link, Machine, Stake};
use crate::artifact::container::WellKnown;
use crate::artifact::container::well_known::Role;
use crate::artifact::container::{Family, Prefix};

/// How badly a container is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something is set up to use it and does not at present: a session key without values, a disabled service.
    Warning,
    /// Something does not work without it.
    Error,
}

/// Why a container is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// One phrase, such as "the IIS Admin Service opens it when it starts".
    pub text: String,
    /// Where that stands.
    pub citation: Option<Citation>,
}

/// A container that this machine needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// Container name.
    pub name: String,
    /// Where it must stand.
    pub store: Store,
    /// The hash of its name.
    pub prefix: Prefix,
    /// Its role, when it is well-known.
    pub role: Option<Role>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// How badly.
    pub weight: Weight,
    /// Whether the need is only assumed.
    pub assumed: bool,
    /// Services, pools and sites that fail without it.
    pub users: Vec<String>,
    /// RSA key size in bits that a session key of the live configuration needs.
    pub session_key_bits: Option<u32>,
}

/// The containers of IIS itself.
const IIS: [&str; 6] =
    [METABASE, METABASE_REMOTE, WAS_KEY, CONFIGURATION_KEY, "iisCngWasKey", "iisCngConfigurationKey"];
/// The metabase's container.
const METABASE: &str = "Microsoft Internet Information Server";
/// The container for remote administration of the metabase.
const METABASE_REMOTE: &str = "MS IIS DCOM Server";
/// The container of the Windows Process Activation Service.
const WAS_KEY: &str = "iisWasKey";
/// The container of the web server's configuration.
const CONFIGURATION_KEY: &str = "iisConfigurationKey";

#[derive(Default)]
struct Collector {
    found: BTreeMap<(Store, Prefix), Needed>,
    assumptions: Vec<String>,
}

impl Collector {
    fn add(&mut self, name: &str, family: Family, weight: Weight, reason: Reason) -> Option<&mut Needed> {
        let (store, prefix) = match family {
            Family::Capi => (Store::RsaMachine, Prefix::of_capi(name)?),
            Family::Cng => (Store::CngMachine, Prefix::of_cng(name)?),
        };
        let needed = self.found.entry((store, prefix)).or_insert_with(|| Needed {
            name: name.to_owned(),
            store,
            prefix,
            role: WellKnown::by_prefix(family, prefix).map(|known| known.role),
            reasons: Vec::new(),
            weight,
            assumed: false,
            users: Vec::new(),
            session_key_bits: None,
        });
        needed.weight = needed.weight.max(weight);
        needed.reasons.push(reason);
        Some(needed)
    }
}

pub(super) fn derive(machine: &Machine<'_>) -> (Vec<Needed>, Vec<String>) {
    let mut collector = Collector::default();
    by_configuration(machine, &mut collector);
    by_services(machine, &mut collector);
    by_installed_defaults(machine, &mut collector);
    by_assumption(machine, &mut collector);
    // Last, as these do not say which parts of IIS are installed.
    by_central_store(machine, &mut collector);
    by_aspnet(machine, &mut collector);
    by_certificates(machine, &mut collector);
    // Sorted by store and prefix, by which needs are looked up.
    (collector.found.into_values().collect(), collector.assumptions)
}

/// (a) Encrypted values of the live configuration.
fn by_configuration(machine: &Machine<'_>, collector: &mut Collector) {
    let Some(config) = machine.facts.config.value() else { return };
    for provider in &config.providers {
        if !provider.machine_container || provider.container.is_empty() {
            continue;
        }
        let family = match provider.kind {
            ProviderKind::Cng => Family::Cng,
            ProviderKind::Rsa | ProviderKind::Aes => Family::Capi,
            ProviderKind::Unknown => continue,
        };
        let used = config.uses.get(&provider.name).filter(|used| used.values > 0);
        let (weight, reason) = match used {
            Some(used) => (
                Weight::Error,
                Reason {
                    text: format!(
                        "{} encrypted {} of the live configuration {} provider {}",
                        used.values,
                        if used.values == 1 { "value" } else { "values" },
                        if used.values == 1 { "uses" } else { "use" },
                        provider.name
                    ),
                    citation: used.first.clone(),
                },
            ),
            None if provider.has_session_key => (
                Weight::Warning,
                Reason {
                    text: format!("provider {} has a session key, which no value uses yet", provider.name),
                    citation: Some(provider.citation.clone()),
                },
            ),
            None => continue,
        };
        if let Some(needed) = collector.add(&provider.container, family, weight, reason) {
            if let Some(used) = used {
                needed.users.extend(used.users.iter().cloned());
            }
            needed.session_key_bits = needed.session_key_bits.or(provider.session_key_bits);
        }
    }
}

/// (a) Passwords of the central certificate store.
fn by_central_store(machine: &Machine<'_>, collector: &mut Collector) {
    let stored = &machine.facts.central_store;
    let Some((_, _, citation)) = stored.first() else { return };
    let text = match stored.len() {
        1 => "the central certificate store keeps a password encrypted with it".to_owned(),
        count => format!("the central certificate store keeps {count} passwords encrypted with it"),
    };
    let reason = Reason { text, citation: Some(citation.clone()) };
    if let Some(needed) = collector.add(WAS_KEY, Family::Capi, Weight::Error, reason) {
        needed.assumed = false;
        needed.users.push("the central certificate store".to_owned());
    }
}

/// (a) Sections that ASP.NET keeps encrypted. Whether an application that reads them still runs is not known.
fn by_aspnet(machine: &Machine<'_>, collector: &mut Collector) {
    let mut files: BTreeMap<(&str, &str), (u64, &Citation)> = BTreeMap::new();
    for section in &machine.facts.aspnet {
        let Some(wrap) = machine.facts.wraps.get(section.wrap) else { continue };
        let place = (wrap.container.as_str(), section.windows_path.as_str());
        files.entry(place).or_insert((0, &section.citation)).0 += 1;
    }
    for ((container, path), (count, citation)) in files {
        let text = format!(
            "{count} {} of {path} {} encrypted with it",
            if count == 1 { "section" } else { "sections" },
            if count == 1 { "is" } else { "are" },
        );
        let reason = Reason { text, citation: Some(citation.clone()) };
        collector.add(container, Family::Capi, Weight::Warning, reason);
    }
}

/// (b) Installed services that open a container: IISADMIN.
fn by_services(machine: &Machine<'_>, collector: &mut Collector) {
    let Some((reason, weight)) = iis_admin(machine, collector) else { return };
    let dependents = dependents(machine);
    for name in [METABASE, METABASE_REMOTE] {
        if let Some(needed) = collector.add(name, Family::Capi, weight, reason.clone()) {
            needed.users.extend(dependents.iter().cloned());
        }
    }
}

/// Whether the IIS Admin Service is installed, and how that is known.
fn iis_admin(machine: &Machine<'_>, collector: &mut Collector) -> Option<(Reason, Weight)> {
    let iis = &machine.facts.iis;
    if let Some(service) = service(machine, "IISADMIN") {
        let disabled = service.start == 4;
        return Some((
            Reason {
                text: if disabled {
                    "the IIS Admin Service is installed (and disabled) and would open it".to_owned()
                } else {
                    "the IIS Admin Service is installed and opens it when it starts".to_owned()
                },
                citation: Some(service.citation.clone()),
            },
            if disabled { Weight::Warning } else { Weight::Error },
        ));
    }
    let services_speak = iis.services.value().is_some_and(|services| !services.is_empty());
    if services_speak || machine.iis_installed() == Some(false) {
        return None;
    }
    let major = iis.version.value().map(|(major, _)| *major)?;
    if major < 7 {
        // A SYSTEM hive without any IIS service beside a registered IIS 5 or 6 means that IIS was removed.
        if iis.services.is_settled() {
            return None;
        }
        collector.assumptions.push(format!(
            "IIS {major} is registered and the services are not in evidence: the IIS Admin Service is taken to be \
             installed, as it always is with IIS {major}."
        ));
        return Some((
            Reason {
                text: format!("IIS {major} is registered, and its IIS Admin Service opens it"),
                citation: iis.version.citation().cloned(),
            },
            Weight::Error,
        ));
    }
    let components = iis.components.value()?;
    let compatibility =
        components.iter().find(|(name, value)| **value == 1 && name.eq_ignore_ascii_case("Metabase"))?;
    Some((
        Reason {
            text: format!(
                "the IIS 6 compatibility component {} is installed, and its IIS Admin Service opens it",
                compatibility.0
            ),
            citation: iis.components.citation().cloned(),
        },
        Weight::Error,
    ))
}

/// What fails when IISADMIN does not start.
fn dependents(machine: &Machine<'_>) -> Vec<String> {
    let old = machine.iis_major().is_some_and(|major| major < 7);
    let mut names = vec!["IISADMIN".to_owned()];
    let known: &[&str] = if old {
        &["W3SVC", "MSFTPSVC", "SMTPSVC", "NNTPSVC"]
    } else {
        // On IIS 7 and later the web sites do not depend on it.
        &["MSFTPSVC", "SMTPSVC"]
    };
    names.extend(known.iter().filter(|name| service(machine, name).is_some()).map(|&name| name.to_owned()));
    names
}

/// (b) WAS with AES providers as the installed defaults, where the configuration or the schema cannot be read.
fn by_installed_defaults(machine: &Machine<'_>, collector: &mut Collector) {
    let facts = machine.facts;
    let (config, schema) = (&facts.config, &facts.schema);
    if config.value().is_some() && schema.value().is_some() {
        return;
    }
    let Some(citation) = was(machine) else { return };
    let aes = |name: &String| {
        let name = name.to_ascii_lowercase();
        name.contains("aesprovider")
    };
    let defaults_are_aes = match (schema.value(), config.value()) {
        (Some(defaults), _) => defaults.keys().any(aes),
        (None, Some(config)) => {
            machine.iis_major().is_some_and(|major| (7..10).contains(&major))
                && config.providers.iter().any(|provider| provider.kind == ProviderKind::Aes)
        }
        (None, None) => machine.iis_major().is_some_and(|major| (7..10).contains(&major)),
    };
    if !defaults_are_aes {
        return;
    }
    let unread = if config.value().is_none() { "live configuration" } else { "schema" };
    for name in [WAS_KEY, CONFIGURATION_KEY] {
        collector.add(
            name,
            Family::Capi,
            Weight::Error,
            Reason {
                text: format!(
                    "the Windows Process Activation Service is installed with the AES providers as its defaults, and \
                     the {unread} is not there to say otherwise"
                ),
                citation: citation.clone(),
            },
        );
    }
    collector.assumptions.push(format!(
        "The {unread} is not in evidence or cannot be read: the AES providers of IIS 7 to 8.5 are taken to be in use."
    ));
}

/// Whether WAS is installed; the inner option is the citation.
fn was(machine: &Machine<'_>) -> Option<Option<Citation>> {
    if let Some(service) = service(machine, "WAS") {
        return Some(Some(service.citation.clone()));
    }
    let components = &machine.facts.iis.components;
    let installed = components.value()?.iter().any(|(name, value)| {
        *value == 1
            && ["WASProcessModel", "ProcessModel"].iter().any(|known| name.eq_ignore_ascii_case(known))
    });
    installed.then(|| components.citation().cloned())
}

/// (c) Certificates that a binding of IIS uses.
fn by_certificates(machine: &Machine<'_>, collector: &mut Collector) {
    let certificates = machine.facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    for (certificate, view) in certificates.iter().zip(&machine.tls.certificates) {
        let Some(link) = certificate.link.value().filter(|_| view.link == Link::Machine) else { continue };
        // A container of CAPI that the provider of CNG opens is needed where it stands.
        let found = view.by_name.first().and_then(|&index| {
            let folder = machine.folder_of(index);
            view.places.iter().find(|(store, _)| *store == folder.store)
        });
        let Some((store, _)) = found.or(view.places.first()) else { continue };
        if !matches!(store, Store::RsaMachine | Store::CngMachine) {
            continue;
        }
        let used = view.used_by.iter().filter_map(|&at| machine.tls.bindings.get(at));
        let staked: Vec<&BindingView> = used.filter(|binding| binding.stake > Stake::None).collect();
        let weight = match staked.iter().map(|binding| binding.stake).max() {
            Some(Stake::Live) => Weight::Error,
            Some(Stake::Idle) => Weight::Warning,
            _ => continue,
        };
        let users: BTreeSet<String> = staked.iter().map(|binding| machine.binding_name(binding)).collect();
        let Some(first) = users.first() else { continue };
        let more = match users.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let reason = Reason {
            text: format!("certificate {} of {first}{more} is linked to it", certificate.thumbprint),
            citation: Some(certificate.citation.clone()),
        };
        if let Some(needed) = collector.add(&link.container, store.family(), weight, reason) {
            let known: BTreeSet<String> =
                std::mem::take(&mut needed.users).into_iter().chain(users).collect();
            needed.users = known.into_iter().collect();
        }
    }
}

/// (d) Nothing says what is installed: each IIS container that stands under any GUID is assumed needed.
fn by_assumption(machine: &Machine<'_>, collector: &mut Collector) {
    let facts = machine.facts;
    let open = |settled: bool| !settled;
    let unknown = open(facts.iis.services.is_settled())
        && open(facts.iis.components.is_settled())
        && facts.config.value().is_none();
    // Before IIS 7 the registered version alone says that IISADMIN is there.
    if !unknown || collector.found.values().any(|needed| !needed.assumed) {
        return;
    }
    let mut names = Vec::new();
    for container in &facts.containers {
        let (Some(folder), Some(prefix)) = (facts.folder(container), container.prefix) else { continue };
        let Some(known) = WellKnown::by_prefix(folder.store.family(), prefix) else { continue };
        let right_store = match known.family {
            Family::Capi => folder.store == Store::RsaMachine,
            Family::Cng => folder.store == Store::CngMachine,
        };
        if !right_store || !IIS.contains(&known.name) || container.set_aside {
            continue;
        }
        let reason = Reason {
            text: "it stands in the folder, and nothing in evidence says which parts of IIS are installed"
                .to_owned(),
            citation: container.origin.citation().cloned(),
        };
        if collector.found.contains_key(&(folder.store, prefix)) {
            continue;
        }
        if let Some(needed) = collector.add(known.name, known.family, Weight::Error, reason) {
            needed.assumed = true;
            names.push(known.name);
        }
    }
    if !names.is_empty() {
        names.sort_unstable();
        collector.assumptions.push(format!(
            "Nothing in evidence says which parts of IIS are installed (no IIS services, components or live \
             configuration): {} assumed to be needed because a copy stands in the folder.",
            if names.len() == 1 { format!("{} is", names[0]) } else { format!("{} are", names.join(", ")) }
        ));
    }
}

fn service<'m>(machine: &'m Machine<'_>, name: &str) -> Option<&'m Service> {
    machine.facts.iis.services.value()?.get(name)
}

/// Whether the evidence is silent on which IIS services and components are installed.
pub fn installed_parts_unknown(machine: &Machine<'_>) -> bool {
    let iis = &machine.facts.iis;
    !matches!(iis.services, Known::Read(_))
        && !iis.components.is_settled()
        && machine.generation.is_none_or(|generation| generation >= Generation::Nt6)
}
