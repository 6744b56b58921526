//! `schema`

use clap::{Args, ValueEnum};

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of which document
    #[arg(value_enum, default_value_t = Document::Report)]
    pub document: Document,
}

/// A document that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// What `diagnose` writes
    Report,
    /// What `compare --format json` writes
    Comparison,
}
