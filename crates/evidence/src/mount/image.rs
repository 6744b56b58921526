//! A disk image as evidence: its volumes, each a tree.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::content::{Content, identify};
use iiskeys_disk::partition::{Partition, PartitionId, Scheme, partitions};
use iiskeys_disk::{Context, Image, ReadAt, Slice};

use super::budget::Budget;
use super::metered::Metered;
use super::siblings::Beside;
use super::volume::NtfsTree;
use super::{Candidate, Mount};
use crate::archive::WithManifest;
use crate::archive::manifest::ManifestLimits;
use crate::container::{Container, ContainerKind, VolumeRow};
use crate::evidence::OpenOptions;
use crate::handle::File;
use crate::path::{EvidencePath, same_name};
use crate::skip::SkipReason;
use crate::tree::{Tree, VolumeIdentity};

/// Opens images, at most `room`. One that is a part of another (a segment, an extent, a parent) is not one of its own.
pub(super) fn open_all(
    images: Vec<(File, Candidate)>,
    named: &[File],
    options: &OpenOptions,
    room: usize,
    meter: &Arc<AtomicU64>,
    budget: &Budget,
) -> Vec<Mount> {
    let mut opened: Vec<(File, Image)> = Vec::new();
    let mut failed: Vec<(File, String)> = Vec::new();
    let mut parts = Parts { of: Vec::new(), named };
    for (file, candidate) in images {
        if opened.iter().filter(|(file, _)| parts.image_of(file).is_none()).count() >= room {
            failed.push((file, super::too_many()));
            continue;
        }
        let source = match candidate {
            Candidate::Open(source) => source,
            Candidate::Packed(head) => match budget.random(&file) {
                Ok(source) if iiskeys_disk::is_image(&head, &source) => source,
                Ok(_) => continue,
                Err(why) => {
                    failed.push((file, super::seems(&why)));
                    continue;
                }
            },
        };
        let beside = Beside {
            dir: file.parent().clone(),
            named: named.to_vec(),
            meter: Arc::clone(meter),
            budget: budget.clone(),
        };
        let context = Context {
            name: file.path().name().to_owned(),
            siblings: Arc::new(beside),
            cache: Arc::new(BlockCache::new(options.image_cache)),
            depth: 0,
        };
        match iiskeys_disk::open(Metered::over(source, meter), &context) {
            Ok(image) => {
                let of_image = image.parts.iter().skip(1);
                parts.of.extend(of_image.map(|part| (file.clone(), part.name.clone())));
                opened.push((file, image));
            }
            Err(error) => failed.push((file, error.to_string())),
        }
    }
    for (file, why) in failed.into_iter().filter(|(file, _)| parts.image_of(file).is_none()) {
        file.parent().log().note(file.path(), SkipReason::NotOpened(why));
    }
    for file in named {
        if let Some(image) = parts.image_of(file) {
            file.parent().log().note(file.path(), SkipReason::PartOf(image.path()));
        }
    }
    let whole = opened.into_iter().filter(|(file, _)| parts.image_of(file).is_none());
    whole.map(|(file, image)| volumes_of(&file, image)).collect()
}

/// The files that images consist of, other than the images themselves.
struct Parts<'n> {
    /// An image and the bare name of a part of it.
    of: Vec<(File, String)>,
    /// Files that the user named by themselves; they may belong to an image that stands elsewhere.
    named: &'n [File],
}

impl Parts<'_> {
    /// The image that a file is a part of.
    fn image_of(&self, file: &File) -> Option<&File> {
        let path = file.path();
        let is_named = || self.named.iter().any(|known| known.same_as(file));
        let mut fitting = self.of.iter().filter(|(image, part)| {
            same_name(part, path.name())
                && !image.same_as(file)
                && (image.parent().same_as(file.parent()) || is_named())
        });
        fitting.next().map(|(image, _)| image)
    }
}

fn volumes_of(file: &File, image: Image) -> Mount {
    let path = file.path();
    let mut container = Container {
        path: path.clone(),
        kind: ContainerKind::Image,
        format: image.format.clone(),
        size: file.size,
        parts: image.parts.iter().skip(1).cloned().collect(),
        media_size: Some(image.data.len()),
        scheme: None,
        stored_md5: image.hashes.md5,
        stored_sha1: image.hashes.sha1,
        notes: image.notes.clone(),
        damage: Vec::new(),
        volumes: Vec::new(),
    };
    let mut trees: Vec<(EvidencePath, Box<dyn Tree>)> = Vec::new();
    let log = file.parent().log();
    // A boot sector ends like a partition table, so a bare volume is asked for first. Marks further on, of a file system
    // that stood there before, do not speak against a table.
    let content = identify(&image.data);
    let table =
        if content.is_in_first_sector() { None } else { Some(partitions(&image.data, image.sector_size)) };
    let divided = table.as_ref().is_some_and(|table| !table.partitions.is_empty());
    if let Some(table) = table.filter(|_| divided) {
        container.scheme = Some(match table.scheme {
            Scheme::Gpt => "GPT",
            Scheme::Mbr => "MBR",
            _ => "no partition table",
        });
        container.notes.extend(table.notes);
        for partition in &table.partitions {
            let data: Arc<dyn ReadAt> =
                Arc::new(Slice::new(Arc::clone(&image.data), partition.start, partition.len));
            let row = VolumeRow {
                number: partition.number,
                path: path.join(&format!("partition-{}", partition.number)),
                content: String::new(),
                label: name_of(partition),
                start: partition.start,
                size: partition.len,
                identity: Some(identity(&partition.id)),
                skipped: None,
            };
            let content = identify(&data);
            let mut row = open_volume(row, &content, data, &mut trees);
            if row.skipped.is_some() && is_dynamic(partition) {
                row.skipped = Some(DYNAMIC.to_owned());
            }
            if let Some(why) = &row.skipped {
                let holds_data = matches!(content, Content::Unknown(_)) && may_hold_windows(partition);
                let reason = if holds_data
                    || is_dynamic(partition)
                    || is_locked(&content)
                    || matches!(content, Content::Ntfs)
                {
                    SkipReason::NotOpened(why.clone())
                } else {
                    SkipReason::OtherVolume(why.clone())
                };
                log.note(row.path.clone(), reason);
            }
            container.volumes.push(row);
        }
    } else {
        container.scheme = Some("no partition table");
        let row = VolumeRow {
            number: 0,
            path: path.clone(),
            content: String::new(),
            label: String::new(),
            start: 0,
            size: image.data.len(),
            identity: None,
            skipped: None,
        };
        let data = Arc::clone(&image.data);
        let row = open_volume(row, &content, data, &mut trees);
        if let Some(why) = &row.skipped {
            log.note(path, SkipReason::NotOpened(why.clone()));
        }
        container.volumes.push(row);
    }
    Mount { container: Arc::new(container), trees, image: Some(image) }
}

fn open_volume(
    mut row: VolumeRow,
    content: &Content,
    data: Arc<dyn ReadAt>,
    trees: &mut Vec<(EvidencePath, Box<dyn Tree>)>,
) -> VolumeRow {
    row.content = content.to_string();
    match content {
        Content::Ntfs | Content::NtfsBackupBoot => match NtfsTree::open(data, row.identity) {
            Ok(tree) => {
                if let Some(label) = tree.label() {
                    row.label = label;
                }
                let tree: Box<dyn Tree> = if tree.may_be_collection() {
                    Box::new(WithManifest::new(tree, &ManifestLimits::default()))
                } else {
                    Box::new(tree)
                };
                trees.push((row.path.clone(), tree));
            }
            Err(error) => row.skipped = Some(format!("an NTFS volume that cannot be read: {error}")),
        },
        other => row.skipped = Some(refusal(other)),
    }
    row
}

/// Whether it may hold a Windows that nobody can see from here.
fn is_locked(content: &Content) -> bool {
    matches!(content, Content::BitLocker | Content::Luks | Content::ReFs)
}

/// A volume that spans partitions cannot be read from one of them.
const DYNAMIC: &str = "a dynamic disk: its volumes are not read; mount it in Windows or Linux (ldmtool) and copy the folders \
                       that matter";

fn is_dynamic(partition: &Partition) -> bool {
    partition.type_name.contains("dynamic")
}

/// Whether Windows keeps its own volumes in partitions of this type.
fn may_hold_windows(partition: &Partition) -> bool {
    partition.type_name.contains("NTFS") || partition.type_name == "Basic data"
}

/// Why a volume is left alone, and what would help.
fn refusal(content: &Content) -> String {
    match content {
        Content::BitLocker => {
            "a BitLocker volume: unlock it first and give the unlocked volume (dislocker, or a new image)"
                .to_owned()
        }
        Content::Luks => "a LUKS volume: unlock it first and give the unlocked volume".to_owned(),
        Content::ReFs => "a ReFS volume is not read: copy the folders that matter out of it".to_owned(),
        Content::Fat | Content::ExFat => {
            format!("a {content} volume is not read: copy the folders that matter out of it")
        }
        Content::Empty => "nothing but zeros".to_owned(),
        other => format!("{other}, which Windows does not start from, is not read"),
    }
}

fn name_of(partition: &Partition) -> String {
    if partition.name.is_empty() { partition.type_name.clone() } else { partition.name.clone() }
}

fn identity(id: &PartitionId) -> VolumeIdentity {
    match *id {
        PartitionId::Mbr { signature, start } => VolumeIdentity::Mbr { signature, offset: start },
        PartitionId::Gpt(guid) => VolumeIdentity::Gpt(guid),
    }
}
