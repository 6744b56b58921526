//! How answers that people read shall look

use clap::{Args, ValueEnum};

/// How answers that people read shall look.
#[derive(Debug, Clone, Args)]
pub struct LookArgs {
    /// When text has colours; without this, on a terminal and unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    pub color: Colour,

    /// Columns of a line of text, 40 to 160; without this, those of the terminal, else 100
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=160))]
    pub width: Option<u16>,
}

/// When text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal that can show them, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
