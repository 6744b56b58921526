//! Tries a candidate on a copy of the facts: apply, derive, judge, compare.

use super::action::Action;
use super::candidates::{Candidate, RESTORE_MASTER_KEY};
use super::expect::{self, Expect};
use super::{Alternative, steps};
use crate::machine::{Machine, Standing};
use crate::rules::{self, Finding, Group, RuleInfo, Severity};

/// A candidate with what came of it.
pub(super) struct Trial {
    /// The candidate.
    pub candidate: Candidate,
    /// Findings that vanish.
    pub resolves: Vec<String>,
    /// Findings that stay or appear.
    pub leaves: Vec<String>,
    /// What evidence collected afterwards must show.
    pub expect: Vec<Expect>,
    /// Severity and title of the findings that stay or appear.
    pub remaining: Vec<(Severity, String, String)>,
    errors: usize,
    warnings: usize,
    stranded: u64,
    /// Containers that work as they stand and that it would rename all the same.
    disturbs: usize,
    /// Whether it gives a clone the GUID of its original.
    undoes_cloning: bool,
}

/// A finding from before a trial. A step may give its container another file name, and with it another identifier.
pub(super) struct Known {
    pub id: String,
    pub rule: &'static str,
    severity: Severity,
    pub title: String,
}

impl Known {
    pub(super) fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id(),
            rule: finding.rule,
            severity: finding.severity,
            title: finding.title.clone(),
        }
    }

    fn is(&self, finding: &Finding) -> bool {
        self.id == finding.id()
            || (self.rule, self.severity, &self.title) == (finding.rule, finding.severity, &finding.title)
    }
}

/// Whether a rule tells what has happened, which no plan undoes and none leaves behind.
pub(super) fn is_history(info: &RuleInfo) -> bool {
    info.group == Group::Symptoms && info.severity == Severity::Note
}

/// Carries out `candidate` on a copy of the facts. `before` are the identifiers of the present findings.
pub(super) fn run(machine: &Machine<'_>, candidate: Candidate, before: &[Known]) -> Trial {
    if !candidate.computed {
        return Trial {
            candidate,
            resolves: Vec::new(),
            leaves: Vec::new(),
            expect: Vec::new(),
            remaining: Vec::new(),
            errors: usize::MAX,
            warnings: usize::MAX,
            stranded: u64::MAX,
            disturbs: usize::MAX,
            undoes_cloning: false,
        };
    }
    let mut facts = machine.facts.clone();
    for (number, action) in candidate.actions.iter().enumerate() {
        action.apply(&mut facts, u16::try_from(number + 1).unwrap_or(u16::MAX));
    }
    let after = Machine::derive(&facts);
    let judged = rules::judge(&after);
    let mut leaves = Vec::new();
    let mut remaining = Vec::new();
    let (mut errors, mut warnings) = (0, 0);
    for (rule, judgement) in judged.iter().filter(|(rule, _)| !is_history(rule.info())) {
        for finding in &judgement.findings {
            match finding.severity {
                Severity::Error => errors += 1,
                Severity::Warning if rule.info().group != Group::Evidence => warnings += 1,
                _ => {}
            }
            // Under its new name it is the same finding.
            let same = before.iter().find(|known| known.is(finding));
            leaves.push(same.map_or_else(|| finding.id(), |known| known.id.clone()));
            remaining.push((finding.severity, finding.title.clone(), finding.subject.clone()));
        }
    }
    leaves.sort();
    remaining.sort_by(|a, b| b.cmp(a));
    leaves.dedup();
    let gone: Vec<&Known> = before.iter().filter(|known| !leaves.contains(&known.id)).collect();
    let expect = expect::of(machine, &after, &candidate.actions, &gone);
    let mut resolves: Vec<String> = gone.iter().map(|known| known.id.clone()).collect();
    resolves.sort();
    let undoes_cloning = candidate.actions.iter().any(|action| match action {
        Action::SetGuid(guid) => rules::was_cloned(machine, guid),
        _ => false,
    });
    let disturbs = candidate.actions.iter().filter(|action| match action {
        Action::Rename { container, .. } | Action::SetAside { container } => {
            *container < machine.facts.containers.len() && rules::is_in_use(machine, *container)
        }
        _ => false,
    });
    Trial {
        disturbs: disturbs.count(),
        resolves,
        leaves,
        expect,
        remaining,
        errors,
        warnings,
        stranded: stranded(&after),
        undoes_cloning,
        candidate,
    }
}

/// How many containers Windows would not find although a copy stands in the folder.
fn stranded(machine: &Machine<'_>) -> u64 {
    let Some(current) = &machine.guid else { return u64::MAX };
    let others: u64 = machine
        .facts
        .spread
        .iter()
        .filter(|((_, guids), _)| !guids.contains(current))
        .map(|(_, number)| number)
        .sum();
    let tracked = machine
        .sets
        .values()
        .filter(|set| machine.standing_copies(set, Standing::Current).is_empty())
        .filter(|set| !machine.standing_copies(set, Standing::OtherGuid).is_empty())
        .count() as u64;
    others + tracked
}

impl Trial {
    /// The smaller, the better: errors left first, then what cannot be undone, then what must be found elsewhere.
    pub fn rank(&self) -> (usize, bool, bool, bool, usize, usize, u64, usize) {
        (
            self.errors,
            self.undoes_cloning,
            self.candidate.loses_secrets(),
            self.candidate.needs_outside(),
            self.warnings,
            self.disturbs,
            self.stranded,
            self.candidate.actions.len(),
        )
    }

    /// Whether its effect was computed.
    pub fn is_computed(&self) -> bool {
        self.candidate.computed
    }

    /// The trial as an alternative to `chosen`.
    pub fn alternative(&self, machine: &Machine<'_>, chosen: &Self) -> Alternative {
        Alternative {
            name: self.candidate.name,
            summary: self.candidate.summary.clone(),
            reason: self.reason(machine, chosen),
            cost: self.candidate.cost.clone(),
            steps: steps::render(machine, &self.candidate),
            tried: self.candidate.computed,
            resolves: self.resolves.clone(),
            leaves: self.leaves.clone(),
        }
    }

    fn reason(&self, machine: &Machine<'_>, chosen: &Self) -> String {
        if !self.candidate.computed {
            return match self.candidate.name {
                "restore-backup" => {
                    "Whether such a backup exists is not in evidence, and it undoes more than needed."
                }
                RESTORE_MASTER_KEY => {
                    "Whether such a backup exists is not in evidence; where there is one, try this before the plan."
                }
                "import-export" => "Its password is not in evidence, and it undoes more than needed.",
                "configuration-history" if machine.facts.copies.is_empty() => {
                    "No copy of the configuration is in evidence."
                }
                "configuration-history" => {
                    "It brings no container back; copies in evidence are in the findings."
                }
                _ => "It loses secrets that the plan keeps.",
            }
            .to_owned();
        }
        if self.errors > chosen.errors {
            return format!(
                "It leaves {} that the plan does not leave.",
                plural(self.errors - chosen.errors, "error")
            );
        }
        if self.undoes_cloning && !chosen.undoes_cloning {
            return "The machine was cloned: with the GUID of its original, two machines would have the same one."
                .to_owned();
        }
        if self.candidate.loses_secrets() && !chosen.candidate.loses_secrets() {
            return "It loses secrets that the plan keeps.".to_owned();
        }
        if self.candidate.needs_outside() && !chosen.candidate.needs_outside() {
            return "It needs key files that are not in evidence; the plan needs only what is on the server."
                .to_owned();
        }
        if self.warnings > chosen.warnings {
            return format!("It leaves {} more.", plural(self.warnings - chosen.warnings, "warning"));
        }
        if self.disturbs > chosen.disturbs {
            return format!("It renames {} that work as they stand.", plural(self.disturbs, "container"));
        }
        if self.stranded > chosen.stranded {
            return format!(
                "It leaves {} that Windows does not find; the plan leaves {}.",
                plural(usize::try_from(self.stranded).unwrap_or(usize::MAX), "container"),
                chosen.stranded
            );
        }
        if self.candidate.actions.len() > chosen.candidate.actions.len() {
            return format!(
                "It changes {}; the plan changes {}.",
                plural(self.candidate.actions.len(), "thing"),
                chosen.candidate.actions.len()
            );
        }
        "It comes to the same; the plan changes less of what stands on the server.".to_owned()
    }
}

fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
