//! What `icacls` and its predecessor `cacls` print.
//!
//! A block begins with the path and the first entry; further entries stand below the first, one on a line. `icacls`
//! writes `ACCOUNT:(flags)(rights)`, `cacls` writes `ACCOUNT:(flags)X` with one letter for the rights.

use super::account::{account, is_known};
use super::{AccessMask, Ace, AceFlags, AceKind, Dacl, SecurityDescriptor};

/// Most entries of one block.
const MAX_ACES: usize = 8_192;

/// Longest account that is looked for behind a path, in bytes.
const MAX_NAME: usize = 128;

/// Words in brackets that are rights of `icacls`, in lower case.
const RIGHTS: [(&str, u32); 26] = [
    ("f", 0x1f_01ff),
    ("m", 0x13_01bf),
    ("rx", 0x12_00a9),
    ("r", 0x12_0089),
    ("w", 0x10_0116),
    ("d", 0x11_0000),
    ("de", 0x1_0000),
    ("rc", 0x2_0000),
    ("wdac", 0x4_0000),
    ("wo", 0x8_0000),
    ("s", 0x10_0000),
    ("as", 0x100_0000),
    ("ma", 0x200_0000),
    ("gr", 0x8000_0000),
    ("gw", 0x4000_0000),
    ("ge", 0x2000_0000),
    ("ga", 0x1000_0000),
    ("rd", 0x1),
    ("wd", 0x2),
    ("ad", 0x4),
    ("rea", 0x8),
    ("wea", 0x10),
    ("x", 0x20),
    ("dc", 0x40),
    ("ra", 0x80),
    ("wa", 0x100),
];

/// An entry taken apart, with what stands before its colon.
struct Entry<'a> {
    /// The account, with the path before it on the first line of a block.
    left: &'a str,
    kind: AceKind,
    flags: u8,
    mask: u32,
}

/// A finished block.
pub(super) struct Block {
    pub path: String,
    pub descriptor: SecurityDescriptor,
    pub line: u64,
}

/// Takes `...:(I)(OI)(F)` apart.
fn entry(line: &str) -> Option<Entry<'_>> {
    let line = line.trim_end();
    // The colon of a drive has no bracket behind it, and no account ends with one.
    let at = match line.find(":(") {
        Some(at) => at,
        None => line.rfind(':')?,
    };
    let left = line.get(..at)?;
    let mut rest = line.get(at + 1..)?;
    let (mut flags, mut denied, mut mask) = (0, false, None);
    while let Some(inner) = rest.strip_prefix('(') {
        let (word, after) = inner.split_once(')')?;
        let word = word.trim().to_ascii_lowercase();
        match word.as_str() {
            "oi" => flags |= AceFlags::OBJECT_INHERIT,
            "ci" => flags |= AceFlags::CONTAINER_INHERIT,
            "np" => flags |= AceFlags::NO_PROPAGATE,
            "io" => flags |= AceFlags::INHERIT_ONLY,
            "i" | "id" => flags |= AceFlags::INHERITED,
            "deny" => denied = true,
            // No access: all rights denied.
            "n" => {
                denied = true;
                mask = Some(AccessMask::FILE_ALL.0);
            }
            words => mask = Some(mask.unwrap_or(0) | rights(words)?),
        }
        rest = after;
    }
    if !rest.is_empty() && mask.is_none() {
        // The letter of cacls stands without brackets.
        mask = Some(match rest {
            "F" => 0x1f_01ff,
            "C" => 0x13_01bf,
            "R" => 0x12_00a9,
            "W" => 0x12_0116,
            "N" => {
                denied = true;
                AccessMask::FILE_ALL.0
            }
            _ => return None,
        });
        rest = "";
    }
    if !rest.is_empty() || left.trim().is_empty() {
        return None;
    }
    let kind = if denied { AceKind::Deny } else { AceKind::Allow };
    Some(Entry { left, kind, flags, mask: mask? })
}

fn rights(words: &str) -> Option<u32> {
    words.split(',').try_fold(0, |all, word| {
        let word = word.trim();
        RIGHTS.iter().find(|(name, _)| *name == word).map(|(_, right)| all | right)
    })
}

/// Whether a line is an entry that names a well-known account or any account with an authority.
pub(super) fn is_entry(line: &str) -> bool {
    entry(line).is_some_and(|entry| {
        let left = entry.left.trim();
        let known = split_known(left);
        // Without brackets only a path makes sure that this is no other kind of text.
        let is_cacls = !line.contains(":(");
        if is_cacls {
            known.is_some_and(|(path, _)| path.contains(":\\"))
        } else {
            known.is_some() || left.contains('\\')
        }
    })
}

/// Path and account, where the account is known: the longest one that is.
fn split_known(left: &str) -> Option<(&str, &str)> {
    if left.len() <= MAX_NAME && is_known(left) {
        return Some(("", left));
    }
    left.match_indices(' ')
        .map(|(at, _)| (left.get(..at).unwrap_or_default(), left.get(at + 1..).unwrap_or_default()))
        .find(|(_, name)| name.len() <= MAX_NAME && !name.starts_with(' ') && is_known(name))
}

/// Path and account of the first line of a block. `column` is where the entries below begin, in characters.
fn split(left: &str, column: Option<usize>) -> Option<(&str, &str)> {
    if let Some(column) = column
        && let Some((at, _)) = left.char_indices().nth(column)
        && let (Some(path), Some(name)) = (left.get(..at), left.get(at..))
        && path.ends_with(' ')
    {
        return Some((path.trim_end(), name));
    }
    if let Some(found) = split_known(left) {
        return Some(found);
    }
    // `PATH DOMAIN\NAME`: the authority begins behind the last space before the last backslash.
    let slash = left.rfind('\\')?;
    let at = left.get(..slash)?.rfind(' ')?;
    Some((left.get(..at)?.trim_end(), left.get(at + 1..)?))
}

/// Puts blocks together line by line.
#[derive(Default)]
pub(super) struct State {
    /// First line of the block.
    first: Option<(u64, String)>,
    /// Entries below it, with the column of the first of them.
    below: Vec<Ace>,
    column: Option<usize>,
    broken: bool,
}

impl State {
    /// Takes a line. A block that it ends is returned; `Err` holds the line of one that could not be read.
    pub fn line(&mut self, number: u64, line: &str) -> Option<Result<Block, u64>> {
        let body = line.trim_start_matches([' ', '\t']);
        if body.is_empty() {
            return self.finish();
        }
        let indent = line.len() - body.len();
        if indent > 0 && self.first.is_some() {
            match entry(body) {
                Some(entry) if self.below.len() < MAX_ACES => {
                    self.column = self.column.or(Some(indent));
                    self.below.push(ace(entry.left.trim(), &entry));
                }
                // Anything else below the path is an entry that is not understood.
                _ => self.broken = true,
            }
            return None;
        }
        let done = self.finish();
        if entry(body).is_some() {
            self.first = Some((number, body.to_owned()));
        }
        done
    }

    /// Ends the block that is open.
    pub fn finish(&mut self) -> Option<Result<Block, u64>> {
        let (line, first) = self.first.take()?;
        let below = std::mem::take(&mut self.below);
        let column = self.column.take();
        let broken = std::mem::take(&mut self.broken);
        let block = entry(&first).and_then(|entry| {
            let (path, name) = split(entry.left, column)?;
            let mut aces = vec![ace(name, &entry)];
            aces.extend(below);
            Some((path.to_owned(), aces))
        });
        Some(match block {
            Some((path, aces)) if !broken && !path.is_empty() => {
                let dacl = Dacl::Entries { aces, protected: false };
                Ok(Block { path, descriptor: SecurityDescriptor { owner: None, group: None, dacl }, line })
            }
            _ => Err(line),
        })
    }
}

fn ace(name: &str, entry: &Entry<'_>) -> Ace {
    Ace {
        kind: entry.kind,
        flags: AceFlags(entry.flags),
        mask: AccessMask(entry.mask),
        account: account(name),
    }
}
