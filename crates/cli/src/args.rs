//! Reads the command line.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

pub use crate::definition::*;
use crate::engine;
use crate::exit::{Failure, shown};

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// A command.
    Command(Command),
    /// A help text or the version, to print.
    Help(String),
}

/// Reads the command line.
///
/// # Errors
/// One sentence about what is wrong with it.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, Failure> {
    let words: Vec<OsString> = words.into_iter().collect();
    match Cli::try_parse_from(&words) {
        Ok(cli) => Ok(Parsed::Command(cli.command)),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(Parsed::Help(error.render().to_string())),
        Err(error) if error.kind() == ErrorKind::DisplayVersion => Ok(Parsed::Help(engine::version())),
        Err(error) => Err(Failure::new(sentence(&error, &words))),
    }
}

/// The parser's message without its layout, and where to read on.
fn sentence(error: &clap::Error, words: &[OsString]) -> String {
    let cli = Cli::command();
    let subcommand = words.get(1).and_then(|word| word.to_str()).and_then(|word| cli.find_subcommand(word));
    let help =
        subcommand.map_or("iiskeys --help".to_owned(), |it| format!("iiskeys {} --help", it.get_name()));
    if matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let names: Vec<_> = cli.get_subcommands().map(|it| it.get_name()).collect();
        return format!("expected a command ({}), found none; see `{help}`", names.join(", "));
    }
    let text = error.render().to_string();
    let message: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty() && !line.starts_with("tip: to pass"))
        .collect();
    let message = message.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message).replace(" tip: ", "; ");
    format!("{}; see `{help}`", shown(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &[&str]) -> String {
        match parse(words.iter().map(OsString::from)) {
            Err(failure) => failure.to_string(),
            Ok(parsed) => panic!("{parsed:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mistakes_are_told_in_one_line() {
        let cases: [&[&str]; 6] = [
            &["iiskeys"],
            &["iiskeys", "diagnose"],
            &["iiskeys", "diagnose", "x", "--formt", "json"],
            &["iiskeys", "diagnose", "x", "--format", "yaml"],
            &["iiskeys", "diagnose", "x", "--require", "identity,luck"],
            &["iiskeys", "daignose", "x\u{1b}[31m"],
        ];
        for words in cases {
            let told = refused(words);
            assert!(!told.contains(['\n', '\u{1b}']) && told.ends_with("--help`"), "{told}");
        }
        assert!(refused(cases[0]).contains("diagnose, render, compare, check, collect, rules, explain"));
        assert!(refused(cases[2]).contains("'--format'"), "the similar option is named");
    }

    #[test]
    fn a_signed_code_is_not_an_option() {
        let parsed = parse(["iiskeys", "explain", "-2146893818"].map(OsString::from));
        assert!(matches!(parsed, Ok(Parsed::Command(Command::Explain(it))) if it.words == ["-2146893818"]));
    }

    #[test]
    fn required_groups_are_a_list_with_a_default() {
        let groups = |words: &[&str]| match parse(words.iter().map(OsString::from)) {
            Ok(Parsed::Command(Command::Diagnose(it))) => it.reading.require,
            other => panic!("{other:?}"),
        };
        assert_eq!(groups(&["iiskeys", "diagnose", "x"]), [Group::Identity, Group::Containers]);
        assert_eq!(
            groups(&["iiskeys", "diagnose", "x", "--require", "protection,symptoms"]),
            [Group::Protection, Group::Symptoms]
        );
    }
}
