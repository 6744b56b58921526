//! `hives-inconsistent`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity, proofs};
use crate::machine::{Known, Machine};

/// See [`INFO`].
pub struct HivesInconsistent;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "hives-inconsistent",
    group: Group::Protection,
    severity: Severity::Error,
    lowered: "never",
    summary: "SYSTEM and SECURITY do not belong together: the machine's DPAPI secret does not decode.",
    core: false,
    explains: &["dpapi-foreign", "symptom-iisadmin-failed", "symptom-app-pool-identity", "symptom-dpapi"],
    meaning: "The boot key in SYSTEM opens the LSA key in SECURITY, and that opens the secret DPAPI_SYSTEM. When the hives \
              are of different machines or of different times (one restored, the other not), this breaks, and then every \
              key that DPAPI protects is out of reach.",
    proof: "Each secret in SECURITY names the LSA key that it is encrypted with, in clear; it must be in the list that the \
            boot key opens. The decoded secret must have its version and its length. Hives that were captured minutes apart \
            do not differ in this.",
    repair: "If the hives were collected at different times, collect both again in one go. If the server itself is in this \
             state, restore SYSTEM and SECURITY of the same moment from one backup.",
    references: &["dissect.target: LSA plugin", "impacket: secretsdump"],
};

impl Rule for HivesInconsistent {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("SYSTEM and SECURITY belong together");
        let protection = &machine.facts.protection;
        for contradiction in &protection.contradictions {
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: "value:SECURITY\\Policy\\Secrets\\DPAPI_SYSTEM".to_owned(),
                severity: Severity::Error,
                confidence: Confidence::Proven,
                title: "SYSTEM and SECURITY do not belong together".to_owned(),
                explanation: format!(
                    "{} Nothing that hangs on the machine's DPAPI secret can be told from these hives.",
                    contradiction.what
                ),
                evidence: contradiction
                    .citations
                    .iter()
                    .map(|(citation, observed)| Cite {
                        citation: citation.clone(),
                        observed: observed.clone(),
                    })
                    .collect(),
                remedies: vec![Remedy::Advice(
                    "Collect SYSTEM and SECURITY with their logs again, in one go; if they do not fit on the server itself, \
                     restore both from one backup."
                        .into(),
                )],
                affects: Vec::new(),
            });
        }
        if judgement.findings.is_empty() && !matches!(protection.secret, Known::Read(_)) {
            proofs::require_secret(machine, &mut judgement);
        }
        judgement
    }
}
