//! Copies of the configuration, the metabase, and what else could bring a key back.

use std::collections::HashSet;

use data_encoding::HEXUPPER;
use iiskeys_evidence::{Dir, File, Node, Timestamp, Volume};
use sha2::{Digest, Sha256};

use super::certificates;
use super::configuration::{self, Part};
use super::containers::push_file;
use super::pieces::{Pieces, is_pfx};
use super::places::{Unread, dirs, settled};
use super::prover::{METABASE, Prover};
use super::stores::named_root;
use super::{LARGEST_CONFIG, file_row};
use crate::artifact::config::ApplicationHost;
use crate::artifact::metabase::{Metabase as Parsed, MetabaseKind};
use crate::artifact::rsa_key_value::RsaKeyValue;
use crate::machine::facts::{Damage, EvidenceFile, Facts, ProviderKind};
use crate::machine::{
    Citation, ConfigCopy, CopyKind, FileId, Known, Locator, Metabase, OtherUse, RecoveryKind, RecoverySource,
    SharedConfiguration, bound,
};

/// Copies of the configuration that are read: histories keep ten, backups a few.
const MOST_COPIES: usize = 500;
/// Bytes of copies of the configuration that are read in all, and of metabases as many again.
const MOST_BYTES: u64 = 512 << 20;
/// Folders of backups that are looked into.
const MOST_FOLDERS: usize = 2_000;
/// Largest exported key that is read, in bytes.
const LARGEST_KEY: u64 = 64 * 1024;
/// Where the history stands unless the configuration says otherwise.
const HISTORY: &str = "inetpub\\history";

/// A copy that was found.
struct Found {
    kind: CopyKind,
    name: String,
    windows_path: String,
    file: File,
}

/// Reads everything; `history` is the folder that the live configuration names for its history.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces, history: Option<&str>, prover: &mut Prover) {
    let mut unread = Vec::new();
    let home = pieces.volumes.first().filter(|_| pieces.windows.is_some());
    let windows = pieces.windows.clone().unwrap_or_else(|| "Windows".to_owned());
    let inetsrv = inetsrv_of(&windows);
    redirection(facts, pieces, home, &inetsrv, &mut unread);
    let mut found = Vec::new();
    if let Some(home) = home {
        on_drive(home, &windows, history, &mut found, &mut unread);
    }
    found.extend(pieces.config_copies.iter().map(loose));
    found.sort_by_cached_key(|copy| (written(&copy.file), copy.name.clone(), copy.windows_path.clone()));
    let left_out = left_out(&found, |copy| copy.file.size);
    if left_out > 0 {
        let what = format!("{left_out} older copies of the configuration were not read");
        facts.damage.push(Damage { path: ".".to_owned(), what, citation: None });
        found.drain(..left_out);
    }
    for copy in found {
        let row = config_copy(facts, &copy, prover);
        if copy.kind == CopyKind::Export {
            export_set(facts, &copy, &row);
        }
        facts.copies.push(row);
    }
    metabases(facts, pieces, home, &inetsrv, prover, &mut unread);
    keys(facts, pieces, home, &mut unread);
    facts.damage.extend(unread.into_iter().map(|(path, what)| Damage { path, what, citation: None }));
}

/// The folder of IIS below the root of the drive with Windows.
fn inetsrv_of(windows: &str) -> String {
    format!("{windows}\\System32\\inetsrv")
}

/// Puts copies in order, the oldest first; without times by their names, which histories number.
pub(super) fn sort(copies: &mut [ConfigCopy]) {
    copies.sort_by(|a, b| (a.written, &a.name, &a.windows_path).cmp(&(b.written, &b.name, &b.windows_path)));
}

/// Last write of a file, where that is not the time of somebody's copy.
fn written(file: &File) -> Option<Timestamp> {
    file.modified.filter(|_| file.parent().creation_times_kept())
}

/// How many at the start are not read, so that the rest keeps within the limits of number and bytes.
fn left_out<T>(found: &[T], size: impl Fn(&T) -> u64) -> usize {
    let mut left = MOST_BYTES;
    // What is too large on its own is refused without being read.
    let kept = found.iter().rev().take(MOST_COPIES).take_while(|item| {
        let size = size(item);
        let after = left.checked_sub(if size > LARGEST_CONFIG { 0 } else { size });
        left = after.unwrap_or(0);
        after.is_some()
    });
    found.len() - kept.count()
}

/// The folders in a folder, by path, at most so many that a hostile one costs little.
pub(super) fn child_dirs(dir: &Dir, unread: &mut Vec<Unread>) -> Vec<Dir> {
    let Some(nodes) = settled(dir.names().map(Some), unread) else { return Vec::new() };
    let mut found: Vec<Dir> = nodes.filter_map(|node| node.ok()?.into_dir()).collect();
    found.sort_by_cached_key(|dir| dir.path().clone());
    // Histories number their folders: the last ones are the newest.
    if let Some(more) = found.len().checked_sub(MOST_FOLDERS).filter(|more| *more > 0) {
        unread.push((dir.path().to_string(), format!("{more} folders in it were not looked into")));
        found.drain(..more);
    }
    found
}

/// The files in a folder whose names are wanted, by name, at most as many.
pub(super) fn child_files(dir: &Dir, wanted: &dyn Fn(&str) -> bool, unread: &mut Vec<Unread>) -> Vec<File> {
    let Some(nodes) = settled(dir.names().map(Some), unread) else { return Vec::new() };
    let files = nodes.filter_map(|node| node.ok()?.into_file()).filter(|file| wanted(&file.name));
    let mut files: Vec<File> = files.collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(more) = files.len().checked_sub(MOST_FOLDERS).filter(|more| *more > 0) {
        unread.push((dir.path().to_string(), format!("{more} files in it were not looked at")));
        files.drain(..more);
    }
    files.into_iter().filter_map(|file| settled(file.complete().map(Some), unread)).collect()
}

/// The copies that IIS itself and its tools make on the drive with Windows.
fn on_drive(
    home: &Volume,
    windows: &str,
    history: Option<&str>,
    found: &mut Vec<Found>,
    unread: &mut Vec<Unread>,
) {
    let letter = home.letter.unwrap_or('C');
    let inetsrv = inetsrv_of(windows);
    let history = history.and_then(|path| named_root(path, windows));
    // A history on another drive is not looked for; the usual place may still hold an older one.
    let history = history.filter(|root| root.drive.is_none_or(|drive| drive == letter.to_ascii_uppercase()));
    let history = history.map_or_else(|| HISTORY.to_owned(), |root| root.path);
    let folders =
        [(CopyKind::History, history, "CFGHISTORY_"), (CopyKind::Backup, format!("{inetsrv}\\backup"), "")];
    for (kind, path, begins) in folders {
        for dir in dirs(home, &path, unread) {
            for sub in child_dirs(&dir, unread) {
                let name = sub.name();
                if !name.to_ascii_uppercase().starts_with(begins) {
                    continue;
                }
                let file = settled(sub.child("applicationHost.config"), unread).and_then(Node::into_file);
                found.extend(file.map(|file| Found {
                    kind,
                    windows_path: format!("{letter}:\\{path}\\{name}\\{}", file.name),
                    name,
                    file,
                }));
            }
        }
    }
    let config = format!("{inetsrv}\\config");
    for dir in dirs(home, &config, unread) {
        let is_copy = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("applicationhost") && name != "applicationhost.config"
        };
        for file in child_files(&dir, &is_copy, unread) {
            let (name, windows_path) = (file.name.clone(), format!("{letter}:\\{config}\\{}", file.name));
            found.push(Found { kind: CopyKind::Manual, name, windows_path, file });
        }
        if let Some(export) = settled(dir.child_dir("Export"), unread) {
            let file = settled(export.child("applicationHost.config"), unread).and_then(Node::into_file);
            found.extend(file.map(|file| Found {
                kind: CopyKind::Export,
                name: "Export".to_owned(),
                windows_path: format!("{letter}:\\{config}\\Export\\{}", file.name),
                file,
            }));
        }
    }
    let pools = "inetpub\\temp\\appPools";
    for dir in dirs(home, pools, unread) {
        let below = child_dirs(&dir, unread).into_iter().map(|sub| (format!("{pools}\\{}", sub.name()), sub));
        let folders: Vec<(String, Dir)> =
            std::iter::once((pools.to_owned(), dir.clone())).chain(below).collect();
        for (path, folder) in folders {
            let is_config = |name: &str| name.to_ascii_lowercase().ends_with(".config");
            for file in child_files(&folder, &is_config, unread) {
                let windows_path = format!("{letter}:\\{path}\\{}", file.name);
                found.push(Found { kind: CopyKind::AppPool, name: file.name.clone(), windows_path, file });
            }
        }
    }
}

/// A copy outside every drive: its folders say what it is.
fn loose(file: &File) -> Found {
    let path = file.path().to_string();
    let parts: Vec<&str> = path.split('/').collect();
    let folder = parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied().unwrap_or_default();
    let is_below = |wanted: &str| parts.iter().any(|part| part.eq_ignore_ascii_case(wanted));
    let kind = if parts.iter().any(|part| part.to_ascii_uppercase().starts_with("CFGHISTORY_")) {
        CopyKind::History
    } else if is_below("backup") {
        CopyKind::Backup
    } else if is_below("export") {
        CopyKind::Export
    } else if is_below("appPools") {
        CopyKind::AppPool
    } else {
        CopyKind::Manual
    };
    let name = if matches!(kind, CopyKind::Manual | CopyKind::AppPool) { file.name.as_str() } else { folder };
    Found { kind, name: name.to_owned(), windows_path: path.clone(), file: file.clone() }
}

fn config_copy(facts: &mut Facts, copy: &Found, prover: &mut Prover) -> ConfigCopy {
    let (file, content) = match copy.file.read_all(LARGEST_CONFIG) {
        Ok((bytes, sha256)) => {
            let file = file_row(facts, &copy.file, "config-copy", sha256);
            let parsed = ApplicationHost::parse(&bytes).map_err(|error| error.to_string());
            (file, parsed.map(|parsed| configuration::config(facts, prover, &parsed, file, Part::Copy)))
        }
        Err(error) => {
            let file = push_file(facts, EvidenceFile::of(&copy.file, "config-copy", None));
            (file, Err(error.to_string()))
        }
    };
    ConfigCopy {
        kind: copy.kind,
        name: copy.name.clone(),
        windows_path: copy.windows_path.clone(),
        file,
        written: written(&copy.file),
        content,
    }
}

/// An export counts as recovery material when its encrypted keys stand beside it.
fn export_set(facts: &mut Facts, copy: &Found, row: &ConfigCopy) {
    let key = copy.file.parent().child("configEncKey.key");
    let Ok(Some(Node::File(key))) = key else { return };
    let wraps = row.content.iter().flat_map(|config| &config.providers);
    let wraps = wraps
        .filter(|provider| provider.kind == ProviderKind::Aes)
        .filter_map(|provider| provider.wrap)
        .collect();
    let file = push_file(facts, EvidenceFile::of(&key, "exported-keys", None));
    let folder = copy.windows_path.rsplit_once(['\\', '/']).map_or("", |(folder, _)| folder);
    facts.recovery.push(RecoverySource {
        wraps,
        ..RecoverySource::new(RecoveryKind::ExportSet, folder.to_owned(), file)
    });
}

fn redirection(
    facts: &mut Facts,
    pieces: &Pieces,
    home: Option<&Volume>,
    inetsrv: &str,
    unread: &mut Vec<Unread>,
) {
    let path = format!("{inetsrv}\\config\\redirection.config");
    let unread_before = unread.len();
    let on_drive = home.and_then(|home| settled(home.resolve(&path), unread)).and_then(Node::into_file);
    let Some(file) = on_drive.or_else(|| pieces.redirection.clone()) else {
        // What could not be looked at is not absent.
        if pieces.is_whole_volume && unread.len() == unread_before {
            facts.shared = Known::Absent(Vec::new());
        }
        return;
    };
    facts.shared = match file.read_all(LARGEST_CONFIG) {
        Ok((bytes, sha256)) => {
            let id = file_row(facts, &file, "redirection-config", sha256);
            match ApplicationHost::parse(&bytes) {
                Ok(parsed) => {
                    let found = parsed.redirection.as_ref();
                    let line = found.map_or(1, |found| found.line as u64);
                    let citation = Citation::new(id, Locator::Line(line));
                    let shared = SharedConfiguration {
                        enabled: found.is_some_and(|found| found.enabled),
                        path: found.and_then(|found| found.path.clone()).unwrap_or_default(),
                        citation: citation.clone(),
                    };
                    Known::read(shared, citation)
                }
                Err(error) => {
                    let citation = Citation::new(id, Locator::File);
                    super::unreadable(facts, &file.path().to_string(), error.to_string(), citation)
                }
            }
        }
        Err(error) => super::unread(facts, &file.path().to_string(), error.to_string()),
    };
}

/// The metabase in use first, then its copies.
fn metabases(
    facts: &mut Facts,
    pieces: &Pieces,
    home: Option<&Volume>,
    inetsrv: &str,
    prover: &mut Prover,
    unread: &mut Vec<Unread>,
) {
    let mut found: Vec<(bool, String, File)> = Vec::new();
    if let Some(home) = home {
        let letter = home.letter.unwrap_or('C');
        for name in ["MetaBase.xml", "MetaBase.bin"] {
            let file = settled(home.resolve(&format!("{inetsrv}\\{name}")), unread).and_then(Node::into_file);
            let is_first = found.is_empty();
            found.extend(file.map(|file| (is_first, format!("{letter}:\\{inetsrv}\\{name}"), file)));
        }
        for (folder, begins) in [("History", "metabase"), ("MetaBack", "")] {
            for dir in dirs(home, &format!("{inetsrv}\\{folder}"), unread) {
                let is_copy = |name: &str| {
                    let name = name.to_ascii_lowercase();
                    name.starts_with(begins) && (name.ends_with(".xml") || name.contains(".md"))
                };
                for file in child_files(&dir, &is_copy, unread) {
                    found.push((false, format!("{letter}:\\{inetsrv}\\{folder}\\{}", file.name), file));
                }
            }
        }
    }
    for file in &pieces.metabases {
        let is_live =
            !found.iter().any(|(is_live, _, _)| *is_live) && file.name.eq_ignore_ascii_case("MetaBase.xml");
        found.push((is_live, file.path().to_string(), file.clone()));
    }
    // The one in use comes last, so that it is always kept; copies are numbered in their names.
    found.sort_by_key(|(is_live, _, _)| *is_live);
    let left_out = left_out(&found, |(_, _, file)| file.size);
    if left_out > 0 {
        let what = format!("{left_out} copies of the metabase were not read");
        facts.damage.push(Damage { path: ".".to_owned(), what, citation: None });
        found.drain(..left_out);
    }
    found.sort_by_key(|(is_live, _, _)| !*is_live);
    for (is_live, windows_path, file) in found {
        metabase(facts, is_live, windows_path, &file, prover);
    }
}

fn metabase(facts: &mut Facts, is_live: bool, windows_path: String, file: &File, prover: &mut Prover) {
    let (bytes, sha256) = match file.read_all(LARGEST_CONFIG) {
        Ok(read) => read,
        Err(error) => {
            facts.damage.push(Damage {
                path: file.path().to_string(),
                what: error.to_string(),
                citation: None,
            });
            return;
        }
    };
    let blank = bytes.iter().all(|byte| *byte == 0);
    let kind = match MetabaseKind::of(&bytes) {
        // The binary form has no public description: the name tells it where no secret in it does.
        MetabaseKind::Other if !blank && file.name.eq_ignore_ascii_case("MetaBase.bin") => {
            MetabaseKind::Binary { keys: 0, values: 0 }
        }
        kind => kind,
    };
    // The schema and other files of these folders.
    if kind == MetabaseKind::Other && !blank {
        return;
    }
    let id = file_row(facts, file, "metabase", sha256);
    let at = facts.metabases.len();
    let mut row = Metabase {
        is_live,
        name: file.name.clone(),
        windows_path: windows_path.clone(),
        file: id,
        written: written(file),
        secure_values: 0,
        has_session_key: false,
        wrap: None,
        citation: Citation::new(id, Locator::File),
        trouble: None,
    };
    match kind {
        MetabaseKind::Binary { keys, values } => {
            row.secure_values = values as u64;
            if is_live {
                assigned(facts, &bytes, id);
            }
            row.trouble = Some(format!("a binary metabase with {keys} session keys is named and not read"));
        }
        _ => match Parsed::parse(&bytes) {
            Ok(parsed) => {
                row.secure_values = parsed.secure_values();
                let older = certificates::is_before_iis7(facts);
                let is_meant = older.unwrap_or(!parsed.sites.is_empty()) && facts.config.value().is_none();
                if is_live && is_meant {
                    certificates::metabase_sites(facts, &parsed, id);
                }
                row.has_session_key = parsed.session_key.is_some();
                match parsed.session_key {
                    Some(Ok(key)) => row.wrap = prover.add_metabase(facts, METABASE, at, key),
                    Some(Err(error)) => row.trouble = Some(error.to_string()),
                    None => {}
                }
            }
            Err(error) => row.trouble = Some(error.to_string()),
        },
    }
    if let Some(why) = row.trouble.as_ref().filter(|_| is_live) {
        // Before IIS 7 the sites stand in it.
        if certificates::is_before_iis7(facts) == Some(true) && facts.tls.sites.value().is_none() {
            facts.tls.sites = Known::Unreadable { why: why.clone(), citation: Some(row.citation.clone()) };
        }
    }
    if !is_live && row.trouble.is_none() {
        facts.recovery.push(RecoverySource {
            wraps: row.wrap.into_iter().collect(),
            ..RecoverySource::new(RecoveryKind::Metabase, windows_path, id)
        });
    }
    facts.metabases.push(row);
}

/// Certificates whose hashes stand in a binary metabase: its form is not public, and 20 bytes do not occur by chance.
fn assigned(facts: &mut Facts, metabase: &[u8], file: FileId) {
    let certificates = facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    let wanted: HashSet<[u8; 20]> =
        certificates.iter().filter_map(|certificate| Some(certificate.body.value()?.sha1)).collect();
    // A look at two bytes spares most of the look-ups.
    let mut begins = vec![false; 1 << 16];
    for hash in &wanted {
        begins[usize::from(u16::from_le_bytes([hash[0], hash[1]]))] = true;
    }
    let found = metabase.windows(20).enumerate().filter(|(_, window)| {
        begins[usize::from(u16::from_le_bytes([window[0], window[1]]))] && wanted.contains(*window)
    });
    let mut seen = HashSet::new();
    let found: Vec<(usize, &[u8])> = found.filter(|(_, hash)| seen.insert(*hash)).collect();
    facts.tls.others.extend(found.into_iter().map(|(offset, hash)| OtherUse {
        service: bound::METABASE,
        thumbprint: HEXUPPER.encode(hash),
        citation: Citation::new(file, Locator::Offset(offset as u64)),
    }));
}

/// Exported keys, in the root of the drive and outside every drive.
fn keys(facts: &mut Facts, pieces: &Pieces, home: Option<&Volume>, unread: &mut Vec<Unread>) {
    let mut files: Vec<(String, File)> = Vec::new();
    if let Some(home) = home {
        let letter = home.letter.unwrap_or('C');
        for dir in &home.layers {
            let is_key = |name: &str| {
                let name = name.to_ascii_lowercase();
                [".xml", ".pfx", ".p12"].iter().any(|end| name.ends_with(end))
            };
            let found = child_files(dir, &is_key, unread).into_iter();
            let keys = found.filter(|file| file.size <= LARGEST_KEY);
            files.extend(keys.map(|file| (format!("{letter}:\\{}", file.name), file)));
        }
    }
    for file in &pieces.exported_keys {
        // The root of a drive may have been looked into for loose files as well.
        if !files.iter().any(|(_, known)| known.same_as(file)) {
            files.push((file.path().to_string(), file.clone()));
        }
    }
    for (windows_path, file) in files {
        let Ok((bytes, sha256)) = file.read_all(LARGEST_KEY) else { continue };
        // Whoever has these bytes has the key.
        let bytes = zeroize::Zeroizing::new(bytes);
        if is_pfx(&bytes) {
            let id = file_row(facts, &file, "pfx", sha256);
            facts.recovery.push(RecoverySource::new(RecoveryKind::Pfx, windows_path, id));
            continue;
        }
        let Ok(key) = RsaKeyValue::parse(&bytes) else { continue };
        let id = file_row(facts, &file, "exported-key", sha256);
        facts.recovery.push(RecoverySource {
            modulus_sha256: Some(Sha256::digest(&key.modulus).into()),
            holds_private_key: key.has_private,
            ..RecoverySource::new(RecoveryKind::KeyFile, windows_path, id)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_copies_are_left_out_by_number_and_by_bytes() {
        let size = |size: &u64| *size;
        assert_eq!(left_out(&[], size), 0);
        assert_eq!(left_out(&[1; MOST_COPIES], size), 0);
        assert_eq!(left_out(&[1; MOST_COPIES + 3], size), 3);
        assert_eq!(left_out(&[LARGEST_CONFIG; 8], size), 0);
        assert_eq!(left_out(&[LARGEST_CONFIG; 20], size), 12);
        // What is too large is refused, and costs the others nothing.
        assert_eq!(left_out(&[LARGEST_CONFIG + 1; 20], size), 0);
        assert_eq!(left_out(&[1, LARGEST_CONFIG, u64::MAX, MOST_BYTES / 8], size), 0);
    }
}
