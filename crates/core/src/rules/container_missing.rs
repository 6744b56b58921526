//! `container-missing`

use super::{Cite, Finding, Group, Judgement, Remedy, Rule, RuleInfo, Severity};
use super::{certificates, support};
use crate::artifact::container::well_known::Role;
use crate::machine::{Citation, Condition, Locator, Machine, Need, Needed, Standing};

/// See [`INFO`].
pub struct ContainerMissing;

/// The rule's page.
pub static INFO: RuleInfo = RuleInfo {
    name: "container-missing",
    group: Group::Containers,
    severity: Severity::Error,
    lowered: "warning where the configuration is set up to use the container and no value or service does yet",
    summary: "A needed container stands under no GUID, in no root.",
    core: true,
    explains: &[
        "certificate-key-missing",
        "symptom-iisadmin-failed",
        "symptom-service-timeout",
        "symptom-app-pool-identity",
    ],
    meaning: "Something that is installed or configured opens a container that has no file at all. iisWasKey and \
              iisConfigurationKey are made when the Windows Process Activation Service is installed; installing IIS \
              again makes only the metabase's container, so a folder that was cleaned up stays without them.",
    proof: "What is needed follows from the installed services and components and from the providers that encrypted \
            values of the live configuration name. The file name is computed from the container name, and every \
            folder of that store was searched for it under any GUID. In a complete volume or listing the absence is \
            proven, in a copied folder it is likely.",
    repair: "Bring the same key back: from a backup of the folder, or from an export (aspnet_regiis -px on the server \
             that the configuration comes from, then -pi here; CAPI containers only, without the signature pair). A \
             configuration history copy helps where its session key fits a container that is there. A new container \
             of the same name works, but what was encrypted with the old one must be entered again.",
    references: &[
        "MachineKeys on IIS 7.x: Inside Out (blog article): reinstalling IIS does not create the WAS containers",
        "MicrosoftDocs/iis-docs issue 451: aspnet_regiis does not export CNG keys",
    ],
};

impl Rule for ContainerMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn judge(&self, machine: &Machine<'_>) -> Judgement {
        if machine.iis_installed() == Some(false) && machine.needed.is_empty() {
            return Judgement::not_applicable(
                "no part of IIS is installed and no live configuration needs a container",
            );
        }
        let mut judgement = Judgement::examined("every needed container has a file");
        support::require_needs(machine, &mut judgement);
        support::require_stores(machine, &mut judgement);
        for seen in certificates::all(machine).filter(|seen| seen.view.by_name.is_empty()) {
            let mut looked = seen.view.places.iter().filter(|(store, _)| machine.has_store(*store));
            looked.any(|(store, prefix)| {
                certificates::require_bindings(machine, *store, *prefix, &mut judgement)
            });
        }
        for need in &machine.needed {
            if !machine.has_store(need.store) {
                continue;
            }
            let Some(set) = machine.sets.get(&(need.store, need.prefix)) else { continue };
            if set.copies.iter().any(|&index| is_there(machine, index)) {
                continue;
            }
            if machine.facts.os.image_layer {
                judgement.gap(
                    "the evidence is a layer of a container image, which holds changes only",
                    Need::WholeVolume,
                );
                continue;
            }
            judgement.findings.push(finding(machine, need));
        }
        judgement
    }
}

/// Whether a copy stands anywhere under its own name.
fn is_there(machine: &Machine<'_>, index: usize) -> bool {
    let container = machine.container(index);
    !container.set_aside && machine.standing(index) != Some(Standing::SetAside)
}

fn finding(machine: &Machine<'_>, need: &Needed) -> Finding {
    let set = &machine.sets[&(need.store, need.prefix)];
    let aside: Vec<usize> =
        set.copies.iter().copied().filter(|&index| machine.condition(index) != Condition::Damaged).collect();
    let mut evidence = support::cite_need(need);
    for folder in machine.facts.folders.iter().filter(|folder| folder.store == need.store) {
        evidence.push(Cite {
            citation: Citation::new(folder.file, Locator::File),
            observed: format!("{} and none named {}_*", support::count(folder.count, "file"), need.prefix),
        });
    }
    evidence.extend(aside.iter().filter_map(|&index| support::cite(machine, index)));
    let mut explanation = format!(
        "No file {}_* stands in the folder of the store {}, under any GUID. {}",
        need.prefix,
        need.store.id(),
        support::need_sentence(machine, set, Some(need))
    );
    if matches!(need.role, Some(Role::WasKey | Role::ConfigurationKey)) {
        explanation.push_str(
            " Installing IIS again does not create it: it is made when the Windows Process Activation Service is \
             installed.",
        );
    }
    let mut remedies: Vec<Remedy> = aside.iter().map(|&copy| Remedy::PutBack { copy }).collect();
    // The key of a certificate may be there under another name.
    remedies.extend(certificates::elsewhere(machine, need.store, need.prefix));
    remedies.push(support::replace(need));
    Finding {
        rule: INFO.name,
        subject: support::subject_of_need(need),
        severity: support::severity(Some(need)),
        confidence: support::with_need(support::absence(machine, need.store), Some(need)),
        title: format!("The container {} is missing", need.name),
        explanation,
        evidence,
        remedies,
        affects: need.users.clone(),
    }
}
