//! `iiskeys check`

use std::path::{Path, PathBuf};

use super::diagnose::look_at;
use crate::args::CheckArgs;
use crate::engine::compare::{self, Drift};
use crate::engine::{self, Report, Request};
use crate::exit::{Exit, Failure, quoted};
use crate::output::{self, Target, real_place};
use crate::progress::Meter;

/// Compares what evidence gives with what it gave before.
///
/// # Errors
/// Nothing could be diagnosed, the baseline is no report, or something could not be written.
pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    // The result of a failed run is written as well, so its place is found before anything can fail.
    let real: Vec<PathBuf> = args.evidence.iter().map(|path| real_place(path)).collect();
    let password = args.reading.password_file.as_deref();
    let inputs: Vec<&Path> = password.into_iter().collect();
    let target = Target::resolve(args.update.then_some(args.baseline.as_path()), &real, &inputs)?;
    let junit = match &args.junit {
        Some(path) if real_place(path) == real_place(&args.baseline) => {
            return Err(Failure::new(format!(
                "--junit and --baseline name the same file, {}; choose another file for one of them",
                quoted(path)
            )));
        }
        Some(path) => Some(Target::resolve(Some(path), &real, &inputs)?),
        None => None,
    };
    let written = |text: &str| junit.as_ref().map_or(Ok(()), |target| target.write(text));
    match check(args, &real, &target, junit.as_ref()) {
        Ok(checked) => {
            written(&checked.junit())?;
            output::print(&checked.said)?;
            Ok(checked.exit)
        }
        Err(Ending::Failed(failure)) => {
            written(&compare::junit_of_failure(&failure.to_string()))?;
            Err(failure)
        }
        Err(Ending::Refused(failure)) => Err(failure),
    }
}

/// Why a check came to nothing.
enum Ending {
    /// There is no answer, which the result says as well.
    Failed(Failure),
    /// A place is part of the evidence, and nothing is written.
    Refused(Failure),
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What came of a check.
struct Checked {
    baseline: Report,
    now: Report,
    drift: Drift,
    said: String,
    exit: Exit,
    is_accepted: bool,
}

impl Checked {
    /// The result for a CI. Once the baseline says what the evidence gives, nothing fails.
    fn junit(&self) -> String {
        if self.is_accepted {
            compare::junit(&self.now, &self.now, &Drift::default())
        } else {
            compare::junit(&self.baseline, &self.now, &self.drift)
        }
    }
}

fn check(
    args: &CheckArgs,
    real: &[PathBuf],
    target: &Target,
    junit: Option<&Target>,
) -> Result<Checked, Ending> {
    for path in &args.evidence {
        look_at(path)?;
    }
    let is_new = !args.baseline.exists();
    if is_new && !args.update {
        return Err(Ending::Failed(Failure::new(format!(
            "the baseline {} does not exist; make it with --update",
            quoted(&args.baseline)
        ))));
    }
    let before = match engine::read_report(&args.baseline) {
        _ if is_new => None,
        Err(failure) if args.update => {
            return Err(Ending::Failed(Failure::new(format!(
                "{failure}; --update replaces reports alone: delete the file first if it shall become the baseline"
            ))));
        }
        read => Some(read?),
    };
    let request = Request::of(&args.evidence, &args.reading);
    let mut meter = Meter::new(args.reading.no_progress, args.reading.verbose);
    let now = engine::diagnose(&request, &mut meter)?;
    drop(meter);
    for target in [Some(target), junit].into_iter().flatten() {
        target.spare_parts(real, engine::image_parts(&now)).map_err(Ending::Refused)?;
    }
    let text = now.to_json();
    let (baseline, old) = before.unwrap_or_else(|| (now.clone(), Vec::new()));
    let drift = compare::against(&baseline, &now);
    let mut said =
        if is_new { format!("The baseline {} was made.\n", quoted(&args.baseline)) } else { drift.to_text() };
    let mut exit = if drift.is_empty() { Exit::Clean } else { Exit::Found };
    if args.update {
        if text.as_bytes() != old {
            target.write(&text)?;
            if !is_new {
                said.push_str(&format!("\nThe baseline {} was written anew.\n", quoted(&args.baseline)));
            }
        }
        exit = Exit::Clean;
    }
    Ok(Checked { baseline, now, drift, said, exit, is_accepted: args.update })
}
