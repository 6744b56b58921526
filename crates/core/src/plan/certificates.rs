//! The steps that concern certificates.

use super::action::{Action, Source};
use super::candidates::Candidate;
use super::commands::{self, BACKUP};
use super::steps::Step;
use crate::artifact::container::Guid;
use crate::machine::{Certificate, Facts, Generation, Link, Machine, RecoveryKind, Standing, StorePlace};
use crate::rules;

/// The stores in which the candidate changes links, sorted.
pub(super) fn stores(machine: &Machine<'_>, candidate: &Candidate) -> Vec<String> {
    let linked = candidate.actions.iter().filter_map(|action| match action {
        Action::LinkCertificate { certificate, .. } | Action::ImportCertificate { certificate, .. } => {
            certificate_at(machine.facts, *certificate)
        }
        _ => None,
    });
    let mut stores: Vec<String> = linked
        .filter(|certificate| certificate.place == StorePlace::Machine)
        .map(|certificate| certificate.store.clone())
        .collect();
    stores.sort();
    stores.dedup();
    stores
}

fn certificate_at(facts: &Facts, at: usize) -> Option<&Certificate> {
    facts.tls.certificates.value()?.get(at)
}

/// Store and thumbprint as certutil takes them; `None` where they are not what Windows writes, or the store is not the
/// machine's own.
fn typed(certificate: &Certificate) -> Option<(&str, &str)> {
    let sha1 = certificate.body.value()?.sha1;
    let is_hash = certificate.thumbprint.eq_ignore_ascii_case(&data_encoding::HEXUPPER.encode(&sha1));
    (is_hash && certificate.place == StorePlace::Machine && commands::quote(&certificate.store).is_some())
        .then_some((certificate.store.as_str(), certificate.thumbprint.as_str()))
}

/// How to see that a certificate has its key again.
fn tested(certificate: &Certificate) -> String {
    match typed(certificate) {
        Some((store, thumbprint)) => {
            let store = commands::quote(store).unwrap_or_default();
            format!("certutil -verifystore {store} {thumbprint} says that the encryption test passed.")
        }
        None => "The certificate's page says that there is a private key for it.".to_owned(),
    }
}

/// The step that links a certificate to its key.
pub(super) fn link(machine: &Machine<'_>, facts: &Facts, certificate: usize, container: usize) -> Step {
    let Some(certificate) = certificate_at(facts, certificate) else { return Step::default() };
    let file = facts.containers.get(container).map_or("", |container| container.name.as_str());
    let (store, thumbprint) = (&certificate.store, &certificate.thumbprint);
    let target = format!("certificate {thumbprint} in store {store}");
    let verify = format!("{} The site answers over HTTPS.", tested(certificate));
    if machine.generation == Some(Generation::Nt50) {
        return Step {
            action: "link-certificate",
            target,
            detail: format!(
                "Its private key stands in {file}. Windows 2000 has no command that links a certificate to a key that is \
                 there: export the certificate without its key, import its PFX with the key, and assign it to the site."
            ),
            risk: "Without a PFX at hand this step is no way; do not remove the certificate before the PFX is found."
                .to_owned(),
            undo: "Assign the old certificate again.".to_owned(),
            verify,
            ..Step::default()
        };
    }
    let command = typed(certificate).and_then(|(store, hash)| commands::repair_store(store, hash));
    let by_hand = if command.is_none() {
        " Its store or its name cannot be put into a command safely: use certutil -repairstore by hand."
    } else {
        ""
    };
    Step {
        action: "link-certificate",
        target,
        detail: format!(
            "Let certutil link the certificate to its private key, which stands in {file}. It looks for a container \
             with the certificate's public key and writes the link.{by_hand}"
        ),
        commands: command.into_iter().collect(),
        risk: "Only the link changes; the certificate and the key stay as they are.".to_owned(),
        undo: match commands::save_store(machine, store) {
            Some(_) => {
                format!("Import {BACKUP}\\{}, which the first step saved.", commands::store_file(store))
            }
            None => {
                "Export the store's registry key by hand before this step, and import it again.".to_owned()
            }
        },
        verify,
    }
}

/// How to bring a store back.
fn saved(machine: &Machine<'_>, store: &str) -> String {
    match commands::save_store(machine, store) {
        Some(_) => format!("Import {BACKUP}\\{}, which the first step saved.", commands::store_file(store)),
        None => "Export the store's registry key by hand before this step, and import it again.".to_owned(),
    }
}

/// The PFX files of the evidence, in a phrase.
pub(crate) fn found_pfx(facts: &Facts) -> String {
    let pfx = facts.recovery.iter().filter(|source| source.kind == RecoveryKind::Pfx);
    let found: Vec<String> = pfx.map(|source| source.windows_path.clone()).collect();
    if found.is_empty() {
        "none is in evidence".to_owned()
    } else {
        format!("in evidence: {}", rules::join(&found, 5))
    }
}

/// The step that imports a certificate with its key.
pub(super) fn import(machine: &Machine<'_>, facts: &Facts, certificate: usize, source: Source) -> Step {
    let Some(certificate) = certificate_at(facts, certificate) else { return Step::default() };
    match source {
        Source::Original => {
            let target = format!("certificate {} in store {}", certificate.thumbprint, certificate.store);
            Step {
                undo: saved(machine, &certificate.store),
                ..from_pfx(machine, certificate, &target, "", "")
            }
        }
        Source::New => request(certificate),
    }
}

/// The step that brings back the container of a certificate; `None` when no certificate is linked to that container.
pub(super) fn replace(
    machine: &Machine<'_>,
    facts: &Facts,
    target: &str,
    container: &str,
    source: Source,
) -> Option<Step> {
    let certificates = facts.tls.certificates.value()?;
    let linked = |certificate: &&Certificate| {
        certificate.link.value().is_some_and(|link| link.container.eq_ignore_ascii_case(container))
    };
    // One that is in use says best what is lost.
    let used = certificates.iter().zip(&machine.tls.certificates).find(|(certificate, view)| {
        linked(certificate) && view.link == Link::Machine && !view.used_by.is_empty()
    });
    let certificate =
        used.map(|(certificate, _)| certificate).or_else(|| certificates.iter().find(linked))?;
    let first = format!(
        "First choice: a backup of the key file, made before the fault, copied to {target} with its access rights. Second \
         choice: "
    );
    let others: Vec<String> = certificates
        .iter()
        .filter(linked)
        .filter(|other| other.store != certificate.store || other.thumbprint != certificate.thumbprint)
        .map(|other| format!("{} in store {}", other.thumbprint, other.store))
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(
            " The same container is that of {}: after an import, link each of them with certutil -repairstore.",
            rules::join(&others, 8)
        )
    };
    Some(match source {
        Source::Original => from_pfx(machine, certificate, target, &first, &others),
        Source::New => request(certificate),
    })
}

fn from_pfx(machine: &Machine<'_>, certificate: &Certificate, target: &str, first: &str, more: &str) -> Step {
    let thumbprint = &certificate.thumbprint;
    Step {
        action: "import-certificate",
        target: target.to_owned(),
        detail: format!(
            "Bring the key of certificate {thumbprint} back. {first}{} the certificate's PFX with its private key into the \
             computer's store {} (PFX files: {}); that makes a new container. Then bind the certificate to its sites \
             again, where they do not answer by themselves.{more}",
            if first.is_empty() { "Import" } else { "import" },
            certificate.store,
            found_pfx(machine.facts)
        ),
        risk: "A key file of another machine does not open here, because it is protected by that machine's DPAPI \
               secrets; a PFX does."
            .to_owned(),
        undo: "Set the restored file aside, or remove the imported certificate and bind the old one.".to_owned(),
        verify: tested(certificate),
        ..Step::default()
    }
}

fn request(certificate: &Certificate) -> Step {
    Step {
        action: "request-certificate",
        target: format!("certificate {}", certificate.thumbprint),
        detail: "Request a new certificate with a new key from the same issuer, and bind it to the site in place of \
                 this one."
            .to_owned(),
        risk: "Clients that pin the old key refuse the new one.".to_owned(),
        undo: "Bind the old certificate again.".to_owned(),
        verify: "The site answers over HTTPS with the new certificate.".to_owned(),
        ..Step::default()
    }
}

/// The certificates whose containers stay under `old` after the candidate, one phrase each.
pub(super) fn left_under(machine: &Machine<'_>, candidate: &Candidate, old: &Guid) -> Vec<String> {
    let renamed = |index: usize| {
        candidate
            .actions
            .iter()
            .any(|action| matches!(action, Action::Rename { container, .. } if *container == index))
    };
    let certificates = machine.facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    let left = certificates.iter().zip(&machine.tls.certificates).filter_map(|(certificate, view)| {
        if view.link != Link::Machine
            || view.by_name.iter().any(|&at| machine.standing(at) == Some(Standing::Current))
        {
            return None;
        }
        let at = view
            .by_name
            .iter()
            .copied()
            .find(|&at| machine.container(at).guid.as_ref() == Some(old) && !renamed(at))?;
        Some(format!("{} ({})", certificate.thumbprint, machine.container(at).name))
    });
    left.collect()
}
