//! `evidence-mixed`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{DAY, Known, Machine, Mismatch, Need, Standing};

/// See [`INFO`].
pub struct EvidenceMixed;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "evidence-mixed",
    group: Group::Evidence,
    severity: Severity::Warning,
    lowered: "never",
    summary: "The pieces of evidence come from different machines.",
    core: false,
    explains: &[
        "machine-guid-changed",
        "machine-guid-missing",
        "machine-guid-malformed",
        "container-orphaned",
        "container-missing",
        "container-duplicated",
        "container-empty",
        "container-corrupt",
        "binding-certificate-missing",
        "certificate-key-missing",
        "certificate-key-orphaned",
        "certificate-key-mismatch",
        "container-incomplete",
    ],
    meaning: "A registry of one machine beside the key files of another looks exactly like a changed MachineGuid, and \
              a repair that follows from it would break a healthy server. No repair plan is given until the pieces \
              match.",
    proof: "Pieces that must agree on one machine do not: two current MachineGuids or two host names in one evidence, \
            network cards of SOFTWARE that SYSTEM does not know, a client's SOFTWARE beside a server's SYSTEM; or \
            every container carries a GUID that this registry never held, although its Cryptography key was not \
            written since before those containers were made.",
    repair: "Send matching evidence: all pieces from one machine, collected in one go.",
    references: &[],
};

impl Rule for EvidenceMixed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let facts = machine.facts;
        let mut judgement =
            Judgement::examined("nothing in the pieces contradicts their coming from one machine");
        let pieces =
            [facts.software.value().is_some(), facts.system.value().is_some(), !facts.folders.is_empty()];
        if pieces.iter().filter(|there| **there).count() < 2 && facts.mismatches.is_empty() {
            judgement
                .gap("only one kind of evidence is there, so there is nothing to compare", Need::SystemHive);
        }
        for (number, mismatch) in mismatches(machine).into_iter().enumerate() {
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: format!("evidence:{}", number + 1),
                severity: Severity::Warning,
                confidence: if mismatch.certain { Confidence::Proven } else { Confidence::Strong },
                title: "The pieces of evidence come from different machines".to_owned(),
                explanation: format!(
                    "{} A repair that follows from such a mixture would be wrong, so no plan is given.",
                    mismatch.what
                ),
                evidence: mismatch
                    .citations
                    .iter()
                    .map(|(citation, observed)| Cite {
                        citation: citation.clone(),
                        observed: observed.clone(),
                    })
                    .collect(),
                remedies: vec![Remedy::Advice(format!(
                    "Send matching evidence: {}.",
                    crate::collect::what(Need::MatchingEvidence)
                ))],
                affects: Vec::new(),
            });
        }
        judgement
    }
}

/// All signs that the pieces are of different machines.
pub(crate) fn mismatches(machine: &Machine<'_>) -> Vec<Mismatch> {
    machine.facts.mismatches.iter().cloned().chain(foreign_folder(machine)).collect()
}

/// Containers that this registry cannot have named: made after its Cryptography key was last written (which happened at
/// installation), all under a GUID that it never held.
fn foreign_folder(machine: &Machine<'_>) -> Option<Mismatch> {
    let facts = machine.facts;
    let current = machine.guid.as_ref()?;
    if machine.census.iter().any(|row| row.guid == *current && row.containers > 0) {
        return None;
    }
    let written = *facts.identity.key_written.value()?;
    let installed = *facts.os.installed.value()?;
    if written.seconds_since(installed) > DAY {
        return None;
    }
    let known_here = |guid| {
        let unreplayed = facts.identity.unreplayed.as_ref().and_then(Known::value);
        unreplayed.and_then(|value| value.guid.as_ref()) == Some(guid)
            || facts.identity.earlier.iter().any(|earlier| earlier.guid == *guid)
    };
    let foreign: Vec<usize> = machine
        .sets
        .values()
        .filter(|set| machine.need_of(set.store, set.prefix).is_some())
        .flat_map(|set| machine.standing_copies(set, Standing::OtherGuid))
        .collect();
    let all_later = !foreign.is_empty()
        && foreign.iter().all(|&index| {
            let later = machine.created(index).is_some_and(|created| created.seconds_since(written) > DAY);
            later && !machine.container(index).guid.as_ref().is_some_and(known_here)
        });
    if !all_later {
        return None;
    }
    let mut citations: Vec<_> = facts
        .identity
        .key_written
        .citation()
        .map(|citation| (citation.clone(), format!("last written {written}")))
        .into_iter()
        .collect();
    citations.extend(
        foreign
            .iter()
            .filter_map(|&index| support::cite(machine, index))
            .map(|cite| (cite.citation, cite.observed)),
    );
    Some(Mismatch {
        what: format!(
            "Every needed container was made after {} and carries a GUID that this registry never held, and its \
             Cryptography key was not written since the installation on {}: the key files belong to another machine, \
             or the hive is from long before them.",
            written.day(),
            installed.day()
        ),
        citations,
        certain: false,
    })
}
