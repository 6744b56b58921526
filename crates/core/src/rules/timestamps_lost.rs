//! `timestamps-lost`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Citation, FolderRole, KeyFolder, Locator, Machine, Need, Standing};

/// See [`INFO`].
pub struct TimestampsLost;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "timestamps-lost",
    group: Group::Evidence,
    severity: Severity::Warning,
    lowered: "note where no finding and no plan has to choose by creation times",
    summary: "Creation times of key files are not in evidence, or are those of the copy.",
    core: false,
    explains: &[],
    meaning: "Which of two containers is the older one is often the only sign of which key was in use. A copied folder \
              carries the times of the copy, and this program never reports creation times of the disk that the \
              analyst works on.",
    proof: "No creation time is in evidence; or all of them lie within minutes of each other although the machine is \
            older; or all of them are later than the last write of the registry that was collected with them.",
    repair: "Add a listing made on the server beside the copied folder; it is preferred over the times of the copy.",
    references: &["Microsoft: dir /tc; Get-ChildItem CreationTimeUtc"],
};

impl Rule for TimestampsLost {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("the creation times are those of the machine");
        let folders: Vec<(usize, &KeyFolder)> = machine
            .facts
            .folders
            .iter()
            .enumerate()
            .filter(|(_, folder)| folder.role != FolderRole::Copy)
            .collect();
        if folders.is_empty() {
            if support::nothing_to_look_at(machine) {
                return Judgement::not_applicable(
                    "no part of IIS is installed and no key folder is in evidence",
                );
            }
            judgement.gap("no key folder is in evidence", Need::MachineKeys);
        }
        for (index, folder) in folders {
            let Some(why) = machine.times_lost(folder) else { continue };
            let must_choose = must_choose(machine, index);
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: support::subject_of_folder(folder),
                severity: if must_choose { Severity::Warning } else { Severity::Note },
                confidence: if folder.with_created == 0 { Confidence::Proven } else { Confidence::Strong },
                title: format!("The creation times of {} are lost", folder.store.id()),
                explanation: format!(
                    "Of the creation times of {}, {why}. {}",
                    support::count(folder.count, "container file"),
                    if must_choose {
                        "A needed container stands there in several copies that only their age would tell apart."
                    } else {
                        "No finding had to choose by age."
                    }
                ),
                evidence: vec![Cite {
                    citation: Citation::new(folder.file, Locator::File),
                    observed: match (folder.first_created, folder.last_created) {
                        (Some(first), Some(last)) => format!("created from {first} to {last}"),
                        _ => "no creation time".to_owned(),
                    },
                }],
                remedies: vec![Remedy::Advice(crate::collect::what(Need::CreationTimes).to_owned())],
                affects: Vec::new(),
            });
        }
        judgement
    }
}

/// Whether a needed container stands in that folder in several usable copies.
fn must_choose(machine: &Machine<'_>, folder: usize) -> bool {
    machine.needed.iter().any(|need| {
        machine.sets.get(&(need.store, need.prefix)).is_some_and(|set| {
            let usable = set
                .copies
                .iter()
                .filter(|&&index| machine.container(index).folder == folder)
                .filter(|&&index| machine.standing(index) != Some(Standing::SetAside))
                .filter(|&&index| machine.condition(index).is_usable())
                .count();
            usable > 1
        })
    })
}
