//! `container-access`

use iiskeys_evidence::acl::{Access, AccessMask, AceKind, SecurityDescriptor, Sid, grants};

use super::support;
use super::{Cite, Confidence, Finding, Grant, Group, Judgement, Place, Remedy, Rule, RuleInfo, Severity};
use crate::artifact::container::well_known::Role;
use crate::machine::{Citation, ContainerSet, FolderRole, Known, Machine, Need, Needed, Store};

/// See [`INFO`].
pub struct ContainerAccess;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-access",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "warning or note for containers that are not needed; warning for a folder in which SYSTEM may not create \
              files, because containers that stand there are opened all the same",
    summary: "An account that must open a container is not let in by its access rights.",
    core: false,
    explains: &["symptom-iisadmin-failed", "symptom-service-timeout", "symptom-app-pool-identity"],
    meaning: "Windows opens a container with the rights of the service that asks for it. A key that is whole and under \
              the right GUID is of no use to a service that may not read it: the service reports access denied \
              (0x80090010, 0x80070005) or that the keyset does not exist (0x80090016). This happens after rights were \
              reset on ProgramData, after files were copied back without their rights, and after hardening.",
    proof: "The access check that Windows makes is repeated on the list of the file: entries in order, for the token of \
            SYSTEM (with Administrators, Everyone and Authenticated Users) and for IIS_IUSRS on iisConfigurationKey and \
            iisCngConfigurationKey, NETWORK SERVICE on TSSecKeySet1, LOCAL SERVICE on iisWasKey of Windows Server 2008 \
            without service pack 2 where the Web Management Service is installed. Privileges do not count. That an entry is \
            absent proves nothing; only a check that fails does. The result is proven for SYSTEM and the keys of IIS 7 \
            and later; for the metabase's containers, whose default rights no source confirms, and for accounts beside \
            SYSTEM it is strong, and weak where an entry for a single pool or service may take their place. Conditional \
            entries and accounts in an unfamiliar language leave the question open.",
    repair: "Save the rights, take the denying entries away and grant what the account needs, and no more: full control \
             for SYSTEM, read for the others. Never grant Everyone anything on a key.",
    references: &[
        "KB278381: default permissions for the MachineKeys folders",
        "KB977754: LOCAL SERVICE and the Web Management Service on Windows Server 2008",
        "MS-DTYP 2.5.3.2: access check algorithm",
    ],
};

/// Someone who must open a container.
struct Reader {
    name: &'static str,
    sid: Sid,
    token: Vec<Sid>,
    rights: AccessMask,
    confidence: Confidence,
    most: Severity,
}

/// The token of LocalSystem.
fn system_token() -> Vec<Sid> {
    vec![Sid::system(), Sid::administrators(), Sid::everyone(), Sid::authenticated_users()]
}

/// The token of an account that is no administrator.
fn plain_token(sid: &Sid) -> Vec<Sid> {
    vec![sid.clone(), Sid::everyone(), Sid::authenticated_users(), Sid::users(), Sid::service()]
}

fn system(confidence: Confidence) -> Reader {
    Reader {
        name: "SYSTEM",
        sid: Sid::system(),
        token: system_token(),
        rights: AccessMask::FILE_ALL,
        confidence,
        most: Severity::Error,
    }
}

fn other(name: &'static str, sid: Sid, confidence: Confidence, most: Severity) -> Reader {
    let token = plain_token(&sid);
    Reader { name, sid, token, rights: AccessMask::FILE_READ, confidence, most }
}

/// Who must open a container; empty where nobody knows.
fn readers(machine: &Machine<'_>, set: &ContainerSet, need: Option<&Needed>) -> Vec<Reader> {
    let role = set.well_known.map(|known| known.role);
    let is_client = set.well_known.is_some_and(|known| known.name == "MS IIS DCOM Client");
    match role {
        Some(Role::WasKey) => {
            let mut readers = vec![system(Confidence::Proven)];
            if is_server_2008(machine) {
                let local = Sid::local_service();
                readers.push(other("LOCAL SERVICE", local, Confidence::Weak, Severity::Warning));
            }
            readers
        }
        Some(Role::ConfigurationKey) => vec![
            system(Confidence::Proven),
            other("IIS_IUSRS", Sid::iis_iusrs(), Confidence::Strong, Severity::Error),
        ],
        Some(Role::RemoteDesktop) => vec![
            system(Confidence::Strong),
            other("NETWORK SERVICE", Sid::network_service(), Confidence::Strong, Severity::Error),
        ],
        Some(Role::MetabaseKey | Role::MetabaseRemote) if !is_client => vec![system(Confidence::Strong)],
        // The activation service reads the configuration as SYSTEM, whatever container it names.
        _ if need.is_some() => vec![system(Confidence::Strong)],
        _ => Vec::new(),
    }
}

/// Whether this is Windows Server 2008 as first released, with the Web Management Service.
fn is_server_2008(machine: &Machine<'_>) -> bool {
    let first = machine.facts.os.build.value().is_some_and(|build| *build == 6_001);
    first && machine.facts.iis.services.value().is_some_and(|services| services.contains_key("WMSVC"))
}

impl Rule for ContainerAccess {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let examined =
            "each account that must open a container may read it, and SYSTEM may create files in its folder";
        let mut judgement = match support::begin(machine, examined) {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        for set in machine.sets.values() {
            let need = machine.need_of(set.store, set.prefix);
            let readers = readers(machine, set, need);
            if readers.is_empty() {
                continue;
            }
            for index in support::may_be_opened(machine, set) {
                let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
                let access = &machine.container(index).access;
                if let Some(known) = known(access, &format!("key file {name}"), &mut judgement) {
                    let found = container(machine, set, index, &readers, known, &mut judgement);
                    judgement.findings.extend(found);
                }
            }
        }
        for (index, folder) in machine.facts.folders.iter().enumerate() {
            let is_machine = matches!(folder.store, Store::RsaMachine | Store::CngMachine);
            if folder.role != FolderRole::Current || !is_machine {
                continue;
            }
            let what = format!("folder of the store {}", folder.store.id());
            if let Some((descriptor, citation)) = known(&folder.access, &what, &mut judgement) {
                let found = self::folder(machine, index, descriptor, citation, &mut judgement);
                judgement.findings.extend(found);
            }
        }
        judgement
    }
}

/// The access control with its citation, or a gap. What a plan has changed has no citation.
fn known<'f>(
    access: &'f Known<SecurityDescriptor>,
    what: &str,
    judgement: &mut Judgement,
) -> Option<(&'f SecurityDescriptor, Option<&'f Citation>)> {
    match access {
        Known::Read(_) => {}
        Known::Unreadable { why, .. } => judgement.gap(why.clone(), Need::AccessRights),
        _ => {
            judgement.gap(format!("the access rights of the {what} are not in evidence"), Need::AccessRights)
        }
    }
    Some((access.value()?, access.citation()))
}

/// What a check of one reader came to.
enum Fault {
    /// The data cannot be read: with the entry that denies it.
    Data(Option<usize>),
    /// The data can be read, and something else that opening for reading asks for is refused.
    Rest(Option<usize>),
}

fn check(
    descriptor: &SecurityDescriptor,
    reader: &Reader,
    what: &str,
    judgement: &mut Judgement,
) -> Option<Fault> {
    for (wanted, is_data) in [(AccessMask::READ_DATA, true), (AccessMask::FILE_READ, false)] {
        match grants(descriptor, &reader.token, wanted) {
            Access::Granted => {}
            Access::Denied { by } if is_data => return Some(Fault::Data(by)),
            Access::Denied { by } => return Some(Fault::Rest(by)),
            Access::Unknown { why } => {
                let reason = format!("whether {} may read {what} is not clear: {why}", reader.name);
                judgement.gap(reason, Need::AccessRights);
                return None;
            }
        }
    }
    None
}

/// Whether an entry for one pool, service or account, which the reader's token may hold as well, allows reading.
fn may_have_another_way(descriptor: &SecurityDescriptor, reader: &Reader) -> bool {
    descriptor.aces().iter().any(|ace| {
        let single = ace.account.sid().is_none_or(|sid| {
            let service = sid.starts_with(5, &[80]) || *sid == Sid::service();
            let identity = sid.starts_with(5, &[82])
                || sid.starts_with(5, &[21])
                || *sid == Sid::network_service()
                || *sid == Sid::local_service()
                || *sid == Sid::new(5, &[17]);
            service || (identity && reader.name == "IIS_IUSRS")
        });
        single
            && ace.kind == AceKind::Allow
            && !ace.flags.is_inherit_only()
            && !ace.mask.for_files().and(AccessMask::READ_DATA).is_empty()
    })
}

fn container(
    machine: &Machine<'_>,
    set: &ContainerSet,
    index: usize,
    readers: &[Reader],
    (descriptor, citation): (&SecurityDescriptor, Option<&Citation>),
    judgement: &mut Judgement,
) -> Option<Finding> {
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let need = machine.need_of(set.store, set.prefix);
    let (mut names, mut sentences, mut grants) = (Vec::new(), Vec::new(), Vec::new());
    let mut worst: Option<(Severity, Confidence)> = None;
    for reader in readers {
        let Some(fault) = check(descriptor, reader, &name, judgement) else { continue };
        let mut confidence = support::with_need(reader.confidence, need);
        let by = match fault {
            Fault::Data(by) => by,
            Fault::Rest(by) => {
                confidence = Confidence::Weak;
                by
            }
        };
        // A denial is final; what no entry grants may come from a membership that the evidence does not show.
        if by.is_none() && may_have_another_way(descriptor, reader) {
            confidence = Confidence::Weak;
        }
        if machine.guid.is_none() {
            confidence = confidence.min(Confidence::Strong);
        }
        let denied = by.and_then(|at| Some((at, descriptor.aces().get(at)?)));
        let right = if matches!(fault, Fault::Data(_)) { "its data" } else { "its attributes and rights" };
        sentences.push(match denied {
            Some((at, ace)) => {
                format!("{} may not read {right}: by entry {} of the list, {ace}.", reader.name, at + 1)
            }
            None => format!("{} may not read {right}: no entry of the list grants it.", reader.name),
        });
        let severity = support::severity(need).min(reader.most);
        worst = worst.max(Some((severity, confidence)));
        names.push(reader.name);
        grants.push(Grant { sid: reader.sid.clone(), token: reader.token.clone(), rights: reader.rights });
    }
    let (severity, confidence) = worst?;
    let mut evidence: Vec<Cite> = support::cite(machine, index).into_iter().collect();
    evidence.extend(citation.map(|citation| Cite { citation: citation.clone(), observed: list(descriptor) }));
    Some(Finding {
        rule: INFO.name,
        subject: support::subject(machine, index),
        severity,
        confidence,
        title: format!("{} may not open the container {name}", names.join(" and ")),
        explanation: format!("{} {}", sentences.join(" "), support::need_sentence(machine, set, need)),
        evidence,
        remedies: vec![Remedy::GrantAccess { place: Place::Container(index), grants }],
        affects: if severity == Severity::Note {
            Vec::new()
        } else {
            need.map(|need| need.users.clone()).unwrap_or_default()
        },
    })
}

fn folder(
    machine: &Machine<'_>,
    index: usize,
    descriptor: &SecurityDescriptor,
    citation: Option<&Citation>,
    judgement: &mut Judgement,
) -> Option<Finding> {
    let folder = machine.facts.folders.get(index)?;
    let token = system_token();
    let by = match grants(descriptor, &token, AccessMask::ADD_FILE) {
        Access::Granted => return None,
        Access::Denied { by } => by,
        Access::Unknown { why } => {
            let store = folder.store.id();
            let reason =
                format!("whether SYSTEM may create files in the folder of {store} is not clear: {why}");
            judgement.gap(reason, Need::AccessRights);
            return None;
        }
    };
    let is_needed = machine.needed.iter().any(|need| need.store == folder.store);
    let denied = by.and_then(|at| Some((at, descriptor.aces().get(at)?)));
    let cause = match denied {
        Some((at, ace)) => format!("entry {} of its list says: {ace}", at + 1),
        None => "no entry of its list grants it".to_owned(),
    };
    Some(Finding {
        rule: INFO.name,
        subject: support::subject_of_folder(folder),
        severity: if is_needed { Severity::Warning } else { Severity::Note },
        confidence: Confidence::Strong,
        title: format!("SYSTEM may not create files in the key folder {}", folder.store.id()),
        explanation: format!(
            "SYSTEM may not create files in {}: {cause}. Containers that stand there are opened all the same, because \
             services pass through folders without a check; new ones cannot be made, so a service or a certificate \
             import that needs a new key fails.",
            folder.windows_path
        ),
        evidence: citation
            .map(|citation| Cite { citation: citation.clone(), observed: list(descriptor) })
            .into_iter()
            .collect(),
        remedies: vec![Remedy::GrantAccess {
            place: Place::Folder(index),
            grants: vec![Grant { sid: Sid::system(), token, rights: AccessMask::FILE_ALL }],
        }],
        affects: Vec::new(),
    })
}

/// The list in words, as far as it is short.
fn list(descriptor: &SecurityDescriptor) -> String {
    const SHOWN: usize = 6;
    let aces = descriptor.aces();
    let mut text = if aces.is_empty() {
        "a list without entries".to_owned()
    } else {
        aces.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    if let Some(more) = aces.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("; and {more} more"));
    }
    if let Some(owner) = &descriptor.owner {
        text.push_str(&format!("; the owner is {owner}"));
    }
    text
}
