//! `session-key-missing`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity, proofs};
use crate::machine::Machine;
use crate::machine::facts::ProviderKind;

/// See [`INFO`].
pub struct SessionKeyMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "session-key-missing",
    group: Group::Configuration,
    severity: Severity::Error,
    lowered: "never",
    summary: "An AES provider that values use has no session key.",
    core: false,
    explains: &["symptom-app-pool-identity"],
    meaning: "An AES provider encrypts with a session key, which its entry keeps wrapped by the RSA key of a container. Without \
              the session key nothing opens the values, not even the right container.",
    proof: "The provider's entry was read: the attribute sessionKey is missing, empty, or not a wrapped key.",
    repair: "Put the session key back from a copy of the configuration of the same server; else enter the values again.",
    references: &["IIS documentation: using encryption to protect passwords"],
};

impl Rule for SessionKeyMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let examined = "every AES provider that values use has a session key";
        let config = match proofs::live_config(machine, examined) {
            Ok(config) => config,
            Err(judgement) => return judgement,
        };
        let mut judgement = Judgement::examined(examined);
        for provider in config.providers.iter().filter(|provider| provider.kind == ProviderKind::Aes) {
            let values = proofs::values_of(config, &provider.name);
            if values == 0 || provider.session_key_bits.is_some() {
                continue;
            }
            let what = if provider.has_session_key { "one that is not a wrapped key" } else { "none" };
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: format!("provider:{}", provider.name),
                severity: Severity::Error,
                confidence: Confidence::Proven,
                title: format!("The provider {} has no session key", provider.name),
                explanation: format!(
                    "{} encrypted with {} need its session key, and its entry has {what}.",
                    support::count(values, "value"),
                    provider.name
                ),
                evidence: vec![Cite {
                    citation: provider.citation.clone(),
                    observed: format!("sessionKey: {what}"),
                }],
                remedies: proofs::restore(machine)
                    .into_iter()
                    .chain([Remedy::Advice(format!(
                        "Put the sessionKey attribute of {} back from a copy of this server's configuration.",
                        provider.name
                    ))])
                    .collect(),
                affects: config.uses.get(&provider.name).map(|used| used.users.clone()).unwrap_or_default(),
            });
        }
        judgement
    }
}
