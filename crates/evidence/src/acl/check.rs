//! The access check that Windows makes, on the descriptor alone.
//!
//! Privileges are left out: a service does not use backup or restore rights to open its keys. Entries that the evidence
//! does not settle (conditional ones, accounts known by an unfamiliar name) are tried both ways, and only when both ways
//! end alike there is an answer.

use std::fmt;

use super::account::may_be_well_known;
use super::{AccessMask, Account, Ace, AceKind, Dacl, SecurityDescriptor, Sid};

/// What an access check comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Every wanted right is granted.
    Granted,
    /// A wanted right is denied by that entry (its index), or granted by none.
    Denied {
        /// The entry that denies it.
        by: Option<usize>,
    },
    /// It depends on something that the descriptor does not tell.
    Unknown {
        /// What that is.
        why: Doubt,
    },
}

/// Why an access check has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The entry of that index grants or denies under a condition, or is of a type that is not known.
    Entry(usize, u8),
    /// The entry of that index is for an account that may be one of those asked about, in an unfamiliar language.
    Name(usize, Box<str>),
    /// The owner, who has rights of his own, is not told.
    Owner,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(at, kind) => {
                write!(f, "entry {} of the list is conditional or of an unknown type ({kind:#04x})", at + 1)
            }
            Self::Name(at, name) => {
                write!(f, "entry {} of the list is for {name}, an account that is not known", at + 1)
            }
            Self::Owner => f.write_str("the owner is not known"),
        }
    }
}

/// Whether someone with the identifiers of `token` has all `wanted` rights.
pub fn grants(descriptor: &SecurityDescriptor, token: &[Sid], wanted: AccessMask) -> Access {
    let Dacl::Entries { aces, .. } = &descriptor.dacl else { return Access::Granted };
    let wanted = wanted.for_files();
    let owner = owner(descriptor, token, aces);
    let best = walk(aces, token, owner, wanted, true);
    let worst = walk(aces, token, owner, wanted, false);
    match (best.denied, worst.denied) {
        (None, None) => Access::Granted,
        (Some(by), Some(_)) => Access::Denied { by },
        _ => {
            let why = worst.doubt.or(best.doubt).unwrap_or(Doubt::Owner);
            Access::Unknown { why }
        }
    }
}

/// Whether the token is the owner's; `None` when the owner is not told.
#[derive(Debug, Clone, Copy)]
struct Owner {
    is_token: Option<bool>,
    /// Entries for OWNER RIGHTS take the place of the owner's own rights.
    has_own_entries: bool,
}

fn owner(descriptor: &SecurityDescriptor, token: &[Sid], aces: &[Ace]) -> Owner {
    let rights = Sid::owner_rights();
    Owner {
        is_token: match &descriptor.owner {
            Some(Account::Sid(sid)) => Some(token.contains(sid)),
            Some(Account::Name(name)) if !may_be_well_known(name) => Some(false),
            _ => None,
        },
        has_own_entries: aces
            .iter()
            .any(|ace| !ace.flags.is_inherit_only() && ace.account.sid() == Some(&rights)),
    }
}

/// What one walk through the list comes to.
struct Walk {
    /// The denial: with the entry that denies, or without one where a right is granted by none.
    denied: Option<Option<usize>>,
    /// The first doubtful entry that touches a right which was still open.
    doubt: Option<Doubt>,
}

/// One walk, in which every doubtful entry helps (`hopeful`) or hurts.
fn walk(aces: &[Ace], token: &[Sid], owner: Owner, wanted: AccessMask, hopeful: bool) -> Walk {
    let mut open = wanted;
    let mut doubt = None;
    if !owner.has_own_entries && owner.is_token.unwrap_or(hopeful) {
        open = open.without(AccessMask::READ_CONTROL | AccessMask::WRITE_DAC);
    }
    for (at, ace) in aces.iter().enumerate() {
        if open.is_empty() {
            break;
        }
        let touched = ace.mask.for_files().and(open);
        if ace.flags.is_inherit_only() || touched.is_empty() {
            continue;
        }
        let (may_allow, may_deny, certain) = effect(ace.kind);
        let (matches, unsure) = matched(&ace.account, token, owner);
        if !matches || !(may_allow || may_deny) {
            continue;
        }
        if unsure || !certain {
            doubt = doubt.or_else(|| Some(doubt_about(at, ace)));
        }
        if unsure || !certain {
            if hopeful && may_allow {
                open = open.without(touched);
            } else if !hopeful && may_deny {
                return Walk { denied: Some(Some(at)), doubt };
            }
        } else if may_allow {
            open = open.without(touched);
        } else {
            return Walk { denied: Some(Some(at)), doubt };
        }
    }
    Walk { denied: (!open.is_empty()).then_some(None), doubt }
}

fn doubt_about(at: usize, ace: &Ace) -> Doubt {
    match (&ace.kind, &ace.account) {
        (AceKind::Other(kind), _) => Doubt::Entry(at, *kind),
        (_, Account::Name(name)) => Doubt::Name(at, name.clone()),
        _ => Doubt::Owner,
    }
}

/// Whether an entry of that kind may allow, may deny, and whether it does so for sure.
fn effect(kind: AceKind) -> (bool, bool, bool) {
    match kind {
        AceKind::Allow => (true, false, true),
        AceKind::Deny => (false, true, true),
        // Compound, object, and conditional entries.
        AceKind::Other(0x04 | 0x05 | 0x09 | 0x0b) => (true, false, false),
        AceKind::Other(0x06 | 0x0a | 0x0c) => (false, true, false),
        // Audit, alarm, label, attribute, policy and filter entries decide no access.
        AceKind::Other(0x02 | 0x03 | 0x07 | 0x08 | 0x0d..=0x15) => (false, false, true),
        AceKind::Other(_) => (true, true, false),
    }
}

/// Whether an entry may be for the token, and whether that is unsure.
fn matched(account: &Account, token: &[Sid], owner: Owner) -> (bool, bool) {
    match account {
        Account::Sid(sid) if *sid == Sid::owner_rights() => {
            (owner.is_token != Some(false), owner.is_token.is_none())
        }
        Account::Sid(sid) => (token.contains(sid), false),
        Account::Name(name) => (may_be_well_known(name), true),
        Account::Unknown => (true, true),
    }
}
