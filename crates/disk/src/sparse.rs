//! What VHD and VHDX have in common: blocks with a bitmap of their sectors, and parents known by an identifier.

use std::io;
use std::sync::Arc;

use crate::error::{DiskError, bad_data};
use crate::image::{Context, Image, MAX_CHAIN, Part};
use crate::read_at::ReadAt;
use crate::siblings::bare_name;

/// UTF-16 up to the first zero; what is not valid becomes the replacement character.
pub(crate) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok())
        .map(unit)
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}

/// `len` bytes at `offset`, all of them inside the source: the allocation is never larger than the file.
pub(crate) fn bytes_at(source: &dyn ReadAt, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    if offset.checked_add(len as u64).is_none_or(|end| end > source.len()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = vec![0; len];
    source.read_exact_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Fills `buf` from a block of the file; what lies behind the end of the file is an error that names the block.
pub(crate) fn stored(
    source: &dyn ReadAt,
    format: &str,
    block: u64,
    offset: Option<u64>,
    buf: &mut [u8],
) -> io::Result<()> {
    let wanted =
        offset.filter(|offset| offset.checked_add(buf.len() as u64).is_some_and(|end| end <= source.len()));
    match wanted {
        Some(offset) => source.read_exact_at(offset, buf),
        None => Err(bad_data(format!(
            "{format}: block {block} lies behind the end of the file ({} bytes): the file was cut short or its table \
             is damaged",
            source.len()
        ))),
    }
}

/// Fills `buf`, which begins `offset` bytes into a disk, block by block: `fill` is told the number of the block, how far
/// into it and into the disk the piece begins, and the piece.
pub(crate) fn block_by_block(
    block_size: u64,
    mut offset: u64,
    mut buf: &mut [u8],
    fill: impl Fn(u64, u64, u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    while !buf.is_empty() {
        let (block, inside) = (offset / block_size, offset % block_size);
        let count = usize::try_from(block_size - inside).unwrap_or(usize::MAX).min(buf.len());
        let (now, later) = std::mem::take(&mut buf).split_at_mut_checked(count).unwrap_or_default();
        fill(block, inside, offset, now)?;
        buf = later;
        offset += count as u64;
    }
    Ok(())
}

/// Fills `buf`, which begins `inside` bytes into a block, in runs of sectors that are all the block's own or all not:
/// `fill` is told which, how far into the block the run begins, and the run.
pub(crate) fn run_by_run(
    sector_size: u64,
    mut inside: u64,
    mut buf: &mut [u8],
    is_own: impl Fn(u64) -> bool,
    fill: impl Fn(bool, u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    let last = (inside + (buf.len() as u64).saturating_sub(1)) / sector_size;
    let mut sector = inside / sector_size;
    while !buf.is_empty() {
        let own = is_own(sector);
        sector += 1;
        while sector <= last && is_own(sector) == own {
            sector += 1;
        }
        let count = usize::try_from(sector * sector_size - inside).unwrap_or(usize::MAX).min(buf.len());
        let (run, later) = std::mem::take(&mut buf).split_at_mut_checked(count).unwrap_or_default();
        fill(own, inside, run)?;
        buf = later;
        inside += count as u64;
    }
    Ok(())
}

/// The bare names that paths end with, each once, in their order.
pub(crate) fn bare_names(paths: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let name = bare_name(&path).to_string();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A parent that an image wants.
pub(crate) struct Wanted<'a> {
    /// The bare names that it may have.
    pub(crate) names: Vec<String>,
    /// The identifiers that the child accepts.
    pub(crate) ids: Vec<[u8; 16]>,
    /// The identifier of a file of the format, `None` when it is not one.
    pub(crate) identify: fn(&dyn ReadAt) -> Option<[u8; 16]>,
    /// The identifier as people write it.
    pub(crate) show: fn(&[u8; 16]) -> String,
    /// Opens a file of the format.
    pub(crate) open: fn(Arc<dyn ReadAt>, &Context) -> Result<Image, DiskError>,
    /// The child's context.
    pub(crate) context: &'a Context,
}

impl Wanted<'_> {
    /// Opens the first file that has one of the names and one of the identifiers.
    ///
    /// The identifier is looked at before the file is opened with its own parents: a chain costs one file each level,
    /// however many names there are.
    pub(crate) fn open(&self) -> Result<(Image, Arc<dyn ReadAt>), DiskError> {
        if self.context.depth >= MAX_CHAIN {
            return Err(DiskError::Unsupported {
                what: format!(
                    "a chain of more than {MAX_CHAIN} parents, the last of them `{}`",
                    self.context.name
                ),
                advice: "merge the chain, or check that no file is its own parent".into(),
            });
        }
        let expected = self.ids.iter().map(self.show).collect::<Vec<_>>().join(" or ");
        let mut wrong = None;
        for name in &self.names {
            let Some(source) = self.context.siblings.open(name)? else { continue };
            let found = (self.identify)(&*source);
            if found.is_some_and(|id| self.ids.contains(&id)) {
                let context =
                    Context { name: name.clone(), depth: self.context.depth + 1, ..self.context.clone() };
                return Ok(((self.open)(Arc::clone(&source), &context)?, source));
            }
            wrong.get_or_insert_with(|| DiskError::WrongFile {
                role: "parent",
                name: name.clone(),
                expected: expected.clone(),
                found: found.as_ref().map_or_else(|| "none".into(), self.show),
            });
        }
        Err(wrong.unwrap_or_else(|| DiskError::MissingFile {
            role: "parent",
            name: self.names.first().cloned().unwrap_or_else(|| "(no name)".into()),
            id: expected,
        }))
    }
}

/// The files of an image and of its parent.
pub(crate) fn parts(context: &Context, size: u64, parent: Option<&Image>) -> Vec<Part> {
    let own = Part { name: context.name.clone(), role: "image", size };
    let above = parent.into_iter().flat_map(|parent| &parent.parts);
    std::iter::once(own).chain(above.map(|part| Part { role: "parent", ..part.clone() })).collect()
}

/// What a child says of the damage of its parent.
pub(crate) fn parent_notes(parent: &Image) -> impl Iterator<Item = String> {
    let name = parent.parts.first().map_or("", |part| part.name.as_str());
    parent.notes.iter().map(move |note| format!("parent `{name}`: {note}"))
}
