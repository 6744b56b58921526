//! `iiskeys rules`

use std::fmt::Write;

use serde_json::{Value, json};

use crate::args::{Format, RulesArgs};
use crate::engine::{self, RuleInfo};
use crate::exit::{Exit, Failure, shown};
use crate::output;

/// Lists the rules, or explains the one that is named.
///
/// # Errors
/// There is no rule of that name, or stdout does not take the answer.
pub fn run(args: &RulesArgs) -> Result<Exit, Failure> {
    let rules = engine::rules();
    let answer = match (&args.name, args.format) {
        (None, Format::Text) => table(&rules),
        (None, Format::Json) => pretty(&rules.iter().map(|rule| form(rule)).collect()),
        (Some(name), format) => {
            let rule = find(&rules, name)?;
            match format {
                Format::Text => format!("{}\n\n{}", rule.name, rule.page()),
                Format::Json => pretty(&form(rule)),
            }
        }
    };
    output::print(&answer)?;
    Ok(Exit::Clean)
}

fn find(rules: &[&'static RuleInfo], name: &str) -> Result<&'static RuleInfo, Failure> {
    rules.iter().copied().find(|rule| rule.name == name).ok_or_else(|| {
        let like: Vec<_> = rules.iter().map(|rule| rule.name).filter(|known| known.contains(name)).collect();
        let next = if like.is_empty() {
            "see `iiskeys rules`".to_owned()
        } else {
            format!("do you mean {}?", like.join(", "))
        };
        Failure::new(format!("there is no rule '{}'; {next}", shown(name)))
    })
}

fn table(rules: &[&RuleInfo]) -> String {
    let width = rules.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    let mut group = "";
    for rule in rules {
        if rule.group.name() != group {
            group = rule.group.name();
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{group}");
        }
        let _ = writeln!(text, "  {:<width$}  {:<7}  {}", rule.name, rule.severity.name(), rule.summary);
    }
    text
}

fn form(rule: &RuleInfo) -> Value {
    json!({
        "name": rule.name,
        "group": rule.group.name(),
        "severity": rule.severity.name(),
        "lowered": rule.lowered,
        "summary": rule.summary,
        "core": rule.core,
        "explains": rule.explains,
        "meaning": rule.meaning,
        "proof": rule.proof,
        "repair": rule.repair,
        "references": rule.references,
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
