//! Directory listings: names, sizes and times of key folders and of the files that were read.

use std::collections::{BTreeMap, HashMap};

use iiskeys_evidence::listing::{self, ListedTime, Summary};
use iiskeys_evidence::{Timestamp, same_name};

use super::containers::{Listed, Listing};
use super::file_row;
use super::pieces::Pieces;
use crate::artifact::container::{Family, FileName, Prefix, WellKnown};
use crate::machine::facts::{Damage, Facts};
use crate::machine::{FileId, Store};

/// What all listings say together.
#[derive(Default)]
pub(super) struct Listings {
    /// Names of key folders, by store and folder path without a drive, in lower case.
    folders: BTreeMap<(Store, String), FolderListing>,
    /// Times of other files, by the last components of their path, in lower case.
    files: HashMap<String, (Option<Timestamp>, Option<Timestamp>)>,
    /// Computer names that listings tell.
    pub computers: Vec<(String, FileId)>,
    /// A listing that covers a whole volume.
    pub whole_volume: Option<FileId>,
}

/// What listings say about one folder.
#[derive(Default)]
pub(super) struct FolderListing {
    pub names: Listing,
    /// Folder as listed.
    pub path: String,
    /// The listing that named it first.
    pub file: Option<FileId>,
    /// Whether its times are local times of an unknown zone.
    pub times_local: bool,
    /// Names in it.
    pub count: u64,
}

/// Reads every listing.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces) -> Listings {
    let mut listings = Listings::default();
    let bias = facts.os.time_zone.value().map(|zone| i64::from(zone.bias));
    for piece in &pieces.listings {
        let (bytes, sha256) = match piece.file.read(listing::LARGEST) {
            Ok(content) => content,
            Err(error) => {
                facts.damage.push(Damage {
                    path: piece.file.path(),
                    what: error.to_string(),
                    citation: None,
                });
                continue;
            }
        };
        let id = file_row(facts, &piece.file, "listing", sha256);
        // A listing was written by whoever made it: its own times say nothing about the machine.
        facts.files[id.0 as usize].modified = None;
        let mut used_local = false;
        let name = piece.file.name().into_owned();
        let summary = listing::read(piece.form, &bytes, &name, &mut |entry| {
            used_local |= listings.take(entry, id, bias);
        });
        listings.note(facts, &piece.file.path(), id, &summary);
        if used_local && bias.is_none() {
            facts.assumptions.push(format!(
                "{} gives local times, and the machine's time zone is not in evidence: they are reported as if they \
                 were UTC and may be off by up to 14 hours.",
                piece.file.path()
            ));
        }
    }
    listings
}

impl Listings {
    /// Takes an entry in; whether a local time was used.
    fn take(&mut self, entry: listing::Listed, file: FileId, bias: Option<i64>) -> bool {
        if entry.is_dir || entry.is_deleted {
            return false;
        }
        let local = [entry.created, entry.modified].into_iter().flatten().any(|time| time.is_local);
        let utc = |time: Option<ListedTime>| {
            let time = time?;
            if time.is_local { time.time.plus_minutes(bias.unwrap_or(0)) } else { Some(time.time) }
        };
        let (created, modified) = (utc(entry.created), utc(entry.modified));
        match store_of(&entry.folder, &entry.name) {
            Some(store) => {
                let folder = self.folders.entry((store, entry.folder.to_ascii_lowercase())).or_default();
                folder.path.clone_from(&entry.folder);
                folder.file.get_or_insert(file);
                folder.times_local |= local && bias.is_none();
                folder.count += 1;
                let listed = Listed { size: entry.size, created, modified, line: entry.line, file };
                folder.names.add(&entry.name, listed);
                local
            }
            None if self.files.len() < 200_000 && is_of_interest(&entry.name) => {
                let known = self.files.entry(tail(&format!("{}\\{}", entry.folder, entry.name))).or_default();
                *known = (known.0.or(created), known.1.or(modified));
                local
            }
            None => false,
        }
    }

    fn note(&mut self, facts: &mut Facts, path: &str, file: FileId, summary: &Summary) {
        if let Some(computer) = &summary.computer {
            self.computers.push((computer.clone(), file));
        }
        if summary.whole_volume {
            self.whole_volume.get_or_insert(file);
        }
        let mut damage =
            |what: String| facts.damage.push(Damage { path: path.to_owned(), what, citation: None });
        if summary.ambiguous_dates {
            damage("day and month of its dates cannot be told apart, so its times are not used".to_owned());
        }
        if summary.not_understood > 0 {
            damage(format!(
                "{} of its lines look like entries and are not understood",
                summary.not_understood
            ));
        }
    }

    /// The listings of a store, each folder once; they are taken out.
    pub fn of_store(&mut self, store: Store) -> Vec<FolderListing> {
        let keys: Vec<_> = self.folders.keys().filter(|(known, _)| *known == store).cloned().collect();
        keys.iter().filter_map(|key| self.folders.remove(key)).collect()
    }

    /// Gives files that were read the times of the machine instead of those of the copy.
    pub fn apply_to_files(&self, facts: &mut Facts) {
        for file in &mut facts.files {
            let path = file.path.replace('/', "\\");
            let Some((created, modified)) = self.files.get(&tail(&path)) else { continue };
            file.created = created.or(file.created);
            file.modified = modified.or(file.modified);
        }
    }
}

/// Whether a file is one that may be read beside the key folders.
fn is_of_interest(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("software")
        || name.starts_with("system")
        || name == "applicationhost.config"
        || name == "iis_schema.xml"
}

/// The last two components of a path, in lower case: enough to tell `config\SOFTWARE` from `RegBack\SOFTWARE`.
fn tail(path: &str) -> String {
    let mut parts: Vec<&str> = path.rsplit('\\').take(2).collect();
    parts.reverse();
    parts.join("\\").to_ascii_lowercase()
}

/// The store whose folder that is; by the names themselves where the listing does not tell the folder.
fn store_of(folder: &str, name: &str) -> Option<Store> {
    if let Some(store) = store_of_path(folder) {
        return Some(store);
    }
    let parsed = FileName::parse(name)?;
    let known = |family, prefix: Prefix| WellKnown::by_prefix(family, prefix).is_some();
    // Only a listing of the folder itself names keys without a path.
    if folder.rsplit('\\').next().is_none_or(|last| last.is_empty() || same_name(last, "MachineKeys")) {
        return Some(if known(Family::Cng, parsed.prefix) { Store::CngMachine } else { Store::RsaMachine });
    }
    None
}

/// The store that a folder's path ends in.
pub(super) fn store_of_path(folder: &str) -> Option<Store> {
    let path = folder.replace('/', "\\").to_ascii_lowercase();
    let path = path.trim_end_matches('\\');
    let ends = |end: &str| path == end || path.ends_with(&format!("\\{end}"));
    let service = |account: &str| path.contains(&format!("\\{account}\\"));
    if ends("crypto\\rsa\\machinekeys") || ends("rsa\\machinekeys") {
        Some(Store::RsaMachine)
    } else if ends("crypto\\dss\\machinekeys") || ends("dss\\machinekeys") {
        Some(Store::DssMachine)
    } else if ends("crypto\\keys") {
        Some(if service("localservice") {
            Store::CngLocalService
        } else if service("networkservice") {
            Store::CngNetworkService
        } else if path.contains("\\programdata\\")
            || path.starts_with("programdata\\")
            || path.contains("all users")
            || path == "crypto\\keys"
        {
            Store::CngMachine
        } else {
            return None;
        })
    } else if ends("crypto\\systemkeys") {
        Some(Store::CngSystem)
    } else if ends("rsa\\s-1-5-18") {
        Some(Store::RsaLocalSystem)
    } else if ends("rsa\\s-1-5-19") {
        Some(Store::RsaLocalService)
    } else if ends("rsa\\s-1-5-20") {
        Some(Store::RsaNetworkService)
    } else {
        None
    }
}
