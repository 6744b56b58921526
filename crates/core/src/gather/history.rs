//! Copies of SOFTWARE from earlier times of the same machine: where they stand, and which MachineGuid they hold.
//!
//! Sources of the places: Microsoft's documentation of the Recovery Console (`repair`), of NTBackup (`repair\RegBack`), of
//! text-mode setup (`.SAV`), of `RegIdleBackup` (`config\RegBack`) and of System Restore on Windows XP
//! (`_restore{GUID}\RPn\snapshot`). A hive in one of them is told by its content; the place only gives it a name.

use iiskeys_evidence::path::percent_decoded;
use iiskeys_evidence::{Dir, File, Node, Timestamp, Volume};

use super::copies::{child_dirs, child_files};
use super::file_row;
use super::hives::log;
use super::pieces::{LARGEST_HIVE, Role, is_hive, is_log_name, role_of_hive};
use super::places::{Unread, dirs, logs_among, logs_beside, settled};
use super::registry::{self, Looked, Reader, Source};
use crate::artifact::container::Guid;
use crate::artifact::hive::{HiveFile, replay};
use crate::machine::facts::{Damage, EarlierGuid, Facts, GuidValue, Os};
use crate::machine::{Citation, FileId, Locator, Need};

/// Copies that are read: a machine has a few, and Windows XP keeps a restore point a day.
const MOST_COPIES: usize = 64;
/// What System Restore calls its copy of SOFTWARE.
const SNAPSHOT: &str = "_registry_machine_software";
/// The key whose value is the machine's GUID. Another of that name, below `SystemRestore\Cfg`, is not.
const KEY: &str = "Microsoft\\Cryptography";

/// A file that may be a copy of SOFTWARE. It is not read before its turn, so that only one is in memory at a time.
#[derive(Debug, Clone)]
pub(super) struct HistoryHive {
    pub file: File,
    pub logs: Vec<File>,
    /// What people call the place.
    place: String,
    /// Number of the restore point that it belongs to.
    point: Option<u64>,
    /// Whether nothing but its name says that it is this machine's.
    is_only_named: bool,
}

impl HistoryHive {
    /// A copy outside every drive, named for the folders above it.
    pub fn loose(file: &File, beside: &[File]) -> Self {
        let path = file.path();
        let parts: Vec<&str> = path.as_str().split('/').collect();
        let point = parts.iter().rev().find_map(|part| point_number(part));
        let folder = file.parent().name();
        let old = parts.iter().find(|part| part.to_ascii_lowercase().starts_with("windows.old"));
        let name = file.name.to_ascii_lowercase();
        let place = match point {
            Some(number) => restore_point(number),
            None if name.starts_with(SNAPSHOT) => "System Restore".to_owned(),
            None if ["regback", "repair"].contains(&folder.to_ascii_lowercase().as_str()) => folder,
            None => match old {
                Some(old) => (*old).to_owned(),
                None if name == "software" => folder,
                None => file.name.clone(),
            },
        };
        // `software.log` belongs to `software`, not to the copy `software.sav` beside it.
        let mut logs = logs_among(beside, file);
        logs.retain(|log| log.name.to_ascii_lowercase().starts_with(&name));
        Self { file: file.clone(), logs, place, point, is_only_named: false }
    }

    /// The same for a copy beside other files, which may be of any machine.
    pub fn set_aside(file: &File, beside: &[File]) -> Self {
        Self { is_only_named: true, ..Self::loose(file, beside) }
    }
}

/// Whether a name says that a hive is a copy that somebody or something set aside.
pub(super) fn is_copy_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let end = name.strip_prefix("software.");
    name.starts_with(SNAPSHOT)
        || end.is_some_and(|end| {
            ["sav", "old", "bak", "orig"].contains(&end) || end.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Whether a name in a folder of copies belongs to another hive, which need not be read to know that.
pub(super) fn is_other_hive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("_registry_") && !name.starts_with(SNAPSHOT)
}

/// The number of a restore point's folder, `RP12`.
fn point_number(name: &str) -> Option<u64> {
    let (start, number) = name.split_at_checked(2)?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if start.eq_ignore_ascii_case("RP") && is_number { number.parse().ok() } else { None }
}

fn restore_point(number: u64) -> String {
    format!("System Restore RP{number}")
}

/// What a shadow copy is called: by its number, where its path has one.
pub(super) fn shadow_copy(path: &str) -> String {
    let numbers = path.rsplit('/').filter_map(|part| {
        let part = percent_decoded(part).unwrap_or_else(|| part.to_owned()).to_ascii_lowercase();
        let name = part.trim_end_matches('\\').trim_end_matches(|letter: char| letter.is_ascii_digit());
        let number = part.trim_end_matches('\\').get(name.len()..)?.to_owned();
        (name == "vss" || name.ends_with("harddiskvolumeshadowcopy")).then_some(number)
    });
    let number = numbers.into_iter().find(|number| !number.is_empty());
    number.map_or_else(|| "shadow copy".to_owned(), |number| format!("shadow copy {number}"))
}

/// Copies of SOFTWARE, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Copies(Vec<HistoryHive>);

impl Copies {
    /// Adds a copy, unless it was found before.
    pub fn add(&mut self, copy: HistoryHive) {
        if !self.0.iter().any(|known| known.file.same_as(&copy.file)) {
            self.0.push(copy);
        }
    }

    /// The copies that a Windows keeps of itself. `of` names a Windows that was replaced, whose SOFTWARE is a copy too.
    pub fn of_windows(&mut self, volume: &Volume, windows: &str, of: Option<&str>, unread: &mut Vec<Unread>) {
        let named = |place: &str| of.map_or_else(|| place.to_owned(), |of| format!("{of} {place}"));
        let config = format!("{windows}\\System32\\config");
        if let Some(of) = of {
            self.file_at(volume, &config, of.to_owned(), unread);
        }
        self.file_at(volume, &format!("{config}\\RegBack"), named("RegBack"), unread);
        for dir in dirs(volume, &config, unread) {
            for file in child_files(&dir, &is_beside, unread) {
                let logs = logs_beside(volume, &config, &file, unread);
                self.add(HistoryHive {
                    place: named(&file.name),
                    file,
                    logs,
                    point: None,
                    is_only_named: false,
                });
            }
        }
        let repair = format!("{windows}\\repair");
        self.file_at(volume, &repair, named("repair"), unread);
        // Backups of Windows 2000 and 2003 put copies into folders below it.
        for folder in ["RegBack", "Backup\\BootableSystemState\\Registry"] {
            let place = format!("repair\\{folder}");
            self.file_at(volume, &format!("{repair}\\{folder}"), named(&place), unread);
        }
        self.restore_points(volume, of, unread);
    }

    /// A Windows that was replaced, where it is not known as a drive of its own.
    pub fn of_replaced(&mut self, volume: &Volume, windows: &str, unread: &mut Vec<Unread>) {
        self.file_at(volume, &format!("{windows}\\System32\\config"), "Windows.old".to_owned(), unread);
    }

    fn file_at(&mut self, volume: &Volume, folder: &str, place: String, unread: &mut Vec<Unread>) {
        let found = volume.resolve(&format!("{folder}\\SOFTWARE"));
        let Some(file) = settled(found, unread).and_then(Node::into_file) else { return };
        let logs = logs_beside(volume, folder, &file, unread);
        self.add(HistoryHive { file, logs, place, point: None, is_only_named: false });
    }

    fn restore_points(&mut self, volume: &Volume, of: Option<&str>, unread: &mut Vec<Unread>) {
        for dir in dirs(volume, "System Volume Information", unread) {
            for store in child_dirs(&dir, unread).into_iter().filter(is_restore_store) {
                for folder in child_dirs(&store, unread) {
                    let Some(number) = point_number(&folder.name()) else { continue };
                    let found = folder.resolve(&format!("snapshot\\{SNAPSHOT}"));
                    let Some(file) = settled(found, unread).and_then(Node::into_file) else { continue };
                    let place = restore_point(number);
                    let place = of.map_or(place.clone(), |of| format!("{of} {place}"));
                    self.add(HistoryHive {
                        file,
                        logs: Vec::new(),
                        place,
                        point: Some(number),
                        is_only_named: false,
                    });
                }
            }
        }
    }

    /// Those to read, the restore points in order behind the others, and what is left out.
    fn within(&self, most: usize) -> (Vec<&HistoryHive>, Vec<&HistoryHive>) {
        let mut kept: Vec<&HistoryHive> = self.0.iter().collect();
        kept.sort_by_cached_key(|copy| (copy.point, copy.file.path()));
        let Some(more) = kept.len().checked_sub(most).filter(|more| *more > 0) else {
            return (kept, Vec::new());
        };
        // What is not a restore point comes first; of the restore points the oldest and the newest tell most.
        let others = kept.iter().filter(|copy| copy.point.is_none()).count().min(most);
        let first = others + (most - others) / 2;
        let left_out = kept.splice(first..first + more, []).collect();
        (kept, left_out)
    }
}

/// Whether a name in the folder of the hives is that of a copy of SOFTWARE.
fn is_beside(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_of_log = [".blf", ".regtrans-ms", ".tmp"].iter().any(|end| lower.ends_with(end));
    lower.contains("software") && lower != "software" && !is_log_name(name) && !is_of_log
}

fn is_restore_store(dir: &Dir) -> bool {
    let name = dir.name();
    percent_decoded(&name).unwrap_or(name).to_ascii_lowercase().starts_with("_restore{")
}

/// Adds the earlier values of the GUID.
pub(super) fn read(facts: &mut Facts, copies: &Copies) {
    let (kept, left_out) = copies.within(MOST_COPIES);
    for copy in kept {
        if let Err(why) = one(facts, copy) {
            let what = format!("this copy of SOFTWARE cannot be read: {why}");
            facts.damage.push(Damage { path: copy.file.path().to_string(), what, citation: None });
        }
    }
    if let (Some(first), Some(last)) = (left_out.first(), left_out.last()) {
        let what = format!(
            "{} of {} copies of SOFTWARE were not read: {} to {}",
            left_out.len(),
            copies.0.len(),
            first.place,
            last.place
        );
        facts.damage.push(Damage { path: ".".to_owned(), what, citation: None });
    }
}

fn one(facts: &mut Facts, copy: &HistoryHive) -> Result<(), String> {
    // Since Windows 10 1803 the copies in RegBack are empty, and nothing is wrong with them.
    if !is_hive(&copy.file) {
        return Ok(());
    }
    let (bytes, sha256) = copy.file.read_all(LARGEST_HIVE).map_err(|error| error.to_string())?;
    let mut hive = HiveFile::open(bytes).map_err(|error| error.to_string())?;
    let mut unreplayed = None;
    let mut is_unreplayed = hive.is_dirty();
    if is_unreplayed && !copy.logs.is_empty() {
        // A dirty hive may be unreadable without its logs.
        unreplayed = look(&hive).ok().flatten();
        let logs = copy.logs.iter().filter_map(|file| log(facts, file)).collect();
        let outcome = replay(hive, logs);
        hive = outcome.hive;
        is_unreplayed = outcome.applied.is_empty();
    }
    let found = look(&hive)?;
    let unreplayed = unreplayed.filter(|before| !is_unreplayed && found.as_ref() != Some(before));
    if found.is_none() && unreplayed.is_none() {
        return Ok(());
    }
    let file = file_row(facts, &copy.file, "software-hive-history", sha256);
    let taken = hive.header().last_written.filter(|_| !is_unreplayed);
    let states = [(unreplayed, None, true), (found, taken, is_unreplayed)];
    for (state, taken, is_unreplayed) in states {
        let Some(State { guid, value, written, installed }) = state else { continue };
        let citation = Citation::new(file, Locator::Value(KEY.into(), "MachineGuid".into()));
        if copy.is_only_named && is_of_another(&facts.os, installed) {
            facts.identity.rivals.push((value, citation));
            continue;
        }
        let source = copy.place.clone();
        facts.identity.earlier.push(EarlierGuid { guid, source, written, taken, is_unreplayed, citation });
    }
    Ok(())
}

/// Whether an installation date is none that this machine has or had.
fn is_of_another(os: &Os, installed: Option<Timestamp>) -> bool {
    let (Some(installed), Some(own)) = (installed, os.installed.value()) else { return false };
    installed != *own && !os.earlier_installs.iter().any(|earlier| earlier.installed == installed)
}

/// What a SOFTWARE hive says.
#[derive(PartialEq, Eq)]
struct State {
    guid: Guid,
    value: GuidValue,
    /// Last write of the GUID's key.
    written: Option<Timestamp>,
    /// Installation date.
    installed: Option<Timestamp>,
}

/// The state of a SOFTWARE hive; `None` for another hive, or one without a MachineGuid.
fn look(hive: &HiveFile) -> Result<Option<State>, String> {
    if role_of_hive(hive)? != Some(Role::Software) {
        return Ok(None);
    }
    let view = hive.view().map_err(|error| error.to_string())?;
    let reader = Reader { source: Some(&view), unreadable: None, file: FileId(0), need: Need::SoftwareHive };
    let Some(value) = registry::guid(&reader, KEY).value().cloned() else { return Ok(None) };
    let Some(guid) = value.guid else { return Ok(None) };
    let written = match view.written(KEY) {
        Looked::Found(time) => Some(time),
        _ => None,
    };
    let installed = registry::installed(&reader, "Microsoft\\Windows NT\\CurrentVersion").value().copied();
    Ok(Some(State { guid, value, written, installed }))
}

#[cfg(test)]
mod tests {
    use iiskeys_evidence::{Evidence, MemoryTree};

    use super::*;

    fn copies(paths: &[String]) -> Copies {
        let mut tree = MemoryTree::new();
        for path in paths {
            tree.insert(path, b"regf", None, None);
        }
        let mut copies = Copies::default();
        for folder in Evidence::from_tree(tree).loose() {
            folder.files.iter().for_each(|file| copies.add(HistoryHive::loose(file, &folder.files)));
        }
        copies
    }

    fn places(copies: &[&HistoryHive]) -> Vec<String> {
        copies.iter().map(|copy| copy.place.clone()).collect()
    }

    #[test]
    fn a_loose_copy_is_named_for_the_folders_above_it() {
        let paths = [
            "case/RegBack/SOFTWARE",
            "case/Windows.old/config/SOFTWARE",
            "case/_restore{X}/RP7/snapshot/_REGISTRY_MACHINE_SOFTWARE",
            "case/snapshot/_REGISTRY_MACHINE_SOFTWARE",
            "case/software.sav",
        ];
        let found = copies(&paths.map(str::to_owned));
        let mut named = places(&found.0.iter().collect::<Vec<_>>());
        named.sort();
        assert_eq!(named, ["RegBack", "System Restore", "System Restore RP7", "Windows.old", "software.sav"]);
    }

    #[test]
    fn of_too_many_restore_points_the_oldest_and_the_newest_are_read() {
        let mut paths: Vec<String> =
            (1..=10).map(|point| format!("a/RP{point}/_REGISTRY_MACHINE_SOFTWARE")).collect();
        paths.push("a/software.sav".to_owned());
        let found = copies(&paths);
        let (kept, left_out) = found.within(5);
        let expected = [
            "software.sav",
            "System Restore RP1",
            "System Restore RP2",
            "System Restore RP9",
            "System Restore RP10",
        ];
        assert_eq!(places(&kept), expected);
        assert_eq!((places(&left_out).len(), left_out[0].point), (6, Some(3)));
        assert_eq!(found.within(64).1.len(), 0);
    }

    #[test]
    fn more_copies_than_are_read_that_are_no_restore_points_are_left_out_at_the_end() {
        let paths: Vec<String> = (0..9).map(|number| format!("a/{number}/software.old")).collect();
        let found = copies(&paths);
        let (kept, left_out) = found.within(4);
        assert_eq!((kept.len(), left_out.len()), (4, 5));
    }

    #[test]
    fn shadow_copies_are_told_apart_by_their_numbers() {
        let device = "uploads/ntfs/%5C%5C.%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy12/Windows";
        for (path, name) in [
            (device, "shadow copy 12"),
            ("VSS3/C", "shadow copy 3"),
            ("HarddiskVolumeShadowCopy", "shadow copy"),
            ("case7/C", "shadow copy"),
        ] {
            assert_eq!(shadow_copy(path), name, "{path}");
        }
    }

    #[test]
    fn names_of_copies_are_told_from_names_of_hives() {
        for name in ["SOFTWARE.SAV", "software.old", "software.001", "_REGISTRY_MACHINE_SOFTWARE"] {
            assert!(is_copy_name(name), "{name}");
        }
        for name in ["SOFTWARE", "software.hiv", "SOFTWARE.LOG1", "NTUSER.DAT"] {
            assert!(!is_copy_name(name), "{name}");
        }
        assert!(is_beside("software.sav") && is_beside("Software-copy"));
        assert!(!is_beside("SOFTWARE.LOG2") && !is_beside("SOFTWARE{a}.TM.blf") && !is_beside("SYSTEM.SAV"));
        assert_eq!(
            (point_number("RP12"), point_number("rp0"), point_number("RPM")),
            (Some(12), Some(0), None)
        );
    }
}
