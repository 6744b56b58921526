//! `hotfix-884872-missing`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Generation, Known, Machine};

/// See [`INFO`].
pub struct Hotfix884872Missing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "hotfix-884872-missing",
    group: Group::Symptoms,
    severity: Severity::Warning,
    lowered: "never",
    summary: "Windows 2000 without hotfix KB884872, and with more than one MachineGuid in evidence.",
    core: false,
    explains: &[],
    meaning: "Windows 2000 can reset the MachineGuid under load. The hotfix keeps it from happening again; it does not \
              bring lost containers back.",
    proof: "The version of Windows, the registered hotfixes, and the census of GUIDs. A GUID counts when a container \
            carries it or a registry value holds or held it. One that only events name does not: logs of one healthy \
            machine can show two.",
    repair: "Repair what the other rules found first. Then install the hotfix, or better, leave Windows 2000.",
    references: &["KB884872: the MachineGuid is reset under load (Windows 2000)"],
};

impl Rule for Hotfix884872Missing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let os = &machine.facts.os;
        match machine.generation {
            Some(Generation::Nt50) => {}
            Some(_) => return Judgement::not_applicable("the hotfix is for Windows 2000"),
            None => {
                let mut judgement = Judgement::default();
                match os.version.gap() {
                    Some((why, need)) => judgement.gap(why, need),
                    None => return Judgement::not_applicable("this is no Windows 2000"),
                }
                return judgement;
            }
        }
        let mut judgement =
            Judgement::examined("the hotfix is registered, or only one MachineGuid is in evidence");
        if os.hotfix_884872.value() == Some(&true) {
            return judgement;
        }
        if let Some((why, need)) = os.hotfix_884872.gap() {
            judgement.gap(why, need);
            return judgement;
        }
        let guids: Vec<String> = machine
            .census
            .iter()
            .filter(|row| row.containers > 0 || row.in_registry)
            .map(|row| row.guid.to_string())
            .collect();
        if guids.len() < 2 {
            support::require_stores(machine, &mut judgement);
            return judgement;
        }
        let mut evidence: Vec<Cite> = support::cite_guid(machine).into_iter().collect();
        if let Some(citation) = hotfix_place(&os.hotfix_884872) {
            evidence.push(Cite { citation, observed: "KB884872 is not registered".to_owned() });
        }
        judgement.findings.push(Finding {
            rule: INFO.name,
            subject: "hotfix:KB884872".to_owned(),
            severity: Severity::Warning,
            confidence: Confidence::Strong,
            title: "Hotfix KB884872 is not installed, and more than one MachineGuid is in evidence".to_owned(),
            explanation: format!(
                "Windows 2000 can reset the MachineGuid under load, and {} GUIDs are in evidence: {}. Without the \
                 hotfix it can happen again after the repair.",
                guids.len(),
                support::join(&guids, 4)
            ),
            evidence,
            remedies: vec![Remedy::Advice(
                "After the repair, install hotfix KB884872 or move off Windows 2000.".to_owned(),
            )],
            affects: Vec::new(),
        });
        judgement
    }
}

fn hotfix_place(known: &Known<bool>) -> Option<crate::machine::Citation> {
    known.citation().cloned()
}
