//! `name`

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Arguments of `name`.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Name of the key container, such as iisWasKey
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub container: String,

    /// MachineGuid to append
    #[arg(long)]
    pub guid: Option<String>,
}
