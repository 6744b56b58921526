//! `machinekeys-folder-missing`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{FolderRole, Machine, Need, Store};

/// See [`INFO`].
pub struct MachineKeysFolderMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "machinekeys-folder-missing",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "never",
    summary: "A complete volume has no MachineKeys folder although IIS is installed.",
    core: false,
    explains: &[
        "container-missing",
        "certificate-key-missing",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "The whole folder of the machine's key containers is gone: every key of IIS, of certificates and of \
              other services with it.",
    proof: "Only a complete volume (an image, or a listing of everything on it) can prove that the folder is not \
            there. A collection or a copied folder never does: nobody may have asked for it.",
    repair: "Restore the folder with its access rights from a backup. Files without their access rights are of no \
             use to services.",
    references: &["KB278381: default permissions of the MachineKeys folders"],
};

impl Rule for MachineKeysFolderMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("the folder is there");
        let facts = machine.facts;
        if facts
            .folders
            .iter()
            .any(|folder| folder.store == Store::RsaMachine && folder.role != FolderRole::Copy)
        {
            return judgement;
        }
        match machine.iis_installed() {
            Some(false) => return Judgement::not_applicable("no part of IIS is installed"),
            None => {
                judgement.gap("nothing in evidence says whether IIS is installed", Need::SoftwareHive);
                return judgement;
            }
            Some(true) => {}
        }
        let missing = facts.missing_folders.iter().find(|(store, _, _)| *store == Store::RsaMachine);
        let Some((_, path, citation)) = missing.filter(|_| facts.software.value().is_some()) else {
            judgement.gap(
                "the evidence is not a complete volume, so a folder that is not in it proves nothing",
                Need::MachineKeys,
            );
            return judgement;
        };
        judgement.findings.push(Finding {
            rule: INFO.name,
            subject: format!("folder:{}", Store::RsaMachine.id()),
            severity: Severity::Error,
            confidence: Confidence::Proven,
            title: "The MachineKeys folder is missing".to_owned(),
            explanation: format!(
                "The evidence is a complete volume, IIS is installed, and {path} is not on it. {}",
                if machine.needed.is_empty() {
                    "No key of a certificate or of a service can be opened."
                } else {
                    "Every container that IIS needs is gone with it."
                }
            ),
            evidence: vec![Cite { citation: citation.clone(), observed: format!("no {path}") }],
            remedies: vec![Remedy::Advice(
                "Restore the folder with its access rights from a backup of this server.".into(),
            )],
            affects: support::join_users(machine),
        });
        judgement
    }
}
