//! `certificate-key-missing`

use super::certificates;
use super::support;
use super::{Confidence, Group, Judgement, Rule, RuleInfo, Severity};
use crate::machine::{Link, Machine, Need};

/// See [`INFO`].
pub struct CertificateKeyMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "certificate-key-missing",
    group: Group::Certificates,
    severity: Severity::Error,
    lowered: "warning where only a stopped site or FTP uses the certificate; note where no site of IIS \
              does",
    summary: "The container that a certificate is linked to has no file under any GUID, or a certificate in use has no key at all.",
    core: true,
    explains: &["symptom-schannel-key"],
    meaning: "The store holds a certificate and says in which container its private key stands; there is no such \
              container. Browsers cannot connect, and Schannel reports 36870 with 0x8009030D or 0x80090016.",
    proof: "The link names container, provider and key set. For a software provider of Windows the file must stand in \
            the machine's key folder under the hash of that name: in RSA\\MachineKeys for a provider of CAPI, in Crypto\\Keys \
            or there for the provider of CNG. All GUIDs are looked at. Keys of a TPM, a smart card, an HSM or a cloud \
            are not files, so nothing is said about them. Independently, the certificate's public key is compared with \
            every container that was read.",
    repair: "Where the key stands under another name: let certutil -repairstore link the certificate to it. Else restore \
             the container from a backup, or import the PFX again; the thumbprint stays, so the binding holds. Without \
             either, request a new certificate.",
    references: &[
        "KB884872 and the forum article about it: TLS certificates after a change of the MachineGuid",
        "Microsoft Tech Community, IIS Support Blog: certificates without a usable private key",
    ],
};

impl Rule for CertificateKeyMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement =
            match certificates::begin(machine, "every linked container of a software provider has a file") {
                Ok(judgement) => judgement,
                Err(judgement) => return judgement,
            };
        let mut unused = Vec::new();
        for seen in certificates::all(machine) {
            match &seen.view.link {
                Link::Machine => {}
                Link::Elsewhere(provider) if certificates::is_used(&seen) => {
                    let name = &seen.certificate.thumbprint;
                    judgement.gap(
                        format!("the key of certificate {name} is kept by {provider}, outside of files"),
                        Need::LiveKeyTest,
                    );
                    continue;
                }
                Link::None if certificates::is_used(&seen) => {
                    if certificates::machine_keys(machine, &seen).is_empty() {
                        without_link(machine, &seen, &mut judgement);
                    }
                    continue;
                }
                _ => continue,
            }
            if !seen.view.by_name.is_empty() || !certificates::require_folders(machine, &seen, &mut judgement)
            {
                continue;
            }
            if !certificates::is_used(&seen) {
                unused.push(seen);
                continue;
            }
            let store = seen.view.places.first().map(|(store, _)| *store);
            let absence = seen.view.places.iter().map(|(store, _)| support::absence(machine, *store)).min();
            let link = seen.certificate.link.value();
            let container = link.map_or("", |link| link.container.as_str());
            let sound = certificates::sound_by_key(machine, &seen);
            let elsewhere = match (sound.is_empty(), seen.view.by_key.is_empty()) {
                (false, _) => {
                    "Its key is there all the same, in a container of another name or in a copy that was set aside."
                }
                (true, false) => "Its key stands in another container that Windows cannot open, either.",
                (true, true) => "No container in evidence holds its key under another name either.",
            };
            let mut finding = certificates::Told {
                rule: INFO.name,
                severity: certificates::severity(machine, &seen),
                confidence: absence.unwrap_or(Confidence::Strong),
                title: format!("The private key of certificate {} is missing", certificates::name(seen.certificate)),
                explanation: format!(
                    "It is linked to the container {container}, and no file of that container stands in the key folder \
                     under any GUID. {elsewhere}"
                ),
                containers: &seen.view.by_key,
            }.finding(machine, &seen);
            finding.evidence.extend(store.and_then(|store| certificates::cite_store(machine, store)));
            judgement.findings.push(finding);
        }
        certificates::tell_unused(
            machine,
            &mut judgement,
            INFO.name,
            "the linked containers have no file",
            &unused,
        );
        judgement
    }
}

/// A certificate in use that nothing ties to a key: without a link Windows does not look for one.
fn without_link(machine: &Machine<'_>, seen: &certificates::Seen<'_>, judgement: &mut Judgement) {
    if machine.facts.os.image_layer {
        judgement.gap("a layer of a container image holds only what it changes", Need::WholeVolume);
        return;
    }
    let has_modulus = seen.certificate.body.value().is_some_and(|body| body.modulus_sha256.is_some());
    let key = if !has_modulus {
        "Its key is of a kind that cannot be compared with containers, so whether one holds it is not known: try certutil \
         -repairstore before the PFX."
    } else if certificates::key_folders_are_there(machine) {
        "No container in evidence holds its key: it was imported without its private key, as a CER file is."
    } else {
        "Whether its key is still on the machine is not in evidence."
    };
    judgement.findings.push(
        certificates::Told {
            rule: INFO.name,
            severity: certificates::severity(machine, seen),
            confidence: Confidence::Strong,
            title: format!(
                "Certificate {} has no link to a private key",
                certificates::name(seen.certificate)
            ),
            explanation: format!("Nothing ties it to a container, and Windows looks for no other. {key}"),
            containers: &[],
        }
        .finding(machine, seen),
    );
}
