//! `certificate-key-unlinked`

use super::certificates;
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Link, Machine, Need};

/// See [`INFO`].
pub struct CertificateKeyUnlinked;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "certificate-key-unlinked",
    group: Group::Certificates,
    severity: Severity::Warning,
    lowered: "note where nothing of IIS uses the certificate",
    summary: "A certificate has no link to a key, and a container with its key is there.",
    core: false,
    explains: &["symptom-schannel-key"],
    meaning: "A certificate that was imported without its key, or whose properties were lost, has no private key for \
              Windows although the key stands on the disk.",
    proof: "The certificate has no key provider property, and the modulus in the clear public part of a machine container \
            is the certificate's.",
    repair: "certutil -repairstore with the certificate's store and thumbprint links it to its key again. Where the \
             container stands under another GUID, rename it first.",
    references: &["Microsoft: certutil -repairstore"],
};

impl Rule for CertificateKeyUnlinked {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement =
            match certificates::begin(machine, "no certificate without a link has its key in a container") {
                Ok(judgement) => judgement,
                Err(judgement) => return judgement,
            };
        let mut unused = Vec::new();
        for seen in certificates::all(machine).filter(|seen| seen.view.link == Link::None) {
            let name = &seen.certificate.thumbprint;
            match seen.certificate.body.value() {
                None => {
                    judgement.gap(format!("certificate {name} cannot be read"), Need::UndamagedCopy);
                    continue;
                }
                Some(body) if body.modulus_sha256.is_none() => {
                    if certificates::is_used(&seen) {
                        judgement.gap(
                            format!(
                                "the {} key of certificate {name} cannot be compared with containers",
                                body.key_algorithm
                            ),
                            Need::LiveKeyTest,
                        );
                    }
                    continue;
                }
                Some(_) => {}
            }
            let here = certificates::machine_keys(machine, &seen);
            let used = certificates::is_used(&seen);
            let Some(&first) = here.first() else {
                if !certificates::key_folders_are_there(machine) && used {
                    judgement
                        .gap("a folder of the machine's containers is not in evidence", Need::MachineKeys);
                }
                continue;
            };
            if !used {
                unused.push(seen);
                continue;
            }
            judgement.findings.push(
                certificates::Told {
                    rule: INFO.name,
                    severity: certificates::warning_if_bound(machine, &seen),
                    confidence: Confidence::Proven,
                    title: format!(
                        "Certificate {} is not linked to its private key",
                        certificates::name(seen.certificate)
                    ),
                    explanation: format!(
                        "It has no link to a container, and {} holds the key of the same modulus.",
                        machine.container(first).name
                    ),
                    containers: &here,
                }
                .finding(machine, &seen),
            );
        }
        certificates::tell_unused(
            machine,
            &mut judgement,
            INFO.name,
            "they have no link, and containers hold their keys",
            &unused,
        );
        judgement
    }
}
