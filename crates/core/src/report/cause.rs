//! The root cause: the one cause that explains every error.

use super::RootCause;
use crate::machine::Machine;
use crate::rules::{self, Finding, Judgement, Rule, Severity};

/// The order in which causes stand in the chain, the earliest first.
const CHAIN: [&str; 31] = [
    "evidence-mixed",
    "machine-guid-missing",
    "machine-guid-malformed",
    "machine-guid-changed",
    "hives-inconsistent",
    "master-key-missing",
    "dpapi-secret-rotated",
    "dpapi-foreign",
    "machinekeys-folder-missing",
    "container-relocated",
    "container-misnamed",
    "container-missing",
    "container-corrupt",
    "container-orphaned",
    "container-duplicated",
    "container-incomplete",
    "container-empty",
    "container-access",
    "config-unreadable",
    "config-provider-missing",
    "session-key-missing",
    "session-key-mismatch",
    "metabase-key-mismatch",
    "encrypted-value-unreadable",
    "binding-certificate-missing",
    "certificate-key-missing",
    "certificate-key-orphaned",
    "certificate-key-mismatch",
    "certificate-key-in-user-store",
    "certificate-key-unlinked",
    "machine-guid-pending",
];

/// The root cause; `None` when there is no error, or no single cause explains them all.
pub(super) fn root_cause(
    machine: &Machine<'_>,
    judged: &[(&'static dyn Rule, Judgement)],
) -> Option<RootCause> {
    let errors: Vec<&Finding> = judged
        .iter()
        .flat_map(|(_, judgement)| &judgement.findings)
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    if errors.is_empty() {
        return None;
    }
    let (rule, judgement) = CHAIN.iter().find_map(|name| {
        let (rule, judgement) = judged.iter().find(|(rule, _)| rule.info().name == *name)?;
        let info = rule.info();
        let worst = judgement.findings.iter().map(|finding| finding.severity).max()?;
        let explains_all = errors.iter().all(|error| {
            error.rule == info.name
                || info.explains.contains(&error.rule) && belongs(machine, info.name, error)
        });
        let is_cause = worst == Severity::Error || info.name == "evidence-mixed";
        (is_cause && explains_all).then_some((rule, judgement))
    })?;
    let name = rule.info().name;
    let causes: Vec<&Finding> = judgement
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error || name == "evidence-mixed")
        .collect();
    let first = causes.first()?;
    let others = errors.iter().filter(|error| error.rule != name).count();
    let (earliest, latest) = match name {
        "machine-guid-changed" => rules::window(machine),
        "session-key-mismatch" => rules::foreign_since(machine),
        _ => (None, None),
    };
    let mut statement = if causes.len() == 1 {
        first.title.clone()
    } else {
        causes.iter().map(|finding| finding.title.as_str()).collect::<Vec<_>>().join(". ")
    };
    statement.push('.');
    if others > 0 {
        statement.push_str(&format!(
            " This explains the {} found.",
            if others == 1 { "other error".to_owned() } else { format!("{others} other errors") }
        ));
    }
    Some(RootCause {
        rule: name.to_owned(),
        statement,
        confidence: causes.iter().map(|finding| finding.confidence).min()?.name().to_owned(),
        earliest: earliest.map(|time| time.to_string()),
        latest: latest.map(|time| time.to_string()),
    })
}

/// Whether an error that a rule explains in general is explained by what it found here. A change of the GUID explains a
/// container only where a copy stands under another GUID.
fn belongs(machine: &Machine<'_>, cause: &str, error: &Finding) -> bool {
    if cause != "machine-guid-changed"
        || error.rule == "container-orphaned"
        || error.rule == "container-duplicated"
    {
        return true;
    }
    // A change of the GUID leaves the container of a certificate under another one.
    if let Some(thumbprint) = error.subject.strip_prefix("certificate:") {
        let certificates = machine.facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
        let mut joined = certificates.iter().zip(&machine.tls.certificates);
        return joined.any(|(certificate, view)| {
            certificate.thumbprint == thumbprint
                && view
                    .by_name
                    .iter()
                    .any(|&index| machine.standing(index) == Some(crate::machine::Standing::OtherGuid))
        });
    }
    machine.sets.values().any(|set| {
        error.subject.contains(&set.prefix.to_string())
            && !machine.standing_copies(set, crate::machine::Standing::OtherGuid).is_empty()
    })
}
