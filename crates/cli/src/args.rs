//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::exit::{Failure, shown};

const EXIT_CODES: &str = "\
Exit codes:
  0    diagnosed, nothing at or above --fail-on
  1    diagnosed, at least one finding at or above --fail-on
  2    not diagnosed: bad usage, no readable evidence, or two installed systems and no --windows
  3    diagnosed, nothing at or above --fail-on, and the verdict is `inconclusive`
  130  interrupted";

/// Says why an IIS server can no longer open its machine keys, from copied files alone.
#[derive(Debug, Parser)]
#[command(name = "iiskeys", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Diagnose one machine from its evidence
    Diagnose(DiagnoseArgs),
    /// List the rules, or explain one
    Rules(RulesArgs),
    /// Say what a status code, an event id or a message means here
    Explain(ExplainArgs),
    /// Print the file name that a key container has
    Name(NameArgs),
    /// Print the JSON Schema of the report
    Schema,
}

/// Arguments of `diagnose`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DiagnoseArgs {
    /// Folders and files of one machine; opened read-only
    #[arg(required = true, value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Json)]
    pub format: ReportFormat,

    /// Write the report to FILE instead of stdout; never into the evidence
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Lowest severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub fail_on: FailOn,

    /// Groups of rules without which the verdict is not `healthy`
    #[arg(long, value_enum, value_name = "GROUP", value_delimiter = ',', default_values_t = [Group::Identity, Group::Containers])]
    pub require: Vec<Group>,

    /// Which installed system to diagnose, where the evidence holds more than one
    #[arg(long, value_name = "PATH")]
    pub windows: Option<PathBuf>,

    /// Put the time of this run into the report
    #[arg(long)]
    pub stamp: bool,

    /// Prove the containers of others as well, not only those that IIS needs and well-known ones
    #[arg(long)]
    pub prove_all: bool,

    /// Read every disk image to its end and compare its content with the digests that it states
    #[arg(long)]
    pub verify_image: bool,

    /// File whose first line is the password of encrypted archives
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Show no progress, not even on a terminal
    #[arg(long)]
    pub no_progress: bool,

    /// Say on stderr what is being done
    #[arg(short, long)]
    pub verbose: bool,
}

/// Arguments of `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// The rule to explain
    pub name: Option<String>,

    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code (0x80090006, 2148073478, -2146893818), an event id, or words of a message
    #[arg(required = true, value_name = "CODE|TEXT", allow_negative_numbers = true)]
    pub words: Vec<String>,
}

/// Arguments of `name`.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Name of the key container, such as iisWasKey
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub container: String,

    /// MachineGuid to append
    #[arg(long)]
    pub guid: Option<String>,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For programs
    Json,
    /// For people
    Text,
    /// Only what happened when, as Timesketch JSONL
    Timeline,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For programs
    Json,
    /// For people
    Text,
}

/// Lowest severity that makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors
    Error,
    /// Warnings and errors
    Warning,
    /// Any finding
    Note,
    /// No finding
    Never,
}

/// A group of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// The MachineGuid
    Identity,
    /// Key containers
    Containers,
    /// DPAPI; no rule of this version
    Protection,
    /// Encrypted configuration; no rule of this version
    Configuration,
    /// TLS certificates; no rule of this version
    Certificates,
    /// Event logs; no rule of this version
    Symptoms,
}

impl Group {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Containers => "containers",
            Self::Protection => "protection",
            Self::Configuration => "configuration",
            Self::Certificates => "certificates",
            Self::Symptoms => "symptoms",
        }
    }
}

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
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Help(error.render().to_string()))
        }
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
        assert!(refused(cases[0]).contains("diagnose, rules, explain, name, schema"));
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
            Ok(Parsed::Command(Command::Diagnose(it))) => it.require,
            other => panic!("{other:?}"),
        };
        assert_eq!(groups(&["iiskeys", "diagnose", "x"]), [Group::Identity, Group::Containers]);
        assert_eq!(
            groups(&["iiskeys", "diagnose", "x", "--require", "protection,symptoms"]),
            [Group::Protection, Group::Symptoms]
        );
    }
}
