//! Looks places up: in every layer of a drive, beside a hive, in the past of an installation.

use iiskeys_evidence::path::percent_decoded;
use iiskeys_evidence::{Dir, Evidence, EvidenceError, EvidencePath, File, Node, SkipReason, Volume};

/// A path in the evidence that could not be looked at, and why.
pub(super) type Unread = (String, String);

/// What was found; what could not be looked at is noted.
pub(super) fn settled<T>(found: Result<Option<T>, EvidenceError>, unread: &mut Vec<Unread>) -> Option<T> {
    match found {
        Ok(found) => found,
        // A wanted place behind a link that cannot be followed is not looked at.
        Err(EvidenceError::Refused { path, reason: SkipReason::Elsewhere(what) }) => {
            unread.push((path.to_string(), format!("not looked at: {what}")));
            None
        }
        // The evidence itself keeps a list of what else it refused.
        Err(EvidenceError::Refused { .. }) => None,
        Err(error) => {
            unread.push((error.path().to_string(), error.to_string()));
            None
        }
    }
}

/// The folders at a Windows path, in every layer of a drive.
pub(super) fn dirs(volume: &Volume, path: &str, unread: &mut Vec<Unread>) -> Vec<Dir> {
    let found = settled(volume.resolve_all(path).map(Some), unread).unwrap_or_default();
    found.into_iter().filter_map(Node::into_dir).collect()
}

/// Whether a folder, or one above it, is called like the past of an installation.
pub(super) fn is_in_history(evidence: &Evidence, path: &EvidencePath) -> bool {
    // What the user names himself is what he wants looked at.
    let given = evidence.tops().iter().map(Dir::path).filter(|top| path.is_within(top));
    let above = given.map(|top| top.as_str().len()).max().unwrap_or(0);
    path.as_str().get(above..).is_some_and(|below| below.split('/').any(is_history))
}

/// Whether a name belongs to the history of an installation rather than to an installed system.
fn is_history(name: &str) -> bool {
    let name = percent_decoded(name).unwrap_or_else(|| name.to_owned()).to_ascii_lowercase();
    [
        "windows.old",
        "$windows.~bt",
        "$windows.~ws",
        "regback",
        "repair",
        "winsxs",
        "recovery",
        "winre",
        "systemrestore",
        "system volume information",
    ]
    .contains(&name.as_str())
        || name.starts_with("windows.old.")
        || name.starts_with("_restore{")
        || name.contains("harddiskvolumeshadowcopy")
}

/// Logs beside a hive of a drive.
pub(super) fn logs_beside(volume: &Volume, folder: &str, hive: &File, unread: &mut Vec<Unread>) -> Vec<File> {
    let mut logs: Vec<File> = Vec::new();
    for end in ["LOG", "LOG1", "LOG2"] {
        let found = volume.resolve(&format!("{folder}\\{}.{end}", hive.name));
        logs.extend(settled(found, unread).and_then(Node::into_file));
    }
    logs
}

/// Logs beside a loose hive: `software.hiv` may have `software.hiv.LOG1` or `software.LOG1`.
pub(super) fn logs_among(files: &[File], hive: &File) -> Vec<File> {
    let name = hive.name.to_ascii_lowercase();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    files
        .iter()
        .filter(|file| {
            let log = file.name.to_ascii_lowercase();
            ["log", "log1", "log2"]
                .iter()
                .any(|end| log == format!("{name}.{end}") || log == format!("{stem}.{end}"))
        })
        .cloned()
        .collect()
}
