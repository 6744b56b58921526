//! Lines of a manifest for Azure's disk inspection (`copy`, `ll`, `echo`).
//!
//! Without `noscan` its scanner for credentials would cut lines out of the files.

use std::fmt::Write;

use super::definition::{Reach, Request};

/// The manifest. A line without a comma is none of its operations, so notes have none.
pub(super) fn print(request: &Request) -> String {
    let mut text = String::from("echo,### IIS machine keys (iiskeys) ###\n");
    for note in request.notes(Reach { names: true, ..Reach::FILES }) {
        let _ = writeln!(text, "# {}", note.replace(',', ";"));
    }
    for line in request.copied() {
        let _ = writeln!(text, "copy,/{},noscan", line.pattern().replace('\\', "/"));
    }
    // Names, sizes and days, also of what cannot be copied.
    let mut folders: Vec<String> = request
        .listed()
        .iter()
        .filter(|line| line.mask == "*" && request.has(line.item))
        .map(|line| line.folder.replace('\\', "/"))
        .collect();
    folders.dedup();
    for folder in folders {
        let _ = writeln!(text, "ll,/{folder}");
    }
    text
}
