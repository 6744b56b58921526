//! `recovery-export-present`

use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::facts::Content;
use crate::machine::{Citation, Locator, Machine, Need, RecoveryKind, RecoverySource};

/// See [`INFO`].
pub struct RecoveryExportPresent;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "recovery-export-present",
    group: Group::Configuration,
    severity: Severity::Note,
    lowered: "never",
    summary: "A shared-configuration export, an exported key file or a metabase backup is there.",
    core: false,
    explains: &[],
    meaning: "An export of the keys, made when they could still be opened, brings them back without any secret of the machine. A \
              key file made by aspnet_regiis -px -pri holds the private key in clear and must not stay where it is.",
    proof: "Export sets are known by configEncKey.key beside an applicationHost.config; exported keys by their content, and \
            their modulus is compared with the containers in evidence; metabase backups by their content.",
    repair: "Import a key file with aspnet_regiis -pi NAME FILE -exp. Take an export set in with IIS Manager: enable shared \
             configuration from it with its password, run iisreset, and disable it again with \"copy\" chosen. Delete key files \
             afterwards.",
    references: &["IIS documentation: shared configuration", "aspnet_regiis documentation: -px and -pi"],
};

impl Rule for RecoveryExportPresent {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("no export of keys or of the configuration is in evidence");
        for source in &machine.facts.recovery {
            judgement.findings.push(finding(machine, source));
        }
        if machine.facts.recovery.is_empty() && machine.facts.copies.is_empty() {
            judgement.gap("the places where exports usually stand are not in evidence", Need::ConfigHistory);
        }
        judgement
    }
}

/// Containers whose public key is the one of the export, and containers without a usable key that it names.
fn containers(machine: &Machine<'_>, source: &RecoverySource) -> Vec<String> {
    let Some(modulus) = source.modulus_sha256 else { return Vec::new() };
    let mut names: Vec<String> = (0..machine.facts.containers.len())
        .filter(|&index| match &machine.container(index).content {
            Content::Read(inside) => inside.pairs.iter().any(|pair| pair.modulus_sha256 == Some(modulus)),
            _ => false,
        })
        .map(|index| machine.display_name(index))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn finding(machine: &Machine<'_>, source: &RecoverySource) -> Finding {
    let matched = containers(machine, source);
    let (what, advice) = match source.kind {
        RecoveryKind::ExportSet => (
            "an export of the shared configuration with its encrypted keys".to_owned(),
            "Enable shared configuration from it with its password, run iisreset, then disable it again: that imports its keys.",
        ),
        RecoveryKind::KeyFile if matched.is_empty() => (
            "an exported RSA key; no container in evidence has its public key".to_owned(),
            "Find out which container it was exported from before it is imported with aspnet_regiis -pi.",
        ),
        RecoveryKind::KeyFile => (
            format!("an exported RSA key, the one of the container {}", matched.join(" and ")),
            "Import it with aspnet_regiis -pi where the container cannot be opened.",
        ),
        RecoveryKind::Pfx => (
            "a PFX file, which may hold certificates with their private keys".to_owned(),
            "Import it with its password where the key of a certificate is lost.",
        ),
        RecoveryKind::Metabase => (
            "a copy of the metabase".to_owned(),
            "Put it back with IIS stopped where the live metabase is damaged or of another server.",
        ),
    };
    let warning = if source.holds_private_key {
        " It holds the private key in clear: whoever can read the file has the key. Take it off the server."
    } else {
        ""
    };
    Finding {
        rule: INFO.name,
        subject: format!("file:{}", source.windows_path),
        severity: Severity::Note,
        confidence: Confidence::Proven,
        title: format!("Recovery material: {}", source.windows_path),
        explanation: format!("It is {what}.{warning}"),
        evidence: vec![Cite { citation: Citation::new(source.file, Locator::File), observed: what.clone() }],
        remedies: vec![Remedy::Advice(advice.to_owned())],
        affects: Vec::new(),
    }
}
