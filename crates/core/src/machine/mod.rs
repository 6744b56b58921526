//! What the facts say together: which GUID is current, what stands where, what is needed.
//!
//! [`Facts`] hold what was read; [`Machine`] is derived from them and never stored in them, so that a plan can change
//! facts and derive anew.

pub mod bound;
pub mod census;
pub mod events;
pub mod facts;
pub mod known;
pub mod need;
pub mod needed;
pub mod protection;
pub mod store;
pub mod tls;

use std::collections::BTreeMap;

use iiskeys_evidence::Timestamp;

pub use bound::{BindingView, CertificateView, Link, Owner, Stake, TlsView};
pub use census::CensusRow;
pub use events::{EventLog, Events, KeyFileSeen, Symptom, SymptomKey, SymptomKind, UnreadLog};
pub use facts::*;
pub use known::{Citation, Cited, FileId, Known, Locator, Origin};
pub use need::Need;
pub use needed::{Needed, Reason, Weight};
pub use protection::{
    AspNetSection, ConfigCopy, Contradiction, CopyKind, KeyProof, MasterKeyFile, MasterKeyState, Metabase,
    Opens, ProtectFolder, Protection, RecoveryKind, RecoverySource, SecretAge, SharedConfiguration,
    SystemSecret, Values, Wrap, WrapKind,
};
pub use store::Store;
pub use tls::{
    Certificate, CertificateBody, Endpoint, HttpBinding, KeyLink, OtherUse, Site, SiteBinding, StorePlace,
    Tls,
};

use crate::artifact::container::WellKnown;
use crate::artifact::container::well_known::Role;
use crate::artifact::container::{Family, Guid, Prefix};

/// Seconds within which all files of a folder were created when the folder was copied rather than used.
const COPY_SPAN: i64 = 10 * 60;
/// Seconds in a day.
pub const DAY: i64 = 24 * 60 * 60;
/// How far a listing's local time may be off when its zone is unknown.
const UNKNOWN_ZONE: i64 = 14 * 60 * 60;

/// The families of Windows that differ in what IIS needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// Windows 2000 (IIS 5.0).
    Nt50,
    /// Windows XP and Server 2003 (IIS 5.1 and 6).
    Nt51,
    /// Windows Vista to 8.1, Server 2008 to 2012 R2 (IIS 7 to 8.5).
    Nt6,
    /// Windows 10, 11, Server 2016 and later (IIS 10).
    Nt10,
}

/// Where a copy of a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// In the folder that Windows uses, under the current GUID: this is the one that Windows opens.
    Current,
    /// In that folder, under another GUID.
    OtherGuid,
    /// In a folder below another root, whatever its GUID.
    OtherRoot,
    /// A renamed or set-aside copy that Windows cannot see.
    SetAside,
}

/// What state a copy is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Every pair that its owner needs is there.
    Complete,
    /// A file of a size that holds keys; only the size is known.
    LooksComplete,
    /// A pair that its owner needs is absent.
    Incomplete,
    /// Header and name only.
    Empty,
    /// Damaged.
    Damaged,
    /// Nothing is known but the name.
    Unknown,
}

impl Condition {
    /// Whether Windows could work with it, as far as is known.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Complete | Self::LooksComplete)
    }

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::LooksComplete => "not-read",
            Self::Incomplete => "incomplete",
            Self::Empty => "empty",
            Self::Damaged => "damaged",
            Self::Unknown => "not-read",
        }
    }
}

/// One container (a name in a store) with all its copies.
#[derive(Debug, Clone)]
pub struct ContainerSet {
    /// The store.
    pub store: Store,
    /// The hash of its name.
    pub prefix: Prefix,
    /// Its name: well-known, declared or read from inside.
    pub name: Option<String>,
    /// Its entry in the table of well-known names.
    pub well_known: Option<&'static WellKnown>,
    /// Its copies, indices into [`Facts::containers`].
    pub copies: Vec<usize>,
}

/// What the facts say together.
#[derive(Debug)]
pub struct Machine<'f> {
    /// The facts.
    pub facts: &'f Facts,
    /// The current GUID, when it is known and well-formed.
    pub guid: Option<Guid>,
    /// The family of Windows, when it is known.
    pub generation: Option<Generation>,
    /// Why this is no live system's disk, when it is a template; with the citation.
    pub template: Option<(String, Option<Citation>)>,
    /// What this machine needs.
    pub needed: Vec<Needed>,
    /// Assumptions behind `needed`, one sentence each.
    pub assumptions: Vec<String>,
    /// Well-known and needed containers.
    pub sets: BTreeMap<(Store, Prefix), ContainerSet>,
    /// One row for each GUID seen.
    pub census: Vec<CensusRow>,
    /// The joins of TLS.
    pub tls: TlsView,
}

impl<'f> Machine<'f> {
    /// Joins the facts.
    pub fn derive(facts: &'f Facts) -> Self {
        let guid = facts.identity.guid.value().and_then(|value| value.guid);
        let mut machine = Self {
            facts,
            guid,
            generation: generation(&facts.os),
            template: template(&facts.os),
            needed: Vec::new(),
            assumptions: facts.assumptions.clone(),
            sets: BTreeMap::new(),
            census: Vec::new(),
            tls: TlsView::default(),
        };
        machine.tls = bound::derive(facts, machine.web_service_runs());
        let (needed, assumptions) = needed::derive(&machine);
        machine.assumptions.extend(assumptions);
        machine.sets = sets(facts, &needed);
        machine.needed = needed;
        machine.census = census::derive(&machine);
        machine
    }

    /// The container at `index`.
    pub fn container(&self, index: usize) -> &'f ContainerFile {
        &self.facts.containers[index]
    }

    /// Its folder.
    pub fn folder_of(&self, index: usize) -> &'f KeyFolder {
        &self.facts.folders[self.facts.containers[index].folder]
    }

    /// Where a copy stands; `None` when the current GUID is not known.
    pub fn standing(&self, index: usize) -> Option<Standing> {
        let container = self.container(index);
        let role = self.folder_of(index).role;
        if container.set_aside || role == FolderRole::Copy {
            return Some(Standing::SetAside);
        }
        if role == FolderRole::OtherRoot {
            return Some(Standing::OtherRoot);
        }
        let current = self.guid.as_ref()?;
        Some(if container.guid.as_ref() == Some(current) { Standing::Current } else { Standing::OtherGuid })
    }

    /// What state a copy is in, seen from what its owner needs.
    pub fn condition(&self, index: usize) -> Condition {
        let container = self.container(index);
        let set = container.prefix.and_then(|prefix| self.sets.get(&(self.folder_of(index).store, prefix)));
        let role = set.and_then(|set| set.well_known).map(|known| known.role);
        match &container.content {
            Content::Read(inside) => condition_of(inside, role),
            Content::Unreadable(_) => Condition::Damaged,
            Content::NameOnly => match (container.size, set.and_then(|set| set.name.as_deref())) {
                (Some(0), _) => Condition::Damaged,
                (Some(size), Some(name)) if container.folder_family(self.facts) == Family::Capi => {
                    let name_only = 41 + name.len() as u64;
                    match size.cmp(&name_only) {
                        std::cmp::Ordering::Less => Condition::Damaged,
                        std::cmp::Ordering::Equal => Condition::Empty,
                        std::cmp::Ordering::Greater => Condition::LooksComplete,
                    }
                }
                (Some(size), _) if size > 128 => Condition::LooksComplete,
                _ => Condition::Unknown,
            },
        }
    }

    /// The copies of a set that stand like that.
    pub fn standing_copies(&self, set: &ContainerSet, standing: Standing) -> Vec<usize> {
        set.copies.iter().copied().filter(|&index| self.standing(index) == Some(standing)).collect()
    }

    /// The need for a container, if this machine has one.
    pub fn need_of(&self, store: Store, prefix: Prefix) -> Option<&Needed> {
        let at = self.needed.binary_search_by_key(&(store, prefix), |needed| (needed.store, needed.prefix));
        at.ok().and_then(|at| self.needed.get(at))
    }

    /// Whether a folder of this store is in evidence.
    pub fn has_store(&self, store: Store) -> bool {
        self.facts.folders.iter().any(|folder| folder.store == store && folder.role != FolderRole::Copy)
            || self.facts.missing_folders.iter().any(|(missing, _, _)| *missing == store)
    }

    /// Whether all folders of this store are in evidence completely.
    pub fn is_complete(&self, store: Store) -> bool {
        self.has_store(store)
            && self
                .facts
                .folders
                .iter()
                .filter(|folder| folder.store == store)
                .all(|folder| folder.coverage == Coverage::Complete)
    }

    /// Why a folder's creation times mean nothing; `None` when they can be used.
    pub fn times_lost(&self, folder: &KeyFolder) -> Option<&'static str> {
        if folder.count == 0 {
            return None;
        }
        let (Some(first), Some(last)) = (folder.first_created, folder.last_created) else {
            return Some("none is in evidence");
        };
        let slack = if folder.times_local { UNKNOWN_ZONE } else { 0 };
        let registry = self.facts.software.value().and_then(|hive| hive.last_written);
        if registry.is_some_and(|written| first.seconds_since(written) > slack.max(COPY_SPAN)) {
            return Some("all are later than the registry's last write");
        }
        let at_installation = self
            .facts
            .os
            .installed
            .value()
            .is_some_and(|installed| first.seconds_since(*installed).abs() <= slack + DAY);
        if folder.with_created > 1 && last.seconds_since(first) <= COPY_SPAN && !at_installation {
            return Some("all lie within minutes of each other");
        }
        None
    }

    /// A container's creation time, when the times of its folder mean something.
    pub fn created(&self, index: usize) -> Option<Timestamp> {
        let container = self.container(index);
        if self.times_lost(self.folder_of(index)).is_some() { None } else { container.created }
    }

    /// The name to print for a container: its real name with the prefix, or the file name.
    pub fn display_name(&self, index: usize) -> String {
        let container = self.container(index);
        container
            .prefix
            .and_then(|prefix| self.sets.get(&(self.folder_of(index).store, prefix)))
            .and_then(|set| set.name.clone())
            .unwrap_or_else(|| container.name.clone())
    }

    /// Where a container's facts stand, for a finding; `None` when a plan put it there.
    pub fn citation_of(&self, index: usize) -> Option<Citation> {
        self.container(index).origin.citation().cloned()
    }

    /// Whether any part of IIS is installed; `None` when the evidence does not tell.
    pub fn iis_installed(&self) -> Option<bool> {
        let iis = &self.facts.iis;
        let services = iis.services.value().map(|services| !services.is_empty());
        let registered = match &iis.version {
            Known::Read(_) => Some(true),
            Known::Absent(_) => Some(false),
            _ => None,
        };
        match (services, registered) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
            _ => Some(false),
        }
    }

    /// Whether the Web service is there to serve sites, as far as the evidence tells: it is taken to be there unless the
    /// services say otherwise.
    fn web_service_runs(&self) -> bool {
        match self.facts.iis.services.value() {
            Some(services) => services.get("W3SVC").is_some_and(|service| service.start != 4),
            None => self.iis_installed() != Some(false),
        }
    }

    /// Why it is not known which certificates are bound, and what would tell.
    pub fn bindings_gap(&self) -> (&'static str, Need) {
        let tls = &self.facts.tls;
        match tls.bindings.gap() {
            Some((_, need)) => ("which certificates are bound is not in evidence", need),
            None if !tls.uncovered_tables.is_empty() => {
                ("a part of the bindings of HTTP.sys is not in evidence", Need::SystemHive)
            }
            None => (
                "which certificates are assigned to sites stands in a metabase that was not read",
                Need::SiteCertificates,
            ),
        }
    }

    /// How a binding is called in sentences: its site with the endpoint, or the endpoint with its owner.
    pub fn binding_name(&self, binding: &BindingView) -> String {
        let sites = self.facts.tls.sites.value();
        let endpoint = binding.endpoint.trim_end_matches(':');
        match binding.site.and_then(|(site, _)| sites?.get(site)) {
            Some(site) => format!("HTTPS of site {} ({})", site.name, endpoint),
            None if binding.http.is_some() => {
                format!("the HTTPS binding {endpoint} of {}", binding.owner.title())
            }
            None if binding.endpoint == bound::FTP => "FTP over TLS of IIS".to_owned(),
            None if binding.endpoint == bound::METABASE => {
                format!("a site of {} ({})", binding.owner.title(), binding.endpoint)
            }
            None => binding.owner.title().to_owned(),
        }
    }

    /// IIS major version: as registered, else the one that came with the Windows.
    pub fn iis_major(&self) -> Option<u32> {
        self.facts.iis.version.value().map(|(major, _)| *major).or(match self.generation? {
            Generation::Nt50 => Some(5),
            Generation::Nt51 => Some(6),
            Generation::Nt6 => Some(7),
            Generation::Nt10 => Some(10),
        })
    }
}

impl ContainerFile {
    /// CAPI or CNG, by the folder that it stands in.
    fn folder_family(&self, facts: &Facts) -> Family {
        facts.folder(self).map_or(Family::Capi, |folder| folder.store.family())
    }
}

/// What a container's content means for an owner in that role.
fn condition_of(inside: &Inside, role: Option<Role>) -> Condition {
    if !inside.damage.is_empty() {
        return Condition::Damaged;
    }
    if inside.hardware {
        return Condition::Complete;
    }
    if inside.pairs.is_empty() {
        return Condition::Empty;
    }
    let signature = inside.pairs.iter().any(|pair| pair.signature);
    let exchange = inside.pairs.iter().any(|pair| !pair.signature);
    let complete = match role {
        Some(Role::MetabaseKey) => signature && exchange,
        Some(Role::WasKey | Role::ConfigurationKey) => exchange,
        _ => true,
    };
    if complete { Condition::Complete } else { Condition::Incomplete }
}

fn generation(os: &Os) -> Option<Generation> {
    if os.build.value().is_some_and(|build| *build >= 10_240) {
        return Some(Generation::Nt10);
    }
    match os.version.value()?.as_str() {
        "5.0" => Some(Generation::Nt50),
        "5.1" | "5.2" => Some(Generation::Nt51),
        version if version.starts_with("6.") => Some(Generation::Nt6),
        version if version.starts_with("10.") => Some(Generation::Nt10),
        _ => None,
    }
}

fn template(os: &Os) -> Option<(String, Option<Citation>)> {
    if let Some(state) = os.image_state.value()
        && !state.is_empty()
        && !state.eq_ignore_ascii_case("IMAGE_STATE_COMPLETE")
    {
        return Some((
            format!(
                "Setup\\State\\ImageState is {state}: this is a template, not a machine that has been set up"
            ),
            os.image_state.citation().cloned(),
        ));
    }
    if os.setup_in_progress.value().is_some_and(|flag| *flag != 0) {
        return Some((
            "SYSTEM\\Setup\\SystemSetupInProgress is set: set-up has not finished on this disk".to_owned(),
            os.setup_in_progress.citation().cloned(),
        ));
    }
    None
}

fn name_inside(container: &ContainerFile) -> Option<String> {
    match &container.content {
        Content::Read(inside) => inside.name.clone(),
        _ => None,
    }
}

fn sets(facts: &Facts, needed: &[Needed]) -> BTreeMap<(Store, Prefix), ContainerSet> {
    let mut sets: BTreeMap<(Store, Prefix), ContainerSet> = BTreeMap::new();
    for need in needed {
        sets.entry((need.store, need.prefix)).or_insert_with(|| ContainerSet {
            store: need.store,
            prefix: need.prefix,
            name: Some(need.name.clone()),
            well_known: WellKnown::by_prefix(need.store.family(), need.prefix),
            copies: Vec::new(),
        });
    }
    for (index, container) in facts.containers.iter().enumerate() {
        let (Some(folder), Some(prefix)) = (facts.folder(container), container.prefix) else { continue };
        if !container.tracked {
            continue;
        }
        let known = WellKnown::by_prefix(folder.store.family(), prefix);
        sets.entry((folder.store, prefix))
            .or_insert_with(|| ContainerSet {
                store: folder.store,
                prefix,
                name: known.map(|known| known.name.to_owned()).or_else(|| name_inside(container)),
                well_known: known,
                copies: Vec::new(),
            })
            .copies
            .push(index);
    }
    // Large folders are read in the order in which the file system lists them.
    for set in sets.values_mut() {
        set.copies.sort_by_key(|&index| {
            facts.containers.get(index).map(|container| (container.folder, container.name.as_str()))
        });
    }
    sets
}
