//! `container-set-aside`

use super::support;
use super::{Confidence, Finding, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Machine, Oddity, Standing};

/// See [`INFO`].
pub struct ContainerSetAside;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-set-aside",
    group: Group::Containers,
    severity: Severity::Note,
    lowered: "never",
    summary: "A renamed copy of a container (.OLD, .bak, - Copy) that may be the one to restore.",
    core: false,
    explains: &[],
    meaning: "Someone has tried a repair before. Windows does not see a file whose name goes on after the GUID, but \
              the key in it is whole, and it may be the only copy of the key that the configuration was encrypted \
              with.",
    proof: "The file name carries more than the hash and the GUID, or the file stands in a copy of the folder; the \
            content is parsed like that of any other container.",
    repair: "Do not clean it up. Where the container in use is missing, empty or damaged, put the copy back.",
    references: &["Repair scripts that rename the new container to .OLD"],
};

impl Rule for ContainerSetAside {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match support::begin(machine, "no renamed copy stands in the key folders") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        for set in machine.sets.values() {
            for index in machine.standing_copies(set, Standing::SetAside) {
                let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
                judgement.findings.push(Finding {
                    rule: INFO.name,
                    subject: support::subject(machine, index),
                    severity: Severity::Note,
                    confidence: Confidence::Proven,
                    title: format!("A copy of the container {name} was set aside"),
                    explanation: format!(
                        "{} is a copy that Windows does not see; its state is: {}. Keep it until the repair is \
                         verified.",
                        machine.container(index).name,
                        machine.condition(index).word()
                    ),
                    evidence: support::cite(machine, index).into_iter().collect(),
                    remedies: Vec::new(),
                    affects: Vec::new(),
                });
            }
        }
        for odd in support::oddities(machine, Oddity::SetAside) {
            let title = format!(
                "{} of others {} set aside",
                support::count(odd.number, "container"),
                if odd.number == 1 { "was" } else { "were" }
            );
            let explanation = "They are not containers of IIS.";
            judgement.findings.push(support::note_on_others(INFO.name, odd, title, explanation));
        }
        judgement
    }
}
