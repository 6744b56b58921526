//! Opens what a customer sent, read-only.
//!
//! This crate answers "which bytes are there": folders, collection layouts, directory listings, and where `C:\` is in
//! them. It knows times, sizes and hashes of files and nothing about registries, keys or IIS.

pub mod time;

pub use time::{Precision, Timestamp};
