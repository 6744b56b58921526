//! `iiskeys completions`

use clap::ValueEnum;

use crate::args::CompletionsArgs;
use crate::exit::{Exit, Failure};
use crate::generated::COMPLETIONS;
use crate::output;

/// Prints the completion script of a shell.
///
/// # Errors
/// Stdout does not take it.
pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let name = args.shell.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let script = COMPLETIONS.iter().find(|(shell, _)| *shell == name).map_or("", |(_, script)| script);
    output::print(script)?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Shell;

    #[test]
    fn every_shell_has_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let name = shell.to_possible_value().unwrap().get_name().to_owned();
            let script = COMPLETIONS.iter().find(|(shell, _)| *shell == name);
            assert!(script.is_some_and(|(_, script)| script.contains("diagnose")), "{name}");
        }
    }
}
