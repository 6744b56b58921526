//! Where `C:\` is: drive roots in whatever a collector or a person made of them.

use std::collections::{BTreeMap, VecDeque};

use crate::handle::{Dir, File, Node, percent_decoded, same_name};

/// Levels of folders that are looked through for drive roots and loose pieces.
const DEPTH: usize = 12;
/// Folders that are looked through in all.
const FOLDERS: usize = 20_000;
/// Names that are kept of one loose folder; the rest is left to whoever streams it.
pub const KEPT: usize = 4_000;

/// A drive of the machine.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Its letter, when the layout tells.
    pub letter: Option<char>,
    /// Its roots: one, or several where a collector took parts of it in different ways.
    pub layers: Vec<Dir>,
    /// Name of the Windows folder in it.
    pub windows: Option<String>,
    /// What it was collected with: drives of one collection belong together.
    collection: String,
}

impl Volume {
    /// The root's path, for a choice.
    pub fn label(&self) -> String {
        self.layers.first().map(Dir::path).unwrap_or_default()
    }

    /// The first layer's node at a Windows path below the root.
    pub fn resolve(&self, path: &str) -> Option<Node> {
        self.layers.iter().find_map(|layer| layer.resolve(path))
    }

    /// The directories at a Windows path, in every layer that has one.
    pub fn dirs(&self, path: &str) -> Vec<Dir> {
        self.layers.iter().filter_map(|layer| layer.dir(path)).collect()
    }

    /// The file at a Windows path.
    pub fn file(&self, path: &str) -> Option<File> {
        self.layers.iter().find_map(|layer| layer.file(path))
    }
}

/// A folder outside every drive root.
#[derive(Debug, Clone)]
pub struct LooseFolder {
    /// The folder.
    pub dir: Dir,
    /// Its files, the first [`KEPT`] that were found, sorted by name.
    pub files: Vec<File>,
    /// Whether it has more files than that.
    pub is_large: bool,
    /// Whether it is part of the history of an installation.
    pub is_history: bool,
}

/// What lies in a piece of evidence.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub volumes: Vec<Volume>,
    pub loose: Vec<LooseFolder>,
    pub skipped: Vec<(String, String)>,
}

/// Whether a name belongs to the history of an installation rather than to an installed system.
pub fn is_history(name: &str) -> bool {
    let name = percent_decoded(name).to_ascii_lowercase();
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
    ]
    .contains(&name.as_str())
        || name.starts_with("windows.old.")
        || name.contains("harddiskvolumeshadowcopy")
        || name == "system volume information"
}

/// Looks through a root.
pub(crate) fn discover(root: &Dir, layout: &mut Layout) {
    let mut queue = VecDeque::from([(root.clone(), 0, false)]);
    let mut seen = 0;
    while let Some((dir, depth, history)) = queue.pop_front() {
        seen += 1;
        if seen > FOLDERS {
            layout.skipped.push((dir.path(), format!("more than {FOLDERS} folders were not looked through")));
            return;
        }
        let mut dirs: Vec<Dir> = Vec::new();
        let mut files: Vec<File> = Vec::new();
        let mut is_large = false;
        let listed = dir.list(&mut |node| {
            match node {
                Node::Dir(dir) => dirs.push(dir),
                Node::File(file) if files.len() < KEPT => files.push(file),
                Node::File(_) => is_large = true,
            }
            !is_large || dirs.len() < KEPT
        });
        if let Err(error) = listed {
            layout.skipped.push((dir.path(), error.to_string()));
            continue;
        }
        let history = history || is_history(&dir.name());
        if !history && let Some(volume) = drive_root(&dir, &dirs) {
            add(layout, volume);
            // People put a listing or an export into the drive root that they copied.
            if !files.is_empty() {
                files.sort_by(|a, b| a.name().cmp(&b.name()));
                layout.loose.push(LooseFolder { dir, files, is_large, is_history: false });
            }
            continue;
        }
        files.sort_by(|a, b| a.name().cmp(&b.name()));
        dirs.sort_by_key(Dir::name);
        if !files.is_empty() {
            layout.loose.push(LooseFolder { dir: dir.clone(), files, is_large, is_history: history });
        }
        if depth + 1 > DEPTH {
            if !dirs.is_empty() {
                layout
                    .skipped
                    .push((dir.path(), format!("folders below {DEPTH} levels were not looked through")));
            }
            continue;
        }
        queue.extend(dirs.into_iter().map(|sub| (sub, depth + 1, history)));
    }
}

/// The drive whose root `dir` is, judged by what stands in it.
fn drive_root(dir: &Dir, subdirs: &[Dir]) -> Option<Volume> {
    let named = |wanted: &str| subdirs.iter().find(|sub| same_name(&sub.name(), wanted));
    let windows = subdirs
        .iter()
        .filter(|sub| !is_history(&sub.name()))
        .take(64)
        .find(|sub| {
            let usual = ["windows", "winnt"].iter().any(|name| same_name(&sub.name(), name));
            match sub.dir("System32") {
                Some(system) => usual || system.dir("config").is_some(),
                None => false,
            }
        })
        .map(Dir::name);
    let data = || named("ProgramData").is_some_and(|sub| sub.dir("Microsoft").is_some());
    let old_data = || named("Documents and Settings").is_some_and(|sub| sub.dir("All Users").is_some());
    if windows.is_none() && !data() && !old_data() {
        return None;
    }
    let letter = letter(&dir.name());
    Some(Volume { letter, collection: collection(dir, letter), layers: vec![dir.clone()], windows })
}

/// The drive letter that a folder name stands for: `C`, `C:`, `C%3A`, `%5C%5C.%5CC%3A`.
fn letter(name: &str) -> Option<char> {
    let name = percent_decoded(name);
    let name = name.strip_prefix("\\\\.\\").unwrap_or(&name);
    let mut letters = name.chars();
    let first = letters.next().filter(char::is_ascii_alphabetic)?;
    matches!(letters.as_str(), "" | ":").then(|| first.to_ascii_uppercase())
}

/// What holds the drives of one collection: the folder above them, or above Velociraptor's accessors.
fn collection(dir: &Dir, letter: Option<char>) -> String {
    let Some(above) = dir.parent().filter(|_| letter.is_some()) else { return dir.path() };
    let accessor = above.name().to_ascii_lowercase();
    if ["auto", "file", "ntfs", "lazy_ntfs", "mft"].contains(&accessor.as_str())
        && let Some(uploads) = above.parent()
        && same_name(&uploads.name(), "uploads")
    {
        return uploads.path();
    }
    above.path()
}

fn add(layout: &mut Layout, volume: Volume) {
    let same = layout.volumes.iter_mut().find(|known| {
        known.letter.is_some() && known.letter == volume.letter && known.collection == volume.collection
    });
    match same {
        Some(known) => {
            known.layers.extend(volume.layers);
            known.windows = known.windows.take().or(volume.windows);
        }
        None => layout.volumes.push(volume),
    }
}

/// An installed system: the drive with Windows, and the other drives of the same collection.
#[derive(Debug, Clone)]
pub struct System {
    /// The drive with Windows first.
    pub volumes: Vec<Volume>,
}

impl System {
    /// The drive with Windows.
    pub fn main(&self) -> &Volume {
        &self.volumes[0]
    }

    /// Path of its Windows folder, for a choice.
    pub fn label(&self) -> String {
        let root = self.main().label();
        let windows = self.main().windows.clone().unwrap_or_default();
        if root.is_empty() { windows } else { format!("{root}/{windows}") }
    }
}

/// Groups drives into systems. Drives without Windows join the system of their collection or, when there is only one
/// system, that one.
pub(crate) fn systems(volumes: &[Volume]) -> Vec<System> {
    let mut systems: Vec<System> = volumes
        .iter()
        .filter(|volume| volume.windows.is_some())
        .map(|volume| System { volumes: vec![volume.clone()] })
        .collect();
    let only_one = systems.len() == 1;
    let mut by_collection: BTreeMap<&str, Vec<&Volume>> = BTreeMap::new();
    for volume in volumes.iter().filter(|volume| volume.windows.is_none()) {
        by_collection.entry(&volume.collection).or_default().push(volume);
    }
    for system in &mut systems {
        let own = system.main().collection.clone();
        for (collection, volumes) in &by_collection {
            if only_one || *collection == own {
                system.volumes.extend(volumes.iter().map(|&volume| volume.clone()));
            }
        }
    }
    systems
}
