//! The report: a typed document, its JSON form, its schema and its renderings.

mod build;
mod cause;
mod json;
mod proofs;
mod rows;
mod text;
mod timeline;
mod timeline_format;
mod tls;

use schemars::JsonSchema;
use serde::Serialize;

pub use build::{Options, build};
pub use json::to_json;
pub use text::to_text;
pub use timeline::TimeKind;
pub use timeline_format::to_timeline;

/// Version of the report's form.
pub const SCHEMA_VERSION: &str = "1.0";

/// The overall answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Something that this machine needs does not work.
    Broken,
    /// Nothing is broken, and something will or may be.
    Degraded,
    /// Nothing was found, and a required group of rules could not be evaluated.
    Inconclusive,
    /// Nothing was found, and every required group was evaluated.
    Healthy,
}

impl Verdict {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Degraded => "degraded",
            Self::Inconclusive => "inconclusive",
            Self::Healthy => "healthy",
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Something will not work, or may not.
    Warning,
    /// Something that this machine needs does not work.
    Error,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Report {
    /// Version of this form, `1.x`.
    pub schema_version: String,
    /// The program.
    pub tool: Tool,
    /// Time of the run, only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// The overall answer.
    pub verdict: Verdict,
    /// Two or three sentences for a ticket.
    pub summary: String,
    /// The one cause that explains the other findings; null when no single one explains every error.
    pub root_cause: Option<RootCause>,
    /// The disk images and archives that the evidence came in, sorted by path; each volume is named.
    pub sources: Vec<SourceRow>,
    /// Every file that the answer rests on, sorted by path.
    pub evidence: Vec<EvidenceRow>,
    /// The machine.
    pub machine: MachineRow,
    /// One row for each GUID seen, sorted by GUID.
    pub guid_census: Vec<GuidRow>,
    /// Containers, sorted by id.
    pub key_containers: Vec<ContainerRow>,
    /// Containers of others, counted; sorted by store, GUID, pattern and size.
    pub container_groups: Vec<GroupRow>,
    /// How many containers have no row of their own.
    pub containers_only_counted: u64,
    /// Certificates of the machine's stores, sorted by id.
    pub certificates: Vec<CertificateRow>,
    /// One row for each way on which TLS is answered: site, binding, certificate, container, file, state; sorted by site and
    /// endpoint.
    pub bindings: Vec<BindingRow>,
    /// Containers that Windows NT 4 left in the registry, by name. No later Windows opens them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registry_containers: Vec<RegistryContainerRow>,
    /// The live configuration, as far as its encryption goes; null when it was not read.
    pub config: Option<ConfigRow>,
    /// Copies of the configuration, the oldest first.
    pub config_copies: Vec<ConfigCopyRow>,
    /// The machine's DPAPI secret; null when neither SECURITY nor a folder of master keys is in evidence.
    pub dpapi: Option<DpapiRow>,
    /// What is wrong, the worst first.
    pub findings: Vec<FindingRow>,
    /// One row for each rule.
    pub checks: Vec<CheckRow>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// The safest way back; null when nothing needs repair or nothing safe can be said.
    pub plan: Option<PlanRow>,
    /// What happened when, sorted by time.
    pub timeline: Vec<TimelineRow>,
    /// How many more moments are known than `timeline` has, the least telling ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeline_left_out: u64,
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tool {
    /// `iiskeys`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RootCause {
    /// The rule that found it.
    pub rule: String,
    /// One or two sentences.
    pub statement: String,
    /// `proven`, `strong` or `weak`.
    pub confidence: String,
    /// Last witness of the old state.
    pub earliest: Option<String>,
    /// First witness of the new state.
    pub latest: Option<String>,
}

/// A disk image or an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceRow {
    /// Path relative to the evidence as given.
    pub path: String,
    /// Its format.
    pub format: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// Other files that its content comes from: segments, extents, parents.
    pub parts: Vec<SourcePartRow>,
    /// Length of the disk in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_size: Option<u64>,
    /// How the disk is divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// MD5 of the disk's content, as the image itself states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_md5: Option<String>,
    /// SHA-1 of the disk's content, as the image itself states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_sha1: Option<String>,
    /// MD5 of the disk's content, as computed in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_md5: Option<String>,
    /// SHA-1 of the disk's content, as computed in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_sha1: Option<String>,
    /// What its frame says about its state: a table was read from its copy, a log was replayed, it is cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Volumes of the disk, by number.
    pub volumes: Vec<VolumeRow>,
}

/// A file that belongs to a disk image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourcePartRow {
    /// What it is to the image.
    pub role: String,
    /// Its file name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
}

/// A volume of a disk image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeRow {
    /// Number of the partition; zero for a disk without a partition table.
    pub number: u32,
    /// Path under which its files are cited.
    pub path: String,
    /// What it holds.
    pub content: String,
    /// Label of the volume or name of the partition.
    pub label: String,
    /// Offset on the disk in bytes.
    pub start: u64,
    /// Length in bytes.
    pub size: u64,
    /// Drive letter that the machine gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
    /// Why it was not looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// A file, or a folder that was only enumerated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidenceRow {
    /// Identifier within this report.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Path relative to the evidence as given.
    pub path: String,
    /// Size in bytes; null for a folder.
    pub size: Option<u64>,
    /// SHA-256 of its bytes; for a folder, a digest of the names and sizes in it that does not depend on their order.
    pub sha256: Option<String>,
    /// Creation time; never one of the analyst's disk.
    pub created: Option<String>,
    /// Modification time.
    pub modified: Option<String>,
    /// The image or archive that it stands in.
    pub container: Option<String>,
    /// On a volume: number and sequence of its record in the master file table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// For a folder: how many of its files were only enumerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enumerated: Option<u64>,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MachineRow {
    /// Name, service pack and build of the operating system.
    pub os: Option<String>,
    /// Computer name.
    pub hostname: Option<String>,
    /// Time zone.
    pub time_zone: Option<String>,
    /// Installation date.
    pub installed: Option<String>,
    /// The MachineGuid; null when it was not read.
    pub machine_guid: Option<GuidFact>,
    /// IIS; null when it is not installed or not in evidence.
    pub iis: Option<IisRow>,
}

/// The MachineGuid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GuidFact {
    /// As found.
    pub value: String,
    /// Where it stands.
    pub source: Option<CiteRow>,
    /// Last write of its registry key.
    pub key_last_written: Option<String>,
    /// The value without the hive's transaction logs, when it differs.
    pub unreplayed_value: Option<String>,
}

/// IIS as installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IisRow {
    /// Major and minor version.
    pub version: Option<String>,
    /// Installed components and services, sorted.
    pub features: Vec<String>,
}

/// A GUID seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GuidRow {
    /// As first found.
    pub guid: String,
    /// Whether it is the current one.
    pub is_current: bool,
    /// Containers under it.
    pub containers: u64,
    /// Earliest creation time among them.
    pub first_created: Option<String>,
    /// Latest creation time among them.
    pub last_created: Option<String>,
    /// Where it was seen.
    pub sources: Vec<String>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ContainerRow {
    /// Store and file name.
    pub id: String,
    /// The store.
    pub store: String,
    /// Path relative to the evidence.
    pub path: String,
    /// Hash at the start of the file name.
    pub prefix: Option<String>,
    /// GUID behind it, as found.
    pub guid: Option<String>,
    /// Container name inside.
    pub name: Option<String>,
    /// The well-known container that the file name belongs to.
    pub well_known: Option<String>,
    /// Why it is needed.
    pub needed_by: Vec<String>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Creation time; null where the times of its folder are lost.
    pub created: Option<String>,
    /// Modification time.
    pub modified: Option<String>,
    /// `complete`, `incomplete`, `empty`, `damaged` or `not-read`.
    pub state: String,
    /// Where it stands: `current`, `other-guid`, `other-root`, `set-aside`; null when the current GUID is not known.
    pub standing: Option<String>,
    /// Its key pairs.
    pub key_pairs: Vec<PairRow>,
    /// What the clear headers say about the protection of its private keys.
    pub protection: Option<ProtectionRow>,
    /// What its private key provably opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opens: Vec<String>,
    /// What is wrong with its bytes.
    pub damage: Vec<String>,
    /// Its access control, where it is in evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessRow>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CertificateRow {
    /// Store and thumbprint.
    pub id: String,
    /// SHA-1 in upper-case hexadecimal.
    pub thumbprint: String,
    /// The store.
    pub store: String,
    /// The name that an administrator gave it.
    pub friendly_name: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Issuer.
    pub issuer: Option<String>,
    /// Serial number in upper-case hexadecimal.
    pub serial: Option<String>,
    /// First moment of its validity.
    pub not_before: Option<String>,
    /// Last moment of its validity.
    pub not_after: Option<String>,
    /// DNS names that it is for.
    pub dns_names: Vec<String>,
    /// Algorithm of its key.
    pub key_algorithm: Option<String>,
    /// Length of its key in bits.
    pub key_bits: Option<u32>,
    /// SHA-256 of the modulus, as for containers.
    pub modulus_sha256: Option<String>,
    /// What ties it to its private key; null without a link.
    pub link: Option<KeyLinkRow>,
    /// Containers that the link leads to, by name.
    pub by_name: Vec<String>,
    /// Containers that hold its key, by modulus.
    pub by_key: Vec<String>,
    /// `ok`, `key-missing`, `key-orphaned`, `key-mismatch`, `key-unlinked`, `no-link`, `user-key-set`, `key-elsewhere`,
    /// `key-not-compared`, `unreadable` or `not-evaluated`.
    pub state: String,
    /// What uses it.
    pub used_by: Vec<String>,
    /// The hive.
    pub evidence: String,
}

/// What ties a certificate to its private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyLinkRow {
    /// The container.
    pub container: String,
    /// The provider.
    pub provider: String,
    /// Its type; 0 for CNG.
    pub provider_type: u32,
    /// Whether it is a container of the machine.
    pub machine_key_set: bool,
    /// 1 exchange, 2 signature, 0 CNG.
    pub key_spec: u32,
}

/// One way on which TLS is answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct BindingRow {
    /// The site; null where no site of the configuration uses the endpoint.
    pub site: Option<String>,
    /// The endpoint: as the site's binding has it, else as HTTP.sys has it, else the service.
    pub endpoint: String,
    /// The entry of HTTP.sys that answers.
    pub http_sys: Option<String>,
    /// `iis`, `iis-express`, `wmsvc`, `rdp` or `other`.
    pub owner: String,
    /// The application that made the entry.
    pub app_id: Option<String>,
    /// SHA-1 of the certificate.
    pub thumbprint: Option<String>,
    /// The store that it is taken from.
    pub store: Option<String>,
    /// The certificate, by id.
    pub certificate: Option<String>,
    /// The container that it is linked to.
    pub container: Option<String>,
    /// The file of that container, by id; the one under the current GUID before any other.
    pub file: Option<String>,
    /// The state of the certificate's key; or `certificate-missing`, `certificate-in-other-store`, `central-store`,
    /// `no-certificate`, `not-bound`, `not-evaluated`.
    pub state: String,
    /// Where the binding stands.
    pub evidence: String,
}

/// Access control of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccessRow {
    /// The owner; null where the source does not tell.
    pub owner: Option<String>,
    /// Number of entries of its list; null when there is no list, which lets everybody in.
    pub entries: Option<u64>,
    /// The file that tells it, and where in it.
    pub source: String,
}

/// A key pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PairRow {
    /// `signature` or `exchange`.
    pub spec: String,
    /// Algorithm of the public key.
    pub algorithm: String,
    /// Length in bits.
    pub bits: u32,
    /// SHA-256 of the modulus, big-endian without padding.
    pub modulus_sha256: Option<String>,
}

/// How the private keys of a container are protected, and how far the proof went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProtectionRow {
    /// Master keys that protect the private keys.
    pub master_keys: Vec<String>,
    /// Whether all of them are in evidence; null when no folder of master keys is.
    pub master_keys_in_evidence: Option<bool>,
    /// Cipher and hash.
    pub algorithms: Vec<String>,
    /// `opened-with-current-secret`, `opened-with-previous-secret`, `neither-secret`, `master-key-missing`,
    /// `master-key-damaged`, `wrong-master-key`, `unsupported` or `not-attempted`; of several pairs the worst.
    pub proof: String,
    /// Why it was not attempted, or what is not supported; null otherwise.
    pub reason: Option<String>,
    /// Whether the private keys belong to the public ones; null when they were not opened.
    pub verified: Option<bool>,
    /// Whether Windows lets the keys be exported; null when nothing tells.
    pub exportable: Option<bool>,
}

/// The machine's DPAPI secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DpapiRow {
    /// `read`, or why not.
    pub boot_key: String,
    /// `read`, or why not.
    pub secret: String,
    /// When the secret was last changed.
    pub current_since: Option<String>,
    /// When the secret before it was set.
    pub previous_since: Option<String>,
    /// Whether the secret before it is kept and another one.
    pub has_previous: Option<bool>,
    /// Master key files in evidence.
    pub master_keys: u64,
    /// Those that a blob asked for, by GUID.
    pub tried: Vec<MasterKeyRow>,
}

/// A master key that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MasterKeyRow {
    /// Its GUID.
    pub guid: String,
    /// The file.
    pub evidence: String,
    /// Whether new blobs are made with it.
    pub preferred: bool,
    /// `current-secret`, `previous-secret`, `neither` or `damaged`.
    pub opened: String,
}

/// A copy of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConfigCopyRow {
    /// `history`, `backup`, `export`, `app-pool` or `manual`.
    pub kind: String,
    /// Name of its folder or file.
    pub name: String,
    /// Path on the machine, or in the evidence where that is not known.
    pub path: String,
    /// The file.
    pub evidence: String,
    /// Last write of the file.
    pub written: Option<String>,
    /// Whether its session keys fit the present containers: `opens`, `same-size`, `does-not-open`, `other-size`, `unknown`,
    /// `no-session-key` or `unreadable`; the worst of all its providers.
    pub fit: String,
    /// Number of sites.
    pub sites: u64,
    /// Number of application pools.
    pub app_pools: u64,
    /// Number of encrypted values.
    pub values: u64,
}

/// Containers of others, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupRow {
    /// The store.
    pub store: String,
    /// Their GUID.
    pub guid: Option<String>,
    /// The pattern of their names.
    pub pattern: String,
    /// Their size class.
    pub size_class: String,
    /// How many.
    pub count: u64,
    /// First day on which one was created.
    pub first_day: Option<String>,
    /// Last day on which one was created.
    pub last_day: Option<String>,
}

/// A container that Windows NT 4 left in the registry: its name and time are known, and nothing is made of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RegistryContainerRow {
    /// Name of its key.
    pub name: String,
    /// Last write of that key.
    pub written: Option<String>,
    /// Identifier of an evidence row.
    pub evidence: String,
    /// Where in it.
    pub locator: String,
}

/// The live configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConfigRow {
    /// The file.
    pub evidence: String,
    /// Its encryption providers.
    pub providers: Vec<ProviderRow>,
    /// Passwords and the like that stand in it in clear: legal, and readable without any key.
    pub clear_values: u64,
    /// Providers that new values would use, from the schema; null when the schema was not read.
    pub defaults: Option<Vec<String>>,
}

/// An encryption provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProviderRow {
    /// Its name.
    pub name: String,
    /// `rsa`, `aes`, `cng` or `unknown`.
    pub kind: String,
    /// The container that it names.
    pub key_container: String,
    /// Whether it has a session key.
    pub has_session_key: bool,
    /// RSA key size in bits that the session key needs.
    pub session_key_bits: Option<u32>,
    /// Whether the session key belongs to the container: `opens`, `same-size`, `does-not-open`, `other-size` or `unknown`;
    /// null without a session key.
    pub session_key: Option<String>,
    /// Values with a payload that use it.
    pub values: u64,
    /// Values without a payload.
    pub empty_values: u64,
    /// Pools and sites whose settings hold such values.
    pub users: Vec<String>,
}

/// A citation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CiteRow {
    /// Identifier of an evidence row.
    pub evidence: String,
    /// Where in it.
    pub locator: String,
    /// What stands there.
    pub observed: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingRow {
    /// Derived from rule and subject alone.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// How bad.
    pub severity: Level,
    /// How sure: `proven`, `strong` or `weak`.
    pub confidence: String,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub explanation: String,
    /// `kind:identity`.
    pub subject: String,
    /// What it rests on.
    pub evidence: Vec<CiteRow>,
    /// What would cure it.
    pub remedies: Vec<String>,
    /// Services, sites and pools that are down because of it.
    pub affects: Vec<String>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckRow {
    /// The rule.
    pub rule: String,
    /// Its group.
    pub group: String,
    /// `found`, `clear`, `not-applicable` or `not-evaluated`.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// What to collect.
    pub needs: Vec<String>,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanRow {
    /// One line: what it does.
    pub summary: String,
    /// What to do, in order.
    pub steps: Vec<StepRow>,
    /// Findings that vanish when the steps are applied to a copy of the machine's facts.
    pub resolves: Vec<String>,
    /// Findings that stay or appear.
    pub leaves: Vec<String>,
    /// The findings that stay or appear, with their severity and title.
    pub remaining: Vec<RemainingRow>,
    /// Plans that were weighed and not chosen.
    pub alternatives: Vec<AlternativeRow>,
    /// What would have saved the day.
    pub prevent: Vec<String>,
}

/// A finding that a plan leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RemainingRow {
    /// How bad.
    pub severity: Level,
    /// One line.
    pub title: String,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StepRow {
    /// Position, from one.
    pub order: u32,
    /// What kind of step.
    pub action: String,
    /// What it acts on.
    pub target: String,
    /// What to do and why.
    pub detail: String,
    /// The shell that the commands are written for; null without commands.
    pub shell: Option<String>,
    /// Commands, given only when every name in them can be quoted safely.
    pub commands: Vec<String>,
    /// What may go wrong.
    pub risk: String,
    /// How to take it back.
    pub undo: String,
    /// How to see that it worked.
    pub verify: String,
}

/// A plan that was weighed and not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlternativeRow {
    /// A short name.
    pub name: String,
    /// One line: what it does.
    pub summary: String,
    /// Why it is not the plan.
    pub reason: String,
    /// What it costs.
    pub cost: String,
    /// Whether it was tried on the facts.
    pub tried: bool,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// Findings that vanish.
    pub resolves: Vec<String>,
    /// Findings that stay or appear.
    pub leaves: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct TimelineRow {
    /// When, in UTC.
    pub time: String,
    /// What.
    pub what: String,
    /// What kind of time it is, and so how far it can be trusted.
    pub kind: TimeKind,
    /// What exactly keeps this time: the name of the registry value, event or field.
    pub source: String,
    /// Identifier of an evidence row.
    pub evidence: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Report {
    /// The report as JSON, with a newline at its end. The same report gives the same bytes.
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    /// The report as text, as one would paste it into a ticket.
    pub fn to_text(&self) -> String {
        to_text(self)
    }

    /// The timeline as JSON lines for Timesketch, one moment each.
    pub fn to_timeline(&self) -> String {
        to_timeline(self)
    }

    /// The worst finding.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// The JSON Schema (2020-12) of the report, with a newline at its end.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default();
    text.push('\n');
    text
}
