//! `dpapi-foreign`

use super::proofs::{self, Guarded};
use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{KeyProof, Machine};

/// See [`INFO`].
pub struct DpapiForeign;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "dpapi-foreign",
    group: Group::Protection,
    severity: Severity::Error,
    lowered: "warning where the configuration is set up to use the container and no value does yet; note for copies that \
              are not in use and for containers of others",
    summary: "A container opens with neither DPAPI secret: the file or the hives come from another machine.",
    core: true,
    explains: &[
        "machine-guid-changed",
        "container-orphaned",
        "container-duplicated",
        "session-key-mismatch",
        "symptom-iisadmin-failed",
        "symptom-app-pool-identity",
        "symptom-dpapi",
    ],
    meaning: "A container that was copied from another computer looks whole, and its name can be made to fit, but its \
              private key is protected with the other computer's secret. The same picture comes from hives that were \
              rolled back or exchanged while the key folders stayed.",
    proof: "The whole chain was followed: boot key, LSA key, DPAPI_SYSTEM with its version field, master key with its HMAC, \
            DPAPI blob with its signature. Every step checks itself, so a wrong secret is told from a damaged file. When \
            other containers of the machine open, the hives are right and the file is foreign; when none opens, the hives \
            may be the foreign ones.",
    repair: "A foreign file cannot be made to open here. Put back this machine's own copy if there is one; else export the \
             container on the machine that it comes from and import it, or make it anew and enter again what was encrypted. \
             When the hives are the foreign part, restore SYSTEM and SECURITY of the same moment as the key folders.",
    references: &["Passcape: DPAPI secrets", "impacket: dpapi.py", "mimikatz: kull_m_dpapi"],
};

impl Rule for DpapiForeign {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match proofs::begin(machine, "every container that matters opens") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        let all = proofs::guarded(machine);
        let opened = all.iter().filter(|guarded| guarded.any(|proof| proof.opened_with().is_some())).count();
        for guarded in &all {
            if guarded.any(is_foreign) {
                judgement.findings.push(finding(machine, guarded, opened));
            }
        }
        judgement
    }
}

fn is_foreign(proof: &KeyProof) -> bool {
    matches!(proof, KeyProof::Neither | KeyProof::WrongMasterKey | KeyProof::Opened { agrees: false, .. })
}

fn finding(machine: &Machine<'_>, guarded: &Guarded<'_>, opened: usize) -> Finding {
    let name = machine.display_name(guarded.index);
    let file = &machine.container(guarded.index).name;
    let neither = guarded.any(|proof| *proof == KeyProof::Neither);
    let disagrees = guarded.any(|proof| matches!(proof, KeyProof::Opened { agrees: false, .. }));
    let what = if disagrees {
        format!("The private key in {file} opens and does not belong to the public key beside it.")
    } else if neither {
        format!("The master key of {file} opens with neither value of DPAPI_SYSTEM.")
    } else {
        format!("The master key of {file} opens, and the private key's DPAPI blob does not verify with it.")
    };
    let origin = if opened > 0 {
        format!(
            " {} of this machine open with the same hives, so it is the file that comes from elsewhere.",
            support::count(opened as u64, "container")
        )
    } else {
        " No container opens with these hives, so they may be the part that comes from elsewhere.".to_owned()
    };
    let mut evidence: Vec<_> = support::cite(machine, guarded.index).into_iter().collect();
    evidence.extend(proofs::cite_master_keys(machine, guarded));
    if let Some(citation) = machine.facts.protection.secret.citation() {
        let observed =
            if neither { "opens it neither with CurrVal nor with OldVal" } else { "opens the master key" };
        evidence.push(Cite { citation: citation.clone(), observed: observed.to_owned() });
    }
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, guarded.index),
        severity: guarded.severity,
        // Without any container that opens, the hives may be what is wrong.
        confidence: if opened > 0 { Confidence::Proven } else { Confidence::Strong },
        title: format!("The container {name} cannot be opened with this machine's secrets"),
        explanation: format!("{what}{origin}"),
        evidence,
        remedies: proofs::bring_back(machine, guarded)
            .into_iter()
            .chain([Remedy::Advice(format!(
            "Export {name} on the machine that it comes from and import it here (aspnet_regiis -px and -pi, CAPI containers \
             only), or make it anew and enter again what was encrypted."
        ))]).collect(),
        affects: support::users_of(machine, guarded.index),
    }
}
