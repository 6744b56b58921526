//! `diagnose`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0    diagnosed, nothing at or above --fail-on
  1    diagnosed, at least one finding at or above --fail-on
  2    not diagnosed: bad usage, no readable evidence, or two installed systems and no --windows
  3    diagnosed, nothing at or above --fail-on, and the verdict is `inconclusive`
  130  interrupted";

/// Arguments of `diagnose`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DiagnoseArgs {
    /// Folders and files of one machine; opened read-only
    #[arg(required = true, value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Json)]
    pub format: ReportFormat,

    /// Write the report to FILE instead of stdout; never into the evidence
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Lowest severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub fail_on: FailOn,

    /// Groups of rules without which the verdict is not `healthy`
    #[arg(long, value_enum, value_name = "GROUP", value_delimiter = ',', default_values_t = [Group::Identity, Group::Containers])]
    pub require: Vec<Group>,

    /// Which installed system to diagnose, where the evidence holds more than one
    #[arg(long, value_name = "PATH")]
    pub windows: Option<PathBuf>,

    /// Put the time of this run into the report
    #[arg(long)]
    pub stamp: bool,

    /// Prove the containers of others as well, not only those that IIS needs and well-known ones
    #[arg(long)]
    pub prove_all: bool,

    /// Read every disk image to its end and compare its content with the digests that it states
    #[arg(long)]
    pub verify_image: bool,

    /// File whose first line is the password of encrypted archives
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Replace the names of this machine by tokens and keep MAP, which tells them, to yourself
    ///
    /// Hosts, domains, accounts, sites, application pools, folders, certificates, addresses, and the names of containers
    /// with their hashes in file names become tokens such as host-1, the same in every report for which the same MAP is
    /// used: it is read where it exists, and extended. MachineGuids, the GUIDs of key files, well-known names, digests of
    /// evidence, times and sizes stay, for they are the diagnosis. Names of one or two letters are replaced only where
    /// they stand alone. Read the report before you publish it.
    #[arg(long, value_name = "MAP")]
    pub pseudonymize: Option<PathBuf>,

    /// Show no progress, not even on a terminal
    #[arg(long)]
    pub no_progress: bool,

    /// Say on stderr what is being done
    #[arg(short, long)]
    pub verbose: bool,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For programs
    Json,
    /// For people
    Text,
    /// Only what happened when, as Timesketch JSONL
    Timeline,
}

impl ReportFormat {
    /// The name in the library.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Timeline => "timeline",
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

/// A group of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// The MachineGuid
    Identity,
    /// Key containers
    Containers,
    /// What protects the private keys (DPAPI)
    Protection,
    /// The encrypted configuration
    Configuration,
    /// TLS certificates and bindings
    Certificates,
    /// What event logs show
    Symptoms,
}

impl Group {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Containers => "containers",
            Self::Protection => "protection",
            Self::Configuration => "configuration",
            Self::Certificates => "certificates",
            Self::Symptoms => "symptoms",
        }
    }
}
