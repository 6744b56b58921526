//! `iiskeys check`

use std::path::PathBuf;

use super::diagnose::look_at;
use crate::args::CheckArgs;
use crate::engine::compare::{self, Drift};
use crate::engine::{self, Report, Request};
use crate::exit::{Exit, Failure, quoted};
use crate::output::{self, Target};
use crate::progress::Meter;

/// Compares what evidence gives with what it gave before.
///
/// # Errors
/// Nothing could be diagnosed, the baseline is no report, or something could not be written.
pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    // The result of a failed run is written as well, so its place is found before anything can fail.
    let reachable: Vec<PathBuf> = args.evidence.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let junit = match &args.junit {
        Some(path) => Some(Target::resolve(Some(path), &reachable)?),
        None => None,
    };
    if junit.is_some() && junit == Target::resolve(Some(&args.baseline), &[]).ok() {
        return Err(Failure::new(
            "--junit and --baseline name the same file; choose another file for one of them",
        ));
    }
    let written = |text: &str| junit.as_ref().map_or(Ok(()), |target| target.write(text));
    match check(args, &reachable, junit.as_ref()) {
        Ok(checked) => {
            written(&compare::junit(&checked.baseline, &checked.now, &checked.drift))?;
            output::print(&checked.said)?;
            Ok(checked.exit)
        }
        Err(failure) => {
            written(&compare::junit_of_failure(&failure.to_string()))?;
            Err(failure)
        }
    }
}

/// What came of a check.
struct Checked {
    baseline: Report,
    now: Report,
    drift: Drift,
    said: String,
    exit: Exit,
}

fn check(args: &CheckArgs, reachable: &[PathBuf], junit: Option<&Target>) -> Result<Checked, Failure> {
    for path in &args.evidence {
        look_at(path)?;
    }
    let target = Target::resolve(args.update.then_some(args.baseline.as_path()), reachable)?;
    let is_new = !args.baseline.exists();
    if is_new && !args.update {
        return Err(Failure::new(format!(
            "the baseline {} does not exist; make it with --update",
            quoted(&args.baseline)
        )));
    }
    let before = if is_new { None } else { Some(engine::read_report(&args.baseline)?) };
    let request = Request::of(&args.evidence, &args.reading);
    let mut meter = Meter::new(args.reading.no_progress, args.reading.verbose);
    let now = engine::diagnose(&request, &mut meter)?;
    drop(meter);
    for target in [Some(&target), junit].into_iter().flatten() {
        target.spare_parts(reachable, engine::image_parts(&now))?;
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
    Ok(Checked { baseline, now, drift, said, exit })
}
