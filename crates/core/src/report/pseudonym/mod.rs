//! A report with its names replaced by tokens, so that it can be shown to others.
//!
//! The names come from fields whose meaning is known and from the machine's facts, never from rendered text. They are
//! then replaced in every string of the report, so that a field that is added later is covered without a word here. What
//! is public anyway stays, since it carries the diagnosis: well-known folders, containers, accounts and providers,
//! MachineGuids, master keys, digests of evidence, times and sizes. The file name of a container with a name of its own
//! gets a token for the hash at its start, because that hash would confirm a guess of the name.
//!
//! Identifiers of findings are a hash over rule and subject. Where a subject changed, the identifier is derived anew from
//! what stands there now, for the same reason.

mod collect;
mod finder;
mod map;
mod names;
mod ordinary;
mod public;
mod walk;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use map::{MapError, PseudonymMap};
pub use names::{Kind, Names};

use super::{ReadError, Report};
use crate::rules::finding_id;
use finder::Finder;
use ordinary::Place;

/// What a pseudonymized report says of itself.
const NOTE: &str = "Names in this report were replaced by tokens such as host-1, each the same wherever the name stood. \
                    Commands that held names are commented out: take them from the original report.";

/// What stands at the start of a step whose commands are commented out.
const STEP_NOTE: &str = "Names in these commands were replaced; run the commands of the original report.";

impl Report {
    /// Replaces the names of this machine by tokens that `map` knows, and adds those that it does not know yet.
    ///
    /// The same name gets the same token everywhere in the report, and in every report for which the same map is used. The
    /// map is private; nothing of it but the tokens is in the report.
    ///
    /// ```
    /// use iiskeys_core::Report;
    /// use iiskeys_core::report::PseudonymMap;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let saved = std::fs::read("../../fixtures/healthy-server2012r2/expected.json")?;
    /// let mut report = Report::from_json(&saved)?;
    /// let mut map = PseudonymMap::default();
    /// report.pseudonymize(&mut map)?;
    /// assert_eq!(report.machine.hostname.as_deref(), Some("host-1"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The report does not survive as a report; it is then unchanged. No report of this program does that.
    pub fn pseudonymize(&mut self, map: &mut PseudonymMap) -> Result<(), ReadError> {
        let form = |error: serde_json::Error| ReadError::Form { why: error.to_string() };
        // A map that is empty yet is a new one, and gets an id of its own.
        let id = Some(map.id());
        let mut value = serde_json::to_value(&*self).map_err(form)?;
        let mut names = self.names.clone();
        collect::collect(&value, &mut names);
        names.forget_tokens(&self.redaction_tokens);

        let mut finder = Finder::default();
        let list = names.sorted();
        for (at, (kind, name)) in list.iter().enumerate() {
            finder.add_name(*kind, name, at);
        }
        let mut used = BTreeSet::new();
        walk::strings(&value, &mut |field, text| {
            if !collect::is_fixed(field) {
                finder.visit(collect::place(field), text, &mut |at| {
                    used.insert(at);
                });
            }
        });
        let reserved: BTreeSet<String> = list.iter().map(|(_, name)| names::folded(name)).collect();
        let mut tokens: BTreeMap<usize, String> = BTreeMap::new();
        for at in used {
            if let Some((kind, name)) = list.get(at) {
                tokens.insert(at, map.token(*kind, name, &reserved));
            }
        }
        let token_of = |at: usize| tokens.get(&at).map_or("", String::as_str);
        walk::strings_mut(&mut value, &mut |field, text| {
            if !collect::is_fixed(field) {
                *text = finder.replace(collect::place(field), text, &token_of);
            }
        });
        renew_ids(&mut value, map);

        let mut report: Self = serde_json::from_value(value).map_err(form)?;
        report.comment_out(self);
        // Tokens of two maps in one report are tokens of none.
        let is_one_map = self.redaction_tokens.is_empty() || self.redaction_map == id;
        report.redaction_map =
            id.filter(|_| is_one_map && !(tokens.is_empty() && self.redaction_tokens.is_empty()));
        report.redaction_tokens.extend(tokens.into_values());
        report.redaction_tokens.sort_by(|a, b| map::by_number(a, b));
        report.redaction_tokens.dedup();
        if !report.redaction_tokens.is_empty() && !report.assumptions.iter().any(|said| said == NOTE) {
            report.assumptions.push(NOTE.to_owned());
        }
        *self = report;
        Ok(())
    }

    /// Comments out the commands of every plan in which a name was replaced: all of them, since half of a repair is worse
    /// than none.
    fn comment_out(&mut self, before: &Self) {
        for (row, old) in self.collect.iter_mut().zip(&before.collect) {
            if row.commands != old.commands {
                comment(&mut row.commands, row.shell.as_deref());
            }
        }
        let (Some(plan), Some(old)) = (&mut self.plan, &before.plan) else { return };
        let alternatives = plan.alternatives.iter_mut().map(|it| &mut it.steps);
        let old = std::iter::once(&old.steps).chain(old.alternatives.iter().map(|it| &it.steps));
        for (steps, old) in std::iter::once(&mut plan.steps).chain(alternatives).zip(old) {
            if steps.iter().zip(old).all(|(step, old)| step.commands == old.commands) {
                continue;
            }
            for step in steps.iter_mut().filter(|step| !step.commands.is_empty()) {
                comment(&mut step.commands, step.shell.as_deref());
                step.detail = format!("{STEP_NOTE} {}", step.detail);
            }
        }
    }
}

/// Makes comments of commands, so that pasting them does nothing.
fn comment(commands: &mut [String], shell: Option<&str>) {
    let mark = if shell == Some("cmd") { "rem" } else { "#" };
    for command in commands {
        *command = format!("{mark} names replaced: {command}");
    }
}

/// Derives the identifiers of findings anew from their subjects, wherever they stand.
fn renew_ids(value: &mut Value, map: &mut PseudonymMap) {
    let mut renewed = Vec::new();
    for finding in value.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default();
        let (old, new) = (text("id"), finding_id(text("rule"), text("subject")));
        if old != new {
            renewed.push((old.to_owned(), new));
        }
    }
    let mut finder = Finder::default();
    for (at, (old, _)) in renewed.iter().enumerate() {
        finder.add(old, at);
    }
    for (old, new) in &renewed {
        map.remember_finding(new, old);
    }
    let new = |at: usize| renewed.get(at).map_or("", |(_, new)| new.as_str());
    walk::strings_mut(value, &mut |_, text| *text = finder.replace(Place::Name, text, &new));
}
