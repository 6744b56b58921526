//! Everything that was given for one machine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use iiskeys_disk::Image;

use crate::archive::manifest::ManifestLimits;
use crate::archive::{ArchiveLimits, Password, WithManifest};
use crate::container::{Container, Digests};
use crate::error::OpenError;
use crate::folder::FolderTree;
use crate::handle::{Dir, Source};
use crate::layout::{self, Found, History, System, Volume};
use crate::loose::{LooseDir, LooseDirs};
use crate::mount::{self, Mount};
use crate::path::EvidencePath;
use crate::skip::{SkipLog, SkipReason, Skipped};
use crate::tree::{Tree, TreeKind};

/// Bytes that are unpacked into memory by default, of all images and archives inside archives together.
pub const MAX_UNPACKED: u64 = 512 << 20;

/// Budgets of one run; the defaults are the documented constants.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// How many folder levels below a given path a drive root may stand.
    pub root_depth: usize,
    /// How many folder levels below a given path loose files are looked for.
    pub loose_depth: usize,
    /// How many entries are looked at for drive roots and loose files.
    pub entries: u64,
    /// Bytes that may be unpacked into memory, of all images and archives inside archives together.
    pub unpacked: u64,
    /// Bytes of decompressed blocks that are kept for one disk image.
    pub image_cache: usize,
    /// Bounds for archives.
    pub archive: ArchiveLimits,
    /// The password of encrypted archives.
    pub password: Option<Password>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            root_depth: layout::MAX_ROOT_DEPTH,
            loose_depth: crate::loose::MAX_LOOSE_DEPTH,
            entries: crate::loose::MAX_ENTRIES,
            unpacked: MAX_UNPACKED,
            image_cache: iiskeys_disk::cache::DEFAULT_CACHE,
            archive: ArchiveLimits::default(),
            password: None,
        }
    }
}

/// The evidence of one machine, opened read-only.
pub struct Evidence {
    tops: Vec<Dir>,
    log: Arc<SkipLog>,
    found: Found,
    options: OpenOptions,
    mounted: Vec<Mounted>,
    /// Counts the bytes that are read from the files of disk images.
    meter: Arc<AtomicU64>,
}

/// An image or archive that was opened.
struct Mounted {
    container: Arc<Container>,
    image: Option<Image>,
    verified: Option<Digests>,
}

impl Evidence {
    /// Opens folders and single files and finds the drive roots in them.
    ///
    /// A path given twice, or one inside another, counts once.
    ///
    /// # Errors
    /// When no path was given, or one is missing, unreadable or neither a file nor a folder.
    pub fn open(paths: &[PathBuf], options: &OpenOptions) -> Result<Self, OpenError> {
        if paths.is_empty() {
            return Err(OpenError::NoPath);
        }
        let mut opened: Vec<(&Path, FolderTree)> = Vec::new();
        for path in paths {
            let tree = FolderTree::new(path).map_err(|source| open_error(path, source))?;
            if !opened.iter().any(|(_, known)| known.canonical() == tree.canonical()) {
                opened.push((path, tree));
            }
        }
        let several = opened.len() > 1;
        let mut names = Names::default();
        let mut trees: Vec<(EvidencePath, Box<dyn Tree>)> = Vec::new();
        let mut inside = Vec::new();
        for (path, tree) in &opened {
            let covered = opened.iter().any(|(_, outer)| {
                outer.canonical() != tree.canonical() && tree.canonical().starts_with(outer.canonical())
            });
            let prefix = if several { names.prefix(path, tree.kind()) } else { EvidencePath::root() };
            if covered {
                inside.push(prefix);
            } else {
                trees.push((prefix, with_manifest(tree.clone())));
            }
        }
        let evidence = Self::from_trees(trees, options);
        inside.into_iter().for_each(|path| evidence.log.note(path, SkipReason::AlreadyGiven));
        Ok(evidence)
    }

    /// Evidence from trees that are already open, each shown under its own path.
    pub fn from_trees(trees: Vec<(EvidencePath, Box<dyn Tree>)>, options: &OpenOptions) -> Self {
        let log = Arc::new(SkipLog::default());
        let top = |(path, tree), container| {
            Dir::top(Arc::new(Source { tree, log: Arc::clone(&log), container }), path)
        };
        let mut tops: Vec<Dir> = trees.into_iter().map(|tree| top(tree, None)).collect();
        let mut found = layout::find(&tops, options);
        let mut mounted = Vec::new();
        let meter = Arc::new(AtomicU64::new(0));
        let budget = mount::Budget::new(options.unpacked);
        let mut fresh = tops.clone();
        for _ in 0..mount::MAX_NESTING {
            let room = mount::MAX_MOUNTS.saturating_sub(mounted.len());
            let mounts = mount::mount(&fresh, &found, options, room, &meter, &budget);
            if mounts.is_empty() {
                break;
            }
            fresh.clear();
            for Mount { container, trees, image } in mounts {
                fresh.extend(trees.into_iter().map(|tree| top(tree, Some(Arc::clone(&container)))));
                mounted.push(Mounted { container, image, verified: None });
            }
            tops.extend(fresh.iter().cloned());
            found = layout::find(&tops, options);
        }
        mounted.sort_by(|a, b| a.container.path.cmp(&b.container.path));
        Self { tops, log, found, options: options.clone(), mounted, meter }
    }

    /// Evidence that is one tree.
    pub fn from_tree(tree: impl Tree + 'static) -> Self {
        Self::from_trees(vec![(EvidencePath::root(), Box::new(tree))], &OpenOptions::default())
    }

    /// The topmost directory of each path that was given; a single file stands alone in one.
    pub fn tops(&self) -> &[Dir] {
        &self.tops
    }

    /// The disk images and archives that were opened, sorted by path.
    ///
    /// Each with the digests of its content, once [`Self::verify`] has computed them.
    pub fn containers(&self) -> impl Iterator<Item = (&Container, Option<&Digests>)> {
        self.mounted.iter().map(|mounted| (&*mounted.container, mounted.verified.as_ref()))
    }

    /// Reads every disk image to its end and computes the digests of its content.
    ///
    /// `progress` hears the path of the image, the bytes done and all bytes. An image that cannot be read to its end has
    /// no digests; its damage says where the reading ended and why.
    pub fn verify(&mut self, progress: &mut dyn FnMut(&EvidencePath, u64, u64)) {
        for Mounted { container, image, verified } in &mut self.mounted {
            let Some(image) = image else { continue };
            let mut reached = 0;
            let digests = iiskeys_disk::verify(image, &mut |done, all| {
                reached = done;
                progress(&container.path, done, all);
            });
            match digests {
                Ok(digests) => *verified = Some(Digests { md5: digests.md5, sha1: digests.sha1 }),
                Err(error) => {
                    let at = first_unreadable(image, reached);
                    Arc::make_mut(container).damage.push(format!(
                        "the image cannot be read to its end, so its digests are not known: at byte {at} of the disk: \
                         {error}"
                    ));
                }
            }
        }
    }

    /// Bytes read so far from the files of disk images.
    pub fn image_bytes_read(&self) -> u64 {
        self.meter.load(Ordering::Relaxed)
    }

    /// The drives that were found, sorted by path.
    pub fn volumes(&self) -> &[Volume] {
        &self.found.volumes
    }

    /// Installed systems: each the volume with its Windows folder and the other drives that belong to it.
    ///
    /// Without any Windows folder all drives make up one system. Empty when there is no drive at all.
    pub fn systems(&self) -> &[System] {
        &self.found.systems
    }

    /// The one system, or the one that `windows` names.
    ///
    /// `windows` is the evidence path of the Windows folder or of its drive, or a Windows path such as `D:\WINNT`.
    /// `Ok(None)` when the evidence holds no drive.
    ///
    /// # Errors
    /// When several fit or none does; the error names the choices.
    pub fn select(&self, windows: Option<&str>) -> Result<Option<&System>, layout::SelectError> {
        layout::select(&self.found.systems, windows)
    }

    /// Drive roots that are the past of an installation (`Windows.old`, shadow copies), never a system.
    pub fn history(&self) -> &[History] {
        &self.found.history
    }

    /// Everything outside the drive roots, folder by folder in the order of paths.
    pub fn loose(&self) -> impl Iterator<Item = LooseDir> + '_ {
        LooseDirs::new(&self.tops, &self.found, &self.options)
    }

    /// What was left alone so far, by path: links out of the evidence, pipes, unreadable folders, spent budgets.
    pub fn skipped(&self) -> Vec<Skipped> {
        self.log.rows()
    }

    /// How many more things were left alone than [`Self::skipped`] keeps.
    pub fn skipped_overflow(&self) -> u64 {
        self.log.overflow()
    }
}

/// Bytes behind a good place in which [`Evidence::verify`] failed, at most.
const STRETCH: u64 = 1 << 20;
const SECTOR: usize = 512;

/// The first sector at or behind `from` that cannot be read.
fn first_unreadable(image: &Image, from: u64) -> u64 {
    let mut sector = [0; SECTOR];
    let sectors = (from..from.saturating_add(STRETCH).min(image.data.len())).step_by(SECTOR);
    let mut unreadable = sectors.filter(|at| !matches!(image.data.read_at(*at, &mut sector), Ok(1..)));
    unreadable.next().unwrap_or(from)
}

/// A folder, with the times that a collector's list in it has.
fn with_manifest(tree: FolderTree) -> Box<dyn Tree> {
    if tree.kind() == TreeKind::SingleFile {
        return Box::new(tree);
    }
    let timed = WithManifest::new(tree.clone(), &ManifestLimits::default());
    if timed.manifest_count() == 0 { Box::new(tree) } else { Box::new(timed) }
}

fn open_error(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path },
        io::ErrorKind::Unsupported => OpenError::Special { path, found: "pipe, socket or device" },
        _ => OpenError::Unreadable { path, source },
    }
}

/// Gives each of several paths a name of its own.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn prefix(&mut self, path: &Path, kind: TreeKind) -> EvidencePath {
        // `.` and `..` have no name, and the canonical one would tell where the analyst works.
        let base = path
            .file_name()
            .map_or_else(|| "evidence".to_owned(), |name| name.to_string_lossy().into_owned());
        let unique = (1..)
            .map(|n| if n == 1 { base.clone() } else { format!("{base}~{n}") })
            .find(|name| !self.0.contains(name))
            .unwrap_or_else(|| base.clone());
        self.0.push(unique.clone());
        match kind {
            // The file's own name is added by its handle.
            TreeKind::SingleFile if unique == base => EvidencePath::root(),
            _ => EvidencePath::new(&unique),
        }
    }
}
