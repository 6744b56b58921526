//! `container-orphaned`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use super::{certificates, support};
use crate::machine::{Citation, ContainerSet, FolderRole, Locator, Machine, Standing};

/// See [`INFO`].
pub struct ContainerOrphaned;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-orphaned",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "warning where something is set up to use the container and does not yet; note where nothing needs it",
    summary: "A container stands only under GUIDs that are not the current one.",
    core: true,
    explains: &[
        "certificate-key-orphaned",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "Windows looks for a container under its own hash and the current MachineGuid. A file with the right \
              hash and another GUID is invisible to it, although the key inside is whole: the GUID is only part of \
              the file's name.",
    proof: "The GUID behind the underscore of the file name is compared, without regard to case, with the MachineGuid \
            of the registry. That no copy stands under the current one is proven on a complete volume or listing and \
            likely in a copied folder.",
    repair: "Either put the old MachineGuid back, which heals every container made under it, or give the file the \
             current GUID by renaming it. Stale containers of others beside current ones are common on machines made \
             from an image and need no repair.",
    references: &[
        "KB884872 (Windows 2000: MachineGuid is reset)",
        "MachineKey in IIS (blog article): a container left under the old GUID",
    ],
};

impl Rule for ContainerOrphaned {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement =
            match support::begin_with_guid(machine, "no container stands only under another GUID") {
                Ok(judgement) => judgement,
                Err(judgement) => return judgement,
            };
        for set in machine.sets.values() {
            let others = machine.standing_copies(set, Standing::OtherGuid);
            let elsewhere = machine
                .standing_copies(set, Standing::OtherRoot)
                .into_iter()
                .any(|index| machine.container(index).guid == machine.guid);
            if !others.is_empty() && !elsewhere && machine.standing_copies(set, Standing::Current).is_empty()
            {
                certificates::require_bindings(machine, set.store, set.prefix, &mut judgement);
                judgement.findings.push(finding(machine, set, &others));
            }
        }
        judgement.findings.extend(others(machine));
        judgement
    }
}

fn finding(machine: &Machine<'_>, set: &ContainerSet, others: &[usize]) -> Finding {
    let need = machine.need_of(set.store, set.prefix);
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let best = support::best_other(machine, set);
    let shown = best.unwrap_or(others[0]);
    let mut evidence: Vec<Cite> = support::cite_guid(machine).into_iter().collect();
    evidence.extend(others.iter().filter_map(|&index| support::cite(machine, index)));
    evidence.extend(need.map(support::cite_need).unwrap_or_default());
    let mut remedies = Vec::new();
    if let (Some(index), Some(need)) = (best, need) {
        if let Some(from) = &machine.container(index).guid {
            remedies.push(Remedy::RestoreGuid(*from));
            remedies.push(Remedy::AdoptContainer { store: set.store, prefix: set.prefix, from: *from });
        }
        remedies.push(support::replace(need));
    } else if let Some(need) = need {
        remedies.push(support::replace(need));
    }
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, shown),
        severity: support::severity(need),
        confidence: support::with_need(
            support::absence(machine, set.store).min(support::guid_confidence(machine)),
            need,
        ),
        title: format!("The container {name} stands only under another GUID"),
        explanation: format!(
            "The file {} carries another GUID than the current {}, and no copy carries the current one, so Windows \
             does not find it. {}",
            machine.container(shown).name,
            machine.guid.as_ref().map_or("MachineGuid", |guid| guid.as_str()),
            support::need_sentence(machine, set, need)
        ),
        evidence,
        remedies,
        affects: need.map(|need| need.users.clone()).unwrap_or_default(),
    }
}

/// The containers of others, one finding for each store and set of GUIDs.
fn others(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(current) = &machine.guid else { return Vec::new() };
    machine
        .facts
        .spread
        .iter()
        .filter(|((_, guids), number)| **number > 0 && !guids.is_empty() && !guids.contains(current))
        .map(|((store, guids), number)| {
            let folder = machine
                .facts
                .folders
                .iter()
                .find(|folder| folder.store == *store && folder.role == FolderRole::Current);
            let under: Vec<String> = guids.iter().map(|guid| guid.as_str().to_owned()).collect();
            Finding {
                rule: INFO.name,
                subject: support::subject_of_others(*store, guids.first())
                    + &under[1..].iter().map(|guid| format!("+{guid}")).collect::<String>(),
                severity: Severity::Note,
                confidence: support::absence(machine, *store).min(Confidence::Strong),
                title: format!("{} of others stand only under {}", support::count(*number, "container"), under.join(" and ")),
                explanation: "They are not containers of IIS. Stale ones are common on machines made from an image and \
                              on servers that were moved; whoever owns them finds them only under the GUID that they \
                              carry."
                    .to_owned(),
                evidence: folder
                    .map(|folder| Cite {
                        citation: Citation::new(folder.file, Locator::File),
                        observed: format!("{number} with the GUID {}", under.join(", ")),
                    })
                    .into_iter()
                    .collect(),
                remedies: vec![Remedy::Advice(
                    "Leave them in place unless a certificate or a product is known to use them.".into(),
                )],
                affects: Vec::new(),
            }
        })
        .collect()
}
