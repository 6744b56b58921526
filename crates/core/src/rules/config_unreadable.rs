//! `config-unreadable`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity, proofs};
use crate::machine::{Known, Machine, Need};

/// See [`INFO`].
pub struct ConfigUnreadable;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "config-unreadable",
    group: Group::Configuration,
    severity: Severity::Error,
    lowered: "never",
    summary: "applicationHost.config is empty, zero-filled or not well-formed.",
    core: true,
    explains: &["session-key-missing", "config-provider-missing", "symptom-app-pool-identity"],
    meaning: "IIS 7 and later keep all sites, application pools and key providers in this one file. A power cut while it was \
              written leaves it empty or full of zeros; an edit by hand leaves it not well-formed. WAS and W3SVC do not start \
              then.",
    proof: "The file was read whole and parsed as XML, with any byte order mark and in UTF-8 or UTF-16. The place of the first \
            error is cited.",
    repair: "Put back the newest copy of the configuration history whose session keys fit the containers of today; \
             config-backup-usable names it. What was changed after it was made is listed there.",
    references: &["IIS documentation: configuration history (system.applicationHost/configHistory)"],
};

impl Rule for ConfigUnreadable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if machine.iis_major().is_some_and(|major| major < 7) {
            return Judgement::not_applicable("IIS before version 7 has no applicationHost.config");
        }
        let mut judgement = Judgement::examined("applicationHost.config is well-formed");
        if let Some(shared) = machine.facts.shared.value().filter(|shared| shared.enabled) {
            judgement.gap(
                format!("shared configuration is in force, and the live file stands in {}", shared.path),
                Need::ApplicationHost,
            );
            return judgement;
        }
        match &machine.facts.config {
            Known::Read(_) => {}
            Known::Unreadable { why, citation: Some(citation) } => judgement.findings.push(Finding {
                rule: INFO.name,
                subject: "file:applicationHost.config".to_owned(),
                severity: Severity::Error,
                confidence: Confidence::Proven,
                title: "applicationHost.config cannot be read".to_owned(),
                explanation: format!(
                    "The live configuration of IIS cannot be understood: {why}. WAS and W3SVC do not start with it."
                ),
                evidence: vec![Cite { citation: citation.clone(), observed: why.clone() }],
                remedies: proofs::restore(machine)
                    .into_iter()
                    .chain([Remedy::Advice(
                        "Put back the newest usable copy of the configuration history or of inetsrv\\backup.".into(),
                    )])
                    .collect(),
                affects: vec!["service W3SVC".to_owned(), "service WAS".to_owned()],
            }),
            Known::Unreadable { why, citation: None } => {
                judgement.gap(format!("applicationHost.config cannot be read: {why}"), Need::UndamagedCopy);
            }
            _ if machine.iis_installed() == Some(false) => {
                return Judgement::not_applicable("no part of IIS is installed");
            }
            _ => judgement.gap("applicationHost.config is not in evidence", Need::ApplicationHost),
        }
        judgement
    }
}
