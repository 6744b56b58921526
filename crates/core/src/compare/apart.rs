//! Reports whose names cannot be joined: tokens of two maps, or tokens in one of them alone.
//!
//! Each map counts its tokens from one, so `host-1` of one map is another machine than `host-1` of the next.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::report::Report;

/// Most words of a token, its number included.
const WORDS: usize = 3;

/// The tokens that stand for names.
pub(crate) struct Tokens<'a>(BTreeSet<&'a str>);

impl<'a> Tokens<'a> {
    pub fn of(reports: &[&'a Report]) -> Self {
        Self(reports.iter().flat_map(|report| &report.redaction_tokens).map(String::as_str).collect())
    }

    /// Whether one of them stands in a text, at its end or anywhere.
    pub fn is_in(&self, text: &str) -> bool {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        text.split(|letter| !is_letter(letter)).any(|run| {
            let starts = std::iter::once(0).chain(run.match_indices('-').map(|(at, _)| at + 1));
            starts.filter_map(|start| run.get(start..)).any(|rest| {
                let ends = rest.match_indices('-').map(|(at, _)| at).chain([rest.len()]);
                ends.take(WORDS).filter_map(|end| rest.get(..end)).any(|piece| self.0.contains(piece))
            })
        })
    }
}

/// Why the names in two reports cannot be joined.
pub(super) fn why(a: &Report, b: &Report) -> Option<String> {
    let is_one_map = a.redaction_map.is_some() && a.redaction_map == b.redaction_map;
    let said = match (a.redaction_tokens.is_empty(), b.redaction_tokens.is_empty()) {
        (true, true) => return None,
        (false, false) if is_one_map => return None,
        (false, false) => "The names in A and in B were replaced with different maps",
        (false, true) => "The names in A were replaced and those in B were not",
        (true, false) => "The names in B were replaced and those in A were not",
    };
    Some(format!(
        "{said}, so what they name cannot be compared; replace the names in both with one map (--pseudonymize MAP)."
    ))
}

/// The report without what tokens name.
pub(crate) fn without_tokens(report: &Report, tokens: &Tokens<'_>) -> Report {
    fn keep<T: Serialize>(rows: &mut Vec<T>, tokens: &Tokens<'_>) {
        rows.retain(|row| serde_json::to_string(row).is_ok_and(|text| !tokens.is_in(&text)));
    }
    let mut report = report.clone();
    report.machine.hostname = report.machine.hostname.filter(|name| !tokens.is_in(name));
    keep(&mut report.findings, tokens);
    keep(&mut report.key_containers, tokens);
    keep(&mut report.needed, tokens);
    keep(&mut report.certificates, tokens);
    keep(&mut report.bindings, tokens);
    keep(&mut report.config_copies, tokens);
    if let Some(config) = &mut report.config {
        keep(&mut config.providers, tokens);
    }
    report
}
