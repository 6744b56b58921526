//! What the command line takes, and nothing of what it does: completions and man pages are made from the same words.

mod check;
mod compare;
mod diagnose;
mod explain;
mod name;
mod reading;
mod rules;
mod schema;

use clap::{Parser, Subcommand};

pub use check::CheckArgs;
pub use compare::CompareArgs;
pub use diagnose::{DiagnoseArgs, FailOn};
pub use explain::ExplainArgs;
pub use name::NameArgs;
#[cfg(test)]
pub use reading::Group;
pub use reading::ReadingArgs;
pub use rules::{Format, RulesArgs};
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
    /// Compare two reports: before and after a repair, or two machines
    Compare(CompareArgs),
    /// Compare evidence with the report that it gave before, for CI
    Check(CheckArgs),
    /// List the rules, or explain one
    Rules(RulesArgs),
    /// Say what a status code, an event id or a message means here
    Explain(ExplainArgs),
    /// Print the file name that a key container has
    Name(NameArgs),
    /// Print the JSON Schema of the report or of a comparison
    Schema(SchemaArgs),
}
