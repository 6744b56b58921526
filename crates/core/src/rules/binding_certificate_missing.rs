//! `binding-certificate-missing`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::facts::{HiveFacts, Recovery};
use crate::machine::{
    BindingView, Certificate, Known, Machine, Need, Owner, RecoveryKind, Stake, StorePlace, SymptomKind,
    bound,
};

/// See [`INFO`].
pub struct BindingCertificateMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "binding-certificate-missing",
    group: Group::Certificates,
    severity: Severity::Error,
    lowered: "warning where the certificate stands in another store, note where HTTP.sys has no entry at all; warning where only a stopped site is concerned; note for endpoints that no site uses, \
              for IIS Express and other applications",
    summary: "A binding names a certificate that is in no store of the machine, or has none.",
    core: false,
    explains: &["symptom-schannel-key"],
    meaning: "HTTP.sys keeps the hash of the certificate with the endpoint. When the certificate was removed, or the \
              registry came from elsewhere, the endpoint answers no TLS hand-shake, and HttpEvent reports 15021.",
    proof: "The hash stands in the binding and in none of the machine's stores: machine, policy and services. Both hives \
            must have been read. Endpoints of the central certificate store name no certificate and are left alone.",
    repair: "Import the certificate with its key (PFX) into the store that the binding names; the binding holds by the \
             hash. For another certificate, bind the site again in IIS Manager or with netsh http.",
    references: &["Microsoft: HTTP_SERVICE_CONFIG_SSL_PARAM"],
};

impl Rule for BindingCertificateMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement =
            Judgement::examined("the certificate of every binding is in a store of the machine");
        let tls = &machine.facts.tls;
        if let Some((why, need)) = tls.certificates.gap() {
            judgement.gap(format!("the certificate stores: {why}"), need);
        }
        if !machine.tls.bindings_known {
            let (why, need) = machine.bindings_gap();
            judgement.gap(why, need);
        }
        if machine.facts.os.image_layer {
            judgement.gap("a layer of a container image holds only what it changes", Need::WholeVolume);
        }
        if !judgement.gaps.is_empty() {
            return judgement;
        }
        judgement.findings.extend(unanswered(machine));
        let named =
            machine.tls.bindings.iter().filter(|binding| binding.thumbprint.is_some() && !binding.central);
        let mut named = named.peekable();
        if named.peek().is_none() && judgement.findings.is_empty() {
            return Judgement::not_applicable("no binding names a certificate");
        }
        for binding in named {
            let store = binding.store.as_deref().unwrap_or("MY");
            if let Some(certificate) = binding.certificate.and_then(|at| tls.certificates.value()?.get(at)) {
                if binding.http.is_some() && !certificate.store.eq_ignore_ascii_case(store) {
                    judgement.findings.push(elsewhere(machine, binding, certificate, store));
                }
                continue;
            }
            let places = [StorePlace::Machine, StorePlace::Policy];
            if !places.iter().all(|place| tls.covers(place, store)) {
                judgement
                    .gap(format!("the certificate store {store} is not in evidence"), Need::SoftwareHive);
                continue;
            }
            judgement.findings.push(finding(machine, binding));
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, binding: &BindingView) -> Finding {
    let severity = match binding.stake {
        Stake::Live => Severity::Error,
        Stake::Idle => Severity::Warning,
        Stake::None => Severity::Note,
    };
    let thumbprint = binding.thumbprint.as_deref().unwrap_or_default();
    let name = machine.binding_name(binding);
    let mut explanation =
        format!("It names certificate {thumbprint}, and no store of the machine holds that certificate.");
    if let Some(why) = binding.lowered {
        explanation.push_str(&format!(" This is no error only because {why}."));
    } else if binding.owner == Owner::RemoteDesktop {
        explanation.push_str(" Remote Desktop makes itself a new certificate when it starts.");
    }
    let mut evidence =
        vec![Cite { citation: binding.citation.clone(), observed: format!("certificate {thumbprint}") }];
    if let Known::Read(cited) = &machine.facts.tls.certificates
        && let Some(citation) = cited.origin.citation()
    {
        let observed = format!("{} certificates, none of them this one", cited.value.len());
        evidence.push(Cite { citation: citation.clone(), observed });
    }
    let pfx = machine.facts.recovery.iter().filter(|source| source.kind == RecoveryKind::Pfx);
    let found: Vec<String> = pfx.map(|source| source.windows_path.clone()).collect();
    let place = if found.is_empty() {
        "none is in evidence".to_owned()
    } else {
        format!("in evidence: {}", super::support::join(&found, 5))
    };
    Finding {
        rule: INFO.name,
        subject: subject(machine, binding),
        severity,
        confidence: hives(machine),
        title: format!("The certificate of {name} is in no store"),
        explanation,
        evidence,
        remedies: vec![Remedy::Advice(format!(
            "Import the PFX of certificate {thumbprint} into the store {} ({place}), or bind another certificate.",
            binding.store.as_deref().unwrap_or("MY")
        ))],
        affects: if severity == Severity::Error { vec![name] } else { Vec::new() },
    }
}

/// How sure what the hives do not hold is: a dirty hive that could not be recovered may lack its last changes.
fn hives(machine: &Machine<'_>) -> Confidence {
    let lacks = |hive: &Known<HiveFacts>| {
        let recovery = hive.value().map(|hive| &hive.recovery);
        matches!(recovery, Some(Recovery::LogsMissing | Recovery::LogsRefused(_)))
    };
    if lacks(&machine.facts.software) || lacks(&machine.facts.system) {
        Confidence::Strong
    } else {
        Confidence::Proven
    }
}

/// A certificate that stands in another store than the binding names.
fn elsewhere(
    machine: &Machine<'_>,
    binding: &BindingView,
    certificate: &Certificate,
    store: &str,
) -> Finding {
    let name = machine.binding_name(binding);
    let severity = if binding.stake == Stake::None { Severity::Note } else { Severity::Warning };
    Finding {
        rule: INFO.name,
        subject: subject(machine, binding),
        severity,
        confidence: Confidence::Strong,
        title: format!("The certificate of {name} is in another store than the binding names"),
        explanation: format!(
            "HTTP.sys looks into the store {store}, and certificate {} stands in {}. This is no error only because it was \
             not confirmed that HTTP.sys looks nowhere else.",
            certificate.thumbprint, certificate.store
        ),
        evidence: vec![
            Cite { citation: binding.citation.clone(), observed: format!("store {store}") },
            Cite { citation: certificate.citation.clone(), observed: format!("store {}", certificate.store) },
        ],
        remedies: vec![Remedy::Advice(format!(
            "Bind certificate {} again, which writes the store that it stands in.",
            certificate.thumbprint
        ))],
        affects: Vec::new(),
    }
}

/// Bindings of sites in service for which HTTP.sys has no entry: nothing answers there.
fn unanswered(machine: &Machine<'_>) -> Vec<Finding> {
    let is_later = machine.iis_major().is_some_and(|major| major >= 7);
    let lost = machine.tls.bindings.iter().filter(|binding| {
        is_later
            && binding.site.is_some()
            && binding.http.is_none()
            && !binding.central
            && binding.thumbprint.is_none()
            && binding.stake == Stake::Live
    });
    let lost: Vec<&BindingView> = lost.collect();
    let Some(first) = lost.first() else { return Vec::new() };
    let names: Vec<String> = lost.iter().map(|binding| machine.binding_name(binding)).collect();
    let went_away = machine.facts.events.of_kind(SymptomKind::HttpEndpoint).any(|(key, _)| key.id != 15301);
    vec![Finding {
        rule: INFO.name,
        subject: "binding:without-entry".to_owned(),
        severity: if went_away { Severity::Warning } else { Severity::Note },
        confidence: hives(machine),
        title: format!("HTTP.sys has no certificate for {}", super::support::join(&names, 3)),
        explanation: format!(
            "The configuration has {} for which HTTP.sys has no entry, so no certificate is presented there: none was ever \
             chosen, or the entry was deleted (HttpEvent 15300). Nothing shows that they ever worked; installers leave such \
             bindings behind.",
            super::support::count(lost.len() as u64, "HTTPS binding")
        ),
        evidence: vec![Cite { citation: first.citation.clone(), observed: first.endpoint.clone() }],
        remedies: vec![Remedy::Advice(
            "Choose a certificate for each of these bindings in IIS Manager.".to_owned(),
        )],
        affects: Vec::new(),
    }]
}

/// `binding:ENDPOINT`, the endpoint as HTTP.sys has it; where it has none, as the site or service does, with the certificate.
fn subject(machine: &Machine<'_>, binding: &BindingView) -> String {
    match binding.http.and_then(|at| machine.facts.tls.bindings.value()?.get(at)) {
        Some(entry) => format!("binding:{}", bound::endpoint_text(&entry.endpoint)),
        None => format!("binding:{}/{}", binding.endpoint, binding.thumbprint.as_deref().unwrap_or_default()),
    }
}
