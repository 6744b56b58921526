//! `explain`

use clap::Args;

use super::LookArgs;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code (0x80090006, 2148073478, -2146893818), an event id, or words of a message
    #[arg(required = true, value_name = "CODE|TEXT", allow_negative_numbers = true)]
    pub words: Vec<String>,

    /// How text looks.
    #[command(flatten)]
    pub look: LookArgs,
}
