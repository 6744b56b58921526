//! `symptom-iisadmin-failed`

use super::symptoms::{self, Events, SYSTEM, Told};
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Machine, Need, SymptomKind};

/// The services of IIS, each with a finding of its own.
const OWN: [&str; 5] = ["IISADMIN", "W3SVC", "SMTPSVC", "MSFTPSVC", "NNTPSVC"];
/// Other services with a finding of their own; the rest share one.
const NAMED: usize = 20;

/// See [`INFO`].
pub struct SymptomIisAdminFailed;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "symptom-iisadmin-failed",
    group: Group::Symptoms,
    severity: Severity::Note,
    lowered: "never",
    summary: "The IIS Admin Service or a service that depends on it failed, with a code of this family.",
    core: true,
    explains: &[],
    meaning: "At its start the IIS Admin Service opens the containers of the metabase and checks the metabase's session \
              key. When that fails, it ends with the code as its service-specific error (Service Control Manager \
              7024), and W3SVC, SMTP, FTP 6 and NNTP do not start (7001; on IIS 5 also W3SVC 116). On IIS 7 and later \
              web sites do not depend on it.",
    proof: "Events 7024, 7023, 7001, 7031 and 7034 of the Service Control Manager, 116 of W3SVC, MSFTPSVC, SMTPSVC and \
            NNTPSVC on their own path of the metabase, and 1008 of W3SVC, in the System log. The service is known by \
            its key name, its English display name or the one in SYSTEM, never by a part of one; in other languages \
            also by the key name that the event carries, or by a code that only the metabase returns. The code counts \
            in any form, signed, unsigned, hexadecimal or behind %%; without one of the key functions or of the \
            metabase the events are weak. What W3SVC ends with counts on IIS 5 and 6 only, and so does code 3.",
    repair: "Find the cause: the code says which key failed, and the rules about the MachineGuid, the containers and \
             the metabase look at it. Restart the IIS Admin Service after a repair, not only the Web service.",
    references: &[
        "KB884872: the MachineGuid is reset under load (Windows 2000)",
        "MachineKey in IIS (blog article): 7024 with 2148073478 (0x80090006)",
        "Microsoft: Service Control Manager events",
    ],
};

impl Rule for SymptomIisAdminFailed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let what = "the System log shows no failure of the IIS Admin Service or of what depends on it";
        let mut judgement = Judgement::examined(symptoms::examined(machine, SYSTEM, what));
        let groups = symptoms::grouped(machine, SymptomKind::IisAdminFailed, |key| Some(key.subject.clone()));
        // Any service may hang on this one, and say so in an event that names it.
        let mut named = 0;
        let mut rest: Events<'_> = Vec::new();
        let mut services = Vec::new();
        for (service, events) in groups {
            if OWN.contains(&service.as_str()) {
                services.push((service, events));
            } else if named < NAMED {
                named += 1;
                services.push((service, events));
            } else {
                rest.extend(events);
            }
        }
        if !rest.is_empty() {
            services.push(("*".to_owned(), rest));
        }
        for (service, events) in services {
            let codes = symptoms::with_codes(&events);
            let times: u64 = events.iter().map(|(_, symptom)| symptom.count).sum();
            // What W3SVC 1008 is, is not verified.
            let is_sure = events.iter().any(|(key, _)| key.has_own_code() && key.id != 1008);
            let told = Told {
                rule: INFO.name,
                subject: format!("service:{service}"),
                title: format!("{} failed {}{codes}", label(&service), often(times)),
                here: here(machine, &service),
                // A crash, and a code that any program returns, have many causes.
                confidence: if is_sure { Confidence::Proven } else { Confidence::Weak },
                events,
            };
            judgement.findings.push(told.finding(machine));
        }
        if judgement.findings.is_empty() && is_installed(machine) == Some(false) {
            return Judgement::not_applicable("the IIS Admin Service is not installed");
        }
        symptoms::require_log(machine, &mut judgement, SYSTEM, Need::SystemLog);
        judgement
    }
}

/// Whether IISADMIN is registered; `None` when the evidence does not tell.
pub(super) fn is_installed(machine: &Machine<'_>) -> Option<bool> {
    match machine.facts.iis.services.value() {
        Some(services) => Some(services.contains_key("IISADMIN")),
        None if machine.iis_installed() == Some(false) => Some(false),
        None => None,
    }
}

/// How a service is called in a sentence.
pub(super) fn label(service: &str) -> String {
    match service {
        "IISADMIN" => "The IIS Admin Service".to_owned(),
        "" => "A service".to_owned(),
        "*" => "Further services".to_owned(),
        other => format!("The service {other}"),
    }
}

/// How often, in words.
pub(super) fn often(times: u64) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

/// What its failure points to on this machine.
fn here(machine: &Machine<'_>, service: &str) -> String {
    let mut parts = vec![symptoms::state_of(machine, "Microsoft Internet Information Server")];
    if service == "IISADMIN" {
        parts.push(symptoms::beside_the_guid(machine));
        if machine.iis_major().is_some_and(|major| major >= 7) {
            parts.push(
                "On IIS 7 and later this stops only the IIS 6 compatible services; web sites do not use it."
                    .to_owned(),
            );
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}
