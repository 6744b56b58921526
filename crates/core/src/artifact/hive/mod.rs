//! Registry hives, read with `nt-hive` behind a guard.
//!
//! `nt-hive` finds keys and values without copying. Around it stand the checks of the base block, the containment of its
//! panics on hostile hives, the facts that it does not expose (last writes, large values of version 1.3) and the replay
//! of transaction logs. Format facts: "Windows registry file format specification" by msuhanov.

mod base_block;
mod error;
pub(in crate::artifact) mod guard;
mod log;
mod marvin;
mod reader;
mod replay;
#[cfg(test)]
mod tests;
mod value;

pub use base_block::{BaseBlock, Defect, is_hive};
pub use error::HiveError;
pub use log::LogFile;
pub use reader::{Hive, HiveFile, Key, Value, Walk};
pub use replay::{Applied, Refused, Replay, replay};
pub use value::{dword, multi_text, qword, text, whole_text};
