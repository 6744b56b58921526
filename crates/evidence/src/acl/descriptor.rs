//! Self-relative security descriptors, as NTFS stores them in `$Secure`.

use super::{AccessMask, Account, Ace, AceFlags, AceKind, AclError, Dacl, SecurityDescriptor, Sid};

/// The list is there.
const DACL_PRESENT: u16 = 0x0004;
/// The list keeps inherited entries out.
const DACL_PROTECTED: u16 = 0x1000;
/// Offsets instead of pointers.
const SELF_RELATIVE: u16 = 0x8000;
/// Bytes of the header of a descriptor.
const HEADER: usize = 20;
/// Bytes of the header of a list.
const ACL_HEADER: usize = 8;
/// Bytes of the header of an entry.
const ACE_HEADER: usize = 4;

/// Exactly `N` bytes at `offset`.
pub(super) fn take<const N: usize>(
    bytes: &[u8],
    offset: usize,
    what: &'static str,
) -> Result<[u8; N], AclError> {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(|| AclError::Truncated {
        what,
        offset,
        expected: N,
        found: bytes.len().saturating_sub(offset),
    })
}

fn u16_at(bytes: &[u8], offset: usize, what: &'static str) -> Result<u16, AclError> {
    take(bytes, offset, what).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], offset: usize, what: &'static str) -> Result<u32, AclError> {
    take(bytes, offset, what).map(u32::from_le_bytes)
}

impl SecurityDescriptor {
    /// Reads a self-relative descriptor. Its audit list is not looked at.
    ///
    /// # Errors
    /// When something in it reaches beyond its end or is of an unknown revision.
    pub fn parse(bytes: &[u8]) -> Result<Self, AclError> {
        const WHAT: &str = "security descriptor";
        let header: [u8; HEADER] = take(bytes, 0, WHAT)?;
        let [revision, ..] = header;
        if revision != 1 {
            return Err(AclError::Revision { what: WHAT, offset: 0, expected: "1", found: revision });
        }
        let control = u16_at(bytes, 2, WHAT)?;
        if control & SELF_RELATIVE == 0 {
            return Err(AclError::NotSelfRelative { found: control });
        }
        let sid = |field: usize| -> Result<Option<Account>, AclError> {
            match u32_at(bytes, field, WHAT)? {
                0 => Ok(None),
                at => Sid::parse_at(bytes, offset(at)).map(|(sid, _)| Some(Account::Sid(sid))),
            }
        };
        let (owner, group) = (sid(4)?, sid(8)?);
        let at = u32_at(bytes, 16, WHAT)?;
        let dacl = if control & DACL_PRESENT == 0 || at == 0 {
            Dacl::Null
        } else {
            Dacl::Entries { aces: acl(bytes, offset(at))?, protected: control & DACL_PROTECTED != 0 }
        };
        Ok(Self { owner, group, dacl })
    }
}

fn offset(field: u32) -> usize {
    usize::try_from(field).unwrap_or(usize::MAX)
}

/// The entries of the list at `start`. Its own size is the limit, whatever their number is said to be.
fn acl(bytes: &[u8], start: usize) -> Result<Vec<Ace>, AclError> {
    const WHAT: &str = "access control list";
    let header: [u8; ACL_HEADER] = take(bytes, start, WHAT)?;
    let [revision, ..] = header;
    if !(1..=4).contains(&revision) {
        return Err(AclError::Revision { what: WHAT, offset: start, expected: "2 or 4", found: revision });
    }
    let size = usize::from(u16_at(&header, 2, WHAT)?);
    let count = usize::from(u16_at(&header, 4, WHAT)?);
    if size < ACL_HEADER {
        return Err(AclError::Size { what: WHAT, offset: start, expected: ACL_HEADER, found: size });
    }
    let rest = bytes.get(start..).unwrap_or_default();
    let list = rest.get(..size).ok_or(AclError::Truncated {
        what: WHAT,
        offset: start,
        expected: size,
        found: rest.len(),
    })?;
    let mut aces = Vec::with_capacity(count.min(size / ACE_HEADER));
    let mut at = ACL_HEADER;
    for _ in 0..count {
        let (read, size) = ace(list, at).map_err(|error| shifted(error, start))?;
        aces.push(read);
        at = at.saturating_add(size);
    }
    Ok(aces)
}

/// The entry at `start` of a list, and its size.
fn ace(list: &[u8], start: usize) -> Result<(Ace, usize), AclError> {
    const WHAT: &str = "access control entry";
    let header: [u8; ACE_HEADER] = take(list, start, WHAT)?;
    let [kind, flags, ..] = header;
    let size = usize::from(u16_at(&header, 2, WHAT)?);
    if size < ACE_HEADER {
        return Err(AclError::Size { what: WHAT, offset: start, expected: ACE_HEADER, found: size });
    }
    let rest = list.get(start..).unwrap_or_default();
    let body = rest.get(..size).ok_or(AclError::Truncated {
        what: WHAT,
        offset: start,
        expected: size,
        found: rest.len(),
    })?;
    let flags = AceFlags(flags);
    let inner = |offset: usize| -> Result<(AccessMask, Account), AclError> {
        let mask = AccessMask(u32_at(body, 4, WHAT)?);
        let (sid, _) = Sid::parse_at(body, offset)?;
        Ok((mask, Account::Sid(sid)))
    };
    let read = match kind {
        0x00 | 0x01 | 0x09 | 0x0a => inner(8).map(|(mask, account)| (plain_kind(kind), mask, account)),
        0x05 | 0x06 | 0x0b | 0x0c => object(body).and_then(|(at, typed)| {
            let (mask, account) = inner(at)?;
            // Without a type of object the entry is for every object.
            let kind = match kind {
                0x05 if !typed => AceKind::Allow,
                0x06 if !typed => AceKind::Deny,
                _ => AceKind::Other(kind),
            };
            Ok((kind, mask, account))
        }),
        _ => Ok((AceKind::Other(kind), AccessMask::EVERY_BIT, Account::Unknown)),
    };
    let (kind, mask, account) = read.map_err(|error| shifted(error, start))?;
    Ok((Ace { kind, flags, mask, account }, size))
}

fn plain_kind(kind: u8) -> AceKind {
    match kind {
        0x00 => AceKind::Allow,
        0x01 => AceKind::Deny,
        _ => AceKind::Other(kind),
    }
}

/// Where the identifier of an object entry stands, and whether the entry is for one type of object.
fn object(body: &[u8]) -> Result<(usize, bool), AclError> {
    let present = u32_at(body, 8, "access control entry")?;
    let typed = present & 1 != 0;
    Ok((12 + 16 * usize::from(typed) + 16 * usize::from(present & 2 != 0), typed))
}

/// The same error, seen from `start` bytes before.
fn shifted(error: AclError, start: usize) -> AclError {
    let add = |offset: usize| offset.saturating_add(start);
    match error {
        AclError::Truncated { what, offset, expected, found } => {
            AclError::Truncated { what, offset: add(offset), expected, found }
        }
        AclError::Revision { what, offset, expected, found } => {
            AclError::Revision { what, offset: add(offset), expected, found }
        }
        AclError::Size { what, offset, expected, found } => {
            AclError::Size { what, offset: add(offset), expected, found }
        }
        AclError::SidParts { offset, found } => AclError::SidParts { offset: add(offset), found },
        same @ AclError::NotSelfRelative { .. } => same,
    }
}
