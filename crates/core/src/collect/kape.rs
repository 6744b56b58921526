//! A KAPE target: YAML with a path and a file mask for each thing (form documented in KAPE's guide to targets).

use std::fmt::Write;

use super::definition::{Reach, Request};

/// Identifiers never change, so that a newer target replaces an older one.
const ID: &str = "4f0c3a35-6f5e-4b0a-9b59-7d7c1f0e3a61";
const ID_NAMES_ONLY: &str = "9d2b8f14-51f7-4c3e-8a86-0b6e5d2c7f92";

/// The target.
pub(super) fn print(request: &Request) -> String {
    let (id, about) = if request.names_only {
        (
            ID_NAMES_ONLY,
            "IIS machine keys without key files and without their names (run the dir and icacls commands below as well), for iiskeys",
        )
    } else {
        (ID, "IIS machine keys, for iiskeys")
    };
    let mut text = format!(
        "Description: {about}\nAuthor: iiskeys\nVersion: 1.0\nId: {id}\nRecreateDirectories: true\nTargets:\n"
    );
    for line in request.copied() {
        let folder = if line.folder.is_empty() { String::new() } else { format!("{}\\", line.folder) };
        let _ = write!(
            text,
            "    -\n        Name: '{}: {}'\n        Category: IIS\n        Path: 'C:\\{folder}'\n        FileMask: '{}'\n        \
             Recursive: false\n        Comment: '{}'\n",
            line.item,
            line.pattern(),
            line.mask,
            tells(line.item).replace('\'', "''"),
        );
    }
    text.push_str("\n# Documentation\n# Needs --tsource of the drive with Windows; KAPE reads it raw, so that files in use come along.\n");
    for note in request.notes(Reach::FILES) {
        let _ = writeln!(text, "# {note}");
    }
    text
}

fn tells(item: &str) -> &'static str {
    super::by_name(item).map_or("", |item| item.tells)
}
