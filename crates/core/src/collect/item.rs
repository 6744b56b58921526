//! What a thing to gather is made of: places, commands, and what it means to leave its content out.

use crate::machine::{Generation, Need};

/// One thing to gather.
#[derive(Debug)]
#[non_exhaustive]
pub struct Item {
    /// A short name that never changes.
    pub name: &'static str,
    /// What a rule lacks when it lacks this; `None` for what only makes answers surer.
    pub need: Option<Need>,
    /// Exactly what to collect of Vista and later; see [`Self::what_on`].
    pub what: &'static str,
    /// One phrase: what it tells.
    pub tells: &'static str,
    /// What it is, and how one comes by it.
    pub source: Source,
    /// What becomes unprovable with `--names-only`; `None` where nothing is left out.
    pub unprovable: Option<&'static str>,
    /// Exactly what to collect of Windows 2000, and of XP and 2003, where that is something else.
    old: Option<[&'static str; 2]>,
    commands: Commands,
}

/// How one comes by an item.
#[derive(Debug)]
pub enum Source {
    /// Files.
    Files(&'static [Place]),
    /// What a command on the server prints.
    Output,
    /// Other items, by name.
    Items(&'static [&'static str]),
    /// Nothing that a collector could fetch: a disk image, a backup.
    Elsewhere,
}

/// Files of one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What the folder stands below.
    pub base: Base,
    /// The folder below it; a part of it may have `*` for anything.
    pub folder: &'static str,
    /// Names of files, with `*` for anything.
    pub mask: &'static str,
    /// What may be taken of the files when secrets stay on the server.
    pub secret: Secret,
}

/// What a file holds that some may not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// Nothing: it is gathered whole.
    None,
    /// A private key: with `--names-only` its name, size, times and access rights are written down instead.
    Key,
    /// What opens private keys, or may hold a secret in clear: with `--names-only` it is left out.
    Opener,
}

/// What the folder of a place stands below, on any Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The Windows folder.
    Windows,
    /// The root of the system drive.
    Drive,
    /// Application data of all users: `ProgramData`, before Vista a folder of the profile `All Users`.
    Shared,
    /// Application data that roams with the account of a service.
    Service(&'static str),
}

impl Base {
    /// The folders that it may be, below the root of the system drive.
    pub fn folders(self) -> Vec<String> {
        match self {
            Self::Windows => vec!["Windows".to_owned(), "WINNT".to_owned()],
            Self::Drive => vec![String::new()],
            Self::Shared => vec![
                "ProgramData".to_owned(),
                "Documents and Settings\\All Users\\Application Data".to_owned(),
                "WINNT\\Profiles\\All Users\\Application Data".to_owned(),
            ],
            Self::Service(account) => vec![
                format!("Windows\\ServiceProfiles\\{account}\\AppData\\Roaming"),
                format!("Documents and Settings\\{account}\\Application Data"),
            ],
        }
    }

    /// How people write it.
    pub fn shown(self) -> String {
        match self {
            Self::Windows => "%SystemRoot%".to_owned(),
            Self::Drive => "%SystemDrive%".to_owned(),
            Self::Shared => "%ProgramData%".to_owned(),
            Self::Service(account) => format!("%SystemRoot%\\ServiceProfiles\\{account}\\AppData\\Roaming"),
        }
    }
}

impl Place {
    /// The folders that it may be, below the root of the system drive.
    pub fn folders(&self) -> Vec<String> {
        let join = |base: String| match (base.as_str(), self.folder) {
            ("", folder) => folder.to_owned(),
            (base, "") => base.to_owned(),
            (base, folder) => format!("{base}\\{folder}"),
        };
        self.base.folders().into_iter().map(join).collect()
    }

    /// Whether its files stay on the server with `--names-only`.
    pub fn is_secret(&self) -> bool {
        self.secret != Secret::None
    }
}

/// Commands that write an item into the current folder and change nothing else, by Windows.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Windows 2000.
    pub nt50: &'static [&'static str],
    /// Windows XP and Server 2003.
    pub nt51: &'static [&'static str],
    /// Windows Vista, Server 2008 and later.
    pub nt6: &'static [&'static str],
}

impl Item {
    pub(super) const fn new(
        name: &'static str,
        need: Option<Need>,
        what: &'static str,
        tells: &'static str,
        source: Source,
    ) -> Self {
        let commands = Commands { nt50: &[], nt51: &[], nt6: &[] };
        Self { name, need, what, tells, source, unprovable: None, old: None, commands }
    }

    pub(super) const fn by(mut self, commands: Commands) -> Self {
        self.commands = commands;
        self
    }

    pub(super) const fn without(mut self, unprovable: &'static str) -> Self {
        self.unprovable = Some(unprovable);
        self
    }

    pub(super) const fn before_vista(mut self, nt50: &'static str, nt51: &'static str) -> Self {
        self.old = Some([nt50, nt51]);
        self
    }

    /// Exactly what to collect of that Windows; without a known one, of Vista and later.
    pub fn what_on(&self, windows: Option<Generation>) -> &'static str {
        match (self.old, windows) {
            (Some([what, _]), Some(Generation::Nt50)) | (Some([_, what]), Some(Generation::Nt51)) => what,
            _ => self.what,
        }
    }

    /// Its own places.
    pub fn places(&self) -> &'static [Place] {
        match self.source {
            Source::Files(places) => places,
            _ => &[],
        }
    }

    /// The items that it consists of; itself when it is none of several.
    pub fn parts(&'static self) -> Vec<&'static Item> {
        match self.source {
            Source::Items(names) => names.iter().filter_map(|name| super::by_name(name)).collect(),
            _ => vec![self],
        }
    }

    /// Whether it holds secrets: it is sent encrypted.
    pub fn is_sensitive(&'static self) -> bool {
        self.parts().iter().flat_map(|part| part.places()).any(Place::is_secret)
    }

    /// Commands for `cmd` that write it into the current folder; the server stays as it is. Without a known Windows those
    /// of Vista and later.
    pub fn commands(&'static self, windows: Option<Generation>) -> Vec<&'static str> {
        let of = |item: &Item| match windows {
            Some(Generation::Nt50) => item.commands.nt50,
            Some(Generation::Nt51) => item.commands.nt51,
            _ => item.commands.nt6,
        };
        let mut commands: Vec<&str> = Vec::new();
        for command in self.parts().iter().flat_map(|part| of(part)) {
            if !commands.contains(command) {
                commands.push(command);
            }
        }
        commands
    }

    /// Exactly what to collect, with the commands that gather it.
    pub fn ask(&'static self, windows: Option<Generation>) -> String {
        let commands = self.commands(windows);
        if commands.is_empty() {
            return self.what_on(windows).to_owned();
        }
        format!("{}; on the server: {}", self.what_on(windows), commands.join(" & "))
    }
}
