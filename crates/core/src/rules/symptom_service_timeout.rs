//! `symptom-service-timeout`

use super::symptom_iisadmin_failed::{label, often};
use super::symptoms::{self, SYSTEM, Told};
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Machine, Need, SymptomKind};

/// See [`INFO`].
pub struct SymptomServiceTimeout;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "symptom-service-timeout",
    group: Group::Symptoms,
    severity: Severity::Note,
    lowered: "never",
    summary: "The IIS Admin Service or a service that depends on it did not answer in time, or had \"not enough storage\".",
    core: false,
    explains: &[],
    meaning: "Some machines with a lost or unreadable container do not say so: the service hangs until the Service \
              Control Manager gives up, or it ends with \"not enough storage is available\", which is not about \
              memory. A slow or overloaded machine looks the same.",
    proof: "Events 7000, 7009, 7011 and 7023 of the Service Control Manager in the System log, for these services, with \
            1053 or 8 where the event carries a code.",
    repair: "Look at what the rules about the MachineGuid and the containers say. Where they are clear, look for another \
             reason why the service is slow.",
    references: &[
        "MachineKeys on IIS 7.x: Inside Out (blog article): what services say when a container is lost",
        "Microsoft: Service Control Manager events",
    ],
};

impl Rule for SymptomServiceTimeout {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let what = "the System log shows none of these services late";
        let mut judgement = Judgement::examined(symptoms::examined(machine, SYSTEM, what));
        let groups = symptoms::grouped(machine, SymptomKind::ServiceTimeout, |key| Some(key.subject.clone()));
        for (service, events) in groups {
            let times: u64 = events.iter().map(|(_, symptom)| symptom.count).sum();
            let codes = symptoms::with_codes(&events);
            let told = Told {
                rule: INFO.name,
                subject: format!("service:{service}"),
                title: format!("{} did not start or answer {}{codes}", label(&service), often(times)),
                here: symptoms::state_of(machine, "Microsoft Internet Information Server"),
                // A slow machine looks the same.
                confidence: Confidence::Weak,
                events,
            };
            judgement.findings.push(told.finding(machine));
        }
        if judgement.findings.is_empty() && machine.iis_installed() == Some(false) {
            return Judgement::not_applicable("no part of IIS is installed");
        }
        symptoms::require_log(machine, &mut judgement, SYSTEM, Need::SystemLog);
        judgement
    }
}
