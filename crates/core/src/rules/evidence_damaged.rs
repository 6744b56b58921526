//! `evidence-damaged`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::Machine;

/// See [`INFO`].
pub struct EvidenceDamaged;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "evidence-damaged",
    group: Group::Evidence,
    severity: Severity::Warning,
    lowered: "never",
    summary: "Something was there and could not be read, or not to its end.",
    core: false,
    explains: &[],
    meaning: "A piece of evidence is damaged, unreadable or larger than a budget. The diagnosis rests on what is left, \
              and rules that needed the piece are not evaluated.",
    proof: "Each piece is named with what was expected, what was found and how far it was read.",
    repair: "Send another copy of the piece, for example from a backup or a disk image.",
    references: &[],
};

impl Rule for EvidenceDamaged {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("everything that was opened could be read");
        for damage in &machine.facts.damage {
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: format!("file:{}", damage.path),
                severity: Severity::Warning,
                confidence: Confidence::Proven,
                title: format!("{} could not be read whole", damage.path),
                explanation: format!("{}.", damage.what.trim_end_matches('.')),
                evidence: damage
                    .citation
                    .iter()
                    .map(|citation| Cite { citation: citation.clone(), observed: damage.what.clone() })
                    .collect(),
                remedies: vec![Remedy::Advice(format!("Send another copy of {}.", damage.path))],
                affects: Vec::new(),
            });
        }
        judgement
    }
}
