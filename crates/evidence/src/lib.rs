//! Opens what a customer sent, read-only.
//!
//! This crate answers "which bytes are there": folders, collection layouts, directory listings, and where `C:\` is in
//! them. It knows times, sizes and hashes of files and nothing about registries, keys or IIS.
//!
//! Start with [`Evidence::open`]: it finds the drive roots ([`Evidence::volumes`]), groups them to installed systems
//! ([`Evidence::systems`]) and offers what lies beside them ([`Evidence::loose`]). [`listing`] reads directory listings.
//!
//! ```
//! use iiskeys_evidence::{Evidence, Node, OpenOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let image = "../../fixtures/server2008r2-guid-changed-image/evidence/WEB2008R2.E01";
//! let evidence = Evidence::open(&[image.into()], &OpenOptions::default())?;
//! let system = evidence.select(None)?.expect("one installed system");
//! let Some(Node::File(hive)) = system.resolve(r"C:\Windows\System32\config\SOFTWARE")? else {
//!     panic!("a hive");
//! };
//! println!("{}: {} bytes", hive.path(), hive.size);
//! # Ok(())
//! # }
//! ```

pub mod acl;
pub mod archive;
pub mod container;
pub mod error;
pub mod evidence;
pub mod folder;
pub mod handle;
pub mod junction;
pub mod layout;
pub mod listing;
pub mod loose;
pub mod memory;
mod mount;
pub mod path;
pub mod skip;
pub mod time;
pub mod tree;

pub use archive::{ArchiveLimits, Password};
pub use container::{Container, ContainerKind, Digests, VolumeRow};
pub use error::{EvidenceError, OpenError};
pub use evidence::{Evidence, OpenOptions};
pub use folder::FolderTree;
pub use handle::{Dir, Entries, File, HashedReader, Node, Sha256Digest};
pub use iiskeys_disk::ReadAt;
pub use layout::{History, HistoryKind, SelectError, System, Volume};
pub use loose::LooseDir;
pub use memory::MemoryTree;
pub use path::{EvidencePath, WindowsPath, same_name};
pub use skip::{SkipReason, Skipped};
pub use time::{Precision, Timestamp};
pub use tree::{Completeness, DeletedEntry, FileRecord, Remains, Tree, TreeKind, VolumeIdentity};
