//! Directory listings: names, sizes and times of key folders and of the files that were read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use iiskeys_evidence::listing::{self, ListedEntry, ListingKind, Zone};
use iiskeys_evidence::{Timestamp, WindowsPath, same_name};

use super::containers::push_file;
use super::copies;
use super::names::{Listed, Listing};
use super::pieces::Pieces;
use crate::artifact::container::{Family, FileName, Guid, Prefix, WellKnown};
use crate::machine::facts::{Damage, EvidenceFile, Facts};
use crate::machine::{FileId, Store};

/// Master keys that are kept of listings: one in three months over decades.
const MOST_MASTER_KEYS: usize = 2_000;

/// What all listings say together.
#[derive(Default)]
pub(super) struct Listings {
    /// Names of key folders, by store and folder path without a drive, in lower case.
    folders: BTreeMap<(Store, String), FolderListing>,
    /// Times of other files, by the last components of their path, in lower case.
    files: HashMap<String, (Option<Timestamp>, Option<Timestamp>)>,
    /// Computer names that listings tell.
    pub computers: Vec<(String, FileId)>,
    /// LocalSystem's master keys that listings name, whether or not their bytes were collected.
    pub master_keys: BTreeSet<Guid>,
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

/// Reads every listing, row by row, and hashes it in the same pass.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces) -> Listings {
    let mut listings = Listings::default();
    let bias = facts.os.time_zone.value().map(|zone| i64::from(zone.bias));
    for file in &pieces.listings {
        let path = file.path().to_string();
        let damage = |facts: &mut Facts, what: String| {
            facts.damage.push(Damage { path: path.clone(), what, citation: None });
        };
        let listing = match listing::Listing::open(file) {
            Ok(Some(listing)) => listing,
            Ok(None) => continue,
            Err(error) => {
                damage(facts, error.to_string());
                continue;
            }
        };
        let id = push_file(
            facts,
            // A listing was written by whoever made it: its own times say nothing about the machine.
            EvidenceFile { created: None, modified: None, ..EvidenceFile::of(file, "listing", None) },
        );
        let survey = &listing.survey;
        let mut rows = Rows {
            file: id,
            bias,
            // Days that may be months are no evidence.
            with_times: !survey.is_ambiguous(),
            is_body: survey.kind == ListingKind::Body,
            has_mft: false,
            has_windows: false,
            used_local: false,
            folder: Folder::default(),
        };
        match listing.each(&mut |entry| rows.take(entry, &mut listings)) {
            Ok((tally, sha256)) => {
                facts.files[id.0 as usize].sha256 = Some(sha256);
                if tally.bad_lines > 0 {
                    damage(
                        facts,
                        format!("{} of its lines look like entries and are not understood", tally.bad_lines),
                    );
                }
            }
            Err(error) => damage(facts, error.to_string()),
        }
        if let Some(computer) = &survey.computer {
            listings.computers.push((computer.clone(), id));
        }
        // fls lists the master file table only when it walks a whole volume.
        if rows.has_mft && rows.has_windows {
            listings.whole_volume.get_or_insert(id);
        }
        if survey.is_ambiguous() {
            damage(
                facts,
                "day and month of its dates cannot be told apart, so its times are not used".to_owned(),
            );
        }
        if rows.used_local && bias.is_none() {
            facts.assumptions.push(format!(
                "{path} gives local times, and the machine's time zone is not in evidence: they are reported as if \
                 they were UTC and may be off by up to 14 hours."
            ));
        }
    }
    listings
}

/// Takes the rows of one listing in.
struct Rows {
    file: FileId,
    /// Minutes from local time to UTC, when the machine's zone is known.
    bias: Option<i64>,
    with_times: bool,
    is_body: bool,
    has_mft: bool,
    has_windows: bool,
    /// Whether a local time was used.
    used_local: bool,
    folder: Folder,
}

/// The folder of the row before, which is that of the next row most of the time.
#[derive(Default)]
struct Folder {
    names: Vec<String>,
    text: String,
    store: Option<Store>,
    /// Whether LocalSystem's master keys stand in it.
    is_protect: bool,
}

impl Folder {
    fn enter(&mut self, path: &WindowsPath) {
        if self.names != path.names {
            self.names.clone_from(&path.names);
            self.text = path.names.join("\\");
            self.store = store_of_path(&self.text);
            self.is_protect = is_protect(&self.names);
        }
    }
}

impl Rows {
    fn take(&mut self, entry: &ListedEntry<'_>, listings: &mut Listings) {
        if self.is_body && entry.folder.names.is_empty() {
            self.has_mft |= entry.name == "$MFT";
            self.has_windows |= same_name(entry.name, "Windows") || same_name(entry.name, "WINNT");
        }
        if entry.is_dir || entry.deleted {
            return;
        }
        self.folder.enter(entry.folder);
        let times = [entry.created, entry.modified].map(|time| time.filter(|_| self.with_times));
        let local = times.iter().flatten().any(|time| time.zone == Zone::Local);
        let [created, modified] = times.map(|time| time?.to_utc(-self.bias.unwrap_or(0)));
        if self.folder.is_protect
            && listings.master_keys.len() < MOST_MASTER_KEYS
            && let Ok(guid) = Guid::parse(entry.name)
        {
            listings.master_keys.insert(guid);
        }
        let store = self.folder.store.or_else(|| store_by_name(&self.folder.text, entry.name));
        if let Some(store) = store {
            let text = &self.folder.text;
            let folder = listings.folders.entry((store, text.to_ascii_lowercase())).or_default();
            folder.path.clone_from(text);
            folder.file.get_or_insert(self.file);
            folder.times_local |= local && self.bias.is_none();
            folder.count += 1;
            let listed = Listed { size: entry.size, created, modified, line: entry.line, file: self.file };
            folder.names.add(entry.name, listed);
            self.used_local |= local;
        } else if listings.files.len() < 200_000 && is_of_interest(&self.folder.text, entry.name) {
            let path = tail(&format!("{}\\{}", self.folder.text, entry.name));
            let known = listings.files.entry(path).or_default();
            *known = (known.0.or(created), known.1.or(modified));
            self.used_local |= local;
        }
    }
}

impl Listings {
    /// The listings of a store, each folder once; they are taken out.
    pub fn of_store(&mut self, store: Store) -> Vec<FolderListing> {
        let keys: Vec<_> = self.folders.keys().filter(|(known, _)| *known == store).cloned().collect();
        keys.iter().filter_map(|key| self.folders.remove(key)).collect()
    }

    /// Gives files that were read the times of the machine instead of those of the copy.
    pub fn apply_to_files(&self, facts: &mut Facts) {
        let mut written = BTreeMap::new();
        for (at, file) in facts.files.iter_mut().enumerate() {
            let path = file.path.replace('/', "\\");
            let Some((created, modified)) = self.files.get(&tail(&path)) else { continue };
            file.created = created.or(file.created);
            file.modified = modified.or(file.modified);
            written.insert(at, *modified);
        }
        for copy in &mut facts.copies {
            copy.written = copy.written.or(written.get(&(copy.file.0 as usize)).copied().flatten());
        }
        for metabase in &mut facts.metabases {
            metabase.written =
                metabase.written.or(written.get(&(metabase.file.0 as usize)).copied().flatten());
        }
        copies::sort(&mut facts.copies);
    }
}

/// Whether a folder is LocalSystem's folder of master keys, or `User` in it.
fn is_protect(names: &[String]) -> bool {
    let is = |name: &String, wanted: &str| same_name(name, wanted);
    let above = match names.split_last() {
        Some((last, above)) if is(last, "User") => above,
        _ => names,
    };
    matches!(above, [.., protect, account] if is(protect, "Protect") && is(account, "S-1-5-18"))
}

/// Whether a file is one that may be read beside the key folders.
fn is_of_interest(folder: &str, name: &str) -> bool {
    let is_pool = || folder.to_ascii_lowercase().contains("\\temp\\apppools");
    let name = name.to_ascii_lowercase();
    ["software", "system", "security", "applicationhost", "metabase"]
        .iter()
        .any(|begins| name.starts_with(begins))
        || matches!(name.as_str(), "iis_schema.xml" | "redirection.config" | "configenckey.key")
        || Guid::parse(&name).is_ok()
        || [".evt", ".evtx"].iter().any(|end| name.ends_with(end))
        || name.ends_with(".config") && is_pool()
}

/// The last two components of a path, in lower case: enough to tell `config\SOFTWARE` from `RegBack\SOFTWARE`.
fn tail(path: &str) -> String {
    let mut parts: Vec<&str> = path.rsplit('\\').take(2).collect();
    parts.reverse();
    parts.join("\\").to_ascii_lowercase()
}

/// The store of a key by its name, where the listing does not tell the folder.
pub(super) fn store_by_name(folder: &str, name: &str) -> Option<Store> {
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
