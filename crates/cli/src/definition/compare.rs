//! `compare`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const ABOUT: &str = "\
Each of A and B is a report that was saved as JSON, or evidence, which is diagnosed with the
default options. Worse is: a new finding of severity warning or error, a raised severity, a worse
verdict, or something that the plan of A expects and that is not there. What B could not examine
is never counted as gone; it makes the comparison open.

Exit codes:
  0    nothing in B is worse than in A, and everything that the plan of A expects is there
  1    something in B is worse, or something that the plan of A expects is not there
  2    not compared: bad usage, or neither a report nor evidence
  3    nothing is known to be worse, and something could not be answered
  130  interrupted";

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub struct CompareArgs {
    /// The report or the evidence before, or of the first machine
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The report or the evidence after, or of the second machine
    #[arg(value_name = "B")]
    pub b: PathBuf,

    /// Form of the answer
    #[arg(long, value_enum, default_value_t = ComparisonFormat::Text)]
    pub format: ComparisonFormat,

    /// Write the answer to FILE instead of stdout; never into the evidence
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

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

/// Form of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ComparisonFormat {
    /// For programs
    Json,
    /// For people
    Text,
}
