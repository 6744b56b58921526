//! `iiskeys explain`

use crate::args::ExplainArgs;
use crate::exit::{Exit, Failure, shown};
use crate::{engine, output};

/// Explains a code, an event id or words of a message.
///
/// # Errors
/// Nothing is known about it, or stdout does not take the answer.
pub fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let asked = args.words.join(" ");
    let answer = engine::explain(&asked).ok_or_else(|| {
        Failure::new(format!(
            "nothing is known about '{}'; try the bare code, an event id, or fewer words of the message",
            shown(&asked)
        ))
    })?;
    output::print(&answer)?;
    Ok(Exit::Clean)
}
