//! `iiskeys rules`

use serde_json::{Value, json};

use crate::args::{RulesArgs, RulesFormat};
use crate::engine::{self, RuleInfo};
use crate::exit::{Exit, Failure, shown};
use crate::look::look;
use crate::output;

/// Lists the rules, or explains the one that is named.
///
/// # Errors
/// There is no rule of that name, or stdout does not take the answer.
pub fn run(args: &RulesArgs) -> Result<Exit, Failure> {
    let rules = engine::rules();
    let answer = match (&args.name, args.format) {
        (None, RulesFormat::Text) => engine::list(&look(&args.look, false)),
        (None, RulesFormat::Json) => pretty(&rules.iter().map(|rule| form(rule)).collect()),
        (None, RulesFormat::Markdown) => engine::catalogue(),
        (Some(name), format) => {
            let rule = find(&rules, name)?;
            match format {
                RulesFormat::Text => rule.to_text(&look(&args.look, false)),
                RulesFormat::Markdown => format!("# {}\n\n{}", rule.name, rule.page()),
                RulesFormat::Json => pretty(&form(rule)),
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
