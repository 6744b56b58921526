//! `certificate-key-in-user-store`

use super::certificates;
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::artifact::container::Prefix;
use crate::machine::{ContainerFile, Link, Machine, Need, Standing, Store};

/// See [`INFO`].
pub struct CertificateKeyInUserStore;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "certificate-key-in-user-store",
    group: Group::Certificates,
    severity: Severity::Error,
    lowered: "warning where LocalSystem's own keys are not in evidence, or only a stopped site uses the certificate; note \
              where the key is among LocalSystem's own, or nothing of IIS uses the certificate",
    summary: "A certificate of the machine is linked to a key set of a user.",
    core: false,
    explains: &["symptom-schannel-key"],
    meaning: "The certificate was imported by a program that put its key into the profile of the user who ran it. It works \
              for that user and for nobody else: HTTP.sys, which runs as LocalSystem, finds no key.",
    proof: "The flags of the link lack the bit for the machine's key set (0x20). Keys of LocalSystem itself are user keys, \
            too, and work for HTTP.sys, so its folder is looked into.",
    repair: "Import the PFX again into the machine's store (mmc for the computer account, or certutil -importpfx), and \
             bind the certificate again. Where a machine container holds the key, certutil -repairstore is enough.",
    references: &["Microsoft: CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET"],
};

impl Rule for CertificateKeyInUserStore {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement =
            match certificates::begin(machine, "no certificate of the machine is linked to a user's key set")
            {
                Ok(judgement) => judgement,
                Err(judgement) => return judgement,
            };
        let mut unused = Vec::new();
        for seen in certificates::all(machine).filter(|seen| seen.view.link == Link::User) {
            if !certificates::is_used(&seen) {
                unused.push(seen);
                continue;
            }
            let Some(link) = seen.certificate.link.value() else { continue };
            // The provider of CNG opens containers of both kinds.
            let mut places = vec![(Store::RsaLocalSystem, Prefix::of_capi(&link.container))];
            if link.provider_type == 0 {
                places.insert(0, (Store::CngSystem, Prefix::of_cng(&link.container)));
            }
            let is_there = |(index, container): (usize, &ContainerFile)| {
                let store = machine.folder_of(index).store;
                let is_meant = |(known, prefix): &(Store, Option<Prefix>)| {
                    *known == store && prefix.is_some() && *prefix == container.prefix
                };
                // The same name with another key is of no use.
                places.iter().any(is_meant)
                    && matches!(machine.standing(index), Some(Standing::Current) | None)
                    && certificates::holds_key(machine, &seen, index) != Some(false)
            };
            let own = machine.facts.containers.iter().enumerate().any(is_there);
            let looked = places.iter().all(|(store, _)| machine.has_store(*store));
            let severity = certificates::severity(machine, &seen);
            let (severity, confidence, place) = if own {
                (
                    Severity::Note,
                    Confidence::Strong,
                    "It is among LocalSystem's own keys, where HTTP.sys finds it.",
                )
            } else if looked {
                (
                    severity,
                    Confidence::Strong,
                    "It is not among LocalSystem's own keys, so HTTP.sys does not find it.",
                )
            } else {
                judgement.gap("LocalSystem's own keys are not in evidence", Need::SystemKeys);
                (
                    severity.min(Severity::Warning),
                    Confidence::Weak,
                    "Whether it is among LocalSystem's own keys, where HTTP.sys would find it, is not in evidence.",
                )
            };
            judgement.findings.push(
                certificates::Told {
                    rule: INFO.name,
                    severity,
                    confidence,
                    title: format!(
                        "The private key of certificate {} is in a user's key set",
                        certificates::name(seen.certificate)
                    ),
                    explanation: format!(
                        "Its link names the container {} without the machine's key set. {place}",
                        link.container
                    ),
                    containers: &seen.view.by_key,
                }
                .finding(machine, &seen),
            );
        }
        certificates::tell_unused(
            machine,
            &mut judgement,
            INFO.name,
            "they are linked to user key sets",
            &unused,
        );
        judgement
    }
}
