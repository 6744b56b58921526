//! Security descriptors as text (SDDL), as `icacls /save` and PowerShell write them.

use thiserror::Error;

use super::{AccessMask, Account, Ace, AceFlags, AceKind, Dacl, SecurityDescriptor, Sid};

/// Most entries of one list: a list of 64 KiB has no room for more.
const MAX_ACES: usize = 8_192;

/// Text that is no security descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("SDDL at character {at}: expected {expected}")]
pub struct SddlError {
    /// Where in the text, in bytes.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Identifiers that every machine has, by their two letters.
const SIDS: [(&str, u64, &[u32]); 27] = [
    ("WD", 1, &[0]),
    ("CO", 3, &[0]),
    ("CG", 3, &[1]),
    ("OW", 3, &[4]),
    ("NU", 5, &[2]),
    ("IU", 5, &[4]),
    ("SU", 5, &[6]),
    ("AN", 5, &[7]),
    ("ED", 5, &[9]),
    ("PS", 5, &[10]),
    ("AU", 5, &[11]),
    ("RC", 5, &[12]),
    ("WR", 5, &[33]),
    ("SY", 5, &[18]),
    ("LS", 5, &[19]),
    ("NS", 5, &[20]),
    ("BA", 5, &[32, 544]),
    ("BU", 5, &[32, 545]),
    ("BG", 5, &[32, 546]),
    ("PU", 5, &[32, 547]),
    ("AO", 5, &[32, 548]),
    ("SO", 5, &[32, 549]),
    ("PO", 5, &[32, 550]),
    ("BO", 5, &[32, 551]),
    ("RE", 5, &[32, 552]),
    ("IS", 5, &[32, 568]),
    ("AC", 15, &[2, 1]),
];

/// Rights by their two letters.
const RIGHTS: [(&str, u32); 24] = [
    ("FA", 0x1f_01ff),
    ("FR", 0x12_0089),
    ("FW", 0x12_0116),
    ("FX", 0x12_00a0),
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
    ("SD", 0x1_0000),
    ("RC", 0x2_0000),
    ("WD", 0x4_0000),
    ("WO", 0x8_0000),
    ("CC", 0x1),
    ("DC", 0x2),
    ("LC", 0x4),
    ("SW", 0x8),
    ("RP", 0x10),
    ("WP", 0x20),
    ("DT", 0x40),
    ("LO", 0x80),
    ("CR", 0x100),
    ("KA", 0xf_003f),
    ("KR", 0x2_0019),
    ("KW", 0x2_0006),
];

/// Inheritance by its two letters.
const FLAGS: [(&str, u8); 7] =
    [("OI", 0x01), ("CI", 0x02), ("NP", 0x04), ("IO", 0x08), ("ID", 0x10), ("SA", 0x40), ("FA", 0x80)];

/// Types of entries.
const KINDS: [(&str, AceKind); 18] = [
    ("A", AceKind::Allow),
    ("D", AceKind::Deny),
    ("AU", AceKind::Other(0x02)),
    ("AL", AceKind::Other(0x03)),
    ("OA", AceKind::Other(0x05)),
    ("OD", AceKind::Other(0x06)),
    ("OU", AceKind::Other(0x07)),
    ("OL", AceKind::Other(0x08)),
    ("XA", AceKind::Other(0x09)),
    ("XD", AceKind::Other(0x0a)),
    ("ZA", AceKind::Other(0x0b)),
    ("ZD", AceKind::Other(0x0c)),
    ("XU", AceKind::Other(0x0d)),
    ("ML", AceKind::Other(0x11)),
    ("RA", AceKind::Other(0x12)),
    ("SP", AceKind::Other(0x13)),
    ("TL", AceKind::Other(0x14)),
    ("FL", AceKind::Other(0x15)),
];

/// Reads a descriptor. Its audit part (`S:`) is not looked at.
///
/// # Errors
/// When it is none, or does not have the part `D:`, without which it says nothing about access.
pub fn parse(text: &str) -> Result<SecurityDescriptor, SddlError> {
    let text = text.trim();
    let mut reader = Reader { text, at: 0 };
    let (mut owner, mut group, mut dacl) = (None, None, None);
    while !reader.rest().is_empty() {
        if reader.eat("O:") {
            owner = Some(reader.sid()?);
        } else if reader.eat("G:") {
            group = Some(reader.sid()?);
        } else if reader.eat("D:") {
            dacl = Some(reader.dacl()?);
        } else if reader.eat("S:") {
            break;
        } else {
            return Err(reader.wrong("O:, G:, D: or S:"));
        }
    }
    match dacl {
        Some(dacl) => Ok(SecurityDescriptor { owner, group, dacl }),
        None => Err(reader.wrong("the part D:")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, part: &str) -> bool {
        let found = self.rest().starts_with(part);
        if found {
            self.at += part.len();
        }
        found
    }

    fn wrong(&self, expected: &'static str) -> SddlError {
        SddlError { at: self.at, expected }
    }

    /// The owner or the group: up to the next part.
    fn sid(&mut self) -> Result<Account, SddlError> {
        let rest = self.rest();
        let length = if rest.starts_with("S-") {
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).map_or(rest.len(), |at| {
                // The letter of the next part stands right behind the number.
                if rest.get(at..).is_some_and(|next| next.starts_with(':')) {
                    at.saturating_sub(1)
                } else {
                    at
                }
            })
        } else {
            2
        };
        let word = rest.get(..length).ok_or_else(|| self.wrong("an account"))?;
        let account = account(word).ok_or_else(|| self.wrong("an account"))?;
        self.at += length;
        Ok(account)
    }

    fn dacl(&mut self) -> Result<Dacl, SddlError> {
        if self.eat("NO_ACCESS_CONTROL") {
            return Ok(Dacl::Null);
        }
        let mut protected = false;
        loop {
            if self.eat("AI") || self.eat("AR") {
            } else if self.eat("P") {
                protected = true;
            } else {
                break;
            }
        }
        if self.eat("NO_ACCESS_CONTROL") {
            return Ok(Dacl::Null);
        }
        let mut aces = Vec::new();
        while self.rest().starts_with('(') {
            if aces.len() >= MAX_ACES {
                return Err(self.wrong("at most 8192 entries"));
            }
            let length = entry_length(self.rest()).ok_or_else(|| self.wrong("a closing bracket"))?;
            let inner = self.rest().get(1..length - 1).unwrap_or_default();
            aces.push(ace(inner).ok_or_else(|| self.wrong("an entry (type;flags;rights;;;account)"))?);
            self.at += length;
        }
        Ok(Dacl::Entries { aces, protected })
    }
}

/// Bytes up to the bracket that closes the first one; conditions have brackets and quoted text of their own.
fn entry_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn ace(text: &str) -> Option<Ace> {
    let mut fields = text.splitn(7, ';').map(str::trim);
    let word = fields.next()?;
    let kind = KINDS.iter().find(|(name, _)| *name == word)?.1;
    let flags = pairs(fields.next()?, &FLAGS)?.into_iter().fold(0, |all, flag| all | flag);
    let mask = rights(fields.next()?)?;
    let typed = !fields.next()?.is_empty();
    fields.next()?;
    let account = account(fields.next()?)?;
    let kind = match kind {
        AceKind::Other(0x05) if !typed => AceKind::Allow,
        AceKind::Other(0x06) if !typed => AceKind::Deny,
        kind => kind,
    };
    Some(Ace { kind, flags: AceFlags(flags), mask: AccessMask(mask), account })
}

fn rights(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).ok();
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.parse().ok();
    }
    Some(pairs(text, &RIGHTS)?.into_iter().fold(0, |all, right| all | right))
}

/// The values of words of two letters; `None` when one is in no table.
fn pairs<T: Copy>(text: &str, table: &[(&str, T)]) -> Option<Vec<T>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.get(..2)?;
        found.push(table.iter().find(|(name, _)| *name == word)?.1);
        rest = rest.get(2..)?;
    }
    Some(found)
}

fn account(word: &str) -> Option<Account> {
    if word.starts_with("S-") {
        return Sid::from_text(word).map(Account::Sid);
    }
    if word.len() != 2 || !word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    Some(match SIDS.iter().find(|(name, _, _)| *name == word) {
        Some((_, authority, parts)) => Account::Sid(Sid::new(*authority, parts)),
        // The letters of accounts of the domain or the machine (DA, LA): none of those that every machine has.
        None => Account::Name(format!("SDDL\\{word}").into()),
    })
}
