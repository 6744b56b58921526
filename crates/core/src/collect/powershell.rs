//! A script for Windows PowerShell 2 and later: the list as data, and a body that reads it.

use std::fmt::Write;

use super::definition::{Reach, Request};
use super::item::{Base, Place, Secret};

const BODY: &str = include_str!("collect.ps1");

/// The script, in ASCII with the line ends of Windows.
pub(super) fn print(request: &Request) -> String {
    let mut table = String::new();
    for item in request.items() {
        for place in item.places() {
            let _ = writeln!(table, "    '{}'", row(item.name, place, secret(place)));
        }
    }
    for (item, place) in request.listed_only() {
        let _ = writeln!(table, "    '{}'", row(item, place, "list"));
    }
    let mut notes = String::new();
    for note in request.notes(Reach::ALL) {
        let _ = writeln!(notes, "    {}", note.replace("#>", ""));
    }
    if request.has("live-key-test") {
        notes.push_str("    Keys are tested only with -TestKeys.\n");
    }
    let wants = |name: &str| if request.has(name) { "$true" } else { "$false" };
    let text = BODY
        .replace("@TABLE@\n", &table)
        .replace("@NOTES@\n", &notes)
        .replace("@NAMES_ONLY@", if request.names_only { "$true" } else { "$false" })
        .replace("@ADSUTIL@", wants("site-certificates"))
        .replace("@CERTUTIL@", wants("live-key-test"));
    text.replace('\n', "\r\n")
}

/// One row: item, base, folder, mask, what is secret. None of them holds a quote or a bar.
fn row(item: &str, place: &Place, secret: &str) -> String {
    let base = match place.base {
        Base::Windows => "Windows".to_owned(),
        Base::Drive => "Drive".to_owned(),
        Base::Shared => "Shared".to_owned(),
        Base::Service(account) => account.to_owned(),
    };
    format!("{item}|{base}|{}|{}|{secret}", place.folder, place.mask)
}

fn secret(place: &Place) -> &'static str {
    match place.secret {
        Secret::None => "-",
        Secret::Key => "key",
        Secret::Opener => "opener",
    }
}
