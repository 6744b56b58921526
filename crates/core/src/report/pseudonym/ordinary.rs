//! Names that are words of this program's own prose, and where in a text they are names.
//!
//! A site may be called Backup and a computer SERVER. Replaced wherever the word stands, such a name would wreck the
//! report; so it is replaced only where it is known to be one.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::names::{Kind, fold, folded};
use super::public;
use crate::collect::ITEMS;

/// Words of the texts in this program, one a line, as they are spelled there.
const VOCABULARY: &str = include_str!("vocabulary.txt");

/// What stands right before a name in prose.
const INTRODUCERS: &[&str] = &[
    "site ",
    "sites ",
    "pool ",
    "pools ",
    "service ",
    "computer ",
    "host ",
    "hostname ",
    "account ",
    "user ",
    "domain ",
    "certificate ",
    "provider ",
    "container ",
    "store ",
    "folder ",
    "apppool\\",
];

/// What kind of text a name is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A field that holds one name, or several, and no prose.
    Name,
    /// A path.
    Path,
    /// Sentences, and commands.
    Prose,
}

/// Every word of this program's texts, as it is spelled there, in small letters, and at the start of a sentence.
static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let pages = crate::rules::all().iter().map(|rule| rule.info());
    let pages = pages.flat_map(|info| [info.summary, info.lowered, info.meaning, info.proof, info.repair]);
    let items = ITEMS.iter().flat_map(|item| [item.what, item.tells]);
    let mut all = BTreeSet::new();
    for text in std::iter::once(VOCABULARY).chain(pages).chain(items) {
        for word in text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()) {
            let lower = folded(word);
            let mut letters = lower.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            all.insert(first.chain(letters).collect());
            all.insert(lower);
            all.insert(word.to_owned());
        }
    }
    all
});

/// A name that is an ordinary word.
#[derive(Debug)]
pub(super) struct Guard {
    kind: Kind,
    /// As the machine spells it.
    spelled: Vec<char>,
    /// Whether no text of this program spells the word as the machine does.
    is_own_spelling: bool,
    /// Whether it is a folder of every machine, too.
    is_folder: bool,
}

impl Guard {
    /// The guard of a name; `None` for one that is no ordinary word and is replaced wherever it stands.
    pub fn of(kind: Kind, name: &str) -> Option<Self> {
        WORDS.contains(&folded(name)).then(|| Self {
            kind,
            spelled: name.chars().collect(),
            is_own_spelling: !WORDS.contains(name),
            is_folder: public::is_public(Kind::Path, name),
        })
    }

    /// Whether the word between `start` and `end` is the name.
    pub fn allows(&self, letters: &[char], start: usize, end: usize, place: Place) -> bool {
        let word = letters.get(start..end).unwrap_or_default();
        let is_spelled = word == self.spelled.as_slice();
        let before = start.checked_sub(1).and_then(|at| letters.get(at)).copied();
        let behind = letters.get(end).copied();
        let is_slash = |letter: Option<char>| matches!(letter, Some('\\' | '/'));
        let is_of_path = matches!(self.kind, Kind::Path | Kind::Account | Kind::Label);
        let stands_in_path = is_of_path && !self.is_folder && (is_slash(before) || is_slash(behind));
        let is_loud = is_spelled && self.is_own_spelling;
        match place {
            Place::Name => true,
            Place::Path => {
                let is_whole = before.is_none() && behind.is_none();
                let is_of_people = matches!(self.kind, Kind::Host | Kind::Domain | Kind::Account);
                stands_in_path || is_of_path && !self.is_folder && is_whole || is_of_people && is_loud
            }
            Place::Prose => {
                let is_quoted = matches!((before, behind), (Some('\''), Some('\'')) | (Some('"'), Some('"')));
                // In small letters it may be a phrase of this program: the application pool identity.
                let may_be_name = is_spelled || word.iter().any(|letter| letter.is_uppercase());
                let is_assigned = matches!(before, Some('=' | ':' | '@'));
                is_quoted
                    || is_loud
                    || stands_in_path
                    || may_be_name && (is_assigned || is_introduced(letters, start))
            }
        }
    }
}

/// Whether a word that names are introduced with stands right before.
fn is_introduced(letters: &[char], start: usize) -> bool {
    let before = letters.get(..start).unwrap_or_default();
    INTRODUCERS.iter().any(|introducer| {
        let length = introducer.chars().count();
        let Some(at) = before.len().checked_sub(length) else { return false };
        let is_word = at.checked_sub(1).and_then(|at| before.get(at)).is_none_or(|it| !it.is_alphanumeric());
        let there = before.get(at..).unwrap_or_default().iter().map(|letter| fold(*letter));
        is_word && there.eq(introducer.chars())
    })
}
