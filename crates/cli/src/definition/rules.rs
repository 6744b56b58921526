//! `rules`

use clap::{Args, ValueEnum};

use super::LookArgs;

/// Arguments of `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// The rule to explain
    pub name: Option<String>,

    /// Form of the answer
    #[arg(long, value_enum, default_value_t = RulesFormat::Text)]
    pub format: RulesFormat,

    /// How text looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// Form of an answer about rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// For programs
    Json,
    /// For people
    Text,
    /// For documents, with links between the rules
    Markdown,
}
