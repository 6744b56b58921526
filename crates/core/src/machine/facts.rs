//! `Facts`: what the evidence says, plain, cited and editable. No joins and no verdicts are stored here.

use std::collections::BTreeMap;

use iiskeys_evidence::acl::SecurityDescriptor;
use iiskeys_evidence::{Container, Digests, Dir, FileRecord, Timestamp};

use super::events::Events;
use super::known::{Citation, FileId, Known, Origin};
use super::protection::{
    AspNetSection, ConfigCopy, KeyProof, Metabase, Opens, Protection, RecoverySource, SharedConfiguration,
    Wrap,
};
use super::store::Store;
use super::tls::Tls;
use crate::artifact::container::{Family, Guid, GuidFault, Prefix};

/// A file that the answer may rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// What it is: `software-hive`, `transaction-log`, `key-container`, `listing`, `key-folder`, ...
    pub kind: &'static str,
    /// Path relative to the evidence as given.
    pub path: String,
    /// Size in bytes; for an enumerated folder the number of its files.
    pub size: Option<u64>,
    /// SHA-256 of the bytes that were read, or the digest of an enumeration.
    pub sha256: Option<[u8; 32]>,
    /// Creation time, never one of the analyst's disk.
    pub created: Option<Timestamp>,
    /// Modification time.
    pub modified: Option<Timestamp>,
    /// How many files were only enumerated (folders).
    pub enumerated: Option<u64>,
    /// Path of the image or archive that it stands in.
    pub container: Option<String>,
    /// Its record in the master file table, where it stands on a volume.
    pub record: Option<FileRecord>,
}

impl EvidenceFile {
    /// A file that was read.
    pub(crate) fn of(file: &iiskeys_evidence::File, kind: &'static str, sha256: Option<[u8; 32]>) -> Self {
        Self {
            kind,
            path: file.path().to_string(),
            size: Some(file.size),
            sha256,
            created: file.created,
            modified: file.modified,
            enumerated: None,
            container: file.parent().container().map(|container| container.path.to_string()),
            record: file.record,
        }
    }

    /// A folder whose files are counted.
    pub(crate) fn folder(dir: &Dir) -> Self {
        Self {
            kind: "key-folder",
            path: dir.path().as_str().to_owned(),
            size: None,
            sha256: None,
            created: None,
            modified: None,
            enumerated: Some(0),
            container: dir.container().map(|container| container.path.to_string()),
            record: None,
        }
    }
}

/// How a hive's content was brought to its last state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// It needed nothing.
    Clean,
    /// It was dirty, and these transaction logs were applied.
    Replayed(Vec<String>),
    /// It is dirty and no log is in evidence.
    LogsMissing,
    /// It is dirty and none of its logs may be applied; each with the reason.
    LogsRefused(Vec<String>),
}

/// A registry hive, or an export of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiveFacts {
    /// The file.
    pub file: FileId,
    /// Whether this is a `.reg` export, which has no times and covers only some keys.
    pub is_export: bool,
    /// Last write, from the base block.
    pub last_written: Option<Timestamp>,
    /// How it was recovered.
    pub recovery: Recovery,
}

/// A MachineGuid value as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuidValue {
    /// The text, without its terminating NUL.
    pub text: String,
    /// Registry value type (1 is REG_SZ).
    pub kind: u32,
    /// The GUID, when the text is one.
    pub guid: Option<Guid>,
    /// What is wrong with the text or the type.
    pub problems: Vec<GuidFault>,
}

/// A MachineGuid from another time of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierGuid {
    /// The GUID.
    pub guid: Guid,
    /// Which copy holds it: `RegBack`, `System Restore RP12`, `Windows.old`, ...
    pub source: String,
    /// Last write of the Cryptography key in that copy.
    pub written: Option<Timestamp>,
    /// Last write of the copied hive as a whole, from its base block: until then the value stood.
    pub taken: Option<Timestamp>,
    /// Whether the copy needs its transaction logs, and this is what it holds without them.
    pub is_unreplayed: bool,
    /// Where it stands.
    pub citation: Citation,
}

/// What identifies the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `Microsoft\Cryptography\MachineGuid`, after log replay.
    pub guid: Known<GuidValue>,
    /// Last write of the `Microsoft\Cryptography` key, after log replay.
    pub key_written: Known<Timestamp>,
    /// The same value without log replay, when the hive was replayed.
    pub unreplayed: Option<Known<GuidValue>>,
    /// The copy under `WOW6432Node`.
    pub wow64: Known<GuidValue>,
    /// Values from history copies.
    pub earlier: Vec<EarlierGuid>,
    /// Other current values, from a second source of the same evidence (an export beside a hive).
    pub rivals: Vec<(GuidValue, Citation)>,
}

/// The machine's time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone {
    /// Name as stored.
    pub name: String,
    /// Minutes to add to local time to get UTC (`ActiveTimeBias`).
    pub bias: i32,
}

/// An installation that an upgrade in place replaced (`Setup\Source OS...` of SYSTEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierInstall {
    /// Its `InstallDate`.
    pub installed: Timestamp,
    /// Its `ProductName`.
    pub product: Option<String>,
    /// Where the date stands.
    pub citation: Citation,
}

/// A container that Windows NT 4 kept in the registry. Its form is not public, so only name and time are facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryContainer {
    /// Its name: that of its key below `Microsoft\Cryptography\MachineKeys`.
    pub name: String,
    /// Last write of that key.
    pub written: Option<Timestamp>,
    /// Where it stands.
    pub citation: Citation,
}

/// The operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Os {
    /// `ProductName`.
    pub product: Known<String>,
    /// `CurrentVersion`, such as 5.0 or 6.3.
    pub version: Known<String>,
    /// `CurrentBuildNumber` (or `CurrentBuild`).
    pub build: Known<u32>,
    /// `EditionID`.
    pub edition: Known<String>,
    /// `InstallationType` (`Server`, `Client`, ...).
    pub installation_type: Known<String>,
    /// `ProductOptions\ProductType` of SYSTEM (`WinNT`, `ServerNT`, `LanmanNT`).
    pub product_type: Known<String>,
    /// `CSDVersion`, the service pack.
    pub service_pack: Known<String>,
    /// `InstallDate`.
    pub installed: Known<Timestamp>,
    /// Installations that upgrades in place replaced, the oldest first.
    pub earlier_installs: Vec<EarlierInstall>,
    /// `SystemRoot` as the machine sees it.
    pub system_root: Known<String>,
    /// Computer name.
    pub hostname: Known<String>,
    /// The name under which the machine runs until its next start; hives seldom hold it, exports do.
    pub active_hostname: Known<String>,
    /// Time zone.
    pub time_zone: Known<TimeZone>,
    /// `Setup\State\ImageState`.
    pub image_state: Known<String>,
    /// `SYSTEM\Setup\SystemSetupInProgress`.
    pub setup_in_progress: Known<u32>,
    /// Whether it is a 64-bit system.
    pub is_64_bit: Known<bool>,
    /// `Common AppData` of `Shell Folders`.
    pub common_app_data: Known<String>,
    /// `Common AppData` of `User Shell Folders`.
    pub user_common_app_data: Known<String>,
    /// Whether hotfix KB884872 is registered.
    pub hotfix_884872: Known<bool>,
    /// Whether the hives are the layers of a container image rather than a machine's own.
    pub image_layer: bool,
}

/// An installed service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `Start`: 2 automatic, 3 manual, 4 disabled.
    pub start: u32,
    /// `DisplayName`, where it is a name and no reference to a resource: what events of Windows 2000 and 2003 call it.
    pub display_name: Option<String>,
    /// Where it stands.
    pub citation: Citation,
}

/// Internet Information Services as installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iis {
    /// `InetStp\MajorVersion` and `MinorVersion`.
    pub version: Known<(u32, u32)>,
    /// `InetStp\Components`: name (as found) to value.
    pub components: Known<BTreeMap<String, u32>>,
    /// The IIS services that are registered, by upper-case name.
    pub services: Known<BTreeMap<String, Service>>,
}

/// Which part a folder of containers plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FolderRole {
    /// The folder that Windows uses.
    Current,
    /// A folder below another `Application Data` root than the one that the registry names.
    OtherRoot,
    /// A copy that someone set aside.
    Copy,
}

/// How much the evidence says about a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Everything that was in it: a complete volume, or a complete listing. Absence is proven.
    Complete,
    /// What someone copied. Absence is likely.
    Copied,
}

/// A folder of key containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFolder {
    /// The store.
    pub store: Store,
    /// The row of the enumeration in [`Facts::files`].
    pub file: FileId,
    /// Path relative to the evidence.
    pub path: String,
    /// Path on the machine, `C:\...`.
    pub windows_path: String,
    /// Its part.
    pub role: FolderRole,
    /// How much of it is in evidence.
    pub coverage: Coverage,
    /// Whether only names are known, from a listing.
    pub listing_only: bool,
    /// Number of container files.
    pub count: u64,
    /// Container files with a creation time.
    pub with_created: u64,
    /// Earliest creation time, as found.
    pub first_created: Option<Timestamp>,
    /// Latest creation time, as found.
    pub last_created: Option<Timestamp>,
    /// Whether its times are local times of an unknown zone.
    pub times_local: bool,
    /// Its access control.
    pub access: Known<SecurityDescriptor>,
}

/// One key pair of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Whether this is the signature pair (AT_SIGNATURE); otherwise the exchange pair or the only one.
    pub signature: bool,
    /// Algorithm of the public key.
    pub algorithm: String,
    /// Length of the key in bits.
    pub bits: u32,
    /// SHA-256 of the modulus, big-endian without padding.
    pub modulus_sha256: Option<[u8; 32]>,
    /// Master key that protects the private key, from the clear header of its DPAPI blob.
    pub master_key: Option<String>,
    /// Cipher and hash of that blob, as Windows names them.
    pub protection: Option<String>,
    /// How far the proof of the private key went.
    pub proof: KeyProof,
}

/// What a container file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// CAPI or CNG.
    pub family: Family,
    /// The container name inside; `None` when it cannot be read.
    pub name: Option<String>,
    /// The prefix that this name hashes to; `None` when that cannot be verified.
    pub prefix: Option<Prefix>,
    /// Key pairs whose public and private parts are both there.
    pub pairs: Vec<Pair>,
    /// Whether the key lies in hardware.
    pub hardware: bool,
    /// What is wrong: offset in bytes and one sentence each.
    pub damage: Vec<(u64, String)>,
    /// What it provably opens, and what it provably does not.
    pub opens: Opens,
}

/// How much is known of a container file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Only the name, and perhaps the size, is in evidence.
    NameOnly,
    /// It was read.
    Read(Box<Inside>),
    /// It could not be read.
    Unreadable(String),
}

/// A container file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFile {
    /// Its folder, an index into [`Facts::folders`].
    pub folder: usize,
    /// File name as found.
    pub name: String,
    /// The hash at the start of the name.
    pub prefix: Option<Prefix>,
    /// The GUID behind it.
    pub guid: Option<Guid>,
    /// Whether the name carries more than prefix, GUID and the third part of some CNG names: a set-aside copy.
    pub set_aside: bool,
    /// Whether it is followed for itself (well-known, or named by the configuration); the containers of others are
    /// counted in [`Facts::groups`], and have a row only for the report.
    pub tracked: bool,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Creation time, never one of the analyst's disk.
    pub created: Option<Timestamp>,
    /// Modification time.
    pub modified: Option<Timestamp>,
    /// What it holds.
    pub content: Content,
    /// Its access control; looked for only where the container is tracked.
    pub access: Known<SecurityDescriptor>,
    /// Where this comes from.
    pub origin: Origin,
}

/// Containers of others, counted instead of listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// Their folder, an index into [`Facts::folders`].
    pub folder: usize,
    /// Their GUID.
    pub guid: Option<Guid>,
    /// The pattern of their names.
    pub pattern: &'static str,
    /// Their size class.
    pub size_class: &'static str,
}

/// What is counted of such a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupCount {
    /// How many.
    pub count: u64,
    /// Earliest creation time.
    pub first: Option<Timestamp>,
    /// Latest creation time.
    pub last: Option<Timestamp>,
}

/// Something odd about containers of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// Damaged.
    Damaged,
    /// Header and name only.
    Empty,
    /// The name inside belongs under another file name.
    Misnamed,
    /// A renamed copy.
    SetAside,
}

/// Counted oddities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OddityCount {
    /// How many.
    pub count: u64,
    /// Up to three names, the smallest in order.
    pub examples: Vec<String>,
}

/// An encryption provider of the live configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ProviderKind,
    /// The container that it names.
    pub container: String,
    /// Whether that is a container of the machine (`useMachineContainer`).
    pub machine_container: bool,
    /// Size in bits of the RSA key that its session key needs; `None` without a readable session key.
    pub session_key_bits: Option<u32>,
    /// Whether it has a session key at all.
    pub has_session_key: bool,
    /// Its session key, an index into [`Facts::wraps`].
    pub wrap: Option<usize>,
    /// Where it is declared.
    pub citation: Citation,
}

/// What an encryption provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderKind {
    /// RSA container used directly.
    Rsa,
    /// AES session key wrapped by an RSA container.
    Aes,
    /// CNG container.
    Cng,
    /// Not one that we know.
    Unknown,
}

/// How the live configuration uses one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderUse {
    /// Encrypted values with a payload.
    pub values: u64,
    /// Encrypted values without one.
    pub empty: u64,
    /// The first value with a payload.
    pub first: Option<Citation>,
    /// Values of a CNG provider by the part that all values of one key have in common, each with the first of them.
    pub groups: BTreeMap<[u8; 32], (u64, Citation)>,
    /// Application pools and sites whose settings hold such values, at most 20.
    pub users: Vec<String>,
}

/// The live configuration, as far as its encryption goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file.
    pub file: FileId,
    /// Declared providers.
    pub providers: Vec<Provider>,
    /// Use by provider name.
    pub uses: BTreeMap<String, ProviderUse>,
    /// Application pools.
    pub app_pools: Vec<String>,
    /// Sites.
    pub sites: Vec<String>,
    /// Bindings, `site protocol information` each.
    pub bindings: Vec<String>,
    /// Passwords and the like that stand in clear: legal, and readable without any key.
    pub clear_values: u64,
}

/// A disk image or archive that the evidence came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The image or archive.
    pub container: Container,
    /// Digests of its content as computed in this run.
    pub verified: Option<Digests>,
}

/// Something that was there and could not be read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Path relative to the evidence.
    pub path: String,
    /// What was found and how far it was read.
    pub what: String,
    /// The file, when it has a row.
    pub citation: Option<Citation>,
}

/// A sign that the pieces are of different machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// One sentence.
    pub what: String,
    /// What it rests on, with the observed value of each.
    pub citations: Vec<(Citation, String)>,
    /// Whether nothing else can explain it.
    pub certain: bool,
}

/// A container file that was deleted and of which the volume still keeps a trace. It is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedContainer {
    /// The folder that it stood in, an index into [`Facts::folders`].
    pub folder: usize,
    /// File name as found.
    pub name: String,
    /// The hash at the start of the name.
    pub prefix: Prefix,
    /// The GUID behind it.
    pub guid: Option<Guid>,
    /// The record that described it, with its sequence while the file was there; `None` for a mere name.
    pub record: Option<FileRecord>,
    /// Size in bytes.
    pub size: u64,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// What its bytes hold, where they could be recovered; otherwise why they could not.
    pub content: Result<Box<Inside>, &'static str>,
    /// Where the trace stands.
    pub citation: Citation,
}

/// All that the evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The disk images and archives that the evidence came in, by path.
    pub sources: Vec<Source>,
    /// Drive letters that the machine gave to volumes in evidence, by path of the volume.
    pub letters: BTreeMap<String, char>,
    /// Files by [`FileId`].
    pub files: Vec<EvidenceFile>,
    /// SOFTWARE.
    pub software: Known<HiveFacts>,
    /// SYSTEM.
    pub system: Known<HiveFacts>,
    /// MachineGuid and its relatives.
    pub identity: Identity,
    /// Operating system.
    pub os: Os,
    /// IIS.
    pub iis: Iis,
    /// Folders of containers.
    pub folders: Vec<KeyFolder>,
    /// Stores that the evidence covers completely and in which no folder stands, with the place.
    pub missing_folders: Vec<(Store, String, Citation)>,
    /// Containers that have a row of their own.
    pub containers: Vec<ContainerFile>,
    /// Tracked containers that were deleted.
    pub deleted: Vec<DeletedContainer>,
    /// Containers of others, counted.
    pub groups: BTreeMap<GroupKey, GroupCount>,
    /// Oddities among containers of others.
    pub oddities: BTreeMap<(usize, Option<Guid>, Oddity), OddityCount>,
    /// Containers of others by the set of GUIDs under which each stands, per store.
    pub spread: BTreeMap<(Store, Vec<Guid>), u64>,
    /// The live configuration.
    pub config: Known<Config>,
    /// Providers that new values would use, from the schema, with the number of attributes.
    pub schema: Known<BTreeMap<String, u64>>,
    /// Secrets that protect the keys, as results.
    pub protection: Protection,
    /// Keys that are encrypted with a container's key, each once however many copies hold it.
    pub wraps: Vec<Wrap>,
    /// Copies of the configuration, the oldest first.
    pub copies: Vec<ConfigCopy>,
    /// Whether the live configuration stands elsewhere.
    pub shared: Known<SharedConfiguration>,
    /// Metabases, the live one first.
    pub metabases: Vec<Metabase>,
    /// What could bring a key back.
    pub recovery: Vec<RecoverySource>,
    /// Passwords of the central certificate store, where it is in use: name of the registry value, index into
    /// [`Facts::wraps`], and where it stands.
    pub central_store: Vec<(String, usize, Citation)>,
    /// Containers that Windows NT 4 left in the registry, by name. No later Windows opens them.
    pub registry_containers: Vec<RegistryContainer>,
    /// Sections that ASP.NET keeps encrypted.
    pub aspnet: Vec<AspNetSection>,
    /// Certificates, bindings and sites.
    pub tls: Tls,
    /// What the event logs say.
    pub events: Events,
    /// Damage.
    pub damage: Vec<Damage>,
    /// Signs of a mixture.
    pub mismatches: Vec<Mismatch>,
    /// What was taken for granted while reading, one sentence each.
    pub assumptions: Vec<String>,
}

impl Facts {
    /// The folder of a container.
    pub fn folder(&self, container: &ContainerFile) -> Option<&KeyFolder> {
        self.folders.get(container.folder)
    }
}
