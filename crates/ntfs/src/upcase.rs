//! `$UpCase`: how the volume compares names.

use std::cmp::Ordering;

use crate::bytes::utf16;

/// Bytes of the table.
pub(crate) const TABLE_BYTES: usize = 2 * 65536;

/// The upper-case form of each UTF-16 unit.
#[derive(Debug, Clone)]
pub struct UpCase(Vec<u16>);

impl UpCase {
    /// The table of a volume; `None` when it has not 65,536 units.
    pub fn from_bytes(data: &[u8]) -> Option<Self> {
        (data.len() == TABLE_BYTES).then(|| Self(utf16(data)))
    }

    /// A table made of what Unicode says of single units, for volumes that have lost theirs.
    pub fn unicode() -> Self {
        let upper = |unit: u16| {
            let mut upper = char::from_u32(u32::from(unit))?.to_uppercase();
            let first = upper.next()?;
            if upper.next().is_some() { None } else { u16::try_from(u32::from(first)).ok() }
        };
        Self((0..=u16::MAX).map(|unit| upper(unit).unwrap_or(unit)).collect())
    }

    /// The upper-case form of a unit.
    pub fn unit(&self, unit: u16) -> u16 {
        self.0.get(usize::from(unit)).copied().unwrap_or(unit)
    }

    /// Compares as names of Windows are compared.
    pub fn compare(&self, a: &[u16], b: &[u16]) -> Ordering {
        a.iter().map(|unit| self.unit(*unit)).cmp(b.iter().map(|unit| self.unit(*unit)))
    }

    /// Whether two names are the same to Windows.
    pub fn same(&self, a: &[u16], b: &[u16]) -> bool {
        a.len() == b.len() && self.compare(a, b) == Ordering::Equal
    }
}
