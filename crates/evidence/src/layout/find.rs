//! Finds drive roots in the first levels of the evidence.

use std::collections::{BTreeMap, VecDeque};

use super::drive::{drive_name, history_name, is_accessor};
use super::{History, HistoryKind, System, Volume};
use crate::evidence::OpenOptions;
use crate::handle::{Dir, Names, Node};
use crate::path::{EvidencePath, same_name};
use crate::skip::SkipReason;
use crate::tree::TreeKind;

/// Levels below a given path at which a drive root may stand: `a/b/uploads/auto/C%3A` is five.
pub const MAX_ROOT_DEPTH: usize = 5;
/// Folders looked into while drive roots are searched; the shallow ones come first.
pub const MAX_ROOT_DIRS: u64 = 20_000;
/// Sub-folders of one folder that may be, or lead to, a drive root. A folder with more is a bag of data.
const MAX_SUBDIRS: usize = 4_096;
/// Sub-folders tried as a Windows folder of another name.
const MAX_OTHER_NAMES: usize = 64;

/// Names that stand in the root of a Windows drive.
pub(crate) const STANDARD_NAMES: &[&str] = &[
    "Windows",
    "WINNT",
    "Program Files",
    "Program Files (x86)",
    "ProgramData",
    "Users",
    "Documents and Settings",
    "inetpub",
    "PerfLogs",
    "Recovery",
    "System Volume Information",
    "$Recycle.Bin",
    "RECYCLER",
    "$Extend",
    "Boot",
    "EFI",
    "MSOCache",
    "Config.Msi",
    "Windows.old",
    "$WINDOWS.~BT",
    "$Windows.~WS",
    "$WinREAgent",
];

/// Of those, the ones that make a folder called `C` a drive.
const TELLING_NAMES: &[&str] = &[
    "Windows",
    "WINNT",
    "ProgramData",
    "Users",
    "Documents and Settings",
    "inetpub",
    "Program Files",
    "$Extend",
    "$Recycle.Bin",
    "RECYCLER",
    "System Volume Information",
];

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub volumes: Vec<Volume>,
    pub systems: Vec<System>,
    pub history: Vec<History>,
    /// Every directory that is (a layer of) a drive, now or in the past.
    pub roots: Vec<Dir>,
    /// Those among them beside whose Windows folder somebody may have put loose files.
    pub plain_roots: Vec<Dir>,
}

/// A drive root before layers are merged.
struct Root {
    dir: Dir,
    letter: Option<char>,
    /// The folder that holds all drives of one collection.
    collection: EvidencePath,
    windows: Vec<String>,
    collected: bool,
}

/// What a folder has of a drive root.
struct Marks {
    windows: Vec<String>,
    root: bool,
}

pub(crate) fn find(tops: &[Dir], options: &OpenOptions) -> Found {
    let mut finder = Finder {
        found: Found::default(),
        roots: Vec::new(),
        data_volumes: Vec::new(),
        budget: MAX_ROOT_DIRS,
    };
    let queue = tops.iter().map(|dir| Place { dir: dir.clone(), depth: 0, parent: None }).collect();
    finder.walk(queue, options.root_depth);
    let queue = finder.settle_data_volumes();
    finder.walk(queue, options.root_depth);
    finder.finish()
}

/// A folder on the way down.
struct Place {
    dir: Dir,
    depth: usize,
    parent: Option<Dir>,
}

struct Finder {
    found: Found,
    roots: Vec<Root>,
    /// Volumes of disks on which neither Windows nor a collection was found, with their folders.
    data_volumes: Vec<(Dir, Vec<Dir>)>,
    budget: u64,
}

impl Finder {
    fn walk(&mut self, mut queue: VecDeque<Place>, max_depth: usize) {
        while let Some(place) = queue.pop_front() {
            if self.budget == 0 {
                place.dir.log().note(place.dir.path().clone(), SkipReason::TooManyEntries(MAX_ROOT_DIRS));
                break;
            }
            self.look(&place, max_depth, &mut queue);
        }
    }

    /// A volume without Windows beside one that has it is a drive of that machine. On a disk without Windows it is
    /// what somebody copied evidence to, and is searched like a folder.
    fn settle_data_volumes(&mut self) -> VecDeque<Place> {
        let mut queue = VecDeque::new();
        for (dir, subs) in std::mem::take(&mut self.data_volumes) {
            let disk = disk_of(&dir);
            if self.roots.iter().any(|root| root.collection == disk && !root.windows.is_empty()) {
                let windows = Vec::new();
                self.add_root(Root { dir, letter: None, collection: disk, windows, collected: false });
                continue;
            }
            queue.extend(subs.into_iter().map(|sub| Place { dir: sub, depth: 1, parent: Some(dir.clone()) }));
        }
        queue
    }

    fn look(&mut self, place: &Place, max_depth: usize, queue: &mut VecDeque<Place>) {
        let dir = &place.dir;
        let subs = self.subdirs(dir);
        let is_volume = place.depth == 0 && dir.kind() == TreeKind::Volume;
        // What the user names himself is what he wants looked at, even a `Windows.old`. Outside a drive, `Recovery`
        // is as likely the name that somebody gave to his case.
        let past = history_name(&dir.name()).filter(|kind| place.depth > 0 && *kind != HistoryKind::Recovery);
        if let Some(kind) = past {
            self.add_history(kind, dir, &subs);
            return;
        }
        let marks = self.marks(&subs);
        if marks.root {
            let drive = drive_name(dir.path().name());
            let mut dir = self.decoded(dir, drive.is_some_and(|drive| drive.encoded));
            if dir.kind() == TreeKind::Volume && !is_volume {
                // A drive that somebody copied to a folder of this volume: its access rights and times are the copy's.
                dir = dir.as_collected();
            }
            self.add_root(Root {
                letter: drive.map(|drive| drive.letter),
                collection: if is_volume { disk_of(&dir) } else { dir.path().clone() },
                windows: marks.windows,
                collected: false,
                dir,
            });
            return;
        }
        let drives = self.drives(place, &subs);
        if is_volume && drives.is_empty() {
            self.data_volumes.push((dir.clone(), subs));
            return;
        }
        if place.depth >= max_depth {
            return;
        }
        for sub in subs {
            if !drives.iter().any(|drive| drive.same_as(&sub)) {
                queue.push_back(Place { dir: sub, depth: place.depth + 1, parent: Some(dir.clone()) });
            }
        }
    }

    /// Takes sub-folders that are called like drives, if one of them is beyond doubt.
    fn drives(&mut self, place: &Place, subs: &[Dir]) -> Vec<Dir> {
        let mut named = Vec::new();
        for sub in subs {
            let Some(drive) = drive_name(sub.path().name()) else { continue };
            let dir = self.decoded(sub, drive.encoded).as_collected();
            let below = self.subdirs(&dir);
            let marks = self.marks(&below);
            let telling = below.iter().any(|d| TELLING_NAMES.iter().any(|name| same_name(name, &d.name())));
            named.push((dir, drive, marks.windows, drive.certain || marks.root || telling));
        }
        if !named.iter().any(|(.., sure)| *sure) {
            return Vec::new();
        }
        // `uploads/auto` and `uploads/ntfs` show the same machine.
        let accessor = is_accessor(&place.dir.name())
            || place.parent.as_ref().is_some_and(|parent| same_name(&parent.name(), "uploads"));
        let collection = match &place.parent {
            Some(parent) if accessor => parent.path().clone(),
            _ => place.dir.path().clone(),
        };
        let mut taken = Vec::new();
        for (dir, drive, windows, _) in named {
            taken.push(dir.clone());
            let letter = Some(drive.letter);
            self.add_root(Root { dir, letter, collection: collection.clone(), windows, collected: true });
        }
        taken
    }

    fn add_root(&mut self, root: Root) {
        self.found.roots.push(root.dir.clone());
        if !root.collected {
            self.found.plain_roots.push(root.dir.clone());
        }
        for sub in self.subdirs(&root.dir) {
            if let Some(kind) = history_name(&sub.name()) {
                let below = self.subdirs(&sub);
                self.add_history(kind, &sub, &below);
            }
        }
        self.roots.push(root);
    }

    /// Offers a past drive root, in `dir` or one level below it.
    fn add_history(&mut self, kind: HistoryKind, dir: &Dir, subs: &[Dir]) {
        let encoded = dir.path().name().contains('%');
        let mut candidates = vec![(dir.clone(), subs.to_vec())];
        for sub in subs {
            let below = self.subdirs(sub);
            candidates.push((sub.clone(), below));
        }
        let mut any = false;
        for (dir, subs) in candidates {
            let marks = self.marks(&subs);
            if !marks.root {
                continue;
            }
            any = true;
            let dir = self.decoded(&dir, encoded);
            let volume = Volume {
                letter: drive_name(dir.path().name()).map(|drive| drive.letter),
                completeness: dir.completeness(),
                windows: marks.windows.into_iter().next(),
                layers: vec![dir],
            };
            self.found.history.push(History { kind, volume });
        }
        if any {
            self.found.roots.push(dir.clone());
        }
    }

    fn decoded(&self, dir: &Dir, encoded: bool) -> Dir {
        if encoded { dir.with_names(Names::Percent) } else { dir.clone() }
    }

    /// Sub-folders by name; none when there are too many, which no root of a drive or collection has.
    fn subdirs(&mut self, dir: &Dir) -> Vec<Dir> {
        self.budget = self.budget.saturating_sub(1);
        let entries = match dir.names() {
            Ok(entries) => entries,
            Err(error) => {
                dir.log().note(error.path().clone(), error.reason());
                return Vec::new();
            }
        };
        let mut subs = Vec::new();
        for entry in entries {
            match entry {
                // A link's target stands elsewhere in the evidence and is met there.
                Ok(Node::Dir(sub)) if !sub.is_linked() => subs.push(sub),
                Ok(_) => {}
                Err(error) => dir.log().note(error.path().clone(), error.reason()),
            }
            if subs.len() > MAX_SUBDIRS {
                return Vec::new();
            }
        }
        subs.sort_by(|a, b| a.path().cmp(b.path()));
        subs
    }

    fn marks(&self, subs: &[Dir]) -> Marks {
        let named = |name: &str| subs.iter().find(|dir| same_name(&dir.name(), name));
        let has = |dir: Option<&Dir>, path: &str| {
            dir.is_some_and(|dir| matches!(dir.resolve(path), Ok(Some(Node::Dir(_)))))
        };
        let mut windows: Vec<String> = subs
            .iter()
            .filter(|dir| same_name(&dir.name(), "Windows") || same_name(&dir.name(), "WINNT"))
            .filter(|dir| has(Some(dir), "System32"))
            .map(Dir::name)
            .collect();
        // A leftover folder beside the installed one has no hives.
        if windows.len() > 1 {
            let with_hives: Vec<String> =
                windows.iter().filter(|name| has(named(name), "System32\\config")).cloned().collect();
            if with_hives.is_empty() { windows.truncate(1) } else { windows = with_hives }
        }
        let drive_like = ["ProgramData", "Users", "Documents and Settings", "Program Files"]
            .iter()
            .filter(|name| named(name).is_some())
            .count();
        if windows.is_empty() && drive_like > 0 {
            windows = subs
                .iter()
                .filter(|dir| !STANDARD_NAMES.iter().any(|name| same_name(name, &dir.name())))
                .filter(|dir| history_name(&dir.name()).is_none())
                .take(MAX_OTHER_NAMES)
                .filter(|dir| has(Some(dir), "System32\\config"))
                .map(Dir::name)
                .collect();
        }
        let root = !windows.is_empty()
            || drive_like > 1
            || has(named("ProgramData"), "Microsoft")
            || has(named("Documents and Settings"), "All Users");
        Marks { windows, root }
    }

    fn finish(mut self) -> Found {
        self.roots.sort_by(|a, b| a.dir.path().cmp(b.dir.path()));
        // One volume for each letter of a collection; ways to read it become its layers.
        let mut merged: BTreeMap<_, (Volume, Vec<String>)> = BTreeMap::new();
        for root in self.roots {
            // The volumes of a disk are no layers of each other.
            let own = if root.collected { EvidencePath::root() } else { root.dir.path().clone() };
            let key = (root.collection, root.letter, own);
            let (volume, windows) = merged.entry(key).or_insert_with(|| {
                let completeness = root.dir.completeness();
                let volume = Volume { letter: root.letter, layers: Vec::new(), windows: None, completeness };
                (volume, Vec::new())
            });
            volume.layers.push(root.dir);
            for name in root.windows {
                if !windows.iter().any(|known| same_name(known, &name)) {
                    windows.push(name);
                }
            }
        }
        let mut collections: BTreeMap<EvidencePath, Vec<(Volume, Vec<String>)>> = BTreeMap::new();
        for ((collection, ..), (mut volume, windows)) in merged {
            volume.windows = windows.first().cloned();
            self.found.volumes.push(volume.clone());
            collections.entry(collection).or_default().push((volume, windows));
        }
        self.found.volumes.sort_by_key(Volume::label);
        self.found.history.sort_by_key(|history| history.volume.label());
        self.found.systems = systems(collections);
        self.found
    }
}

/// What the volumes of one disk have in common: the path of its image.
fn disk_of(dir: &Dir) -> EvidencePath {
    dir.container().map_or_else(|| dir.path().clone(), |container| container.path.clone())
}

/// Groups the drives of each collection around the Windows folders in it.
fn systems(collections: BTreeMap<EvidencePath, Vec<(Volume, Vec<String>)>>) -> Vec<System> {
    let mut systems = Vec::new();
    let mut data = Vec::new();
    for drives in collections.into_values() {
        if drives.iter().all(|(_, windows)| windows.is_empty()) {
            data.extend(drives.into_iter().map(|(volume, _)| volume));
            continue;
        }
        for (index, (volume, windows)) in drives.iter().enumerate() {
            for name in windows {
                let home = Volume { windows: Some(name.clone()), ..volume.clone() };
                let others =
                    drives.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, (v, _))| v.clone());
                systems.push(System { volumes: std::iter::once(home).chain(others).collect() });
            }
        }
    }
    match systems.as_mut_slice() {
        [] if data.is_empty() => {}
        [] => systems.push(System { volumes: data }),
        [only] => only.volumes.extend(data),
        // Whose they are cannot be told.
        _ => {}
    }
    systems.sort_by_key(System::path);
    systems
}
