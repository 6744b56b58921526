//! `shared-configuration`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Known, Machine, Need, RecoveryKind};

/// See [`INFO`].
pub struct SharedConfiguration;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "shared-configuration",
    group: Group::Configuration,
    severity: Severity::Note,
    lowered: "never",
    summary: "redirection.config sends IIS to a configuration elsewhere; says which file is live.",
    core: false,
    explains: &[],
    meaning: "With shared configuration the servers of a farm read one applicationHost.config from a share or another folder. \
              The local file is then not in use, and the keys of all nodes must be the same: exported from the first and \
              imported on the others.",
    proof: "redirection.config was read: configurationRedirection is enabled and names a path.",
    repair: "Nothing by itself. Give the live file as evidence too. When its keys do not fit, import the keys that were \
             exported with it (configEncKey.key) with its password, in IIS Manager under Shared Configuration.",
    references: &["IIS documentation: shared configuration", "IIS documentation: redirection.config"],
};

impl Rule for SharedConfiguration {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if machine.iis_major().is_some_and(|major| major < 7) {
            return Judgement::not_applicable("IIS before version 7 has no shared configuration");
        }
        let mut judgement = Judgement::examined("shared configuration is not in force");
        match &machine.facts.shared {
            Known::Read(cited) if cited.value.enabled => {
                let shared = &cited.value;
                let has_key =
                    machine.facts.recovery.iter().any(|source| source.kind == RecoveryKind::ExportSet);
                let key = if has_key {
                    "an export with configEncKey.key is in evidence"
                } else {
                    "no configEncKey.key is in evidence"
                };
                judgement.findings.push(Finding {
                    rule: INFO.name,
                    subject: "file:redirection.config".to_owned(),
                    severity: Severity::Note,
                    confidence: Confidence::Proven,
                    title: format!("The live configuration stands in {}", shared.path),
                    explanation: format!(
                        "Shared configuration is in force: IIS reads applicationHost.config from {}, and the local file is not \
                         in use; {key}.",
                        shared.path
                    ),
                    evidence: vec![Cite {
                        citation: shared.citation.clone(),
                        observed: format!("enabled, path {}", shared.path),
                    }],
                    remedies: vec![Remedy::Advice(format!(
                        "Give applicationHost.config from {} as evidence too.",
                        shared.path
                    ))],
                    affects: Vec::new(),
                });
            }
            Known::Read(_) | Known::Absent(_) => {}
            Known::NotInEvidence(need) => {
                if machine.iis_installed() == Some(false) {
                    return Judgement::not_applicable("no part of IIS is installed");
                }
                judgement.gap("redirection.config is not in evidence", *need);
            }
            Known::Unreadable { why, .. } => {
                judgement.gap(format!("redirection.config cannot be read: {why}"), Need::UndamagedCopy);
            }
        }
        judgement
    }
}
