//! Security identifiers.

use std::fmt;

use super::AclError;
use super::descriptor::take;

/// Most sub-authorities of an identifier.
const MAX_PARTS: u8 = 15;

/// A security identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// The authority, of 48 bits.
    authority: u64,
    /// Its sub-authorities.
    parts: Vec<u32>,
}

/// The identifiers that are the same on every machine and may stand in the access control of keys.
const WELL_KNOWN: [(u64, &[u32], &str); 28] = [
    (0, &[0], "NULL SID"),
    (1, &[0], "Everyone"),
    (2, &[0], "LOCAL"),
    (3, &[0], "CREATOR OWNER"),
    (3, &[1], "CREATOR GROUP"),
    (3, &[4], "OWNER RIGHTS"),
    (5, &[2], "NT AUTHORITY\\NETWORK"),
    (5, &[3], "NT AUTHORITY\\BATCH"),
    (5, &[4], "NT AUTHORITY\\INTERACTIVE"),
    (5, &[6], "NT AUTHORITY\\SERVICE"),
    (5, &[7], "NT AUTHORITY\\ANONYMOUS LOGON"),
    (5, &[11], "NT AUTHORITY\\Authenticated Users"),
    (5, &[12], "NT AUTHORITY\\RESTRICTED"),
    (5, &[15], "NT AUTHORITY\\This Organization"),
    (5, &[17], "NT AUTHORITY\\IUSR"),
    (5, &[18], "NT AUTHORITY\\SYSTEM"),
    (5, &[19], "NT AUTHORITY\\LOCAL SERVICE"),
    (5, &[20], "NT AUTHORITY\\NETWORK SERVICE"),
    (5, &[32, 544], "BUILTIN\\Administrators"),
    (5, &[32, 545], "BUILTIN\\Users"),
    (5, &[32, 546], "BUILTIN\\Guests"),
    (5, &[32, 547], "BUILTIN\\Power Users"),
    (5, &[32, 551], "BUILTIN\\Backup Operators"),
    (5, &[32, 568], "BUILTIN\\IIS_IUSRS"),
    (5, &[80, 0], "NT SERVICE\\ALL SERVICES"),
    (
        5,
        &[80, 956_008_885, 3_418_522_649, 1_831_038_044, 1_853_292_631, 2_271_478_464],
        "NT SERVICE\\TrustedInstaller",
    ),
    (15, &[2, 1], "ALL APPLICATION PACKAGES"),
    (15, &[2, 2], "ALL RESTRICTED APPLICATION PACKAGES"),
];

impl Sid {
    /// The identifier of that authority and those parts, of which at most 15 count.
    pub fn new(authority: u64, parts: &[u32]) -> Self {
        let parts = parts.iter().take(usize::from(MAX_PARTS)).copied().collect();
        Self { authority: authority & 0xffff_ffff_ffff, parts }
    }

    /// `NT AUTHORITY\SYSTEM`.
    pub fn system() -> Self {
        Self::new(5, &[18])
    }

    /// `NT AUTHORITY\LOCAL SERVICE`.
    pub fn local_service() -> Self {
        Self::new(5, &[19])
    }

    /// `NT AUTHORITY\NETWORK SERVICE`.
    pub fn network_service() -> Self {
        Self::new(5, &[20])
    }

    /// `BUILTIN\Administrators`.
    pub fn administrators() -> Self {
        Self::new(5, &[32, 544])
    }

    /// `BUILTIN\Users`.
    pub fn users() -> Self {
        Self::new(5, &[32, 545])
    }

    /// `BUILTIN\IIS_IUSRS`.
    pub fn iis_iusrs() -> Self {
        Self::new(5, &[32, 568])
    }

    /// `Everyone`.
    pub fn everyone() -> Self {
        Self::new(1, &[0])
    }

    /// `NT AUTHORITY\Authenticated Users`.
    pub fn authenticated_users() -> Self {
        Self::new(5, &[11])
    }

    /// `NT AUTHORITY\SERVICE`.
    pub fn service() -> Self {
        Self::new(5, &[6])
    }

    /// `OWNER RIGHTS`, which stands for whoever the owner is.
    pub fn owner_rights() -> Self {
        Self::new(3, &[4])
    }

    /// Whether the identifier begins with that authority and those parts.
    pub fn starts_with(&self, authority: u64, parts: &[u32]) -> bool {
        self.authority == authority && self.parts.starts_with(parts)
    }

    /// Reads the identifier at `offset` of `bytes` and says how many bytes it takes.
    ///
    /// # Errors
    /// When it reaches beyond the end, or is none.
    pub fn parse_at(bytes: &[u8], offset: usize) -> Result<(Self, usize), AclError> {
        const WHAT: &str = "security identifier";
        let head: [u8; 8] = take(bytes, offset, WHAT)?;
        let [revision, count, authority @ ..] = head;
        if revision != 1 {
            return Err(AclError::Revision { what: WHAT, offset, expected: "1", found: revision });
        }
        if count > MAX_PARTS {
            return Err(AclError::SidParts { offset, found: count });
        }
        let authority = authority.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let mut parts = Vec::with_capacity(usize::from(count));
        let mut at = offset.saturating_add(8);
        for _ in 0..count {
            parts.push(u32::from_le_bytes(take(bytes, at, WHAT)?));
            at = at.saturating_add(4);
        }
        Ok((Self { authority, parts }, at.saturating_sub(offset)))
    }

    /// Reads `S-1-5-18`; `None` when it is no identifier.
    pub fn from_text(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?;
        let mut numbers = rest.split('-');
        let first = numbers.next()?;
        let authority = match first.strip_prefix("0x").or_else(|| first.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(hex, 16).ok()?,
            None => plain(first)?,
        };
        let mut parts = Vec::new();
        for number in numbers {
            if parts.len() >= usize::from(MAX_PARTS) {
                return None;
            }
            parts.push(u32::try_from(plain(number)?).ok()?);
        }
        (authority <= 0xffff_ffff_ffff).then_some(Self { authority, parts })
    }

    /// The English name of an identifier that is the same on every machine.
    pub fn well_known(&self) -> Option<&'static str> {
        WELL_KNOWN
            .iter()
            .find(|(authority, parts, _)| *authority == self.authority && *parts == self.parts)
            .map(|(_, _, name)| *name)
    }
}

/// A number of digits alone.
fn plain(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority > u64::from(u32::MAX) {
            write!(f, "S-1-{:#014x}", self.authority)?;
        } else {
            write!(f, "S-1-{}", self.authority)?;
        }
        self.parts.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}
