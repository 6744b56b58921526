//! `collect`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const FORMS: &str = "\
How each form is used:
  kape          save as IisMachineKeys.tkape below Targets, then: kape --tsource C: --tdest OUT --target IisMachineKeys
  velociraptor  import as an artifact and collect Custom.Windows.IIS.MachineKeys
  acquire       save as FILE, then: acquire @FILE -o OUT
  azure         lines of a manifest of Azure disk inspection
  powershell    save as collect.ps1, then as administrator: powershell -ExecutionPolicy Bypass -File collect.ps1 -Output D:\\OUT
  list          paths and commands to read and follow by hand";

/// Arguments of `collect`.
#[derive(Debug, Args)]
#[command(after_help = FORMS)]
pub struct CollectArgs {
    /// The collector to print a definition for
    #[arg(long = "for", value_enum, value_name = "FORM")]
    pub form: Collector,

    /// Leave key files on the server, and what opens them: only names, sizes, times and access rights
    #[arg(long)]
    pub names_only: bool,

    /// Gather only these, by their names in `collect[].need` of a report
    #[arg(long, value_name = "NEED", value_delimiter = ',', conflicts_with = "missing")]
    pub need: Vec<String>,

    /// Gather only what this saved report (JSON) lacks
    #[arg(long, value_name = "REPORT")]
    pub missing: Option<PathBuf>,

    /// Write the definition to FILE instead of stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Collector {
    /// A KAPE target
    Kape,
    /// A Velociraptor artifact
    Velociraptor,
    /// Arguments for acquire
    Acquire,
    /// Manifest lines for Azure disk inspection
    Azure,
    /// A script for Windows PowerShell 2 and later
    Powershell,
    /// Paths and commands for people
    List,
}

impl Collector {
    /// The name in the library.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kape => "kape",
            Self::Velociraptor => "velociraptor",
            Self::Acquire => "acquire",
            Self::Azure => "azure",
            Self::Powershell => "powershell",
            Self::List => "list",
        }
    }
}
