//! `container-empty`

use super::support;
use super::{Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::artifact::container::well_known::Role;
use crate::machine::{Condition, ContainerSet, Machine, Needed, Oddity};

/// See [`INFO`].
pub struct ContainerEmpty;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-empty",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "warning for the metabase's container, note for containers whose normal state it may be",
    summary: "A container file has a header and a name and no key pair.",
    core: false,
    explains: &[
        "certificate-key-mismatch",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "A container is written in two steps: first the header with the name, then the keys. A file that stayed \
              at the first step (78 bytes for the metabase's container, 50 for iisWasKey) was made by a program that \
              stopped before it had a key: typically a service that expected to find its old one.",
    proof: "The lengths in the header name no key part, and the file is exactly 40 bytes plus the name and its NUL \
            long. That such a file is not the normal state is inferred, so the confidence is strong. For MS IIS DCOM \
            Server and for containers of others it may well be normal.",
    repair: "Find the key that the program expected: the same container under another GUID, a set-aside copy or a \
             backup. An empty container has nothing to lose, but set it aside instead of deleting it.",
    references: &[
        "MachineKey in IIS (blog article): writes of 59 and 78 bytes when the service is installed",
    ],
};

impl Rule for ContainerEmpty {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match support::begin(machine, "every container holds a key pair") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        support::require_contents(machine, &mut judgement);
        for set in machine.sets.values() {
            for &index in &set.copies {
                if machine.condition(index) == Condition::Empty {
                    judgement.findings.push(finding(machine, set, index));
                }
            }
        }
        for odd in support::oddities(machine, Oddity::Empty) {
            let title = format!(
                "{} of others {} no key",
                support::count(odd.number, "container"),
                if odd.number == 1 { "holds" } else { "hold" }
            );
            let explanation =
                "They are not containers of IIS, and for their owners this may be the normal state.";
            judgement.findings.push(support::note_on_others(INFO.name, odd, title, explanation));
        }
        judgement
    }
}

fn weigh(need: Option<&Needed>) -> Severity {
    let worst = support::severity(need);
    match need.and_then(|need| need.role) {
        Some(Role::WasKey | Role::ConfigurationKey) => worst,
        Some(Role::MetabaseKey) => worst.min(Severity::Warning),
        _ => Severity::Note,
    }
}

fn finding(machine: &Machine<'_>, set: &ContainerSet, index: usize) -> Finding {
    let opened = support::may_be_opened(machine, set).contains(&index);
    let need = machine.need_of(set.store, set.prefix).filter(|_| opened);
    let severity = weigh(need);
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let mut remedies = Vec::new();
    if let Some(need) = need.filter(|_| severity > Severity::Note) {
        remedies.extend(support::put_back(machine, set));
        if let Some((from, adopt)) = support::adopt(machine, set) {
            remedies.extend([Remedy::RestoreGuid(from), adopt]);
        }
        remedies.push(support::replace(need));
    }
    let normal =
        set.well_known.is_none_or(|known| known.role != Role::MetabaseKey) && severity == Severity::Note;
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, index),
        severity,
        confidence: Confidence::Strong,
        title: format!("The container {name} holds no key"),
        explanation: format!(
            "{} is a header with a name: no key pair was ever written to it.{} {}",
            machine.container(index).name,
            if normal { " For this container that may be the normal state." } else { "" },
            if opened {
                support::need_sentence(machine, set, need)
            } else {
                "Windows does not open this copy, because it does not carry the current GUID.".to_owned()
            }
        ),
        evidence: support::cite(machine, index).into_iter().collect(),
        remedies,
        affects: if severity == Severity::Note {
            Vec::new()
        } else {
            need.map(|need| need.users.clone()).unwrap_or_default()
        },
    }
}
