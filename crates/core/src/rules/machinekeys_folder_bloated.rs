//! `machinekeys-folder-bloated`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Citation, FolderRole, Locator, Machine, Need, Store};

/// More files than this are a warning.
pub const LIMIT: u64 = 10_000;

/// See [`INFO`].
pub struct MachineKeysFolderBloated;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machinekeys-folder-bloated",
    group: Group::Containers,
    severity: Severity::Warning,
    lowered: "never",
    summary: "More than 10,000 files stand in a machine key folder.",
    core: false,
    explains: &[],
    meaning: "Some program makes a key container at each run and never removes it; typical is a certificate that is \
              loaded from a PFX with a machine key set in a loop. Opening and listing keys becomes slow, and the disk \
              may fill. The greater danger is the clean-up: scripts that delete by age take the containers of IIS \
              with them.",
    proof: "The files are counted. The groups of the report show their name pattern, their sizes and the days on \
            which they were made, which points to the program.",
    repair: "Find and stop the program first. Then move, never delete, only files that match its pattern, and none \
             that a certificate or a well-known container uses.",
    references: &[
        "Redth/PushSharp issue 929 and Pro/dkim-exchange issue 91: millions of key files",
        "VMware KB82553",
    ],
};

impl Rule for MachineKeysFolderBloated {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("the folder holds 10,000 files or fewer");
        let folders: Vec<_> = machine
            .facts
            .folders
            .iter()
            .filter(|folder| folder.role != FolderRole::Copy)
            .filter(|folder| matches!(folder.store, Store::RsaMachine | Store::DssMachine))
            .collect();
        if !machine.has_store(Store::RsaMachine) {
            if support::nothing_to_look_at(machine) {
                return Judgement::not_applicable(
                    "no part of IIS is installed and no key folder is in evidence",
                );
            }
            judgement.gap("the MachineKeys folder is not in evidence", Need::MachineKeys);
        }
        for folder in folders {
            if folder.count <= LIMIT {
                continue;
            }
            judgement.findings.push(Finding {
                rule: INFO.name,
                subject: support::subject_of_folder(folder),
                severity: Severity::Warning,
                confidence: Confidence::Proven,
                title: format!("{} files stand in the key folder {}", folder.count, folder.store.id()),
                explanation: format!(
                    "{} holds {} container files. Some program makes containers and does not remove them; the groups \
                     in this report show which names and days they share.",
                    folder.windows_path, folder.count
                ),
                evidence: vec![Cite {
                    citation: Citation::new(folder.file, Locator::File),
                    observed: format!("{} files", folder.count),
                }],
                remedies: vec![Remedy::Advice(
                    "Find the program that makes them before anything is moved, and keep every well-known container \
                     in place."
                        .into(),
                )],
                affects: Vec::new(),
            });
        }
        judgement
    }
}
