//! The one place where the face meets the library.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use iiskeys_core::artifact::container::{Family, Guid, Prefix};
pub use iiskeys_core::codes::explain;
use iiskeys_core::collect;
use iiskeys_core::evidence::{Evidence, OpenOptions, Password, Timestamp};
use iiskeys_core::report::{self, Format, Verdict};
pub use iiskeys_core::report::{Level, Look, PseudonymMap};
pub use iiskeys_core::rules::{RuleInfo, list, markdown as catalogue};
use iiskeys_core::{DiagnoseError, Options, Progress};
pub use iiskeys_core::{Report, across, compare};

use zeroize::Zeroizing;

use crate::args::ReadingArgs;
use crate::exit::{Failure, quoted, shown};
use crate::progress::Meter;

/// What `diagnose` is asked for.
pub struct Request<'a> {
    /// Paths as given.
    pub evidence: &'a [PathBuf],
    /// The installation to take.
    pub windows: Option<&'a Path>,
    /// Groups that must be evaluated.
    pub require: Vec<&'static str>,
    /// Whether the time of the run goes into the report.
    pub stamp: bool,
    /// Whether the containers of others are proved as well.
    pub prove_all: bool,
    /// Whether disk images are read to their end and hashed.
    pub verify_image: bool,
    /// File that holds the password of encrypted archives.
    pub password_file: Option<&'a Path>,
}

impl<'a> Request<'a> {
    /// What the options that all diagnosing commands share ask for.
    pub fn of(evidence: &'a [PathBuf], reading: &'a ReadingArgs) -> Self {
        Self {
            evidence,
            windows: reading.windows.as_deref(),
            require: reading.require.iter().map(|group| group.name()).collect(),
            stamp: false,
            prove_all: reading.prove_all,
            verify_image: reading.verify_image,
            password_file: reading.password_file.as_deref(),
        }
    }

    /// The default options.
    pub fn plain(evidence: &'a [PathBuf], password_file: Option<&'a Path>) -> Self {
        let require = report::Options::default().require;
        let known = report::KNOWN_GROUPS.iter().copied();
        Self {
            evidence,
            windows: None,
            require: known.filter(|group| require.iter().any(|it| it == group)).collect(),
            stamp: false,
            prove_all: false,
            verify_image: false,
            password_file,
        }
    }
}

impl Progress for Meter {
    fn step(&mut self, what: &str) {
        Meter::step(self, what);
    }

    fn done(&mut self, files: u64) {
        Meter::done(self, files);
    }
}

/// Why there is no report.
pub struct NotDiagnosed {
    /// For people.
    pub failure: Failure,
    /// Whether no reader recognises anything in what was given.
    pub is_unrecognised: bool,
}

impl From<Failure> for NotDiagnosed {
    fn from(failure: Failure) -> Self {
        Self { failure, is_unrecognised: false }
    }
}

/// Diagnoses one machine.
///
/// # Errors
/// No evidence could be read, or nobody said which of two systems is meant.
pub fn diagnose(request: &Request<'_>, meter: &mut Meter) -> Result<Report, Failure> {
    try_diagnose(request, meter).map_err(|error| error.failure)
}

/// Diagnoses one machine, where it matters why that fails.
///
/// # Errors
/// As [`diagnose`].
pub fn try_diagnose(request: &Request<'_>, meter: &mut Meter) -> Result<Report, NotDiagnosed> {
    let failure = |error: &dyn std::error::Error| Failure::new(shown(&error.to_string()));
    let password = request.password_file.map(password).transpose()?;
    let mut open = OpenOptions::default();
    open.password = password;
    meter.step("opening the evidence");
    let mut evidence = Evidence::open(request.evidence, &open).map_err(|error| failure(&error))?;
    if request.verify_image {
        meter.step("computing the digests of the disk images");
        evidence.verify(&mut |_, done, all| meter.bytes(done, all));
    }
    let mut options = Options::default();
    options.windows = request.windows.map(|path| path.to_string_lossy().into_owned());
    options.prove_all = request.prove_all;
    options.report.require = request.require.iter().map(|&group| group.to_owned()).collect();
    options.report.stamp = request.stamp.then(now).flatten();
    let report = iiskeys_core::diagnose(&evidence, &options, meter).map_err(|error| NotDiagnosed {
        failure: failure(&error),
        is_unrecognised: matches!(error, DiagnoseError::Nothing),
    })?;
    let read = evidence.image_bytes_read();
    if read > 0 {
        meter.step(&format!("{read} bytes were read from disk images"));
    }
    Ok(report)
}

/// The report in the form of that name.
pub fn render(report: &Report, form: &str, look: &Look) -> String {
    Format::by_name(form).map(|form| form.render(report, look)).unwrap_or_default()
}

/// A definition for a collector, and what to tell beside it.
///
/// # Errors
/// A name that is none of what can be gathered, or a form that gathers nothing of it.
pub fn definition(form: &str, needs: &[&str], names_only: bool) -> Result<(String, Vec<String>), Failure> {
    let request = if needs.is_empty() {
        collect::Request::all(names_only)
    } else {
        collect::Request::of(needs, names_only).map_err(|unknown| {
            let known: Vec<&str> = collect::ITEMS.iter().map(|item| item.name).collect();
            Failure::new(format!(
                "nothing to gather is called '{}'; there are: {}",
                shown(unknown),
                known.join(", ")
            ))
        })?
    };
    let Some(form) = collect::Form::by_name(form) else { return Ok(Default::default()) };
    match form.refusal(&request) {
        Some(why) => Err(Failure::new(why)),
        None => Ok((form.print(&request), form.notes(&request))),
    }
}

/// What a saved report lacks, by its names in `collect`.
///
/// # Errors
/// It cannot be read, is no report, or lacks nothing.
pub fn missing(path: &Path) -> Result<Vec<String>, Failure> {
    let (report, _) = read_report(path)?;
    if report.collect.is_empty() {
        return Err(Failure::new(format!(
            "the report {} lacks nothing; leave --missing out to gather everything",
            quoted(path)
        )));
    }
    Ok(report.collect.into_iter().map(|row| row.need).collect())
}

/// Reads a report that was saved.
///
/// # Errors
/// It cannot be read, or is no report of this form.
pub fn read_report(path: &Path) -> Result<(Report, Vec<u8>), Failure> {
    let refuse = |why: String| {
        Failure::new(format!(
            "the report {} {why}; give one that `iiskeys diagnose` wrote with --format json",
            quoted(path)
        ))
    };
    let mut text = Vec::new();
    let most = report::LARGEST_REPORT as u64 + 1;
    let file = File::open(path).map_err(|error| refuse(format!("cannot be opened ({error})")))?;
    file.take(most).read_to_end(&mut text).map_err(|error| refuse(format!("cannot be read ({error})")))?;
    let report = Report::from_json(&text)
        .map_err(|error| refuse(format!("cannot be used: {}", shown(&error.to_string()))))?;
    Ok((report, text))
}

/// Whether a file is JSON text by its first letter, as a saved report is and no evidence is.
pub fn is_json(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    let start = report::as_utf8(&start);
    read.is_ok() && path.is_file() && start.trim_ascii_start().first() == Some(&b'{')
}

/// Largest password file that is read, in bytes.
const LARGEST_PASSWORD_FILE: u64 = 64 << 10;

/// The first line of a password file.
fn password(path: &Path) -> Result<Password, Failure> {
    let refuse = |why: String| {
        Failure::new(format!("the password file {} {why}; put the password in its first line", quoted(path)))
    };
    let mut text = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(|error| refuse(format!("cannot be opened ({error})")))?;
    file.take(LARGEST_PASSWORD_FILE)
        .read_to_end(&mut text)
        .map_err(|error| refuse(format!("cannot be read ({error})")))?;
    Password::from_file_bytes(&text)
        .ok_or_else(|| refuse("begins with an empty line, or with bytes that are no UTF-8".to_owned()))
}

/// One line of many cases: the report of a case.
pub fn case_line(case: &str, exit: u8, report: &Report) -> String {
    line(&serde_json::json!({ "case": case, "exit": exit }), "report", serde_json::to_string(report))
}

/// One line of many cases: why a case has no report.
pub fn failed_line(case: &str, exit: u8, why: &str) -> String {
    line(&serde_json::json!({ "case": case, "exit": exit }), "error", serde_json::to_string(why))
}

/// The last line of many cases.
pub fn across_line(across: &across::Across) -> String {
    line(&serde_json::json!({}), "across", serde_json::to_string(across))
}

/// An object with one more field at its end, which keeps the order of its own fields.
fn line(start: &serde_json::Value, field: &str, value: serde_json::Result<String>) -> String {
    let start = start.to_string();
    let start = start.strip_suffix('}').unwrap_or(&start);
    let comma = if start.len() > 1 { "," } else { "" };
    format!("{start}{comma}\"{field}\":{}}}\n", value.unwrap_or_else(|_| "null".to_owned()))
}

/// Names of the files that belong to the disk images of a report, other than the images themselves.
pub fn image_parts(report: &Report) -> impl Iterator<Item = &str> {
    report.sources.iter().flat_map(|source| &source.parts).map(|part| part.name.as_str())
}

/// Whether the verdict is `inconclusive`.
pub fn is_inconclusive(report: &Report) -> bool {
    report.verdict == Verdict::Inconclusive
}

fn now() -> Option<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?)?.to_string())
}

/// The program's version, with those of its catalogue of rules and of its report.
pub fn version() -> String {
    let (program, catalogue, schema) =
        (env!("CARGO_PKG_VERSION"), iiskeys_core::rules::CATALOGUE_VERSION, report::SCHEMA_VERSION);
    let count = iiskeys_core::rules::all().len();
    format!("iiskeys {program} (catalogue {catalogue} of {count} rules, report {schema})\n")
}

/// Every rule of this build.
pub fn rules() -> Vec<&'static RuleInfo> {
    iiskeys_core::rules::all().iter().map(|rule| rule.info()).collect()
}

/// The JSON Schema of the report.
pub fn schema() -> String {
    report::schema()
}

/// The file-name prefix of a container in each family; `None` where it cannot be known.
pub fn prefixes(container: &str) -> [(Family, Option<Prefix>); 2] {
    [Family::Capi, Family::Cng].map(|family| (family, Prefix::of(family, container)))
}

/// A MachineGuid from the command line.
///
/// # Errors
/// What is wrong with it.
pub fn guid(text: &str) -> Result<Guid, Failure> {
    Guid::parse(text).map_err(|fault| {
        Failure::new(format!(
            "the GUID '{}' is malformed: {fault}; give it as it stands in a file name, 36 characters without braces",
            shown(text)
        ))
    })
}
