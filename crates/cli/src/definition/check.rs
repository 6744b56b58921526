//! `check`

use std::path::PathBuf;

use clap::Args;

use super::reading::ReadingArgs;

const EXIT_CODES: &str = "\
Findings (severity, confidence, title), the verdict, the root cause and the plan are compared.
Versions, evidence ids, times and explanations are not, so a baseline outlives a new version that
says the same.

Exit codes:
  0    the answer is that of the baseline, or --update wrote it
  1    the answer differs; the difference is on stdout
  2    not diagnosed, or the baseline is no report
  130  interrupted";

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct CheckArgs {
    /// Folders and files of one machine; opened read-only
    #[arg(required = true, value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// The report to compare with, as `diagnose` writes it
    #[arg(long, value_name = "REPORT", required = true)]
    pub baseline: PathBuf,

    /// Write the baseline anew where it differs, or make it
    #[arg(long)]
    pub update: bool,

    /// Write the result to FILE as JUnit XML, for CI
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// How the evidence is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}
