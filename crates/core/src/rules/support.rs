//! What several rules share: how a need weighs, how a container is named and cited, and which evidence is lacking.

use super::Judgement;
use super::finding::{Cite, Confidence, Finding, Remedy, Severity};
use crate::artifact::container::{Guid, Prefix};
use crate::machine::facts::{Oddity, Recovery};
use crate::machine::{
    Citation, Condition, ContainerSet, Content, FolderRole, KeyFolder, KeyProof, Known, Locator, Machine,
    Need, Needed, Standing, Store, Weight, needed,
};

/// The pattern under which containers of others are counted whose names alone a listing has.
const NAME_ONLY: &str = "name not in evidence";

/// The subject of every finding about the current MachineGuid.
pub(super) const GUID_SUBJECT: &str = "value:SOFTWARE\\Microsoft\\Cryptography\\MachineGuid";

/// "Error if needed": error for what is needed, warning for what is set up and unused, else note.
pub(super) fn severity(need: Option<&Needed>) -> Severity {
    match need.map(|need| need.weight) {
        Some(Weight::Error) => Severity::Error,
        Some(Weight::Warning) => Severity::Warning,
        None => Severity::Note,
    }
}

/// Lowers `confidence` by what is only assumed about the need.
pub(super) fn with_need(confidence: Confidence, need: Option<&Needed>) -> Confidence {
    if need.is_some_and(|need| need.assumed) { confidence.min(Confidence::Strong) } else { confidence }
}

/// How sure an absence in that store is.
pub(super) fn absence(machine: &Machine<'_>, store: Store) -> Confidence {
    if machine.is_complete(store) { Confidence::Proven } else { Confidence::Strong }
}

/// How sure the current GUID is: a dirty hive that could not be recovered may hold an older one.
pub(super) fn guid_confidence(machine: &Machine<'_>) -> Confidence {
    match machine.facts.software.value().map(|hive| &hive.recovery) {
        Some(Recovery::LogsMissing | Recovery::LogsRefused(_)) => Confidence::Strong,
        _ => Confidence::Proven,
    }
}

/// The subject of a finding about one container file.
pub(super) fn subject(machine: &Machine<'_>, index: usize) -> String {
    let folder = machine.folder_of(index);
    let place = if folder.role == FolderRole::Current {
        folder.store.id().to_owned()
    } else {
        // The same name may stand in two folders of one store.
        format!("{}@{}", folder.store.id(), folder.path)
    };
    format!("container:{place}/{}", machine.container(index).name)
}

/// The subject of a finding about a folder; the one in use is the same whatever form the evidence has.
pub(super) fn subject_of_folder(folder: &KeyFolder) -> String {
    match folder.role {
        FolderRole::Current => format!("folder:{}", folder.store.id()),
        _ => format!("folder:{}@{}", folder.store.id(), folder.path),
    }
}

/// The subject of a finding about a container that has no file.
pub(super) fn subject_of_need(need: &Needed) -> String {
    format!("container:{}/{}", need.store.id(), need.prefix)
}

/// The subject of a finding about the containers of others under one GUID.
pub(super) fn subject_of_others(store: Store, guid: Option<&Guid>) -> String {
    format!("container:{}/*_{}", store.id(), guid.map_or("?", Guid::as_str))
}

/// A container file with its state, as a citation.
pub(super) fn cite(machine: &Machine<'_>, index: usize) -> Option<Cite> {
    let container = machine.container(index);
    let mut observed = container.name.clone();
    if let Some(size) = container.size {
        observed.push_str(&format!(", {size} bytes"));
    }
    if let Some(created) = machine.created(index) {
        observed.push_str(&format!(", created {created}"));
    }
    observed.push_str(match machine.condition(index) {
        Condition::Complete => ", complete",
        Condition::LooksComplete => ", content not in evidence",
        Condition::Incomplete => ", a key pair is absent",
        Condition::Empty => ", header and name only",
        Condition::Damaged => ", damaged",
        Condition::Unknown => ", only the name is in evidence",
    });
    machine.citation_of(index).map(|citation| Cite { citation, observed })
}

/// The current GUID as a citation.
pub(super) fn cite_guid(machine: &Machine<'_>) -> Option<Cite> {
    let value = machine.facts.identity.guid.value()?;
    let citation = machine.facts.identity.guid.citation()?.clone();
    Some(Cite { citation, observed: value.text.clone() })
}

/// The reasons of a need, as citations.
pub(super) fn cite_need(need: &Needed) -> Vec<Cite> {
    need.reasons
        .iter()
        .take(20)
        .filter_map(|reason| Some(Cite { citation: reason.citation.clone()?, observed: reason.text.clone() }))
        .collect()
}

/// One sentence: who needs it and what fails.
pub(super) fn need_sentence(machine: &Machine<'_>, set: &ContainerSet, need: Option<&Needed>) -> String {
    let Some(need) = need else {
        let linked = super::certificates::perhaps_bound(machine, set.store, set.prefix).next();
        if let Some(seen) = linked {
            return format!(
                "Certificate {} is linked to it, and which certificates are bound is not in evidence: it may be needed.",
                super::certificates::name(seen.certificate)
            );
        }
        let owner = set.well_known.map(|known| known.owner);
        return match owner {
            Some(owner) => {
                format!("It belongs to {owner}; nothing in evidence shows that this machine needs it.")
            }
            None => "Nothing in evidence shows that this machine needs it.".to_owned(),
        };
    };
    let reasons: Vec<String> = need.reasons.iter().map(|reason| reason.text.clone()).collect();
    let verb = if need.weight == Weight::Error { "needed" } else { "set up to be used" };
    let mut text = format!("It is {verb}: {}.", join_with(&reasons, 8, "; "));
    if let Some(known) = set.well_known {
        text.push_str(&format!(" Without it: {}.", known.effect.trim_end_matches('.')));
    }
    text.push_str(&scope_sentence(machine, need));
    text
}

/// On IIS 7 and later, that the metabase containers stop only the compatibility services.
pub(super) fn scope_sentence(machine: &Machine<'_>, need: &Needed) -> String {
    use crate::artifact::container::well_known::Role;
    let compat = matches!(need.role, Some(Role::MetabaseKey | Role::MetabaseRemote));
    if compat && machine.iis_major().is_some_and(|major| major >= 7) {
        " On IIS 7 and later this stops only the IIS 6 compatible services (IISADMIN and what depends on it, such as \
         SMTP and FTP 6); web sites and application pools do not use it."
            .to_owned()
    } else {
        String::new()
    }
}

/// Lists up to `limit` names.
pub(crate) fn join(names: &[String], limit: usize) -> String {
    join_with(names, limit, ", ")
}

/// Lists up to `limit` phrases with something between them.
pub(super) fn join_with(names: &[String], limit: usize, between: &str) -> String {
    match names.get(..limit).filter(|_| names.len() > limit) {
        Some(first) => format!("{} and {} more", first.join(between), names.len() - limit),
        None => names.join(between),
    }
}

/// `1 container` or `n containers`.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// What must be collected to know a store.
pub(super) fn need_for(store: Store) -> Need {
    match store {
        Store::CngMachine | Store::CngSystem | Store::CngLocalService | Store::CngNetworkService => {
            Need::CngKeys
        }
        Store::DssMachine => Need::DssMachineKeys,
        _ => Need::MachineKeys,
    }
}

/// Ends a rule that has nothing to say about a template's identity.
pub(super) fn template(machine: &Machine<'_>) -> Option<Judgement> {
    machine.template.as_ref().map(|(why, _)| Judgement::not_applicable(why.clone()))
}

/// Notes why the current GUID is not known, if it is not.
pub(super) fn require_guid(machine: &Machine<'_>, judgement: &mut Judgement) -> bool {
    if machine.guid.is_some() {
        return true;
    }
    let identity = &machine.facts.identity.guid;
    match identity.gap() {
        Some((why, need)) => judgement.gap(why, need),
        None => judgement.gap(
            "the current MachineGuid is missing or malformed, so no container can be told to be current",
            Need::SoftwareHive,
        ),
    }
    false
}

/// Notes what keeps the machine's needs from being known.
pub(super) fn require_needs(machine: &Machine<'_>, judgement: &mut Judgement) {
    let facts = machine.facts;
    if machine.iis_installed() == Some(false) && facts.config.value().is_none() {
        return;
    }
    if machine.iis_installed().is_none() && facts.config.value().is_none() {
        // What stands in the folder may be assumed to be needed; what does not stand there cannot.
        judgement.gap("nothing in evidence says which parts of IIS are installed", Need::SystemHive);
        return;
    }
    let modern = machine.iis_major().is_none_or(|major| major >= 7);
    if modern && needed::installed_parts_unknown(machine) {
        judgement.gap("which parts of IIS are installed is not in evidence", Need::SystemHive);
    }
    if modern {
        match &facts.config {
            Known::NotInEvidence(need) => {
                judgement.gap("which providers the live configuration uses is not in evidence", *need);
            }
            Known::Unreadable { why, .. } => {
                judgement.gap(format!("the live configuration cannot be read: {why}"), Need::UndamagedCopy);
            }
            _ => {}
        }
    }
}

/// Notes the stores that a rule must see and that are not in evidence.
pub(super) fn require_stores(machine: &Machine<'_>, judgement: &mut Judgement) {
    let mut stores: Vec<Store> = machine.needed.iter().map(|need| need.store).collect();
    let iis = machine.iis_installed() != Some(false);
    if iis {
        stores.push(Store::RsaMachine);
    }
    stores.sort_unstable();
    stores.dedup();
    for store in stores {
        if !machine.has_store(store) {
            judgement
                .gap(format!("the folder of the store {} is not in evidence", store.id()), need_for(store));
        }
    }
}

/// Begins a rule about containers: `Err` when it does not apply because there is nothing to look at.
pub(super) fn begin(machine: &Machine<'_>, examined: &str) -> Result<Judgement, Judgement> {
    if nothing_to_look_at(machine) {
        return Err(Judgement::not_applicable(
            "no part of IIS is installed and no key folder is in evidence",
        ));
    }
    let mut judgement = Judgement::examined(examined);
    require_stores(machine, &mut judgement);
    Ok(judgement)
}

/// Begins a rule that compares containers with the current GUID: `Err` with the judgement when that cannot be done.
pub(super) fn begin_with_guid(machine: &Machine<'_>, examined: &str) -> Result<Judgement, Judgement> {
    if let Some((why, _)) = &machine.template {
        return Err(Judgement::not_applicable(format!("{why}; its GUID is given at first start")));
    }
    let mut judgement = begin(machine, examined)?;
    if require_guid(machine, &mut judgement) { Ok(judgement) } else { Err(judgement) }
}

/// Whether a rule about containers has nothing to look at: no IIS, and no folder of containers.
pub(super) fn nothing_to_look_at(machine: &Machine<'_>) -> bool {
    machine.iis_installed() == Some(false) && machine.needed.is_empty() && machine.facts.folders.is_empty()
}

/// Notes the copies of needed containers whose bytes a rule would have to see: those that Windows opens or, where it finds
/// none, those that would have to come back. Of others that were not read, what was looked at says that they were not.
pub(super) fn require_contents(machine: &Machine<'_>, judgement: &mut Judgement) {
    let (mut read, mut unread) = (0_u64, 0_u64);
    for set in machine.sets.values() {
        let opened = may_be_opened(machine, set);
        let is_needed = machine.need_of(set.store, set.prefix).is_some();
        for &index in &set.copies {
            let matters = if opened.is_empty() {
                machine.standing(index) != Some(Standing::SetAside)
            } else {
                opened.contains(&index)
            };
            match &machine.container(index).content {
                Content::Read(_) => read += 1,
                Content::NameOnly if is_needed && matters => {
                    judgement.gap(names_only(machine, index), Need::KeyFileContents);
                }
                Content::Unreadable(why) if is_needed && matters => {
                    judgement.gap(format!("a needed key file could not be read: {why}"), Need::UndamagedCopy);
                }
                Content::NameOnly | Content::Unreadable(_) => unread += 1,
            }
        }
    }
    let groups = machine.facts.groups.iter().filter(|(group, _)| group.pattern == NAME_ONLY);
    let others = unread + groups.map(|(_, counted)| counted.count).sum::<u64>();
    if others == 0 {
        return;
    }
    // Whoever saw no bytes at all cannot say that they are sound.
    if read == 0 && unread > 0 && machine.iis_installed() != Some(false) {
        judgement.gap(
            "the contents of the key files are not in evidence, only their names",
            Need::KeyFileContents,
        );
    }
    judgement
        .examined
        .push_str(&format!("; not read, and not known to be needed: {}", count(others, "container")));
}

/// Why the content of a needed container is not known.
fn names_only(machine: &Machine<'_>, index: usize) -> &'static str {
    if machine.folder_of(index).listing_only {
        "the contents of needed key files are not in evidence, only their names"
    } else {
        "the contents of needed key files are not in evidence, only their names: their bytes were not collected, and the \
         copier may have lacked the right to read them"
    }
}

/// The copies of a set that Windows may open: the current ones or, when the GUID is unknown, all in the folder.
pub(super) fn may_be_opened(machine: &Machine<'_>, set: &ContainerSet) -> Vec<usize> {
    set.copies
        .iter()
        .copied()
        .filter(|&index| match machine.standing(index) {
            Some(standing) => standing == Standing::Current,
            None => true,
        })
        .collect()
}

/// The best copy of a set under another GUID that is not known to be beyond opening.
pub(super) fn best_other(machine: &Machine<'_>, set: &ContainerSet) -> Option<usize> {
    others(machine, set).into_iter().find(|&index| !is_dead(machine, index))
}

/// The best copy of a set under another GUID, whatever opens it.
pub(super) fn first_other(machine: &Machine<'_>, set: &ContainerSet) -> Option<usize> {
    others(machine, set).first().copied()
}

/// The usable copies of a set under other GUIDs: the one that opens the live session key first, complete before
/// looks-complete, older before newer.
fn others(machine: &Machine<'_>, set: &ContainerSet) -> Vec<usize> {
    let mut others = machine.standing_copies(set, Standing::OtherGuid);
    others.retain(|&index| machine.condition(index).is_usable() && machine.container(index).guid.is_some());
    others.sort_by_key(|&index| {
        (
            is_dead(machine, index),
            !opens_live(machine, index),
            !super::certificates::holds_a_key_in_use(machine, index),
            machine.condition(index),
            machine.created(index),
            machine.container(index).name.clone(),
        )
    });
    others
}

/// Whether a container is known to be beyond opening with the secrets of this machine.
pub(super) fn is_dead(machine: &Machine<'_>, index: usize) -> bool {
    let Content::Read(inside) = &machine.container(index).content else { return false };
    inside.pairs.iter().any(|pair| {
        matches!(
            pair.proof,
            KeyProof::Neither
                | KeyProof::WrongMasterKey
                | KeyProof::MasterKeyMissing
                | KeyProof::MasterKeyDamaged(_)
                | KeyProof::Opened { agrees: false, .. }
        )
    })
}

/// Whether a container provably opens a session key of the live configuration.
pub(super) fn opens_live(machine: &Machine<'_>, index: usize) -> bool {
    let Content::Read(inside) = &machine.container(index).content else { return false };
    let live = machine.facts.config.value().into_iter().flat_map(|config| &config.providers);
    live.filter_map(|provider| provider.wrap).any(|wrap| inside.opens.wraps.contains(&wrap))
}

/// Sources on the machine: the set-aside copies that are whole.
pub(super) fn put_back(machine: &Machine<'_>, set: &ContainerSet) -> impl Iterator<Item = Remedy> {
    let copies = machine.standing_copies(set, Standing::SetAside);
    copies
        .into_iter()
        .filter(|&copy| machine.condition(copy).is_usable() && !is_dead(machine, copy))
        .map(|copy| Remedy::PutBack { copy })
}

/// A source on the machine: the best copy under another GUID, and that GUID.
pub(super) fn adopt(machine: &Machine<'_>, set: &ContainerSet) -> Option<(Guid, Remedy)> {
    let from = best_other(machine, set).and_then(|best| machine.container(best).guid)?;
    Some((from, Remedy::AdoptContainer { store: set.store, prefix: set.prefix, from }))
}

/// The source outside the machine.
pub(super) fn replace(need: &Needed) -> Remedy {
    Remedy::ReplaceContainer { store: need.store, prefix: need.prefix, name: need.name.clone() }
}

/// Containers of others with one oddity, by store and GUID.
pub(super) struct OddOthers {
    pub store: Store,
    pub guid: Option<Guid>,
    /// How many.
    pub number: u64,
    /// Their folder, with some of their names.
    pub cite: Cite,
}

/// Containers of others with one oddity.
pub(super) fn oddities(machine: &Machine<'_>, wanted: Oddity) -> Vec<OddOthers> {
    let found = machine.facts.oddities.iter().filter(|((_, _, oddity), _)| *oddity == wanted);
    found
        .filter_map(|((folder, guid, _), counted)| {
            let folder = machine.facts.folders.get(*folder)?;
            let citation = Citation::new(folder.file, Locator::File);
            let cite = Cite { citation, observed: join(&counted.examples, 3) };
            Some(OddOthers { store: folder.store, guid: *guid, number: counted.count, cite })
        })
        .collect()
}

/// A note about containers of others.
pub(super) fn note_on_others(
    rule: &'static str,
    odd: OddOthers,
    title: String,
    explanation: &str,
) -> Finding {
    Finding {
        rule,
        subject: subject_of_others(odd.store, odd.guid.as_ref()),
        severity: Severity::Note,
        confidence: Confidence::Proven,
        title,
        explanation: explanation.to_owned(),
        evidence: vec![odd.cite],
        remedies: Vec::new(),
        affects: Vec::new(),
    }
}

/// Whether that prefix belongs to a container which this machine needs, in the store's folder.
pub(super) fn is_needed(machine: &Machine<'_>, store: Store, prefix: Option<Prefix>) -> bool {
    prefix.is_some_and(|prefix| machine.need_of(store, prefix).is_some())
}

/// Everything that hangs on any needed container.
pub(super) fn join_users(machine: &Machine<'_>) -> Vec<String> {
    let mut users: Vec<String> = machine.needed.iter().flat_map(|need| need.users.iter().cloned()).collect();
    users.sort();
    users.dedup();
    users
}

/// What hangs on one container.
pub(super) fn users_of(machine: &Machine<'_>, index: usize) -> Vec<String> {
    let store = machine.folder_of(index).store;
    let prefix = machine.container(index).prefix;
    prefix
        .and_then(|prefix| machine.need_of(store, prefix))
        .map(|need| need.users.clone())
        .unwrap_or_default()
}
