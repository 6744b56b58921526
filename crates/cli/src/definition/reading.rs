//! How evidence is read, for every command that diagnoses.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How evidence is read and judged.
#[derive(Debug, Args)]
pub struct ReadingArgs {
    /// Groups of rules without which the verdict is not `healthy`
    #[arg(long, value_enum, value_name = "GROUP", value_delimiter = ',', default_values_t = [Group::Identity, Group::Containers])]
    pub require: Vec<Group>,

    /// Which installed system to diagnose, where the evidence holds more than one
    #[arg(long, value_name = "PATH")]
    pub windows: Option<PathBuf>,

    /// Prove the containers of others as well, not only those that IIS needs and well-known ones
    #[arg(long)]
    pub prove_all: bool,

    /// Read every disk image to its end and compare its content with the digests that it states
    #[arg(long)]
    pub verify_image: bool,

    /// File whose first line is the password of encrypted archives
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Show no progress, not even on a terminal
    #[arg(long)]
    pub no_progress: bool,

    /// Say on stderr what is being done
    #[arg(short, long)]
    pub verbose: bool,
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
