//! The files of a loose folder that may be disk images or archives.

use std::collections::BTreeMap;

use crate::handle::{File, Node};
use crate::loose::LooseDir;
use crate::skip::SkipReason;

/// Files of one folder that are all looked into; of a folder with more, those that promise something by size or name.
pub(super) const MAX_FILES: usize = 1_000;
/// Files of one folder whose sizes are asked for.
const MAX_SIZED: usize = 100_000;
/// Size from which a file of a folder with many files is looked into, in bytes.
pub(super) const LARGE: u64 = 1 << 20;
/// Files at the beginning of a list that tell whether the folder is one of keys.
const SAMPLE: usize = 100;
/// Endings of names for which a small file is looked into as well: a description of a disk is a short text.
const ENDINGS: [&str; 13] = [
    ".zip", ".7z", ".tar", ".tgz", ".gz", ".zst", ".e01", ".vmdk", ".vhd", ".vhdx", ".vdi", ".qcow2", ".001",
];

/// The files to look into, by name. What should be looked into and is not, is noted.
pub(super) fn of(folder: LooseDir) -> Vec<File> {
    let LooseDir { dir, files, large, .. } = folder;
    if !large && files.len() <= MAX_FILES {
        return files;
    }
    let note = |most: usize| dir.log().note(dir.path().clone(), SkipReason::TooManyEntries(most as u64));
    let mut chosen = Chosen::default();
    if !large {
        files.into_iter().for_each(|file| chosen.add(file));
    } else {
        // Whoever listed the folder before has noted what cannot be listed.
        let Ok(nodes) = dir.names() else { return Vec::new() };
        let (mut seen, mut keys) = (0, 0);
        for file in nodes.filter_map(|node| node.ok().and_then(Node::into_file)) {
            seen += 1;
            keys += usize::from(is_key_name(&file.name));
            if seen == SAMPLE && keys > SAMPLE / 2 {
                return Vec::new();
            }
            if seen - keys > MAX_SIZED {
                note(MAX_SIZED);
                break;
            }
            if !is_key_name(&file.name)
                && let Ok(file) = file.complete()
            {
                chosen.add(file);
            }
        }
    }
    if chosen.too_many {
        note(MAX_FILES);
    }
    chosen.files.into_values().collect()
}

/// The first by name, whatever the order of the folder.
#[derive(Default)]
struct Chosen {
    files: BTreeMap<String, File>,
    too_many: bool,
}

impl Chosen {
    fn add(&mut self, file: File) {
        let name = file.name.to_ascii_lowercase();
        if file.size < LARGE && !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            return;
        }
        self.files.insert(file.name.clone(), file);
        if self.files.len() > MAX_FILES {
            self.files.pop_last();
            self.too_many = true;
        }
    }
}

/// Whether a name is built like that of a key container: 32 hexadecimal digits and a GUID.
fn is_key_name(name: &str) -> bool {
    let digits = name.split_once('_').filter(|(_, guid)| guid.len() == 36).map(|(digits, _)| digits);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
