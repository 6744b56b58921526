//! The one place where the face meets the library.

#![expect(dead_code, reason = "the library does not diagnose yet")]

use std::path::{Path, PathBuf};

use iiskeys_core::artifact::container::{Family, Guid, Prefix};
pub use iiskeys_core::codes::{Explanation, explain};

use crate::exit::{Failure, shown};
use crate::progress::Meter;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Something will not work, or may not.
    Warning,
    /// Something that this machine needs does not work.
    Error,
}

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

/// A finished diagnosis.
pub struct Diagnosis {
    json: String,
    text: String,
    worst: Option<Level>,
    inconclusive: bool,
}

impl Diagnosis {
    /// The report as JSON.
    pub fn to_json(&self) -> String {
        self.json.clone()
    }

    /// The report as text.
    pub fn to_text(&self) -> String {
        self.text.clone()
    }

    /// The worst finding.
    pub fn worst(&self) -> Option<Level> {
        self.worst
    }

    /// Whether the verdict is `inconclusive`.
    pub fn is_inconclusive(&self) -> bool {
        self.inconclusive
    }
}

/// A rule and its page.
pub struct RuleInfo {
    /// Its name.
    pub name: &'static str,
    /// Its group.
    pub group: &'static str,
    /// The severity of its worst finding.
    pub severity: &'static str,
    /// When that severity is lower.
    pub lowered: &'static str,
    /// When it fires.
    pub summary: &'static str,
    /// Whether its group counts as evaluated only when this rule was.
    pub core: bool,
    /// The rules whose findings it explains.
    pub explains: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// How it is proved.
    pub proof: &'static str,
    /// How it is repaired.
    pub repair: &'static str,
    /// Where to read on.
    pub references: &'static [&'static str],
}

impl RuleInfo {
    /// What a person reads about the rule.
    pub fn page(&self) -> String {
        format!("{}\n\n{}\n\n{}\n\n{}\n", self.summary, self.meaning, self.proof, self.repair)
    }
}

/// Diagnoses one machine.
///
/// # Errors
/// No evidence could be read, or nobody said which of two systems is meant.
pub fn diagnose(_request: &Request<'_>, meter: &mut Meter) -> Result<Diagnosis, Failure> {
    meter.step("reading evidence");
    meter.done(0);
    Err(Failure::new("this build cannot diagnose; build a released version"))
}

/// Every rule of this build.
pub fn rules() -> Vec<RuleInfo> {
    Vec::new()
}

/// The JSON Schema of the report.
///
/// # Errors
/// This build has no report.
pub fn schema() -> Result<String, Failure> {
    Err(Failure::new("this build has no report and so no schema; build a released version"))
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
