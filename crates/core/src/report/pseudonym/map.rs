//! The private map: which token stands for which name.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::names::{Kind, folded};
use crate::visible::is_deceptive;

/// Largest map that is read, in bytes.
const LARGEST: usize = 64 << 20;

/// Numbers of tokens stay below this, so that there is always a next one.
const MOST: u64 = 1 << 53;

/// The part of the map that says which identifiers the findings had.
const FINDINGS: &str = "finding";

/// The part of the map that tells it from every other one.
const MAP: &str = "map";

/// The field of that part: random, and never in a report.
const SEED: &str = "seed";

/// Why a text is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// It is too long.
    #[error("it has {found} bytes, and maps of up to {LARGEST} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// It is no JSON, or JSON of another form.
    #[error("it is not a map of names from iiskeys ({why})")]
    Form {
        /// What is wrong.
        why: String,
    },
}

/// Names and the tokens that stand for them, kept from report to report of one case.
///
/// It holds what pseudonymized reports must not tell; keep it as one keeps the evidence.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PseudonymMap {
    /// By kind, token to name.
    tokens: BTreeMap<Kind, BTreeMap<String, String>>,
    /// By name without regard to case.
    by_name: BTreeMap<String, String>,
    /// Identifiers of findings: the new one to the one before.
    findings: BTreeMap<String, String>,
    /// What its id is derived from; empty until it is asked for.
    seed: String,
}

impl std::fmt::Debug for PseudonymMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PseudonymMap({} names)", self.by_name.len())
    }
}

impl PseudonymMap {
    /// Reads a map that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// It is none; the sentence says where.
    pub fn from_json(text: &str) -> Result<Self, MapError> {
        if text.len() > LARGEST {
            return Err(MapError::TooLong { found: text.len() });
        }
        let form = |why: String| MapError::Form { why };
        let parts: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(text).map_err(|error| form(error.to_string()))?;
        let mut map = Self::default();
        for (part, tokens) in parts {
            if part == FINDINGS {
                map.findings = tokens;
                continue;
            }
            if part == MAP {
                map.seed = tokens.get(SEED).cloned().unwrap_or_default();
                continue;
            }
            let Some(kind) = Kind::by_name(&part) else {
                return Err(form(format!("it has a part {part:?}, and the parts are kinds of names")));
            };
            for (token, name) in tokens {
                let number = token.strip_prefix(kind.name()).and_then(|rest| rest.strip_prefix('-'));
                if !number.is_some_and(|number| {
                    number.parse::<u64>().is_ok_and(|it| it.to_string() == number && it < MOST)
                }) {
                    return Err(form(format!("{token:?} is no token of the part {part:?}")));
                }
                if map.by_name.insert(folded(&name), token.clone()).is_some() {
                    return Err(form(format!("the name behind {token:?} has a second token")));
                }
                map.tokens.entry(kind).or_default().insert(token, name);
            }
        }
        Ok(map)
    }

    /// The map as JSON, by kind and token, with a newline at its end.
    pub fn to_json(&self) -> String {
        let mut parts: BTreeMap<&str, &BTreeMap<String, String>> =
            self.tokens.iter().map(|(kind, tokens)| (kind.name(), tokens)).collect();
        if !self.findings.is_empty() {
            parts.insert(FINDINGS, &self.findings);
        }
        let own = BTreeMap::from([(SEED.to_owned(), self.seed.clone())]);
        if !self.seed.is_empty() {
            parts.insert(MAP, &own);
        }
        let plain = serde_json::to_string_pretty(&parts).unwrap_or_default();
        let mut text = String::with_capacity(plain.len() + 1);
        let mut units = [0; 2];
        for letter in plain.chars() {
            // Names come from evidence: what would steer a terminal is written as escapes here, too.
            if letter != '\n' && is_deceptive(letter) {
                for unit in letter.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            } else {
                text.push(letter);
            }
        }
        text.push('\n');
        text
    }

    /// What tells this map from every other one. Reports state it, so that tokens of two maps are never taken for each other.
    pub(super) fn id(&mut self) -> String {
        if self.seed.is_empty() {
            // A map from before there were seeds gives the same one whenever it is read.
            self.seed = if self.by_name.is_empty() { random() } else { digest(&self.to_json()) };
        }
        digest(&format!("iiskeys map {}", self.seed)).chars().take(16).collect()
    }

    /// Every token with the name that it stands for.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tokens.values().flatten().map(|(token, name)| (token.as_str(), name.as_str()))
    }

    /// The name that a token stands for.
    pub fn name(&self, token: &str) -> Option<&str> {
        self.tokens.values().find_map(|tokens| tokens.get(token)).map(String::as_str)
    }

    /// The token for a name: the one that it has, or the next of its kind that is no name itself.
    pub(super) fn token(&mut self, kind: Kind, name: &str, reserved: &BTreeSet<String>) -> String {
        let key = folded(name);
        if let Some(token) = self.by_name.get(&key) {
            return token.clone();
        }
        let tokens = self.tokens.entry(kind).or_default();
        let last = tokens.keys().filter_map(|token| number(token)).max().unwrap_or(0);
        let mut next = last + 1;
        while reserved.contains(&format!("{}-{next}", kind.name())) {
            next += 1;
        }
        let token = format!("{}-{next}", kind.name());
        tokens.insert(token.clone(), name.to_owned());
        self.by_name.insert(key, token.clone());
        token
    }

    /// Notes which identifier a finding had.
    pub(super) fn remember_finding(&mut self, new: &str, old: &str) {
        self.findings.entry(new.to_owned()).or_insert_with(|| old.to_owned());
    }
}

/// 16 bytes that no other run has drawn, as hexadecimal digits. The hasher's keys come from the system's source of randomness.
fn random() -> String {
    use std::hash::BuildHasher;
    let drawn = || std::hash::RandomState::new().hash_one(std::process::id());
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    digest(&format!("{} {} {}", drawn(), drawn(), time.as_nanos())).chars().take(32).collect()
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(token: &str) -> Option<u64> {
    token.rsplit_once('-')?.1.parse().ok()
}

/// Tokens by kind, then by number.
pub(super) fn by_number(a: &str, b: &str) -> Ordering {
    let split = |token: &str| {
        let kind = token.rsplit_once('-').map_or(token.to_owned(), |(kind, _)| kind.to_owned());
        (kind, number(token))
    };
    split(a).cmp(&split(b))
}
