//! `session-key-mismatch`

use iiskeys_evidence::Timestamp;

use super::proofs::{self, Fit};
use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::facts::{Config, Provider, ProviderKind};
use crate::machine::{Citation, ConfigCopy, CopyKind, Locator, Machine, Need};

/// See [`INFO`].
pub struct SessionKeyMismatch;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "session-key-mismatch",
    group: Group::Configuration,
    severity: Severity::Error,
    lowered: "warning where no value uses the provider",
    summary: "A provider's session key does not belong to the container that it names.",
    core: true,
    explains: &["encrypted-value-unreadable", "config-mixed-keys", "symptom-app-pool-identity"],
    meaning: "The session key of an AES provider is wrapped with the public key of a container. When the configuration was \
              copied from another server, or the container was made anew, the two do not fit: no encrypted value can be read, \
              application pools report bad data, and saving a password fails.",
    proof: "In three grades. By size: the wrapped key has the length of the RSA modulus that it needs, and the container's \
            modulus has another; no secret is needed. By unwrapping: the container's private key was opened through the DPAPI \
            chain, and what it makes of the session key has no valid padding or no valid length. By history: copies of the \
            configuration that are newer than the container have another session key for the same container; this supports \
            it and proves nothing.",
    repair: "Import the containers of the server that the configuration comes from (aspnet_regiis -px there, -pi here), or put \
             back the newest copy of this server's own configuration that fits, or make the session keys anew and enter the \
             passwords again. Do not delete the containers: older copies of the configuration need them.",
    references: &[
        "IIS documentation: using encryption to protect passwords",
        "MachineKeys on IIS 7.x: Inside Out (blog article)",
    ],
};

impl Rule for SessionKeyMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let examined = "every session key belongs to its container";
        let config = match proofs::live_config(machine, examined) {
            Ok(config) => config,
            Err(judgement) => return judgement,
        };
        let mut judgement = Judgement::examined(examined);
        for provider in config.providers.iter().filter(|provider| is_beyond_us(config, provider)) {
            let why = if provider.machine_container {
                "could not be read"
            } else {
                "belongs to a container of some user, which is not looked for"
            };
            judgement.gap(format!("{} {why}", wrapped_key(provider)), Need::KeyProof);
        }
        for (provider, wrap) in proofs::wrapped(config) {
            match proofs::live_fit(machine, wrap, &provider.container) {
                Some((_, Fit::Opens)) => {}
                Some((index, fit)) if fit.is_wrong() => {
                    judgement.findings.push(finding(machine, config, provider, wrap, Some((index, fit))));
                }
                found => {
                    if let Some((index, _)) = found
                        && !witnesses(machine, provider, wrap, index).is_empty()
                    {
                        judgement.findings.push(finding(
                            machine,
                            config,
                            provider,
                            wrap,
                            Some((index, Fit::Unknown)),
                        ));
                        continue;
                    }
                    let why = if found.is_some() {
                        format!(
                            "whether the container {} unwraps {} was not tried",
                            provider.container,
                            wrapped_key(provider)
                        )
                    } else {
                        format!(
                            "the container {} that {} names is not in evidence where Windows looks for it",
                            provider.container, provider.name
                        )
                    };
                    judgement.gap(why, Need::KeyProof);
                }
            }
        }
        judgement
    }
}

/// Whether a provider keeps something wrapped that nothing here was tried on.
fn is_beyond_us(config: &Config, provider: &Provider) -> bool {
    let keeps = match provider.kind {
        ProviderKind::Aes => provider.has_session_key,
        ProviderKind::Rsa => proofs::values_of(config, &provider.name) > 0,
        ProviderKind::Cng | ProviderKind::Unknown => false,
    };
    keeps && (provider.wrap.is_none() || !provider.machine_container)
}

/// Copies of this server's configuration that are newer than the container and have another session key for it.
fn witnesses<'m>(
    machine: &'m Machine<'_>,
    provider: &Provider,
    wrap: usize,
    index: usize,
) -> Vec<&'m ConfigCopy> {
    let Some(made) = machine.created(index) else { return Vec::new() };
    let is_own = |copy: &&ConfigCopy| matches!(copy.kind, CopyKind::History | CopyKind::Backup);
    let differs = |copy: &&ConfigCopy| {
        let Ok(config) = &copy.content else { return false };
        proofs::wrapped(config).any(|(other, other_wrap)| {
            other.name == provider.name
                && other.container.eq_ignore_ascii_case(&provider.container)
                && other_wrap != wrap
                && !proofs::fit(machine, other_wrap, index).is_wrong()
        })
    };
    let is_newer = |copy: &&ConfigCopy| copy.written.is_some_and(|written| written > made);
    machine.facts.copies.iter().filter(is_own).filter(differs).filter(is_newer).collect()
}

fn finding(
    machine: &Machine<'_>,
    config: &Config,
    provider: &Provider,
    wrap: usize,
    found: Option<(usize, Fit)>,
) -> Finding {
    let values = proofs::values_of(config, &provider.name);
    let wrapped_bits = machine.facts.wraps.get(wrap).map_or(0, |wrap| wrap.bits);
    let mut evidence = vec![Cite {
        citation: provider.citation.clone(),
        observed: format!("{}, for an RSA key of {wrapped_bits} bits", wrapped_key(provider)),
    }];
    let mut explanation = String::new();
    let mut confidence = Confidence::Proven;
    if let Some((index, fit)) = found {
        let file = &machine.container(index).name;
        explanation = match fit {
            Fit::OtherSize => format!(
                "{} needs an RSA key of {wrapped_bits} bits, and the one in {file} has {}. They were never \
                 made for each other.",
                capital(&wrapped_key(provider)),
                bits_of(machine, index)
            ),
            Fit::DoesNotOpen => format!(
                "The private key in {file} was opened, and it does not unwrap {}.",
                wrapped_key(provider)
            ),
            _ => {
                confidence = Confidence::Weak;
                let copies = witnesses(machine, provider, wrap, index);
                let newest = copies.last();
                evidence.extend(newest.map(|copy| Cite {
                    citation: Citation::new(copy.file, Locator::File),
                    observed: format!("{} has another session key", copy.name),
                }));
                format!(
                    "{} newer than the container {file} {} another session key for it than the live configuration, the newest \
                     in {}. So the live configuration may come from another server. Nothing in evidence could try the keys.",
                    support::count(copies.len() as u64, "copy").replace("copys", "copies"),
                    if copies.len() == 1 { "has" } else { "have" },
                    newest.map_or("", |copy| copy.name.as_str()),
                )
            }
        };
        evidence.extend(support::cite(machine, index));
    }
    let used = support::count(values, "encrypted value");
    explanation.push_str(&match (values, confidence) {
        (0, Confidence::Weak) => format!(" No value uses {} yet.", provider.name),
        (0, _) => {
            format!(
                " No value uses {} yet; the first password that is saved with it will fail.",
                provider.name
            )
        }
        (_, Confidence::Weak) => format!(" If so, {used} of {} cannot be read.", provider.name),
        _ => format!(" {used} of {} cannot be read.", provider.name),
    });
    Finding {
        rule: INFO.name,
        subject: format!("provider:{}", provider.name),
        severity: if values > 0 { Severity::Error } else { Severity::Warning },
        confidence,
        title: format!(
            "{} does not belong to the container {}",
            capital(&wrapped_key(provider)),
            provider.container
        ),
        explanation,
        evidence,
        remedies: remedies(machine, provider, confidence),
        affects: config.uses.get(&provider.name).map(|used| used.users.clone()).unwrap_or_default(),
    }
}

/// Nothing is put back on a mere suspicion.
fn remedies(machine: &Machine<'_>, provider: &Provider, confidence: Confidence) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    if confidence > Confidence::Weak {
        remedies.extend(proofs::restore(machine));
        let need = machine.needed.iter().find(|need| need.name.eq_ignore_ascii_case(&provider.container));
        remedies.extend(need.map(support::replace));
    }
    remedies.push(Remedy::Advice(format!(
            "Import {} from the server that the configuration comes from (aspnet_regiis -px there, -pi here), or put back a \
             copy of this server's own configuration.",
            provider.container
        )));
    remedies
}

fn bits_of(machine: &Machine<'_>, index: usize) -> u32 {
    match &machine.container(index).content {
        crate::machine::Content::Read(inside) => {
            inside.pairs.iter().find(|pair| !pair.signature).map_or(0, |pair| pair.bits)
        }
        _ => 0,
    }
}

/// What a provider keeps wrapped: AES providers one session key, RSA providers a key in each value.
fn wrapped_key(provider: &Provider) -> String {
    if provider.kind == ProviderKind::Rsa {
        format!("the key in each value of {}", provider.name)
    } else {
        format!("the session key of {}", provider.name)
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// When the foreign configuration came: the last copy whose session keys fit, and the first one that has the live keys.
pub(crate) fn foreign_since(machine: &Machine<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(live) = machine.facts.config.value() else { return (None, None) };
    let is_wrong = |provider: &Provider, wrap: usize| {
        proofs::live_fit(machine, wrap, &provider.container).is_some_and(|(_, fit)| fit.is_wrong())
    };
    let foreign: Vec<usize> = proofs::wrapped(live)
        .filter(|(provider, wrap)| is_wrong(provider, *wrap))
        .map(|(_, wrap)| wrap)
        .collect();
    let (mut earliest, mut latest) = (None, None);
    for copy in machine.facts.copies.iter().filter(|copy| copy.kind == CopyKind::History) {
        let (Ok(config), Some(written)) = (&copy.content, copy.written) else { continue };
        if proofs::wrapped(config).any(|(_, wrap)| foreign.contains(&wrap)) {
            latest = latest.or(Some(written));
        } else if latest.is_none()
            && !proofs::wrapped(config).any(|(provider, wrap)| is_wrong(provider, wrap))
        {
            earliest = Some(written);
        }
    }
    let file = machine.facts.files.get(live.file.0 as usize);
    // The time of somebody's copy on a plain disk dates nothing.
    let file = file.filter(|file| file.container.is_some());
    (earliest, latest.or(file.and_then(|file| file.modified)))
}
