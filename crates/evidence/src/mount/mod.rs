//! Looks into disk images and archives: each becomes trees that stand under the path of its file.
//!
//! Images and archives are recognised by content, outside drive roots only: what lies in a server's own folders is the
//! server's. One inside another is opened as well, see [`MAX_NESTING`].

mod archive;
mod budget;
mod candidates;
mod image;
mod metered;
mod siblings;
#[cfg(test)]
mod tests;
mod volume;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use iiskeys_disk::ReadAt;

use crate::archive::recognise as recognise_archive;
use crate::container::Container;
use crate::evidence::OpenOptions;
use crate::handle::{Dir, File};
use crate::layout::Found;
use crate::loose::LooseDirs;
use crate::path::EvidencePath;
use crate::skip::SkipReason;
use crate::tree::{Tree, TreeKind};

pub(crate) use self::budget::Budget;

/// Rounds of opening: what was given, what stands in that (one level down), and what stands in those (two levels down, the
/// most). What stands deeper is a file like any other.
pub const MAX_NESTING: usize = 3;
/// Files of all folders that are looked into.
const MAX_CANDIDATES: usize = 5_000;
/// Images and archives that are opened.
pub const MAX_MOUNTS: usize = 64;
/// First bytes of a file that tell its kind, most often.
const HEAD: usize = 4 * 1024;
/// First bytes in which a volume has its mark that does not have it in its beginning.
const FAR_HEAD: usize = 64 * 1024;
/// The smallest thing that can be an archive: an empty zip.
const SMALLEST: u64 = 22;

/// A container that was opened, with the trees that came out of it.
pub(crate) struct Mount {
    pub container: Arc<Container>,
    pub trees: Vec<(EvidencePath, Box<dyn Tree>)>,
    /// The content of a disk image, for custody.
    pub image: Option<iiskeys_disk::Image>,
}

/// Opens every image and archive that stands loose below `tops`, at most `room` of them.
pub(crate) fn mount(
    tops: &[Dir],
    found: &Found,
    options: &OpenOptions,
    room: usize,
    meter: &Arc<AtomicU64>,
    budget: &Budget,
) -> Vec<Mount> {
    let mut looked_at = 0;
    let mut archives = Vec::new();
    let mut images = Vec::new();
    // What the user names by itself may belong to an image that stands elsewhere.
    let mut named: Vec<File> = Vec::new();
    'folders: for folder in LooseDirs::new(tops, found, options) {
        // Beside Windows a drive has what its users put there.
        if folder.beside_root {
            continue;
        }
        let dir = folder.dir.clone();
        for file in candidates::of(folder) {
            if dir.kind() == TreeKind::SingleFile {
                named.push(file.clone());
            }
            if file.size < SMALLEST {
                continue;
            }
            looked_at += 1;
            if looked_at > MAX_CANDIDATES {
                let reason = SkipReason::TooManyEntries(MAX_CANDIDATES as u64);
                dir.log().note(dir.path().clone(), reason);
                break 'folders;
            }
            match kind_of(&file, budget) {
                Some(Kind::Archive(kind)) => archives.push((file, kind)),
                Some(Kind::Image(image)) => images.push((file, image)),
                None => {}
            }
        }
    }
    images.sort_by_key(|(file, _)| file.path());
    archives.sort_by_key(|(file, _)| file.path());
    let mut mounts = image::open_all(images, &named, options, room, meter, budget);
    for (file, kind) in archives {
        // Before anything is unpacked for it.
        if mounts.len() >= room {
            file.parent().log().note(file.path(), SkipReason::NotOpened(too_many()));
            continue;
        }
        mounts.extend(archive::open(&file, kind, options, budget));
    }
    mounts.sort_by(|a, b| a.container.path.cmp(&b.container.path));
    mounts
}

/// Why one that is one too many is left out.
fn too_many() -> String {
    format!("more than {MAX_MOUNTS} images and archives: give the ones that matter by themselves")
}

/// What a file is, by its content.
enum Kind {
    Archive(crate::archive::ArchiveKind),
    Image(Candidate),
}

/// A file that may be a disk image.
enum Candidate {
    /// It is one.
    Open(Arc<dyn ReadAt>),
    /// Its first bytes promise one; the rest has to be unpacked first.
    Packed(Vec<u8>),
}

/// Tells what a file is. `None` also for one that cannot be read: whoever needs it will say so.
fn kind_of(file: &File, budget: &Budget) -> Option<Kind> {
    let head = head_of(file, HEAD)?;
    if let Some(kind) = recognise_archive(&head) {
        return Some(Kind::Archive(kind));
    }
    if let Some(what) = crate::archive::refused(&head) {
        let why = format!("{what} is not read: unpack it and give the folder");
        file.parent().log().note(file.path(), SkipReason::NotOpened(why));
        return None;
    }
    if file.size < iiskeys_disk::SMALLEST_IMAGE {
        return None;
    }
    // What is compressed is unpacked no sooner than its first bytes promise something.
    if file.is_unpacked() {
        // Some volumes have their mark behind many zeros.
        let hidden = file.size >= candidates::LARGE && head.iter().all(|byte| *byte == 0);
        let head = if hidden { head_of(file, FAR_HEAD)? } else { head };
        return iiskeys_disk::may_be_image(&head).then_some(Kind::Image(Candidate::Packed(head)));
    }
    // Some formats are known by their last bytes only.
    let source = match file.random(budget.all()) {
        Ok(source) => source,
        Err(error) => {
            if iiskeys_disk::may_be_image(&head) {
                file.parent().log().note(file.path(), SkipReason::NotOpened(seems(&error.cause())));
            }
            return None;
        }
    };
    iiskeys_disk::is_image(&head, &source).then_some(Kind::Image(Candidate::Open(source)))
}

fn seems(why: &str) -> String {
    format!("it seems to be a disk image, and {why}")
}

fn head_of(file: &File, most: usize) -> Option<Vec<u8>> {
    file.head(most.min(usize::try_from(file.size).unwrap_or(most))).ok()
}
