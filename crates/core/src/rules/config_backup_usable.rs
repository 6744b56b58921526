//! `config-backup-usable`

use super::proofs::{self, Fit};
use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::facts::{Config, ProviderKind};
use crate::machine::{Citation, ConfigCopy, CopyKind, Locator, Machine, Need};

/// See [`INFO`].
pub struct ConfigBackupUsable;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "config-backup-usable",
    group: Group::Configuration,
    severity: Severity::Note,
    lowered: "never",
    summary: "A history or backup copy of the configuration whose session keys fit the present containers.",
    core: false,
    explains: &[],
    meaning: "IIS keeps the last states of its configuration. A copy whose session keys fit the containers of today can be put \
              back as it is, which is the safest way out of a damaged or foreign configuration.",
    proof: "For each copy: every AES provider's session key was compared with its container, by unwrapping where the private \
            key could be opened (then it is proven), else by the size of the key (then it is weak). Copies are ordered by \
            their number or their time.",
    repair: "Copy applicationHost.config (and administration.config beside it) of that copy over the live one, with IIS stopped, \
             after a backup of the live file. What the copy does not have yet is listed.",
    references: &["IIS documentation: configuration history", "IIS documentation: appcmd add backup"],
};

impl Rule for ConfigBackupUsable {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if machine.iis_major().is_some_and(|major| major < 7) {
            return Judgement::not_applicable("IIS before version 7 has no configuration history");
        }
        let mut judgement = Judgement::examined("no copy of the configuration fits the containers");
        if machine.facts.copies.is_empty() {
            judgement.gap("no copy of the configuration is in evidence", Need::ConfigHistory);
            return judgement;
        }
        let usable = usable(machine);
        if let Some(&(_, copy, config, worst)) = usable.last() {
            judgement.findings.push(finding(machine, copy, config, worst, usable.len()));
        } else if machine.facts.copies.iter().any(|copy| is_open(machine, copy)) {
            judgement.gap("whether a copy of the configuration fits could not be tried", Need::KeyProof);
        }
        judgement
    }
}

/// The copies that fit, the oldest first, each with the weakest of its proofs.
pub(super) fn usable<'m>(machine: &'m Machine<'_>) -> Vec<(usize, &'m ConfigCopy, &'m Config, Fit)> {
    let copies = machine.facts.copies.iter().enumerate();
    let copies = copies.filter(|(_, copy)| is_whole(copy));
    copies
        .filter_map(|(at, copy)| {
            let config = copy.content.as_ref().ok()?;
            let fits = proofs::wrapped(config).filter(|(provider, _)| provider.kind == ProviderKind::Aes);
            let mut worst = None;
            for (provider, wrap) in fits {
                let fit =
                    proofs::live_fit(machine, wrap, &provider.container).map_or(Fit::Unknown, |(_, fit)| fit);
                if fit.is_wrong() || fit == Fit::Unknown {
                    return None;
                }
                worst = worst.max(Some(fit));
            }
            Some((at, copy, config, worst?))
        })
        .collect()
}

/// Whether it is a whole configuration of this server. An export is encrypted for its own password.
fn is_whole(copy: &ConfigCopy) -> bool {
    !matches!(copy.kind, CopyKind::AppPool | CopyKind::Export)
}

/// Whether nothing speaks against a copy, and nothing for it.
fn is_open(machine: &Machine<'_>, copy: &ConfigCopy) -> bool {
    let Ok(config) = &copy.content else { return false };
    let fits =
        proofs::wrapped(config).map(|(provider, wrap)| proofs::live_fit(machine, wrap, &provider.container));
    is_whole(copy) && !fits.flatten().any(|(_, fit)| fit.is_wrong())
}

fn finding(machine: &Machine<'_>, copy: &ConfigCopy, config: &Config, worst: Fit, usable: usize) -> Finding {
    let proved = if worst == Fit::Opens {
        "its session keys open with the containers of today"
    } else {
        "its session keys have the size that the containers of today need; whether they open was not tried"
    };
    let lost = lost(machine, config);
    let others = match usable {
        1 => String::new(),
        2 => " 1 older copy fits as well.".to_owned(),
        more => format!(" {} older copies fit as well.", more - 1),
    };
    Finding {
        rule: INFO.name,
        subject: format!("file:{}/{}", copy.kind.word(), copy.name),
        severity: Severity::Note,
        confidence: if worst == Fit::Opens { Confidence::Proven } else { Confidence::Weak },
        title: format!("The copy {} of the configuration fits the present containers", copy.name),
        explanation: format!("{} is the newest copy that fits: {proved}.{others}{lost}", copy.windows_path),
        evidence: vec![Cite {
            citation: Citation::new(copy.file, Locator::File),
            observed: format!(
                "{}, {}, {}",
                support::count(config.sites.len() as u64, "site"),
                support::count(config.app_pools.len() as u64, "application pool"),
                support::count(config.uses.values().map(|used| used.values).sum(), "encrypted value")
            ),
        }],
        remedies: vec![Remedy::Advice(format!(
            "Should the live configuration have to be replaced, put {} back with IIS stopped.",
            copy.windows_path
        ))],
        affects: Vec::new(),
    }
}

/// What going back to a copy would lose: everything that only the live configuration has.
pub(crate) fn lost(machine: &Machine<'_>, copy: &Config) -> String {
    let Some(live) = machine.facts.config.value() else { return String::new() };
    let missing = |live: &[String], copy: &[String]| -> Vec<String> {
        live.iter().filter(|name| !copy.contains(name)).cloned().collect()
    };
    let mut parts = Vec::new();
    for (noun, gone) in [
        ("sites", missing(&live.sites, &copy.sites)),
        ("application pools", missing(&live.app_pools, &copy.app_pools)),
        ("bindings", missing(&live.bindings, &copy.bindings)),
    ] {
        if !gone.is_empty() {
            parts.push(format!("{noun}: {}", support::join(&gone, 5)));
        }
    }
    if parts.is_empty() {
        " Sites, application pools and bindings are those of the live configuration.".to_owned()
    } else {
        format!(" Going back to it loses {}.", parts.join("; "))
    }
}
