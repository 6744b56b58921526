//! `config-mixed-keys`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity, proofs};
use crate::machine::{Machine, Need};

/// See [`INFO`].
pub struct ConfigMixedKeys;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "config-mixed-keys",
    group: Group::Configuration,
    severity: Severity::Warning,
    lowered: "never",
    summary: "The values of one provider come from more than one key.",
    core: false,
    explains: &[],
    meaning: "Parts of the configuration were encrypted on different servers, or before and after a key was made anew. At most \
              one part can be read.",
    proof: "AES values: some decrypt with the unwrapped session key and some do not. CNG values: all values of one machine have \
            32 bytes in common, seen on the samples of three machines; more than one such part in one file says that they \
            were made with different keys. What these bytes are is not known, so it says nothing about which part is right.",
    repair: "Find out which server each part comes from, and enter the foreign values again.",
    references: &["blogs.iis.net: CNG data encryption providers in IIS 10"],
};

impl Rule for ConfigMixedKeys {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let examined = "the values of each provider come from one key, as far as that shows";
        let config = match proofs::live_config(machine, examined) {
            Ok(config) => config,
            Err(judgement) => return judgement,
        };
        let mut judgement = Judgement::examined(examined);
        for (name, used) in config.uses.iter().filter(|(_, used)| used.groups.len() > 1) {
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: format!("provider:{name}"),
                severity: Severity::Warning,
                confidence: Confidence::Strong,
                title: format!("The values of {name} come from {} keys", used.groups.len()),
                explanation: format!(
                    "The {} of {name} fall into {} groups that differ in the part which all values of one key have in common.",
                    support::count(used.values, "value"),
                    used.groups.len()
                ),
                evidence: used
                    .groups
                    .values()
                    .map(|(count, citation)| Cite {
                        citation: citation.clone(),
                        observed: format!("the first of {} of one key", support::count(*count, "value")),
                    })
                    .collect(),
                remedies: vec![Remedy::Advice(
                    "Find out which values were made on this server, and enter the others again.".into(),
                )],
                affects: used.users.clone(),
            });
        }
        for (provider, wrap) in proofs::wrapped(config) {
            let Some(values) = machine.facts.wraps.get(wrap).map(|wrap| &wrap.values) else { continue };
            let count = proofs::values_of(config, &provider.name);
            if count > 1 && values.opened + values.unreadable + values.malformed == 0 {
                judgement.gap(
                    format!(
                        "the session key of {} was not unwrapped, so its values were not compared",
                        provider.name
                    ),
                    Need::KeyProof,
                );
            }
            if values.opened == 0 || values.unreadable == 0 {
                continue;
            }
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: format!("provider:{}", provider.name),
                severity: Severity::Warning,
                confidence: Confidence::Strong,
                title: format!("The values of {} come from several keys", provider.name),
                explanation: format!(
                    "{} decrypt with the session key of {}, {} do not.",
                    support::count(values.opened, "value"),
                    provider.name,
                    values.unreadable
                ),
                evidence: values
                    .first_unreadable
                    .iter()
                    .map(|citation| Cite {
                        citation: citation.clone(),
                        observed: "does not decrypt to text".to_owned(),
                    })
                    .collect(),
                remedies: vec![Remedy::Advice("Enter the values that do not decrypt again.".into())],
                affects: Vec::new(),
            });
        }
        judgement
    }
}
