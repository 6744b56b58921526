//! `iiskeys explain`

use crate::args::ExplainArgs;
use crate::engine;
use crate::exit::{Exit, Failure, shown};
use crate::look::look;
use crate::output;

/// Explains a code, an event id or words of a message.
///
/// # Errors
/// Nothing is known about it, or stdout does not take the answer.
pub fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let asked = args.words.join(" ");
    let answers = engine::explain(&asked);
    if answers.is_empty() {
        return Err(Failure::new(format!(
            "nothing is known here about '{}'; try the bare code, an event id, or other words of the message",
            shown(&asked)
        )));
    }
    let known: Vec<&str> = engine::rules().iter().map(|rule| rule.name).collect();
    let look = look(&args.look, false);
    let answers: Vec<String> = answers.iter().map(|answer| answer.to_text(&known, &look)).collect();
    output::print(&answers.join("\n"))?;
    Ok(Exit::Clean)
}
