//! `render`

use std::path::PathBuf;

use clap::Args;

use super::{LookArgs, ReportFormat};

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A report that `iiskeys diagnose` has written as JSON
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,

    /// Form to give it
    #[arg(long, value_enum, value_name = "FORM", default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,

    /// Write it to FILE instead of stdout; never over the report
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How text looks.
    #[command(flatten)]
    pub look: LookArgs,
}
