//! Access control of key folders and of the containers that are followed for themselves.
//!
//! A volume has it beside the file; where the evidence is a copy, a listing made on the machine may tell.

use std::collections::{BTreeMap, BTreeSet};

use iiskeys_evidence::acl::SecurityDescriptor;
use iiskeys_evidence::acl::listing::{AclListing, ListedAcl};

use super::containers::push_file;
use super::interest::Interest;
use super::listings::{store_by_name, store_of_path};
use super::pieces::Pieces;
use super::stores::same_place;
use crate::artifact::container::FileName;
use crate::machine::facts::{ContainerFile, Content, Coverage, Damage, EvidenceFile, Facts, FolderRole};
use crate::machine::{Citation, FileId, Known, Locator, Need, Origin, Store};

/// Most rows that are kept: folders and well-known containers are few, and each row may be some KiB.
const MOST_ROWS: usize = 4_096;
/// Most entries that are kept of all rows together.
const MOST_ENTRIES: usize = 65_536;

/// How `icacls /save` names a key folder that was saved by itself, in lower case.
const BARE: &str = "machinekeys";

/// What all listings of access control say.
#[derive(Default)]
pub(super) struct AccessListings {
    /// By store, folder as listed in lower case, and file name in lower case; empty for the folder itself.
    rows: BTreeMap<(Store, String, String), (SecurityDescriptor, Citation)>,
    entries: usize,
}

/// Reads every listing of access control, keeps what concerns key folders, and hashes the listing in the same pass.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces, interest: &Interest) -> AccessListings {
    let mut listings = AccessListings::default();
    for file in &pieces.access {
        let path = file.path().to_string();
        let listing = match AclListing::open(file) {
            Ok(Some(listing)) => listing,
            Ok(None) => continue,
            Err(error) => {
                facts.damage.push(Damage { path, what: error.to_string(), citation: None });
                continue;
            }
        };
        let id = push_file(
            facts,
            // A listing was written by whoever made it: its own times say nothing about the machine.
            EvidenceFile { created: None, modified: None, ..EvidenceFile::of(file, "access-listing", None) },
        );
        match listing.each(&mut |row| listings.take(row, id, interest)) {
            Ok((tally, sha256)) => {
                listings.settle(id);
                if let Some(row) = facts.files.get_mut(id.0 as usize) {
                    row.sha256 = Some(sha256);
                }
                if tally.bad_lines > 0 {
                    let first = tally.first_bad_line.unwrap_or_default();
                    let what = format!(
                        "{} of its entries are not understood, the first at line {first}",
                        tally.bad_lines
                    );
                    facts.damage.push(Damage { path, what, citation: None });
                }
            }
            Err(error) => facts.damage.push(Damage { path, what: error.to_string(), citation: None }),
        }
    }
    listings
}

impl AccessListings {
    fn take(&mut self, row: ListedAcl, file: FileId, interest: &Interest) {
        let whole = row.path.names.join("\\");
        let Some((name, above)) = row.path.names.split_last() else { return };
        let above = above.join("\\");
        let (store, folder, name) = if let Some(store) = folder_store(&whole) {
            (store, whole, String::new())
        } else {
            let Some(parsed) = FileName::parse(name) else { return };
            let Some(store) = folder_store(&above).or_else(|| store_by_name(&above, name)) else { return };
            if !interest.holds(store.family(), parsed.prefix) {
                return;
            }
            (store, above, name.to_ascii_lowercase())
        };
        self.entries = self.entries.saturating_add(row.descriptor.aces().len());
        if self.rows.len() >= MOST_ROWS || self.entries > MOST_ENTRIES {
            return;
        }
        let citation = Citation::new(file, Locator::Line(row.line));
        self.rows.entry((store, folder.to_ascii_lowercase(), name)).or_insert((row.descriptor, citation));
    }

    /// Drops the row of a bare `MachineKeys` folder when its listing does not show that it is the one of RSA.
    fn settle(&mut self, file: FileId) {
        let is_of = |citation: &Citation| citation.file == file;
        let has_container = self.rows.iter().any(|((store, folder, name), (_, citation))| {
            let is_beside = folder.is_empty() || folder == BARE;
            *store == Store::RsaMachine && is_beside && !name.is_empty() && is_of(citation)
        });
        if !has_container {
            self.rows.retain(|(_, folder, _), (_, citation)| folder != BARE || !is_of(citation));
        }
    }

    /// Adds the containers that a listing of access control names in a copied folder and that were not copied: they stand
    /// there, and nothing but their names and access is known.
    pub fn add_names(&self, facts: &mut Facts) {
        for at in 0..facts.folders.len() {
            let Some(folder) = facts.folders.get(at) else { continue };
            // A complete listing or a volume says better what is there.
            if folder.role == FolderRole::Copy || folder.coverage == Coverage::Complete {
                continue;
            }
            let (store, role) = (folder.store, folder.role);
            let Some(listed) = self.folder(store, &folder.windows_path, role) else { continue };
            let known: BTreeSet<String> = facts
                .containers
                .iter()
                .filter(|file| file.folder == at)
                .map(|file| file.name.to_ascii_lowercase())
                .collect();
            let rows = self.rows.range((store, listed.clone(), String::new())..);
            let rows = rows.take_while(|((of, folder, _), _)| *of == store && *folder == listed);
            for ((_, _, name), (descriptor, citation)) in rows {
                let Some(parsed) = FileName::parse(name).filter(|_| !known.contains(name)) else { continue };
                facts.containers.push(ContainerFile {
                    folder: at,
                    name: name.clone(),
                    prefix: Some(parsed.prefix),
                    guid: parsed.guid,
                    set_aside: parsed.is_set_aside() || parsed.guid.is_none(),
                    tracked: true,
                    size: None,
                    created: None,
                    modified: None,
                    content: Content::NameOnly,
                    access: Known::read(descriptor.clone(), citation.clone()),
                    origin: Origin::Bytes(citation.clone()),
                });
                if let Some(folder) = facts.folders.get_mut(at) {
                    folder.count += 1;
                }
            }
        }
    }

    /// Fills in what the evidence itself does not tell.
    pub fn apply(&self, facts: &mut Facts) {
        for at in 0..facts.folders.len() {
            let Some(folder) = facts.folders.get(at) else { continue };
            // What was set aside stands elsewhere than the folder that was listed.
            if folder.role == FolderRole::Copy {
                continue;
            }
            let (store, role) = (folder.store, folder.role);
            let Some(listed) = self.folder(store, &folder.windows_path, role) else { continue };
            let find = |name: &str| self.rows.get(&(store, listed.clone(), name.to_ascii_lowercase()));
            if let Some(folder) = facts.folders.get_mut(at) {
                fill(&mut folder.access, find(""));
            }
            let own = facts.containers.iter_mut().filter(|file| file.folder == at && file.tracked);
            for file in own {
                let found = find(&file.name);
                fill(&mut file.access, found);
            }
        }
    }

    /// The listed folder that is meant: the same place, else the only one of the store.
    fn folder(&self, store: Store, windows_path: &str, role: FolderRole) -> Option<String> {
        let mut of_store: Vec<&String> =
            self.rows.keys().filter(|(known, _, _)| *known == store).map(|(_, folder, _)| folder).collect();
        of_store.dedup();
        let tail = |folder: &str| {
            let path = windows_path.to_ascii_lowercase();
            folder.is_empty() || path.ends_with(&format!("\\{folder}"))
        };
        let same = of_store.iter().find(|folder| same_place(folder, windows_path));
        let same = same
            .or_else(|| of_store.iter().find(|folder| tail(folder)).filter(|_| role == FolderRole::Current));
        match (same, of_store.as_slice()) {
            (Some(same), _) => Some((*same).clone()),
            (None, [only]) if role == FolderRole::Current => Some((*only).clone()),
            _ => None,
        }
    }
}

/// The store of a folder as a listing names it.
///
/// `icacls /save` names only the last folder. `MachineKeys` alone may be the one of DSS as well, so it stands for the one
/// of RSA only beside a container of IIS, see [`AccessListings::settle`].
fn folder_store(path: &str) -> Option<Store> {
    store_of_path(path).or_else(|| path.eq_ignore_ascii_case(BARE).then_some(Store::RsaMachine))
}

fn fill(access: &mut Known<SecurityDescriptor>, found: Option<&(SecurityDescriptor, Citation)>) {
    if let (Known::NotInEvidence(_) | Known::Unreadable { .. }, Some((descriptor, citation))) =
        (&access, found)
    {
        *access = Known::read(descriptor.clone(), citation.clone());
    }
}

/// The access control that a tree offers, as a fact about `file`.
pub(super) fn of_bytes(
    facts: &mut Facts,
    path: &str,
    file: FileId,
    found: Result<Option<Vec<u8>>, String>,
) -> Known<SecurityDescriptor> {
    let citation = Citation::new(file, Locator::Security);
    let why = match found {
        Ok(None) => return Known::NotInEvidence(Need::AccessRights),
        Ok(Some(bytes)) => match SecurityDescriptor::parse(&bytes) {
            Ok(descriptor) => return Known::read(descriptor, citation),
            Err(error) => error.to_string(),
        },
        Err(why) => why,
    };
    facts.damage.push(Damage {
        path: path.to_owned(),
        what: format!("its access control cannot be read: {why}"),
        citation: Some(citation.clone()),
    });
    Known::Unreadable {
        why: format!("the access control of {path} cannot be read: {why}"),
        citation: Some(citation),
    }
}
