//! `container-corrupt`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Condition, ContainerSet, Content, Machine, Oddity, Standing};

/// See [`INFO`].
pub struct ContainerCorrupt;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-corrupt",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "warning where something is set up to use the container and does not yet; note where nothing needs it",
    summary: "A container file is empty, filled with zeros, truncated, foreign, or its parts disagree.",
    core: true,
    explains: &["symptom-iisadmin-failed", "symptom-service-timeout", "symptom-app-pool-identity"],
    meaning: "The file does not hold what its own header says. A power cut leaves files of zeros, because the file \
              system had written the name and not the data; a full disk truncates; an encryption or compression \
              filter leaves foreign content.",
    proof: "A container file's header names the length of each of its parts; together they must be the size of the \
            file. Each part that is there must start as its kind does, and a key pair must have its public part, its \
            private part and its export flag together. None of this needs a secret.",
    repair: "Bring the file back from a backup made before the damage. A complete copy under another GUID or a \
             set-aside copy is the next best source. Only then make the key anew, at the price of everything that was \
             encrypted with it.",
    references: &["Layouts of CAPI and CNG key files as read by mimikatz and SharpDPAPI"],
};

impl Rule for ContainerCorrupt {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match support::begin(machine, "every container file holds what its header says") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        support::require_contents(machine, &mut judgement);
        for set in machine.sets.values() {
            for &index in &set.copies {
                if machine.condition(index) == Condition::Damaged
                    && !matches!(machine.container(index).content, Content::Unreadable(_))
                {
                    judgement.findings.push(finding(machine, set, index));
                }
            }
        }
        for odd in support::oddities(machine, Oddity::Damaged) {
            let title = format!(
                "{} of others {} damaged",
                support::count(odd.number, "container"),
                if odd.number == 1 { "is" } else { "are" }
            );
            let explanation = "They are not containers of IIS. Whoever owns them cannot use them; IIS is not concerned. Find the owner \
                               before touching them: a certificate's key may be among them.";
            judgement.findings.push(support::note_on_others(INFO.name, odd, title, explanation));
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, set: &ContainerSet, index: usize) -> Finding {
    let opened = match machine.standing(index) {
        Some(standing) => standing == Standing::Current,
        None => set.copies.len() == 1,
    };
    let need = machine.need_of(set.store, set.prefix).filter(|_| opened);
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let damage = what_is_wrong(machine, index);
    let mut evidence: Vec<Cite> = Vec::new();
    if let Some(cite) = support::cite(machine, index) {
        evidence.push(Cite { observed: damage.join("; "), ..cite });
    }
    let mut remedies = Vec::new();
    if let Some(need) = need {
        remedies.extend(support::put_back(machine, set));
        remedies.extend(support::adopt(machine, set).map(|(_, adopt)| adopt));
        remedies.push(support::replace(need));
    }
    let confidence = if machine.guid.is_some() { Confidence::Proven } else { Confidence::Strong };
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, index),
        severity: support::severity(need),
        confidence: support::with_need(confidence, need),
        title: format!("The container file of {name} is damaged"),
        explanation: format!(
            "{}: {}. {}",
            machine.container(index).name,
            damage.join("; "),
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

fn what_is_wrong(machine: &Machine<'_>, index: usize) -> Vec<String> {
    let container = machine.container(index);
    match &container.content {
        Content::Read(inside) if !inside.damage.is_empty() => {
            inside.damage.iter().map(|(offset, what)| format!("{what} (offset {offset:#x})")).collect()
        }
        _ => vec![match container.size {
            Some(0) => "the file has 0 bytes".to_owned(),
            Some(size) => format!("the file has {size} bytes, fewer than its header and name take"),
            None => "the file is damaged".to_owned(),
        }],
    }
}
