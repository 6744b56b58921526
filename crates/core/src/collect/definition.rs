//! What a collector is told to gather.

use super::item::{Item, Place, Source};
use super::{ITEMS, by_name};

/// The hives that are not whole without their logs.
const HIVES: [&str; 3] = ["software-hive", "system-hive", "security-hive"];

/// What to gather.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whether key files stay on the server, and what opens them.
    pub names_only: bool,
    items: Vec<&'static Item>,
}

/// Files to gather: one pattern, on the drive with Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Name of the item.
    pub item: &'static str,
    /// Folder below the root of the drive.
    pub folder: String,
    /// Names of files.
    pub mask: &'static str,
    /// The place that it is of.
    pub place: &'static Place,
}

impl Line {
    /// The pattern below the root of the drive.
    pub fn pattern(&self) -> String {
        if self.folder.is_empty() { self.mask.to_owned() } else { format!("{}\\{}", self.folder, self.mask) }
    }
}

impl Request {
    /// Everything.
    pub fn all(names_only: bool) -> Self {
        Self { names_only, items: ITEMS.iter().collect() }
    }

    /// Only the items of these names. What consists of others brings them along, and a hive its logs.
    ///
    /// # Errors
    /// The first name that is none of an item.
    pub fn of<'n>(names: &[&'n str], names_only: bool) -> Result<Self, &'n str> {
        let mut wanted: Vec<&str> = Vec::new();
        for name in names {
            let item = by_name(name).ok_or(*name)?;
            wanted.extend(std::iter::once(item).chain(item.parts()).map(|part| part.name));
        }
        if wanted.iter().any(|name| HIVES.contains(name)) {
            wanted.push("transaction-logs");
        }
        // What is listed is listed once.
        let items = ITEMS.iter().filter(|item| wanted.contains(&item.name)).collect();
        Ok(Self { names_only, items })
    }

    /// The same with everything that is secret.
    pub(super) fn with_secrets(&self) -> Self {
        Self { names_only: false, items: self.items.clone() }
    }

    /// The items, in the order of the list.
    pub fn items(&self) -> &[&'static Item] {
        &self.items
    }

    /// Whether an item is asked for.
    pub(super) fn has(&self, name: &str) -> bool {
        self.items.iter().any(|item| item.name == name)
    }

    /// Every pattern, secret or not.
    fn lines(&self) -> impl Iterator<Item = Line> {
        let places = self.items.iter().flat_map(|item| item.places().iter().map(|place| (item.name, place)));
        places.flat_map(|(item, place)| {
            place.folders().into_iter().map(move |folder| Line { item, folder, mask: place.mask, place })
        })
    }

    /// The patterns of files to copy.
    pub(super) fn copied(&self) -> Vec<Line> {
        self.lines().filter(|line| !(self.names_only && line.place.is_secret())).collect()
    }

    /// The patterns of key files that are listed, and with `--names-only` not copied.
    pub(super) fn listed(&self) -> Vec<Line> {
        self.lines().filter(|line| line.place.secret == super::Secret::Key).collect()
    }

    /// The items that only a command on the server gives.
    pub(super) fn outputs(&self) -> Vec<&'static Item> {
        self.items.iter().copied().filter(|item| matches!(item.source, Source::Output)).collect()
    }

    /// The items that no collector can fetch.
    pub(super) fn elsewhere(&self) -> Vec<&'static Item> {
        self.items.iter().copied().filter(|item| matches!(item.source, Source::Elsewhere)).collect()
    }

    /// What stays unprovable because secrets stay on the server; empty where they are sent.
    pub fn unprovable(&self) -> Vec<&'static str> {
        let mut all: Vec<&str> = Vec::new();
        for what in self.items.iter().filter(|_| self.names_only).filter_map(|item| item.unprovable) {
            if !all.contains(&what) {
                all.push(what);
            }
        }
        all
    }

    /// What people who run a collector should know, one sentence each. `files_only` collectors run no commands.
    pub(super) fn notes(&self, files_only: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if self.names_only {
            notes.push(
                "Key files, the SECURITY hive, the Protect folder and exported keys stay on the server."
                    .to_owned(),
            );
            notes.extend(
                self.unprovable().iter().map(|what| format!("So it stays unproven {}.", question(what))),
            );
        } else if self.items.iter().any(|item| item.is_sensitive()) {
            notes.push(
                "The result holds private keys and what opens them: send it encrypted, and delete it afterwards."
                    .to_owned(),
            );
        }
        for item in self.outputs().into_iter().filter(|_| files_only) {
            let commands = item.commands(None);
            notes.push(format!(
                "Not a file: {} ({}). On the server: {}",
                item.name,
                item.tells,
                commands.join(" & ")
            ));
        }
        for item in self.elsewhere() {
            notes.push(format!("No collector fetches {} ({}): {}.", item.name, item.tells, item.what));
        }
        notes
    }
}

/// As a part of a sentence.
fn question(what: &str) -> String {
    if what.starts_with("whether") || what.starts_with("what") || what.starts_with("which") {
        what.to_owned()
    } else {
        format!("what {what}")
    }
}
