//! VMDK images of VMware and QEMU: one file or a description with extents, and snapshots of them.
//!
//! The sources of the format are VMware's "Virtual Disk Format 5.0" and `block/vmdk.c` of QEMU, for the sparse extents
//! of ESX libvmdk's format description. The extents of the newer `seSparse` kind are refused by name.

mod descriptor;
mod disk;
mod sparse;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::chain::{below, notes_below, parts_below, sibling};
use crate::error::DiskError;
use crate::image::{Context, Image, Part, StoredHashes};
use crate::read_at::ReadAt;
use crate::siblings::bare_name;

use descriptor::{Access, Descriptor, Extent, Parent};
use disk::{Disk, Run, Source};
use sparse::{ESX, HOSTED, Header, Sparse};

/// Bytes of a sector, the unit of every size in the format.
const SECTOR: u64 = 512;

const SE_SPARSE: &[u8] = &[0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0];

/// How a description begins, whatever the letters' case.
const DESCRIPTION: &[u8] = b"# disk descriptorfile";

/// Longest description that is read, in bytes; real ones have 20 sectors.
const MAX_DESCRIPTION: u64 = 1 << 20;

fn damaged(what: &'static str, offset: u64, expected: String, found: String) -> DiskError {
    DiskError::Damaged { format: "VMDK", what, offset, expected, found }
}

/// Whether the file is a VMDK, its description or one of its extents with a header.
pub(crate) fn recognises(head: &[u8], _source: &dyn ReadAt) -> bool {
    head.starts_with(HOSTED) || head.starts_with(ESX) || head.starts_with(SE_SPARSE) || is_description(head)
}

fn is_description(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    text.get(..DESCRIPTION.len()).is_some_and(|start| start.eq_ignore_ascii_case(DESCRIPTION))
}

/// Opens the image with its extents and the images that it is a snapshot of.
///
/// # Errors
/// When it is encrypted, damaged, an extent on its own or on a physical device, or when an extent or a parent is not
/// there or is another file.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    open_with_id(source, context).map(|(image, _)| image)
}

/// The image and its content id.
fn open_with_id(source: Arc<dyn ReadAt>, context: &Context) -> Result<(Image, Option<u32>), DiskError> {
    let mut head = [0; 64];
    let count = source.read_at(0, &mut head)?;
    let head = head.get(..count).unwrap_or_default();
    let mut parts = vec![Part { name: context.name.clone(), role: "image", size: source.len() }];
    let mut notes = Vec::new();
    let (descriptor, runs) = if is_description(head) {
        let descriptor = description(&*source, 0, source.len(), "description")?;
        refuse_devices(&descriptor)?;
        let runs = open_extents(&descriptor.extents, context, &mut parts, &mut notes)?;
        (descriptor, runs)
    } else if head.starts_with(HOSTED) {
        open_whole(&source, context, &mut notes)?
    } else if head.starts_with(SE_SPARSE) {
        return Err(unread_type("seSparse"));
    } else {
        return Err(alone("VMFS sparse"));
    };
    let mut format = match descriptor.create_type.as_str() {
        "" => "VMDK".to_owned(),
        kind => format!("VMDK ({})", kind.escape_debug()),
    };
    let parent = match &descriptor.parent {
        Some(parent) => {
            format.push_str(", snapshot");
            let image = open_parent(parent, context)?;
            let data = Arc::clone(&image.data);
            notes.extend(notes_below(&image, bare_name(&parent.path)));
            parts.extend(parts_below(image, "parent"));
            Some(data)
        }
        None => None,
    };
    let data = Arc::new(Disk { runs, parent });
    let image = Image { data, format, parts, hashes: StoredHashes::default(), notes, sector_size: None };
    Ok((image, descriptor.cid))
}

fn alone(kind: &str) -> DiskError {
    DiskError::Unsupported {
        what: format!("a {kind} extent of a VMDK without its description"),
        advice: "name the small .vmdk text file that lists the extents instead".into(),
    }
}

fn unread_type(kind: &str) -> DiskError {
    DiskError::Unsupported {
        what: format!("VMDK extent of type {}", kind.escape_debug()),
        advice: "copy the disk with VMware's `vmkfstools -i` into another type and send the result".into(),
    }
}

fn description(source: &dyn ReadAt, at: u64, len: u64, what: &'static str) -> Result<Descriptor, DiskError> {
    if len > MAX_DESCRIPTION || at.checked_add(len).is_none_or(|end| end > source.len()) {
        let expected = format!("at most {MAX_DESCRIPTION} bytes inside the file of {} bytes", source.len());
        return Err(damaged(what, at, expected, format!("{len} bytes")));
    }
    let mut text = vec![0; usize::try_from(len).unwrap_or_default()];
    source.read_exact_at(at, &mut text)?;
    Descriptor::parse(&text, at)
}

/// A single file with its description inside.
fn open_whole(
    source: &Arc<dyn ReadAt>,
    context: &Context,
    notes: &mut Vec<String>,
) -> Result<(Descriptor, Vec<Run>), DiskError> {
    let header = Header::parse(&**source)?;
    let (at, len) = header.descriptor;
    if at == 0 {
        return Err(alone("sparse"));
    }
    let (at, len) = (at.saturating_mul(SECTOR), len.saturating_mul(SECTOR));
    let descriptor = description(&**source, at, len, "embedded description")?;
    match descriptor.extents.as_slice() {
        [extent] if extent.sectors != header.capacity => notes.push(format!(
            "its description says {} sectors, its header {}: the header is followed",
            extent.sectors, header.capacity
        )),
        [_] => {}
        // QEMU reserves the room for a description in the extents of a split disk and leaves it empty.
        [] => return Err(alone("sparse")),
        others => {
            let found = format!("{} extents", others.len());
            return Err(damaged("embedded description", at, "one extent, the file itself".into(), found));
        }
    }
    let end = header.capacity * SECTOR;
    let sparse = sparse_extent(Arc::clone(source), &context.name, header, context, notes);
    Ok((descriptor, vec![Run { end, source: Source::Sparse(sparse) }]))
}

fn sparse_extent(
    file: Arc<dyn ReadAt>,
    name: &str,
    header: Header,
    context: &Context,
    notes: &mut Vec<String>,
) -> Sparse {
    if header.unclean {
        notes.push(format!("`{name}` was not closed properly: its last writes may be missing"));
    }
    if header.used_redundant {
        notes.push(format!("the grain directory of `{name}` is damaged: its redundant copy is used"));
    }
    Sparse::new(file, name.to_owned(), header, Arc::clone(&context.cache))
}

fn device(what: &str) -> DiskError {
    DiskError::Unsupported {
        what: format!("VMDK on a physical device ({})", what.escape_debug()),
        advice: "image the device itself".into(),
    }
}

fn refuse_devices(descriptor: &Descriptor) -> Result<(), DiskError> {
    let kind = descriptor.create_type.to_ascii_lowercase();
    if matches!(&*kind, "fulldevice" | "partitioneddevice" | "vmfsraw") || kind.contains("rawdevicemap") {
        return Err(device(&descriptor.create_type));
    }
    let on_device = |extent: &&Extent| {
        let path = extent.path.as_str();
        path.starts_with("\\\\.\\")
            || path.starts_with("/dev/")
            || matches!(&*extent.kind, "VMFSRAW" | "VMFSRDM")
    };
    descriptor.extents.iter().find(on_device).map_or(Ok(()), |extent| Err(device(&extent.path)))
}

fn open_extents(
    extents: &[Extent],
    context: &Context,
    parts: &mut Vec<Part>,
    notes: &mut Vec<String>,
) -> Result<Vec<Run>, DiskError> {
    if extents.is_empty() {
        return Err(damaged("description", 0, "at least one extent".into(), "none".into()));
    }
    let mut runs = Vec::with_capacity(extents.len());
    let mut end = 0u64;
    for (number, extent) in extents.iter().enumerate() {
        let len = extent.sectors.checked_mul(SECTOR);
        end = len.and_then(|len| end.checked_add(len)).filter(|end| i64::try_from(*end).is_ok()).ok_or_else(
            || {
                let found = format!("{} sectors", extent.sectors);
                damaged("extent", extent.line_offset, "a disk of less than 2^63 bytes".into(), found)
            },
        )?;
        let source = open_extent(extent, number, context, parts, notes)?;
        runs.push(Run { end, source });
    }
    Ok(runs)
}

fn open_extent(
    extent: &Extent,
    number: usize,
    context: &Context,
    parts: &mut Vec<Part>,
    notes: &mut Vec<String>,
) -> Result<Source, DiskError> {
    if extent.access == Access::None {
        return Ok(Source::Forbidden);
    }
    if extent.kind == "ZERO" {
        return Ok(Source::Zero);
    }
    let flat = matches!(&*extent.kind, "FLAT" | "VMFS");
    if !flat && !matches!(&*extent.kind, "SPARSE" | "VMFSSPARSE") {
        return Err(unread_type(&extent.kind));
    }
    let name = bare_name(&extent.path);
    let file = sibling(context, "extent", name, &format!("extent {}", number + 1))?;
    parts.push(Part { name: name.to_owned(), role: "extent", size: file.len() });
    let name = name.to_owned();
    if flat {
        let start = extent.start.saturating_mul(SECTOR);
        let needed = start.saturating_add(extent.sectors * SECTOR);
        if file.len() < needed {
            notes.push(format!("extent `{name}` has {} bytes instead of {needed}: it is cut", file.len()));
        }
        return Ok(Source::Flat { file, name, start });
    }
    let header = Header::parse(&*file)?;
    if header.capacity < extent.sectors {
        let expected = format!("`{name}` with at least {} sectors", extent.sectors);
        return Err(damaged("extent", extent.line_offset, expected, header.capacity.to_string()));
    }
    Ok(Source::Sparse(sparse_extent(file, &name, header, context, notes)))
}

fn open_parent(parent: &Parent, context: &Context) -> Result<Image, DiskError> {
    let id = format!("content id {:08x}", parent.cid);
    let name = bare_name(&parent.path);
    let shown = if name.is_empty() { "(not named)" } else { name };
    let file = sibling(context, "parent", shown, &id)?;
    let wrong =
        |found| DiskError::WrongFile { role: "parent", name: name.to_owned(), expected: id.clone(), found };
    let mut head = [0; 64];
    let count = file.read_at(0, &mut head)?;
    if !recognises(head.get(..count).unwrap_or_default(), &*file) {
        return Err(wrong("no VMDK".to_owned()));
    }
    let (image, cid) = open_with_id(file, &below(context, name)?)?;
    match cid {
        Some(cid) if cid == parent.cid => Ok(image),
        Some(cid) => Err(wrong(format!("content id {cid:08x}"))),
        None => Err(wrong("no content id".to_owned())),
    }
}
