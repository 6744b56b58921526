//! Large numbers that are wiped.

use crypto_bigint::BoxedUint;
use zeroize::Zeroize;

/// A number whose words are wiped when it is dropped. What the arithmetic keeps on the way is not in our hands.
pub(super) struct Number(BoxedUint);

impl Number {
    pub(super) fn new(value: BoxedUint) -> Self {
        Self(value)
    }

    pub(super) fn get(&self) -> &BoxedUint {
        &self.0
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        self.0.as_mut_words().zeroize();
    }
}

/// A big-endian number with room for `precision` bits; `None` when it does not fit.
pub(super) fn number(bytes: &[u8], precision: u32) -> Option<Number> {
    BoxedUint::from_be_slice(bytes, precision).ok().map(Number::new)
}

/// A big-endian number without leading zeros.
pub(super) fn significant(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&b| b != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}
