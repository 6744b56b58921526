//! Diagnoses, from evidence alone, why an IIS server can no longer open its machine keys.
//!
//! ```
//! use iiskeys_core::evidence::{Evidence, OpenOptions};
//! use iiskeys_core::{Options, Quiet, diagnose};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let evidence = Evidence::open(&["../../fixtures/win2000-guid-reset/evidence".into()], &OpenOptions::default())?;
//! let report = diagnose(&evidence, &Options::default(), &mut Quiet)?;
//! println!("{}", report.summary);
//! for finding in &report.findings {
//!     println!("{:?} {}: {}", finding.severity, finding.rule, finding.title);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The steps can be taken one by one as well: [`read`] gives the [`Facts`], [`Machine::derive`] joins them,
//! [`rules::judge`] runs every rule, and [`plan::make`] looks for a way back. Facts are plain, so that a "what if" is a
//! change and another look:
//!
//! ```
//! use iiskeys_core::evidence::{Evidence, OpenOptions};
//! use iiskeys_core::{Machine, Options, Quiet, plan, read, report, rules};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let case = "../../fixtures/win2000-guid-reset/evidence";
//! let evidence = Evidence::open(&[case.into()], &OpenOptions::default())?;
//! let mut facts = read(&evidence, &Options::default(), &mut Quiet)?;
//! facts.containers.clear();
//! let machine = Machine::derive(&facts);
//! let judged = rules::judge(&machine);
//! let plan = plan::make(&machine, &judged);
//! let report = report::build(&machine, &judged, plan.as_ref(), &report::Options::default());
//! assert!(report.findings.iter().any(|finding| finding.rule == "container-missing"));
//! # Ok(())
//! # }
//! ```
//!
//! A [`Report`] is what every form is rendered from, and it can be read back:
//!
//! ```
//! use iiskeys_core::Report;
//! use iiskeys_core::report::{Format, Look};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let saved = std::fs::read("../../fixtures/win2000-guid-reset/expected.json")?;
//! let report = Report::from_json(&saved)?;
//! let text = Format::by_name("text").expect("a form").render(&report, &Look::of_width(72));
//! assert!(text.starts_with("VERDICT: BROKEN"));
//! # Ok(())
//! # }
//! ```
//!
//! # Stability
//!
//! The crates follow semantic versioning. Before 1.0 the second number is raised by what breaks callers. Structs and enums that
//! will grow are `#[non_exhaustive]`. The form of the report has a version of its own ([`report::SCHEMA_VERSION`]): fields are
//! added, never renamed or dropped, within one major version; so has the catalogue of rules ([`rules::CATALOGUE_VERSION`]).

pub mod across;
pub mod artifact;
pub mod codes;
pub mod collect;
pub mod compare;
mod gather;
pub mod machine;
mod markdown;
pub mod plan;
pub mod proof;
pub mod report;
pub mod rules;
mod terminal;
mod visible;

use iiskeys_evidence::Evidence;

pub use gather::{GatherError as DiagnoseError, Progress, Quiet};
pub use iiskeys_evidence as evidence;
pub use machine::{Facts, Machine};
pub use report::Report;

/// How to diagnose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Which installed system, when the evidence holds several: the path of its Windows folder or drive root.
    pub windows: Option<String>,
    /// Whether the containers of others are proved as well.
    pub prove_all: bool,
    /// What the report is asked to hold.
    pub report: report::Options,
}

/// Reads the facts of one machine.
///
/// # Errors
/// When nothing in the evidence can be read, or it holds several installed systems and `options` choose none.
pub fn read(
    evidence: &Evidence,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Facts, DiagnoseError> {
    gather::gather(evidence, options.windows.as_deref(), options.prove_all, progress)
}

/// Diagnoses one machine: reads the facts, joins them, judges them, looks for a way back, and reports.
///
/// # Errors
/// When nothing in the evidence can be read, or it holds several installed systems and `options` choose none.
pub fn diagnose(
    evidence: &Evidence,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Report, DiagnoseError> {
    let facts = read(evidence, options, progress)?;
    let machine = Machine::derive(&facts);
    let judged = rules::judge(&machine);
    let plan = plan::make(&machine, &judged);
    Ok(report::build(&machine, &judged, plan.as_ref(), &options.report))
}
