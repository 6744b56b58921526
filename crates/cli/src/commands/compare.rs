//! `iiskeys compare`

use std::path::{Path, PathBuf};

use super::diagnose::look_at;
use crate::args::{CompareArgs, ComparisonFormat};
use crate::engine::compare::{self, Outcome};
use crate::engine::{self, Report, Request};
use crate::exit::{Exit, Failure};
use crate::output::Target;
use crate::progress::Meter;

/// Compares two reports, or what evidence gives.
///
/// # Errors
/// One of the two is neither a report nor evidence, or the answer could not be written.
pub fn run(args: &CompareArgs) -> Result<Exit, Failure> {
    // A report is evidence enough not to be written over.
    let real = [look_at(&args.a)?, look_at(&args.b)?];
    let password = args.password_file.as_deref();
    let inputs: Vec<&Path> = [args.a.as_path(), args.b.as_path()].into_iter().chain(password).collect();
    let evidence: Vec<PathBuf> = real.iter().filter(|path| !engine::is_json(path)).cloned().collect();
    let target = Target::resolve(args.output.as_deref(), &evidence, &inputs)?;
    let a = load(&args.a, args, &target, &real)?;
    let b = load(&args.b, args, &target, &real)?;
    let comparison = compare::reports(&a, &b);
    target.write(&match args.format {
        ComparisonFormat::Json => comparison.to_json(),
        ComparisonFormat::Text => comparison.to_text(),
    })?;
    Ok(match comparison.outcome {
        Outcome::NotWorse => Exit::Clean,
        Outcome::Worse => Exit::Found,
        Outcome::Open => Exit::Inconclusive,
    })
}

/// The report at a path, or the one that the evidence there gives.
fn load(path: &Path, args: &CompareArgs, target: &Target, real: &[PathBuf]) -> Result<Report, Failure> {
    if engine::is_json(path) {
        return Ok(engine::read_report(path)?.0);
    }
    let evidence = [path.to_owned()];
    let request = Request::plain(&evidence, args.password_file.as_deref());
    let report =
        engine::diagnose(&request, &mut Meter::new(args.no_progress, args.verbose)).map_err(|failure| {
            // The choice is made where the report is made: A and B may need different ones.
            let told = failure.to_string();
            if told.contains("--windows") {
                Failure::new(format!("{told}, in `iiskeys diagnose --output FILE`, and compare that report"))
            } else {
                failure
            }
        })?;
    target.spare_parts(real, engine::image_parts(&report))?;
    Ok(report)
}
