//! `machine-guid-malformed`

use super::support::{self, GUID_SUBJECT};
use super::{Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::artifact::container::Guid;
use crate::machine::{GuidValue, Known, Machine};

/// See [`INFO`].
pub struct MachineGuidMalformed;

/// REG_SZ.
const REG_SZ: u32 = 1;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machine-guid-malformed",
    group: Group::Identity,
    severity: Severity::Error,
    lowered: "never",
    summary: "The MachineGuid is of the wrong type, has braces, spaces or a wrong length, or is not a GUID.",
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
    meaning: "Windows writes the MachineGuid as REG_SZ of 36 characters in lower case and takes it verbatim as the \
              end of each container's file name. A value with braces, spaces or another type does not come from \
              Windows, and no container file carries such a name.",
    proof: "The value is read with its type and compared with the form above. Letters in upper case are no fault: \
            file names are compared without regard to case. What the crypto library does with a malformed value was \
            not tested, so the confidence is strong, not proven.",
    repair: "Write the value again as REG_SZ with exactly the 36 characters that the container files carry.",
    references: &["MachineKey in IIS (blog article): 74 bytes of REG_SZ in the trace"],
};

impl Rule for MachineGuidMalformed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        let mut judgement = Judgement::examined("type and form of the value");
        let guid = &machine.facts.identity.guid;
        let value = match guid {
            Known::Read(cited) => &cited.value,
            Known::Absent(_) => return Judgement::not_applicable("there is no value to look at"),
            Known::NotInEvidence(_) | Known::Unreadable { .. } => {
                if let Some((why, need)) = guid.gap() {
                    judgement.gap(why, need);
                }
                return judgement;
            }
        };
        if value.text.trim().is_empty() {
            return Judgement::not_applicable("the value is empty, see machine-guid-missing");
        }
        let faults = faults(value);
        if faults.is_empty() {
            return judgement;
        }
        let remedy = match repaired(machine, value) {
            Some(guid) => Remedy::WriteGuid(guid),
            None => Remedy::Advice(
                "Take the MachineGuid from a backup of the SOFTWARE hive, or from the names of the oldest complete \
                 containers."
                    .into(),
            ),
        };
        judgement.findings.push(Finding {
            rule: INFO.name,
            subject: GUID_SUBJECT.to_owned(),
            severity: Severity::Error,
            confidence: Confidence::Strong,
            title: "The MachineGuid is malformed".to_owned(),
            explanation: format!(
                "The value is not what Windows writes: {}. Container files are looked up under a name that ends in \
                 this text, and no file that Windows made carries it.",
                faults.join(", ")
            ),
            evidence: support::cite_guid(machine).into_iter().collect(),
            remedies: vec![remedy],
            affects: Vec::new(),
        });
        judgement
    }
}

fn faults(value: &GuidValue) -> Vec<String> {
    let mut faults: Vec<String> = value.problems.iter().map(ToString::to_string).collect();
    if value.kind != REG_SZ {
        faults.push(format!("its type is {} instead of REG_SZ", type_name(value.kind)));
    }
    faults
}

fn type_name(kind: u32) -> String {
    match kind {
        0 => "REG_NONE".to_owned(),
        2 => "REG_EXPAND_SZ".to_owned(),
        3 => "REG_BINARY".to_owned(),
        4 => "REG_DWORD".to_owned(),
        7 => "REG_MULTI_SZ".to_owned(),
        11 => "REG_QWORD".to_owned(),
        other => format!("{other:#x}"),
    }
}

/// The GUID inside a malformed value, or the only one that containers carry.
fn repaired(machine: &Machine<'_>, value: &GuidValue) -> Option<Guid> {
    let bare: String =
        value.text.chars().filter(|letter| letter.is_ascii_hexdigit() || *letter == '-').collect();
    if let Ok(guid) = Guid::parse(&bare) {
        return Some(guid);
    }
    let mut carried = machine.census.iter().filter(|row| row.containers > 0);
    match (carried.next(), carried.next()) {
        (Some(only), None) => Some(only.guid),
        _ => None,
    }
}
