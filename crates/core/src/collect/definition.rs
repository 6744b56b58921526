//! What a collector is told to gather.

use super::item::{Item, Place, Secret, Source};
use super::shorthand::{CONTENTS, CONTENTS_BUT_NAME};
use super::{ITEMS, by_name};

/// The items that a list of the key folders answers.
const RIGHTS: &str = "access-rights";
const TIMES: &str = "creation-times";

/// The hives that are not whole without their logs.
const HIVES: [&str; 3] = ["software-hive", "system-hive", "security-hive"];

/// What to gather.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whether key files stay on the server, and what opens them.
    pub names_only: bool,
    items: Vec<&'static Item>,
    /// Whether the items were named one by one.
    chosen: bool,
}

/// What a form gathers beside the content of files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Names and sizes of key files.
    pub names: bool,
    /// Their times, creation too.
    pub times: bool,
    /// The names of containers in them.
    pub inside: bool,
    /// Their access rights.
    pub rights: bool,
    /// Whether it runs commands on the server, or people do.
    pub commands: bool,
}

impl Reach {
    /// Files alone.
    pub const FILES: Self =
        Self { names: false, times: false, inside: false, rights: false, commands: false };
    /// Everything there is on a server.
    pub const ALL: Self = Self { names: true, times: true, inside: true, rights: true, commands: true };

    /// Whether it gives what an item without files asks for.
    fn gives(self, item: &Item) -> bool {
        match item.name {
            RIGHTS => self.rights,
            TIMES => self.times,
            _ => self.commands,
        }
    }
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
        Self { names_only, items: ITEMS.iter().collect(), chosen: false }
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
        Ok(Self { names_only, items, chosen: true })
    }

    /// The same with everything that is secret.
    pub(super) fn with_secrets(&self) -> Self {
        Self { names_only: false, ..self.clone() }
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
        places.flat_map(|(item, place)| lines_of(item, place))
    }

    /// Whether a form gathers anything of what is asked for.
    pub(super) fn has_work(&self, reach: Reach) -> bool {
        let lists = reach.names && self.lines().any(|line| line.place.secret == Secret::Key);
        lists || !self.copied().is_empty() || self.outputs().into_iter().any(|item| reach.gives(item))
    }

    /// What a form does not gather of what was named one by one, and how to come by it.
    pub(super) fn beyond(&self, reach: Reach) -> Vec<String> {
        let outputs = self.outputs().into_iter().filter(|item| !reach.gives(item));
        let left = if self.chosen { outputs.chain(self.elsewhere()).collect() } else { Vec::new() };
        left.into_iter().map(|item| format!("{} is not gathered: {}", item.name, item.ask(None))).collect()
    }

    /// The patterns of files to copy.
    pub(super) fn copied(&self) -> Vec<Line> {
        self.lines().filter(|line| !(self.names_only && line.place.is_secret())).collect()
    }

    /// The patterns of key files that are listed, and with `--names-only` not copied.
    pub(super) fn listed(&self) -> Vec<Line> {
        let own = self.lines().filter(|line| line.place.secret == Secret::Key);
        let added = self.listed_only().into_iter().flat_map(|(item, place)| lines_of(item, place));
        own.chain(added).collect()
    }

    /// The key folders that are asked for only by what is asked of them: their access rights, their times.
    pub(super) fn listed_only(&self) -> Vec<(&'static str, &'static Place)> {
        let Some(by) = [TIMES, RIGHTS].into_iter().find(|name| self.has(name)) else { return Vec::new() };
        let others = ITEMS.iter().filter(|item| !self.has(item.name));
        let places = others.flat_map(Item::places);
        places
            .filter(|place| place.secret == Secret::Key && place.mask == "*")
            .map(|place| (by, place))
            .collect()
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

    /// What people who run a collector should know, one sentence each.
    pub(super) fn notes(&self, reach: Reach) -> Vec<String> {
        let mut notes = Vec::new();
        if self.names_only {
            notes.push(
                "Key files, the SECURITY hive, the Protect folder, exported keys, and machine.config and web.config of \
                 ASP.NET stay on the server."
                    .to_owned(),
            );
            let has_keys = self.lines().any(|line| line.place.secret == Secret::Key && line.mask == "*");
            let mut unproven = self.unprovable();
            if reach.inside {
                unproven
                    .iter_mut()
                    .filter(|what| **what == CONTENTS)
                    .for_each(|what| *what = CONTENTS_BUT_NAME);
            }
            if has_keys && !(reach.names && reach.times && reach.rights) {
                let mut beside: Vec<&str> = Vec::new();
                for (has, name, what) in [
                    (reach.names, TIMES, "which containers there are"),
                    (reach.times, TIMES, "which keys are older than the current MachineGuid"),
                    (reach.rights, RIGHTS, "which accounts can open the keys"),
                ] {
                    if !has {
                        unproven.push(what);
                        let commands = by_name(name).map(|item| item.commands(None)).unwrap_or_default();
                        beside.extend(
                            commands.into_iter().filter(|it| !beside.contains(it)).collect::<Vec<_>>(),
                        );
                    }
                }
                let gathered = if reach.names { "Not everything" } else { "NOTHING, not even a name," };
                notes.push(format!(
                    "ATTENTION! {gathered} of the key files is gathered here. Run on the server as well, and keep what it \
                     writes beside the collection: {}",
                    beside.join(" & ")
                ));
            }
            notes.extend(unproven.iter().map(|what| format!("So it stays unproven {}.", question(what))));
        } else if self.items.iter().any(|item| item.is_sensitive()) {
            notes.push(
                "The result holds private keys and what opens them: send it encrypted, and delete it afterwards."
                    .to_owned(),
            );
        }
        for item in self.outputs().into_iter().filter(|item| !reach.gives(item)) {
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

fn lines_of(item: &'static str, place: &'static Place) -> impl Iterator<Item = Line> {
    place.folders().into_iter().map(move |folder| Line { item, folder, mask: place.mask, place })
}

/// As a part of a sentence.
fn question(what: &str) -> String {
    if what.starts_with("whether") || what.starts_with("what") || what.starts_with("which") {
        what.to_owned()
    } else {
        format!("what {what}")
    }
}
