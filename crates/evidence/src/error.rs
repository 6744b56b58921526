//! What can go wrong while evidence is opened and read.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::path::EvidencePath;
use crate::skip::SkipReason;

/// A piece of evidence that could not be read.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// The operating system or the container refused.
    #[error("{path}: cannot {action}: {source}; make it readable or collect it again")]
    Unreadable {
        /// Path as given in the evidence.
        path: EvidencePath,
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It stands in the evidence, and following or opening it would not be safe.
    #[error("{path}: not followed: {reason}; collect what it leads to instead")]
    Refused {
        /// Path as given in the evidence.
        path: EvidencePath,
        /// Why it was left alone.
        reason: SkipReason,
    },
    /// A directory was expected and a file was found.
    #[error("{path}: a folder was expected, a file was found")]
    NotADirectory {
        /// Path as given in the evidence.
        path: EvidencePath,
    },
    /// A file was expected and a directory was found.
    #[error("{path}: a file was expected, a folder was found")]
    NotAFile {
        /// Path as given in the evidence.
        path: EvidencePath,
    },
    /// The file is larger than its reader allows.
    #[error("{path}: {size} bytes, at most {cap} are read; check that it is the file that it seems to be")]
    TooLarge {
        /// Path as given in the evidence.
        path: EvidencePath,
        /// Size in bytes.
        size: u64,
        /// The limit in bytes.
        cap: u64,
    },
}

impl EvidenceError {
    /// The path that the error is about, as given in the evidence.
    pub fn path(&self) -> &EvidencePath {
        match self {
            Self::Unreadable { path, .. }
            | Self::Refused { path, .. }
            | Self::NotADirectory { path }
            | Self::NotAFile { path }
            | Self::TooLarge { path, .. } => path,
        }
    }

    /// What went wrong, without the path.
    pub fn cause(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => source.to_string(),
            Self::Refused { reason, .. } => reason.to_string(),
            other => other.to_string(),
        }
    }

    /// The same as a reason for [`crate::Evidence::skipped`].
    pub fn reason(&self) -> SkipReason {
        match self {
            Self::Unreadable { source, .. } => SkipReason::Unreadable(source.kind()),
            Self::Refused { reason, .. } => reason.clone(),
            Self::NotADirectory { .. } => SkipReason::Unreadable(io::ErrorKind::NotADirectory),
            Self::NotAFile { .. } => SkipReason::Unreadable(io::ErrorKind::IsADirectory),
            Self::TooLarge { .. } => SkipReason::Unreadable(io::ErrorKind::FileTooLarge),
        }
    }
}

/// Evidence that could not be opened at all.
///
/// These errors are for the terminal: they show the path as the user typed it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No path was given.
    #[error("no evidence was given: name a folder, a registry hive, a .reg export or a MachineKeys folder")]
    NoPath,
    /// Nothing stands at the path.
    #[error("{}: there is nothing at this path; check the spelling", path.display())]
    Missing {
        /// Path as the user gave it.
        path: PathBuf,
    },
    /// Something stands at the path and cannot be read.
    #[error("{}: cannot be read: {source}; check the permissions of the path", path.display())]
    Unreadable {
        /// Path as the user gave it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither a file nor a folder.
    #[error("{}: a file or a folder was expected, a {found} was found", path.display())]
    Special {
        /// Path as the user gave it.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
}
