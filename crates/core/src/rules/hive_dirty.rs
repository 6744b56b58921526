//! `hive-dirty`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Citation, HiveFacts, Known, Locator, Machine, Recovery};

/// See [`INFO`].
pub struct HiveDirty;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "hive-dirty",
    group: Group::Evidence,
    severity: Severity::Warning,
    lowered: "note where the transaction logs were there and were applied",
    summary: "A hive needed log replay, or needs it and the logs are not there.",
    core: false,
    explains: &[],
    meaning: "A hive taken from a running or crashed machine lags behind its transaction logs, by minutes or by up to \
              an hour. With the logs its last state is known; without them a value may be an older one.",
    proof: "The two sequence numbers of the hive's base block differ, or its checksum is wrong. Logs are applied by \
            the rules of their format: sequence numbers in order, hashes right, and none that belongs to another \
            state of the hive.",
    repair: "Nothing to repair on the machine. Where logs are missing, collect the hive again together with its .LOG, \
             .LOG1 and .LOG2.",
    references: &["Windows registry file format specification (msuhanov): dirty state of a hive"],
};

impl Rule for HiveDirty {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("the hives are clean");
        let mut hives = 0;
        for (name, hive) in [("SOFTWARE", &machine.facts.software), ("SYSTEM", &machine.facts.system)] {
            match hive {
                Known::Read(cited) if !cited.value.is_export => {
                    hives += 1;
                    judgement.findings.extend(finding(machine, name, &cited.value));
                }
                Known::Unreadable { .. } => {
                    if let Some((why, need)) = hive.gap() {
                        judgement.gap(why, need);
                    }
                }
                _ => {}
            }
        }
        if hives == 0 && judgement.gaps.is_empty() {
            if machine.facts.software.value().is_some() {
                return Judgement::not_applicable("the registry is in evidence as an export");
            }
            if let Some((why, need)) = machine.facts.software.gap() {
                judgement.gap(why, need);
            }
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, name: &str, hive: &HiveFacts) -> Option<Finding> {
    let (severity, title, explanation) = match &hive.recovery {
        Recovery::Clean => return None,
        Recovery::Replayed(logs) => (
            Severity::Note,
            format!("The {name} hive was dirty and its logs were applied"),
            format!(
                "The hive file lagged behind its transaction logs. {} applied in memory, and all values are read from \
                 the result.",
                if logs.len() == 1 { format!("{} was", logs[0]) } else { format!("{} were", logs.join(" and ")) }
            ),
        ),
        Recovery::LogsMissing => (
            Severity::Warning,
            format!("The {name} hive is dirty and its logs are not in evidence"),
            "The hive file lags behind transaction logs that were not collected. Its values are reported as they \
             stand and may be older than those that Windows would read."
                .to_owned(),
        ),
        Recovery::LogsRefused(reasons) => (
            Severity::Warning,
            format!("The {name} hive is dirty and its logs could not be applied"),
            format!(
                "The logs in evidence must not be applied: {}. The values of the hive file are reported as they stand \
                 and may be older than those that Windows would read.",
                reasons.join("; ")
            ),
        ),
    };
    let path = machine.facts.files.get(hive.file.0 as usize).map_or("", |file| file.path.as_str());
    Some(Finding {
        rule: INFO.name,
        subject: format!("file:{path}"),
        severity,
        confidence: Confidence::Proven,
        title,
        explanation,
        evidence: vec![Cite {
            citation: Citation::new(hive.file, Locator::Offset(4)),
            observed: "sequence numbers or checksum of the base block say dirty".to_owned(),
        }],
        remedies: if severity == Severity::Warning {
            vec![Remedy::Advice(format!("Collect {name} again together with its .LOG, .LOG1 and .LOG2."))]
        } else {
            Vec::new()
        },
        affects: Vec::new(),
    })
}
