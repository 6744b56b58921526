//! `machine-guid-changed`

use iiskeys_evidence::Timestamp;

use super::container_duplicated::objection;
use super::support::{self, GUID_SUBJECT};
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use super::{certificates, symptoms};
use crate::artifact::container::Guid;
use crate::artifact::container::well_known::Role;
use crate::machine::{
    Condition, ContainerSet, Content, DAY, Generation, KeyProof, Machine, Need, Needed, SecretAge, Standing,
    Weight,
};

/// A machine that ran this long after its GUID changed was keyed again since.
const SETTLED_AFTER: i64 = 30 * DAY;

/// See [`INFO`].
pub struct MachineGuidChanged;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machine-guid-changed",
    group: Group::Identity,
    severity: Severity::Error,
    lowered: "warning where the containers concerned are set up to be used and are not yet",
    summary: "Needed containers belong to another MachineGuid than the current one.",
    core: true,
    explains: &[
        "container-duplicated",
        "container-orphaned",
        "container-empty",
        "container-incomplete",
        "dpapi-secret-rotated",
        "certificate-key-orphaned",
        "certificate-key-mismatch",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-schannel-key",
        "symptom-app-pool-identity",
    ],
    meaning: "The MachineGuid is part of each container's file name. When it changes, the keys are still on the disk \
              and nothing finds them: services make new, empty containers or fail with NTE_BAD_SIGNATURE \
              (0x80090006), NTE_BAD_KEYSET (0x80090016) or bad data. The failure shows at the next start of the \
              service, not when the GUID changes.",
    proof: "A needed container stands only under another GUID; or its copy under the current one is empty, damaged \
            or of the wrong key size while a complete one stands under another; or, where only names and times are in \
            evidence, the copies under the other GUID are the older ones and the Cryptography key was written long \
            after the installation and shortly before the evidence was taken. An old GUID alone proves nothing: a \
            machine with a complete set under the current GUID was keyed again and is healthy.",
    repair: "Put the old GUID back, which heals every container made under it, or rename the needed containers to \
             the current GUID, or restore a backup from before the change. The report weighs these by what stands \
             under each GUID. Restart the IIS Admin Service afterwards, not only the Web service. TLS keys under the \
             old GUID are cured the same way, or by certutil -repairstore, or by importing the PFX again and binding \
             it.",
    references: &[
        "KB884872: the MachineGuid is reset under load (Windows 2000)",
        "How to resolve \"an attempt was made to reference a token that does not exist\" (forum article)",
        "MachineKey in IIS (blog article): the GUID is changed by hand, in upper case",
    ],
};

impl Rule for MachineGuidChanged {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        if machine.iis_installed() == Some(false) && machine.needed.is_empty() {
            return Judgement::not_applicable("no part of IIS is installed, so no container is needed");
        }
        let mut judgement = Judgement::examined("the needed containers carry the current GUID");
        if !support::require_guid(machine, &mut judgement) {
            return judgement;
        }
        support::require_stores(machine, &mut judgement);
        // A container of IIS that nothing is known to need may be needed all the same.
        if machine.needed.is_empty() || an_iis_container_was_left_behind(machine) {
            support::require_needs(machine, &mut judgement);
        }
        for set in machine.sets.values().filter(|set| was_left_behind(machine, set)) {
            certificates::require_bindings(machine, set.store, set.prefix, &mut judgement);
        }
        let witnesses = witnesses(machine, &mut judgement);
        if let Some(finding) = finding(machine, &witnesses) {
            judgement.findings.push(finding);
        }
        judgement
    }
}

/// Whether a container of IIS that is not known to be needed stands only under other GUIDs.
fn an_iis_container_was_left_behind(machine: &Machine<'_>) -> bool {
    machine.sets.values().any(|set| {
        set.well_known.is_some_and(|known| known.is_iis())
            && machine.need_of(set.store, set.prefix).is_none()
            && was_left_behind(machine, set)
    })
}

/// Whether a container stands only under other GUIDs.
fn was_left_behind(machine: &Machine<'_>, set: &ContainerSet) -> bool {
    machine.standing_copies(set, Standing::Current).is_empty()
        && !machine.standing_copies(set, Standing::OtherGuid).is_empty()
}

/// A needed container that speaks for a change.
struct Witness<'m> {
    need: &'m Needed,
    /// The copy under the current GUID.
    current: Option<usize>,
    /// The copy under the other GUID.
    other: usize,
    /// Why.
    why: String,
    confidence: Confidence,
}

fn witnesses<'m>(machine: &'m Machine<'_>, judgement: &mut Judgement) -> Vec<Witness<'m>> {
    let mut witnesses = Vec::new();
    for need in &machine.needed {
        let Some(set) = machine.sets.get(&(need.store, need.prefix)) else { continue };
        let others = machine.standing_copies(set, Standing::OtherGuid);
        let Some(&any_other) = others.first() else { continue };
        let current = machine.standing_copies(set, Standing::Current).first().copied();
        let best = support::best_other(machine, set);
        match current {
            None => {
                let elsewhere = machine
                    .standing_copies(set, Standing::OtherRoot)
                    .into_iter()
                    .any(|index| machine.container(index).guid == machine.guid);
                if !elsewhere {
                    witnesses.push(Witness {
                        need,
                        current,
                        other: best.unwrap_or(any_other),
                        why: format!("{} stands only under another GUID", need.name),
                        confidence: support::absence(machine, need.store),
                    });
                }
            }
            Some(index) => {
                let Some(other) = best else { continue };
                if let Some(objection) = objection(machine, set, index) {
                    witnesses.push(Witness {
                        need,
                        current,
                        other,
                        why: format!(
                            "{} of {} stands under another GUID, and speaking against the current one: {}",
                            if machine.condition(other) == Condition::Complete {
                                "a complete copy"
                            } else {
                                "a copy of a size that holds keys"
                            },
                            need.name,
                            objection.why
                        ),
                        confidence: objection.confidence,
                    });
                } else if machine.condition(index) != Condition::Complete {
                    by_times(machine, need, index, other, &mut witnesses, judgement);
                }
            }
        }
    }
    witnesses
}

/// The judgement by names and times, for copies whose content is not in evidence.
fn by_times<'m>(
    machine: &'m Machine<'_>,
    need: &'m Needed,
    current: usize,
    other: usize,
    witnesses: &mut Vec<Witness<'m>>,
    judgement: &mut Judgement,
) {
    if need.role == Some(Role::MetabaseRemote) {
        return;
    }
    let identity = &machine.facts.identity;
    let (Some(old), Some(new)) = (machine.created(other), machine.created(current)) else {
        judgement.gap(
            format!(
                "{} stands under two GUIDs, and neither its content nor its age is in evidence",
                need.name
            ),
            Need::KeyFileContents,
        );
        return;
    };
    if new <= old {
        return;
    }
    let (Some(written), Some(installed)) = (identity.key_written.value(), machine.facts.os.installed.value())
    else {
        judgement.gap(
            format!(
                "{} stands under two GUIDs; whether the MachineGuid was changed lately would follow from the time of \
                 its registry key and the installation date",
                need.name
            ),
            Need::SoftwareHive,
        );
        return;
    };
    let late = written.seconds_since(*installed) > DAY;
    let recent = last_sign_of_life(machine).is_some_and(|last| last.seconds_since(*written) <= SETTLED_AFTER);
    if late && recent {
        witnesses.push(Witness {
            need,
            current: Some(current),
            other,
            why: format!(
                "the copy of {} under the other GUID is the older one, and the Cryptography key was written on {}, \
                 long after the installation on {}",
                need.name,
                written.day(),
                installed.day()
            ),
            confidence: Confidence::Weak,
        });
    }
}

/// The latest moment at which the machine is known to have run.
fn last_sign_of_life(machine: &Machine<'_>) -> Option<Timestamp> {
    let facts = machine.facts;
    let hives = [&facts.software, &facts.system];
    let hives = hives.into_iter().filter_map(|hive| hive.value().and_then(|hive| hive.last_written));
    hives.chain(machine.census.iter().filter_map(|row| row.last_created)).max()
}

fn finding(machine: &Machine<'_>, witnesses: &[Witness<'_>]) -> Option<Finding> {
    let current = machine.guid?;
    let old = old_guid(machine, witnesses)?;
    let mut confidence = witnesses.iter().map(|witness| witness.confidence).max()?;
    confidence = confidence.min(support::guid_confidence(machine));
    if witnesses.iter().all(|witness| witness.need.assumed) {
        confidence = confidence.min(Confidence::Strong);
    }
    if !super::evidence_mixed::mismatches(machine).is_empty() {
        confidence = Confidence::Weak;
    }
    let severity = if witnesses.iter().any(|witness| witness.need.weight == Weight::Error) {
        Severity::Error
    } else {
        Severity::Warning
    };
    let mut evidence: Vec<Cite> = support::cite_guid(machine).into_iter().collect();
    if let (Some(written), Some(citation)) =
        (machine.facts.identity.key_written.value(), machine.facts.identity.key_written.citation())
    {
        evidence.push(Cite { citation: citation.clone(), observed: format!("last written {written}") });
    }
    for witness in witnesses {
        evidence.extend(support::cite(machine, witness.other));
        evidence.extend(witness.current.and_then(|index| support::cite(machine, index)));
        evidence.extend(support::cite_need(witness.need));
    }
    evidence.sort();
    evidence.dedup();
    let reasons: Vec<String> = witnesses.iter().map(|witness| witness.why.clone()).collect();
    let mut affects: Vec<String> =
        witnesses.iter().flat_map(|witness| witness.need.users.iter().cloned()).collect();
    affects.sort();
    affects.dedup();
    // Neither way helps where no key under the old GUID can be opened.
    let alive: Vec<_> =
        witnesses.iter().filter(|witness| !support::is_dead(machine, witness.other)).collect();
    let mut remedies = Vec::new();
    if !alive.is_empty() {
        remedies.push(Remedy::RestoreGuid(old));
    }
    remedies.extend(alive.iter().filter_map(|witness| {
        let from = machine.container(witness.other).guid?;
        Some(Remedy::AdoptContainer { store: witness.need.store, prefix: witness.need.prefix, from })
    }));
    Some(Finding {
        rule: INFO.name,
        subject: GUID_SUBJECT.to_owned(),
        severity,
        confidence,
        title: format!("The MachineGuid changed from {old} to {current}"),
        explanation: format!(
            "{}.{}{} {}{}",
            support::join_with(&reasons, 8, "; "),
            if affects.is_empty() {
                String::new()
            } else {
                format!(" Down because of it: {}.", support::join(&affects, 8))
            },
            scope(machine, witnesses),
            explanations(machine, &old),
            beside(machine)
        ),
        evidence,
        remedies,
        affects,
    })
}

/// What the event logs say of the time of the change.
fn beside(machine: &Machine<'_>) -> String {
    let sentence = symptoms::beside_the_guid(machine);
    if sentence.is_empty() { sentence } else { format!(" {sentence}") }
}

/// That only the IIS 6 compatible services are down, where nothing else that is needed is concerned.
fn scope(machine: &Machine<'_>, witnesses: &[Witness<'_>]) -> String {
    let mut scopes = witnesses
        .iter()
        .filter(|witness| witness.need.weight == Weight::Error)
        .map(|witness| support::scope_sentence(machine, witness.need));
    match scopes.next() {
        Some(first) if scopes.all(|other| other == first) => first,
        _ => String::new(),
    }
}

/// The GUID before the change: the one that most witnesses stand under, the older one first.
pub(crate) fn old_guid_of(machine: &Machine<'_>) -> Option<Guid> {
    let mut judgement = Judgement::default();
    old_guid(machine, &witnesses(machine, &mut judgement))
}

fn old_guid(machine: &Machine<'_>, witnesses: &[Witness<'_>]) -> Option<Guid> {
    let mut votes: std::collections::BTreeMap<Guid, usize> = std::collections::BTreeMap::new();
    for witness in witnesses {
        if let Some(guid) = &machine.container(witness.other).guid {
            *votes.entry(*guid).or_default() += 1;
        }
    }
    let containers =
        |guid: &Guid| machine.census.iter().find(|row| row.guid == *guid).map_or(0, |row| row.containers);
    votes.into_iter().max_by_key(|(guid, votes)| (*votes, containers(guid))).map(|(guid, _)| guid)
}

/// Weighs what may have changed the GUID, the likeliest first.
fn explanations(machine: &Machine<'_>, old: &Guid) -> String {
    let facts = machine.facts;
    let identity = &facts.identity;
    let mut weighed: Vec<(i32, String)> = Vec::new();
    let seen_here = identity
        .unreplayed
        .as_ref()
        .and_then(|known| known.value())
        .and_then(|value| value.guid.as_ref())
        .is_some_and(|guid| guid == old)
        || identity.earlier.iter().any(|earlier| earlier.guid == *old);
    let upper = machine.guid.as_ref().is_some_and(|guid| !guid.is_lowercase());
    if upper {
        weighed.push((
            3,
            "an edit by hand or by a tool (the current value has letters in upper case, which Windows never writes)"
                .to_owned(),
        ));
    }
    if machine.generation == Some(Generation::Nt50) {
        match facts.os.hotfix_884872.value() {
            Some(true) => weighed.push((
                0,
                "a reset by Windows 2000 under load (KB884872; its hotfix is registered)".to_owned(),
            )),
            _ if !upper => weighed.push((2, "a reset by Windows 2000 under load (KB884872)".to_owned())),
            _ => weighed.push((1, "a reset by Windows 2000 under load (KB884872)".to_owned())),
        }
    }
    let row = |guid: &Guid| machine.census.iter().find(|row| row.guid == *guid);
    let written = identity.key_written.value().copied();
    let old_last = row(old).and_then(|row| row.last_created);
    if let (Some(written), Some(last)) = (written, old_last)
        && last.seconds_since(written) > DAY
    {
        weighed.push((
            3,
            format!(
                "a SOFTWARE hive rolled back to an earlier state (its Cryptography key was last written on {}, and \
                 containers were made under the other GUID until {})",
                written.day(),
                last.day()
            ),
        ));
    }
    let proofs = proofs_under(machine, old);
    if proofs.contains(&Some(SecretAge::Previous)) {
        weighed.push((
            4,
            "cloning or sysprep (containers under the other GUID open with the machine's previous DPAPI secret)"
                .to_owned(),
        ));
    }
    // What opens with the machine's own secret was made on it.
    let is_own = proofs.iter().any(Option::is_some);
    if !is_own && proofs.contains(&None) {
        weighed.push((
            4,
            "key files copied from another machine (those under the other GUID open with none of this machine's secrets)"
                .to_owned(),
        ));
    } else if !seen_here && !is_own {
        let none_current = machine.guid.as_ref().and_then(row).is_none_or(|current| current.containers == 0);
        weighed.push((if none_current { 1 } else { 0 }, "key files copied from another machine".to_owned()));
    }
    if machine.generation.is_none() && !upper {
        weighed.push((2, "a reset or an edit of the value, by Windows or by a tool".to_owned()));
    }
    if machine.generation.is_some_and(|generation| generation >= Generation::Nt51)
        && !upper
        && !proofs.contains(&Some(SecretAge::Previous))
    {
        weighed.push((1, "an imaging or cloning tool, or sysprep".to_owned()));
    }
    weighed.sort_by_key(|(weight, _)| -weight);
    let mut text = match weighed.as_slice() {
        [] => "What changed it is not visible in the evidence.".to_owned(),
        [(_, only)] => format!("Likeliest explanation: {only}."),
        [(_, first), rest @ ..] => format!(
            "Likeliest explanation: {first}; also possible: {}.",
            rest.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("; ")
        ),
    };
    if seen_here {
        text.push_str(" The other GUID was this machine's own: an earlier state of its registry holds it.");
    }
    text
}

/// With which secret the private keys under a GUID open; `None` in the list for one that was tried and does not.
fn proofs_under(machine: &Machine<'_>, guid: &Guid) -> Vec<Option<SecretAge>> {
    let mut found = Vec::new();
    for container in machine.facts.containers.iter().filter(|container| container.guid == Some(*guid)) {
        let Content::Read(inside) = &container.content else { continue };
        for pair in &inside.pairs {
            match &pair.proof {
                KeyProof::Opened { age, .. } => found.push(Some(*age)),
                KeyProof::Neither | KeyProof::WrongMasterKey => found.push(None),
                _ => {}
            }
        }
    }
    found
}

/// Whether containers under a GUID show that the machine was cloned since: they open with the previous secret only.
pub(crate) fn was_cloned(machine: &Machine<'_>, guid: &Guid) -> bool {
    proofs_under(machine, guid).contains(&Some(SecretAge::Previous))
}

/// Whether Windows works with a container as it stands: needed, under the current GUID, usable, and nothing speaks
/// against it.
pub(crate) fn is_in_use(machine: &Machine<'_>, index: usize) -> bool {
    let Some(prefix) = machine.container(index).prefix else { return false };
    let store = machine.folder_of(index).store;
    let needed = machine.need_of(store, prefix).is_some_and(|need| need.weight == Weight::Error);
    let Some(set) = machine.sets.get(&(store, prefix)) else { return false };
    needed
        && machine.standing(index) == Some(Standing::Current)
        && machine.condition(index) == Condition::Complete
        && !support::is_dead(machine, index)
        && objection(machine, set, index).is_none()
}

/// The window in which the GUID changed: the last witness of the old state, the first of the new one.
pub(crate) fn window(machine: &Machine<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let identity = &machine.facts.identity;
    let old = old_guid_of(machine);
    let row = |guid: &Guid| machine.census.iter().find(|row| row.guid == *guid);
    let copies_of = |guid: Option<Guid>| {
        identity.earlier.iter().filter(move |earlier| Some(earlier.guid) == guid && guid.is_some())
    };
    let last_old = old
        .as_ref()
        .and_then(row)
        .and_then(|row| row.last_created)
        .into_iter()
        // A copy of the hive shows the old value until it was taken, not only when that was written.
        .chain(copies_of(old).filter_map(|earlier| earlier.taken.max(earlier.written)))
        .max();
    let first_new = machine
        .guid
        .as_ref()
        .and_then(row)
        .and_then(|row| row.first_created)
        // A container that is older than the last one under the old GUID was renamed to the new one, and dates nothing.
        .filter(|first| last_old.is_none_or(|last| *first >= last))
        .into_iter()
        .chain(identity.key_written.value().copied())
        .chain(copies_of(machine.guid).filter_map(|earlier| earlier.written))
        .min();
    match (last_old, first_new) {
        // Witnesses that contradict each other date nothing.
        (Some(old), Some(new)) if old > new => (None, None),
        window => window,
    }
}
