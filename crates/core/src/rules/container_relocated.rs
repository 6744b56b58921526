//! `container-relocated`

use super::support;
use super::{Cite, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{FolderRole, Generation, Known, Machine, Need, Standing, Store};

/// See [`INFO`].
pub struct ContainerRelocated;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-relocated",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "note where nothing needs the container",
    summary: "A container stands below another Application Data folder than the one that the registry names.",
    core: false,
    explains: &[
        "container-missing",
        "certificate-key-missing",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "On Windows 2000 to 2003 the folder of the machine's containers lies below the path that the value Common \
              AppData names. Where that value was changed, often to a folder below %windir%\\Profiles, Windows looks \
              there, makes new containers and does not see the real ones in the other tree.",
    proof: "The value Common AppData is read, and the folders below it and below the usual path are compared.",
    repair: "Put the value of Common AppData right, in Shell Folders and User Shell Folders, or move the containers \
             (with their access rights) to where it points.",
    references: &[
        "IIS6: Supposed Metabase Corruption (MSDN blog)",
        "pcsmitpra blog: IIS Admin 7024 with a second Application Data root",
    ],
};

impl Rule for ContainerRelocated {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if machine.generation.is_some_and(|generation| generation >= Generation::Nt6) {
            return Judgement::not_applicable(
                "from Windows Vista on the folder does not depend on Common AppData",
            );
        }
        if support::nothing_to_look_at(machine) {
            return Judgement::not_applicable("no part of IIS is installed and no key folder is in evidence");
        }
        let mut judgement =
            Judgement::examined("the containers stand below the root that the registry names");
        let root = &machine.facts.os.common_app_data;
        if machine.generation.is_none() && !matches!(root, Known::Read(_)) {
            judgement.gap(
                "the version of Windows and the value Common AppData are not in evidence",
                Need::SoftwareHive,
            );
            return judgement;
        }
        if let Some((why, need)) = root.gap() {
            judgement.gap(why, need);
            return judgement;
        }
        support::require_stores(machine, &mut judgement);
        let named_root_is_there = |store: Store| {
            machine
                .facts
                .folders
                .iter()
                .any(|folder| folder.store == store && folder.role == FolderRole::Current)
                || machine.facts.missing_folders.iter().any(|(missing, _, _)| *missing == store)
        };
        for set in machine.sets.values() {
            let relocated: Vec<usize> = machine
                .standing_copies(set, Standing::OtherRoot)
                .into_iter()
                .filter(|&index| machine.guid.is_none() || machine.container(index).guid == machine.guid)
                .collect();
            let Some(&index) = relocated.first() else { continue };
            if machine
                .standing_copies(set, Standing::Current)
                .iter()
                .any(|&copy| machine.condition(copy).is_usable())
            {
                continue;
            }
            if !named_root_is_there(set.store) {
                judgement.gap("the root that Common AppData names is not in evidence", Need::MachineKeys);
                continue;
            }
            judgement.findings.push(finding(machine, set, index));
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, set: &crate::machine::ContainerSet, index: usize) -> Finding {
    let need = machine.need_of(set.store, set.prefix);
    let name = set.name.clone().unwrap_or_else(|| set.prefix.to_string());
    let folder = machine.folder_of(index);
    let root = &machine.facts.os.common_app_data;
    let mut evidence: Vec<Cite> = support::cite(machine, index).into_iter().collect();
    if let (Some(value), Some(citation)) = (root.value(), root.citation()) {
        evidence.push(Cite { citation: citation.clone(), observed: value.clone() });
    }
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, index),
        severity: support::severity(need),
        confidence: support::with_need(support::absence(machine, set.store), need),
        title: format!("The container {name} stands below another root than the registry names"),
        explanation: format!(
            "The registry names {} as Common AppData, and the container stands in {}. Windows looks only below the \
             named root. {}",
            root.value().map_or("another folder", String::as_str),
            folder.windows_path,
            support::need_sentence(machine, set, need)
        ),
        evidence,
        remedies: if need.is_some() {
            vec![Remedy::MoveToCurrentRoot { container: index }]
        } else {
            Vec::new()
        },
        affects: need.map(|need| need.users.clone()).unwrap_or_default(),
    }
}
