//! `config-provider-missing`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity, proofs};
use crate::machine::facts::{Config, ProviderUse};
use crate::machine::{Citation, Locator, Machine};

/// See [`INFO`].
pub struct ConfigProviderMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "config-provider-missing",
    group: Group::Configuration,
    severity: Severity::Error,
    lowered: "warning where only values without a payload name it: they stand for an empty text",
    summary: "An encrypted value names a provider that configProtectedData does not declare.",
    core: false,
    explains: &["symptom-app-pool-identity"],
    meaning: "An encrypted value says which provider decrypts it. When the provider is not declared, because \
              configProtectedData was emptied by a repair recipe or the section came from another server, the value cannot \
              be read whatever the keys are.",
    proof: "Every attribute of the live file was searched for encrypted values, and every provider of configProtectedData read.",
    repair: "Put the provider's entry back from a copy of the configuration: with its session key, for a new session key does \
             not open old values.",
    references: &["IIS documentation: using encryption to protect passwords"],
};

impl Rule for ConfigProviderMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let examined = "every provider that a value names is declared";
        let config = match proofs::live_config(machine, examined) {
            Ok(config) => config,
            Err(judgement) => return judgement,
        };
        let mut judgement = Judgement::examined(examined);
        for (name, used) in &config.uses {
            if !config.providers.iter().any(|provider| provider.name == *name) {
                judgement.findings.push(finding(machine, config, name, used));
            }
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, config: &Config, name: &str, used: &ProviderUse) -> Finding {
    let is_used = used.values > 0;
    let citation = used.first.clone().unwrap_or_else(|| Citation::new(config.file, Locator::File));
    let values = support::count(used.values.max(used.empty), "encrypted value");
    Finding {
        rule: INFO.name,
        subject: format!("provider:{name}"),
        severity: if is_used { Severity::Error } else { Severity::Warning },
        confidence: if is_used { Confidence::Proven } else { Confidence::Weak },
        title: format!("The provider {name} is not declared"),
        explanation: if is_used {
            format!(
                "{values} of the live configuration name the provider {name}, and configProtectedData does not have it."
            )
        } else {
            format!(
                "{values} without a payload name the provider {name}, which configProtectedData does not have. They stand for \
                 an empty text; whether IIS asks the provider for them was not confirmed."
            )
        },
        evidence: vec![Cite { citation, observed: format!("{values} of {name}") }],
        remedies: proofs::restore(machine)
            .into_iter()
            .chain([Remedy::Advice(format!(
                "Put the entry of {name} back from a copy of the configuration, with its session key."
            ))])
            .collect(),
        affects: used.users.clone(),
    }
}
