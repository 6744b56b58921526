//! The one place where the face meets the library.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use iiskeys_core::artifact::container::{Family, Guid, Prefix};
pub use iiskeys_core::codes::{Explanation, explain};
use iiskeys_core::evidence::{Evidence, OpenOptions, Timestamp};
pub use iiskeys_core::report::Level;
use iiskeys_core::report::{self, Verdict};
pub use iiskeys_core::rules::RuleInfo;
use iiskeys_core::{Options, Progress, Report};

use crate::exit::{Failure, shown};
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
    let evidence = Evidence::open(request.evidence, &OpenOptions::default())
        .map_err(|error| Failure::new(shown(&error.to_string())))?;
    let options = Options {
        windows: request.windows.map(|path| path.to_string_lossy().into_owned()),
        report: report::Options {
            require: request.require.iter().map(|&group| group.to_owned()).collect(),
            stamp: request.stamp.then(now).flatten(),
        },
    };
    iiskeys_core::diagnose(&evidence, &options, meter)
        .map_err(|error| Failure::new(shown(&error.to_string())))
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
