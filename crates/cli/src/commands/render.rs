//! `iiskeys render`

use crate::args::RenderArgs;
use crate::engine;
use crate::exit::{Exit, Failure};
use crate::look::look;
use crate::output::Target;

/// Gives a saved report in another form.
///
/// # Errors
/// The file is no report that this version reads, or its new form could not be written.
pub fn run(args: &RenderArgs) -> Result<Exit, Failure> {
    let (report, _) = engine::read_report(&args.report)?;
    // The saved report is spared like evidence: it may be all that is left of a case.
    let target = Target::resolve(args.output.as_deref(), &[], &[&args.report])?;
    target.write(&engine::render(&report, args.format.name(), &look(&args.look, args.output.is_some())))?;
    Ok(Exit::Clean)
}
