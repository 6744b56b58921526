//! Comparison and drift as text.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::drift::{Drift, DriftChange, DriftPart, DriftRow};
use super::model::*;
use super::{count, level};
use crate::visible::visible;

/// Letters in a line.
const WIDTH: usize = 100;
/// Rows of one list that are shown; the JSON form has all of them.
const MOST: usize = 40;

struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        let _ = write!(self.0, "\n{text}\n");
    }

    /// A wrapped paragraph that starts with `mark` and hangs behind it.
    fn item(&mut self, indent: usize, mark: &str, text: &str) {
        let hang = indent + mark.chars().count();
        let mut line = format!("{:indent$}{mark}", "");
        let mut used = hang;
        for word in visible(text).split(' ').filter(|word| !word.is_empty()) {
            let length = word.chars().count();
            if used > hang && used + 1 + length > WIDTH {
                let _ = writeln!(self.0, "{}", line.trim_end());
                line = format!("{:hang$}", "");
                used = hang;
            }
            if used > hang {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
        let _ = writeln!(self.0, "{}", line.trim_end());
    }

    /// A list under a heading, nothing when it is empty.
    fn list<T>(&mut self, heading: &str, rows: &[T], mut show: impl FnMut(&mut Self, &T)) {
        if rows.is_empty() {
            return;
        }
        self.heading(heading);
        for row in rows.iter().take(MOST) {
            show(self, row);
        }
        if rows.len() > MOST {
            self.item(2, "", &format!("... and {} more; --format json has all of them", rows.len() - MOST));
        }
    }
}

/// A mark that reads like a difference: `+` is B's, `-` is A's.
fn mark(change: Change) -> &'static str {
    match change {
        Change::Appeared | Change::NotInA => "+ ",
        Change::Vanished | Change::NotInB => "- ",
        Change::Changed | Change::Moved | Change::Same => "~ ",
    }
}

pub(super) fn comparison(it: &Comparison) -> String {
    let mut out = Page(String::new());
    let word = match it.outcome {
        Outcome::NotWorse => "NOT WORSE",
        Outcome::Worse => "WORSE, OR NOT AS EXPECTED",
        Outcome::Open => "OPEN",
    };
    out.item(0, "", &format!("COMPARISON: {word}"));
    out.item(0, "", &it.summary);
    out.list("WORSE IN B, OR NOT AS EXPECTED", &it.worse, |out, line| out.item(2, "- ", line));
    out.list("OPEN", &it.open, |out, line| out.item(2, "- ", line));
    sides(&mut out, it);
    out.heading("ONE MACHINE OR TWO");
    out.item(2, "", &format!("{} [{}]", it.relation.statement, it.relation.confidence));
    for reason in &it.relation.reasons {
        out.item(4, "- ", reason);
    }
    out.list("WHAT COMES FROM THE OTHER", &it.origins, |out, origin| {
        out.item(2, "", &format!("{}: {} [{}]", origin.kind, origin.statement, origin.confidence));
        for reason in &origin.reasons {
            out.item(4, "- ", reason);
        }
        for item in origin.items.iter().take(MOST) {
            out.item(4, "= ", item);
        }
        if origin.items.len() > MOST {
            out.item(4, "= ", &format!("... and {} more", origin.items.len() - MOST));
        }
    });
    out.list("EXPECTED AFTER THE REPAIR", &it.expectations, |out, row| {
        let word = match row.state {
            Met::Met => "met      ",
            Met::NotMet => "NOT MET  ",
            Met::NotEvaluated => "not known",
        };
        out.item(2, &format!("{word}  "), &format!("{} {}", row.expect.what, row.because));
    });
    findings(&mut out, &it.findings);
    down(&mut out, &it.down);
    let table = |out: &mut Page, heading: &str, rows: &[Difference]| {
        out.list(heading, rows, |out, row| {
            let said = |side: &Option<String>| side.clone().unwrap_or_default();
            let text = match row.change {
                Change::Appeared => format!("{}: {}", row.subject, said(&row.b)),
                Change::Vanished => format!("{}: {}", row.subject, said(&row.a)),
                Change::NotInB => format!("{}: {} (B does not reach it)", row.subject, said(&row.a)),
                Change::NotInA => format!("{}: {} (A does not reach it)", row.subject, said(&row.b)),
                _ => format!("{}: {} -> {}", row.subject, said(&row.a), said(&row.b)),
            };
            out.item(2, mark(row.change), &text);
        });
    };
    table(&mut out, "MACHINE GUIDS", &it.guids);
    containers(&mut out, it);
    table(&mut out, "SESSION KEYS", &it.session_keys);
    table(&mut out, "MASTER KEYS", &it.master_keys);
    table(&mut out, "CERTIFICATES", &it.certificates);
    table(&mut out, "BINDINGS", &it.bindings);
    table(&mut out, "COPIES OF THE CONFIGURATION", &it.config_copies);
    out.list("RULES THAT ANSWER IN ONE REPORT ALONE", &it.rules, |out, row| {
        let text = match row.change {
            Change::NotInB => {
                let after = row.b.as_deref().unwrap_or("not known to the version that made B");
                format!("{}: {} in A; in B {after}", row.subject, row.a.as_deref().unwrap_or_default())
            }
            _ => {
                let before = row.a.as_deref().unwrap_or("not known to the version that made A");
                format!("{}: {} in B; in A {before}", row.subject, row.b.as_deref().unwrap_or_default())
            }
        };
        out.item(2, mark(row.change), &text);
    });
    out.list("EXPECTED AFTER THE PLAN OF B", &it.next, |out, row| out.item(2, "- ", &row.what));
    out.0
}

fn sides(out: &mut Page, it: &Comparison) {
    out.heading("A AND B");
    let unknown = || "not in evidence".to_owned();
    for (name, side) in [("A", &it.a), ("B", &it.b)] {
        let cause = side.root_cause.as_ref().map(|rule| format!(", root cause {rule}")).unwrap_or_default();
        let parts = [
            format!("{}{cause}", side.verdict.name()),
            format!("host {}", side.hostname.clone().unwrap_or_else(unknown)),
            format!("MachineGuid {}", side.machine_guid.clone().unwrap_or_else(unknown)),
            format!("installed {}", side.installed.clone().unwrap_or_else(unknown)),
            format!("iiskeys {}", side.version),
        ];
        out.item(2, &format!("{name}  "), &parts.join("; "));
    }
}

fn findings(out: &mut Page, it: &FindingChanges) {
    let show = |mark: &'static str| {
        move |out: &mut Page, row: &FindingRef| {
            let level = level(row.severity).to_uppercase();
            out.item(2, mark, &format!("{level} {} ({}): {}", row.rule, row.confidence, row.title));
        }
    };
    out.list("FINDINGS THAT APPEARED", &it.appeared, show("+ "));
    out.list("FINDINGS SEEN FOR THE FIRST TIME (A could not examine them)", &it.newly_examined, show("+ "));
    out.list("FINDINGS THAT ARE GONE", &it.vanished, show("- "));
    out.list("FINDINGS NOT EXAMINED AGAIN (they may still be there)", &it.no_longer_examined, show("? "));
    out.list("FINDINGS THAT CHANGED", &it.changed, |out, row| {
        show("- ")(out, &row.a);
        show("+ ")(out, &row.b);
    });
    out.list("FINDINGS IN BOTH", &it.stayed, show("  "));
}

fn down(out: &mut Page, it: &DownChanges) {
    let lists = [
        ("back", &it.back),
        ("went down", &it.went_down),
        ("still down", &it.still_down),
        ("unknown", &it.unknown),
    ];
    if lists.iter().all(|(_, names)| names.is_empty()) {
        return;
    }
    out.heading("SERVICES, SITES AND POOLS");
    for (word, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
        out.item(2, &format!("{word:<11}"), &names.join(", "));
    }
}

fn containers(out: &mut Page, it: &Comparison) {
    out.list("KEY CONTAINERS", &it.containers, |out, row| {
        let named = |side: &ContainerRef| {
            let name = side.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
            format!("{} ({name}{})", side.id, side.state)
        };
        let (a, b) =
            (row.a.as_ref().map(named).unwrap_or_default(), row.b.as_ref().map(named).unwrap_or_default());
        let basis = match row.basis.as_deref() {
            Some("key") => "the same key",
            Some("name-and-size") => "same name and size, which may be chance",
            _ => "the same file name",
        };
        let text = match row.change {
            Change::Appeared => b,
            Change::Vanished => a,
            Change::NotInB => format!("{a}: B does not reach it"),
            Change::NotInA => format!("{b}: A does not reach it"),
            Change::Moved => format!("{a} -> {b}: {basis}; {}", row.what.join("; ")),
            Change::Changed | Change::Same => format!("{b}: {}", row.what.join("; ")),
        };
        out.item(2, mark(row.change), &text);
    });
    if it.containers_same > 0 {
        let same = usize::try_from(it.containers_same).unwrap_or(usize::MAX);
        out.item(2, "", &format!("{} the same in both.", count(same, "container is", "containers are")));
    }
}

pub(super) fn drift(it: &Drift) -> String {
    let mut out = Page(String::new());
    out.item(0, "", &headline(it));
    for row in &it.rows {
        out.0.push('\n');
        let what = match row.part {
            DriftPart::Verdict | DriftPart::RootCause => row.subject.clone(),
            DriftPart::Plan => format!("plan, {}", row.subject),
            DriftPart::Finding | DriftPart::Outcome => format!("finding {}", row.subject),
        };
        let word = match row.change {
            DriftChange::Added => "added",
            DriftChange::Gone => "gone",
            DriftChange::Changed => "changed",
        };
        out.item(0, "", &format!("{what}: {word}"));
        for (mark, line) in difference(row) {
            out.item(2, mark, line);
        }
        if let Some(why) = &row.why {
            out.item(2, "because ", why);
        }
    }
    out.list("Rules that come to another outcome (no drift by themselves)", &it.outcomes, |out, row| {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "not known".to_owned());
        let why = row.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        out.item(2, "", &format!("{}: {} -> {}{why}", row.subject, side(&row.baseline), side(&row.now)));
    });
    out.list("Steps that are worded anew (no drift)", &it.wording, |out, row| {
        out.item(2, "", &row.subject);
    });
    out.0
}

fn headline(it: &Drift) -> String {
    if it.is_empty() {
        return "Findings, verdict, root cause and plan are those of the baseline.".to_owned();
    }
    let parts: BTreeSet<DriftPart> = it.rows.iter().map(|row| row.part).collect();
    let findings =
        |change| it.rows.iter().filter(|row| row.part == DriftPart::Finding && row.change == change).count();
    let said = |part| match part {
        DriftPart::Verdict => "the verdict".to_owned(),
        DriftPart::RootCause => "the root cause".to_owned(),
        DriftPart::Plan => "the plan".to_owned(),
        DriftPart::Finding | DriftPart::Outcome => {
            let words = [
                (findings(DriftChange::Added), "added"),
                (findings(DriftChange::Gone), "gone"),
                (findings(DriftChange::Changed), "changed"),
            ];
            let words: Vec<String> = words
                .into_iter()
                .filter(|(number, _)| *number > 0)
                .map(|(number, word)| format!("{number} {word}"))
                .collect();
            format!("findings ({})", words.join(", "))
        }
    };
    let parts: Vec<String> = parts.into_iter().map(said).collect();
    format!("Differs from the baseline: {}.", parts.join(", "))
}

/// Lines of one difference: those of the baseline alone, those of now alone, and what surrounds them.
fn difference(row: &DriftRow) -> Vec<(&'static str, &str)> {
    let before: Vec<&str> = row.baseline.iter().flat_map(|text| text.lines()).collect();
    let after: Vec<&str> = row.now.iter().flat_map(|text| text.lines()).collect();
    diff(&before, &after)
}

/// Largest table of the line difference; longer texts are shown whole, one after the other.
const CELLS: usize = 4 << 20;
/// Lines that are shown around a change.
const CONTEXT: usize = 1;

/// A line difference by the longest common subsequence.
fn diff<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<(&'static str, &'a str)> {
    let width = after.len() + 1;
    let mut edits: Vec<(&'static str, &str)> = Vec::new();
    if width.saturating_mul(before.len() + 1) > CELLS {
        edits.extend(before.iter().map(|line| ("- ", *line)));
        edits.extend(after.iter().map(|line| ("+ ", *line)));
        return edits;
    }
    let mut table = vec![0_u32; width * (before.len() + 1)];
    let at = |i: usize, j: usize| i * width + j;
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            table[at(i, j)] = if before[i] == after[j] {
                table[at(i + 1, j + 1)] + 1
            } else {
                table[at(i + 1, j)].max(table[at(i, j + 1)])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            edits.push(("  ", before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j >= after.len() || (i < before.len() && table[at(i + 1, j)] >= table[at(i, j + 1)]) {
            edits.push(("- ", before[i]));
            i += 1;
        } else {
            edits.push(("+ ", after[j]));
            j += 1;
        }
    }
    let near = |at: usize| {
        let (from, to) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(edits.len()));
        edits.get(from..to).is_some_and(|around| around.iter().any(|(mark, _)| *mark != "  "))
    };
    edits.iter().enumerate().filter(|(at, _)| near(*at)).map(|(_, edit)| *edit).collect()
}
