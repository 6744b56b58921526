//! What the command line takes, and nothing of what it does: completions and man pages are made from the same words.

mod check;
mod collect;
mod compare;
mod completions;
mod diagnose;
mod explain;
mod look;
mod man;
mod name;
mod reading;
mod render;
mod rules;
mod schema;

use clap::{Parser, Subcommand};

pub use check::CheckArgs;
pub use collect::CollectArgs;
pub use compare::{CompareArgs, ComparisonFormat};
pub use completions::CompletionsArgs;
#[cfg(test)]
pub use completions::Shell;
pub use diagnose::{DiagnoseArgs, FailOn, ReportFormat};
pub use explain::ExplainArgs;
pub use look::{Colour, LookArgs};
pub use man::ManArgs;
pub use name::NameArgs;
#[cfg(test)]
pub use reading::Group;
pub use reading::ReadingArgs;
pub use render::RenderArgs;
pub use rules::{RulesArgs, RulesFormat};
pub use schema::{Document, SchemaArgs};

/// Says why an IIS server can no longer open its machine keys, from copied files alone.
#[derive(Debug, Parser)]
#[command(name = "iiskeys", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Diagnose one machine from its evidence
    Diagnose(DiagnoseArgs),
    /// Give a saved report in another form
    Render(RenderArgs),
    /// Compare two reports: before and after a repair, or two machines
    Compare(CompareArgs),
    /// Compare evidence with the report that it gave before, for CI
    Check(CheckArgs),
    /// Print what a collector must gather of a server
    Collect(CollectArgs),
    /// List the rules, or explain one
    Rules(RulesArgs),
    /// Say what a status code, an event id or a message means here
    Explain(ExplainArgs),
    /// Print the file name that a key container has
    Name(NameArgs),
    /// Print the JSON Schema of the report or of a comparison
    Schema(SchemaArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print a man page
    Man(ManArgs),
}
