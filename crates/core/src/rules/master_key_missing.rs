//! `master-key-missing`

use std::collections::BTreeSet;

use super::proofs::{self, Guarded};
use super::support;
use super::{Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Coverage, KeyProof, Machine, Need};

/// See [`INFO`].
pub struct MasterKeyMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "master-key-missing",
    group: Group::Protection,
    severity: Severity::Error,
    lowered: "warning where the configuration is set up to use the container and no value does yet; note for copies that \
              are not in use and for containers of others",
    summary: "A container's private key is protected with a master key that the Protect folder does not hold.",
    core: true,
    explains: &["symptom-iisadmin-failed", "symptom-app-pool-identity", "symptom-dpapi"],
    meaning: "Windows protects the private key in a container with a DPAPI master key of LocalSystem. The master keys are \
              files in System32\\Microsoft\\Protect\\S-1-5-18, named by their GUID. When the file is gone, for example \
              after a clean-up or when only ProgramData was restored onto a fresh installation, nobody can open the \
              container any more: the program that needs it hears 0x8009000B or 0x80090016.",
    proof: "The DPAPI blob of the private key names its master key in clear, so no secret is needed. Both S-1-5-18 and its \
            folder User were searched. On a complete volume the absence is proven, in a copied folder it is likely: the \
            files are hidden system files that copy tools leave out.",
    repair: "Bring the master key file back from a backup of the system drive, with its hidden and system attributes and its \
             access rights. Where there is none, the key in the container is lost: restore or import the container, or \
             make a new one and enter again what was encrypted.",
    references: &["Passcape: DPAPI secrets", "impacket: dpapi.py (structure of blobs and master keys)"],
};

impl Rule for MasterKeyMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match support::begin(machine, "the master key of every container is there") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        support::require_contents(machine, &mut judgement);
        if !proofs::require_protect(machine, &mut judgement) {
            return judgement;
        }
        proofs::require_keys(machine, &mut judgement);
        let known = &machine.facts.protection.master_keys;
        let is_there = |guid: &str| known.iter().any(|key| key.guid.as_str().eq_ignore_ascii_case(guid));
        for guarded in proofs::guarded(machine) {
            if guarded.any(|proof| *proof == KeyProof::MasterKeyMissing) {
                judgement.findings.push(finding(machine, &guarded));
            } else if guarded.severity > Severity::Note
                && guarded.any(|proof| *proof == KeyProof::Lacks(Need::Protect))
            {
                let name = machine.display_name(guarded.index);
                judgement.gap(
                    format!("a listing names the master key of {name}, and its bytes were not collected"),
                    Need::Protect,
                );
            } else if guarded.severity > Severity::Note && !guarded.master_keys().into_iter().all(is_there) {
                // Files that could not be read are there all the same.
                let name = machine.display_name(guarded.index);
                judgement.gap(
                    format!("not every master key file could be read, and the one of {name} is not among the others"),
                    Need::UndamagedCopy,
                );
            }
        }
        judgement
    }
}

/// The master keys that something needs and that are missing.
pub(crate) fn missing(machine: &Machine<'_>) -> Vec<String> {
    let guarded = proofs::guarded(machine);
    let needed = guarded.iter().filter(|guarded| guarded.severity == Severity::Error);
    let guids: BTreeSet<&str> = needed.flat_map(missing_of).collect();
    guids.into_iter().map(str::to_owned).collect()
}

fn missing_of<'m>(guarded: &Guarded<'m>) -> BTreeSet<&'m str> {
    let pairs = guarded.inside.pairs.iter().filter(|pair| pair.proof == KeyProof::MasterKeyMissing);
    pairs.filter_map(|pair| pair.master_key.as_deref()).collect()
}

fn finding(machine: &Machine<'_>, guarded: &Guarded<'_>) -> Finding {
    let name = machine.display_name(guarded.index);
    let missing: Vec<&str> = missing_of(guarded).into_iter().collect();
    let protection = &machine.facts.protection;
    let is_complete = protection.folders.iter().all(|folder| folder.coverage == Coverage::Complete);
    let mut evidence: Vec<_> = support::cite(machine, guarded.index).into_iter().collect();
    evidence.extend(proofs::cite_protect(protection));
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, guarded.index),
        severity: guarded.severity,
        confidence: if is_complete { Confidence::Proven } else { Confidence::Strong },
        title: format!("The master key of the container {name} is missing"),
        explanation: format!(
            "The private key in {} is protected with the master key {}, and LocalSystem's Protect folder holds no such file. \
             Without it the container cannot be opened by anybody.{}",
            machine.container(guarded.index).name,
            missing.join(" and "),
            if others_are_there(machine) {
                " Master keys of other containers are there, so the file may as well have been copied from another server."
            } else {
                ""
            }
        ),
        evidence,
        remedies: proofs::bring_back(machine, guarded)
            .into_iter()
            .chain([Remedy::Advice(format!(
            "Bring the master key file {} back from a backup of System32\\Microsoft\\Protect\\S-1-5-18 of this server.",
            missing.join(" and ")
        ))]).collect(),
        affects: support::users_of(machine, guarded.index),
    }
}

/// Whether the master key of any other container is there.
fn others_are_there(machine: &Machine<'_>) -> bool {
    proofs::guarded(machine).iter().any(|guarded| guarded.any(|proof| proof.opened_with().is_some()))
}
