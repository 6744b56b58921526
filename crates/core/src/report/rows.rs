//! The rows of a report that say what was read: machine, containers, configuration, plan.

use iiskeys_evidence::acl::{Dacl, SecurityDescriptor};

use super::build::{Ids, hex, level};
use super::proofs::{opens, protection};
use super::*;
use crate::machine::facts::{Content, ProviderKind, RegistryContainer};
use crate::machine::{Known, Machine, Needed, Standing};
use crate::plan::{Plan, Step};
use crate::rules;

pub(super) fn machine_row(machine: &Machine<'_>, ids: &Ids) -> MachineRow {
    let facts = machine.facts;
    let identity = &facts.identity;
    let guid = identity.guid.value().map(|value| GuidFact {
        value: value.text.clone(),
        source: identity.guid.citation().map(|citation| CiteRow {
            evidence: ids.get(citation.file),
            locator: citation.locator.to_string(),
            observed: value.text.clone(),
        }),
        key_last_written: identity.key_written.value().map(ToString::to_string),
        unreplayed_value: identity
            .unreplayed
            .as_ref()
            .and_then(Known::value)
            .filter(|before| !before.text.eq_ignore_ascii_case(&value.text))
            .map(|before| before.text.clone()),
    });
    MachineRow {
        os: os_name(machine),
        hostname: facts.os.hostname.value().cloned(),
        time_zone: facts.os.time_zone.value().map(|zone| zone.name.clone()),
        installed: facts.os.installed.value().map(ToString::to_string),
        machine_guid: guid,
        iis: (machine.iis_installed() == Some(true)).then(|| IisRow {
            version: facts.iis.version.value().map(|(major, minor)| format!("{major}.{minor}")),
            features: features(machine),
        }),
    }
}

/// The product's name, corrected where Windows itself has it wrong.
fn os_name(machine: &Machine<'_>) -> Option<String> {
    let os = &machine.facts.os;
    let mut name =
        os.product.value().cloned().or_else(|| Some(format!("Windows {}", os.version.value()?)))?;
    let build = os.build.value().copied();
    let is_server = os.installation_type.value().is_some_and(|kind| kind.eq_ignore_ascii_case("Server"))
        || name.contains("Server");
    if !is_server && build.is_some_and(|build| build >= 22_000) {
        name = name.replacen("Windows 10", "Windows 11", 1);
    }
    if let Some(pack) = os.service_pack.value().filter(|pack| !pack.is_empty()) {
        name.push_str(&format!(", {pack}"));
    }
    if let Some(build) = build {
        name.push_str(&format!(" (build {build})"));
    }
    Some(name)
}

fn features(machine: &Machine<'_>) -> Vec<String> {
    let iis = &machine.facts.iis;
    let mut features: Vec<String> = iis
        .components
        .value()
        .into_iter()
        .flatten()
        .filter(|(_, value)| **value == 1)
        .map(|(name, _)| format!("component {name}"))
        .collect();
    features.extend(iis.services.value().into_iter().flatten().map(|(name, service)| {
        let start = match service.start {
            2 => "automatic",
            3 => "manual",
            4 => "disabled",
            _ => "unknown start",
        };
        format!("service {name} ({start})")
    }));
    features.sort();
    features
}

pub(super) fn sources(machine: &Machine<'_>) -> Vec<SourceRow> {
    let facts = machine.facts;
    let volume = |volume: &iiskeys_evidence::VolumeRow| VolumeRow {
        number: volume.number,
        path: volume.path.to_string(),
        content: volume.content.clone(),
        label: volume.label.clone(),
        start: volume.start,
        size: volume.size,
        letter: facts.letters.get(&volume.path.to_string()).map(|letter| format!("{letter}:")),
        skipped: volume.skipped.clone(),
    };
    facts
        .sources
        .iter()
        .map(|source| {
            let container = &source.container;
            SourceRow {
                path: container.path.to_string(),
                format: container.format.clone(),
                size: container.size,
                parts: container
                    .parts
                    .iter()
                    .map(|part| SourcePartRow {
                        role: part.role.to_owned(),
                        name: part.name.clone(),
                        size: part.size,
                    })
                    .collect(),
                media_size: container.media_size,
                scheme: container.scheme.map(str::to_owned),
                stored_md5: container.stored_md5.map(|digest| hex(&digest)),
                stored_sha1: container.stored_sha1.map(|digest| hex(&digest)),
                computed_md5: source.verified.as_ref().map(|digests| hex(&digests.md5)),
                computed_sha1: source.verified.as_ref().map(|digests| hex(&digests.sha1)),
                notes: container.notes.clone(),
                volumes: container.volumes.iter().map(volume).collect(),
            }
        })
        .collect()
}

pub(super) fn containers(machine: &Machine<'_>, ids: &Ids) -> Vec<ContainerRow> {
    let mut rows: Vec<ContainerRow> =
        (0..machine.facts.containers.len()).map(|index| container_row(machine, index, ids)).collect();
    rows.sort_by(|a, b| (&a.id, &a.path).cmp(&(&b.id, &b.path)));
    rows
}

fn access_row(access: &Known<SecurityDescriptor>, ids: &Ids) -> Option<AccessRow> {
    let (descriptor, citation) = (access.value()?, access.citation()?);
    Some(AccessRow {
        owner: descriptor.owner.as_ref().map(ToString::to_string),
        entries: match &descriptor.dacl {
            Dacl::Null => None,
            Dacl::Entries { aces, .. } => Some(aces.len() as u64),
        },
        source: format!("{} {}", ids.get(citation.file), citation.locator),
    })
}

fn container_row(machine: &Machine<'_>, index: usize, ids: &Ids) -> ContainerRow {
    let container = machine.container(index);
    let folder = machine.folder_of(index);
    let inside = match &container.content {
        Content::Read(inside) => Some(inside),
        _ => None,
    };
    let set = container.prefix.and_then(|prefix| machine.sets.get(&(folder.store, prefix)));
    let need = container.prefix.and_then(|prefix| machine.need_of(folder.store, prefix));
    let opened = matches!(machine.standing(index), Some(Standing::Current) | None);
    let pairs = inside.map(|inside| inside.pairs.as_slice()).unwrap_or_default();
    ContainerRow {
        id: format!("{}/{}", folder.store.id(), container.name),
        store: folder.store.id().to_owned(),
        path: format!("{}/{}", folder.path, container.name),
        prefix: container.prefix.map(|prefix| prefix.to_string()),
        guid: container.guid.as_ref().map(|guid| guid.as_str().to_owned()),
        name: inside.and_then(|inside| inside.name.clone()),
        well_known: set.and_then(|set| set.well_known).map(|known| known.name.to_owned()),
        needed_by: need
            .filter(|_| opened)
            .map(|need| need.reasons.iter().map(|reason| reason.text.clone()).collect())
            .unwrap_or_default(),
        size: container.size,
        created: machine.created(index).map(|time| time.to_string()),
        modified: container.modified.map(|time| time.to_string()),
        state: machine.condition(index).word().to_owned(),
        standing: machine.standing(index).map(|standing| {
            match standing {
                Standing::Current => "current",
                Standing::OtherGuid => "other-guid",
                Standing::OtherRoot => "other-root",
                Standing::SetAside => "set-aside",
            }
            .to_owned()
        }),
        key_pairs: pairs
            .iter()
            .map(|pair| PairRow {
                spec: if pair.signature { "signature" } else { "exchange" }.to_owned(),
                algorithm: pair.algorithm.clone(),
                bits: pair.bits,
                modulus_sha256: pair.modulus_sha256.map(|digest| hex(&digest)),
            })
            .collect(),
        protection: protection(machine, pairs),
        opens: inside.map(|inside| opens(machine, inside)).unwrap_or_default(),
        damage: inside
            .map(|inside| {
                inside.damage.iter().map(|(offset, what)| format!("{what} (offset {offset:#x})")).collect()
            })
            .unwrap_or_default(),
        access: access_row(&container.access, ids),
        in_groups: !container.tracked,
    }
}

pub(super) fn needed(machine: &Machine<'_>) -> Vec<NeededRow> {
    let row = |need: &Needed| NeededRow {
        name: need.name.clone(),
        store: need.store.id().to_owned(),
        prefix: need.prefix.to_string(),
        reasons: need.reasons.iter().map(|reason| reason.text.clone()).collect(),
        assumed: need.assumed,
        users: need.users.clone(),
    };
    machine.needed.iter().map(row).collect()
}

pub(super) fn groups(machine: &Machine<'_>) -> Vec<GroupRow> {
    machine
        .facts
        .groups
        .iter()
        .filter_map(|(key, group)| {
            let folder = machine.facts.folders.get(key.folder)?;
            let times_count = machine.times_lost(folder).is_none();
            Some(GroupRow {
                store: folder.store.id().to_owned(),
                guid: key.guid.as_ref().map(|guid| guid.as_str().to_owned()),
                pattern: key.pattern.to_owned(),
                size_class: key.size_class.to_owned(),
                count: group.count,
                first_day: group.first.filter(|_| times_count).map(|time| time.day()),
                last_day: group.last.filter(|_| times_count).map(|time| time.day()),
            })
        })
        .collect()
}

pub(super) fn only_counted(machine: &Machine<'_>) -> u64 {
    let all: u64 = machine.facts.folders.iter().map(|folder| folder.count).sum();
    all.saturating_sub(machine.facts.containers.len() as u64)
}

pub(super) fn registry_containers(machine: &Machine<'_>, ids: &Ids) -> Vec<RegistryContainerRow> {
    let row = |container: &RegistryContainer| RegistryContainerRow {
        name: container.name.clone(),
        written: container.written.map(|time| time.to_string()),
        evidence: ids.get(container.citation.file),
        locator: container.citation.locator.to_string(),
    };
    machine.facts.registry_containers.iter().map(row).collect()
}

pub(super) fn config(machine: &Machine<'_>, ids: &Ids) -> Option<ConfigRow> {
    let config = machine.facts.config.value()?;
    Some(ConfigRow {
        evidence: ids.get(config.file),
        providers: config
            .providers
            .iter()
            .map(|provider| {
                let used = config.uses.get(&provider.name);
                ProviderRow {
                    name: provider.name.clone(),
                    kind: match provider.kind {
                        ProviderKind::Rsa => "rsa",
                        ProviderKind::Aes => "aes",
                        ProviderKind::Cng => "cng",
                        ProviderKind::Unknown => "unknown",
                    }
                    .to_owned(),
                    key_container: provider.container.clone(),
                    has_session_key: provider.has_session_key,
                    session_key_bits: provider.session_key_bits,
                    session_key: provider.wrap.map(|wrap| {
                        let fit = rules::live_fit(machine, wrap, &provider.container);
                        fit.unwrap_or(rules::Fit::Unknown).word().to_owned()
                    }),
                    session_key_sha256: provider
                        .wrap
                        .and_then(|wrap| machine.facts.wraps.get(wrap))
                        .map(|wrap| hex(&wrap.sha256)),
                    values: used.map_or(0, |used| used.values),
                    empty_values: used.map_or(0, |used| used.empty),
                    users: used.map(|used| used.users.clone()).unwrap_or_default(),
                }
            })
            .collect(),
        clear_values: config.clear_values,
        defaults: machine.facts.schema.value().map(|defaults| defaults.keys().cloned().collect()),
    })
}

pub(super) fn plan_row(plan: &Plan) -> PlanRow {
    PlanRow {
        summary: plan.summary.clone(),
        remaining: plan
            .remaining
            .iter()
            .map(|(severity, title, subject)| RemainingRow {
                severity: level(*severity),
                title: title.clone(),
                subject: subject.clone(),
            })
            .collect(),
        steps: steps(&plan.steps),
        resolves: plan.resolves.clone(),
        leaves: plan.leaves.clone(),
        alternatives: plan
            .alternatives
            .iter()
            .map(|alternative| AlternativeRow {
                name: alternative.name.to_owned(),
                summary: alternative.summary.clone(),
                reason: alternative.reason.clone(),
                cost: alternative.cost.clone(),
                tried: alternative.tried,
                steps: steps(&alternative.steps),
                resolves: alternative.resolves.clone(),
                leaves: alternative.leaves.clone(),
            })
            .collect(),
        prevent: plan.prevent.clone(),
        expect: plan
            .expect
            .iter()
            .map(|expect| ExpectRow {
                kind: expect.kind.to_owned(),
                subject: expect.subject.clone(),
                value: expect.value.clone(),
                modulus_sha256: expect.moduli.iter().map(|digest| hex(digest)).collect(),
                is_new: expect.is_new,
                what: expect.what.clone(),
            })
            .collect(),
    }
}

fn steps(steps: &[Step]) -> Vec<StepRow> {
    steps
        .iter()
        .zip(1..)
        .map(|(step, order)| StepRow {
            order,
            action: step.action.to_owned(),
            target: step.target.clone(),
            detail: step.detail.clone(),
            shell: (!step.commands.is_empty()).then(|| "cmd".to_owned()),
            commands: step.commands.clone(),
            risk: step.risk.clone(),
            undo: step.undo.clone(),
            verify: step.verify.clone(),
        })
        .collect()
}
