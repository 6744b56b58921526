//! Progress on stderr: for a person at a terminal, or in words with `-v`.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::shown;

/// Shows what is being done and how far it is.
pub struct Meter {
    spinner: Option<ProgressBar>,
    verbose: bool,
}

impl Meter {
    /// A meter that spins only on a terminal and never when `silent`; `verbose` adds a line for each step.
    pub fn new(silent: bool, verbose: bool) -> Self {
        let spinner = (!silent && io::stderr().is_terminal()).then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        });
        Self { spinner, verbose }
    }

    /// A new step begins.
    pub fn step(&mut self, what: &str) {
        let what = shown(what);
        if self.verbose {
            let say = || {
                let _ = writeln!(io::stderr(), "iiskeys: {what}");
            };
            match &self.spinner {
                Some(spinner) => spinner.suspend(say),
                None => say(),
            }
        }
        if let Some(spinner) = &self.spinner {
            spinner.set_position(0);
            spinner.set_message(what);
        }
    }

    /// The step has handled `count` files so far.
    pub fn done(&mut self, count: u64) {
        if let Some(spinner) = &self.spinner {
            spinner.set_position(count);
        }
    }

    /// The step has read `done` of `all` bytes.
    pub fn bytes(&mut self, done: u64, all: u64) {
        if let Some(spinner) = &self.spinner {
            spinner.set_position(done.saturating_mul(100).checked_div(all).unwrap_or(100));
        }
    }
}

/// Shows how far many cases are.
pub struct CaseMeter {
    bar: Option<ProgressBar>,
    verbose: bool,
    failed: u64,
}

impl CaseMeter {
    /// A meter for `all` cases that shows itself only on a terminal and never when `silent`; `verbose` adds a line for each case.
    pub fn new(all: u64, silent: bool, verbose: bool) -> Self {
        let bar = (!silent && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(all);
            let template = "{spinner} {pos}/{len} cases{msg}, {elapsed} so far, about {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, verbose, failed: 0 }
    }

    /// Says something with `-v`.
    pub fn say(&self, what: &str) {
        if !self.verbose {
            return;
        }
        let what = shown(what);
        let say = || {
            let _ = writeln!(io::stderr(), "iiskeys: {what}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// A case came to its end.
    pub fn done(&mut self, case: &str, failed: bool) {
        self.failed += u64::from(failed);
        self.say(&format!("{case}: {}", if failed { "could not be diagnosed" } else { "diagnosed" }));
        if let Some(bar) = &self.bar {
            if self.failed > 0 {
                bar.set_message(format!(", {} failed", self.failed));
            }
            bar.inc(1);
        }
    }
}

impl Drop for CaseMeter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
