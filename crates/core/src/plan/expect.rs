//! What evidence collected after a repair must show.

use super::action::{Action, Source};
use super::trial::Known;
use crate::machine::facts::{ContainerFile, Content, FolderRole};
use crate::machine::{Condition, Machine, Origin, Standing};
use crate::rules::{self, Group, Severity};

/// One thing that the evidence must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// `finding-gone`, `machine-guid`, `container` or `group-evaluated`.
    pub kind: &'static str,
    /// What it is about: the id of a finding or a container, the name of a group, or the registry value.
    pub subject: String,
    /// What must stand there, for `machine-guid` and `container`.
    pub value: Option<String>,
    /// SHA-256 of the moduli that a container must hold, sorted; empty where they are not known before.
    pub moduli: Vec<[u8; 32]>,
    /// Whether a container is made anew.
    pub is_new: bool,
    /// One sentence for people.
    pub what: String,
}

/// The registry value of the GUID.
const GUID_VALUE: &str = "HKLM\\SOFTWARE\\Microsoft\\Cryptography\\MachineGuid";

/// What follows from `actions` that turned `before` into `after` and made the `gone` findings vanish.
pub(super) fn of(
    before: &Machine<'_>,
    after: &Machine<'_>,
    actions: &[Action],
    gone: &[&Known],
) -> Vec<Expect> {
    // A rule that never finds anything worse than a note tells good news or history, which a repair may leave as it is.
    let is_fault =
        |rule: &str| rules::by_name(rule).is_some_and(|rule| rule.info().severity > Severity::Note);
    let mut expect: Vec<Expect> = gone
        .iter()
        .filter(|known| is_fault(known.rule))
        .map(|known| Expect {
            kind: "finding-gone",
            subject: known.id.clone(),
            value: None,
            moduli: Vec::new(),
            is_new: false,
            what: format!("{} no longer finds: {}.", known.rule, known.title.trim_end_matches('.')),
        })
        .collect();
    // A later step may write another one.
    let guid = actions.iter().rev().find_map(|action| match action {
        Action::SetGuid(guid) => Some(guid),
        _ => None,
    });
    expect.extend(guid.map(|guid| Expect {
        kind: "machine-guid",
        subject: GUID_VALUE.to_owned(),
        value: Some(guid.as_str().to_owned()),
        moduli: Vec::new(),
        is_new: false,
        what: format!("The MachineGuid is {guid}."),
    }));
    expect.extend(containers(before, after, actions));
    let mut groups: Vec<Group> = gone
        .iter()
        .filter_map(|known| Some(rules::by_name(known.rule)?.info().group))
        .filter(|group| *group != Group::Evidence)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    expect.extend(groups.into_iter().map(|group| Expect {
        kind: "group-evaluated",
        subject: group.name().to_owned(),
        value: None,
        moduli: Vec::new(),
        is_new: false,
        what: format!("The evidence suffices to evaluate the rules of the group {}.", group.name()),
    }));
    expect
}

/// The containers that Windows opens after the repair and did not open before it under that name.
fn containers(before: &Machine<'_>, after: &Machine<'_>, actions: &[Action]) -> Vec<Expect> {
    let imports = actions.iter().any(|action| matches!(action, Action::ImportCertificate { .. }));
    let new = |name: &str| {
        actions.iter().any(|action| {
            matches!(action, Action::Replace { prefix, source: Source::New, .. } if name.starts_with(&prefix.to_string()))
        })
    };
    let mut rows: Vec<Expect> = (0..after.facts.containers.len())
        .filter(|index| {
            let container = after.container(*index);
            let is_changed = matches!(container.origin, Origin::Planned(_));
            let is_needed = container
                .prefix
                .is_some_and(|prefix| after.need_of(after.folder_of(*index).store, prefix).is_some());
            let was_current =
                *index < before.facts.containers.len() && before.standing(*index) == Some(Standing::Current);
            // An import gives its container a name that nobody can foretell.
            let is_import = imports && *index >= before.facts.containers.len();
            after.folder_of(*index).role == FolderRole::Current
                && after.standing(*index) == Some(Standing::Current)
                && !is_import
                && (is_changed || is_needed && !was_current)
        })
        .map(|index| {
            let container = after.container(index);
            let folder = after.folder_of(index);
            let state = match after.condition(index) {
                // What was only listed is read once it is collected.
                Condition::LooksComplete | Condition::Unknown => Condition::Complete,
                known => known,
            };
            let is_new = new(&container.name);
            let made = if is_new { ", newly made" } else { "" };
            Expect {
                kind: "container",
                subject: format!("{}/{}", folder.store.id(), container.name),
                value: Some(state.word().to_owned()),
                moduli: if is_new { Vec::new() } else { moduli(before, after, index) },
                is_new,
                what: format!(
                    "{} stands in {}{made} and is {}.",
                    container.name,
                    folder.windows_path,
                    state.word()
                ),
            }
        })
        .collect();
    rows.sort_by(|a, b| a.subject.cmp(&b.subject));
    rows.dedup();
    rows
}

/// The keys that a container holds after the repair. What is brought back from elsewhere holds those of the file whose place it
/// takes, as far as that one can be read.
fn moduli(before: &Machine<'_>, after: &Machine<'_>, index: usize) -> Vec<[u8; 32]> {
    let of = |container: &ContainerFile| -> Vec<[u8; 32]> {
        let Content::Read(inside) = &container.content else { return Vec::new() };
        let mut moduli: Vec<[u8; 32]> = inside.pairs.iter().filter_map(|pair| pair.modulus_sha256).collect();
        moduli.sort_unstable();
        moduli.dedup();
        moduli
    };
    let container = after.container(index);
    let held = of(container);
    if !held.is_empty() {
        return held;
    }
    let same_place = (0..before.facts.containers.len()).find(|old| {
        before.container(*old).name == container.name
            && before.folder_of(*old).store == after.folder_of(index).store
            && before.folder_of(*old).role == FolderRole::Current
    });
    same_place.map(|old| of(before.container(old))).unwrap_or_default()
}
