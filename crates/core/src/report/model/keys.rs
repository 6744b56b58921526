//! Key containers, what protects them, and the configuration that uses them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
    /// Whether `container_groups` counts it as well, as a container of others.
    #[serde(default)]
    pub in_groups: bool,
}

/// A container that this machine needs, whether or not a file of it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct NeededRow {
    /// Container name.
    pub name: String,
    /// The store in which it must stand.
    pub store: String,
    /// The hash of its name, with which the file name starts.
    pub prefix: String,
    /// Why it is needed.
    pub reasons: Vec<String>,
    /// Whether the need is only assumed.
    pub assumed: bool,
    /// Services, pools and sites that fail without it.
    pub users: Vec<String>,
}

/// Access control of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AccessRow {
    /// The owner; null where the source does not tell.
    pub owner: Option<String>,
    /// Number of entries of its list; null when there is no list, which lets everybody in.
    pub entries: Option<u64>,
    /// The file that tells it, and where in it.
    pub source: String,
}

/// A key pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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

/// Containers of others, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
    /// SHA-256 of the session key as it stands in the file, wrapped; null without one.
    #[serde(default)]
    pub session_key_sha256: Option<String>,
    /// Values with a payload that use it.
    pub values: u64,
    /// Values without a payload.
    pub empty_values: u64,
    /// Pools and sites whose settings hold such values.
    pub users: Vec<String>,
}

/// A copy of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
