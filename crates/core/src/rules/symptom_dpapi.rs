//! `symptom-dpapi`

use super::support;
use super::symptoms::{self, Told};
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::artifact::container::WellKnown;
use crate::machine::{Generation, Machine, Need, SymptomKind};

/// The log of DPAPI, which Windows keeps by default.
const LOG: &str = "microsoft-windows-crypto-dpapi/operational";

/// Logs that tell more where they are in evidence: most machines keep none of these events.
const OTHERS: [(&str, Need); 3] = [
    ("security", Need::SecurityLog),
    ("microsoft-windows-crypto-ncrypt/operational", Need::UndamagedCopy),
    ("microsoft-windows-capi2/operational", Need::UndamagedCopy),
];

/// See [`INFO`].
pub struct SymptomDpapi;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "symptom-dpapi",
    group: Group::Symptoms,
    severity: Severity::Note,
    lowered: "never",
    summary: "DPAPI or the key functions reported a failure, with a code of this family.",
    core: false,
    explains: &[],
    meaning: "Something protected did not open: a master key is not there or is another machine's, or a key file is \
              missing under the current GUID. Applications and users cause such events too; those that name a \
              container of IIS weigh most.",
    proof: "Failures in the logs of Crypto-DPAPI (8193 to 8198), Crypto-NCrypt (1 to 4) and CAPI2 (70), and Security 5058, \
            5059 and 5061 with a return code, the last only for keys of the machine: keys of users come and go.",
    repair: "Look at what the rules about protection say. Copied key files need the machine that they were made on.",
    references: &[
        "Windows event manifests: Microsoft-Windows-Crypto-DPAPI, -NCrypt",
        "Microsoft: event 5058",
    ],
};

impl Rule for SymptomDpapi {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let what = "the log of DPAPI shows no failure of this family";
        let mut judgement = Judgement::examined(symptoms::examined(machine, LOG, what));
        // Keys of applications are many; what a source says with one code is one thing.
        let by_source = |key: &crate::machine::SymptomKey| {
            let code = key.code.map_or_else(|| "none".to_owned(), |code| format!("0x{code:08x}"));
            Some(format!("{}/{code}", key.provider.to_lowercase()))
        };
        for (subject, events) in symptoms::grouped(machine, SymptomKind::Dpapi, by_source) {
            let times: u64 = events.iter().map(|(_, symptom)| symptom.count).sum();
            let source = events.first().map_or("", |(key, _)| key.provider.as_str());
            let mut names: Vec<String> = events.iter().map(|(key, _)| key.subject.clone()).collect();
            names.retain(|name| !name.is_empty());
            names.dedup();
            let known: Vec<String> = names.iter().filter(|name| is_iis(name)).cloned().collect();
            let mut here = Vec::new();
            if !names.is_empty() {
                here.push(format!("They are about: {}.", support::join(&names, 5)));
            }
            here.extend(known.iter().map(|name| symptoms::state_of(machine, name)));
            here.push(master_keys(machine));
            let told = Told {
                rule: INFO.name,
                subject: format!("events:{subject}"),
                title: format!(
                    "{source} reported {}{}",
                    support::count(times, "failure"),
                    symptoms::with_codes(&events)
                ),
                here: here.join(" "),
                confidence: if known.is_empty() { Confidence::Weak } else { Confidence::Strong },
                events,
            };
            judgement.findings.push(told.finding(machine));
        }
        let is_old = machine.generation.is_some_and(|generation| generation <= Generation::Nt51);
        if judgement.findings.is_empty() && is_old {
            return Judgement::not_applicable("Windows before Vista keeps no such log");
        }
        if judgement.findings.is_empty() || machine.facts.events.of_channel(LOG).next().is_some() {
            symptoms::require_log(machine, &mut judgement, LOG, Need::DpapiLog);
        }
        for (channel, need) in OTHERS {
            symptoms::require_whole(machine, &mut judgement, channel, need);
        }
        judgement
    }
}

/// Whether a name is that of a container of IIS.
fn is_iis(name: &str) -> bool {
    WellKnown::by_name(name).is_some_and(WellKnown::is_iis)
}

/// What is known of the master keys that the machine's keys hang on.
fn master_keys(machine: &Machine<'_>) -> String {
    let protection = &machine.facts.protection;
    if protection.folders.is_empty() {
        "LocalSystem's master keys are not in evidence.".to_owned()
    } else {
        let number = support::count(protection.master_keys.len() as u64, "master key");
        format!("LocalSystem has {number} here.")
    }
}
