//! What rules lacked, and how to get it.

use super::CollectRow;
use crate::collect::{ITEMS, Item};
use crate::machine::{Generation, Machine, Need};
use crate::rules::{Judgement, Outcome, Rule};

/// Whether what a rule could not look at is worth collecting: what it looked at may have settled the matter.
fn is_open(judgement: &Judgement) -> bool {
    matches!(judgement.outcome(), Outcome::Found | Outcome::NotEvaluated)
}

/// What one rule asks for: what to collect, and the commands that gather it.
pub(super) fn needs(machine: &Machine<'_>, judgement: &Judgement) -> Vec<String> {
    if !is_open(judgement) {
        return Vec::new();
    }
    let items = judgement.gaps.iter().filter_map(|(_, need)| crate::collect::of(*need));
    let mut needs: Vec<String> = items.map(|item| item.ask(machine.generation)).collect();
    needs.sort();
    needs.dedup();
    needs
}

/// One row for each thing that any rule asks for, in the order of the list.
pub(super) fn rows(machine: &Machine<'_>, judged: &[(&'static dyn Rule, Judgement)]) -> Vec<CollectRow> {
    let waiting = |need: Need| -> Vec<String> {
        let asks = |judgement: &Judgement| judgement.gaps.iter().any(|(_, gap)| *gap == need);
        let open = judged.iter().filter(|(_, judgement)| is_open(judgement) && asks(judgement));
        open.map(|(rule, _)| rule.info().name.to_owned()).collect()
    };
    let rows = ITEMS.iter().filter_map(|item| Some(row(item, machine.generation, waiting(item.need?))));
    rows.filter(|row| !row.rules.is_empty()).collect()
}

fn row(item: &'static Item, windows: Option<Generation>, rules: Vec<String>) -> CollectRow {
    let commands: Vec<String> = item.commands(windows).into_iter().map(str::to_owned).collect();
    CollectRow {
        need: item.name.to_owned(),
        what: item.what_on(windows).to_owned(),
        shell: (!commands.is_empty()).then(|| "cmd".to_owned()),
        commands,
        sensitive: item.is_sensitive(),
        rules,
    }
}
