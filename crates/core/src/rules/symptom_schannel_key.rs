//! `symptom-schannel-key`

use super::symptom_iisadmin_failed::often;
use super::symptoms::{self, SYSTEM, Told};
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use super::{certificates, support};
use crate::machine::{Machine, Need, SymptomKind};

/// See [`INFO`].
pub struct SymptomSchannelKey;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "symptom-schannel-key",
    group: Group::Symptoms,
    severity: Severity::Note,
    lowered: "never",
    summary: "TLS could not use a certificate's private key (Schannel 36870 or 36871), with a code of this family.",
    core: false,
    explains: &[],
    meaning: "A certificate is there and its private key does not open. HTTPS fails, or Remote Desktop, or another \
              service with TLS: the event does not say whose certificate it was.",
    proof: "Events 36870 and 36871 of Schannel in the System log. 36871 with an internal state alone, such as 10013, is \
            about protocol settings and does not count.",
    repair: "See which certificate has no key file under the current GUID. After a change of the GUID, TLS keys come back \
             with the old GUID, or by renaming, by certutil -repairstore, or by importing the PFX again.",
    references: &[
        "How to resolve \"an attempt was made to reference a token that does not exist\" (forum article): 36870 with 0x80090016",
        "Microsoft Tech Community, IIS Support Blog: 36870 with 0x8009030D",
    ],
};

impl Rule for SymptomSchannelKey {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let what = "the System log shows no private key that TLS could not use";
        let mut judgement = Judgement::examined(symptoms::examined(machine, SYSTEM, what));
        let role = |subject: &str| if subject == "client" { "client" } else { "server" };
        let groups =
            symptoms::grouped(machine, SymptomKind::SchannelKey, |key| Some(role(&key.subject).to_owned()));
        for (role, events) in groups {
            let times: u64 = events.iter().map(|(_, symptom)| symptom.count).sum();
            let codes = symptoms::with_codes(&events);
            let told = Told {
                rule: INFO.name,
                subject: format!("tls:{role}"),
                title: format!("TLS as a {role} could not use a private key {}{codes}", often(times)),
                here: here(machine),
                confidence: Confidence::Proven,
                events,
            };
            judgement.findings.push(told.finding(machine));
        }
        symptoms::require_log(machine, &mut judgement, SYSTEM, Need::SystemLog);
        judgement
    }
}

/// What the events point to on this machine: they do not say whose key it was.
fn here(machine: &Machine<'_>) -> String {
    let dead = certificates::dead_sites(machine);
    let sites = if dead.is_empty() {
        String::new()
    } else {
        format!(" Here such keys are those of {}.", support::join(&dead, 8))
    };
    format!(
        "The events do not say whose certificate it was: a site's, or that of Remote Desktop.{sites} {}",
        symptoms::state_of(machine, "TSSecKeySet1")
    )
}
