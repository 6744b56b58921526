//! The steps of a plan, in words and commands.

use super::action::{self, Action, Source};
use super::candidates::Candidate;
use super::commands::{self, BACKUP};
use super::{certificates, grants};
use crate::artifact::container::well_known::Role;
use crate::artifact::container::{Family, Guid};
use crate::machine::facts::{Content, FolderRole, KeyFolder};
use crate::machine::{CertificateView, Generation, Machine, Stake, Store};
use crate::rules::{self, Place};

/// One step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What kind of step.
    pub action: &'static str,
    /// What it acts on.
    pub target: String,
    /// What to do and why.
    pub detail: String,
    /// Commands for `cmd.exe`, when every name in them can be quoted safely.
    pub commands: Vec<String>,
    /// What may go wrong.
    pub risk: String,
    /// How to take it back.
    pub undo: String,
    /// How to see that it worked.
    pub verify: String,
}

const KEY: &str = "HKLM\\SOFTWARE\\Microsoft\\Cryptography";

/// The steps of a candidate, the backup first.
pub(super) fn render(machine: &Machine<'_>, candidate: &Candidate) -> Vec<Step> {
    if !candidate.computed {
        return prose(candidate);
    }
    let mut steps = vec![back_up(machine, candidate)];
    let services = Services::of(machine, candidate);
    steps.extend(services.stop());
    // Names change under way: later steps must speak of the names that earlier ones gave.
    let mut facts = machine.facts.clone();
    for (number, action) in candidate.actions.iter().enumerate() {
        steps.push(change(machine, &facts, action));
        action.apply(&mut facts, u16::try_from(number + 1).unwrap_or(u16::MAX));
    }
    steps.extend(services.start(machine));
    steps.extend(restart(machine, candidate));
    if let Some(guid) = &candidate.tls_under {
        steps.extend(tls(machine, candidate, guid));
    }
    steps.push(verify(machine));
    steps
}

fn prose(candidate: &Candidate) -> Vec<Step> {
    let last = candidate.prose.len().saturating_sub(1);
    candidate
        .prose
        .iter()
        .enumerate()
        .map(|(number, detail)| Step {
            action: match number {
                0 => "back-up",
                _ if number == last => "verify",
                _ => candidate.name,
            },
            target: "the server".to_owned(),
            detail: detail.clone(),
            risk: if number == 0 {
                "The backup holds private keys."
            } else {
                "See the cost of this alternative."
            }
            .to_owned(),
            undo: if number == 0 {
                "Nothing is changed by this step."
            } else {
                "Restore the backup of the first step."
            }
            .to_owned(),
            verify: "The step's result is there before the next one is taken.".to_owned(),
            ..Step::default()
        })
        .collect()
}

fn back_up(machine: &Machine<'_>, candidate: &Candidate) -> Step {
    let facts = machine.facts;
    let mut stores: Vec<(Store, &KeyFolder)> = facts
        .folders
        .iter()
        .filter(|folder| folder.role != FolderRole::Copy)
        .filter(|folder| {
            candidate.actions.iter().any(|action| match action {
                Action::SetGuid(_) => true,
                Action::SetAside { container }
                | Action::Rename { container, .. }
                | Action::Move { container, .. } => {
                    facts.containers.get(*container).is_some_and(|container| {
                        facts.folder(container).is_some_and(|own| own.store == folder.store)
                    })
                }
                Action::Replace { store, .. } => *store == folder.store,
                Action::RestoreConfig { .. } | Action::LinkCertificate { .. } => false,
                Action::ImportCertificate { .. } => folder.store == Store::RsaMachine,
                Action::GrantAccess { place, .. } => {
                    grants::folder_of(facts, *place).is_some_and(|own| own.store == folder.store)
                }
            })
        })
        .map(|folder| (folder.store, folder))
        .collect();
    stores.sort_by(|(a, x), (b, y)| (a, &x.windows_path).cmp(&(b, &y.windows_path)));
    let mut commands = Vec::new();
    let mut quotable = true;
    for (number, (store, folder)) in stores.iter().enumerate() {
        let again = stores[..number].iter().filter(|(other, _)| other == store).count();
        let name = if again == 0 { store.id().to_owned() } else { format!("{}-{}", store.id(), again + 1) };
        match commands::copy_folder(machine, &folder.windows_path, &name) {
            Some(command) => commands.push(command),
            None => quotable = false,
        }
    }
    let config = candidate.actions.iter().any(|action| matches!(action, Action::RestoreConfig { .. }));
    if config {
        commands.extend(commands::copy_folder(machine, &config_folder(machine), "inetsrv-config"));
    }
    commands.insert(0, format!("mkdir \"{BACKUP}\""));
    commands.push(commands::save_key(machine));
    let relinked = certificates::stores(machine, candidate);
    commands.extend(relinked.iter().filter_map(|store| commands::save_store(machine, store)));
    let mut paths: Vec<String> = stores.iter().map(|(_, folder)| folder.windows_path.clone()).collect();
    paths.extend(config.then(|| config_folder(machine)));
    paths.extend(relinked.iter().map(|store| commands::store_key(store)));
    let replaces = candidate.needs_outside();
    if replaces && machine.iis_major().is_none_or(|major| major >= 7) {
        commands.push("%windir%\\System32\\inetsrv\\appcmd.exe add backup before-key-repair".to_owned());
    }
    Step {
        action: "back-up",
        target: if paths.is_empty() { KEY.to_owned() } else { paths.join(", ") },
        detail: format!(
            "Copy everything that the next steps touch, with its access rights, and the registry key {KEY}. A plain \
             copy loses the access rights.{}",
            if quotable {
                ""
            } else {
                " The folder's path cannot be put into a command safely; copy it by hand."
            }
        ),
        commands: if quotable { commands } else { Vec::new() },
        risk: "The backup holds private keys: keep it where only administrators can read it.".to_owned(),
        undo: "Nothing is changed by this step.".to_owned(),
        verify: format!("{BACKUP} holds as many files as the folders, and their access rights are the same."),
    }
}

fn change(machine: &Machine<'_>, facts: &crate::machine::Facts, action: &Action) -> Step {
    let file = |index: usize| -> (String, String) {
        facts.containers.get(index).map_or_else(Default::default, |container| {
            let folder =
                facts.folder(container).map(|folder| folder.windows_path.clone()).unwrap_or_default();
            (folder, container.name.clone())
        })
    };
    match action {
        Action::SetGuid(guid) => {
            let before = facts.identity.guid.value().map_or("(none)", |value| value.text.as_str());
            let command = commands::set_guid(machine, guid.as_str());
            Step {
                action: "set-machine-guid",
                target: format!("{KEY}\\MachineGuid"),
                detail: format!(
                    "Set the value MachineGuid (REG_SZ) from {before} to {guid}.{} Each process reads it once, so the \
                     services are restarted afterwards; a restart of the server reaches every process.",
                    if command.is_none() { " Use regedit." } else { "" }
                ),
                commands: command.into_iter().collect(),
                risk: "Containers made under the present GUID are not found any more, and software that identifies \
                       the machine by this value sees another one. Do not do this where the GUID was changed on \
                       purpose after cloning."
                    .to_owned(),
                undo: format!("Set the value back to {before}, or import {BACKUP}\\Cryptography.reg."),
                verify: "Reading the value shows the 36 characters in lower case or as found on the files, without \
                         braces or spaces."
                    .to_owned(),
            }
        }
        Action::SetAside { container } => {
            let (folder, name) = file(*container);
            let to = action::aside(&name);
            Step {
                action: "set-aside",
                target: format!("{folder}\\{name}"),
                detail: format!(
                    "Rename {name} to {to}, so that Windows no longer opens it. Do not delete it."
                ),
                commands: commands::rename(&folder, &name, &to).into_iter().collect(),
                risk: "If this copy is the one in use after all, its service fails until it is renamed back."
                    .to_owned(),
                undo: commands::rename(&folder, &to, &name).unwrap_or_else(|| "Rename it back.".to_owned()),
                verify: "The folder shows the file under its new name, with the same size.".to_owned(),
            }
        }
        Action::Rename { container, to, .. } => {
            let (folder, name) = file(*container);
            Step {
                action: "rename-container",
                target: format!("{folder}\\{name}"),
                detail: format!(
                    "Rename {name} to {to}. Renaming keeps the access rights and the content; the GUID is part of the \
                     name only. {}",
                    proved(facts, *container)
                ),
                commands: commands::rename(&folder, &name, to).into_iter().collect(),
                risk: "None for the key itself: its content is not changed.".to_owned(),
                undo: commands::rename(&folder, to, &name).unwrap_or_else(|| "Rename it back.".to_owned()),
                verify: "The folder shows the file under its new name, with the same size.".to_owned(),
            }
        }
        Action::Move { container, folder } => {
            let (from, name) = file(*container);
            let to = facts.folders.get(*folder).map(|folder| folder.windows_path.clone()).unwrap_or_default();
            Step {
                action: "move-container",
                target: format!("{from}\\{name}"),
                detail: format!(
                    "Move {name} to {to}, where the registry says that Windows looks. Putting the value Common AppData \
                     right (Shell Folders and User Shell Folders) is the better repair where it was changed by mistake."
                ),
                commands: commands::move_file(&from, &name, &to).into_iter().collect(),
                risk: "Within one volume a move keeps the access rights; across volumes it does not."
                    .to_owned(),
                undo: commands::move_file(&to, &name, &from).unwrap_or_else(|| "Move it back.".to_owned()),
                verify: "The file stands in the new folder with the same size and access rights.".to_owned(),
            }
        }
        Action::RestoreConfig { copy } => restore_config(machine, *copy),
        Action::LinkCertificate { certificate, container } => {
            certificates::link(machine, facts, *certificate, *container)
        }
        Action::ImportCertificate { certificate, source } => {
            certificates::import(machine, facts, *certificate, *source)
        }
        Action::GrantAccess { place, grants } => grants::step(machine, facts, *place, grants),
        Action::Replace { store, prefix, name, source } => {
            replace(machine, facts, *store, &prefix.to_string(), name, *source)
        }
    }
}

/// Whether it is certain that a container's key can be opened once Windows finds it.
fn proved(facts: &crate::machine::Facts, container: usize) -> &'static str {
    let content = facts.containers.get(container).map(|container| &container.content);
    let opened = match content {
        Some(Content::Read(inside)) => inside.pairs.iter().any(|pair| pair.proof.opened_with().is_some()),
        _ => false,
    };
    if opened {
        "Its private key was opened with this machine's secrets, so Windows can open it there."
    } else {
        "Whether its private key opens on this machine was not proved with this evidence."
    }
}

/// Where the live configuration stands.
fn config_folder(machine: &Machine<'_>) -> String {
    let root = machine.facts.os.system_root.value().map_or("C:\\Windows", String::as_str);
    format!("{}\\System32\\inetsrv\\config", root.trim_end_matches('\\'))
}

fn restore_config(machine: &Machine<'_>, at: usize) -> Step {
    let Some(copy) = machine.facts.copies.get(at) else { return Step::default() };
    let live = format!("{}\\applicationHost.config", config_folder(machine));
    let command =
        |from: &str, to: &str| Some(format!("copy /y {} {}", commands::quote(from)?, commands::quote(to)?));
    let lost = copy.content.as_ref().map(|config| rules::lost(machine, config)).unwrap_or_default();
    // Only a path of the machine itself can be typed there.
    let is_there = copy.windows_path.contains(":\\");
    Step {
        action: "restore-configuration",
        target: live.clone(),
        detail: format!(
            "Copy {} over the live file. Its session keys fit the containers of this server.{lost}",
            copy.windows_path
        ),
        commands: command(&copy.windows_path, &live).filter(|_| is_there).into_iter().collect(),
        risk: "What was changed in the configuration since that copy is not in it.".to_owned(),
        undo: command(&format!("{BACKUP}\\inetsrv-config\\applicationHost.config"), &live)
            .unwrap_or_else(|| "Copy the file of the first step back.".to_owned()),
        verify: "%windir%\\System32\\inetsrv\\appcmd.exe list site shows the sites, and the application pools start."
            .to_owned(),
    }
}

fn replace(
    machine: &Machine<'_>,
    facts: &crate::machine::Facts,
    store: Store,
    prefix: &str,
    name: &str,
    source: Source,
) -> Step {
    let need = machine.needed.iter().find(|need| need.store == store && need.prefix.to_string() == prefix);
    let role = need.and_then(|need| need.role);
    let folder = machine
        .facts
        .folders
        .iter()
        .find(|folder| folder.store == store && folder.role == FolderRole::Current)
        .map(|folder| folder.windows_path.clone())
        .unwrap_or_default();
    let guid = machine.guid.as_ref().map_or("<MachineGuid>", |guid| guid.as_str());
    let regiis = commands::aspnet_regiis(machine);
    let capi_exchange =
        store.family() == Family::Capi && !matches!(role, Some(Role::MetabaseKey | Role::MetabaseRemote));
    let quoted = commands::quote(name);
    if role.is_none()
        && let Some(step) =
            certificates::replace(machine, facts, &format!("{folder}\\{prefix}_{guid}"), name, source)
    {
        return step;
    }
    match source {
        Source::Original => {
            let mut detail = format!(
                "Bring the original container {name} back. First choice: a backup of the file {prefix}_*, made before \
                 the fault, copied into {folder} with its access rights under the name {prefix}_{guid}."
            );
            let mut list = Vec::new();
            if capi_exchange {
                detail.push_str(
                    " Second choice: an export. On the server that the configuration comes from, export the container \
                     with aspnet_regiis -px and its private key (-pri), carry the file to this server, and run the \
                     commands (the file holds the private key in clear: keep it off both servers afterwards). Third \
                     choice: a shared configuration export with its password, imported with IIS Manager.",
                );
                if let Some(quoted) = &quoted {
                    detail
                        .push_str(&format!(" The export there: {regiis} -px {quoted} exported-key.xml -pri"));
                    detail.push('.');
                    list.push(format!("{regiis} -pi {quoted} \"{BACKUP}\\exported-key.xml\""));
                    if role == Some(Role::ConfigurationKey) {
                        list.push(format!("{regiis} -pa {quoted} \"IIS_IUSRS\""));
                    }
                }
            } else if store.family() == Family::Cng {
                detail.push_str(
                    " An export with aspnet_regiis is no way here: it does not carry CNG keys. A shared configuration \
                     export with its password is the second choice.",
                );
            } else {
                detail.push_str(
                    " An export with aspnet_regiis is no way here: it does not carry the signature pair that the \
                     metabase needs.",
                );
            }
            detail.push_str(" If none of these exists, go to the alternative that makes new containers.");
            Step {
                action: "restore-container",
                target: format!("{folder}\\{prefix}_{guid}"),
                detail,
                commands: list,
                risk: "A container of another machine that was copied as a file does not open here, because its key is \
                       protected by that machine's DPAPI secrets; an export does."
                    .to_owned(),
                undo: format!("Rename the restored file to {prefix}_{guid}.aside."),
                verify: format!("A file {prefix}_{guid} of more than its header and name stands in {folder}."),
            }
        }
        Source::New => {
            let detail = match role {
                Some(Role::MetabaseKey | Role::MetabaseRemote) => "Remove and install again IIS 6 metabase \
                    compatibility (IIS 5 and 6: IIS itself), which makes a new container. Enter every stored password \
                    again."
                    .to_owned(),
                Some(Role::WasKey | Role::ConfigurationKey) => format!(
                    "Installing IIS again does not make {name}. Remove and install the Windows Process Activation \
                     Service; or empty the providers element of configProtectedData in applicationHost.config (a copy \
                     was made in the first step) and run the command, which makes containers and session keys anew. \
                     Then enter every encrypted password again: application pools, virtual directories, and others."
                ),
                _ => format!("Let the owner of {name} make it again, and enter again what was encrypted with it."),
            };
            Step {
                action: "recreate-container",
                target: format!("{folder}\\{prefix}_{guid}"),
                detail,
                commands: if matches!(role, Some(Role::WasKey | Role::ConfigurationKey)) {
                    vec!["%windir%\\System32\\inetsrv\\iissetup.exe /install SharedLibraries".to_owned()]
                } else {
                    Vec::new()
                },
                risk: "Everything that was encrypted with the old key is lost for good.".to_owned(),
                undo: "Put the copies of the first step back: configuration and key folder together."
                    .to_owned(),
                verify: format!("A file {prefix}_{guid} stands in {folder}, and the pools start."),
            }
        }
    }
}

/// The services that must not run while their containers change.
struct Services {
    stop: Vec<&'static str>,
    start: Vec<String>,
    target: &'static str,
}

impl Services {
    fn of(machine: &Machine<'_>, candidate: &Candidate) -> Self {
        let old = machine.iis_major().is_some_and(|major| major < 7);
        let touches = |is_meant: &dyn Fn(Option<Role>) -> bool| {
            machine.needed.iter().filter(|need| is_meant(need.role)).any(|need| {
                let prefix = need.prefix;
                candidate.actions.iter().any(|action| match action {
                    Action::SetGuid(_) => true,
                    Action::SetAside { container } | Action::Move { container, .. } => machine
                        .facts
                        .containers
                        .get(*container)
                        .is_some_and(|file| file.prefix == Some(prefix)),
                    Action::Rename { prefix: renamed, .. } | Action::Replace { prefix: renamed, .. } => {
                        *renamed == prefix
                    }
                    Action::GrantAccess { place: Place::Container(container), .. } => machine
                        .facts
                        .containers
                        .get(*container)
                        .is_some_and(|file| file.prefix == Some(prefix)),
                    Action::GrantAccess { place: Place::Folder(_), .. }
                    | Action::RestoreConfig { .. }
                    | Action::LinkCertificate { .. }
                    | Action::ImportCertificate { .. } => false,
                })
            })
        };
        let is_of =
            |roles: &'static [Role]| move |role: Option<Role>| role.is_some_and(|role| roles.contains(&role));
        let metabase = touches(&is_of(&[Role::MetabaseKey, Role::MetabaseRemote]));
        let config = candidate.actions.iter().any(|action| matches!(action, Action::RestoreConfig { .. }));
        let was = (config || touches(&is_of(&[Role::WasKey, Role::ConfigurationKey]))) && !old;
        // Containers of no role are those of certificates.
        let linked = candidate.actions.iter().any(|action| {
            matches!(action, Action::LinkCertificate { .. } | Action::ImportCertificate { .. })
        });
        let sites = (linked || touches(&|role| role.is_none())) && !old && !was;
        let mut stop = Vec::new();
        let mut start = Vec::new();
        if metabase || old {
            stop.push("net stop iisadmin /y");
            start.push("net start iisadmin".to_owned());
            let services = machine.facts.iis.services.value();
            let mut names: Vec<&str> = vec!["SMTPSVC", "MSFTPSVC", "NNTPSVC"];
            if old {
                names.insert(0, "W3SVC");
            }
            for name in names {
                if services.is_some_and(|services| services.contains_key(name)) {
                    start.push(format!("net start {}", name.to_ascii_lowercase()));
                }
            }
        }
        if was {
            stop.push("net stop was /y");
            start.push("net start w3svc".to_owned());
        }
        if sites {
            stop.push("net stop w3svc /y");
            start.push("net start w3svc".to_owned());
        }
        let target = match (metabase || old, was) {
            (false, false) if sites => "World Wide Web Publishing Service",
            (true, true) => "IIS Admin Service and Windows Process Activation Service",
            (true, false) => "IIS Admin Service and what depends on it",
            _ => "Windows Process Activation Service and what depends on it",
        };
        Self { stop, start, target }
    }

    fn stop(&self) -> Option<Step> {
        (!self.stop.is_empty()).then(|| Step {
            action: "stop-services",
            target: self.target.to_owned(),
            detail: "Stop the services that hold the containers open, with everything that depends on them."
                .to_owned(),
            commands: self.stop.iter().map(|&command| command.to_owned()).collect(),
            risk: "Sites and services are down until they are started again.".to_owned(),
            undo: "Start the services again.".to_owned(),
            verify: "The services are shown as stopped; one that had failed already is stopped.".to_owned(),
        })
    }

    fn start(&self, machine: &Machine<'_>) -> Option<Step> {
        let old = machine.iis_major().is_some_and(|major| major < 7);
        (!self.start.is_empty()).then(|| Step {
            action: "start-services",
            target: self.target.to_owned(),
            detail: if old {
                "Start the IIS Admin Service first. Restarting only the World Wide Web Publishing Service gives the \
                 same error again."
            } else {
                "Start the services again."
            }
            .to_owned(),
            commands: self.start.clone(),
            risk: "None beyond the fault itself.".to_owned(),
            undo: "Stop the services and take the steps back in reverse order.".to_owned(),
            verify: "They start, and the System log shows no new event 7024 of the Service Control Manager.".to_owned(),
        })
    }
}

/// The restart that HTTPS needs: its keys are opened by the local security authority, which no command restarts.
fn restart(machine: &Machine<'_>, candidate: &Candidate) -> Option<Step> {
    let changes = |action: &Action| match action {
        Action::SetGuid(_) | Action::LinkCertificate { .. } | Action::ImportCertificate { .. } => true,
        Action::Rename { prefix, .. } | Action::Replace { prefix, .. } => {
            let of_certificate =
                |view: &CertificateView| view.places.iter().any(|(_, known)| known == prefix);
            machine.tls.certificates.iter().any(of_certificate)
        }
        _ => false,
    };
    let live = machine
        .tls
        .bindings
        .iter()
        .any(|binding| binding.stake == Stake::Live && binding.certificate.is_some());
    (live && candidate.actions.iter().any(changes)).then(|| Step {
        action: "restart-server",
        target: "the server".to_owned(),
        detail: "Restart the server. Keys of HTTPS are opened by the local security authority (LSASS), which may keep the \
                 MachineGuid that it read and the keys that it opened; no service command restarts it."
            .to_owned(),
        // The command came with Windows XP.
        commands: match machine.generation {
            Some(Generation::Nt50) => Vec::new(),
            _ => vec!["shutdown /r /t 0".to_owned()],
        },
        risk: "Everything on the server is down while it restarts.".to_owned(),
        undo: "Nothing is changed by this step.".to_owned(),
        verify: "The sites answer over HTTPS, and the System log shows no new Schannel 36870.".to_owned(),
    })
}

/// What must be looked after one by one where containers stay under the old GUID; none where no certificate is concerned.
fn tls(machine: &Machine<'_>, candidate: &Candidate, guid: &Guid) -> Option<Step> {
    let left = certificates::left_under(machine, candidate, guid);
    // A registry without any certificate is rather cut than true.
    let certificates = machine.facts.tls.certificates.value();
    if certificates.is_some_and(|all| !all.is_empty()) && left.is_empty() {
        return None;
    }
    let which = if left.is_empty() {
        "Which certificates are concerned is not in evidence.".to_owned()
    } else {
        format!("Certificates with their containers: {}.", rules::join(&left, 20))
    };
    Some(Step {
        action: "repair-tls-keys",
        target: format!("certificates whose containers stand under {guid}"),
        detail: format!(
            "HTTPS fails with Schannel 36870 and 0x80090016 while a certificate's container stands under the old GUID. \
             {which} For each in turn: rename the certificate's container to the current GUID as above; or let certutil \
             -repairstore my <thumbprint> link the certificate to its key again; or remove the certificate, import the \
             PFX again and bind it to the site."
        ),
        commands: Vec::new(),
        risk: "Removing a certificate without a PFX at hand loses it.".to_owned(),
        undo: "Rename the container back.".to_owned(),
        verify: "The site answers over HTTPS, and the System log shows no new Schannel 36870.".to_owned(),
    })
}

fn verify(machine: &Machine<'_>) -> Step {
    let users: Vec<String> = {
        let mut users: Vec<String> =
            machine.needed.iter().flat_map(|need| need.users.iter().cloned()).collect();
        users.sort();
        users.dedup();
        users
    };
    Step {
        action: "verify",
        target: if users.is_empty() { "IIS".to_owned() } else { rules::join(&users, 8) },
        detail: "Check each service, pool and site that was down, HTTPS included. Then collect the evidence again \
                 (`iiskeys collect` prints what to gather and how), diagnose it, and let `iiskeys compare BEFORE AFTER` \
                 say whether the server shows what this plan expects."
            .to_owned(),
        commands: Vec::new(),
        risk: "None.".to_owned(),
        undo: "Nothing is changed by this step.".to_owned(),
        verify: "`iiskeys compare` finds every expectation of the plan met.".to_owned(),
    }
}
