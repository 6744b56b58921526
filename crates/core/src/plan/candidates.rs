//! The plans that are weighed.

use super::action::{Action, Source};
use crate::artifact::container::well_known::Role;
use crate::artifact::container::{Guid, Prefix};
use crate::machine::facts::FolderRole;
use crate::machine::{Facts, Generation, Machine, RecoveryKind, Standing, Store};
use crate::rules::{self, Finding, Remedy, Severity};

/// Rounds of repair after which a candidate is left as it is: each round changes one container.
const ROUNDS: usize = 64;

/// The way that brings back the file that every other way replaces the containers for.
pub(super) const RESTORE_MASTER_KEY: &str = "restore-master-key";

/// A plan before it is tried.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// A short name.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: String,
    /// What it costs.
    pub cost: String,
    /// Its changes, in order.
    pub actions: Vec<Action>,
    /// Whether its effect can be computed from the facts.
    pub computed: bool,
    /// Steps in words, for what cannot be computed.
    pub prose: Vec<String>,
    /// GUID whose TLS keys must be looked after one by one.
    pub tls_under: Option<Guid>,
}

impl Candidate {
    /// Whether it needs something that is not in evidence.
    pub fn needs_outside(&self) -> bool {
        self.actions
            .iter()
            .any(|action| matches!(action, Action::Replace { .. } | Action::ImportCertificate { .. }))
    }

    /// Whether it only puts a copy of the configuration back.
    pub fn only_restores(&self) -> bool {
        !self.actions.is_empty()
            && self.actions.iter().all(|action| matches!(action, Action::RestoreConfig { .. }))
    }

    /// Whether it changes nothing but access rights.
    pub fn only_grants(&self) -> bool {
        !self.actions.is_empty()
            && self.actions.iter().all(|action| matches!(action, Action::GrantAccess { .. }))
    }

    /// Whether secrets are lost.
    pub fn loses_secrets(&self) -> bool {
        self.actions.iter().any(|action| {
            matches!(
                action,
                Action::Replace { source: Source::New, .. }
                    | Action::ImportCertificate { source: Source::New, .. }
            )
        })
    }
}

/// Whether a plan can do something about a finding.
pub(super) fn is_repairable(finding: &Finding) -> bool {
    finding.remedies.iter().any(|remedy| !matches!(remedy, Remedy::Advice(_)))
}

/// All candidates for these findings.
pub(super) fn all(machine: &Machine<'_>, findings: &[&Finding]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let serious = |finding: &&&Finding| finding.severity >= Severity::Warning;
    let old = findings.iter().filter(serious).find_map(|finding| {
        finding.remedies.iter().find_map(|remedy| match remedy {
            Remedy::RestoreGuid(guid) | Remedy::WriteGuid(guid) => Some(*guid),
            _ => None,
        })
    });
    let changed = findings.iter().any(|finding| finding.rule == "machine-guid-changed");
    if let Some(old) = &old {
        candidates.push(complete(
            machine,
            Source::Original,
            vec![Action::SetGuid(*old)],
            "restore-machine-guid",
            format!("Put the MachineGuid {old} back; every container made under it is found again."),
            format!(
                "Containers made under the present GUID are no longer found: {}. Monitoring and licensing that know \
                 the machine by its present GUID see another one.",
                stranded_by(machine, old)
            ),
        ));
    }
    if machine.guid.is_some() {
        let renames = renames(machine);
        let renamed = !renames.is_empty();
        let sets_aside = renames.iter().any(|action| matches!(action, Action::SetAside { .. }));
        // Where no copy under the old GUID can be opened, renaming is no way.
        if renamed || !changed || findings.iter().any(|finding| finding.rule.starts_with("dpapi-foreign")) {
            let mut candidate = complete(
                machine,
                Source::Original,
                renames,
                if renamed { "rename-containers" } else { "repair-containers" },
                if sets_aside {
                    "Set the newer copies aside and give the older containers the current GUID by renaming them.".to_owned()
                } else if renamed {
                    "Give the older containers the current GUID by renaming them.".to_owned()
                } else {
                    "Bring each missing or damaged container back, from what is on the server first, else from a backup or an \
                     export.".to_owned()
                },
                if renamed {
                    "Only the renamed containers are found again. TLS keys and keys of other products under the old \
                     GUID stay lost until they are renamed, repaired or imported again, one by one."
                        .to_owned()
                } else {
                    "What is not in evidence must be found: a backup of the key files, or an export."
                        .to_owned()
                },
            );
            if candidate.only_grants() {
                candidate.name = "repair-access";
                "Give the accounts that need the containers their access back."
                    .clone_into(&mut candidate.summary);
                "None beyond a restart of the services; the access rights before are saved and can be restored."
                    .clone_into(&mut candidate.cost);
            }
            if candidate.only_restores() {
                candidate.name = "restore-configuration";
                "Put the newest copy of the configuration back that fits the containers of this server."
                    .clone_into(&mut candidate.summary);
                "What was changed in the configuration since that copy is lost; the present file is kept."
                    .clone_into(&mut candidate.cost);
                candidates.extend(import(machine, findings));
            }
            candidate.tls_under = old.filter(|_| renamed);
            let outside = candidate.needs_outside();
            candidates.push(candidate);
            if outside && !renamed {
                candidates.push(complete(
                    machine,
                    Source::New,
                    Vec::new(),
                    "recreate-containers",
                    "Make new containers of the same names and enter every secret again.".to_owned(),
                    "Everything that was encrypted with the old keys is lost: passwords of application pools, virtual \
                     directories and the metabase must be entered again."
                        .to_owned(),
                ));
            }
        }
    }
    candidates.extend(master_keys(machine));
    candidates.push(backup(machine, changed));
    candidates.extend(history(machine, findings));
    candidates.extend(export(machine, findings));
    candidates.push(reinstall(machine, findings));
    candidates
}

/// A candidate whose first actions are `actions`, completed by repairs of whatever they leave broken.
fn complete(
    machine: &Machine<'_>,
    source: Source,
    actions: Vec<Action>,
    name: &'static str,
    summary: String,
    cost: String,
) -> Candidate {
    let mut facts = machine.facts.clone();
    let mut done: Vec<Action> = Vec::new();
    for action in actions {
        carry_out(action, &mut facts, &mut done);
    }
    for _ in 0..ROUNDS {
        let next = {
            let derived = Machine::derive(&facts);
            next_repair(&derived, source)
        };
        let Some(actions) = next else { break };
        let before = done.len();
        for action in actions {
            carry_out(action, &mut facts, &mut done);
        }
        if done.len() == before {
            break;
        }
    }
    Candidate { name, summary, cost, actions: done, computed: true, prose: Vec::new(), tls_under: None }
}

fn carry_out(action: Action, facts: &mut Facts, done: &mut Vec<Action>) {
    if action.is_possible(facts) {
        action.apply(facts, u16::try_from(done.len() + 1).unwrap_or(u16::MAX));
        done.push(action);
    }
}

/// The actions that cure the worst container finding that is left.
fn next_repair(machine: &Machine<'_>, source: Source) -> Option<Vec<Action>> {
    let judged = rules::judge(machine);
    let mut findings: Vec<&Finding> = judged
        .iter()
        .flat_map(|(_, judgement)| &judgement.findings)
        .filter(|finding| finding.severity >= Severity::Warning && is_repairable(finding))
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    // Links of certificates and containers from outside do not depend on each other: there may be many, and one round does
    // for all of a kind.
    let best: Vec<&Remedy> = findings
        .iter()
        .filter_map(|finding| finding.remedies.iter().min_by_key(|remedy| preference(remedy)))
        .collect();
    let all_like = |kind: &Remedy| {
        let is_same = |remedy: &Remedy| std::mem::discriminant(remedy) == std::mem::discriminant(kind);
        let mut actions: Vec<Action> = Vec::new();
        for action in best
            .iter()
            .filter(|remedy| is_same(remedy))
            .flat_map(|remedy| actions_for(machine, remedy, source))
        {
            if action.is_possible(machine.facts) && !actions.contains(&action) {
                actions.push(action);
            }
        }
        actions
    };
    let link = best.iter().find(|remedy| matches!(remedy, Remedy::LinkCertificate { .. }));
    let outside = best.first().filter(|remedy| is_from_outside(remedy));
    let together =
        link.into_iter().chain(outside).map(|kind| all_like(kind)).find(|actions| !actions.is_empty());
    if together.is_some() {
        return together;
    }
    findings.iter().find_map(|finding| {
        let mut remedies: Vec<&Remedy> = finding.remedies.iter().collect();
        remedies.sort_by_key(|remedy| preference(remedy));
        remedies.into_iter().find_map(|remedy| {
            let actions = actions_for(machine, remedy, source);
            (!actions.is_empty() && actions.iter().any(|action| action.is_possible(machine.facts)))
                .then_some(actions)
        })
    })
}

/// Whether a remedy brings something that is not on the machine.
fn is_from_outside(remedy: &Remedy) -> bool {
    matches!(remedy, Remedy::ReplaceContainer { .. } | Remedy::ImportCertificate { .. })
}

/// What is already on the machine comes before what must be found elsewhere.
fn preference(remedy: &Remedy) -> u8 {
    match remedy {
        Remedy::WriteGuid(_) => 0,
        Remedy::PutBack { .. } | Remedy::RestoreConfig { .. } => 1,
        Remedy::AdoptContainer { .. } => 2,
        Remedy::RenameToInnerName { .. } => 3,
        Remedy::MoveToCurrentRoot { .. } => 4,
        Remedy::LinkCertificate { .. } => 5,
        Remedy::GrantAccess { .. } => 6,
        Remedy::ImportCertificate { .. } => 7,
        Remedy::ReplaceContainer { .. } => 8,
        Remedy::RestoreGuid(_) | Remedy::Advice(_) => 9,
    }
}

fn actions_for(machine: &Machine<'_>, remedy: &Remedy, source: Source) -> Vec<Action> {
    match remedy {
        Remedy::WriteGuid(guid) => vec![Action::SetGuid(*guid)],
        Remedy::AdoptContainer { store, prefix, from } => adopt(machine, *store, *prefix, from),
        Remedy::PutBack { copy } => {
            let container = machine.container(*copy);
            match container.prefix {
                Some(prefix) => rename_to_current(machine, *copy, prefix),
                None => Vec::new(),
            }
        }
        Remedy::RenameToInnerName { container } => {
            let inside = match &machine.container(*container).content {
                crate::machine::Content::Read(inside) => inside.prefix,
                _ => None,
            };
            inside.map(|prefix| rename_to_current(machine, *container, prefix)).unwrap_or_default()
        }
        Remedy::MoveToCurrentRoot { container } => {
            let store = machine.folder_of(*container).store;
            let target = machine
                .facts
                .folders
                .iter()
                .position(|folder| folder.store == store && folder.role == FolderRole::Current);
            let Some(folder) = target else { return Vec::new() };
            let name = machine.container(*container).name.clone();
            let mut actions: Vec<Action> = machine
                .facts
                .containers
                .iter()
                .enumerate()
                .filter(|(_, other)| other.folder == folder && other.name.eq_ignore_ascii_case(&name))
                .map(|(index, _)| Action::SetAside { container: index })
                .collect();
            actions.push(Action::Move { container: *container, folder });
            actions
        }
        Remedy::ReplaceContainer { store, prefix, name } => {
            let mut actions = set_current_aside(machine, *store, *prefix);
            actions.push(Action::Replace { store: *store, prefix: *prefix, name: name.clone(), source });
            actions
        }
        Remedy::GrantAccess { place, grants } => {
            vec![Action::GrantAccess { place: *place, grants: grants.clone() }]
        }
        Remedy::RestoreConfig { copy } => vec![Action::RestoreConfig { copy: *copy }],
        Remedy::LinkCertificate { certificate, container } => {
            vec![Action::LinkCertificate { certificate: *certificate, container: *container }]
        }
        Remedy::ImportCertificate { certificate } => {
            vec![Action::ImportCertificate { certificate: *certificate, source }]
        }
        Remedy::RestoreGuid(_) | Remedy::Advice(_) => Vec::new(),
    }
}

fn set_current_aside(machine: &Machine<'_>, store: Store, prefix: Prefix) -> Vec<Action> {
    machine
        .sets
        .get(&(store, prefix))
        .map(|set| machine.standing_copies(set, Standing::Current))
        .unwrap_or_default()
        .into_iter()
        .map(|container| Action::SetAside { container })
        .collect()
}

fn rename_to_current(machine: &Machine<'_>, container: usize, prefix: Prefix) -> Vec<Action> {
    let Some(guid) = machine.guid else { return Vec::new() };
    let mut actions = set_current_aside(machine, machine.folder_of(container).store, prefix);
    actions.retain(|action| *action != Action::SetAside { container });
    actions.push(Action::Rename { container, to: format!("{prefix}_{}", guid.as_str()), prefix, guid });
    actions
}

fn adopt(machine: &Machine<'_>, store: Store, prefix: Prefix, from: &Guid) -> Vec<Action> {
    let Some(set) = machine.sets.get(&(store, prefix)) else { return Vec::new() };
    let copy = machine.standing_copies(set, Standing::OtherGuid).into_iter().find(|&index| {
        machine.container(index).guid.as_ref() == Some(from) && machine.condition(index).is_usable()
    });
    copy.map(|index| rename_to_current(machine, index, prefix)).unwrap_or_default()
}

/// The renames that give every needed container its best older copy.
fn renames(machine: &Machine<'_>) -> Vec<Action> {
    let judged = rules::judge(machine);
    let mut actions: Vec<Action> = Vec::new();
    for finding in judged.iter().flat_map(|(_, judgement)| &judgement.findings) {
        if finding.severity < Severity::Warning {
            continue;
        }
        for remedy in &finding.remedies {
            if let Remedy::AdoptContainer { store, prefix, from } = remedy {
                for action in adopt(machine, *store, *prefix, from) {
                    if !actions.contains(&action) {
                        actions.push(action);
                    }
                }
            }
        }
    }
    actions
}

/// How many containers are found under the present GUID and would not be under `old`.
fn stranded_by(machine: &Machine<'_>, old: &Guid) -> String {
    let others: u64 = machine
        .facts
        .spread
        .iter()
        .filter(|((_, guids), _)| {
            machine.guid.as_ref().is_some_and(|current| guids.contains(current)) && !guids.contains(old)
        })
        .map(|(_, number)| number)
        .sum();
    let tracked = machine
        .sets
        .values()
        .filter(|set| !machine.standing_copies(set, Standing::Current).is_empty())
        .filter(|set| !set.copies.iter().any(|&index| machine.container(index).guid.as_ref() == Some(old)))
        .count() as u64;
    match others + tracked {
        0 => "none stands only there".to_owned(),
        1 => "1 stands only there".to_owned(),
        number => format!("{number} stand only there"),
    }
}

/// Bringing back the master key files that the containers name. What they hold is not in evidence, so nothing is computed.
fn master_keys(machine: &Machine<'_>) -> Option<Candidate> {
    let missing = rules::missing_master_keys(machine);
    if missing.is_empty() {
        return None;
    }
    let root = machine.facts.os.system_root.value().map_or("C:\\Windows", String::as_str);
    let folder = format!("{}\\System32\\Microsoft\\Protect\\S-1-5-18", root.trim_end_matches('\\'));
    let files = missing.join(" and ");
    let mut prose = vec![
        format!("Back up {folder} and the key folders as they are, with access rights; the backup holds private keys."),
        "Look for the file in every backup, shadow copy and image of the system drive of this server that was made before \
         the loss: in Protect\\S-1-5-18, and in its folder User. The file is hidden and a system file. One of \
         another server does not help."
            .to_owned(),
    ];
    prose.extend(missing.iter().map(|guid| {
        format!(
            "Put the file {folder}\\{guid} back, or {folder}\\User\\{guid} where the backup has it there, as LocalSystem or \
             with the right to restore files: robocopy \"BACKUP\" \"{folder}\" {guid} /B /COPYALL keeps its attributes and \
             access. Otherwise set both: attrib +s +h, and with icacls the same entries as the other master keys of that folder \
             (full control for SYSTEM). Undo: move the file out again."
        )
    }));
    prose.push(
        "Start the services, see that the application pools start, and collect the evidence again with Protect: the \
         containers must open."
            .to_owned(),
    );
    Some(Candidate {
        name: RESTORE_MASTER_KEY,
        summary: format!("Bring the master key file {files} back into {folder} from a backup; the containers stay as they are."),
        cost: "None beyond the search for a backup: nothing that works is changed. Without such a backup the keys in the \
               containers are lost."
            .to_owned(),
        actions: Vec::new(),
        computed: false,
        prose,
        tls_under: None,
    })
}

fn backup(machine: &Machine<'_>, changed: bool) -> Candidate {
    let (earliest, _) = if changed { rules::window(machine) } else { (None, None) };
    let before = earliest.map_or_else(|| "the failure".to_owned(), |time| time.to_string());
    Candidate {
        name: "restore-backup",
        summary: format!("Restore a backup of the whole system state from before {before}."),
        cost: "Everything that changed on the server since the backup is undone. The backup must be a complete system \
               state: key files, registry and System32\\Microsoft\\Protect belong together."
            .to_owned(),
        actions: Vec::new(),
        computed: false,
        prose: vec![
            "Back up the present state first, with access rights; the backup holds private keys.".to_owned(),
            format!("Restore the system state of a backup made before {before}."),
            "Verify that IIS Admin, the sites and HTTPS work; if not, restore the present state.".to_owned(),
        ],
        tls_under: None,
    }
}

/// Going back to an earlier applicationHost.config, where containers of IIS 7 and later are concerned.
fn history(machine: &Machine<'_>, findings: &[&Finding]) -> Option<Candidate> {
    let iis7 = machine.iis_major().is_none_or(|major| major >= 7);
    let concerned = machine.needed.iter().any(|need| {
        !matches!(need.role, Some(Role::MetabaseKey | Role::MetabaseRemote))
            && findings.iter().any(|finding| {
                finding.severity == Severity::Error && finding.subject.contains(&need.prefix.to_string())
            })
    });
    let is_planned = findings
        .iter()
        .any(|finding| finding.remedies.iter().any(|remedy| matches!(remedy, Remedy::RestoreConfig { .. })));
    (iis7 && concerned && !is_planned).then(|| Candidate {
        name: "configuration-history",
        summary: "Go back to an applicationHost.config from before the problem (inetpub\\history).".to_owned(),
        cost: "Sites, pools and bindings added since are lost from the configuration. It helps only where the older \
               file's session keys fit containers that are there; no container comes back with it."
            .to_owned(),
        actions: Vec::new(),
        computed: false,
        prose: vec![
            "Copy the present %windir%\\System32\\inetsrv\\config\\applicationHost.config aside.".to_owned(),
            "Look in %SystemDrive%\\inetpub\\history for the newest CFGHISTORY folder from before the problem and \
             compare its configProtectedData section with the present one."
                .to_owned(),
            "Copy its applicationHost.config into place and restart WAS; if pools still fail, put the first file back."
                .to_owned(),
        ],
        tls_under: None,
    })
}

fn reinstall(machine: &Machine<'_>, findings: &[&Finding]) -> Candidate {
    let old = machine.iis_major().is_some_and(|major| major < 7);
    let concerns = |role: Role| {
        machine.needed.iter().any(|need| {
            need.role == Some(role)
                && findings.iter().any(|finding| finding.subject.contains(&need.prefix.to_string()))
        })
    };
    let mut prose = vec![
        "Back up the present state first, with access rights; the backup holds private keys.".to_owned(),
    ];
    let mut cost = String::new();
    if old {
        prose.push(
            "Remove IIS, set the container c2319c42033a5ca7f44e731bfd3fa2b5_* aside, and install IIS again."
                .to_owned(),
        );
        cost.push_str("The whole metabase is made anew: sites, certificates' assignments and every stored password are lost. ");
    } else {
        prose.push(
            "For the IIS 6 compatible services: remove IIS 6 metabase compatibility, set its container aside, and \
             install it again."
                .to_owned(),
        );
        cost.push_str("The metabase's secrets (SMTP, FTP 6) are lost. ");
    }
    if concerns(Role::WasKey) || concerns(Role::ConfigurationKey) {
        prose.push(
            "For iisWasKey and iisConfigurationKey: removing and installing IIS alone does not make them; the Windows \
             Process Activation Service must be removed and installed."
                .to_owned(),
        );
        cost.push_str("Every encrypted password of the configuration must be entered again. ");
    }
    prose.push("Enter every password again, assign certificates and verify each site.".to_owned());
    Candidate {
        name: "reinstall",
        summary: "Remove and install again the part of IIS that fails.".to_owned(),
        cost: cost.trim_end().to_owned(),
        actions: Vec::new(),
        computed: false,
        prose,
        tls_under: None,
    }
}

/// What would have saved the day.
pub(super) fn prevent(machine: &Machine<'_>) -> Vec<String> {
    let mut advice = vec![
        "Keep a system state backup, or at least a copy of the key folders with access rights, and treat it as the \
         private keys that it holds."
            .to_owned(),
        "Export certificates with their keys as password-protected PFX files and keep them off the server.".to_owned(),
        "Never clean up MachineKeys by age or size; exclude it from clean-up tools.".to_owned(),
    ];
    if machine.iis_major().is_none_or(|major| major >= 7) {
        advice.push(
            "Export the configuration with a password (IIS Manager, Shared Configuration, Export Configuration) after \
             each change; the set can be imported on a server that has lost its keys."
                .to_owned(),
        );
        advice.push("Keep the configuration history (inetpub\\history) switched on.".to_owned());
    }
    match machine.generation {
        Some(Generation::Nt50) => {
            advice.push(
                "Install the hotfix of KB884872, which stops Windows 2000 from resetting the MachineGuid."
                    .to_owned(),
            );
            advice.push("Leave IIS 5: later versions do not have this fault.".to_owned());
        }
        Some(Generation::Nt51) => {
            advice.push("Make a password-protected metabase backup; only that kind opens after the machine key is lost.".to_owned());
        }
        _ => {}
    }
    advice
}

/// The way through an export of the shared configuration, which brings keys and configuration of the day it was made.
fn export(machine: &Machine<'_>, findings: &[&Finding]) -> Option<Candidate> {
    let is_set = |source: &&crate::machine::RecoverySource| source.kind == RecoveryKind::ExportSet;
    let set = machine.facts.recovery.iter().find(is_set)?;
    let concerned = findings.iter().any(|finding| {
        finding.severity == Severity::Error
            && (finding.subject.starts_with("container:") || finding.subject.starts_with("provider:"))
    });
    concerned.then(|| Candidate {
        name: "import-export",
        summary: format!("Take keys and configuration from the export in {}.", set.windows_path),
        cost: "The password of the export is needed. What was changed in the configuration since it was made is lost."
            .to_owned(),
        actions: Vec::new(),
        computed: false,
        prose: vec![
            "Back up the present state first, with access rights; the backup holds private keys.".to_owned(),
            format!(
                "In IIS Manager, Shared Configuration, enable shared configuration from {} with its password: that imports \
                 its keys. Undo: restore the backup of the first step.",
                set.windows_path
            ),
            "Run iisreset and check that the application pools start.".to_owned(),
            "Disable shared configuration again and let it copy the configuration to this server.".to_owned(),
            "Run iisreset once more, verify each site, and collect the evidence again.".to_owned(),
        ],
        tls_under: None,
    })
}

/// The way for a configuration that was meant to come here: bring its containers, too.
fn import(machine: &Machine<'_>, findings: &[&Finding]) -> Option<Candidate> {
    let mut actions = Vec::new();
    for finding in findings.iter().filter(|finding| finding.rule == "session-key-mismatch") {
        for remedy in
            finding.remedies.iter().filter(|remedy| matches!(remedy, Remedy::ReplaceContainer { .. }))
        {
            actions.extend(actions_for(machine, remedy, Source::Original));
        }
    }
    (!actions.is_empty()).then(|| {
        complete(
            machine,
            Source::Original,
            actions,
            "import-containers",
            "Keep the configuration and import the containers of the server that it comes from.".to_owned(),
            "The containers of this server are set aside: copies of its own configuration need them. The other server must \
             still be able to export its containers."
                .to_owned(),
        )
    })
}
