//! `symptom-app-pool-identity`

use super::support;
use super::symptom_iisadmin_failed::often;
use super::symptoms::{self, Events, SYSTEM, Told};
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::artifact::container::well_known::Role;
use crate::machine::events::ENCRYPTION;
use crate::machine::{Machine, Need, SymptomKind};

/// Pools with a finding of their own; the rest share one.
const NAMED: usize = 20;

/// See [`INFO`].
pub struct SymptomAppPoolIdentity;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "symptom-app-pool-identity",
    group: Group::Symptoms,
    severity: Severity::Note,
    lowered: "never",
    summary: "The activation service could not use a pool's identity or the configuration.",
    core: false,
    explains: &[],
    meaning: "A pool whose password does not decrypt has no identity: it is disabled and its sites answer 503. A wrong or \
              expired password looks the same. Rapid-fail protection (5002; on IIS 6 1002 and 1009) also follows any \
              application that crashes.",
    proof: "Events 5002, 5021, 5036, 5057 and 5059 of WAS, and 1002, 1009, 1021, 1057 and 1059 of W3SVC on IIS 6, in the \
            System log; with a code of this family also 5005, 5022, 5172 and 5173; 42 to 44 of IIS-Configuration, an \
            encryption that did not work. Without such a code a pool that could not be started (5059, 1059, 1009) is \
            weak. WAS itself ending with a code of the key functions. 5189 and its relatives are about files in \
            inetpub\\temp\\appPools and do not count.",
    repair: "Look at what the rules about the session keys and their containers say. Where they are clear, look at the \
             account, its password and its logon rights.",
    references: &["Microsoft: Event ID pages of IIS", "KB4050891: event 5189 after a feature update"],
};

impl Rule for SymptomAppPoolIdentity {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let what = "the System log shows no pool without a usable identity";
        let mut judgement = Judgement::examined(symptoms::examined(machine, SYSTEM, what));
        let groups =
            symptoms::grouped(machine, SymptomKind::AppPoolIdentity, |key| Some(key.subject.clone()));
        let mut rest: Events<'_> = Vec::new();
        let mut pools = 0_u64;
        for (number, (pool, events)) in groups.into_iter().enumerate() {
            if number < NAMED {
                judgement.findings.push(told(machine, &pool, events).finding(machine));
            } else {
                pools += 1;
                rest.extend(events);
            }
        }
        if pools > 0 {
            let mut told = told(machine, "*", rest);
            told.title = format!("{} could not be used", support::count(pools, "more application pool"));
            judgement.findings.push(told.finding(machine));
        }
        if judgement.findings.is_empty() {
            if machine.iis_installed() == Some(false) {
                return Judgement::not_applicable("no part of IIS is installed");
            }
            if machine.iis_major() == Some(5) {
                return Judgement::not_applicable("IIS 5 has no application pools");
            }
        }
        symptoms::require_log(machine, &mut judgement, SYSTEM, Need::SystemLog);
        judgement
    }
}

fn told<'m>(machine: &Machine<'_>, pool: &str, events: Events<'m>) -> Told<'m> {
    let times: u64 = events.iter().map(|(_, symptom)| symptom.count).sum();
    let codes = symptoms::with_codes(&events);
    let what = if pool.is_empty() {
        "The activation service could not read its configuration or failed itself".to_owned()
    } else if pool == ENCRYPTION {
        "An encryption in the configuration could not be used".to_owned()
    } else if has_any(&events, &[5021, 5057, 1021, 1057]) {
        format!("The application pool {pool} had no usable identity")
    } else if has_any(&events, &[5059, 1059, 1009]) {
        format!("The application pool {pool} could not be started")
    } else {
        format!("The application pool {pool} was stopped after repeated failures")
    };
    let subject = match pool {
        "" => "service:WAS".to_owned(),
        ENCRYPTION => "config:encryption".to_owned(),
        pool => format!("pool:{pool}"),
    };
    Told {
        rule: INFO.name,
        subject,
        title: format!("{what}, {}{codes}", often(times)),
        here: here(machine, pool),
        confidence: if follows_any_crash(&events) { Confidence::Weak } else { Confidence::Strong },
        events,
    }
}

fn has_any(events: &Events<'_>, ids: &[u32]) -> bool {
    events.iter().any(|(key, _)| ids.contains(&key.id))
}

/// Whether there is no more than a worker that does not come up, or rapid-fail protection after it, without a code of
/// this family.
fn follows_any_crash(events: &Events<'_>) -> bool {
    events.iter().all(|(key, _)| match key.id {
        5002 | 1002 => true,
        5059 | 1059 | 1009 => key.code.is_none(),
        _ => false,
    })
}

/// What it points to on this machine: the pool's password, and the containers that such passwords hang on.
fn here(machine: &Machine<'_>, pool: &str) -> String {
    let user = format!("application pool {pool}");
    let configs = machine.facts.config.value();
    let mut uses = configs.into_iter().flat_map(|config| &config.uses);
    let provider = uses.find(|(_, used)| used.users.contains(&user)).map(|(name, _)| name);
    let mut parts = Vec::new();
    if let Some(provider) = provider {
        parts.push(format!("Its password in the live configuration is encrypted by {provider}."));
    }
    let keys = machine.needed.iter().filter(|need| need.role == Some(Role::WasKey));
    parts.extend(keys.map(|need| symptoms::state(machine, need.store, need.prefix, &need.name)));
    parts.join(" ")
}
