//! `container-set-aside`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Rule, RuleInfo, Severity};
use crate::artifact::container::WellKnown;
use crate::machine::facts::DeletedContainer;
use crate::machine::{Machine, Oddity, Standing};

/// See [`INFO`].
pub struct ContainerSetAside;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-set-aside",
    group: Group::Containers,
    severity: Severity::Note,
    lowered: "never",
    summary: "A renamed (.OLD, .bak, - Copy) or deleted copy of a container that may be the one to restore.",
    core: false,
    explains: &[],
    meaning: "Someone has tried a repair before. Windows does not see a file whose name goes on after the GUID, but \
              the key in it is whole, and it may be the only copy of the key that the configuration was encrypted \
              with. A disk image also shows containers that were deleted, as long as the volume keeps their names.",
    proof: "The file name carries more than the hash and the GUID, or the file stands in a copy of the folder; the \
            content is parsed like that of any other container. A deleted one is known by its record in the master file \
            table or by what is left of its row in the folder; sequence numbers tell whether both belong together.",
    repair: "Do not clean it up. Where the container in use is missing, empty or damaged, put the copy back. A \
             deleted one can be recovered from the image by its record number, with a forensic tool.",
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
        judgement.findings.extend(machine.facts.deleted.iter().filter_map(|copy| deleted(machine, copy)));
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

/// A container that was deleted: what is left of it, and never that it is there.
fn deleted(machine: &Machine<'_>, copy: &DeletedContainer) -> Option<Finding> {
    let folder = machine.facts.folders.get(copy.folder)?;
    let set = machine.sets.get(&(folder.store, copy.prefix));
    let known = WellKnown::by_prefix(folder.store.family(), copy.prefix).map(|known| known.name.to_owned());
    let name = set.and_then(|set| set.name.clone()).or(known).unwrap_or_else(|| copy.prefix.to_string());
    let left = match &copy.content {
        Ok(inside) if !inside.damage.is_empty() => "its bytes are left and are damaged".to_owned(),
        Ok(inside) if inside.pairs.is_empty() => "its bytes are left; they hold no key pair".to_owned(),
        Ok(inside) => format!(
            "all of its {} bytes are left, with {}",
            copy.size,
            support::count(inside.pairs.len() as u64, "key pair")
        ),
        Err(lost) => format!("its content is lost: {lost}"),
    };
    // A row that the folder no longer uses stays behind after a rename and a move, too.
    let (title, fate, observed) = match copy.record {
        Some(record) => (
            format!("A copy of the container {name} was deleted"),
            "was deleted",
            format!("file record {record}, no longer of this file"),
        ),
        None => (
            format!("A copy of the container {name} is gone from its folder"),
            "was deleted, renamed or moved",
            "a name in the unused part of the folder".to_owned(),
        ),
    };
    Some(Finding {
        rule: INFO.name,
        subject: match copy.record {
            Some(record) => format!("deleted-container:{}/{}@{record}", folder.store.id(), copy.name),
            None => format!("deleted-container:{}/{}", folder.store.id(), copy.name),
        },
        severity: Severity::Note,
        // Free clusters may have been used and freed again since; only the parsed content speaks for itself.
        confidence: if copy.content.is_ok() { Confidence::Strong } else { Confidence::Weak },
        title,
        explanation: format!(
            "{} stood in {} and {fate}; {left}. It is not there for Windows.",
            copy.name, folder.windows_path
        ),
        evidence: vec![Cite { citation: copy.citation.clone(), observed }],
        remedies: Vec::new(),
        affects: Vec::new(),
    })
}
