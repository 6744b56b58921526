//! The steps that concern certificates.

use super::action::{Action, Source};
use super::candidates::Candidate;
use super::commands::{self, BACKUP};
use super::steps::Step;
use crate::artifact::container::Guid;
use crate::machine::{Certificate, Facts, Link, Machine, RecoveryKind, Standing, StorePlace};

/// The stores in which the candidate changes links, sorted.
pub(super) fn stores(machine: &Machine<'_>, candidate: &Candidate) -> Vec<String> {
    let linked = candidate.actions.iter().filter_map(|action| match action {
        Action::LinkCertificate { certificate, .. } => certificate_at(machine.facts, *certificate),
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

/// The step that links a certificate to its key.
pub(super) fn link(machine: &Machine<'_>, facts: &Facts, certificate: usize, container: usize) -> Step {
    let Some(certificate) = certificate_at(facts, certificate) else { return Step::default() };
    let file = facts.containers.get(container).map_or("", |container| container.name.as_str());
    let (store, thumbprint) = (&certificate.store, &certificate.thumbprint);
    let command = commands::repair_store(machine, store, thumbprint);
    let by_hand = if command.is_none() {
        " Windows 2000 has no such command: remove the certificate, import its PFX again and assign it to the site."
    } else {
        ""
    };
    Step {
        action: "link-certificate",
        target: format!("certificate {thumbprint} in store {store}"),
        detail: format!(
            "Let certutil link the certificate to its private key, which stands in {file}. It looks for a container \
             with the certificate's public key and writes the link.{by_hand}"
        ),
        commands: command.into_iter().collect(),
        risk: "Only the link changes; the certificate and the key stay as they are.".to_owned(),
        undo: format!(
            "Import {BACKUP}\\certificates-{}.reg, which the first step saved.",
            store.replace(' ', "-")
        ),
        verify: format!(
            "certutil -verifystore {store} {thumbprint} says that the encryption test passed, and the site answers over \
             HTTPS."
        ),
    }
}

/// The step that brings back the container of a certificate; `None` when no certificate is linked to that container.
pub(super) fn replace(machine: &Machine<'_>, target: &str, container: &str, source: Source) -> Option<Step> {
    let certificates = machine.facts.tls.certificates.value()?;
    let linked = |certificate: &&Certificate| {
        certificate.link.value().is_some_and(|link| link.container.eq_ignore_ascii_case(container))
    };
    let certificate = certificates.iter().find(linked)?;
    let thumbprint = &certificate.thumbprint;
    let pfx: Vec<&str> = machine
        .facts
        .recovery
        .iter()
        .filter(|source| source.kind == RecoveryKind::Pfx)
        .map(|source| source.windows_path.as_str())
        .collect();
    let found = if pfx.is_empty() {
        "No PFX file is in evidence.".to_owned()
    } else {
        format!("PFX files in evidence, which may be it: {}.", pfx.join(", "))
    };
    let verify = format!(
        "certutil -verifystore {} {thumbprint} says that the encryption test passed.",
        certificate.store
    );
    Some(match source {
        Source::Original => Step {
            action: "import-certificate",
            target: target.to_owned(),
            detail: format!(
                "Bring the key of certificate {thumbprint} back. First choice: a backup of the key file, made before the \
                 fault, copied to {target} with its access rights. Second choice: import the certificate's PFX with its \
                 private key into the computer's store {}; it makes a new container, and the binding holds by the \
                 thumbprint. {found}",
                certificate.store
            ),
            risk: "A key file of another machine does not open here, because it is protected by that machine's DPAPI \
                   secrets; a PFX does."
                .to_owned(),
            undo: "Set the restored file aside, or remove the imported certificate and import the backup's.".to_owned(),
            verify,
            ..Step::default()
        },
        Source::New => Step {
            action: "request-certificate",
            target: format!("certificate {thumbprint}"),
            detail: "Request a new certificate with a new key from the same issuer, and bind it to the site in place of \
                     this one."
                .to_owned(),
            risk: "Clients that pin the old key refuse the new one.".to_owned(),
            undo: "Bind the old certificate again.".to_owned(),
            verify: "The site answers over HTTPS with the new certificate.".to_owned(),
            ..Step::default()
        },
    })
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
