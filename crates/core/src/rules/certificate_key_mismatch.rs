//! `certificate-key-mismatch`

use super::certificates;
use super::support;
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Condition, Content, Link, Machine, Need};

/// See [`INFO`].
pub struct CertificateKeyMismatch;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "certificate-key-mismatch",
    group: Group::Certificates,
    severity: Severity::Error,
    lowered: "warning where only a stopped site or FTP uses the certificate; note where no site of IIS \
              does",
    summary: "The container that a certificate is linked to holds another key.",
    core: false,
    explains: &["symptom-schannel-key"],
    meaning: "The file is there under the current GUID, and the key in it is not the one that the certificate was issued \
              for: the container was made anew, or another one was put in its place. TLS hand-shakes fail.",
    proof: "The modulus in the container's clear public part, of the pair that the link asks for, is not the \
            certificate's. Nothing needs to be decrypted.",
    repair: "Where another container in evidence holds the key: set the wrong one aside and rename the right one, or link \
             the certificate to it with certutil -repairstore. Else import the PFX again.",
    references: &["Microsoft Tech Community, IIS Support Blog: certificates without a usable private key"],
};

impl Rule for CertificateKeyMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if let Some(judgement) = support::template(machine) {
            return judgement;
        }
        let mut judgement = match certificates::begin(
            machine,
            "every linked container under the current GUID holds the key of its certificate",
        ) {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        if !support::require_guid(machine, &mut judgement) {
            return judgement;
        }
        let mut unused = Vec::new();
        for seen in certificates::all(machine).filter(|seen| seen.view.link == Link::Machine) {
            let Some(current) = certificates::current(machine, &seen) else {
                if seen.view.by_name.is_empty() {
                    certificates::require_folders(machine, &seen, &mut judgement);
                }
                continue;
            };
            let used = certificates::is_used(&seen);
            match certificates::holds_key(machine, &seen, current) {
                Some(true) => continue,
                Some(false) => {}
                None => {
                    if used {
                        let (why, need) = not_compared(machine, &seen, current);
                        let name = &seen.certificate.thumbprint;
                        judgement.gap(format!("the key of certificate {name} was not compared: {why}"), need);
                    }
                    continue;
                }
            }
            if !used {
                unused.push(seen);
                continue;
            }
            let holders = seen.view.by_key.iter().copied().filter(|&index| index != current);
            let shown: Vec<usize> =
                std::iter::once(current).chain(holders).take(certificates::SHOWN).collect();
            let held = if machine.condition(current) == Condition::Empty {
                "no key at all"
            } else if seen.view.by_key.contains(&current) {
                "its key as another pair than the link asks for"
            } else {
                "another key"
            };
            judgement.findings.push(
                certificates::Told {
                    rule: INFO.name,
                    severity: certificates::severity(machine, &seen),
                    confidence: Confidence::Proven.min(support::guid_confidence(machine)),
                    title: format!(
                        "The container of certificate {} holds {held}",
                        certificates::name(seen.certificate)
                    ),
                    explanation: format!(
                        "Windows opens {} for it, and that file holds {held}.",
                        machine.container(current).name
                    ),
                    containers: &shown,
                }
                .finding(machine, &seen),
            );
        }
        certificates::tell_unused(
            machine,
            &mut judgement,
            INFO.name,
            "their containers hold other keys",
            &unused,
        );
        judgement
    }
}

/// Why a key could not be compared, and what would help.
fn not_compared(machine: &Machine<'_>, seen: &certificates::Seen<'_>, index: usize) -> (&'static str, Need) {
    if seen.certificate.body.value().is_none() {
        return ("the certificate itself cannot be read", Need::UndamagedCopy);
    }
    match &machine.container(index).content {
        Content::NameOnly => ("only the name of its container is in evidence", Need::KeyFileContents),
        Content::Unreadable(_) => ("its container could not be read", Need::UndamagedCopy),
        Content::Read(inside) if !inside.damage.is_empty() => {
            ("its container is damaged", Need::UndamagedCopy)
        }
        Content::Read(_) => ("keys of this kind have no modulus that could be compared", Need::LiveKeyTest),
    }
}
