//! `iiskeys explain`

use std::fmt::Write;

use crate::args::ExplainArgs;
use crate::engine::{self, Explanation};
use crate::exit::{Exit, Failure, shown};
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
    let answers: Vec<String> = answers.iter().map(|answer| text(answer, &known)).collect();
    output::print(&answers.join("\n"))?;
    Ok(Exit::Clean)
}

/// One answer; of the rules that look into it, those that this build has.
fn text(answer: &Explanation, known: &[&str]) -> String {
    let mut text = answer.code.clone();
    if !answer.name.is_empty() {
        let _ = write!(text, " {}", answer.name);
    }
    if let (Some(unsigned), Some(signed)) = (answer.unsigned, answer.signed) {
        let _ = write!(text, " ({unsigned}, {signed})");
    }
    let rules: Vec<&str> = answer.rules.iter().copied().filter(|rule| known.contains(rule)).collect();
    let rules = if rules.is_empty() { "none of this version".to_owned() } else { rules.join(", ") };
    let sources = answer.sources.join("; ");
    let _ = write!(text, "\n  {}\n  Rules: {rules}\n  Sources: {sources}\n", answer.meaning);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_that_there_are_are_named() {
        let answer = &engine::explain("0x80090006")[0];
        let named = text(answer, &["container-missing", "timestamps-lost"]);
        assert!(named.contains("\n  Rules: container-missing\n"), "{named}");
        assert!(text(answer, &[]).contains("\n  Rules: none of this version\n"));
    }
}
