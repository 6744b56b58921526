//! `dpapi-secret-rotated`

use super::proofs::{self, Guarded};
use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Known, Machine, SecretAge};

/// See [`INFO`].
pub struct DpapiSecretRotated;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "dpapi-secret-rotated",
    group: Group::Protection,
    severity: Severity::Error,
    lowered: "warning where the configuration is set up to use the container and no value does yet; note for copies that \
              are not in use and for containers of others, where an image was made with them",
    summary: "A container opens only with the machine's previous DPAPI secret: cloned or generalised after it was made.",
    core: false,
    explains: &[
        "machine-guid-changed",
        "container-orphaned",
        "container-duplicated",
        "session-key-mismatch",
        "encrypted-value-unreadable",
        "symptom-iisadmin-failed",
        "symptom-app-pool-identity",
        "symptom-dpapi",
    ],
    meaning: "The specialize phase of sysprep gives a machine a new DPAPI secret and keeps the one before it. What was \
              protected before then hangs on the old secret. For a container that came with the image (RDP makes one) \
              that is normal. For a container of IIS it says that the server was cloned or generalised after IIS was set \
              up, and the next change of the secret makes the key unreadable for good.",
    proof: "The whole chain was followed: boot key, LSA key, DPAPI_SYSTEM, master key, DPAPI blob. The master key opens with \
            the previous value and not with the current one. That needs no assumption about Windows; what Windows itself \
            still does with such a key does.",
    repair: "Take the key out while it can be read: export the container on a machine with the old state (aspnet_regiis -px \
             with -pri, CAPI containers only) and import it here, or make a new container and enter again what was \
             encrypted.",
    references: &[
        "Passcape: DPAPI secrets",
        "Microsoft newsgroup answer on sysprep and the system DPAPI key",
    ],
};

impl Rule for DpapiSecretRotated {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match proofs::begin(machine, "no container hangs on the previous DPAPI secret") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        for guarded in proofs::guarded(machine) {
            let is_old = guarded.any(|proof| proof.opened_with() == Some(SecretAge::Previous));
            if is_old {
                judgement.findings.push(finding(machine, &guarded));
            }
        }
        judgement
    }
}

fn finding(machine: &Machine<'_>, guarded: &Guarded<'_>) -> Finding {
    let name = machine.display_name(guarded.index);
    let secret = &machine.facts.protection.secret;
    let since = secret.value().and_then(|secret| secret.current_since);
    let changed = since.map_or_else(String::new, |since| format!(" The secret was changed on {since}."));
    let mut evidence: Vec<_> = support::cite(machine, guarded.index).into_iter().collect();
    evidence.extend(proofs::cite_master_keys(machine, guarded));
    if let Known::Read(_) = secret
        && let Some(citation) = secret.citation()
    {
        evidence.push(Cite { citation: citation.clone(), observed: "opens with OldVal only".to_owned() });
    }
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, guarded.index),
        severity: guarded.severity,
        confidence: Confidence::Strong,
        title: format!("The container {name} hangs on the machine's previous DPAPI secret"),
        explanation: format!(
            "The master key of {} opens with the previous value of DPAPI_SYSTEM and not with the current one.{changed} The \
             container was made before the machine was cloned or generalised.",
            machine.container(guarded.index).name,
        ),
        evidence,
        remedies: vec![Remedy::Advice(format!(
            "Export the key of {name} from a machine in the old state, or from this one as long as it opens, and import it \
             here (aspnet_regiis -px and -pi, CAPI containers only); else make it anew and enter again what was encrypted."
        ))],
        affects: support::users_of(machine, guarded.index),
    }
}
