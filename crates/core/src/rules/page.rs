//! A rule's page: one text, in Markdown and for a terminal.

use std::fmt::Write;

use super::{RuleInfo, Severity, all, by_name};
use crate::markdown;
use crate::terminal::{Look, Page, Style};

/// A piece of a rule's page.
enum Part {
    /// The line about group and severity.
    Facts(String),
    /// A paragraph without a heading.
    Lead(&'static str),
    /// A paragraph under a heading.
    Text(&'static str, &'static str),
    /// Names of rules under a heading.
    Rules(&'static str, Vec<&'static str>),
    /// Lines under a heading.
    List(&'static str, &'static [&'static str]),
}

/// The rules that explain this one's findings, in the order of the catalogue.
fn explained_by(name: &str) -> Vec<&'static str> {
    let explains = |info: &&RuleInfo| info.explains.contains(&name);
    all().iter().map(|rule| rule.info()).filter(explains).map(|info| info.name).collect()
}

fn parts(info: &RuleInfo) -> Vec<Part> {
    let facts =
        format!("Group: {}. Severity: {} (lowered: {}).", info.group.name(), info.severity, info.lowered);
    let mut parts = vec![
        Part::Lead(info.summary),
        Part::Facts(facts),
        Part::Text("What it means", info.meaning),
        Part::Text("How it is proved", info.proof),
        Part::Text("How it is repaired", info.repair),
    ];
    let explained_by = explained_by(info.name);
    for (heading, names) in [("What it explains", info.explains.to_vec()), ("Explained by", explained_by)] {
        if !names.is_empty() {
            parts.push(Part::Rules(heading, names));
        }
    }
    if !info.references.is_empty() {
        parts.push(Part::List("References", info.references));
    }
    parts
}

/// Cuts `text` into pieces, each with whether it is the name of a rule.
fn mentions(text: &str) -> Vec<(bool, &str)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |length| start + length);
        pieces.push((false, &rest[..start]));
        let word = &rest[start..end];
        pieces.push((by_name(word).is_some(), word));
        rest = &rest[end..];
    }
    pieces.push((false, rest));
    pieces
}

/// Prose in Markdown; with `links`, the names of other rules lead to their pages.
fn prose(text: &str, own: &str, links: bool) -> String {
    let mut out = String::new();
    let mut plain = String::new();
    for (is_rule, piece) in mentions(text) {
        if is_rule && piece != own && links {
            flush(&mut out, &plain);
            plain.clear();
            let _ = write!(out, "[{piece}](#{piece})");
        } else {
            plain.push_str(piece);
        }
    }
    flush(&mut out, &plain);
    out
}

/// Escapes what stands between two links, and keeps the spaces at its ends.
fn flush(out: &mut String, plain: &str) {
    if plain.starts_with(' ') && !out.is_empty() {
        out.push(' ');
    }
    out.push_str(&markdown::escape(plain));
    if plain.ends_with(' ') && !plain.trim().is_empty() {
        out.push(' ');
    }
}

/// The page in Markdown without its heading; with `links` as it stands in the catalogue.
pub(super) fn markdown_page(info: &RuleInfo, links: bool) -> String {
    let prose = |text: &str| prose(text, info.name, links);
    let mut page = String::new();
    for (at, part) in parts(info).into_iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        let _ = match part {
            Part::Lead(text) => writeln!(page, "{gap}{}", prose(text)),
            Part::Facts(text) => writeln!(page, "{gap}{}", prose(&text)),
            Part::Text(heading, text) => writeln!(page, "{gap}**{heading}.** {}", prose(text)),
            Part::Rules(heading, names) => {
                writeln!(page, "{gap}**{heading}.** {}.", prose(&names.join(", ")))
            }
            Part::List(heading, lines) => {
                let lines: String =
                    lines.iter().map(|line| format!("- {}\n", markdown::escape(line))).collect();
                write!(page, "{gap}**{heading}.**\n\n{lines}")
            }
        };
    }
    page
}

/// The colour of a rule's severity.
pub(super) fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::Error,
        Severity::Warning => Style::Warning,
        Severity::Note => Style::Note,
    }
}

impl RuleInfo {
    /// The rule's page in Markdown: what it means, how it is proved, how it is repaired, references.
    pub fn page(&self) -> String {
        markdown_page(self, false)
    }

    /// The rule's page for a terminal, under its name.
    pub fn to_text(&self, look: &Look) -> String {
        let mut out = Page::new(look);
        out.spans(0, "", &[(Style::Bold, self.name)]);
        for part in parts(self) {
            match part {
                Part::Lead(text) => out.paragraph(0, text),
                Part::Facts(text) => {
                    // The word of the severity is the one that a reader looks for.
                    let (before, after) = text.split_once(self.severity.name()).unwrap_or((&text, ""));
                    let word = (style(self.severity), self.severity.name());
                    out.gap();
                    out.spans(0, "", &[(Style::Plain, before), word, (Style::Plain, after)]);
                }
                Part::Text(heading, text) => {
                    out.heading(heading);
                    out.spans(2, "", &named(text));
                }
                Part::Rules(heading, names) => {
                    out.heading(heading);
                    for name in names {
                        out.item(2, "- ", name);
                    }
                }
                Part::List(heading, lines) => {
                    out.heading(heading);
                    for line in lines {
                        out.item(2, "- ", line);
                    }
                }
            }
        }
        out.into_text()
    }
}

/// A text with the names of rules in bold, where they stand as words of their own.
fn named(text: &str) -> Vec<(Style, &str)> {
    let word = |word: &'_ str| by_name(word.trim_end_matches(['.', ',', ';', ':', ')'])).is_some();
    text.split(' ').map(|piece| (if word(piece) { Style::Bold } else { Style::Plain }, piece)).collect()
}

/// All rules by group, one line each, for a terminal.
pub fn list(look: &Look) -> String {
    let mut out = Page::new(look);
    let width = all().iter().map(|rule| rule.info().name.len()).max().unwrap_or_default();
    // Where names, severities and summaries do not stand side by side, each summary stands below its name.
    let beside = width + 40 <= look.width;
    let mut group = "";
    for info in all().iter().map(|rule| rule.info()) {
        if info.group.name() != group {
            if !group.is_empty() {
                out.gap();
            }
            group = info.group.name();
            out.spans(0, "", &[(Style::Bold, group)]);
        }
        let severity = info.severity.name();
        if beside {
            let mark = format!("{:<width$}  ", info.name);
            out.table_row(2, &mark, (style(info.severity), severity), 9, info.summary);
        } else {
            out.spans(2, "", &[(Style::Bold, info.name), (style(info.severity), severity)]);
            out.paragraph(4, info.summary);
        }
    }
    out.into_text()
}
