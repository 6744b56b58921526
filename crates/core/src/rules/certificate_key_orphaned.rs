//! `certificate-key-orphaned`

use super::certificates;
use super::support;
use super::{Confidence, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Machine, Standing};

/// See [`INFO`].
pub struct CertificateKeyOrphaned;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "certificate-key-orphaned",
    group: Group::Certificates,
    severity: Severity::Error,
    lowered: "warning where only a stopped site or FTP uses the certificate; note where no site of IIS \
              does",
    summary: "The container that a certificate is linked to stands only under GUIDs that are not the current one.",
    core: false,
    explains: &["symptom-schannel-key"],
    meaning: "The key is whole and on the disk, and Windows does not find it, because the GUID in its file name is not \
              the MachineGuid of today. This is what is left of HTTPS after the container of the IIS Admin Service alone \
              was renamed: Schannel reports 36870 with 0x80090016 for each such site.",
    proof: "The file stands under the hash of the container's name and another GUID. Where the file was read, its public \
            key is compared with the certificate's, so a match is proven and not taken from the name.",
    repair: "Put the old MachineGuid back, or rename the container to the current GUID; else certutil -repairstore, else \
             import the PFX again and bind it.",
    references: &[
        "How to resolve \"an attempt was made to reference a token that does not exist\" (forum article): HTTPS after the repair",
        "KB884872 (Windows 2000: MachineGuid is reset)",
    ],
};

impl Rule for CertificateKeyOrphaned {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        let mut judgement =
            match certificates::begin(machine, "no linked container stands only under another GUID") {
                Ok(judgement) => judgement,
                Err(judgement) => return judgement,
            };
        if !support::require_guid(machine, &mut judgement) {
            return judgement;
        }
        let mut unused = Vec::new();
        for seen in certificates::all(machine) {
            if seen.view.by_name.is_empty() {
                certificates::require_folders(machine, &seen, &mut judgement);
                continue;
            }
            let stands = |index: &usize, wanted| machine.standing(*index) == Some(wanted);
            let is_found = seen.view.by_name.iter().any(|index| {
                stands(index, Standing::Current)
                    || stands(index, Standing::OtherRoot) && machine.container(*index).guid == machine.guid
            });
            let mut left: Vec<usize> = seen
                .view
                .by_name
                .iter()
                .copied()
                .filter(|index| stands(index, Standing::OtherGuid))
                .collect();
            if is_found || left.is_empty() {
                continue;
            }
            if !certificates::is_used(&seen) {
                unused.push(seen);
                continue;
            }
            let held = |index: &usize| certificates::holds_key(machine, &seen, *index);
            // The one with the certificate's key first, then those that were not compared.
            left.sort_by_key(|index| match held(index) {
                Some(true) => 0,
                None => 1,
                Some(false) => 2,
            });
            let Some(&best) = left.first() else { continue };
            let store = machine.folder_of(best).store;
            let proof = held(&best);
            let confidence = match proof {
                Some(true) => support::absence(machine, store),
                _ => Confidence::Strong,
            };
            let key = match proof {
                Some(true) => "Its public key is the certificate's.",
                Some(false) => "Its public key is not the certificate's, so putting it back is not enough.",
                None => "Whether its key is the certificate's was not compared.",
            };
            let mut finding = certificates::Told {
                rule: INFO.name,
                severity: certificates::severity(machine, &seen),
                confidence: confidence.min(support::guid_confidence(machine)),
                title: format!(
                    "The private key of certificate {} stands only under another GUID",
                    certificates::name(seen.certificate)
                ),
                explanation: format!(
                    "Its container is there as {}, and the MachineGuid is {}. {key}",
                    machine.container(best).name,
                    machine.guid.as_ref().map_or("not known", |guid| guid.as_str()),
                ),
                containers: &left,
            }
            .finding(machine, &seen);
            finding.evidence.extend(support::cite_guid(machine));
            let found = machine.container(best);
            if let (Some(from), Some(prefix)) = (found.guid, found.prefix.filter(|_| proof != Some(false))) {
                finding.remedies.retain(|remedy| *remedy != Remedy::AdoptContainer { store, prefix, from });
                let first = [Remedy::RestoreGuid(from), Remedy::AdoptContainer { store, prefix, from }];
                finding.remedies.splice(0..0, first);
            }
            judgement.findings.push(finding);
        }
        certificates::tell_unused(
            machine,
            &mut judgement,
            INFO.name,
            "their containers stand only under another GUID",
            &unused,
        );
        judgement
    }
}
