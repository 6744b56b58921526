//! QCOW2 images of QEMU, versions 2 and 3.
//!
//! The source of the format is `docs/interop/qcow2.rst` of QEMU. Tables are read on demand; a cluster that lies behind
//! the end of the file is an error of the read that needs it and never zeros.

mod header;
mod read;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::chain::{below, notes_below, parts_below, sibling};
use crate::error::DiskError;
use crate::image::{Context, Image, Part, StoredHashes};
use crate::read_at::ReadAt;
use crate::siblings::bare_name;

use header::{Backing, Header};
use read::Disk;

const MAGIC: &[u8] = b"QFI\xfb";

/// Whether the file starts as a QCOW image of any version.
pub(crate) fn recognises(head: &[u8], _source: &dyn ReadAt) -> bool {
    head.starts_with(MAGIC)
}

/// Opens the image with its backing files and its external data file.
///
/// # Errors
/// When it is encrypted, damaged, uses an unknown feature, or when a file that it builds on is not there.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let header = Header::parse(&*source)?;
    let mut parts = vec![Part { name: context.name.clone(), role: "image", size: source.len() }];
    let mut notes = notes(&header);
    let data_file = match &header.data_file {
        Some(path) => {
            let name = bare_name(path);
            let shown = if name.is_empty() { "(not named)" } else { name };
            let file = sibling(context, "data file", shown, "external data file")?;
            parts.push(Part { name: name.to_owned(), role: "data file", size: file.len() });
            Some(file)
        }
        None => None,
    };
    let mut format = "QCOW2".to_owned();
    let backing = match &header.backing {
        Some(backing) => {
            format.push_str(" (overlay)");
            let image = open_backing(backing, context)?;
            let data = Arc::clone(&image.data);
            notes.extend(notes_below(&image, backing_name(backing)));
            parts.extend(parts_below(image, "backing file"));
            Some(data)
        }
        None => None,
    };
    let data = Arc::new(Disk::new(source, header, data_file, backing, Arc::clone(&context.cache)));
    Ok(Image { data, format, parts, hashes: StoredHashes::default(), notes, sector_size: None })
}

fn notes(header: &Header) -> Vec<String> {
    let mut notes = Vec::new();
    if header.dirty {
        notes.push("marked as dirty: it was not closed properly, its last writes may be missing".to_owned());
    }
    if header.corrupt {
        notes.push("marked as corrupt by the program that wrote it: its tables may be wrong".to_owned());
    }
    if header.snapshots > 0 {
        let count = header.snapshots;
        notes.push(format!("holds {count} internal snapshot(s): only the current state is read"));
    }
    notes
}

fn backing_name(backing: &Backing) -> &str {
    let name = bare_name(&backing.path);
    name.strip_prefix("file:").unwrap_or(name)
}

fn open_backing(backing: &Backing, context: &Context) -> Result<Image, DiskError> {
    if backing.path.starts_with("json:") {
        return Err(DiskError::Unsupported {
            what: "QCOW2 with a backing file described in JSON".into(),
            advice: "set its plain name with `qemu-img rebase -u -b NAME` in a copy".into(),
        });
    }
    let name = backing_name(backing);
    let stated = backing.format.as_deref();
    let file = sibling(context, "backing file", name, &format!("format {}", stated.unwrap_or("not stated")))?;
    let context = below(context, name)?;
    if stated == Some("raw") {
        let part = Part { name: name.to_owned(), role: "image", size: file.len() };
        let format = "raw".to_owned();
        let (parts, hashes, notes) = (vec![part], StoredHashes::default(), Vec::new());
        return Ok(Image { data: file, format, parts, hashes, notes, sector_size: None });
    }
    let mut head = [0; 4];
    let count = file.read_at(0, &mut head)?;
    if recognises(head.get(..count).unwrap_or_default(), &*file) {
        open(file, &context)
    } else {
        crate::image::open(file, &context)
    }
}
