//! `container-duplicated`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use super::{certificates, support};
use crate::artifact::container::well_known::Role;
use crate::machine::{Citation, Condition, ContainerSet, FolderRole, Locator, Machine, Standing};

/// See [`INFO`].
pub struct ContainerDuplicated;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-duplicated",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "note where nothing speaks against the current copy, or nothing needs the container",
    summary: "One container stands under two or more GUIDs, one of them current.",
    core: true,
    explains: &[
        "certificate-key-mismatch",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "A service that did not find its container made a new one under the current GUID. The new one has no \
              key, or another key than the one that the configuration was encrypted with. Machines that were keyed \
              again after an old change look the same and are healthy, so the copies are compared.",
    proof: "Both files carry the same hash before the underscore. It is an error only where the current copy is empty \
            or damaged; or has a key of another size than the session key of the live configuration needs while \
            another copy fits; or another copy holds the key of a certificate that is in use; or the second \
            container of the metabase stands only under the other GUID, which shows that the service was started after the GUID had changed and stopped half-way.",
    repair: "Set the current copy aside (rename, never delete) and give the older complete one the current GUID, or \
             put the old GUID back.",
    references: &[
        "KB884872 (Windows 2000: MachineGuid is reset)",
        "How to resolve \"an attempt was made to reference a token that does not exist\" (forum article): two c23 files",
    ],
};

impl Rule for ContainerDuplicated {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match support::begin_with_guid(
            machine,
            "no container stands under the current GUID and another one",
        ) {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        for set in machine.sets.values() {
            let current = machine.standing_copies(set, Standing::Current);
            let others = machine.standing_copies(set, Standing::OtherGuid);
            if let (Some(&current), false) = (current.first(), others.is_empty()) {
                judgement.findings.push(finding(machine, set, current, &others));
            }
        }
        judgement.findings.extend(others_duplicated(machine));
        judgement
    }
}

/// What speaks against the current copy, and how surely.
pub(super) struct Objection {
    pub why: String,
    pub confidence: Confidence,
}

/// Why the current copy cannot be the one in use; `None` when nothing speaks against it.
pub(super) fn objection(machine: &Machine<'_>, set: &ContainerSet, current: usize) -> Option<Objection> {
    let role = set.well_known.map(|known| known.role);
    let objection = |why: String, confidence| Some(Objection { why, confidence });
    match machine.condition(current) {
        // For the remote-administration container a file without keys may be the normal state, and elsewhere that it
        // is not is inferred.
        Condition::Empty if role != Some(Role::MetabaseRemote) => {
            return objection("the current copy holds no key at all".to_owned(), Confidence::Strong);
        }
        Condition::Damaged => return objection("the current copy is damaged".to_owned(), Confidence::Proven),
        _ => {}
    }
    if role == Some(Role::MetabaseKey) && sibling_left_behind(machine, set, current) {
        return objection(
            "MS IIS DCOM Server, which the same service opens, was left behind under the other GUID, so the service \
             made the current copy when it did not find its own, and stopped"
                .to_owned(),
            Confidence::Strong,
        );
    }
    if !support::opens_live(machine, current) {
        let others = machine.standing_copies(set, Standing::OtherGuid);
        if others.into_iter().any(|index| support::opens_live(machine, index)) {
            return objection(
                "another copy opens the session key of the live configuration, and the current one does not"
                    .to_owned(),
                Confidence::Proven,
            );
        }
    }
    if let Some(objection) = by_certificate(machine, set, current) {
        return Some(objection);
    }
    let wanted = machine.need_of(set.store, set.prefix)?.session_key_bits?;
    let bits = |index: usize| exchange_bits(machine, index);
    let have = bits(current)?;
    let others = machine.standing_copies(set, Standing::OtherGuid);
    if have == wanted || !others.into_iter().any(|index| bits(index) == Some(wanted)) {
        return None;
    }
    objection(
        format!(
            "the session key of the live configuration needs a key of {wanted} bits, the current copy has {have}, \
             and another copy fits"
        ),
        Confidence::Proven,
    )
}

/// A certificate that is linked to the container and whose key another copy holds instead of the current one.
fn by_certificate(machine: &Machine<'_>, set: &ContainerSet, current: usize) -> Option<Objection> {
    let others = machine.standing_copies(set, Standing::OtherGuid);
    let linked = certificates::all(machine)
        .filter(|seen| certificates::is_used(seen) && seen.view.places.contains(&(set.store, set.prefix)));
    let mut wrong = linked.filter(|seen| {
        certificates::holds_key(machine, seen, current) == Some(false)
            && others.iter().any(|&other| certificates::holds_key(machine, seen, other) == Some(true))
    });
    let seen = wrong.next()?;
    Some(Objection {
        why: format!(
            "another copy holds the key of certificate {}, and the current one does not",
            seen.certificate.thumbprint
        ),
        confidence: Confidence::Proven,
    })
}

/// Whether the second container of the metabase stands only under a GUID under which an older copy of the first one
/// stands: the mark of a service that was started after the GUID had changed.
fn sibling_left_behind(machine: &Machine<'_>, set: &ContainerSet, current: usize) -> bool {
    let sibling = machine
        .needed
        .iter()
        .find(|need| need.role == Some(Role::MetabaseRemote) && need.store == set.store)
        .and_then(|need| machine.sets.get(&(need.store, need.prefix)));
    let Some(sibling) = sibling else { return false };
    if !machine.standing_copies(sibling, Standing::Current).is_empty() {
        return false;
    }
    let left: Vec<_> = machine
        .standing_copies(sibling, Standing::OtherGuid)
        .into_iter()
        .map(|index| machine.container(index).guid)
        .collect();
    machine.standing_copies(set, Standing::OtherGuid).into_iter().any(|other| {
        let newer = match (machine.created(other), machine.created(current)) {
            (Some(other), Some(current)) => other < current,
            _ => true,
        };
        newer && machine.condition(other).is_usable() && left.contains(&machine.container(other).guid)
    })
}

fn exchange_bits(machine: &Machine<'_>, index: usize) -> Option<u32> {
    match &machine.container(index).content {
        crate::machine::Content::Read(inside) => {
            inside.pairs.iter().find(|pair| !pair.signature).map(|pair| pair.bits)
        }
        _ => None,
    }
}

fn finding(machine: &Machine<'_>, set: &ContainerSet, current: usize, others: &[usize]) -> Finding {
    let need = machine.need_of(set.store, set.prefix);
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let objection = objection(machine, set, current);
    let severity = if objection.is_some() { support::severity(need) } else { Severity::Note };
    let mut evidence: Vec<Cite> = support::cite_guid(machine).into_iter().collect();
    evidence.extend(support::cite(machine, current));
    evidence.extend(others.iter().filter_map(|&index| support::cite(machine, index)));
    let mut remedies = Vec::new();
    if severity > Severity::Note {
        if let Some(from) = support::best_other(machine, set).and_then(|index| machine.container(index).guid)
        {
            remedies.push(Remedy::RestoreGuid(from));
            remedies.push(Remedy::AdoptContainer { store: set.store, prefix: set.prefix, from });
        }
        remedies.push(Remedy::ReplaceContainer { store: set.store, prefix: set.prefix, name: name.clone() });
    }
    let verdict = match &objection {
        Some(objection) => format!("Speaking against the current one: {}.", objection.why),
        None => "Nothing in evidence speaks against the current one.".to_owned(),
    };
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, current),
        severity,
        confidence: support::with_need(
            objection
                .map_or(Confidence::Proven, |objection| objection.confidence)
                .min(support::guid_confidence(machine)),
            need,
        ),
        title: format!("The container {name} stands under {} GUIDs", others.len() + 1),
        explanation: format!(
            "Windows opens the copy under the current GUID. {verdict} {}",
            support::need_sentence(machine, set, need)
        ),
        evidence,
        remedies,
        affects: if severity == Severity::Note {
            Vec::new()
        } else {
            need.map(|need| need.users.clone()).unwrap_or_default()
        },
    }
}

/// The containers of others that stand under the current GUID and another, one finding for each store and other GUID.
fn others_duplicated(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(current) = &machine.guid else { return Vec::new() };
    machine
        .facts
        .spread
        .iter()
        .filter(|((_, guids), number)| **number > 0 && guids.len() > 1 && guids.contains(current))
        .map(|((store, guids), number)| {
            let folder = machine
                .facts
                .folders
                .iter()
                .find(|folder| folder.store == *store && folder.role == FolderRole::Current);
            let other: Vec<String> =
                guids.iter().filter(|guid| *guid != current).map(|guid| guid.as_str().to_owned()).collect();
            Finding {
                rule: INFO.name,
                subject: format!("container:{}/*_{}", store.id(), other.join("+")),
                severity: Severity::Note,
                confidence: Confidence::Proven,
                title: format!(
                    "{} of others stand under the current GUID and {}",
                    support::count(*number, "container"),
                    other.join(" and ")
                ),
                explanation: "On a cluster, an AD CS or AD FS server, a ConfigMgr site or a machine made from an image \
                              this is normal: the owner made its container again, or had it moved along."
                    .to_owned(),
                evidence: folder
                    .map(|folder| Cite {
                        citation: Citation::new(folder.file, Locator::File),
                        observed: format!("{number} under both"),
                    })
                    .into_iter()
                    .collect(),
                remedies: vec![Remedy::Advice("Leave them in place.".into())],
                affects: Vec::new(),
            }
        })
        .collect()
}
