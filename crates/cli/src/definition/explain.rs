//! `explain`

use clap::Args;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code (0x80090006, 2148073478, -2146893818), an event id, or words of a message
    #[arg(required = true, value_name = "CODE|TEXT", allow_negative_numbers = true)]
    pub words: Vec<String>,
}
