//! `container-misnamed`

use super::support;
use super::{Cite, Confidence, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use crate::machine::{Citation, Content, Locator, Machine, Need, Oddity, Standing};

/// See [`INFO`].
pub struct ContainerMisnamed;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-misnamed",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "note where neither the file name nor the name inside belongs to a needed container",
    summary: "The name inside a container hashes to another prefix than the one that its file carries.",
    core: false,
    explains: &[
        "container-missing",
        "certificate-key-missing",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "The first 32 digits of the file name are computed from the container name, which also stands inside. \
              Where the two disagree the file was renamed to the place of another container, or copied under a wrong \
              name: Windows opens it for a container that it is not, or does not find it at all.",
    proof: "The prefix is computed from the name inside, by the rule of the store (ASCII for CAPI, UTF-16 for CNG), \
            and compared with the file name. Names with letters outside ASCII in a CAPI container cannot be verified \
            and are not judged.",
    repair: "Rename the file to the prefix that its inner name asks for, after setting aside what stands there.",
    references: &["File name rule as verified on Wine's rsaenh conformance test and on events 5058"],
};

impl Rule for ContainerMisnamed {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        let mut judgement = match support::begin(machine, "every name inside agrees with its file name") {
            Ok(judgement) => judgement,
            Err(judgement) => return judgement,
        };
        for (index, container) in machine.facts.containers.iter().enumerate() {
            if !container.tracked {
                continue;
            }
            match &container.content {
                Content::Read(inside) => {
                    let (Some(inner), Some(outer)) = (inside.prefix, container.prefix) else { continue };
                    if inner != outer {
                        judgement.findings.push(finding(machine, index, inside.name.as_deref(), inner));
                    }
                }
                Content::NameOnly | Content::Unreadable(_) => {
                    if support::is_needed(machine, machine.folder_of(index).store, container.prefix) {
                        judgement.gap(
                            "the contents of needed key files are not in evidence, only their names",
                            Need::KeyFileContents,
                        );
                    }
                }
            }
        }
        for odd in support::oddities(machine, Oddity::Misnamed) {
            let title = format!(
                "{} of others {} a wrong file name",
                support::count(odd.number, "container"),
                if odd.number == 1 { "has" } else { "have" }
            );
            let explanation = "The name inside hashes to another prefix than the file carries. They are not containers of IIS.";
            judgement.findings.push(support::note_on_others(INFO.name, odd, title, explanation));
        }
        judgement
    }
}

fn finding(
    machine: &Machine<'_>,
    index: usize,
    name: Option<&str>,
    inner: crate::artifact::container::Prefix,
) -> Finding {
    let container = machine.container(index);
    let store = machine.folder_of(index).store;
    let opened = matches!(machine.standing(index), Some(Standing::Current) | None);
    let by_file = container.prefix.and_then(|prefix| machine.need_of(store, prefix));
    let by_name = machine.need_of(store, inner);
    let need = if opened { by_file.into_iter().chain(by_name).max_by_key(|need| need.weight) } else { None };
    let inner_name = name.unwrap_or("(unreadable)");
    let mut explanation = format!(
        "{} holds a container named {inner_name}, which belongs into a file {inner}_*.",
        container.name
    );
    if let Some(need) = by_file.filter(|_| opened) {
        explanation.push_str(&format!(
            " Windows opens this file for {}, which is needed, and meets another key.",
            need.name
        ));
    }
    if let Some(need) = by_name.filter(|_| opened) {
        explanation.push_str(&format!(" {} is needed and is not found under this name.", need.name));
    }
    if let Some(need) = need {
        explanation.push_str(&support::scope_sentence(machine, need));
    }
    let mut evidence: Vec<Cite> = support::cite(machine, index).into_iter().collect();
    if let Some(citation) = machine.citation_of(index) {
        evidence.push(Cite {
            citation: Citation::new(
                citation.file,
                Locator::Offset(if store.family() == crate::artifact::container::Family::Capi {
                    40
                } else {
                    44
                }),
            ),
            observed: format!("name inside: {inner_name}"),
        });
    }
    Finding {
        rule: INFO.name,
        subject: support::subject(machine, index),
        severity: support::severity(need),
        confidence: support::with_need(Confidence::Proven, need),
        title: format!("A file with the name of another container holds {inner_name}"),
        explanation,
        evidence,
        remedies: if need.is_some() {
            vec![Remedy::RenameToInnerName { container: index }]
        } else {
            Vec::new()
        },
        affects: need.map(|need| need.users.clone()).unwrap_or_default(),
    }
}
