//! Where `C:\` is: drive roots in folders, collections and copies of them.
//!
//! Layouts are found by structure. Sources of the shapes: KAPE's output (`<drive letter>/...`), Velociraptor's offline
//! collector (`uploads/<accessor>/<percent-encoded drive>/...`), Fox-IT acquire (`fs/<drive>:/...`).

mod drive;
mod find;
mod select;
#[cfg(test)]
mod tests;

use crate::error::EvidenceError;
use crate::handle::{Dir, Node};
use crate::junction;
use crate::path::{EvidencePath, WindowsPath};
use crate::tree::Completeness;

pub(crate) use find::{Found, STANDARD_NAMES, find};
pub use find::{MAX_ROOT_DEPTH, MAX_ROOT_DIRS};
pub use select::SelectError;
pub(crate) use select::select;

/// One drive of the examined machine.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its letter, in upper case, where the layout tells.
    pub letter: Option<char>,
    /// The directories that show it. A collector that used several ways to read leaves several, partly overlapping.
    pub layers: Vec<Dir>,
    /// Name of the Windows folder as it stands in the evidence (`Windows`, `WINNT`), if the drive has one.
    pub windows: Option<String>,
    /// How much the absence of a file means.
    pub completeness: Completeness,
}

impl Volume {
    /// The path of its first layer, as given in the evidence.
    pub fn label(&self) -> EvidencePath {
        self.layers.first().map_or_else(EvidencePath::root, |dir| dir.path().clone())
    }

    /// What stands at a Windows path on this drive, in the first layer that has it.
    ///
    /// A drive letter in `path` is ignored. A path through a junction of Windows Vista and later leads to its target
    /// where that is in evidence.
    ///
    /// # Errors
    /// When no layer has it and one of them could not be read.
    pub fn resolve(&self, path: &str) -> Result<Option<Node>, EvidenceError> {
        let names = WindowsPath::parse(path).names;
        if let Some(target) = junction::target(&names)
            && let Some(node) = self.first(&target)?
        {
            return Ok(Some(node));
        }
        self.first(&names)
    }

    /// What stands at a Windows path, in every layer that has it.
    ///
    /// # Errors
    /// When no layer has it and one of them could not be read.
    pub fn resolve_all(&self, path: &str) -> Result<Vec<Node>, EvidenceError> {
        let names = WindowsPath::parse(path).names;
        if let Some(target) = junction::target(&names) {
            let nodes = self.every(&target)?;
            if !nodes.is_empty() {
                return Ok(nodes);
            }
        }
        self.every(&names)
    }

    /// What stands at a path below the Windows folder, whatever that is called.
    ///
    /// # Errors
    /// Like [`Self::resolve`].
    pub fn resolve_in_windows(&self, path: &str) -> Result<Option<Node>, EvidenceError> {
        match &self.windows {
            Some(windows) => self.resolve(&format!("{windows}\\{path}")),
            None => Ok(None),
        }
    }

    /// Whether a Windows path is a copy of a junction whose target is in evidence too, so that what lies in it would
    /// count twice.
    pub fn is_junction_duplicate(&self, path: &str) -> bool {
        junction::target(&WindowsPath::parse(path).names)
            .is_some_and(|target| self.first(&target).is_ok_and(|node| node.is_some()))
    }

    fn first(&self, names: &[String]) -> Result<Option<Node>, EvidenceError> {
        let mut failed = None;
        for layer in &self.layers {
            match layer.resolve_names(names) {
                Ok(Some(node)) => return Ok(Some(node)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn every(&self, names: &[String]) -> Result<Vec<Node>, EvidenceError> {
        let mut found = Vec::new();
        let mut failed = None;
        for layer in &self.layers {
            match layer.resolve_names(names) {
                Ok(node) => found.extend(node),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }
}

/// One installed Windows and the drives that belong to it.
#[derive(Debug, Clone)]
pub struct System {
    /// Its drives; the one with the Windows folder comes first.
    pub volumes: Vec<Volume>,
}

impl System {
    /// The drive with the Windows folder, or the first one when none has it.
    pub fn system_volume(&self) -> Option<&Volume> {
        self.volumes.first()
    }

    /// Evidence path of the Windows folder, or of the drive when it has none.
    pub fn path(&self) -> EvidencePath {
        let Some(volume) = self.system_volume() else { return EvidencePath::root() };
        match &volume.windows {
            Some(windows) => volume.label().join(windows),
            None => volume.label(),
        }
    }

    /// What stands at a Windows path, on the drive that it names.
    ///
    /// A path without a letter is one of the system drive. A drive whose letter is not known may be any.
    ///
    /// # Errors
    /// When no drive has it and one of them could not be read.
    pub fn resolve(&self, path: &str) -> Result<Option<Node>, EvidenceError> {
        let drive = WindowsPath::parse(path).drive;
        let mut failed = None;
        for volume in self.candidates(drive) {
            match volume.resolve(path) {
                Ok(Some(node)) => return Ok(Some(node)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// What stands at a Windows path, in every layer of every drive that it may mean.
    ///
    /// # Errors
    /// When no drive has it and one of them could not be read.
    pub fn resolve_all(&self, path: &str) -> Result<Vec<Node>, EvidenceError> {
        let drive = WindowsPath::parse(path).drive;
        let mut found = Vec::new();
        let mut failed = None;
        for volume in self.candidates(drive) {
            match volume.resolve_all(path) {
                Ok(nodes) => found.extend(nodes),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    fn candidates(&self, drive: Option<char>) -> impl Iterator<Item = &Volume> {
        let home = self.system_volume().and_then(|volume| volume.letter);
        let wanted = drive.or(home);
        self.volumes
            .iter()
            .filter(move |volume| volume.letter.is_none() || wanted.is_none() || volume.letter == wanted)
    }
}

/// Why a directory is the past of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryKind {
    /// `Windows.old`: what an upgrade replaced.
    WindowsOld,
    /// `$WINDOWS.~BT`, `$Windows.~WS`: what an upgrade prepared.
    UpgradeStaging,
    /// A volume shadow copy.
    ShadowCopy,
    /// A recovery environment.
    Recovery,
}

/// A full drive root that is not the running installation.
#[derive(Debug, Clone)]
pub struct History {
    /// What it is.
    pub kind: HistoryKind,
    /// Its files.
    pub volume: Volume,
}
