//! `container-incomplete`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Rule, RuleInfo, Severity};
use crate::artifact::container::well_known::Role;
use crate::machine::{Condition, ContainerSet, Content, Machine};

/// See [`INFO`].
pub struct ContainerIncomplete;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-incomplete",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "warning for the metabase's container without both pairs, note where nothing needs the container",
    summary: "A container lacks a key pair that its owner needs.",
    core: false,
    explains: &["symptom-iisadmin-failed", "symptom-service-timeout", "symptom-app-pool-identity"],
    meaning: "A CAPI container has room for a signature pair and an exchange pair. The metabase's container needs \
              both; iisWasKey and iisConfigurationKey need the exchange pair. A container with only the other one was \
              made by something else, for example by an import: aspnet_regiis carries the exchange pair only.",
    proof: "The header says which parts the file holds.",
    repair: "Bring the whole file back from a backup or from a complete copy. An import with aspnet_regiis cannot \
             supply a signature pair.",
    references: &[
        "Blog andrekl: recovering from IIS Admin error 0x80090016 (the export skips the signature pair)",
    ],
};

impl Rule for ContainerIncomplete {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement =
            match support::begin(machine, "every container holds the pairs that its owner needs") {
                Ok(judgement) => judgement,
                Err(judgement) => return judgement,
            };
        support::require_contents(machine, &mut judgement);
        for set in machine.sets.values() {
            for &index in &set.copies {
                if machine.condition(index) == Condition::Incomplete {
                    judgement.findings.push(finding(machine, set, index));
                }
            }
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, set: &ContainerSet, index: usize) -> Finding {
    let opened = support::may_be_opened(machine, set).contains(&index);
    let need = machine.need_of(set.store, set.prefix).filter(|_| opened);
    let worst = support::severity(need);
    let severity = match need.and_then(|need| need.role) {
        Some(Role::MetabaseKey) => worst.min(Severity::Warning),
        _ => worst,
    };
    let has_signature = match &machine.container(index).content {
        Content::Read(inside) => inside.pairs.iter().any(|pair| pair.signature),
        _ => false,
    };
    let absent = if has_signature { "exchange" } else { "signature" };
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let mut remedies = Vec::new();
    if let Some(need) = need {
        remedies.extend(support::adopt(machine, set).map(|(_, adopt)| adopt));
        remedies.extend(support::put_back(machine, set));
        remedies.push(support::replace(need));
    }
    let evidence: Vec<Cite> = support::cite(machine, index)
        .map(|cite| Cite { observed: format!("{}; no {absent} pair", cite.observed), ..cite })
        .into_iter()
        .collect();
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, index),
        severity,
        confidence: support::with_need(Confidence::Proven, need),
        title: format!("The container {name} has no {absent} pair"),
        explanation: format!(
            "{} holds only its {} pair. {}",
            machine.container(index).name,
            if has_signature { "signature" } else { "exchange" },
            if opened {
                support::need_sentence(machine, set, need)
            } else {
                "Windows does not open this copy, because it does not carry the current GUID.".to_owned()
            }
        ),
        evidence,
        remedies,
        affects: need.map(|need| need.users.clone()).unwrap_or_default(),
    }
}
