//! Reads hives and exports: recovers what is dirty, keeps the value without the logs beside the one with them.

use std::collections::HashMap;

use iiskeys_evidence::{File, Timestamp, VolumeIdentity};

use super::certificates;
use super::pieces::{HivePiece, Pieces, Role};
use super::registry::{self, Looked, Raw, Reader, Source};
use super::secrets::{self, Side};
use super::{file_row, history, mismatch};
use crate::artifact::hive::{Hive, HiveFile, LogFile, replay};
use crate::artifact::reg_export::{RegExport, RegKey, below};
use crate::machine::facts::{Damage, Facts, GuidValue, HiveFacts, Recovery};
use crate::machine::{Citation, FileId, Known, Locator, Need};
use crate::proof::master_key::SystemSecrets;

/// Largest log that is read, in bytes.
const LARGEST_LOG: u64 = 512 << 20;
/// Largest export that is read, in bytes.
const LARGEST_EXPORT: u64 = 1 << 30;

/// What hives say that is no fact by itself.
pub(super) struct ForLater {
    /// Which volume the machine calls by which letter.
    pub mounted: Vec<(char, VolumeIdentity)>,
    /// The secrets of DPAPI.
    pub secrets: SystemSecrets,
    /// Passwords of the central certificate store.
    pub store: Vec<registry::StoreValue>,
}

/// Reads every hive and export into the facts.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces) -> ForLater {
    let exports = Exports::read(facts, pieces);
    let find = |role| pieces.hives.iter().find(|piece: &&HivePiece| piece.role == role);
    let mut software = find(Role::Software).and_then(|piece| Opened::read(facts, piece));
    let mut system = find(Role::System).and_then(|piece| Opened::read(facts, piece));
    let mut security = find(Role::Security).and_then(|piece| Opened::read(facts, piece));
    let bad = |name: &str| {
        let bad = pieces.bad_hives.iter().find(|(file, _)| file.name.eq_ignore_ascii_case(name));
        bad.map(|(file, why)| format!("{} cannot be read: {why}", file.path()))
    };
    for (file, why) in &pieces.bad_hives {
        facts.damage.push(Damage { path: file.path().to_string(), what: why.clone(), citation: None });
    }
    // First without the logs, for the value that they change.
    let before = software.as_ref().filter(|opened| opened.is_dirty()).map(|opened| {
        let view = opened.view();
        registry::guid(
            &reader(view.as_deref_source(), &opened.trouble, opened.file, Need::SoftwareHive),
            "Microsoft\\Cryptography",
        )
    });
    if let Some(opened) = &mut software {
        opened.recover(facts, find(Role::Software));
    }
    if let Some(opened) = &mut system {
        opened.recover(facts, find(Role::System));
    }
    if let Some(opened) = &mut security {
        opened.recover(facts, find(Role::Security));
    }
    let software_view = software.as_ref().map(|opened| opened.view());
    let system_view = system.as_ref().map(|opened| opened.view());
    let security_view = security.as_ref().map(|opened| opened.view());
    let secrets = {
        let (bad_system, bad_security) = (bad("SYSTEM"), bad("SECURITY"));
        let system = side(&system, &system_view, bad_system.as_deref());
        let security = side(&security, &security_view, bad_security.as_deref());
        secrets::read(facts, system, security)
    };
    let of = |opened: &Option<Opened>, name| {
        opened.as_ref().map_or_else(|| bad(name), |opened| opened.trouble.clone())
    };
    let software_reader = match (&software_view, &exports.software) {
        (Some(view), _) => Reader {
            source: view.as_deref_source(),
            unreadable: of(&software, "SOFTWARE"),
            file: software.as_ref().map_or(FileId(0), |opened| opened.file),
            need: Need::SoftwareHive,
        },
        (None, Some(export)) => export.reader(Need::SoftwareHive),
        (None, None) => {
            Reader { source: None, unreadable: bad("SOFTWARE"), file: FileId(0), need: Need::SoftwareHive }
        }
    };
    let system_reader = match (&system_view, &exports.system) {
        (Some(view), _) => Reader {
            source: view.as_deref_source(),
            unreadable: of(&system, "SYSTEM"),
            file: system.as_ref().map_or(FileId(0), |opened| opened.file),
            need: Need::SystemHive,
        },
        (None, Some(export)) => export.reader(Need::SystemHive),
        (None, None) => {
            Reader { source: None, unreadable: bad("SYSTEM"), file: FileId(0), need: Need::SystemHive }
        }
    };
    facts.identity = registry::identity(&software_reader);
    facts.os = registry::os(&software_reader, &system_reader);
    facts.os.image_layer = pieces.hives.iter().any(is_delta);
    facts.iis = registry::iis(&software_reader, &system_reader);
    mismatch::network_cards(facts, &software_reader, &system_reader);
    let applied =
        software.as_ref().is_some_and(|opened| matches!(opened.facts.recovery, Recovery::Replayed(_)));
    facts.identity.unreplayed = before.filter(|_| applied);
    let (mounted, store) =
        (registry::mounted_devices(&system_reader), registry::central_store(&software_reader));
    let (containers, more) = registry::registry_containers(&software_reader);
    facts.registry_containers = containers;
    if more > 0 {
        facts.assumptions.push(format!("{more} more containers in the registry are not listed"));
    }
    let software_readers = with_more(software_reader, &exports.software, &exports.more_software);
    let system_readers = with_more(system_reader, &exports.system, &exports.more_system);
    certificates::read(facts, &software_readers, &system_readers);
    facts.software = known(&software, &exports.software, bad("SOFTWARE"), Need::SoftwareHive);
    facts.system = known(&system, &exports.system, bad("SYSTEM"), Need::SystemHive);
    rivals(facts, pieces, software.is_some(), &exports);
    history::read(facts, &pieces.history);
    ForLater { mounted, secrets, store }
}

/// What stands in a hive is whole; exports of single keys complete each other.
fn with_more<'a>(first: Reader<'a>, export: &'a Option<Export>, more: &'a [Export]) -> Vec<Reader<'a>> {
    let need = first.need;
    let is_export = export.as_ref().is_some_and(|export| export.file == first.file);
    let mut readers = vec![first];
    if readers.iter().all(|reader| reader.source.is_none() || is_export) {
        readers.extend(export.iter().filter(|_| !is_export).map(|export| export.reader(need)));
        readers.extend(more.iter().map(|export| export.reader(need)));
    }
    readers
}

fn side<'a>(opened: &'a Option<Opened>, view: &'a Option<View<'a>>, bad: Option<&'a str>) -> Side<'a> {
    Side {
        hive: view.as_ref().and_then(|view| view.0.as_ref()),
        file: opened.as_ref().map_or(FileId(0), |opened| opened.file),
        trouble: opened.as_ref().and_then(|opened| opened.trouble.as_deref()).or(bad),
    }
}

/// Whether a hive holds only the changes of a container image's layer: such files are called `Software_Delta`.
fn is_delta(piece: &HivePiece) -> bool {
    piece.file.name.to_ascii_lowercase().ends_with("_delta")
}

fn reader<'a>(
    source: Option<&'a dyn Source>,
    trouble: &Option<String>,
    file: FileId,
    need: Need,
) -> Reader<'a> {
    Reader { source, unreadable: trouble.clone(), file, need }
}

fn known(
    opened: &Option<Opened>,
    export: &Option<Export>,
    bad: Option<String>,
    need: Need,
) -> Known<HiveFacts> {
    match (opened, export, bad) {
        (Some(opened), _, _) => {
            let citation = Citation::new(opened.file, Locator::File);
            match &opened.trouble {
                None => Known::read(opened.facts.clone(), citation),
                Some(why) => Known::Unreadable { why: why.clone(), citation: Some(citation) },
            }
        }
        (None, Some(export), _) => Known::read(
            HiveFacts { file: export.file, is_export: true, last_written: None, recovery: Recovery::Clean },
            Citation::new(export.file, Locator::File),
        ),
        (None, None, Some(why)) => Known::Unreadable { why, citation: None },
        (None, None, None) => Known::NotInEvidence(need),
    }
}

/// A hive that was opened, as far as that went.
struct Opened {
    hive: HiveFile,
    file: FileId,
    facts: HiveFacts,
    /// Why its keys cannot be read.
    trouble: Option<String>,
}

/// A view of a hive, if it has one.
struct View<'h>(Option<Hive<'h>>);

impl View<'_> {
    fn as_deref_source(&self) -> Option<&dyn Source> {
        self.0.as_ref().map(|hive| hive as &dyn Source)
    }
}

impl Opened {
    fn read(facts: &mut Facts, piece: &HivePiece) -> Option<Self> {
        let path = piece.file.path().to_string();
        let mut damage =
            |what: String| facts.damage.push(Damage { path: path.clone(), what, citation: None });
        let (bytes, sha256) = match piece.take() {
            Ok(content) => content,
            Err(why) => {
                damage(format!("the hive could not be read: {why}"));
                return None;
            }
        };
        let hive = match HiveFile::open(bytes) {
            Ok(hive) => hive,
            Err(error) => {
                damage(format!("the hive cannot be opened: {error}"));
                return None;
            }
        };
        let kind = match piece.role {
            Role::Software => "software-hive",
            Role::System => "system-hive",
            Role::Security => "security-hive",
        };
        let file = file_row(facts, &piece.file, kind, sha256);
        let recovery = if hive.is_dirty() { Recovery::LogsMissing } else { Recovery::Clean };
        let last_written = hive.header().last_written;
        let facts = HiveFacts { file, is_export: false, last_written, recovery };
        let mut opened = Self { hive, file, facts, trouble: None };
        opened.look();
        Some(opened)
    }

    fn look(&mut self) {
        let looked = self.hive.view().and_then(|view| view.root().map(|_| ()));
        self.trouble = looked.err().map(|error| format!("the hive's keys cannot be read: {error}"));
    }

    fn is_dirty(&self) -> bool {
        self.hive.is_dirty()
    }

    fn view(&self) -> View<'_> {
        View(if self.trouble.is_none() { self.hive.view().ok() } else { None })
    }

    /// Applies the logs beside the hive, when it needs them.
    fn recover(&mut self, facts: &mut Facts, piece: Option<&HivePiece>) {
        if let Some(piece) = piece.filter(|_| self.hive.is_dirty()) {
            let mut logs = Vec::new();
            for file in &piece.logs {
                if let Some(log) = log(facts, file) {
                    logs.push(log);
                }
            }
            if !logs.is_empty() {
                let hive = std::mem::replace(&mut self.hive, HiveFile::placeholder());
                let outcome = replay(hive, logs);
                self.hive = outcome.hive;
                self.facts.recovery = if outcome.applied.is_empty() {
                    let reasons = outcome.refused.iter().map(|log| format!("{}: {}", log.log, log.reason));
                    Recovery::LogsRefused(reasons.collect())
                } else {
                    Recovery::Replayed(outcome.applied.into_iter().map(|log| log.log).collect())
                };
                self.look();
            }
        }
        for defect in self.hive.defects() {
            facts.damage.push(Damage {
                path: facts.files[self.file.0 as usize].path.clone(),
                what: defect.to_string(),
                citation: Some(Citation::new(self.file, Locator::Offset(0))),
            });
        }
        if let Some(why) = &self.trouble {
            facts.damage.push(Damage {
                path: facts.files[self.file.0 as usize].path.clone(),
                what: why.clone(),
                citation: Some(Citation::new(self.file, Locator::Offset(0))),
            });
        }
    }
}

/// Reads a transaction log; one that cannot be read is damage.
pub(super) fn log(facts: &mut Facts, file: &File) -> Option<LogFile> {
    match file.read_all(LARGEST_LOG) {
        Ok((bytes, sha256)) => {
            file_row(facts, file, "transaction-log", sha256);
            Some(LogFile { name: file.name.clone(), bytes })
        }
        Err(error) => {
            facts.damage.push(Damage {
                path: file.path().to_string(),
                what: format!("the transaction log could not be read: {error}"),
                citation: None,
            });
            None
        }
    }
}

impl Source for Hive<'_> {
    fn value(&self, key: &str, name: &str) -> Looked<Raw> {
        match self.key(key) {
            Ok(None) => Looked::Absent,
            Err(error) => Looked::Unreadable(error.to_string()),
            Ok(Some(key)) => match key.value(name) {
                Ok(None) => Looked::Absent,
                Err(error) => Looked::Unreadable(error.to_string()),
                Ok(Some(value)) => match value.data() {
                    Ok(data) => {
                        Looked::Found(Raw { kind: value.kind().unwrap_or_default(), data: data.into_owned() })
                    }
                    Err(error) => Looked::Unreadable(error.to_string()),
                },
            },
        }
    }

    fn written(&self, key: &str) -> Looked<Timestamp> {
        match self.key(key) {
            Ok(None) => Looked::Absent,
            Err(error) => Looked::Unreadable(error.to_string()),
            Ok(Some(key)) => key.last_written().map_or(Looked::Absent, Looked::Found),
        }
    }

    fn subkeys(&self, key: &str) -> Looked<Vec<String>> {
        match self.key(key) {
            Ok(None) => Looked::Absent,
            Err(error) => Looked::Unreadable(error.to_string()),
            Ok(Some(key)) => {
                Looked::Found(key.subkeys().flatten().filter_map(|key| key.name().ok()).collect())
            }
        }
    }

    fn value_names(&self, key: &str) -> Looked<Vec<String>> {
        match self.key(key) {
            Ok(None) => Looked::Absent,
            Err(error) => Looked::Unreadable(error.to_string()),
            Ok(Some(key)) => {
                Looked::Found(key.values().flatten().filter_map(|value| value.name().ok()).collect())
            }
        }
    }
}

/// An export of one hive, seen from that hive's root.
struct Export {
    export: RegExport,
    /// The number of each key by its path in upper case.
    index: HashMap<String, usize>,
    root: String,
    file: FileId,
}

impl Export {
    fn new(export: RegExport, root: String, file: FileId) -> Self {
        let mut index = HashMap::new();
        for (at, key) in export.keys().iter().enumerate() {
            index.entry(key.path.to_uppercase()).or_insert(at);
        }
        Self { export, index, root, file }
    }

    fn key(&self, path: &str) -> Option<&RegKey> {
        self.export.keys().get(*self.index.get(&path.to_uppercase())?)
    }

    fn reader(&self, need: Need) -> Reader<'_> {
        Reader { source: Some(self), unreadable: None, file: self.file, need }
    }

    fn at<T>(&self, key: &str, found: impl FnOnce(&RegKey) -> Looked<T>) -> Looked<T> {
        let path = format!("{}\\{key}", self.root);
        match self.key(&path) {
            Some(key) => found(key),
            None if self.export.covers(&path) => Looked::Absent,
            None => Looked::NotCovered,
        }
    }
}

impl Source for Export {
    fn value(&self, key: &str, name: &str) -> Looked<Raw> {
        self.at(key, |key| match key.value(name) {
            Some(value) => Looked::Found(Raw { kind: value.kind, data: value.data.clone() }),
            None => Looked::Absent,
        })
    }

    fn written(&self, _key: &str) -> Looked<Timestamp> {
        // An export has no times.
        Looked::NotCovered
    }

    fn subkeys(&self, key: &str) -> Looked<Vec<String>> {
        let path = format!("{}\\{key}", self.root);
        self.at(key, |_| {
            let below = self.export.keys().iter().filter(|known| below(&known.path, &path));
            let names = below
                .filter_map(|known| known.path.get(path.len() + 1..)?.split('\\').next().map(str::to_owned));
            let mut names: Vec<String> = names.collect();
            names.dedup();
            Looked::Found(names)
        })
    }

    fn value_names(&self, key: &str) -> Looked<Vec<String>> {
        self.at(key, |key| Looked::Found(key.values.iter().map(|value| value.name.clone()).collect()))
    }
}

/// The exports in evidence, by the hive that they are of.
struct Exports {
    software: Option<Export>,
    system: Option<Export>,
    /// MachineGuid of every further export that has one.
    further: Vec<(GuidValue, Citation)>,
    /// Further exports of parts of SOFTWARE.
    more_software: Vec<Export>,
    /// Further exports of parts of SYSTEM.
    more_system: Vec<Export>,
}

/// The parts of a hive that are looked at: the rest of a large export is not kept.
fn is_wanted(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    const WANTED: [&str; 16] = [
        "\\microsoft\\cryptography",
        "\\microsoft\\windows nt\\currentversion",
        "\\microsoft\\inetstp",
        "\\microsoft\\systemcertificates",
        "\\microsoft\\webmanagement",
        "\\control\\terminal server\\winstations",
        "\\microsoft\\updates",
        "\\currentversion\\uninstall",
        "\\explorer\\",
        "\\setup",
        "\\select",
        "\\control\\computername",
        "\\control\\timezoneinformation",
        "\\control\\productoptions",
        "\\control\\session manager\\environment",
        "\\services\\",
    ];
    WANTED.iter().any(|part| path.contains(part))
        || path.ends_with("\\services")
        || path.ends_with("wow6432node")
}

impl Exports {
    fn read(facts: &mut Facts, pieces: &Pieces) -> Self {
        let mut exports = Self {
            software: None,
            system: None,
            further: Vec::new(),
            more_software: Vec::new(),
            more_system: Vec::new(),
        };
        for file in &pieces.exports {
            let (bytes, sha256) = match file.read_all(LARGEST_EXPORT) {
                Ok(content) => content,
                Err(error) => {
                    facts.damage.push(Damage {
                        path: file.path().to_string(),
                        what: error.to_string(),
                        citation: None,
                    });
                    continue;
                }
            };
            let Ok(export) = RegExport::parse_filtered(&bytes, is_wanted) else { continue };
            let id = file_row(facts, file, "registry-export", sha256);
            if export.error_count > 0 {
                let first = export.errors.first().map(ToString::to_string).unwrap_or_default();
                facts.damage.push(Damage {
                    path: file.path().to_string(),
                    what: format!(
                        "{} lines of the export are not understood, the first: {first}",
                        export.error_count
                    ),
                    citation: Some(Citation::new(id, Locator::File)),
                });
            }
            exports.sort_in(export, id);
        }
        exports
    }

    fn sort_in(&mut self, export: RegExport, file: FileId) {
        if let Some(root) = root_above(
            &export,
            &["\\Microsoft\\Cryptography", "\\Microsoft\\Windows NT\\CurrentVersion", "\\Microsoft\\InetStp"],
        ) {
            let export = Export::new(export, root, file);
            if self.software.is_none() {
                self.software = Some(export);
                return;
            }
            if let Known::Read(cited) =
                registry::guid(&export.reader(Need::SoftwareHive), "Microsoft\\Cryptography")
                && let Some(citation) = cited.origin.citation()
            {
                self.further.push((cited.value.clone(), citation.clone()));
            }
            self.more_software.push(export);
        } else if let Some(root) =
            root_above(&export, &["\\Select", "\\ControlSet001", "\\CurrentControlSet"])
        {
            let export = Export::new(export, root, file);
            if self.system.is_none() {
                self.system = Some(export);
            } else {
                self.more_system.push(export);
            }
        } else if let Some(root) = root_above(&export, &TLS_KEYS).filter(|root| !is_of_user(root)) {
            self.more_software.push(Export::new(export, root, file));
        }
    }
}

/// Keys by which an export of SOFTWARE is known that tells of nothing but certificates. The policies come first, because
/// their path ends like the other.
const TLS_KEYS: [&str; 3] = [
    "\\Policies\\Microsoft\\SystemCertificates",
    "\\Microsoft\\SystemCertificates",
    "\\Microsoft\\WebManagement",
];

/// Whether a key belongs to a user's hive, which has the same keys as the machine's.
fn is_of_user(root: &str) -> bool {
    let root = root.to_ascii_uppercase();
    ["HKEY_CURRENT_USER", "HKEY_USERS\\S-1-", "HKEY_USERS\\.DEFAULT"]
        .iter()
        .any(|user| root.starts_with(user))
}

/// What stands before a known key: `HKEY_LOCAL_MACHINE\SOFTWARE`, or wherever the hive was loaded. WOW6432Node is not it.
fn root_above(export: &RegExport, known: &[&str]) -> Option<String> {
    let lower: HashMap<usize, String> =
        export.keys().iter().enumerate().map(|(at, key)| (at, key.path.to_ascii_lowercase())).collect();
    known.iter().find_map(|part| {
        let part = part.to_ascii_lowercase();
        let mut keys: Vec<_> = lower.iter().collect();
        keys.sort();
        keys.into_iter().find_map(|(at, path)| {
            let found = path.find(&part)?;
            let ends = path.get(found + part.len()..)?;
            let root = export.keys().get(*at)?.path.get(..found)?;
            let whole = ends.is_empty() || ends.starts_with('\\');
            (whole && !root.to_ascii_lowercase().ends_with("wow6432node")).then(|| root.to_owned())
        })
    })
}

/// Second sources of the current GUID, which must agree with the first.
fn rivals(facts: &mut Facts, pieces: &Pieces, has_hive: bool, exports: &Exports) {
    if has_hive
        && let Some(export) = &exports.software
        && let Known::Read(cited) =
            registry::guid(&export.reader(Need::SoftwareHive), "Microsoft\\Cryptography")
        && let Some(citation) = cited.origin.citation()
    {
        facts.identity.rivals.push((cited.value.clone(), citation.clone()));
    }
    facts.identity.rivals.extend(exports.further.iter().cloned());
    for piece in &pieces.rivals {
        let Some(mut opened) = Opened::read(facts, piece) else { continue };
        opened.recover(facts, Some(piece));
        let view = opened.view();
        match piece.role {
            Role::Software => {
                let reader = reader(view.as_deref_source(), &opened.trouble, opened.file, Need::SoftwareHive);
                if let Known::Read(cited) = registry::guid(&reader, "Microsoft\\Cryptography")
                    && let Some(citation) = cited.origin.citation()
                {
                    facts.identity.rivals.push((cited.value.clone(), citation.clone()));
                }
            }
            Role::System => {
                let reader = reader(view.as_deref_source(), &opened.trouble, opened.file, Need::SystemHive);
                mismatch::hostname(facts, &registry::hostname(&reader));
            }
            Role::Security => {}
        }
    }
}
