//! Status codes, event ids and message words of this problem family, in the words of this project.
//!
//! The same code is printed as hexadecimal, unsigned or signed depending on the Windows version, so every form is read.

mod events;
mod statuses;

use serde::Serialize;

use crate::terminal::{Look, Page, Style};

/// What one code or event means here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether it is a status code or an event.
    pub kind: Kind,
    /// The code in the form that Microsoft documents: `0x80090006`, `1053`; for an event its source and id.
    pub code: String,
    /// The unsigned decimal form of a status code, as old service events print it.
    pub unsigned: Option<u32>,
    /// The signed decimal form of a status code, when it is negative.
    pub signed: Option<i32>,
    /// Its symbolic name; empty for events.
    pub name: &'static str,
    /// What it means for machine keys.
    pub meaning: &'static str,
    /// Rules that look into its causes.
    pub rules: &'static [&'static str],
    /// Where this is known from.
    pub sources: &'static [&'static str],
}

impl Explanation {
    /// The answer for a terminal. `rules` are the names of those that this build has; others are left out.
    pub fn to_text(&self, rules: &[&str], look: &Look) -> String {
        let mut out = Page::new(look);
        let forms = match (self.unsigned, self.signed) {
            (Some(unsigned), Some(signed)) => format!("({unsigned}, {signed})"),
            _ => String::new(),
        };
        out.spans(0, "", &[(Style::Bold, &self.code), (Style::Bold, self.name), (Style::Plain, &forms)]);
        out.paragraph(2, self.meaning);
        let known: Vec<&str> = self.rules.iter().copied().filter(|rule| rules.contains(rule)).collect();
        let known = if known.is_empty() { "none of this version".to_owned() } else { known.join(", ") };
        out.spans(2, "", &[(Style::Bold, "Rules:"), (Style::Plain, &known)]);
        out.spans(2, "", &[(Style::Bold, "Sources:"), (Style::Plain, &self.sources.join("; "))]);
        out.into_text()
    }
}

/// What kind of number was explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An HRESULT or Win32 error.
    Status,
    /// An event in a Windows event log.
    Event,
}

/// A status code and what is known about it.
struct Status {
    code: u32,
    name: &'static str,
    meaning: &'static str,
    /// Parts of the message text in lower case, as users quote it.
    words: &'static [&'static str],
    rules: &'static [&'static str],
    sources: &'static [&'static str],
}

/// Event ids of one source and what is known about them.
struct Event {
    source: &'static str,
    ids: &'static [u32],
    meaning: &'static str,
    words: &'static [&'static str],
    rules: &'static [&'static str],
    sources: &'static [&'static str],
}

/// HRESULTs of this form carry a Win32 error in their low half.
const WIN32_FACILITY: u32 = 0x8007_0000;
/// Characters of an input that are looked at.
const LONGEST_INPUT: usize = 4096;

impl Status {
    /// A Win32 error is known by its number and as an HRESULT.
    fn is(&self, code: u32) -> bool {
        self.code == code || (self.code <= 0xffff && self.code | WIN32_FACILITY == code)
    }

    fn explain(&self) -> Explanation {
        let hresult = self.code > 0xffff;
        Explanation {
            kind: Kind::Status,
            code: if hresult { format!("0x{:08X}", self.code) } else { self.code.to_string() },
            unsigned: Some(self.code),
            signed: hresult.then_some(self.code as i32),
            name: self.name,
            meaning: self.meaning,
            rules: self.rules,
            sources: self.sources,
        }
    }
}

impl Event {
    fn explain(&self, id: u32) -> Explanation {
        Explanation {
            kind: Kind::Event,
            code: format!("{} {id}", self.source),
            unsigned: None,
            signed: None,
            name: "",
            meaning: self.meaning,
            rules: self.rules,
            sources: self.sources,
        }
    }
}

/// What a number in the input may stand for.
#[derive(Clone, Copy)]
enum Number {
    Any(u32),
    Status(u32),
    Event(u32),
}

/// Explains a status code in any form, an event id, or the words of a message.
///
/// Several explanations come back for an ambiguous input, status codes first; none for an unknown one.
///
/// ```
/// use iiskeys_core::codes::explain;
///
/// let signed = explain("-2146893818");
/// assert_eq!(signed, explain("0x80090006"), "one code in two forms");
/// assert!(!signed.is_empty());
/// ```
pub fn explain(input: &str) -> Vec<Explanation> {
    let text: String = input.chars().take(LONGEST_INPUT).collect::<String>().to_lowercase();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let numbers = numbers(&words);
    let statuses = statuses::ALL.iter().filter(|status| {
        let by_number = numbers
            .iter()
            .any(|number| matches!(*number, Number::Any(n) | Number::Status(n) if status.is(n)));
        by_number || holds_word(&words, &status.name.to_lowercase()) || quotes(&words, status.words)
    });
    let events = events::ALL.iter().flat_map(|event| {
        let by_words = quotes(&words, event.words);
        let numbers = &numbers;
        event
            .ids
            .iter()
            .filter(move |id| {
                by_words
                    || numbers
                        .iter()
                        .any(|number| matches!(*number, Number::Any(n) | Number::Event(n) if n == **id))
            })
            .map(|id| event.explain(*id))
    });
    statuses.map(Status::explain).chain(events).collect()
}

/// Whether the text holds one of the phrases.
fn quotes(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// What is known of a status code; `None` for one that is not of this problem family.
pub fn status(code: u32) -> Option<Explanation> {
    statuses::ALL.iter().find(|status| status.is(code)).map(Status::explain)
}

/// Reads the text of one value of an event as a status code of this problem family, in any form that Windows prints:
/// hexadecimal, signed or unsigned decimal, and `%%2148073478` as logs hold it.
pub fn parse_status(text: &str) -> Option<u32> {
    let token = text.trim().trim_start_matches('%').trim_matches(['(', ')', '.']).to_ascii_lowercase();
    values(&token).find(|code| statuses::ALL.iter().any(|status| status.is(*code)))
}

fn holds_word(text: &str, word: &str) -> bool {
    !word.is_empty() && text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|part| part == word)
}

/// The numbers of an input: alone any form counts, inside a sentence only what is marked or too long to be anything else.
fn numbers(text: &str) -> Vec<Number> {
    let tokens: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .map(|token| token.trim_end_matches('-'))
        .filter(|token| !token.is_empty())
        .collect();
    let alone = tokens.len() == 1;
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let mut before = tokens.get(at.saturating_sub(2)..at).unwrap_or_default().iter().rev();
        let mark = before.find(|word| !matches!(**word, "id" | "code" | "number" | "status"));
        let event = mark.is_some_and(|word| matches!(*word, "event" | "eventid"));
        let status = mark.is_some_and(|word| matches!(*word, "error" | "hresult" | "win32" | "result"))
            || at
                .checked_sub(1)
                .and_then(|at| tokens.get(at))
                .is_some_and(|word| matches!(*word, "code" | "status"));
        for value in values(token) {
            let unmistakable = value > 0xffff;
            match (event, status || unmistakable) {
                (true, _) => found.push(Number::Event(value)),
                (_, true) => found.push(Number::Status(value)),
                _ if alone => found.push(Number::Any(value)),
                _ => {}
            }
        }
    }
    found
}

/// The values that one token can mean; eight digits are both decimal and hexadecimal.
fn values(token: &str) -> impl Iterator<Item = u32> {
    let hex = token.strip_prefix("0x").or_else(|| token.strip_suffix('h'));
    let bare_hex = || (token.len() == 8).then_some(token);
    let from_hex = hex.or_else(bare_hex).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let unsigned = token.parse::<u32>().ok();
    let signed = token.parse::<i32>().ok().filter(|value| *value < 0).map(|value| value as u32);
    [from_hex, unsigned, signed].into_iter().flatten()
}

#[cfg(test)]
mod tests;
