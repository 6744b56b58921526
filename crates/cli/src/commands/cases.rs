//! `iiskeys diagnose` of many cases: one JSON line each, and what they share.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::diagnose::{exit, look_at};
use crate::args::DiagnoseArgs;
use crate::engine::across::{self, Identity};
use crate::engine::{self, Request};
use crate::entries;
use crate::exit::{Exit, Failure, quoted, shown};
use crate::output::{self, Lines, Target, real_place};
use crate::pool;
use crate::progress::{CaseMeter, Meter};

/// Workers without `--workers`, at most: each holds a case in memory.
const MOST_WORKERS: usize = 4;

/// One case.
struct Case {
    name: String,
    path: PathBuf,
}

/// What came of one case.
enum Done {
    Diagnosed {
        line: String,
        exit: Exit,
        identity: Box<Identity>,
    },
    Failed(String),
    /// A file beside the cases that is plainly none.
    PassedOver,
    /// The output turned out to be a part of this case.
    Refused(Failure),
}

/// Why the lines end early.
enum Stop {
    Failed(Failure),
    /// The reader closed the pipe and has had what it wanted.
    NobodyReads,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(Failure::new(format!("no thread could be started ({error}); try again with less load")))
    }
}

/// Diagnoses many cases.
///
/// # Errors
/// There are no cases, or the answer could not be written. A case that fails is none.
pub fn run(args: &DiagnoseArgs) -> Result<Exit, Failure> {
    if args.format.name() != "json" {
        return Err(Failure::new(format!(
            "many cases give one JSON line each and cannot be given as {}; leave --format out, or diagnose one case",
            args.format.name()
        )));
    }
    let (cases, passed_over) = cases(args)?;
    let mut real: Vec<PathBuf> = cases.iter().map(|case| real_place(&case.path)).collect();
    real.extend(args.each.iter().filter_map(|folder| folder.canonicalize().ok()));
    let inputs: Vec<&Path> = args.reading.password_file.iter().map(PathBuf::as_path).collect();
    let target = Target::resolve(args.output.as_deref(), &real, &inputs)?;
    let workers = args.workers.map_or_else(
        || thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_WORKERS)),
        usize::from,
    );
    let mut meter = CaseMeter::new(cases.len() as u64, args.reading.no_progress, args.reading.verbose);
    meter.say(&format!(
        "{} cases, {} at a time; each holds its hives whole and at most 512 MiB of unpacked archives",
        cases.len(),
        workers.min(cases.len())
    ));
    for name in passed_over {
        meter.say(&format!("'{name}' is hidden or a part of another entry, and no case"));
    }
    let mut lines = Lines::begin(&target)?;
    let mut tally = Tally::default();
    let work = |number: usize| cases.get(number).map(|case| diagnose(case, args, &target));
    let told = pool::run(cases.len(), workers, work, |number, done| {
        let name = cases.get(number).map(|case| case.name.as_str()).unwrap_or_default();
        let line = tally.take(name, done.flatten()).map_err(Stop::Failed)?;
        meter.done(name, tally.last_failed);
        let Some(line) = line else {
            meter.say(&format!("'{name}' holds nothing that can be read as evidence, and is no case"));
            return Ok(());
        };
        match lines.line(&line) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::NobodyReads),
            Err(failure) => Err(Stop::Failed(failure)),
        }
    });
    drop(meter);
    match told {
        Err(Stop::Failed(failure)) => return Err(failure),
        Err(Stop::NobodyReads) => return Ok(tally.exit()),
        Ok(()) => {}
    }
    let mut across = across::join(&tally.identities, tally.failed);
    across.limits.extend(
        tally
            .passed_over
            .iter()
            .map(|name| format!("{name} holds nothing that can be read as evidence, and is no case.")),
    );
    lines.line(&engine::across_line(&across))?;
    lines.finish()?;
    Ok(tally.exit())
}

/// What is kept of the cases so far.
#[derive(Default)]
struct Tally {
    identities: Vec<(String, Identity)>,
    failed: u64,
    passed_over: Vec<String>,
    last_failed: bool,
    has_findings: bool,
    has_open: bool,
}

impl Tally {
    /// Takes in what came of a case and gives its line; what is no case has none.
    fn take(&mut self, name: &str, done: Option<Done>) -> Result<Option<String>, Failure> {
        self.last_failed = false;
        let why = match done {
            Some(Done::Diagnosed { line, exit, identity }) => {
                self.has_findings |= exit == Exit::Found;
                self.has_open |= exit == Exit::Inconclusive;
                self.identities.push((name.to_owned(), *identity));
                return Ok(Some(line));
            }
            Some(Done::PassedOver) => {
                self.passed_over.push(name.to_owned());
                return Ok(None);
            }
            Some(Done::Refused(failure)) => return Err(failure),
            Some(Done::Failed(why)) => why,
            None => "the program failed on this case, which is a defect of it; diagnose the case alone and report what stderr says"
                .to_owned(),
        };
        self.failed += 1;
        self.last_failed = true;
        Ok(Some(engine::failed_line(name, Exit::NotDiagnosed as u8, &why)))
    }

    fn exit(&self) -> Exit {
        if self.failed > 0 || self.identities.is_empty() {
            Exit::NotDiagnosed
        } else if self.has_findings {
            Exit::Found
        } else if self.has_open {
            Exit::Inconclusive
        } else {
            Exit::Clean
        }
    }
}

/// The cases that are asked for, and the entries that are none.
fn cases(args: &DiagnoseArgs) -> Result<(Vec<Case>, Vec<String>), Failure> {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some(folder) = &args.each else {
        let mut seen: BTreeMap<Option<String>, u32> = BTreeMap::new();
        for path in &args.case {
            *seen.entry(last(path)).or_default() += 1;
        }
        // The last part of a path names a case, unless two share it: where a case lies is the analyst's affair.
        let name = |path: &PathBuf| {
            let short = last(path).filter(|_| seen.get(&last(path)) == Some(&1));
            short.unwrap_or_else(|| path.to_string_lossy().into_owned())
        };
        return Ok((
            args.case.iter().map(|path| Case { name: name(path), path: path.clone() }).collect(),
            Vec::new(),
        ));
    };
    let refuse = |why: String| Failure::new(format!("the folder of cases {} {why}", quoted(folder)));
    let found = entries::of(folder).map_err(|error| {
        refuse(format!("cannot be listed ({error}); give a folder with one case in each entry"))
    })?;
    if found.cases.is_empty() {
        return Err(refuse(
            "holds no case; put the evidence of each machine into it as one entry".to_owned(),
        ));
    }
    let cases =
        found.cases.into_iter().map(|path| Case { name: last(&path).unwrap_or_default(), path }).collect();
    Ok((cases, found.passed_over))
}

/// Diagnoses one case, in a worker.
fn diagnose(case: &Case, args: &DiagnoseArgs, target: &Target) -> Done {
    let evidence = [case.path.clone()];
    let request = Request { stamp: args.stamp, ..Request::of(&evidence, &args.reading) };
    // Where a case lies is the analyst's affair.
    let failed = |failure: &Failure| {
        let path = shown(&case.path.to_string_lossy());
        Done::Failed(failure.to_string().replace(&path, &shown(&case.name)))
    };
    let real = match look_at(&case.path) {
        Ok(real) => real,
        Err(failure) => return failed(&failure),
    };
    let report = match engine::try_diagnose(&request, &mut Meter::new(true, false)) {
        Ok(report) => report,
        Err(error) if error.is_unrecognised && args.each.is_some() && is_plainly_none(&real) => {
            return Done::PassedOver;
        }
        Err(error) => return failed(&error.failure),
    };
    if let Err(failure) = target.spare_parts(&[real], engine::image_parts(&report)) {
        return Done::Refused(failure);
    }
    let exit = exit(report.worst(), engine::is_inconclusive(&report), args.fail_on);
    Done::Diagnosed {
        line: engine::case_line(&case.name, exit as u8, &report),
        exit,
        identity: Box::new(Identity::of(&report)),
    }
}

/// Whether a file that no reader recognises is no damaged or encrypted disk image: it is text, or too small for one.
fn is_plainly_none(path: &Path) -> bool {
    /// No volume of Windows is smaller.
    const SMALLEST_IMAGE: u64 = 1 << 20;
    let Ok(metadata) = path.metadata() else { return false };
    metadata.is_file() && (metadata.len() < SMALLEST_IMAGE || output::is_text(path))
}
