//! What was read: sources, files, the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CiteRow;

/// A disk image or an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SourcePartRow {
    /// What it is to the image.
    pub role: String,
    /// Its file name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
}

/// A volume of a disk image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct IisRow {
    /// Major and minor version.
    pub version: Option<String>,
    /// Installed components and services, sorted.
    pub features: Vec<String>,
}

/// A GUID seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct GuidRow {
    /// As first found.
    pub guid: String,
    /// Whether it is the current one.
    pub is_current: bool,
    /// Whether a registry of this machine holds it or held it; a GUID that only files carry may be another machine's.
    #[serde(default)]
    pub in_registry: bool,
    /// Containers under it.
    pub containers: u64,
    /// Earliest creation time among them.
    pub first_created: Option<String>,
    /// Latest creation time among them.
    pub last_created: Option<String>,
    /// Where it was seen.
    pub sources: Vec<String>,
}
