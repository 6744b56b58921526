//! `iiskeys collect`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::args::CollectArgs;
use crate::engine;
use crate::exit::{Exit, Failure};
use crate::output::Target;

/// Prints the definition for a collector.
///
/// # Errors
/// A need is not known, the report cannot be read or lacks nothing, or the definition could not be written.
pub fn run(args: &CollectArgs) -> Result<Exit, Failure> {
    let inputs: Vec<&Path> = args.missing.iter().map(PathBuf::as_path).collect();
    let target = Target::resolve(args.output.as_deref(), &[], &inputs)?;
    let needs = match &args.missing {
        Some(report) => engine::missing(report)?,
        None => args.need.clone(),
    };
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    let (text, notes) = engine::definition(args.form.name(), &needs, args.names_only)?;
    target.write(&text)?;
    for note in notes {
        // The definition is written; nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "iiskeys: {note}");
    }
    Ok(Exit::Clean)
}
