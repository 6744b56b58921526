//! The boot key: what the LSA's keys are encrypted with.

use super::Secret;
use crate::artifact::boot_key::{ClassFault, ClassNames};

/// Which byte of the joined class names comes where.
const ORDER: [usize; 16] = [8, 5, 4, 2, 11, 9, 13, 3, 0, 6, 1, 12, 14, 10, 15, 7];

/// The boot key of one control set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootKey(Secret);

impl BootKey {
    /// Puts the boot key together from the class names.
    ///
    /// # Errors
    /// [`ClassFault`] for the first class name that is missing or malformed.
    pub fn from_classes(names: &ClassNames<'_>) -> Result<Self, ClassFault> {
        let joined = names.joined()?;
        Ok(Self(Secret::new(ORDER.iter().filter_map(|&at| joined.get(at).copied()).collect())))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}
