//! `encrypted-value-unreadable`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity, proofs};
use crate::machine::facts::ProviderKind;
use crate::machine::{Machine, Need};

/// See [`INFO`].
pub struct EncryptedValueUnreadable;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "encrypted-value-unreadable",
    group: Group::Configuration,
    severity: Severity::Error,
    lowered: "never",
    summary: "A value does not decrypt although its session key was unwrapped.",
    core: false,
    explains: &[],
    meaning: "The container and the session key are right, and a value was encrypted with another key: a part of the \
              configuration was pasted from another server, or the value itself is damaged.",
    proof: "The session key was unwrapped with the container's private key, and each value decrypted in memory. A value counts \
            as readable when what comes out is well-formed text; it has no checksum, and what came out is not kept.",
    repair: "Enter the value again, on the server, with IIS Manager or appcmd.",
    references: &["mimikatz: kuhl_m_iis (layout of the values)"],
};

impl Rule for EncryptedValueUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let examined = "every value whose session key was unwrapped decrypts";
        let config = match proofs::live_config(machine, examined) {
            Ok(config) => config,
            Err(judgement) => return judgement,
        };
        let mut judgement = Judgement::examined(examined);
        for provider in config.providers.iter().filter(|provider| provider.kind == ProviderKind::Aes) {
            if provider.wrap.is_none() && proofs::values_of(config, &provider.name) > 0 {
                judgement.gap(
                    format!(
                        "{} has no session key that could be unwrapped, so its values were not tried",
                        provider.name
                    ),
                    Need::ConfigHistory,
                );
            }
        }
        for (provider, wrap) in proofs::wrapped(config) {
            let Some(wrapped) = machine.facts.wraps.get(wrap) else { continue };
            let (values, count) = (&wrapped.values, proofs::values_of(config, &provider.name));
            let tried = values.opened + values.unreadable + values.malformed;
            if tried == 0 && count > 0 {
                let fit = proofs::live_fit(machine, wrap, &provider.container).map(|(_, fit)| fit);
                let is_wrong = fit.is_some_and(proofs::Fit::is_wrong);
                judgement.gap(
                    format!(
                        "the session key of {} was not unwrapped, so its values were not tried",
                        provider.name
                    ),
                    if is_wrong { Need::ConfigHistory } else { Need::KeyProof },
                );
            }
            let bad = values.unreadable + values.malformed;
            if bad == 0 {
                continue;
            }
            let cited = values.first_unreadable.iter().map(|citation| (citation, "does not decrypt to text"));
            let malformed =
                values.first_malformed.iter().map(|citation| (citation, "its payload was made by no key"));
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: format!("provider:{}", provider.name),
                severity: Severity::Error,
                confidence: Confidence::Strong,
                title: format!("{} of {} cannot be read", support::count(bad, "encrypted value"), provider.name),
                explanation: format!(
                    "The session key of {} opens with the container {}. Of its values, {} decrypt to text; {} cannot be \
                     decrypted with it, and the payload of {} was made by no key.",
                    provider.name, provider.container, values.opened, values.unreadable, values.malformed
                ),
                evidence: cited
                    .chain(malformed)
                    .map(|(citation, observed)| Cite {
                        citation: citation.clone(),
                        observed: observed.to_owned(),
                    })
                    .collect(),
                remedies: vec![Remedy::Advice(
                    "Enter these values again on the server, with IIS Manager or appcmd.".into(),
                )],
                affects: config.uses.get(&provider.name).map(|used| used.users.clone()).unwrap_or_default(),
            });
        }
        judgement
    }
}
