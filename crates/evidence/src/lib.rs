//! Opens what a customer sent, read-only.
//!
//! This crate answers "which bytes are there": folders, collection layouts, directory listings, and where `C:\` is in
//! them. It knows times, sizes and hashes of files and nothing about registries, keys or IIS.

mod handle;
mod layout;
pub mod listing;
mod open;
pub mod time;
mod tree;

pub use handle::{Dir, File, Node, ReadError, percent_decoded, same_name};
pub use layout::{KEPT, LooseFolder, System, Volume, is_history};
pub use open::{Evidence, OpenError};
pub use time::{Precision, Timestamp};
pub use tree::{Completeness, Entry, FolderTree, Kind, MemoryFile, MemoryTree, Skipped, Tree};
