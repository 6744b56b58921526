//! The one place where the face meets the library.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use iiskeys_core::artifact::container::{Family, Guid, Prefix};
pub use iiskeys_core::codes::explain;
use iiskeys_core::evidence::{Evidence, OpenOptions, Password, Timestamp};
pub use iiskeys_core::report::Level;
pub use iiskeys_core::report::Look;
use iiskeys_core::report::{self, Format, Verdict};
pub use iiskeys_core::rules::{RuleInfo, list, markdown as catalogue};
use iiskeys_core::{Options, Progress, Report};

use zeroize::Zeroizing;

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

impl Progress for Meter {
    fn step(&mut self, what: &str) {
        Meter::step(self, what);
    }

    fn done(&mut self, files: u64) {
        Meter::done(self, files);
    }
}

/// Diagnoses one machine.
///
/// # Errors
/// No evidence could be read, or nobody said which of two systems is meant.
pub fn diagnose(request: &Request<'_>, meter: &mut Meter) -> Result<Report, Failure> {
    let failure = |error: &dyn std::error::Error| Failure::new(shown(&error.to_string()));
    let password = request.password_file.map(password).transpose()?;
    let open = OpenOptions { password, ..OpenOptions::default() };
    meter.step("opening the evidence");
    let mut evidence = Evidence::open(request.evidence, &open).map_err(|error| failure(&error))?;
    if request.verify_image {
        meter.step("computing the digests of the disk images");
        evidence.verify(&mut |_, done, all| meter.bytes(done, all));
    }
    let options = Options {
        windows: request.windows.map(|path| path.to_string_lossy().into_owned()),
        prove_all: request.prove_all,
        report: report::Options {
            require: request.require.iter().map(|&group| group.to_owned()).collect(),
            stamp: request.stamp.then(now).flatten(),
        },
    };
    let report = iiskeys_core::diagnose(&evidence, &options, meter).map_err(|error| failure(&error))?;
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

/// A report that an earlier run has written as JSON.
///
/// # Errors
/// The file cannot be read, or is no report that this version understands.
pub fn saved(path: &Path) -> Result<Report, Failure> {
    let refuse = |why: String| {
        let next = "give one that `iiskeys diagnose` wrote with --format json";
        Failure::new(format!("the report {} {why}; {next}", quoted(path)))
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| refuse(format!("cannot be opened ({error})")))?;
    // One byte more than is read tells that there is more.
    let most = u64::try_from(report::LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut text).map_err(|error| refuse(format!("cannot be read ({error})")))?;
    Report::from_json(&text)
        .map_err(|error| refuse(format!("is not understood: {}", shown(&error.to_string()))))
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
