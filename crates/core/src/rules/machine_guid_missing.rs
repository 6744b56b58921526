//! `machine-guid-missing`

use super::support::{self, GUID_SUBJECT};
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Known, Machine, Need};

/// See [`INFO`].
pub struct MachineGuidMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machine-guid-missing",
    group: Group::Identity,
    severity: Severity::Error,
    lowered: "never",
    summary: "The MachineGuid value is absent or empty although its key is in evidence.",
    core: true,
    explains: &[
        "container-orphaned",
        "container-duplicated",
        "container-empty",
        "certificate-key-orphaned",
        "certificate-key-mismatch",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-schannel-key",
        "symptom-app-pool-identity",
    ],
    meaning: "Windows names every key container file after the MachineGuid. Where the value is gone, the crypto \
              library makes up a new one at the next use, and from then on no existing container is found.",
    proof: "The hive is this machine's SOFTWARE hive (its header is valid and Microsoft\\Windows NT\\CurrentVersion \
            is in it), the key Microsoft\\Cryptography was looked up in it, and the value is not there or holds \
            nothing. A template that has not been set up has no identity to lose, so the rule does not apply to it.",
    repair: "Write the GUID back before the server is restarted: it stands behind the underscore of the container \
             files' names. Where the files carry several GUIDs, the one of the oldest complete containers of IIS is \
             the right one.",
    references: &[
        "Microsoft: Key Storage and Retrieval (names of key files)",
        "MachineKey in IIS (blog article): the value is read before each container is opened",
    ],
};

impl Rule for MachineGuidMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        let mut judgement = Judgement::examined("the value is there");
        let guid = &machine.facts.identity.guid;
        let found = match guid {
            Known::Read(cited) if cited.value.text.trim().is_empty() => "the value is empty",
            Known::Read(_) => return judgement,
            Known::Absent(_) => "the value is absent",
            Known::NotInEvidence(_) | Known::Unreadable { .. } => {
                if let Some((why, need)) = guid.gap() {
                    judgement.gap(why, need);
                }
                return judgement;
            }
        };
        let os = &machine.facts.os;
        let is_export = machine.facts.software.value().is_some_and(|hive| hive.is_export);
        let is_own_hive = is_export
            || os.product.value().is_some()
            || os.version.value().is_some()
            || os.build.value().is_some();
        if !is_own_hive {
            judgement.gap(
                "the hive holds no Microsoft\\Windows NT\\CurrentVersion, so it may not be this machine's SOFTWARE hive",
                Need::SoftwareHive,
            );
            return judgement;
        }
        if os.image_layer {
            judgement.gap(
                "the hive is a layer of a container image, which holds changes only",
                Need::SoftwareHive,
            );
            return judgement;
        }
        let witnesses: Vec<_> =
            machine.census.iter().filter(|row| row.containers > 0).map(|row| row.guid).collect();
        let remedy = match witnesses.as_slice() {
            [only] => Remedy::WriteGuid(*only),
            [] => Remedy::Advice(
                "Take the MachineGuid from a backup of the SOFTWARE hive; no container in evidence carries it.".into(),
            ),
            _ => Remedy::Advice(format!(
                "The containers carry {} GUIDs; write back the one of the oldest complete containers of IIS.",
                witnesses.len()
            )),
        };
        judgement.findings.push(Finding {
            rule: INFO.name,
            subject: GUID_SUBJECT.to_owned(),
            severity: Severity::Error,
            confidence: support::guid_confidence(machine).min(Confidence::Proven),
            title: "The MachineGuid is missing".to_owned(),
            explanation: format!(
                "Under Microsoft\\Cryptography {found}. The next program that opens a key container makes Windows \
                 invent a new GUID, and then no container file is found any more."
            ),
            evidence: guid
                .citation()
                .map(|citation| Cite { citation: citation.clone(), observed: found.to_owned() })
                .into_iter()
                .collect(),
            remedies: vec![remedy],
            affects: Vec::new(),
        });
        judgement
    }
}
