//! `metabase-key-mismatch`

use super::proofs;
use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::facts::{ContainerFile, Content};
use crate::machine::{Machine, Metabase, Need};

/// See [`INFO`].
pub struct MetabaseKeyMismatch;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "metabase-key-mismatch",
    group: Group::Configuration,
    severity: Severity::Error,
    lowered: "note, weak, where no container in evidence verifies with the same procedure",
    summary: "The metabase's session key was not made with the container Microsoft Internet Information Server.",
    core: false,
    explains: &["symptom-iisadmin-failed"],
    meaning: "IIS 5 and 6, and the IIS 6 compatibility part of later versions, encrypt passwords of the metabase with a session \
              key that is wrapped and signed with the container c23. After the metabase was replaced, or the container made \
              anew, IIS Admin ends with 0x80090006 or the passwords are lost.",
    proof: "The session key carries a signature, which was verified with the public signature key of each container in evidence, \
            with MD5 and with SHA-1. How exactly IIS signs was worked out from public sources and not confirmed on a real pair, \
            so a signature that does not verify proves something only when the same procedure verifies with another container, \
            or on a copy of the metabase.",
    repair: "Put back the container that made the metabase, or a copy of the metabase (inetsrv\\History, inetsrv\\MetaBack) that \
             belongs to the container. Deleting the container and installing the compatibility part again makes both fit and \
             loses every password of the metabase.",
    references: &["mimikatz and public notes on the METADATA session key", "KB 884872"],
};

impl Rule for MetabaseKeyMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = Judgement::examined("the metabase's session key verifies with its container");
        let live = machine.facts.metabases.iter().enumerate().find(|(_, metabase)| metabase.is_live);
        let Some((at, metabase)) = live else {
            if machine.iis_installed() == Some(false) || !needs_metabase(machine) {
                return Judgement::not_applicable("nothing on this machine uses a metabase");
            }
            judgement.gap("the metabase is not in evidence", Need::KeyProof);
            return judgement;
        };
        if let Some(why) = &metabase.trouble {
            judgement.gap(format!("the metabase was not understood: {why}"), Need::UndamagedCopy);
            return judgement;
        }
        if !metabase.has_session_key {
            return Judgement::not_applicable("the metabase has no session key");
        }
        let Some(set) = proofs::set_of(machine, "Microsoft Internet Information Server") else {
            judgement.gap("its container is not in evidence", Need::MachineKeys);
            return judgement;
        };
        let current = support::may_be_opened(machine, set);
        if current.is_empty() {
            judgement.gap("its container is not in evidence", Need::MachineKeys);
            return judgement;
        }
        let tried = |index: &usize| verdict(machine.container(*index), at);
        if current.iter().any(|index| tried(index) == Some(true)) {
            return judgement;
        }
        let Some(&index) = current.iter().find(|index| tried(index) == Some(false)) else {
            judgement.gap("its signature could not be tried with the container", Need::KeyFileContents);
            return judgement;
        };
        let other = set.copies.iter().copied().find(|index| tried(index) == Some(true));
        // A copy of the metabase that verifies with the container confirms the procedure as well.
        let copy = machine
            .facts
            .metabases
            .iter()
            .enumerate()
            .find(|(copy, _)| *copy != at && verdict(machine.container(index), *copy) == Some(true));
        judgement.findings.push(finding(machine, metabase, index, other, copy.map(|(_, copy)| copy)));
        judgement
    }
}

fn needs_metabase(machine: &Machine<'_>) -> bool {
    machine.needed.iter().any(|need| need.name == "Microsoft Internet Information Server")
}

fn verdict(container: &ContainerFile, metabase: usize) -> Option<bool> {
    let Content::Read(inside) = &container.content else { return None };
    if inside.opens.signed.contains(&metabase) {
        Some(true)
    } else {
        inside.opens.not_signed.contains(&metabase).then_some(false)
    }
}

fn finding(
    machine: &Machine<'_>,
    metabase: &Metabase,
    index: usize,
    other: Option<usize>,
    copy: Option<&Metabase>,
) -> Finding {
    let file = &machine.container(index).name;
    let mut evidence = vec![Cite {
        citation: metabase.citation.clone(),
        observed: format!("session key; {}", support::count(metabase.secure_values, "secure value")),
    }];
    evidence.extend(support::cite(machine, index));
    evidence.extend(other.and_then(|other| support::cite(machine, other)));
    let is_confirmed = other.is_some() || copy.is_some();
    evidence.extend(
        copy.map(|copy| Cite { citation: copy.citation.clone(), observed: "verifies with it".to_owned() }),
    );
    let explanation = match other {
        Some(other) => format!(
            "The session key of {} was signed with the container {}, and not with {file}, which Windows opens. {} in it cannot \
             be read.",
            metabase.name,
            machine.container(other).name,
            support::count(metabase.secure_values, "secure value")
        ),
        None if copy.is_some() => format!(
            "The session key of {} was not signed with {file}, and the one of the copy {} was: the metabase is of another \
             server or of another time. {} in it cannot be read.",
            metabase.name,
            copy.map_or("", |copy| copy.windows_path.as_str()),
            support::count(metabase.secure_values, "secure value")
        ),
        None => format!(
            "The signature of the session key in {} does not verify with {file}. No container in evidence verifies it, so the \
             procedure itself stays unconfirmed here.",
            metabase.name
        ),
    };
    Finding {
        rule: INFO.name,
        subject: "file:MetaBase.xml".to_owned(),
        severity: if is_confirmed { Severity::Error } else { Severity::Note },
        confidence: if is_confirmed { Confidence::Strong } else { Confidence::Weak },
        title: if is_confirmed {
            "The metabase was not made with its container".to_owned()
        } else {
            "The metabase and its container may not belong together".to_owned()
        },
        explanation,
        evidence,
        remedies: vec![Remedy::Advice(
            "Put back the container that made the metabase, or a copy of the metabase that belongs to the container.".into(),
        )],
        affects: support::users_of(machine, index),
    }
}
