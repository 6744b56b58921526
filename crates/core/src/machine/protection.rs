//! What is known of the secrets that protect the machine's keys, and of what opens with what.
//!
//! These are results. The secrets themselves exist in [`crate::proof`] only, for as long as a proof needs them.

use std::collections::BTreeSet;

use iiskeys_evidence::Timestamp;

use super::facts::Coverage;
use super::{Citation, FileId, Known, Need};
use crate::artifact::container::Guid;

/// One of the two secrets of `DPAPI_SYSTEM` that a machine keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretAge {
    /// `CurrVal`.
    Current,
    /// `OldVal`: the secret before the last change, which sysprep makes.
    Previous,
}

/// What SYSTEM and SECURITY say about the machine's DPAPI secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The boot key: whether SYSTEM holds it.
    pub boot_key: Known<()>,
    /// The LSA secret `DPAPI_SYSTEM`.
    pub secret: Known<SystemSecret>,
    /// Signs that SYSTEM and SECURITY do not belong together.
    pub contradictions: Vec<Contradiction>,
    /// Folders with LocalSystem's master keys.
    pub folders: Vec<ProtectFolder>,
    /// Master key files, by GUID; of one that stands in several folders each file.
    pub master_keys: Vec<MasterKeyFile>,
}

impl Default for Protection {
    fn default() -> Self {
        Self {
            boot_key: Known::NotInEvidence(Need::SystemHive),
            secret: Known::NotInEvidence(Need::SecurityHive),
            contradictions: Vec::new(),
            folders: Vec::new(),
            master_keys: Vec::new(),
        }
    }
}

/// A sign that two hives are of different machines or moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// One sentence.
    pub what: String,
    /// What it rests on, with the observed value of each.
    pub citations: Vec<(Citation, String)>,
}

/// `DPAPI_SYSTEM`, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemSecret {
    /// When the current value was set (`CupdTime`).
    pub current_since: Option<Timestamp>,
    /// When the previous value was set (`OupdTime`).
    pub previous_since: Option<Timestamp>,
    /// Whether there is a previous value that could be decoded.
    pub has_previous: bool,
    /// Whether the previous value is the current one.
    pub is_unchanged: bool,
}

/// A folder with master keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectFolder {
    /// Path relative to the evidence.
    pub path: String,
    /// The row of the enumeration.
    pub file: FileId,
    /// How much of it is in evidence.
    pub coverage: Coverage,
}

/// A master key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKeyFile {
    /// Its GUID, which is its name.
    pub guid: Guid,
    /// The file.
    pub file: FileId,
    /// Whether it stands in the folder `User`.
    pub is_user: bool,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// Whether `Preferred` names it: new blobs are made with it.
    pub is_preferred: bool,
    /// What opens it.
    pub state: MasterKeyState,
}

/// What opens a master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKeyState {
    /// No blob that matters uses it, so it was not tried.
    NotTried,
    /// A secret opens it.
    Opened(SecretAge),
    /// Neither secret opens it.
    Neither,
    /// It is damaged: what and where.
    Damaged(String),
}

/// How far the proof of a private key went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyProof {
    /// Not tried, as the container does not matter here or something is lacking.
    #[default]
    NotTried,
    /// Not possible without this.
    Lacks(Need),
    /// The `Protect` folder in evidence does not hold its master key.
    MasterKeyMissing,
    /// Its master key file is damaged.
    MasterKeyDamaged(String),
    /// Neither secret opens its master key.
    Neither,
    /// Its master key opens, and its DPAPI blob does not verify with it: file and master key are of different machines, or
    /// the blob is damaged.
    WrongMasterKey,
    /// An algorithm that is not known.
    Unsupported(String),
    /// It opens.
    Opened {
        /// With which secret.
        age: SecretAge,
        /// Whether the private key belongs to the clear public key.
        agrees: bool,
        /// Whether Windows lets it be exported; `None` when nothing says.
        exportable: Option<bool>,
    },
}

impl KeyProof {
    /// The secret with which the private key opens.
    pub fn opened_with(&self) -> Option<SecretAge> {
        match self {
            Self::Opened { age, .. } => Some(*age),
            _ => None,
        }
    }
}

/// What one container file opens, by index into [`super::Facts::wraps`] and [`super::Facts::metabases`].
///
/// Kept with the file and not with its part, so that a plan can move files without any secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opens {
    /// Wrapped keys that its private key unwraps.
    pub wraps: BTreeSet<usize>,
    /// Wrapped keys that its private key, which is at hand, does not unwrap.
    pub not_wraps: BTreeSet<usize>,
    /// Metabases whose session key verifies with its public signature key.
    pub signed: BTreeSet<usize>,
    /// Metabases whose session key does not.
    pub not_signed: BTreeSet<usize>,
}

/// What a wrapped key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrapKind {
    /// The session key of an AES provider.
    SessionKey,
    /// The keys in the values of an RSA provider, each value with its own.
    Direct,
    /// The session key of a metabase.
    Metabase,
    /// The key of an encrypted ASP.NET section.
    AspNet,
    /// A password of the central certificate store.
    CentralStore,
}

/// A key that is encrypted with the public key of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrap {
    /// What it is for.
    pub kind: WrapKind,
    /// The container that is named for it.
    pub container: String,
    /// Length in bits of the RSA modulus that it needs.
    pub bits: u32,
    /// SHA-256 of the encrypted bytes: the same in every copy of one configuration.
    pub sha256: [u8; 32],
    /// What became of the values of the live configuration; empty until it is unwrapped.
    pub values: Values,
}

/// Encrypted values that were tried with an unwrapped session key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// Values that decrypt to well-formed text.
    pub opened: u64,
    /// Values that do not.
    pub unreadable: u64,
    /// The first of them.
    pub first_unreadable: Vec<Citation>,
    /// Values whose payload no key could have made.
    pub malformed: u64,
    /// The first of them.
    pub first_malformed: Vec<Citation>,
}

/// Where a copy of the configuration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyKind {
    /// Made by the configuration history service.
    History,
    /// Made by `appcmd add backup`.
    Backup,
    /// Exported for shared configuration.
    Export,
    /// What a worker process was given when it started.
    AppPool,
    /// Somebody's copy.
    Manual,
}

impl CopyKind {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Backup => "backup",
            Self::Export => "export",
            Self::AppPool => "app-pool",
            Self::Manual => "manual",
        }
    }
}

/// A copy of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigCopy {
    /// Where it stands.
    pub kind: CopyKind,
    /// What people call it: the name of its folder or file.
    pub name: String,
    /// Path on the machine, or in the evidence where that is not known.
    pub windows_path: String,
    /// The file.
    pub file: FileId,
    /// Last write of the file.
    pub written: Option<Timestamp>,
    /// What it says, or why it cannot be read.
    pub content: Result<super::facts::Config, String>,
}

/// The metabase of IIS 5 and 6, and of the compatibility part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metabase {
    /// Whether this is the one in use; else one of its copies.
    pub is_live: bool,
    /// What people call it.
    pub name: String,
    /// Path on the machine, or in the evidence where that is not known.
    pub windows_path: String,
    /// The file.
    pub file: FileId,
    /// Last write of the file.
    pub written: Option<Timestamp>,
    /// Encrypted values in it.
    pub secure_values: u64,
    /// Whether it has a session key.
    pub has_session_key: bool,
    /// The session key, an index into [`super::Facts::wraps`]; `None` as well for one too many.
    pub wrap: Option<usize>,
    /// Where the session key stands.
    pub citation: Citation,
    /// Why it could not be read, if so. A binary metabase is only named.
    pub trouble: Option<String>,
}

/// Where shared configuration sends IIS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedConfiguration {
    /// Whether it is in force.
    pub enabled: bool,
    /// The folder that it names.
    pub path: String,
    /// The file that says so.
    pub citation: Citation,
}

/// A section that ASP.NET keeps encrypted with the key of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AspNetSection {
    /// Path of the file on the machine.
    pub windows_path: String,
    /// Name of the section, such as `connectionStrings`.
    pub section: String,
    /// Its key, an index into [`super::Facts::wraps`].
    pub wrap: usize,
    /// Where the section stands.
    pub citation: Citation,
}

/// Something that could bring a key back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverySource {
    /// What it is.
    pub kind: RecoveryKind,
    /// Path on the machine, or in the evidence where that is not known.
    pub windows_path: String,
    /// The file.
    pub file: FileId,
    /// SHA-256 of the modulus, big-endian without padding, of an exported key.
    pub modulus_sha256: Option<[u8; 32]>,
    /// Whether it holds a private key in clear.
    pub holds_private_key: bool,
    /// Wrapped keys of the configuration copies that belong to it, indices into [`super::Facts::wraps`].
    pub wraps: BTreeSet<usize>,
}

impl RecoverySource {
    /// One of which nothing is known but where it stands.
    pub fn new(kind: RecoveryKind, windows_path: String, file: FileId) -> Self {
        Self {
            kind,
            windows_path,
            file,
            modulus_sha256: None,
            holds_private_key: false,
            wraps: BTreeSet::new(),
        }
    }
}

/// Kinds of recovery material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecoveryKind {
    /// A shared-configuration export with `configEncKey.key`.
    ExportSet,
    /// An exported key as `<RSAKeyValue>`.
    KeyFile,
    /// A PFX file.
    Pfx,
    /// A copy of the metabase.
    Metabase,
}
