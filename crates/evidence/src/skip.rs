//! What was in the evidence and was deliberately left alone.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::path::EvidencePath;

/// Rows kept by [`SkipLog`]; what comes on top is counted.
pub const MAX_SKIPPED: usize = 1_000;

/// Why something was left alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SkipReason {
    /// A symbolic link whose target is not part of the evidence.
    LinkLeadsOut,
    /// A symbolic link that leads nowhere or in a circle.
    LinkBroken,
    /// A pipe, socket or device: opening it could block or act.
    Special,
    /// The system refused to list or read it.
    Unreadable(io::ErrorKind),
    /// Folders are nested deeper than this many levels.
    TooDeep(usize),
    /// More entries than this budget were met, the rest was not looked at.
    TooManyEntries(u64),
    /// It stands inside another evidence path that was given.
    AlreadyGiven,
    /// A part of a disk image that stands elsewhere and was read with it; the path of the image.
    PartOf(EvidencePath),
    /// A disk image, volume or archive that should be looked into and could not be opened; one sentence.
    NotOpened(String),
    /// A volume of a kind that holds nothing that is looked for; what it is.
    OtherVolume(String),
    /// A link or placeholder of a volume whose data is elsewhere; what it is.
    Elsewhere(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkLeadsOut => f.write_str("a symbolic link that leads out of the evidence"),
            Self::LinkBroken => f.write_str("a symbolic link that leads nowhere"),
            Self::Special => f.write_str("neither a file nor a folder"),
            Self::Unreadable(kind) => write!(f, "{kind}"),
            Self::TooDeep(levels) => write!(f, "nested deeper than {levels} folders"),
            Self::TooManyEntries(budget) => write!(f, "more than {budget} entries"),
            Self::NotOpened(why) | Self::OtherVolume(why) | Self::Elsewhere(why) => f.write_str(why),
            Self::PartOf(image) => write!(f, "part of {image}, read with it"),
            Self::AlreadyGiven => f.write_str("part of another evidence path that was given"),
        }
    }
}

/// One thing that was left alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Path as given in the evidence.
    pub path: EvidencePath,
    /// Why.
    pub reason: SkipReason,
}

/// Collects what was left alone: each thing once, in the order of its path, bounded.
#[derive(Debug, Default)]
pub struct SkipLog {
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    kept: BTreeSet<Skipped>,
    overflow: u64,
}

impl SkipLog {
    /// Notes one thing.
    pub fn note(&self, path: EvidencePath, reason: SkipReason) {
        let mut rows = self.lock();
        rows.kept.insert(Skipped { path, reason });
        // The smallest paths stay, so that the answer does not depend on directory order.
        if rows.kept.len() > MAX_SKIPPED {
            rows.kept.pop_last();
            rows.overflow += 1;
        }
    }

    /// What was noted, by path.
    pub fn rows(&self) -> Vec<Skipped> {
        self.lock().kept.iter().cloned().collect()
    }

    /// How many more there were than [`MAX_SKIPPED`].
    pub fn overflow(&self) -> u64 {
        self.lock().overflow
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
