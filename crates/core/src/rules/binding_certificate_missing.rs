//! `binding-certificate-missing`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{BindingView, Known, Machine, Need, Owner, RecoveryKind, Stake, StorePlace};

/// See [`INFO`].
pub struct BindingCertificateMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "binding-certificate-missing",
    group: Group::Certificates,
    severity: Severity::Error,
    lowered: "warning where only a stopped site or an endpoint without a site is concerned; note for bindings of IIS \
              Express and of other applications",
    summary: "A binding names a certificate that is in no store of the machine.",
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
        if !judgement.gaps.is_empty() {
            return judgement;
        }
        let named =
            machine.tls.bindings.iter().filter(|binding| binding.thumbprint.is_some() && !binding.central);
        let mut named = named.peekable();
        if named.peek().is_none() {
            return Judgement::not_applicable("no binding names a certificate");
        }
        for binding in named {
            if binding.certificate.is_some() {
                continue;
            }
            let store = binding.store.as_deref().unwrap_or("MY");
            if !tls.covers(&StorePlace::Machine, store) {
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
        subject: format!("binding:{}", binding.endpoint),
        severity,
        confidence: Confidence::Proven,
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
