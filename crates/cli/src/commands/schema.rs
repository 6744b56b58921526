//! `iiskeys schema`

use crate::args::{Document, SchemaArgs};
use crate::exit::{Exit, Failure};
use crate::{engine, output};

/// Prints the JSON Schema of a document.
///
/// # Errors
/// Stdout does not take it.
pub fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    output::print(&match args.document {
        Document::Report => engine::schema(),
        Document::Comparison => engine::compare::schema(),
    })?;
    Ok(Exit::Clean)
}
