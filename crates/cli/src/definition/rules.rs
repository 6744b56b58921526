//! `rules`

use clap::{Args, ValueEnum};

/// Arguments of `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// The rule to explain
    pub name: Option<String>,

    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For programs
    Json,
    /// For people
    Text,
}
