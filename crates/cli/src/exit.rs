//! How a run ends: an exit code that scripts can rely on, or one sentence for a person.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes. They are a contract: none is ever given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Diagnosed, and nothing at or above `--fail-on`; for the other commands, answered.
    Clean = 0,
    /// Diagnosed, with at least one finding at or above `--fail-on`.
    Found = 1,
    /// Not diagnosed: bad usage, no evidence that could be read, or a choice between two systems that nobody made.
    NotDiagnosed = 2,
    /// Diagnosed without a finding at or above `--fail-on`, and a required group could not be evaluated.
    Inconclusive = 3,
    /// Interrupted with Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why there is no answer: one sentence that says what was expected, what was found and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with that sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is safe to show on a terminal: letters that steer it or hide others are written as escapes.
pub fn shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len() + 2), |mut out, letter| {
        match letter {
            '\\' | '"' | '\'' => out.push(letter),
            _ => out.extend(letter.escape_debug()),
        }
        out
    })
}

/// A path in quotes, safe to show on a terminal.
pub fn quoted(path: &Path) -> String {
    format!("'{}'", shown(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_path_cannot_steer_the_terminal() {
        let path = Path::new("a\u{1b}[31m\n\u{202e}b\\c");
        assert_eq!(quoted(path), r"'a\u{1b}[31m\n\u{202e}b\c'");
    }
}
