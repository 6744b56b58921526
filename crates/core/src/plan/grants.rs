//! The step that gives accounts their access back.

use iiskeys_evidence::acl::{AccessMask, Sid};

use super::action;
use super::commands::{self, BACKUP};
use super::steps::Step;
use crate::machine::facts::KeyFolder;
use crate::machine::{Facts, Machine};
use crate::rules::{Grant, Place};

/// The folder in which a place stands, or which it is.
pub(super) fn folder_of(facts: &Facts, place: Place) -> Option<&KeyFolder> {
    match place {
        Place::Container(index) => facts.folder(facts.containers.get(index)?),
        Place::Folder(index) => facts.folders.get(index),
    }
}

/// The letters of `icacls` for rights.
fn letters(rights: AccessMask) -> &'static str {
    if rights == AccessMask::FILE_ALL { "F" } else { "R" }
}

pub(super) fn step(machine: &Machine<'_>, facts: &Facts, place: Place, grants: &[Grant]) -> Step {
    let folder = folder_of(facts, place);
    let parent = folder.map(|folder| folder.windows_path.clone()).unwrap_or_default();
    let store = folder.map_or("keys", |folder| folder.store.id());
    let (path, above, saved) = match place {
        Place::Container(index) => {
            let name = facts.containers.get(index).map(|file| file.name.clone()).unwrap_or_default();
            let saved = format!("acl-{store}-{name}.txt");
            (format!("{parent}\\{name}"), parent, saved)
        }
        Place::Folder(_) => {
            let above = parent.rsplit_once('\\').map(|(above, _)| above.to_owned()).unwrap_or_default();
            (parent, above, format!("acl-{store}.txt"))
        }
    };
    let obstacles: Vec<_> = action::access_of(facts, place)
        .map(|descriptor| action::obstacles(descriptor, grants).collect())
        .unwrap_or_default();
    let mut removed: Vec<Sid> = obstacles.iter().filter_map(|ace| ace.account.sid().cloned()).collect();
    removed.sort();
    removed.dedup();
    let own = obstacles.iter().any(|ace| ace.inherited());
    let granted: Vec<(Sid, &str)> =
        grants.iter().map(|grant| (grant.sid.clone(), letters(grant.rights))).collect();
    let list = commands::grant(machine, &path, &saved, own, &removed, &granted);
    let name = |sid: &Sid| sid.well_known().map_or_else(|| sid.to_string(), str::to_owned);
    let mut detail = format!("Save the access rights of {path}, then ");
    if !removed.is_empty() {
        let names: Vec<String> = removed.iter().map(name).collect();
        detail.push_str(&format!("take away the entries that deny {} access, ", names.join(" and ")));
    }
    let names: Vec<String> = grants
        .iter()
        .map(|grant| {
            format!(
                "{} to {}",
                if letters(grant.rights) == "F" { "full control" } else { "read" },
                name(&grant.sid)
            )
        })
        .collect();
    detail.push_str(&format!("grant {}. Nothing is granted to anybody else.", names.join(" and ")));
    if list.is_none() {
        detail
            .push_str(" Use the Security page of the properties of the file or folder, as an administrator.");
    }
    let undo = match (&list, commands::quote(&above), commands::quote(&format!("{BACKUP}\\{saved}"))) {
        (Some(_), Some(above), Some(saved)) => format!("icacls {above} /restore {saved}"),
        _ => "Put the entries back as they were noted before.".to_owned(),
    };
    Step {
        action: "grant-access",
        target: path,
        detail,
        commands: list.unwrap_or_default(),
        risk: "Someone may have taken the access away on purpose: the key can be read by those who have it. If even \
               icacls is refused, an administrator must take ownership first (takeown /a), and /restore does not put the \
               owner back."
            .to_owned(),
        undo,
        verify: "The last command lists the granted entries and no entry that denies access to these accounts."
            .to_owned(),
    }
}
