//! Which files are what, found by content: hives, exports, configuration, listings and key files.

use std::cell::RefCell;

use iiskeys_evidence::listing::{self, Form};
use iiskeys_evidence::{Dir, Evidence, File, LooseFolder, System, Volume};

use super::GatherError;
use crate::artifact::container::{FileName, identify};
use crate::artifact::hive::{self, HiveFile};
use crate::artifact::reg_export::{self};

/// Largest hive that is read, in bytes: the format's own limit.
const LARGEST_HIVE: u64 = 2 << 30;
/// First bytes that tell a file's kind.
const HEAD: usize = listing::HEAD;
/// Loose files that are looked into to tell their kind.
const LOOKED_INTO: usize = 20_000;
/// Key files of a folder that are looked at to tell whether it is one.
const SAMPLE: usize = 64;

/// What a hive is, by the keys that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Software,
    System,
}

/// A hive file with the logs beside it.
#[derive(Debug, Clone)]
pub(super) struct HivePiece {
    pub role: Role,
    pub file: File,
    pub logs: Vec<File>,
    /// Bytes and SHA-256, when the file was read to tell what it is.
    pub content: RefCell<Option<Content>>,
}

/// Bytes and their SHA-256.
pub(super) type Content = (Vec<u8>, [u8; 32]);

impl HivePiece {
    /// Its content, read once.
    pub fn take(&self) -> Result<Content, String> {
        match self.content.borrow_mut().take() {
            Some(content) => Ok(content),
            None => self.file.read(LARGEST_HIVE).map_err(|error| error.to_string()),
        }
    }
}

/// A listing.
#[derive(Debug, Clone)]
pub(super) struct ListingPiece {
    pub file: File,
    pub form: Form,
}

/// A folder that may be a key folder, outside every drive root.
#[derive(Debug, Clone)]
pub(super) struct LooseKeys {
    pub dir: Dir,
    pub is_history: bool,
    /// Key files that were given one by one, or that stand beside other files; `None` for a folder to be streamed.
    pub files: Option<Vec<File>>,
}

/// What the evidence holds.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Drives of the chosen system, or all drives when none has Windows.
    pub volumes: Vec<Volume>,
    pub windows: Option<String>,
    pub hives: Vec<HivePiece>,
    /// Hives of the same machine from earlier times, with the name of their place.
    pub history: Vec<(HivePiece, String)>,
    /// Second hives of a role, which must agree with the first.
    pub rivals: Vec<HivePiece>,
    pub exports: Vec<File>,
    pub config: Option<File>,
    pub schema: Option<File>,
    pub listings: Vec<ListingPiece>,
    pub keys: Vec<LooseKeys>,
    pub is_whole_volume: bool,
    /// Hives that could not be opened, with the reason.
    pub bad_hives: Vec<(File, String)>,
}

impl Pieces {
    pub fn find(
        evidence: &Evidence,
        system: Option<&System>,
        windows: Option<&str>,
    ) -> Result<Self, GatherError> {
        let mut pieces = Self::default();
        match system {
            Some(system) => {
                pieces.volumes.clone_from(&system.volumes);
                pieces.windows.clone_from(&system.main().windows);
            }
            None => pieces.volumes = evidence.volumes().to_vec(),
        }
        pieces.is_whole_volume = pieces.volumes.first().is_some_and(|volume| {
            volume.layers.iter().any(|layer| layer.completeness() == iiskeys_evidence::Completeness::Volume)
        });
        pieces.of_system();
        let mut looked_into = 0;
        let mut loose = Vec::new();
        for folder in evidence.loose() {
            pieces.of_folder(folder, &mut loose, &mut looked_into);
        }
        pieces.settle(loose, windows)?;
        Ok(pieces)
    }

    fn of_system(&mut self) {
        let Some(windows) = self.windows.clone() else { return };
        let Some(volume) = self.volumes.first().cloned() else { return };
        let config = format!("{windows}\\System32\\config");
        for dir in volume.dirs(&config) {
            for (role, name) in [(Role::Software, "SOFTWARE"), (Role::System, "SYSTEM")] {
                if self.hives.iter().any(|hive| hive.role == role) {
                    continue;
                }
                let Some(file) = dir.file(name) else { continue };
                if is_hive(&file) {
                    let logs = logs_beside(&volume, &config, &file);
                    self.hives.push(HivePiece { role, file, logs, content: RefCell::default() });
                } else {
                    self.bad_hives.push((file, "expected a registry hive, found something else".to_owned()));
                }
            }
        }
        for (folder, name) in
            [(format!("{config}\\RegBack"), "RegBack"), (format!("{windows}\\repair"), "repair")]
        {
            if let Some(file) = volume.file(&format!("{folder}\\SOFTWARE")) {
                self.add_history(file, name);
            }
        }
        for old in ["Windows.old\\Windows", "Windows.old\\WINNT"] {
            if let Some(file) = volume.file(&format!("{old}\\System32\\config\\SOFTWARE")) {
                self.add_history(file, "Windows.old");
            }
        }
        let inetsrv = format!("{windows}\\System32\\inetsrv\\config");
        self.config = volume.file(&format!("{inetsrv}\\applicationHost.config"));
        self.schema = volume.file(&format!("{inetsrv}\\schema\\IIS_schema.xml"));
    }

    fn add_history(&mut self, file: File, place: &str) {
        if let Ok(Some((Role::Software, content))) = role_of(&file) {
            let content = RefCell::new(Some(content));
            let piece = HivePiece { role: Role::Software, file, logs: Vec::new(), content };
            self.history.push((piece, place.to_owned()));
        }
    }

    fn of_folder(&mut self, folder: &LooseFolder, loose: &mut Vec<HivePiece>, looked_into: &mut usize) {
        let sample = folder.files.iter().take(SAMPLE);
        let named = sample.clone().filter(|file| FileName::parse(&file.name()).is_some()).count();
        let mostly_keys = named * 2 > folder.files.len().min(SAMPLE);
        if folder.is_large && named > 0 || mostly_keys && folder.files.len() > 200 {
            self.keys.push(LooseKeys { dir: folder.dir.clone(), is_history: folder.is_history, files: None });
            return;
        }
        let mut keys = Vec::new();
        for file in &folder.files {
            let name = file.name().into_owned();
            if FileName::parse(&name).is_some() {
                keys.push(file.clone());
                continue;
            }
            *looked_into += 1;
            if *looked_into > LOOKED_INTO {
                break;
            }
            let Ok(head) = file.head(HEAD) else { continue };
            if hive::is_hive(&head) {
                self.loose_hive(folder, file, loose);
            } else if reg_export::is_reg_export(&head) {
                if !folder.is_history {
                    self.exports.push(file.clone());
                }
            } else if let Some(form) = listing::form(&head) {
                self.listings.push(ListingPiece { file: file.clone(), form });
            } else if name.eq_ignore_ascii_case("applicationHost.config") || is_application_host(&head) {
                self.config =
                    self.config.take().or_else(|| Some(file.clone()).filter(|_| !folder.is_history));
            } else if name.eq_ignore_ascii_case("IIS_schema.xml") || is_schema(&head) {
                self.schema =
                    self.schema.take().or_else(|| Some(file.clone()).filter(|_| !folder.is_history));
            } else if file.size() < super::containers::LARGEST && identify(&head).is_some() {
                keys.push(file.clone());
            }
        }
        if !keys.is_empty() {
            self.keys.push(LooseKeys {
                dir: folder.dir.clone(),
                is_history: folder.is_history,
                files: Some(keys),
            });
        }
    }

    fn loose_hive(&mut self, folder: &LooseFolder, file: &File, loose: &mut Vec<HivePiece>) {
        if is_log_name(&file.name()) {
            return;
        }
        match role_of(file) {
            Ok(Some((role, content))) => {
                let logs = logs_among(&folder.files, file);
                let piece =
                    HivePiece { role, file: file.clone(), logs, content: RefCell::new(Some(content)) };
                if folder.is_history {
                    if role == Role::Software {
                        self.history.push((piece, folder.dir.name()));
                    }
                } else {
                    loose.push(piece);
                }
            }
            Ok(None) => {}
            Err(why) => self.bad_hives.push((file.clone(), why)),
        }
    }

    /// Decides which hive of a role is the machine's.
    fn settle(&mut self, mut loose: Vec<HivePiece>, windows: Option<&str>) -> Result<(), GatherError> {
        loose.sort_by_key(|piece| piece.file.path());
        let software: Vec<String> = loose
            .iter()
            .filter(|piece| piece.role == Role::Software)
            .map(|piece| piece.file.path())
            .collect();
        let has_system = self.hives.iter().any(|piece| piece.role == Role::Software);
        if !has_system && software.len() > 1 {
            let plain = |path: &str| path.replace('\\', "/").to_ascii_lowercase();
            match windows.map(plain) {
                None if !all_the_same(&loose) => return Err(GatherError::SeveralSystems(software)),
                None => {}
                Some(wanted) => {
                    let Some(at) = loose.iter().position(|piece| {
                        piece.role == Role::Software && plain(&piece.file.path()) == wanted
                    }) else {
                        return Err(GatherError::NoSuchSystem {
                            wanted: windows.unwrap_or_default().to_owned(),
                            found: software,
                        });
                    };
                    let chosen = loose.remove(at);
                    // What belongs to another system is left out, not taken for a contradiction.
                    loose.retain(|piece| {
                        piece.role != Role::Software && same_folder(&piece.file, &chosen.file)
                    });
                    loose.insert(0, chosen);
                }
            }
        }
        for piece in loose {
            if self.hives.iter().any(|known| known.role == piece.role) {
                self.rivals.push(piece);
            } else {
                self.hives.push(piece);
            }
        }
        Ok(())
    }
}

fn same_folder(a: &File, b: &File) -> bool {
    a.parent().path() == b.parent().path()
}

/// Whether several loose SOFTWARE hives are copies of one.
fn all_the_same(loose: &[HivePiece]) -> bool {
    let mut digests = loose
        .iter()
        .filter(|piece| piece.role == Role::Software)
        .map(|piece| piece.content.borrow().as_ref().map(|(_, sha256)| *sha256));
    let first = digests.next().flatten();
    first.is_some() && digests.all(|sha256| sha256 == first)
}

fn is_hive(file: &File) -> bool {
    file.head(HEAD).is_ok_and(|head| hive::is_hive(&head))
}

fn is_log_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".log", ".log1", ".log2"].iter().any(|end| name.ends_with(end))
}

fn is_application_host(head: &[u8]) -> bool {
    let text = listing::decode(head);
    text.contains("<configuration")
        && (text.contains("system.applicationHost") || text.contains("configProtectedData"))
}

fn is_schema(head: &[u8]) -> bool {
    let text = listing::decode(head);
    text.contains("<configSchema") && text.contains("sectionSchema")
}

/// What a hive is, by its keys, with its content. Only a file that begins as a hive is read.
fn role_of(file: &File) -> Result<Option<(Role, Content)>, String> {
    if !is_hive(file) {
        return Ok(None);
    }
    let (bytes, sha256) = file.read(LARGEST_HIVE).map_err(|error| error.to_string())?;
    let hive = HiveFile::open(bytes).map_err(|error| error.to_string())?;
    let role = role_of_hive(&hive)?;
    Ok(role.map(|role| (role, (hive.into_bytes(), sha256))))
}

/// What a hive is, by its keys.
fn role_of_hive(hive: &HiveFile) -> Result<Option<Role>, String> {
    let view = hive.view().map_err(|error| error.to_string())?;
    let has = |path: &str| matches!(view.key(path), Ok(Some(_)));
    if has("Microsoft\\Cryptography") || has("Microsoft\\Windows NT\\CurrentVersion") {
        return Ok(Some(Role::Software));
    }
    if has("Select") || has("ControlSet001") {
        return Ok(Some(Role::System));
    }
    // A hive without any of these keys may still say what it was: by the name that Windows embeds.
    view.root().map_err(|error| error.to_string())?;
    let name = hive.header().file_name.to_ascii_lowercase();
    Ok(if name.ends_with("\\software") {
        Some(Role::Software)
    } else if name.ends_with("\\system") {
        Some(Role::System)
    } else {
        None
    })
}

fn logs_beside(volume: &Volume, folder: &str, hive: &File) -> Vec<File> {
    let mut logs: Vec<File> = Vec::new();
    for end in ["LOG", "LOG1", "LOG2"] {
        if let Some(log) = volume.file(&format!("{folder}\\{}.{end}", hive.name())) {
            logs.push(log);
        }
    }
    logs
}

/// Logs beside a loose hive: `software.hiv` may have `software.hiv.LOG1` or `software.LOG1`.
fn logs_among(files: &[File], hive: &File) -> Vec<File> {
    let name = hive.name().to_ascii_lowercase();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    files
        .iter()
        .filter(|file| {
            let log = file.name().to_ascii_lowercase();
            ["log", "log1", "log2"]
                .iter()
                .any(|end| log == format!("{name}.{end}") || log == format!("{stem}.{end}"))
        })
        .cloned()
        .collect()
}
