//! Finds names in text: the longest first, whole words only, without regard to case, in the ways in which programs write
//! a name down.

use std::collections::HashMap;
use std::fmt::Write;

use super::names::{Kind, fold};
use super::ordinary::{Guard, Place};
use crate::visible::visible;

/// Names of fewer letters than this are found only where they stand alone or between the parts of a path.
const SHORT: usize = 3;

/// A tree of names, letter by letter, each with a number.
#[derive(Default)]
pub(super) struct Finder {
    next: HashMap<(u32, char), u32>,
    /// By node: the number of the name that ends there, and whether it is a short one.
    ends: HashMap<u32, (usize, bool)>,
    nodes: u32,
    /// By number: names that are names only in some places.
    guards: HashMap<usize, Guard>,
}

impl Finder {
    /// Adds a name of a machine: one that is an ordinary word is found only where it is a name.
    pub fn add_name(&mut self, kind: Kind, name: &str, number: usize) {
        if let Some(guard) = Guard::of(kind, name) {
            self.guards.insert(number, guard);
        }
        self.add(name, number);
    }

    /// Adds a name in every way in which it may be written. The first that is added keeps a spelling for itself.
    pub fn add(&mut self, name: &str, number: usize) {
        let is_short = name.chars().count() < SHORT;
        for form in forms(name) {
            let mut node = 0;
            for letter in form.chars() {
                let fresh = self.nodes + 1;
                node = *self.next.entry((node, fold(letter))).or_insert(fresh);
                self.nodes = self.nodes.max(node);
            }
            if node != 0 {
                self.ends.entry(node).or_insert((number, is_short));
            }
        }
    }

    /// The numbers of the names in a text, in their order.
    pub fn visit(&self, place: Place, text: &str, see: &mut dyn FnMut(usize)) {
        let letters: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < letters.len() {
            match self.longest(&letters, at, place) {
                Some((end, number)) => {
                    see(number);
                    at = end;
                }
                None => at += 1,
            }
        }
    }

    /// The text with every name replaced.
    pub fn replace<'t>(&self, place: Place, text: &str, token: &dyn Fn(usize) -> &'t str) -> String {
        let letters: Vec<char> = text.chars().collect();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(&letter) = letters.get(at) {
            match self.longest(&letters, at, place) {
                Some((end, number)) => {
                    out.push_str(token(number));
                    at = end;
                }
                None => {
                    out.push(letter);
                    at += 1;
                }
            }
        }
        out
    }

    /// The longest name that starts here, where it ends, and its number.
    fn longest(&self, letters: &[char], start: usize, place: Place) -> Option<(usize, usize)> {
        if !begins(letters, start) {
            return None;
        }
        let (mut node, mut found) = (0, None);
        for (at, &letter) in letters.iter().enumerate().skip(start) {
            let Some(&next) = self.next.get(&(node, fold(letter))) else { break };
            node = next;
            if let Some(&(number, is_short)) = self.ends.get(&node) {
                let end = at + 1;
                let is_free = !is_short || stands_alone(letters, start, end);
                let guard = self.guards.get(&number);
                if ends(letters, end)
                    && is_free
                    && guard.is_none_or(|guard| guard.allows(letters, start, end, place))
                {
                    found = Some((end, number));
                }
            }
        }
        found
    }
}

/// Whether a word may begin here.
fn begins(letters: &[char], start: usize) -> bool {
    let is_word = |at: usize| letters.get(at).is_some_and(|letter| letter.is_alphanumeric());
    let Some(before) = start.checked_sub(1) else { return true };
    // The two digits of a percent-encoded letter end before the next word.
    let encoded = start.checked_sub(3).and_then(|at| letters.get(at)) == Some(&'%');
    !is_word(before) || !is_word(start) || encoded
}

/// Whether a word may end before `end`.
fn ends(letters: &[char], end: usize) -> bool {
    let is_word = |letter: Option<&char>| letter.is_some_and(|letter| letter.is_alphanumeric());
    !is_word(letters.get(end)) || !is_word(end.checked_sub(1).and_then(|at| letters.get(at)))
}

fn stands_alone(letters: &[char], start: usize, end: usize) -> bool {
    let is_edge = |letter: Option<&char>| letter.is_none_or(|letter| "\\/'\"".contains(*letter));
    is_edge(start.checked_sub(1).and_then(|at| letters.get(at))) && is_edge(letters.get(end))
}

/// The ways in which a name is written in text, markup, addresses and strings of programs.
fn forms(name: &str) -> Vec<String> {
    let markup = |apostrophe: &str| {
        name.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', apostrophe)
    };
    let mut forms = vec![
        name.to_owned(),
        visible(name),
        markup("&apos;"),
        markup("&#39;"),
        percent(name, "-._~"),
        percent(name, "-._~/:"),
        name.escape_debug().to_string(),
        name.replace('\\', "\\\\"),
    ];
    forms.sort();
    forms.dedup();
    forms
}

fn percent(name: &str, plain: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
