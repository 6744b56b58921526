//! From an image to the files that it builds on.

use std::io;
use std::sync::Arc;

use crate::error::DiskError;
use crate::image::{Context, Image, MAX_CHAIN, Part};
use crate::read_at::ReadAt;

/// The file `name` beside the image.
///
/// # Errors
/// [`DiskError::MissingFile`] when it is not there.
pub(crate) fn sibling(
    context: &Context,
    role: &'static str,
    name: &str,
    id: &str,
) -> Result<Arc<dyn ReadAt>, DiskError> {
    let found = context.siblings.open(name)?;
    found.ok_or_else(|| DiskError::MissingFile { role, name: printable(name), id: printable(id) })
}

/// Text of the evidence that cannot steer the analyst's terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// What the file `name` is opened with when `context` belongs to an image that builds on it.
///
/// # Errors
/// When the chain is longer than any real one, which also ends images that name themselves.
pub(crate) fn below(context: &Context, name: &str) -> Result<Context, DiskError> {
    if context.depth >= MAX_CHAIN {
        return Err(DiskError::Unsupported {
            what: format!("a chain of more than {MAX_CHAIN} images at `{}`", printable(name)),
            advice: "look whether an image names itself as its parent, and merge the chain otherwise".into(),
        });
    }
    Ok(Context { name: name.to_owned(), depth: context.depth + 1, ..context.clone() })
}

/// The parts of a parent as parts of the child: its first file is not `image` any more.
pub(crate) fn parts_below(parent: Image, role: &'static str) -> impl Iterator<Item = Part> {
    parent.parts.into_iter().map(move |part| if part.role == "image" { Part { role, ..part } } else { part })
}

/// The notes of a parent, each with the parent's name.
pub(crate) fn notes_below(parent: &Image, name: &str) -> Vec<String> {
    parent.notes.iter().map(|note| format!("{name}: {note}")).collect()
}

/// What a child without own data shows at `offset`: the parent's bytes, zeros behind its end or without one.
pub(crate) fn read_parent(parent: Option<&Arc<dyn ReadAt>>, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let count = match parent {
        Some(parent) if offset < parent.len() => parent.read_at(offset, buf)?,
        _ => 0,
    };
    if let Some(rest) = buf.get_mut(count..) {
        rest.fill(0);
    }
    Ok(())
}
