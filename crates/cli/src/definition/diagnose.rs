//! `diagnose`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LookArgs, ReadingArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0    diagnosed, nothing at or above --fail-on
  1    diagnosed, at least one finding at or above --fail-on
  2    not diagnosed: bad usage, no readable evidence, or two installed systems and no --windows
  3    diagnosed, nothing at or above --fail-on, and the verdict is `inconclusive`
  130  interrupted

Many cases (--case, --each) give one JSON line each, in their order: {\"case\", \"exit\", \"report\"},
or {\"case\", \"exit\": 2, \"error\"} for one that could not be diagnosed, which never stops the others.
The last line is {\"across\"}: what the cases share. The exit code is 2 when a case could not be
diagnosed, else 1 when one has a finding at or above --fail-on, else 3 when one is inconclusive.
Each worker holds one case in memory: its hives whole, at most 512 MiB of unpacked archives inside
archives, and its report. A case of 100,000 key files took 9 MiB from a folder and 222 MiB from a
disk image. Finished reports wait only for older ones, four for each worker.";

/// Arguments of `diagnose`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DiagnoseArgs {
    /// Folders and files of one machine; opened read-only
    #[arg(required_unless_present_any = ["case", "each"], value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// One of many cases: a folder, an image or an archive; once for each
    #[arg(long, value_name = "PATH", conflicts_with = "evidence")]
    pub case: Vec<PathBuf>,

    /// Every entry of DIR is a case, except hidden ones and parts of disk images
    #[arg(long, value_name = "DIR", conflicts_with_all = ["evidence", "case"])]
    pub each: Option<PathBuf>,

    /// How many cases are diagnosed at the same time [default: the number of processors, 4 at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: Option<u16>,

    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Json)]
    pub format: ReportFormat,

    /// Write the report to FILE instead of stdout; never into the evidence
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How text looks.
    #[command(flatten)]
    pub look: LookArgs,

    /// Lowest severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub fail_on: FailOn,

    /// Put the time of this run into the report
    #[arg(long)]
    pub stamp: bool,

    /// Replace the names of this machine by tokens and keep MAP, which tells them, to yourself
    ///
    /// Hosts, domains, accounts, sites, application pools, folders, certificates, addresses, and the names of containers
    /// with their hashes in file names become tokens such as host-1, the same in every report for which the same MAP is
    /// used: it is read where it exists, and extended. MachineGuids, the GUIDs of key files, well-known names, digests of
    /// evidence, times and sizes stay, for they are the diagnosis. Names of one or two letters are replaced only where
    /// they stand alone. Read the report before you publish it.
    #[arg(long, value_name = "MAP")]
    pub pseudonymize: Option<PathBuf>,

    /// How the evidence is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For programs
    Json,
    /// For people
    Text,
    /// For people, as one HTML file with pictures
    Html,
    /// For tickets
    Markdown,
    /// SARIF 2.1.0, for code scanning and viewers
    Sarif,
    /// Only what happened when, as Timesketch JSONL
    Timeline,
    /// Times of files and moments as a bodyfile, for mactime
    Bodyfile,
}

impl ReportFormat {
    /// The name in the library.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Timeline => "timeline",
            Self::Bodyfile => "bodyfile",
        }
    }
}

/// Lowest severity that makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors
    Error,
    /// Warnings and errors
    Warning,
    /// Any finding
    Note,
    /// No finding
    Never,
}
