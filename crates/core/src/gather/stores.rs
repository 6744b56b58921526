//! Finds the folders of every store and streams them into the facts.

use iiskeys_evidence::{Completeness, Dir, EvidenceError, File, Node, Volume};

use super::Progress;
use super::access;
use super::containers::{HEAD, Intake, KeyFile, LARGEST, push_file};
use super::deleted;
use super::interest::Interest;
use super::listings::{FolderListing, Listings, store_of_path};
use super::pieces::{LooseKeys, Pieces};
use super::places::dirs;
use super::prover::Prover;
use crate::artifact::container::{Family, FileName, WellKnown, identify};
use crate::machine::facts::{Coverage, Damage, EvidenceFile, Facts, FolderRole, KeyFolder};
use crate::machine::{Citation, Known, Locator, Need, Store};

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
    /// Whether it stands on the drive with Windows.
    is_home: bool,
}

/// Reads the folders of every store.
pub(super) fn read(
    facts: &mut Facts,
    pieces: &Pieces,
    interest: &Interest,
    prover: &mut Prover,
    listings: &mut Listings,
    progress: &mut dyn Progress,
) {
    let mut done = 0;
    for store in Store::ALL {
        let mut listed = listings.of_store(store);
        let unread_before = facts.damage.len();
        let found = folders(facts, pieces, store);
        let is_seen_whole = facts.damage.len() == unread_before;
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
            stream(facts, folder, &found.dir, None, interest, prover, listing, &mut done, progress);
        }
        for keys in &pieces.keys {
            loose(facts, keys, store, interest, prover, &mut listed, &mut done, progress);
        }
        for listing in listed {
            only_listed(facts, store, listing, interest, prover);
        }
        let has_folder =
            facts.folders.iter().any(|folder| folder.store == store && folder.role != FolderRole::Copy);
        // Behind a link that leads elsewhere the folder may well stand.
        if !has_folder && is_seen_whole {
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
        access: Known::NotInEvidence(Need::AccessRights),
    }
}

fn coverage(dir: &Dir, listed: bool) -> Coverage {
    let whole = dir.completeness() == Completeness::Volume;
    if whole || listed { Coverage::Complete } else { Coverage::Copied }
}

/// Whether a folder as listed, which may lack the drive, is that folder.
pub(super) fn same_place(listed: &str, windows_path: &str) -> bool {
    let plain = |path: &str| {
        let path = path.to_ascii_lowercase();
        path.split_once(":\\").map_or(path.clone(), |(_, rest)| rest.to_owned())
    };
    plain(listed) == plain(windows_path)
}

/// Where the registry or the configuration says that a folder stands.
pub(super) struct NamedRoot {
    /// Drive in upper case; `None` for a path that begins with a variable of the system drive.
    pub drive: Option<char>,
    /// Path below the root of the drive.
    pub path: String,
}

/// A drive as the machine sees it.
struct Drive<'a> {
    volume: &'a Volume,
    /// The drive with Windows, or any when none of them has it.
    is_home: bool,
    /// What its paths begin with: letter and colon, or its place in the evidence where the letter is not known.
    shown: String,
    /// The root that the registry names, when it lies on this drive.
    named: Option<String>,
}

/// The folders of a store on the drives.
///
/// Windows looks on its own drive, and where the registry sends it. What stands like a key folder on any other drive is
/// somebody's copy.
fn folders(facts: &mut Facts, pieces: &Pieces, store: Store) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut unread = Vec::new();
    let windows = pieces.windows.clone().unwrap_or_else(|| "Windows".to_owned());
    for drive in drives(facts, pieces, &windows) {
        for (path, stands_for, role) in places(&drive, &windows, store) {
            for dir in dirs(drive.volume, &path, &mut unread) {
                // Links and junctions lead to one folder by several names.
                if !found.iter().any(|known| known.dir.same_as(&dir)) {
                    let windows_path = format!("{}\\{stands_for}", drive.shown);
                    found.push(Found { dir, windows_path, role, is_home: drive.is_home });
                }
            }
        }
    }
    // What the registry names on another drive is in use, and what was left behind on the system drive is not.
    if found.iter().any(|found| !found.is_home && found.role == FolderRole::Current) {
        for found in found.iter_mut().filter(|found| found.is_home && found.role == FolderRole::Current) {
            found.role = FolderRole::OtherRoot;
        }
    }
    facts.damage.extend(unread.into_iter().map(|(path, what)| Damage { path, what, citation: None }));
    found
}

fn drives<'a>(facts: &Facts, pieces: &'a Pieces, windows: &str) -> Vec<Drive<'a>> {
    let root = facts.os.system_root.value().and_then(|root| root.chars().next());
    let home = root.unwrap_or('C').to_ascii_uppercase();
    let named = facts.os.common_app_data.value().and_then(|path| named_root(path, windows));
    let has_letter = |letter| pieces.volumes.iter().any(|volume| volume.letter == Some(letter));
    let rows = pieces.volumes.iter().enumerate().map(|(at, volume)| {
        let is_home = pieces.windows.is_none() || at == 0;
        let letter = volume.letter.or(is_home.then_some(home));
        let is_named = named.as_ref().is_some_and(|named| match (named.drive, letter) {
            (None, _) => is_home,
            (Some(named), Some(letter)) => named == letter,
            // A disk that was cloned has lost its letters: any of its volumes may be the one.
            (Some(named), None) => !has_letter(named) && named != home,
        });
        Drive {
            volume,
            is_home,
            shown: letter.map_or_else(|| volume.label().to_string(), |letter| format!("{letter}:")),
            named: named.as_ref().filter(|_| is_named).map(|named| named.path.clone()),
        }
    });
    rows.collect()
}

/// Where a store may stand on a drive: the path to look at, the path that it stands for, and what it would be there.
fn places(drive: &Drive<'_>, windows: &str, store: Store) -> Vec<(String, String, FolderRole)> {
    let path = store.path(windows);
    let below = store.path_below_application_data();
    let is_shared = store.old_profile() == "All Users";
    let mut places = Vec::new();
    if !drive.is_home {
        let below = below.or(path.strip_prefix("ProgramData\\"));
        if let (Some(named), Some(below), true) = (&drive.named, below, is_shared) {
            let path = format!("{named}\\{below}");
            places.push((path.clone(), path, FolderRole::Current));
        }
        places.push((path.clone(), path, FolderRole::Copy));
        return places;
    }
    places.push((path.clone(), path.clone(), FolderRole::Current));
    let is_new = has_dir(drive.volume, "ProgramData");
    // A copy of the junction stands in where the folder itself was not copied.
    if let Some(rest) = path.strip_prefix("ProgramData\\")
        && !is_new
    {
        places.push((format!("Users\\All Users\\{rest}"), path.clone(), FolderRole::Current));
    }
    // Since Windows Vista the old roots are junctions to folders that were looked at.
    if let Some(below) = below.filter(|_| !is_new) {
        for (root, role) in old_roots(drive, windows, store) {
            let path = format!("{root}\\{below}");
            places.push((path.clone(), path, role));
        }
    }
    places
}

fn has_dir(volume: &Volume, path: &str) -> bool {
    matches!(volume.resolve(path), Ok(Some(Node::Dir(_))))
}

/// The `Application Data` folders in which a store may stand on old systems, the one that the registry names first.
fn old_roots(drive: &Drive<'_>, windows: &str, store: Store) -> Vec<(String, FolderRole)> {
    if store.old_profile() != "All Users" {
        let path = format!("Documents and Settings\\{}\\Application Data", store.old_profile());
        return vec![(path, FolderRole::Current)];
    }
    let usual = OLD_ROOTS.map(|root| root.replace('\u{0}', windows));
    match &drive.named {
        Some(named) => {
            let mut roots = vec![(named.clone(), FolderRole::Current)];
            let others = usual.into_iter().filter(|root| !root.eq_ignore_ascii_case(named));
            roots.extend(others.map(|root| (root, FolderRole::OtherRoot)));
            roots
        }
        // Without the value the usual root counts, and the other one only where the usual one is not there.
        None => {
            let [first, second] = usual;
            let second_role =
                if has_dir(drive.volume, &first) { FolderRole::OtherRoot } else { FolderRole::Current };
            vec![(first, FolderRole::Current), (second, second_role)]
        }
    }
}

/// Reads such a path; `None` when it is none.
pub(super) fn named_root(path: &str, windows: &str) -> Option<NamedRoot> {
    let lower = path.to_ascii_lowercase();
    for (variable, stands_for) in [
        ("%allusersprofile%", "Documents and Settings\\All Users"),
        ("%systemroot%", windows),
        ("%windir%", windows),
        ("%systemdrive%", ""),
    ] {
        if lower.starts_with(variable) {
            let rest = path.get(variable.len()..)?.trim_matches('\\');
            let path = if stands_for.is_empty() { rest.to_owned() } else { format!("{stands_for}\\{rest}") };
            return Some(NamedRoot { drive: None, path });
        }
    }
    let (letter, rest) = path.split_once(":\\")?;
    let mut letters = letter.chars();
    let drive = letters.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
    letters
        .next()
        .is_none()
        .then(|| NamedRoot { drive: Some(drive), path: rest.trim_end_matches('\\').to_owned() })
}

/// A key folder, or key files, outside every drive root.
#[allow(clippy::too_many_arguments)]
fn loose(
    facts: &mut Facts,
    keys: &LooseKeys,
    store: Store,
    interest: &Interest,
    prover: &mut Prover,
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
    stream(facts, folder, &keys.dir, files, interest, prover, listing, done, progress);
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
    prover: &mut Prover,
    listing: FolderListing,
    done: &mut u64,
    progress: &mut dyn Progress,
) {
    folder.path = dir.path().as_str().to_owned();
    folder.file = push_file(facts, EvidenceFile::folder(dir));
    let path = folder.path.clone();
    let security = dir.security().map_err(|error| error.to_string());
    folder.access = access::of_bytes(facts, &path, folder.file, security);
    facts.folders.push(folder);
    let at = facts.folders.len() - 1;
    let mut intake = Intake::new(facts, interest, prover, at, listing.names);
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
    deleted::find(facts, dir, at, interest);
    if let Some(error) = trouble {
        // What was not seen is not absent.
        if let Some(folder) = facts.folders.get_mut(at) {
            folder.coverage = Coverage::Copied;
        }
        facts.damage.push(Damage {
            path,
            what: format!("the folder could not be read to its end: {error}"),
            citation: None,
        });
    }
}

struct Piece(File);

impl KeyFile for Piece {
    fn file(&self) -> &File {
        &self.0
    }

    fn head(&self, buffer: &mut [u8]) -> Result<usize, String> {
        self.0.read_head(buffer).map_err(|error| error.to_string())
    }

    fn read(&self) -> Result<(Vec<u8>, [u8; 32]), String> {
        self.0.read_all(LARGEST).map_err(|error| error.to_string())
    }

    fn security(&self) -> Result<Option<Vec<u8>>, String> {
        self.0.security().map_err(|error| error.to_string())
    }
}

/// A folder of which only a listing is in evidence.
fn only_listed(
    facts: &mut Facts,
    store: Store,
    listing: FolderListing,
    interest: &Interest,
    prover: &mut Prover,
) {
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
    Intake::new(facts, interest, prover, at, listing.names).finish();
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
