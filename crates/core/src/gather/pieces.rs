//! Which files are what, found by content: hives, exports, configuration, listings and key files.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};
use iiskeys_evidence::acl::listing::is_acl_listing;
use iiskeys_evidence::listing;
use iiskeys_evidence::loose::MAX_LISTED_FILES;
use iiskeys_evidence::{
    Completeness, Dir, Evidence, File, History, HistoryKind, LooseDir, Node, System, Volume,
};

use super::GatherError;
use super::events::{self, LogPiece};
use super::history::{Copies, HistoryHive, is_copy_name, is_other_hive, shadow_copy};
use super::places::{Unread, dirs, is_in_history, logs_among, logs_beside, settled};
use crate::artifact::container::{FileName, Guid, identify};
use crate::artifact::hive::{self, HiveFile};
use crate::artifact::master_key::Preferred;
use crate::artifact::reg_export;
use crate::machine::Store;

/// Largest hive that is read, in bytes: the format's own limit.
pub(super) const LARGEST_HIVE: u64 = 2 << 30;
/// First bytes that tell a file's kind.
const HEAD: usize = listing::HEAD_BYTES;
/// Loose files that are looked into to tell their kind.
const LOOKED_INTO: usize = 20_000;
/// Key files of a folder that are looked at to tell whether it is one.
const SAMPLE: usize = 64;

/// A folder with so many names of key files is one of keys, whatever else is in it.
const SURE: usize = 1_000;

/// What a hive is, by the keys that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Software,
    System,
    Security,
}

/// A hive file with the logs beside it.
#[derive(Debug, Clone)]
pub(super) struct HivePiece {
    pub role: Role,
    pub file: File,
    pub logs: Vec<File>,
    /// SHA-256, when the file was read to tell what it is.
    sha256: Option<[u8; 32]>,
    /// What was read then; of several hives of a role only the first is kept in memory.
    content: RefCell<Option<Content>>,
}

/// Bytes and their SHA-256.
pub(super) type Content = (Vec<u8>, [u8; 32]);

impl HivePiece {
    /// Its content, read once.
    pub fn take(&self) -> Result<Content, String> {
        match self.content.borrow_mut().take() {
            Some(content) => Ok(content),
            None => self.file.read_all(LARGEST_HIVE).map_err(|error| error.to_string()),
        }
    }
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
    /// Hives of the same machine from earlier times.
    pub history: Copies,
    /// Hives outside every drive whose names say that they are copies.
    set_aside: Vec<HistoryHive>,
    /// Second hives of a role, which must agree with the first.
    pub rivals: Vec<HivePiece>,
    pub exports: Vec<File>,
    pub config: Option<File>,
    pub schema: Option<File>,
    pub listings: Vec<File>,
    /// Listings of access control.
    pub access: Vec<File>,
    pub keys: Vec<LooseKeys>,
    /// Folders in which LocalSystem keeps its master keys: on the drive with Windows, or copied.
    pub protect: Vec<Dir>,
    /// Copies of the configuration outside every drive, in the order in which they were found.
    pub config_copies: Vec<File>,
    /// What says, outside every drive, where the live configuration stands.
    pub redirection: Option<File>,
    /// Metabases and copies of them outside every drive.
    pub metabases: Vec<File>,
    /// Exported keys outside every drive.
    pub exported_keys: Vec<File>,
    /// Event logs: on the drive with Windows, or outside every drive.
    pub logs: Vec<LogPiece>,
    pub is_whole_volume: bool,
    /// Hives that could not be opened, with the reason.
    pub bad_hives: Vec<(File, String)>,
    /// What could not be looked at, with the reason.
    pub unread: Vec<Unread>,
}

/// A folder outside every drive root, with the files to look at.
struct Loose {
    dir: Dir,
    files: Vec<File>,
    is_large: bool,
    is_history: bool,
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
                pieces.windows = system.system_volume().and_then(|volume| volume.windows.clone());
            }
            None => pieces.volumes = evidence.volumes().to_vec(),
        }
        pieces.is_whole_volume =
            pieces.volumes.first().is_some_and(|volume| volume.completeness == Completeness::Volume);
        pieces.of_system();
        for history in evidence.history() {
            pieces.of_history(history, evidence);
        }
        let mut looked_into = 0;
        let mut loose = Vec::new();
        for folder in evidence.loose() {
            if folder.beside_root {
                let layers = || pieces.volumes.iter().flat_map(|drive| &drive.layers);
                if !layers().any(|layer| folder.dir.path().is_within(layer.path())) {
                    continue;
                }
                if !layers().any(|layer| folder.dir.same_as(layer)) {
                    pieces.beside_root(&folder);
                    continue;
                }
            }
            let is_history = is_in_history(evidence, folder.dir.path());
            if let Some(folder) = pieces.opened(folder, is_history) {
                pieces.of_folder(&folder, &mut loose, &mut looked_into);
            }
        }
        pieces.settle(loose, windows)?;
        Ok(pieces)
    }

    fn of_system(&mut self) {
        let Some(windows) = self.windows.clone() else { return };
        let Some(volume) = self.volumes.first().cloned() else { return };
        let config = format!("{windows}\\System32\\config");
        for dir in dirs(&volume, &config, &mut self.unread) {
            for (role, name) in
                [(Role::Software, "SOFTWARE"), (Role::System, "SYSTEM"), (Role::Security, "SECURITY")]
            {
                if self.hives.iter().any(|hive| hive.role == role) {
                    continue;
                }
                let found = dir.child(name);
                let Some(file) = settled(found, &mut self.unread).and_then(Node::into_file) else { continue };
                if is_hive(&file) {
                    let logs = logs_beside(&volume, &config, &file, &mut self.unread);
                    self.hives.push(HivePiece {
                        role,
                        file,
                        logs,
                        sha256: None,
                        content: RefCell::default(),
                    });
                } else {
                    self.bad_hives.push((file, "expected a registry hive, found something else".to_owned()));
                }
            }
        }
        self.history.of_windows(&volume, &windows, None, &mut self.unread);
        for old in ["Windows.old\\Windows", "Windows.old\\WINNT"] {
            self.history.of_replaced(&volume, old, &mut self.unread);
        }
        self.logs = events::of_drive(&volume, &windows, &mut self.unread);
        let protect = format!("{windows}\\System32\\Microsoft\\Protect\\S-1-5-18");
        self.protect.extend(dirs(&volume, &protect, &mut self.unread));
        let inetsrv = format!("{windows}\\System32\\inetsrv\\config");
        self.config = self.file(&volume, &format!("{inetsrv}\\applicationHost.config"));
        self.schema = self.file(&volume, &format!("{inetsrv}\\schema\\IIS_schema.xml"));
    }

    fn file(&mut self, volume: &Volume, path: &str) -> Option<File> {
        settled(volume.resolve(path), &mut self.unread).and_then(Node::into_file)
    }

    /// Hives, and outside the drives also keys, of what a system once was.
    fn of_history(&mut self, history: &History, evidence: &Evidence) {
        let volume = &history.volume;
        let is_in = |drives: &[Volume]| {
            let mut layers = drives.iter().flat_map(|drive| &drive.layers);
            layers.any(|layer| volume.label().is_within(layer.path()))
        };
        let is_outside = !is_in(evidence.volumes());
        // A staged upgrade and a recovery environment are systems of their own.
        let is_replaced = history.kind == HistoryKind::WindowsOld && is_in(&self.volumes);
        if !is_outside && !is_replaced {
            return;
        }
        if let Some(windows) = &volume.windows {
            let place = match history.kind {
                HistoryKind::WindowsOld => "Windows.old".to_owned(),
                HistoryKind::UpgradeStaging => "upgrade".to_owned(),
                HistoryKind::ShadowCopy => shadow_copy(volume.label().as_str()),
                HistoryKind::Recovery => "recovery".to_owned(),
            };
            self.history.of_windows(volume, windows, Some(&place), &mut self.unread);
        }
        if is_outside {
            let windows = volume.windows.as_deref().unwrap_or("Windows");
            for store in Store::ALL {
                let mut found = dirs(volume, &store.path(windows), &mut self.unread);
                if let Some(below) = store.path_below_application_data() {
                    let old = format!("Documents and Settings\\{}\\Application Data", store.old_profile());
                    found.extend(dirs(volume, &format!("{old}\\{below}"), &mut self.unread));
                }
                for dir in found {
                    if !self.keys.iter().any(|known| known.dir.same_as(&dir)) {
                        self.keys.push(LooseKeys { dir, is_history: true, files: None });
                    }
                }
            }
        }
    }

    /// A listing in a folder that Windows does not make. Hives and keys in it may be backups, or of any machine.
    fn beside_root(&mut self, folder: &LooseDir) {
        for file in &folder.files {
            let Ok(head) = file.head(HEAD) else { continue };
            if listing::is_listing(&head, &file.name).is_some() {
                self.listings.push(file.clone());
            } else if is_acl_listing(&head, &file.name).is_some() {
                self.access.push(file.clone());
            }
        }
    }

    /// A folder with its files by name; of a large one the first by name, for the rest is streamed if it holds keys.
    fn opened(&mut self, folder: LooseDir, is_history: bool) -> Option<Loose> {
        let LooseDir { dir, mut files, large, .. } = folder;
        if large {
            let mut first: BTreeMap<String, File> = BTreeMap::new();
            let mut named = 0;
            for node in settled(dir.names().map(Some), &mut self.unread)? {
                let Some(file) = settled(node.map(Some), &mut self.unread).and_then(Node::into_file) else {
                    continue;
                };
                named += usize::from(FileName::parse(&file.name).is_some());
                if named >= SURE {
                    self.keys.push(LooseKeys { dir, is_history, files: None });
                    return None;
                }
                let is_full = first.len() >= MAX_LISTED_FILES;
                if is_full && first.last_key_value().is_some_and(|(last, _)| *last <= file.name) {
                    continue;
                }
                first.insert(file.name.clone(), file);
                if first.len() > MAX_LISTED_FILES {
                    first.pop_last();
                }
            }
            let whole = first.into_values().map(|file| file.complete().map(Some));
            files = whole.filter_map(|file| settled(file, &mut self.unread)).collect();
        }
        (!files.is_empty()).then_some(Loose { dir, files, is_large: large, is_history })
    }

    fn of_folder(&mut self, folder: &Loose, loose: &mut Vec<HivePiece>, looked_into: &mut usize) {
        let sample = folder.files.iter().take(SAMPLE);
        let named = sample.clone().filter(|file| FileName::parse(&file.name).is_some()).count();
        let mostly_keys = named * 2 > folder.files.len().min(SAMPLE);
        if folder.is_large && named > 0 || mostly_keys && folder.files.len() > 200 {
            self.keys.push(LooseKeys { dir: folder.dir.clone(), is_history: folder.is_history, files: None });
            return;
        }
        let mut keys = Vec::new();
        let mut has_master_key = false;
        for file in &folder.files {
            let name = file.name.as_str();
            if FileName::parse(name).is_some() {
                keys.push(file.clone());
                continue;
            }
            *looked_into += 1;
            if *looked_into > LOOKED_INTO {
                break;
            }
            let Some(head) = settled(file.head(HEAD).map(Some), &mut self.unread) else { continue };
            if hive::is_hive(&head) {
                self.loose_hive(folder, file, loose);
            } else if events::is_event_log(&head) {
                // A log of the past of an installation says nothing of this one.
                self.logs.extend(events::loose(file).filter(|_| !folder.is_history));
            } else if is_master_key(&head, name) || is_preferred(&head, file) {
                has_master_key = true;
            } else if reg_export::is_reg_export(&head) {
                if !folder.is_history {
                    self.exports.push(file.clone());
                }
            } else if listing::is_listing(&head, name).is_some() {
                self.listings.push(file.clone());
            } else if is_acl_listing(&head, name).is_some() {
                self.access.push(file.clone());
            } else if name.eq_ignore_ascii_case("redirection.config") {
                self.redirection =
                    self.redirection.take().or_else(|| Some(file.clone()).filter(|_| !folder.is_history));
            } else if is_metabase(&head) {
                self.metabases.push(file.clone());
            } else if text(&head).trim_start().starts_with("<RSAKeyValue") || is_pfx(&head) {
                self.exported_keys.push(file.clone());
            } else if name.eq_ignore_ascii_case("applicationHost.config") || is_application_host(&head) {
                if folder.is_history || self.config.is_some() || is_copy_of_config(file) {
                    self.config_copies.push(file.clone());
                } else {
                    self.config = Some(file.clone());
                }
            } else if name.eq_ignore_ascii_case("IIS_schema.xml") || is_schema(&head) {
                self.schema =
                    self.schema.take().or_else(|| Some(file.clone()).filter(|_| !folder.is_history));
            } else if file.size < super::containers::LARGEST && identify(&head).is_some() {
                keys.push(file.clone());
            }
        }
        // `User` below it is looked at with it.
        if has_master_key && !folder.is_history && !folder.dir.name().eq_ignore_ascii_case("User") {
            self.protect.push(folder.dir.clone());
        }
        if !keys.is_empty() {
            self.keys.push(LooseKeys {
                dir: folder.dir.clone(),
                is_history: folder.is_history,
                files: Some(keys),
            });
        }
    }

    fn loose_hive(&mut self, folder: &Loose, file: &File, loose: &mut Vec<HivePiece>) {
        if is_log_name(&file.name) {
            return;
        }
        if folder.is_history {
            let says_software = file.name.to_ascii_lowercase().contains("software");
            if says_software
                || !is_other_hive(&file.name) && matches!(role_of(file), Ok(Some((Role::Software, _))))
            {
                self.history.add(HistoryHive::loose(file, &folder.files));
            }
        } else if is_copy_name(&file.name) {
            self.set_aside.push(HistoryHive::set_aside(file, &folder.files));
        } else {
            self.loose_current(file, logs_among(&folder.files, file), loose);
        }
    }

    fn loose_current(&mut self, file: &File, logs: Vec<File>, loose: &mut Vec<HivePiece>) {
        match role_of(file) {
            Ok(Some((role, content))) => {
                let sha256 = Some(content.1);
                // Of many hives of one role only one is in memory; the others are read again when it is their turn.
                let is_first = !loose.iter().any(|piece| piece.role == role);
                let content = RefCell::new(Some(content).filter(|_| is_first));
                loose.push(HivePiece { role, file: file.clone(), logs, sha256, content });
            }
            Ok(None) => {}
            Err(why) => self.bad_hives.push((file.clone(), why)),
        }
    }

    /// Takes hives outside every drive whose names say that they are copies for what they are: the past, unless there
    /// is nothing else.
    fn settle_set_aside(&mut self, loose: &mut Vec<HivePiece>, windows: Option<&str>) {
        let mut set_aside = std::mem::take(&mut self.set_aside);
        let is_only = set_aside.len() == 1
            && self.exports.is_empty()
            && self.bad_hives.is_empty()
            && !self.hives.iter().chain(loose.iter()).any(|piece| piece.role == Role::Software);
        let wanted = windows.map(plain);
        let chosen = set_aside.iter().position(|copy| {
            is_only || wanted.as_ref().is_some_and(|it| *it == plain(copy.file.path().as_str()))
        });
        if let Some(chosen) = chosen {
            let HistoryHive { file, logs, .. } = set_aside.remove(chosen);
            self.loose_current(&file, logs, loose);
        }
        set_aside.into_iter().for_each(|copy| self.history.add(copy));
    }

    /// Decides which hive of a role is the machine's.
    fn settle(&mut self, mut loose: Vec<HivePiece>, windows: Option<&str>) -> Result<(), GatherError> {
        self.settle_set_aside(&mut loose, windows);
        loose.sort_by_key(|piece| piece.file.path());
        let software: Vec<String> = loose
            .iter()
            .filter(|piece| piece.role == Role::Software)
            .map(|piece| piece.file.path().to_string())
            .collect();
        let has_system = self.hives.iter().any(|piece| piece.role == Role::Software);
        if !has_system && software.len() > 1 {
            match windows.map(plain) {
                None if !all_the_same(&loose) => return Err(GatherError::SeveralSystems(software)),
                None => {}
                Some(wanted) => {
                    let Some(at) = loose.iter().position(|piece| {
                        piece.role == Role::Software && plain(piece.file.path().as_str()) == wanted
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

/// A path as two of them are compared.
fn plain(path: &str) -> String {
    path.replace('\\', "/").to_ascii_lowercase()
}

fn same_folder(a: &File, b: &File) -> bool {
    a.parent().same_as(b.parent())
}

/// Whether several loose SOFTWARE hives are copies of one.
fn all_the_same(loose: &[HivePiece]) -> bool {
    let mut digests = loose.iter().filter(|piece| piece.role == Role::Software).map(|piece| piece.sha256);
    let first = digests.next().flatten();
    first.is_some() && digests.all(|sha256| sha256 == first)
}

pub(super) fn is_hive(file: &File) -> bool {
    file.head(HEAD).is_ok_and(|head| hive::is_hive(&head))
}

pub(super) fn is_log_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".log", ".log1", ".log2"].iter().any(|end| name.ends_with(end))
}

/// The beginning of a text file, in UTF-8 or in UTF-16 with or without a mark.
fn text(head: &[u8]) -> Cow<'_, str> {
    let encoding = match head {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => UTF_16LE,
        [0xfe, 0xff, ..] | [0, b'<', ..] => UTF_16BE,
        _ => UTF_8,
    };
    encoding.decode_with_bom_removal(head).0
}

fn is_application_host(head: &[u8]) -> bool {
    let text = text(head);
    text.contains("<configuration")
        && (text.contains("system.applicationHost") || text.contains("configProtectedData"))
}

fn is_metabase(head: &[u8]) -> bool {
    let text = text(head);
    text.contains("<configuration") && text.contains("<MBProperty")
}

/// Whether this begins as a PFX file (RFC 7292): a sequence of version 3 and PKCS #7 data, plain or signed.
pub(super) fn is_pfx(head: &[u8]) -> bool {
    const VERSION: [u8; 3] = [0x02, 0x01, 0x03];
    const PKCS7: [u8; 10] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    let start = head.get(..40).unwrap_or(head);
    let has = |wanted: &[u8]| start.windows(wanted.len()).any(|window| window == wanted);
    head.first() == Some(&0x30) && has(&VERSION) && has(&PKCS7)
}

/// Whether this is a master key file: it repeats its own name in UTF-16 at offset 12.
fn is_master_key(head: &[u8], name: &str) -> bool {
    let inside: Vec<u8> = name.to_ascii_lowercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
    Guid::parse(name).is_ok()
        && head.get(12..12 + inside.len()).is_some_and(|text| text.eq_ignore_ascii_case(&inside))
}

/// Whether this says which master key LocalSystem uses: what is left of its folder when the key itself is gone.
fn is_preferred(head: &[u8], file: &File) -> bool {
    file.name.eq_ignore_ascii_case("Preferred")
        && file.parent().name().eq_ignore_ascii_case("S-1-5-18")
        && Preferred::parse(head).is_ok()
}

/// Whether a configuration outside every drive stands where IIS keeps copies of it.
fn is_copy_of_config(file: &File) -> bool {
    let path = file.path().as_str().to_ascii_lowercase();
    path.split('/').any(|part| {
        part.starts_with("cfghistory_") || matches!(part, "history" | "backup" | "export" | "apppools")
    })
}

fn is_schema(head: &[u8]) -> bool {
    let text = text(head);
    text.contains("<configSchema") && text.contains("sectionSchema")
}

/// What a hive is, by its keys, with its content. Only a file that begins as a hive is read.
fn role_of(file: &File) -> Result<Option<(Role, Content)>, String> {
    if !is_hive(file) {
        return Ok(None);
    }
    let (bytes, sha256) = file.read_all(LARGEST_HIVE).map_err(|error| error.to_string())?;
    let hive = HiveFile::open(bytes).map_err(|error| error.to_string())?;
    let role = role_of_hive(&hive)?;
    Ok(role.map(|role| (role, (hive.into_bytes(), sha256))))
}

/// What a hive is, by its keys.
pub(super) fn role_of_hive(hive: &HiveFile) -> Result<Option<Role>, String> {
    let view = hive.view().map_err(|error| error.to_string())?;
    let has = |path: &str| matches!(view.key(path), Ok(Some(_)));
    if has("Microsoft\\Cryptography") || has("Microsoft\\Windows NT\\CurrentVersion") {
        return Ok(Some(Role::Software));
    }
    if has("Select") || has("ControlSet001") {
        return Ok(Some(Role::System));
    }
    if has("Policy\\PolRevision") || has("Policy\\Secrets") {
        return Ok(Some(Role::Security));
    }
    // A hive without any of these keys may still say what it was: by the name that Windows embeds.
    view.root().map_err(|error| error.to_string())?;
    let name = hive.header().file_name.to_ascii_lowercase();
    Ok(if name.ends_with("\\software") {
        Some(Role::Software)
    } else if name.ends_with("\\system") {
        Some(Role::System)
    } else if name.ends_with("\\security") {
        Some(Role::Security)
    } else {
        None
    })
}
