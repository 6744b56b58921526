//! `man`

use std::path::PathBuf;

use clap::Args;

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command; the program itself when left out
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,

    /// Write all pages into FOLDER instead, which must be there
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    pub all: Option<PathBuf>,
}
