//! Which of several installed systems is meant.

use thiserror::Error;

use super::System;
use crate::path::{EvidencePath, WindowsPath};

/// It is not clear which installed system is meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectError {
    /// More than one fits.
    #[error("the evidence holds {} installed systems, choose one with --windows: {}", choices.len(), list(choices))]
    Several {
        /// Evidence paths of the Windows folders that fit.
        choices: Vec<EvidencePath>,
    },
    /// None fits.
    #[error("no installed system stands at {wanted}; those in evidence: {}", list(choices))]
    NoSuch {
        /// What was asked for.
        wanted: String,
        /// Evidence paths of all Windows folders.
        choices: Vec<EvidencePath>,
    },
}

fn list(choices: &[EvidencePath]) -> String {
    if choices.is_empty() {
        return "none".to_owned();
    }
    choices.iter().map(EvidencePath::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) fn select<'a>(
    systems: &'a [System],
    windows: Option<&str>,
) -> Result<Option<&'a System>, SelectError> {
    let fitting: Vec<&System> = match windows {
        None => systems.iter().collect(),
        Some(wanted) => systems.iter().filter(|system| is_at(system, wanted)).collect(),
    };
    match (fitting.as_slice(), windows) {
        ([], None) => Ok(None),
        ([], Some(wanted)) => Err(SelectError::NoSuch {
            wanted: wanted.to_owned(),
            choices: systems.iter().map(System::path).collect(),
        }),
        ([only], _) => Ok(Some(only)),
        (several, _) => {
            Err(SelectError::Several { choices: several.iter().map(|system| system.path()).collect() })
        }
    }
}

fn is_at(system: &System, wanted: &str) -> bool {
    let asked = WindowsPath::parse(wanted);
    let Some(volume) = system.system_volume() else { return false };
    // An evidence path may itself begin with a letter and a colon, as `C:/Windows` of a mapped drive does.
    let at = |path: &EvidencePath| {
        let own = WindowsPath::parse(path.as_str());
        own.drive == asked.drive && own.same_names(&asked)
    };
    let windows_path =
        || WindowsPath { drive: volume.letter, names: volume.windows.iter().cloned().collect() };
    at(&system.path())
        || at(&volume.label())
        || (asked.drive.is_some()
            && volume.letter == asked.drive
            && (asked.names.is_empty() || windows_path().same_names(&asked)))
}
