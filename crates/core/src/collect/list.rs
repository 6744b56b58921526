//! Paths, one a line, with what each tells: for those who copy by hand.

use std::fmt::Write;

use super::definition::{Reach, Request};
use super::item::{Base, Place, Secret, Source};
use crate::machine::Generation;

/// Which commands are for which Windows.
const WINDOWS: [(Generation, &str); 3] = [
    (Generation::Nt6, ""),
    (Generation::Nt51, " (Windows XP and Server 2003)"),
    (Generation::Nt50, " (Windows 2000)"),
];

/// The list.
pub(super) fn print(request: &Request) -> String {
    let mut text = String::from(
        "# What iiskeys needs of one Windows server. Paths of a drive with Windows, one a line; * stands for anything.\n\
         # Commands are for cmd, run as administrator in an empty folder on another drive; they change nothing on the server.\n\
         # Those without a Windows are for Vista, Server 2008 and later.\n",
    );
    for note in request.notes(Reach::ALL) {
        let _ = writeln!(text, "# {note}");
    }
    for item in request.items() {
        let _ = writeln!(text, "\n# {}: {}", item.name, item.tells);
        match item.source {
            Source::Elsewhere => {
                let _ = writeln!(text, "# {}", item.what);
            }
            Source::Items(names) => {
                let _ = writeln!(text, "# see {}", names.join(", "));
            }
            _ => {}
        }
        for place in item.places() {
            for path in paths(place) {
                let _ = match (request.names_only, place.secret) {
                    (true, Secret::Key) => {
                        writeln!(text, "# names, sizes, times and access rights only: {path}")
                    }
                    (true, Secret::Opener) => writeln!(text, "# left out: {path}"),
                    _ => writeln!(text, "{path}"),
                };
            }
        }
        if matches!(item.source, Source::Items(_)) || request.names_only && item.is_sensitive() {
            continue;
        }
        let mut before: Vec<&str> = Vec::new();
        for (windows, name) in WINDOWS {
            let commands = item.commands(Some(windows));
            if commands == before {
                continue;
            }
            for command in &commands {
                let _ = writeln!(text, "# on the server{name}: {command}");
            }
            before = commands;
        }
    }
    text
}

/// The paths of a place with variables, and where older Windows has it.
fn paths(place: &Place) -> Vec<String> {
    let folders = match place.base {
        // The variable stands for all of them.
        Base::Windows | Base::Drive => vec![place.base.shown()],
        _ => {
            let old = place.base.folders().into_iter().skip(1);
            let old = old.filter(|folder| folder.starts_with("Documents"));
            std::iter::once(place.base.shown())
                .chain(old.map(|folder| format!("%SystemDrive%\\{folder}")))
                .collect()
        }
    };
    let below = if place.folder.is_empty() { String::new() } else { format!("\\{}", place.folder) };
    folders.into_iter().map(|folder| format!("{folder}{below}\\{}", place.mask)).collect()
}
