//! Makes the completions and man pages from the words of the command line, so that they cannot differ from it.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::CommandFactory;
use clap_complete::Shell;

// Only the shape of the command line is asked for here.
#[allow(dead_code, unused_imports)]
#[path = "src/definition/mod.rs"]
mod definition;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/definition");
    long_paths();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut code = String::new();
    completions(&out, &mut code)?;
    man_pages(&out, &mut code)?;
    fs::write(out.join("generated.rs"), code)?;
    Ok(())
}

/// Has Windows take paths of more than 260 letters, which collections are full of, and command lines in UTF-8.
fn long_paths() {
    let of = |name: &str| env::var(name).unwrap_or_default();
    if of("CARGO_CFG_TARGET_OS") == "windows" && of("CARGO_CFG_TARGET_ENV") == "msvc" {
        println!("cargo::rerun-if-changed=windows.manifest");
        println!("cargo::rustc-link-arg-bins=/MANIFEST:EMBED");
        println!("cargo::rustc-link-arg-bins=/MANIFESTINPUT:{}/windows.manifest", of("CARGO_MANIFEST_DIR"));
    }
}

/// One script for each shell, and a table of them by the shell's name.
fn completions(out: &Path, code: &mut String) -> Result<(), Box<dyn Error>> {
    writeln!(code, "/// Completion scripts by shell.\npub static COMPLETIONS: &[(&str, &str)] = &[")?;
    for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
        let file = clap_complete::generate_to(shell, &mut definition::Cli::command(), "iiskeys", out)?;
        writeln!(code, "    ({:?}, include_str!({file:?})),", shell.to_string())?;
    }
    writeln!(code, "];")?;
    Ok(())
}

/// One page for the program and one for each command, and a table of them by file name.
fn man_pages(out: &Path, code: &mut String) -> Result<(), Box<dyn Error>> {
    writeln!(code, "/// Man pages by file name.\npub static MAN_PAGES: &[(&str, &str)] = &[")?;
    let mut program = definition::Cli::command();
    program.build();
    let mut pages = vec![("iiskeys.1".to_owned(), program.clone())];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("iiskeys-{}", command.get_name());
        // `man iiskeys-diagnose` is the page, `iiskeys diagnose` what is typed.
        let typed = format!("iiskeys {}", command.get_name());
        pages.push((format!("{name}.1"), command.clone().name(name).bin_name(typed)));
    }
    for (name, command) in pages {
        let file = out.join(&name);
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        fs::write(&file, page)?;
        writeln!(code, "    ({name:?}, include_str!({file:?})),")?;
    }
    writeln!(code, "];")?;
    Ok(())
}
