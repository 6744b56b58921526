//! From findings to a way back: candidate plans are tried on a copy of the facts before one is recommended.

mod action;
mod candidates;
mod certificates;
mod commands;
mod expect;
mod grants;
mod steps;
mod trial;

pub use action::{Action, Source};
pub(crate) use certificates::found_pfx;
pub use expect::Expect;
pub use steps::Step;

use crate::machine::Machine;
use crate::rules::{Finding, Judgement, Rule, Severity};

/// A plan, tried on the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// One line: what it does.
    pub summary: String,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Identifiers of the findings that vanish.
    pub resolves: Vec<String>,
    /// Identifiers of the findings that stay or appear.
    pub leaves: Vec<String>,
    /// The findings that stay or appear, by severity and title.
    pub remaining: Vec<(Severity, String, String)>,
    /// What evidence collected after the repair must show.
    pub expect: Vec<Expect>,
    /// Plans that were weighed and not chosen.
    pub alternatives: Vec<Alternative>,
    /// What would have saved the day.
    pub prevent: Vec<String>,
}

/// A plan that was weighed and not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// A short name.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: String,
    /// Why it is not the plan.
    pub reason: String,
    /// What it costs.
    pub cost: String,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Whether it was tried on the facts; what it rests on may lie outside the evidence.
    pub tried: bool,
    /// Identifiers of the findings that vanish.
    pub resolves: Vec<String>,
    /// Identifiers of the findings that stay or appear.
    pub leaves: Vec<String>,
}

/// The best plan for what was found; `None` when nothing needs repair, or nothing safe can be said.
pub fn make(machine: &Machine<'_>, judged: &[(&'static dyn Rule, Judgement)]) -> Option<Plan> {
    let findings: Vec<&Finding> = judged.iter().flat_map(|(_, judgement)| &judgement.findings).collect();
    if findings.iter().any(|finding| finding.rule == "evidence-mixed") || machine.template.is_some() {
        return None;
    }
    let worth_repair = findings
        .iter()
        .any(|finding| finding.severity >= Severity::Warning && candidates::is_repairable(finding));
    if !worth_repair {
        return None;
    }
    let before: Vec<trial::Known> = judged
        .iter()
        .filter(|(rule, _)| !trial::is_history(rule.info()))
        .flat_map(|(_, judgement)| &judgement.findings)
        .map(trial::Known::of)
        .collect();
    let mut tried: Vec<trial::Trial> = candidates::all(machine, &findings)
        .into_iter()
        .map(|candidate| trial::run(machine, candidate, &before))
        .collect();
    tried.sort_by_key(trial::Trial::rank);
    let position = tried.iter().position(|trial| trial.is_computed() && !trial.resolves.is_empty())?;
    let chosen = tried.remove(position);
    let mut alternatives: Vec<Alternative> =
        tried.iter().map(|trial| trial.alternative(machine, &chosen)).collect();
    // It cannot be computed, and keeps what every other way replaces.
    alternatives.sort_by_key(|alternative| alternative.name != candidates::RESTORE_MASTER_KEY);
    Some(Plan {
        summary: chosen.candidate.summary.clone(),
        steps: steps::render(machine, &chosen.candidate),
        remaining: chosen.remaining,
        resolves: chosen.resolves,
        leaves: chosen.leaves,
        expect: chosen.expect,
        alternatives,
        prevent: candidates::prevent(machine),
    })
}
