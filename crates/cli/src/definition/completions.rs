//! `completions`

use clap::{Args, ValueEnum};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// A shell that completes command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// For ~/.local/share/bash-completion/completions/iiskeys
    Bash,
    /// For ~/.config/elvish/lib
    Elvish,
    /// For ~/.config/fish/completions/iiskeys.fish
    Fish,
    /// For a file that $PROFILE runs
    Powershell,
    /// For a file _iiskeys in a folder of $fpath
    Zsh,
}
