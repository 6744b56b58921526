//! Finds the folders of every store and streams them into the facts.

use iiskeys_evidence::{Completeness, Dir, EvidenceError, File, Node, Timestamp, Volume};

use super::Progress;
use super::containers::{HEAD, Intake, Interest, KeyFile, LARGEST, push_file};
use super::listings::{FolderListing, Listings, store_of_path};
use super::pieces::{LooseKeys, Pieces};
use super::places::dirs;
use crate::artifact::container::{Family, FileName, WellKnown, identify};
use crate::machine::facts::{Coverage, Damage, EvidenceFile, Facts, FolderRole, KeyFolder};
use crate::machine::{Citation, Locator, Store};

/// Where the `Application Data` of all users stands on Windows 2000 to 2003, below the drive root.
const OLD_ROOTS: [&str; 2] =
    ["Documents and Settings\\All Users\\Application Data", "\u{0}\\Profiles\\All Users\\Application Data"];

/// Files after which progress is told.
const TOLD: u64 = 1_000;

/// A folder that was found.
struct Found {
    dir: Dir,
    windows_path: String,
    role: FolderRole,
}

/// Reads the folders of every store.
pub(super) fn read(
    facts: &mut Facts,
    pieces: &Pieces,
    interest: &Interest,
    listings: &mut Listings,
    progress: &mut dyn Progress,
) {
    let mut done = 0;
    for store in Store::ALL {
        let mut listed = listings.of_store(store);
        let found = folders(facts, pieces, store);
        for found in found {
            let at = listed.iter().position(|listing| same_place(&listing.path, &found.windows_path));
            let at = at.or_else(|| (!listed.is_empty() && found.role == FolderRole::Current).then_some(0));
            let listing = at.map(|at| listed.remove(at)).unwrap_or_default();
            let complete = listing.file.is_some();
            let folder = KeyFolder {
                role: found.role,
                coverage: coverage(&found.dir, complete),
                times_local: listing.times_local,
                ..blank(store, found.windows_path)
            };
            stream(facts, folder, &found.dir, None, interest, listing, &mut done, progress);
        }
        for keys in &pieces.keys {
            loose(facts, keys, store, interest, &mut listed, &mut done, progress);
        }
        for listing in listed {
            only_listed(facts, store, listing, interest);
        }
        let has_folder =
            facts.folders.iter().any(|folder| folder.store == store && folder.role != FolderRole::Copy);
        if !has_folder {
            missing(facts, pieces, store, listings);
        }
    }
}

fn blank(store: Store, windows_path: String) -> KeyFolder {
    KeyFolder {
        store,
        file: crate::machine::FileId(0),
        path: String::new(),
        windows_path,
        role: FolderRole::Current,
        coverage: Coverage::Copied,
        listing_only: false,
        count: 0,
        with_created: 0,
        first_created: None,
        last_created: None,
        times_local: false,
    }
}

fn coverage(dir: &Dir, listed: bool) -> Coverage {
    let whole = dir.completeness() == Completeness::Volume;
    if whole || listed { Coverage::Complete } else { Coverage::Copied }
}

/// Whether a folder as listed, which may lack the drive, is that folder.
fn same_place(listed: &str, windows_path: &str) -> bool {
    let plain = |path: &str| {
        let path = path.to_ascii_lowercase();
        path.split_once(":\\").map_or(path.clone(), |(_, rest)| rest.to_owned())
    };
    plain(listed) == plain(windows_path)
}

/// The folders of a store on the drives.
fn folders(facts: &mut Facts, pieces: &Pieces, store: Store) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut unread = Vec::new();
    let windows = pieces.windows.clone().unwrap_or_else(|| "Windows".to_owned());
    for volume in &pieces.volumes {
        let drive = volume.letter.unwrap_or('C');
        let mut add = |dir: Dir, path: &str, role| {
            // Links and junctions lead to one folder by several names.
            if !found.iter().any(|known| known.dir.same_as(&dir)) {
                found.push(Found { dir, windows_path: format!("{drive}:\\{path}"), role });
            }
        };
        let path = store.path(&windows);
        for dir in dirs(volume, &path, &mut unread) {
            add(dir, &path, FolderRole::Current);
        }
        // A copy of the junction stands in where the folder itself was not copied.
        if let Some(rest) = path.strip_prefix("ProgramData\\")
            && !has_dir(volume, "ProgramData")
        {
            for dir in dirs(volume, &format!("Users\\All Users\\{rest}"), &mut unread) {
                add(dir, &path, FolderRole::Current);
            }
        }
        let Some(below) = store.path_below_application_data() else { continue };
        // Since Windows Vista the old roots are junctions to folders that were looked at.
        if has_dir(volume, "ProgramData") {
            continue;
        }
        for (path, role) in old_roots(facts, volume, drive, &windows, store) {
            let path = format!("{path}\\{below}");
            for dir in dirs(volume, &path, &mut unread) {
                add(dir, &path, role);
            }
        }
    }
    facts.damage.extend(unread.into_iter().map(|(path, what)| Damage { path, what, citation: None }));
    found
}

fn has_dir(volume: &Volume, path: &str) -> bool {
    matches!(volume.resolve(path), Ok(Some(Node::Dir(_))))
}

/// The `Application Data` folders in which a store may stand on old systems, the one that the registry names first.
fn old_roots(
    facts: &Facts,
    volume: &Volume,
    drive: char,
    windows: &str,
    store: Store,
) -> Vec<(String, FolderRole)> {
    if store.old_profile() != "All Users" {
        let path = format!("Documents and Settings\\{}\\Application Data", store.old_profile());
        return vec![(path, FolderRole::Current)];
    }
    let named = facts.os.common_app_data.value().and_then(|value| below_drive(facts, value, drive, windows));
    let usual = OLD_ROOTS.map(|root| root.replace('\u{0}', windows));
    match named {
        Some(named) => {
            let mut roots = vec![(named.clone(), FolderRole::Current)];
            let others = usual.into_iter().filter(|root| !root.eq_ignore_ascii_case(&named));
            roots.extend(others.map(|root| (root, FolderRole::OtherRoot)));
            roots
        }
        // Without the value the usual root counts, and the other one only where the usual one is not there.
        None => {
            let [first, second] = usual;
            let second_role =
                if has_dir(volume, &first) { FolderRole::OtherRoot } else { FolderRole::Current };
            vec![(first, FolderRole::Current), (second, second_role)]
        }
    }
}

/// A path of the registry below the root of that drive; `None` when it lies on another drive.
fn below_drive(facts: &Facts, path: &str, drive: char, windows: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    for (variable, stands_for) in [
        ("%allusersprofile%", "Documents and Settings\\All Users"),
        ("%systemroot%", windows),
        ("%windir%", windows),
        ("%systemdrive%", ""),
    ] {
        if lower.starts_with(variable) {
            let rest = path.get(variable.len()..)?.trim_matches('\\');
            let joined =
                if stands_for.is_empty() { rest.to_owned() } else { format!("{stands_for}\\{rest}") };
            return Some(joined);
        }
    }
    let (letter, rest) = path.split_once(":\\")?;
    let home = facts.os.system_root.value().and_then(|root| root.chars().next()).unwrap_or('C');
    let same = letter.len() == 1
        && letter
            .chars()
            .all(|letter| letter.eq_ignore_ascii_case(&drive) || drive.eq_ignore_ascii_case(&home));
    same.then(|| rest.trim_end_matches('\\').to_owned())
}

/// A key folder, or key files, outside every drive root.
fn loose(
    facts: &mut Facts,
    keys: &LooseKeys,
    store: Store,
    interest: &Interest,
    listed: &mut Vec<FolderListing>,
    done: &mut u64,
    progress: &mut dyn Progress,
) {
    let own = store_of_path(keys.dir.path().as_str());
    let named = store_of_name(&keys.dir);
    let files: Option<Vec<File>> = match (&keys.files, own.or(named)) {
        (_, Some(own)) if own != store => return,
        (files, Some(_)) => files.clone(),
        // A folder that does not say what it is: each file goes where its kind of container belongs.
        (Some(files), None) => {
            let family = match store {
                Store::RsaMachine => Family::Capi,
                Store::CngMachine => Family::Cng,
                _ => return,
            };
            let files: Vec<File> = files.iter().filter(|file| family_of(file) == family).cloned().collect();
            if files.is_empty() {
                return;
            }
            Some(files)
        }
        (None, None) => {
            if store != sample_store(&keys.dir) {
                return;
            }
            None
        }
    };
    let taken =
        facts.folders.iter().any(|folder| folder.store == store && folder.role == FolderRole::Current);
    let role = if taken || keys.is_history { FolderRole::Copy } else { FolderRole::Current };
    let listing = if role == FolderRole::Current && !listed.is_empty() {
        listed.remove(0)
    } else {
        FolderListing::default()
    };
    let windows_path =
        if listing.path.contains('\\') { format!("C:\\{}", listing.path) } else { usual_path(facts, store) };
    let folder = KeyFolder {
        role,
        coverage: coverage(&keys.dir, listing.file.is_some()),
        times_local: listing.times_local,
        ..blank(store, windows_path)
    };
    stream(facts, folder, &keys.dir, files, interest, listing, done, progress);
}

/// Where a store stands on this machine, as far as its version of Windows is known.
fn usual_path(facts: &Facts, store: Store) -> String {
    let old = facts.os.version.value().is_some_and(|version| version.starts_with("5."));
    match store.path_below_application_data().filter(|_| old) {
        Some(below) => {
            format!("C:\\Documents and Settings\\{}\\Application Data\\{below}", store.old_profile())
        }
        None => format!("C:\\{}", store.path("Windows")),
    }
}

/// What a copied folder's own name says, without the path above it.
fn store_of_name(dir: &Dir) -> Option<Store> {
    let path = dir.path().as_str().to_ascii_lowercase();
    let mut parts = path.rsplit('/');
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("machinekeys", "dss") => Some(Store::DssMachine),
        ("machinekeys", _) => Some(Store::RsaMachine),
        ("systemkeys", _) => Some(Store::CngSystem),
        ("s-1-5-18", _) => Some(Store::RsaLocalSystem),
        ("s-1-5-19", _) => Some(Store::RsaLocalService),
        ("s-1-5-20", _) => Some(Store::RsaNetworkService),
        _ => None,
    }
}

fn family_of(file: &File) -> Family {
    if let Some(name) = FileName::parse(&file.name) {
        for family in [Family::Capi, Family::Cng] {
            if WellKnown::by_prefix(family, name.prefix).is_some_and(|known| known.family == family) {
                return family;
            }
        }
    }
    file.head(HEAD).ok().and_then(|head| identify(&head)).unwrap_or(Family::Capi)
}

/// The store that most of a folder's first files belong to.
fn sample_store(dir: &Dir) -> Store {
    let (mut cng, mut seen) = (0, 0);
    for file in dir.names().into_iter().flatten().flatten().filter_map(Node::into_file).take(32) {
        seen += 1;
        cng += usize::from(family_of(&file) == Family::Cng);
    }
    if cng * 2 > seen { Store::CngMachine } else { Store::RsaMachine }
}

#[allow(clippy::too_many_arguments)]
fn stream(
    facts: &mut Facts,
    mut folder: KeyFolder,
    dir: &Dir,
    files: Option<Vec<File>>,
    interest: &Interest,
    listing: FolderListing,
    done: &mut u64,
    progress: &mut dyn Progress,
) {
    folder.path = dir.path().as_str().to_owned();
    folder.file = push_file(
        facts,
        EvidenceFile {
            kind: "key-folder",
            path: folder.path.clone(),
            size: None,
            sha256: None,
            created: None,
            modified: None,
            enumerated: Some(0),
        },
    );
    let path = folder.path.clone();
    facts.folders.push(folder);
    let at = facts.folders.len() - 1;
    let mut intake = Intake::new(facts, interest, at, listing.names);
    let mut take = |file: File| {
        intake.add(Box::new(Piece(file)));
        *done += 1;
        if (*done).is_multiple_of(TOLD) {
            progress.done(*done);
        }
    };
    let mut trouble: Option<EvidenceError> = None;
    match files {
        Some(files) => files.into_iter().for_each(&mut take),
        None => match dir.entries() {
            Ok(entries) => {
                for node in entries {
                    match node {
                        Ok(Node::File(file)) => take(file),
                        Ok(Node::Dir(_)) => {}
                        Err(error) => trouble = trouble.or(Some(error)),
                    }
                }
            }
            Err(error) => trouble = Some(error),
        },
    }
    intake.finish();
    if let Some(error) = trouble {
        facts.damage.push(Damage {
            path,
            what: format!("the folder could not be read to its end: {error}"),
            citation: None,
        });
    }
}

struct Piece(File);

impl KeyFile for Piece {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn size(&self) -> u64 {
        self.0.size
    }

    fn created(&self) -> Option<Timestamp> {
        self.0.created
    }

    fn modified(&self) -> Option<Timestamp> {
        self.0.modified
    }

    fn head(&self, buffer: &mut [u8]) -> Result<usize, String> {
        self.0.read_head(buffer).map_err(|error| error.to_string())
    }

    fn read(&self) -> Result<(Vec<u8>, [u8; 32]), String> {
        self.0.read_all(LARGEST).map_err(|error| error.to_string())
    }
}

/// A folder of which only a listing is in evidence.
fn only_listed(facts: &mut Facts, store: Store, listing: FolderListing, interest: &Interest) {
    let Some(file) = listing.file else { return };
    let windows_path =
        if listing.path.contains('\\') { format!("C:\\{}", listing.path) } else { usual_path(facts, store) };
    let taken =
        facts.folders.iter().any(|folder| folder.store == store && folder.role == FolderRole::Current);
    let path = facts.files[file.0 as usize].path.clone();
    let folder = KeyFolder {
        file,
        path,
        role: if taken { FolderRole::OtherRoot } else { FolderRole::Current },
        coverage: Coverage::Complete,
        listing_only: true,
        times_local: listing.times_local,
        ..blank(store, windows_path)
    };
    facts.folders.push(folder);
    let at = facts.folders.len() - 1;
    Intake::new(facts, interest, at, listing.names).finish();
}

/// Notes a store that is missing from evidence which would show it.
fn missing(facts: &mut Facts, pieces: &Pieces, store: Store, listings: &Listings) {
    let path = usual_path(facts, store);
    let file = listings.whole_volume.or_else(|| {
        // A volume has no file of its own; the hive that was read from it stands for it.
        facts.software.value().map(|hive| hive.file).filter(|_| pieces.is_whole_volume)
    });
    if let Some(file) = file {
        facts.missing_folders.push((store, path, Citation::new(file, Locator::File)));
    }
}
