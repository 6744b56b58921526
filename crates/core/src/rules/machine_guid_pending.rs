//! `machine-guid-pending`

use super::support::{self, GUID_SUBJECT};
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Machine, Need, Recovery};

/// See [`INFO`].
pub struct MachineGuidPending;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machine-guid-pending",
    group: Group::Identity,
    severity: Severity::Warning,
    lowered: "never",
    summary: "The hive without its transaction logs holds another MachineGuid than with them.",
    core: false,
    explains: &[],
    meaning: "Windows writes changes of a hive to its transaction logs first and to the hive file up to an hour \
              later. Between the two, a tool that reads only the hive file sees an old MachineGuid. Where the two \
              values differ, the GUID was changed shortly before the evidence was taken.",
    proof: "The value is read from the hive file alone and again after the logs were replayed; the sequence numbers \
            and hashes of the logs decide which of them apply.",
    repair: "Nothing to repair by itself. Use the value with the logs as the current one, and the value without them \
             as a witness of the earlier one. Take hive and logs together when evidence is collected again.",
    references: &["Windows registry file format specification (msuhanov): transaction log files"],
};

impl Rule for MachineGuidPending {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        let mut judgement =
            Judgement::examined("the value is the same with and without the transaction logs");
        let software = &machine.facts.software;
        let Some(hive) = software.value() else {
            if let Some((why, need)) = software.gap() {
                judgement.gap(why, need);
            } else {
                judgement.gap("no SOFTWARE hive is in evidence", Need::SoftwareHive);
            }
            return judgement;
        };
        if hive.is_export {
            return Judgement::not_applicable(
                "the registry is in evidence as an export, which is always current",
            );
        }
        match &hive.recovery {
            Recovery::Clean => {
                return Judgement::not_applicable("the hive is clean: nothing is pending in its logs");
            }
            Recovery::LogsMissing | Recovery::LogsRefused(_) => {
                judgement.gap("the hive is dirty and its logs could not be applied", Need::TransactionLogs);
                return judgement;
            }
            Recovery::Replayed(_) => {}
        }
        let identity = &machine.facts.identity;
        let Some(before) = &identity.unreplayed else { return judgement };
        let text = |value: Option<&crate::machine::GuidValue>| {
            value.map_or_else(|| "no value".to_owned(), |value| value.text.clone())
        };
        let (old, new) = (text(before.value()), text(identity.guid.value()));
        if old.eq_ignore_ascii_case(&new) {
            return judgement;
        }
        let mut evidence: Vec<Cite> = support::cite_guid(machine).into_iter().collect();
        if let Some(citation) = before.citation() {
            evidence.push(Cite {
                citation: citation.clone(),
                observed: format!("{old} (without the transaction logs)"),
            });
        }
        judgement.findings.push(Finding {
            rule: INFO.name,
            subject: GUID_SUBJECT.to_owned(),
            severity: Severity::Warning,
            confidence: Confidence::Proven,
            title: "The MachineGuid changed shortly before the evidence was taken".to_owned(),
            explanation: format!(
                "The hive file alone says {old}; with its transaction logs, which Windows would apply, it says {new}. \
                 This diagnosis uses the latter."
            ),
            evidence,
            remedies: vec![Remedy::Advice(
                "Compare with the time of the first failure: the change is as recent as the transaction logs.".into(),
            )],
            affects: Vec::new(),
        });
        judgement
    }
}
