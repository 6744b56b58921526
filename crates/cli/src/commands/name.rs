//! `iiskeys name`

use std::fmt::Write;

use crate::args::NameArgs;
use crate::exit::{Exit, Failure, shown};
use crate::{engine, output};

/// Prints the file name of a container, one line for each family.
///
/// # Errors
/// The GUID is malformed, no name can be known, or stdout does not take the answer.
pub fn run(args: &NameArgs) -> Result<Exit, Failure> {
    let guid = args.guid.as_deref().map(engine::guid).transpose()?;
    let prefixes = engine::prefixes(&args.container);
    if prefixes.iter().all(|(_, prefix)| prefix.is_none()) {
        return Err(Failure::new(format!(
            "the file name of '{}' cannot be known: how Windows lower-cases letters outside ASCII is not documented; \
             look for the name inside the files instead",
            shown(&args.container)
        )));
    }
    let mut answer = String::new();
    for (family, prefix) in prefixes {
        let family = family.to_string();
        let _ = match (prefix, guid) {
            (Some(prefix), Some(guid)) => writeln!(answer, "{family:<4}  {prefix}_{guid}"),
            (Some(prefix), None) => writeln!(answer, "{family:<4}  {prefix}"),
            (None, _) => {
                writeln!(answer, "{family:<4}  cannot be known: the name holds letters outside ASCII")
            }
        };
    }
    output::print(&answer)?;
    Ok(Exit::Clean)
}
