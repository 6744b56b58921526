//! The rows about certificates and bindings.

use super::build::{Ids, hex};
use super::{BindingRow, CertificateRow, KeyLinkRow};
use crate::machine::{BindingView, Certificate, CertificateView, Known, Link, Machine, Standing, StorePlace};

/// One row for each certificate, sorted by store and thumbprint.
pub(super) fn certificates(machine: &Machine<'_>, ids: &Ids) -> Vec<CertificateRow> {
    let certificates = machine.facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    let mut rows: Vec<CertificateRow> = certificates
        .iter()
        .zip(&machine.tls.certificates)
        .map(|(certificate, view)| certificate_row(machine, ids, certificate, view))
        .collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

fn certificate_row(
    machine: &Machine<'_>,
    ids: &Ids,
    certificate: &Certificate,
    view: &CertificateView,
) -> CertificateRow {
    let body = certificate.body.value();
    let used = view.used_by.iter().filter_map(|&at| machine.tls.bindings.get(at));
    let mut used_by: Vec<String> = used.map(|binding| machine.binding_name(binding)).collect();
    used_by.sort();
    used_by.dedup();
    CertificateRow {
        id: id(certificate),
        thumbprint: certificate.thumbprint.clone(),
        store: certificate.store.clone(),
        friendly_name: certificate.friendly_name.clone(),
        subject: body.map(|body| body.subject.clone()),
        issuer: body.map(|body| body.issuer.clone()),
        serial: body.map(|body| body.serial.clone()),
        not_before: body.map(|body| body.not_before.to_string()),
        not_after: body.map(|body| body.not_after.to_string()),
        dns_names: body.map(|body| body.dns_names.clone()).unwrap_or_default(),
        key_algorithm: body.map(|body| body.key_algorithm.clone()),
        key_bits: body.and_then(|body| body.key_bits),
        modulus_sha256: body.and_then(|body| body.modulus_sha256).map(|digest| hex(&digest)),
        link: certificate.link.value().map(|link| KeyLinkRow {
            container: link.container.clone(),
            provider: link.provider.clone(),
            provider_type: link.provider_type,
            machine_key_set: link.flags & 0x20 != 0,
            key_spec: link.key_spec,
        }),
        by_name: view.by_name.iter().map(|&index| container_id(machine, index)).collect(),
        by_key: view.by_key.iter().map(|&index| container_id(machine, index)).collect(),
        state: state(machine, certificate, view).to_owned(),
        used_by,
        evidence: ids.get(certificate.citation.file),
    }
}

/// `MY/THUMBPRINT`, with the family of stores in front where it is not the machine's own.
fn id(certificate: &Certificate) -> String {
    let own = format!("{}/{}", certificate.store, certificate.thumbprint);
    match &certificate.place {
        StorePlace::Machine => own,
        StorePlace::Policy => format!("policy:{own}"),
        StorePlace::Service(name) => format!("service:{name}:{own}"),
    }
}

/// The identifier that a container has in its own row.
pub(super) fn container_id(machine: &Machine<'_>, index: usize) -> String {
    format!("{}/{}", machine.folder_of(index).store.id(), machine.container(index).name)
}

/// What a certificate's key comes to, in one word.
fn state(machine: &Machine<'_>, certificate: &Certificate, view: &CertificateView) -> &'static str {
    if let Known::Unreadable { .. } = certificate.body {
        return "unreadable";
    }
    match &view.link {
        Link::None if view.by_key.is_empty() => return "no-link",
        Link::None => return "key-unlinked",
        Link::User => return "user-key-set",
        Link::Elsewhere(_) => return "key-elsewhere",
        Link::Unknown => return "not-evaluated",
        Link::Machine => {}
    }
    let stands = |wanted| view.by_name.iter().copied().find(|&index| machine.standing(index) == Some(wanted));
    if let Some(current) = stands(Standing::Current) {
        return match crate::rules::certificate_holds_key(machine, certificate, view, current) {
            _ if crate::rules::is_beyond_opening(machine, current) => "key-unusable",
            Some(true) => "ok",
            Some(false) => "key-mismatch",
            None => "key-not-compared",
        };
    }
    if machine.guid.is_none() && !view.by_name.is_empty() {
        return "not-evaluated";
    }
    if stands(Standing::OtherGuid).is_some() {
        return "key-orphaned";
    }
    if !view.by_name.is_empty() {
        return "key-elsewhere";
    }
    if !view.places.is_empty() && view.places.iter().all(|(store, _)| machine.has_store(*store)) {
        "key-missing"
    } else {
        "not-evaluated"
    }
}

/// One row for each way on which TLS is answered: site to binding to certificate to container to file to state.
pub(super) fn bindings(machine: &Machine<'_>, ids: &Ids) -> Vec<BindingRow> {
    let mut rows: Vec<BindingRow> =
        machine.tls.bindings.iter().map(|binding| binding_row(machine, ids, binding)).collect();
    rows.sort();
    rows
}

fn binding_row(machine: &Machine<'_>, ids: &Ids, binding: &BindingView) -> BindingRow {
    let tls = &machine.facts.tls;
    let site = binding.site.and_then(|(site, _)| tls.sites.value()?.get(site));
    let http = binding.http.and_then(|at| tls.bindings.value()?.get(at));
    let joined = binding
        .certificate
        .and_then(|at| Some((tls.certificates.value()?.get(at)?, machine.tls.certificates.get(at)?)));
    let file = joined.and_then(|(_, view)| {
        let current = view.by_name.iter().find(|&&at| machine.standing(at) == Some(Standing::Current));
        current.or(view.by_name.first()).copied()
    });
    let state = match joined {
        _ if binding.central => "central-store",
        Some((certificate, _)) if is_in_other_store(certificate, binding) => "certificate-in-other-store",
        Some((certificate, view)) => state(machine, certificate, view),
        None if binding.thumbprint.is_some() && tls.certificates.is_settled() => "certificate-missing",
        None if binding.thumbprint.is_none() && tls.bindings.is_settled() && http.is_none() => "not-bound",
        None if binding.thumbprint.is_none() && http.is_some() => "no-certificate",
        None => "not-evaluated",
    };
    BindingRow {
        site: site.map(|site| site.name.clone()),
        endpoint: binding.endpoint.clone(),
        http_sys: http.map(|http| crate::machine::bound::endpoint_text(&http.endpoint)),
        owner: binding.owner.name().to_owned(),
        app_id: binding.app_id.map(|id| id.as_str().to_owned()),
        thumbprint: binding.thumbprint.clone(),
        store: binding.store.clone(),
        certificate: joined.map(|(certificate, _)| id(certificate)),
        container: joined.and_then(|(certificate, _)| Some(certificate.link.value()?.container.clone())),
        file: file.map(|index| container_id(machine, index)),
        state: state.to_owned(),
        evidence: ids.get(binding.citation.file),
    }
}

/// Whether the certificate stands only in another store than the binding names.
fn is_in_other_store(certificate: &Certificate, binding: &BindingView) -> bool {
    binding.http.is_some()
        && !certificate.store.eq_ignore_ascii_case(binding.store.as_deref().unwrap_or("MY"))
}
