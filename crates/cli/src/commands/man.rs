//! `iiskeys man`

use std::path::Path;

use crate::args::ManArgs;
use crate::exit::{Exit, Failure, shown};
use crate::generated::MAN_PAGES;
use crate::output::{self, Target};

/// Prints a man page, or writes them all.
///
/// # Errors
/// There is no such page, or it could not be written.
pub fn run(args: &ManArgs) -> Result<Exit, Failure> {
    match &args.all {
        Some(folder) => write_all(folder)?,
        None => output::print(page(args.command.as_deref())?)?,
    }
    Ok(Exit::Clean)
}

fn page(command: Option<&str>) -> Result<&'static str, Failure> {
    let name = command.map_or("iiskeys.1".to_owned(), |command| format!("iiskeys-{command}.1"));
    MAN_PAGES.iter().find(|(page, _)| *page == name).map(|(_, text)| *text).ok_or_else(|| {
        let command = shown(command.unwrap_or_default());
        Failure::new(format!("there is no command '{command}' with a man page; see `iiskeys --help`"))
    })
}

fn write_all(folder: &Path) -> Result<(), Failure> {
    for (name, text) in MAN_PAGES {
        Target::resolve(Some(&folder.join(name)), &[], &[])?.write(text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_each_command_have_a_page() {
        assert!(page(None).unwrap().contains("diagnose"));
        assert!(page(Some("diagnose")).unwrap().contains("fail"));
        assert!(page(Some("x\u{1b}")).unwrap_err().to_string().contains("u{1b}"));
    }

    #[test]
    fn all_pages_are_written() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), MAN_PAGES.len());
    }
}
