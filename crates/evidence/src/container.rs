//! What a tree comes out of: a disk image or an archive.

use iiskeys_disk::Part;

use crate::path::EvidencePath;
use crate::tree::VolumeIdentity;

/// What kind of container it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerKind {
    /// A disk image.
    Image,
    /// An archive.
    Archive,
}

/// A disk image or an archive in the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Path as given in the evidence; one inside another shows the way.
    pub path: EvidencePath,
    /// What kind it is.
    pub kind: ContainerKind,
    /// Its format, as people call it.
    pub format: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// The other files that its content comes from: segments, extents, parents.
    pub parts: Vec<Part>,
    /// Length of the disk in bytes.
    pub media_size: Option<u64>,
    /// How the disk is divided: `GPT`, `MBR`, `no partition table`.
    pub scheme: Option<&'static str>,
    /// MD5 of the media, as the image itself stores it.
    pub stored_md5: Option<[u8; 16]>,
    /// SHA-1 of the media, as the image itself stores it.
    pub stored_sha1: Option<[u8; 20]>,
    /// What its frame says about its state: a table was read from its copy, a log was replayed, it is cut.
    pub notes: Vec<String>,
    /// What of it could not be read, or was left out, one sentence each.
    pub damage: Vec<String>,
    /// The volumes of the disk, each named.
    pub volumes: Vec<VolumeRow>,
}

/// A volume of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeRow {
    /// Number in the partition table; zero for a disk without one.
    pub number: u32,
    /// Path under which its files are shown.
    pub path: EvidencePath,
    /// What it holds, as people call it.
    pub content: String,
    /// Its label or the name of its partition.
    pub label: String,
    /// Offset on the disk in bytes.
    pub start: u64,
    /// Length in bytes.
    pub size: u64,
    /// How Windows knows it.
    pub identity: Option<VolumeIdentity>,
    /// Why it was not opened; `None` when it was.
    pub skipped: Option<String>,
}

/// Digests of the content of a disk image, computed from what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// MD5.
    pub md5: [u8; 16],
    /// SHA-1.
    pub sha1: [u8; 20],
}

impl Digests {
    /// One sentence when the image states another digest of its content.
    pub fn contradiction(&self, container: &Container) -> Option<String> {
        let differs = container.stored_md5.is_some_and(|stored| stored != self.md5)
            || container.stored_sha1.is_some_and(|stored| stored != self.sha1);
        differs.then(|| "the content of the image does not have the digest that the image states".to_owned())
    }
}
