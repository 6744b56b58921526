//! `iiskeys diagnose`

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::args::{DiagnoseArgs, FailOn};
use crate::engine::{self, Level, Request};
use crate::exit::{Exit, Failure, quoted};
use crate::look::look;
use crate::output::Target;
use crate::private_map::PrivateMap;
use crate::progress::Meter;

/// Diagnoses one machine and writes its report.
///
/// # Errors
/// Nothing could be diagnosed, or the report could not be written.
pub fn run(args: &DiagnoseArgs) -> Result<Exit, Failure> {
    if args.each.is_some() || !args.case.is_empty() {
        if args.pseudonymize.is_some() {
            return Err(Failure::new(
                "--pseudonymize is for one case, and --each and --case name many; diagnose the cases one by one with the \
                 same MAP, which gives a name the same token in all of them",
            ));
        }
        return super::cases::run(args);
    }
    if args.workers.is_some() {
        return Err(Failure::new("--workers is for many cases; name them with --case or --each"));
    }
    let real: Vec<PathBuf> = args.evidence.iter().map(|path| look_at(path)).collect::<Result<_, _>>()?;
    let inputs: Vec<&Path> = args.reading.password_file.iter().map(PathBuf::as_path).collect();
    let target = Target::resolve(args.output.as_deref(), &real, &inputs)?;
    let map = args.pseudonymize.as_deref();
    let map = map.map(|path| PrivateMap::resolve(path, &real, &inputs, &target)).transpose()?;
    let request = Request { stamp: args.stamp, ..Request::of(&args.evidence, &args.reading) };
    let mut meter = Meter::new(args.reading.no_progress, args.reading.verbose);
    let mut report = engine::diagnose(&request, &mut meter)?;
    target.spare_parts(&real, engine::image_parts(&report))?;
    if let Some(map) = map {
        map.spare_parts(&real, engine::image_parts(&report))?;
        map.apply(&mut report)?;
    }
    let text = engine::render(&report, args.format.name(), &look(&args.look, args.output.is_some()));
    drop(meter);
    target.write(&text)?;
    Ok(exit(report.worst(), engine::is_inconclusive(&report), args.fail_on))
}

/// The exit code of a diagnosis.
pub fn exit(worst: Option<Level>, inconclusive: bool, fail_on: FailOn) -> Exit {
    let threshold = match fail_on {
        FailOn::Error => Some(Level::Error),
        FailOn::Warning => Some(Level::Warning),
        FailOn::Note => Some(Level::Note),
        FailOn::Never => None,
    };
    match (threshold, worst) {
        (Some(threshold), Some(worst)) if worst >= threshold => Exit::Found,
        _ if inconclusive => Exit::Inconclusive,
        _ => Exit::Clean,
    }
}

/// The canonical path of a piece of evidence that is there and can be opened.
///
/// # Errors
/// It is not there, cannot be opened, or is neither a folder nor a regular file.
pub fn look_at(given: &Path) -> Result<PathBuf, Failure> {
    let refuse = |why: String| Failure::new(format!("the evidence {} {why}", quoted(given)));
    let real = given.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            refuse("does not exist; give a folder or a file that was collected".to_owned())
        }
        _ => refuse(format!("cannot be reached ({error}); check the path and the rights on its folders")),
    })?;
    let metadata = fs::metadata(&real).map_err(|error| refuse(format!("cannot be looked at ({error})")))?;
    let opened = if metadata.is_dir() {
        fs::read_dir(&real).map(drop)
    } else if metadata.is_file() {
        File::open(&real).map(drop)
    } else {
        return Err(refuse("is neither a folder nor a regular file; copy what it holds into one".to_owned()));
    };
    opened.map_err(|error| {
        refuse(format!("cannot be opened ({error}); check the rights on it, or give a copy"))
    })?;
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_follows_the_worst_finding_then_the_verdict() {
        let cases = [
            (None, false, FailOn::Note, Exit::Clean),
            (None, true, FailOn::Error, Exit::Inconclusive),
            (Some(Level::Note), false, FailOn::Error, Exit::Clean),
            (Some(Level::Note), true, FailOn::Note, Exit::Found),
            (Some(Level::Warning), true, FailOn::Error, Exit::Inconclusive),
            (Some(Level::Warning), false, FailOn::Warning, Exit::Found),
            (Some(Level::Error), false, FailOn::Error, Exit::Found),
            (Some(Level::Error), false, FailOn::Never, Exit::Clean),
            (None, true, FailOn::Never, Exit::Inconclusive),
        ];
        for (worst, inconclusive, fail_on, expected) in cases {
            assert_eq!(exit(worst, inconclusive, fail_on), expected, "{worst:?} {inconclusive} {fail_on:?}");
        }
    }
}
