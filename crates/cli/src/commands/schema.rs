//! `iiskeys schema`

use crate::exit::{Exit, Failure};
use crate::{engine, output};

/// Prints the JSON Schema of the report.
///
/// # Errors
/// Stdout does not take it.
pub fn run() -> Result<Exit, Failure> {
    output::print(&engine::schema())?;
    Ok(Exit::Clean)
}
