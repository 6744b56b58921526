//! VHD: fixed, dynamic and differencing disks of Virtual PC and Hyper-V.
//!
//! All numbers are big endian. Source: Microsoft's "Virtual Hard Disk Image Format Specification", version 1.0.

mod blocks;
mod structures;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::error::DiskError;
use crate::image::{Context, Image, StoredHashes};
use crate::read_at::{ReadAt, Slice};
use crate::sparse::{Wanted, parent_notes, parts};

use blocks::{Blocks, Fixed};
use structures::{Footer, Header, Kind, show};

const FORMAT: &str = "VHD";

/// Whether the footer's cookie stands at the start, or where the footer must be at the end.
pub(crate) fn recognises(head: &[u8], source: &dyn ReadAt) -> bool {
    structures::has_cookie(head) || structures::ends_with_footer(source)
}

/// Opens a VHD with its parents.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    let mut notes = Vec::new();
    let (footer, end) = Footer::find(&*source, &mut notes)?;
    let size = footer.current_size;
    if footer.kind == Kind::Fixed {
        let stored = end.unwrap_or(source.len());
        if stored < size {
            notes.push(format!("the disk has {size} bytes and the file holds only {stored} of them"));
        }
        let data = Slice::new(Arc::clone(&source), 0, stored);
        return Ok(Image {
            data: Arc::new(Fixed { data, size }),
            format: "VHD (fixed)".into(),
            parts: parts(context, source.len(), None),
            hashes: StoredHashes::default(),
            notes,
            sector_size: Some(512),
        });
    }
    let header = Header::read(&*source, footer.data_offset)?;
    if header.room() < size {
        notes.push(format!("the block table covers {} of the {size} bytes of the disk", header.room()));
    }
    let parent = if footer.kind == Kind::Differencing {
        let wanted = Wanted {
            names: header.parent_names(&*source),
            ids: vec![header.parent_id],
            identify: structures::identify,
            show,
            open,
            context,
        };
        let (parent, file) = wanted.open()?;
        // The header keeps when the parent was last written, its footer only when it was made: that cannot be later.
        if let Ok((theirs, _)) = Footer::find(&*file, &mut Vec::new())
            && theirs.timestamp > header.parent_timestamp
        {
            notes.push(
                "the parent has the right identifier and a time later than the one noted for it".into(),
            );
        }
        notes.extend(parent_notes(&parent));
        Some(parent)
    } else {
        None
    };
    Ok(Image {
        format: if parent.is_some() { "VHD (differencing)" } else { "VHD (dynamic)" }.into(),
        parts: parts(context, source.len(), parent.as_ref()),
        hashes: StoredHashes::default(),
        notes,
        sector_size: Some(512),
        data: Arc::new(Blocks::new(source, context, &header, size, parent.map(|parent| parent.data))),
    })
}
