//! `iiskeys`: offline diagnosis of IIS machine keys.
//!
//! Arguments in, one call into the library, its answer out. What the words mean is decided in `iiskeys_core`.

mod args;
mod commands;
mod definition;
mod engine;
mod entries;
mod exit;
mod generated;
mod interrupt;
mod look;
mod output;
mod pool;
mod private_map;
mod progress;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Command, Parsed};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    interrupt::install();
    match args::parse(std::env::args_os()) {
        Ok(Parsed::Command(command)) => run(command),
        Ok(Parsed::Help(text)) => output::print(&text).map(|()| Exit::Clean),
        Err(failure) => Err(failure),
    }
    .unwrap_or_else(|failure| {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "iiskeys: {failure}");
        Exit::NotDiagnosed
    })
    .into()
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Diagnose(args) => commands::diagnose::run(&args),
        Command::Render(args) => commands::render::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Collect(args) => commands::collect::run(&args),
        Command::Rules(args) => commands::rules::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Name(args) => commands::name::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    }
}
