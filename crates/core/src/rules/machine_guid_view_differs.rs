//! `machine-guid-view-differs`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Known, Machine};

/// See [`INFO`].
pub struct MachineGuidViewDiffers;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machine-guid-view-differs",
    group: Group::Identity,
    severity: Severity::Warning,
    lowered: "note while no container stands under the other value",
    summary: "WOW6432Node holds another MachineGuid.",
    core: false,
    explains: &[],
    meaning: "The crypto library reads the 64-bit view of the registry, for 32-bit programs too. A second value \
              under WOW6432Node is usually absent. Where it differs, some tool wrote it, and a repair made with a \
              32-bit editor may have changed the wrong one.",
    proof: "Both values are read from the same hive and compared without regard to case.",
    repair: "Leave the 64-bit value alone unless other rules say that it is wrong. The other value may be corrected \
             to match; nothing that IIS does depends on it.",
    references: &["Microsoft: Registry keys affected by WOW64"],
};

impl Rule for MachineGuidViewDiffers {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        let mut judgement = Judgement::examined("there is no differing value under WOW6432Node");
        let identity = &machine.facts.identity;
        let other = match &identity.wow64 {
            Known::Read(cited) => &cited.value,
            Known::Absent(_) => return judgement,
            Known::NotInEvidence(_) | Known::Unreadable { .. } => {
                if let Some((why, need)) = identity.wow64.gap() {
                    judgement.gap(why, need);
                }
                return judgement;
            }
        };
        let Some(current) = identity.guid.value() else {
            support::require_guid(machine, &mut judgement);
            return judgement;
        };
        if other.text.eq_ignore_ascii_case(&current.text) {
            return judgement;
        }
        let under_it = other
            .guid
            .as_ref()
            .and_then(|guid| machine.census.iter().find(|row| row.guid == *guid))
            .map_or(0, |row| row.containers);
        let mut evidence: Vec<Cite> = support::cite_guid(machine).into_iter().collect();
        if let Some(citation) = identity.wow64.citation() {
            evidence.push(Cite { citation: citation.clone(), observed: other.text.clone() });
        }
        judgement.findings.push(Finding {
            rule: INFO.name,
            subject: "value:SOFTWARE\\WOW6432Node\\Microsoft\\Cryptography\\MachineGuid".to_owned(),
            severity: if under_it > 0 { Severity::Warning } else { Severity::Note },
            confidence: Confidence::Proven,
            title: "The 32-bit view of the registry holds another MachineGuid".to_owned(),
            explanation: format!(
                "WOW6432Node says {}, the value that Windows uses says {}. {}",
                other.text,
                current.text,
                if under_it > 0 {
                    format!("{} under the other value.", support::count(under_it, "container") + " stand")
                } else {
                    "No container stands under the other value.".to_owned()
                }
            ),
            evidence,
            remedies: vec![Remedy::Advice(
                "When the registry is edited on this server, use the 64-bit editor and the 64-bit value."
                    .into(),
            )],
            affects: Vec::new(),
        });
        judgement
    }
}
