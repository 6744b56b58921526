//! RSA keys and the one operation that everything else rests on.
//!
//! A [`PrivateKey`] exists only when its parts fit together: the primes give the modulus, and the two exponents undo each
//! other. Format facts: Microsoft's documentation of the RSA private key BLOB (`RSAPUBKEY`), of `BCRYPT_RSAKEY_BLOB` and
//! of `RSAKeyValue`; RFC 8017 for the paddings. Wine's `rsaenh` tests give vectors that Windows was run against.

mod number;
mod padding;

use std::fmt;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Odd};
use thiserror::Error;

use self::number::{Number, number, significant};
pub use self::padding::{Hash, SignatureForm};
use super::Secret;
use crate::artifact::bytes::{Truncated, slice, u32_le};
use crate::artifact::rsa_key_value::{self, RsaKeyValueError};

/// The smallest modulus that is accepted, in bits: what old Windows could make at least.
pub const SMALLEST_BITS: u32 = 384;
/// The largest modulus that is accepted, in bits: what Windows can make at most.
pub const LARGEST_BITS: u32 = 16_384;

/// Bytes of a CAPI key block before its modulus.
const CAPI_HEADER: usize = 20;
/// Bytes of a CNG key blob before its exponent.
const BCRYPT_HEADER: usize = 24;

/// Why bytes are not a usable RSA key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The key ends too early.
    #[error("the key is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// The first bytes are not those of such a key.
    #[error("{expected} is expected at offset 0")]
    Magic {
        /// The magic of the format; what is found instead may be a part of a secret.
        expected: &'static str,
    },
    /// The modulus is outside of what Windows makes, or not as large as the key says.
    #[error("the modulus has {bits} bits, the key claims {claimed}")]
    Bits {
        /// What the key claims.
        claimed: u32,
        /// What the modulus has.
        bits: u32,
    },
    /// The modulus is even, so it is no product of two odd primes.
    #[error("the modulus is even")]
    EvenModulus,
    /// The public exponent is even, smaller than three or longer than eight bytes.
    #[error("the public exponent is not one")]
    Exponent,
    /// The product of the primes is not the modulus.
    #[error("the primes do not give the modulus")]
    Factors,
    /// A number that is derived from the others is a different one.
    #[error("{part} does not belong to the other numbers of the key")]
    Part {
        /// Which one: `d`, `dp`, `dq` or `qinv`.
        part: &'static str,
    },
    /// The text of an `<RSAKeyValue>` is not one.
    #[error(transparent)]
    Text(#[from] RsaKeyValueError),
    /// There are only public numbers.
    #[error("the key has no private part")]
    PublicOnly,
}

/// Why an RSA operation gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RsaError {
    /// The ciphertext is not as long as the modulus: it belongs to a key of another size.
    #[error("the ciphertext has {found} bytes, the modulus {expected}")]
    Length {
        /// Length in bytes of the modulus.
        expected: usize,
        /// Length in bytes of the ciphertext.
        found: usize,
    },
    /// The ciphertext is a number that this key cannot have made.
    #[error("the ciphertext is not below the modulus")]
    Range,
    /// The padding behind the ciphertext is not there: another key made it.
    #[error("no padding comes out: another key made this")]
    Padding,
}

/// The public half of an RSA key.
#[derive(Clone)]
pub struct PublicKey {
    params: BoxedMontyParams,
    exponent: u64,
    bits: u32,
}

impl PublicKey {
    /// A key from its modulus (big-endian) and its exponent.
    ///
    /// # Errors
    /// [`KeyError`] when the modulus is too small, too large or even, or the exponent cannot be one.
    pub fn new(modulus: &[u8], exponent: u64) -> Result<Self, KeyError> {
        let modulus = significant(modulus);
        let bits = bits_of(modulus);
        if !(SMALLEST_BITS..=LARGEST_BITS).contains(&bits) {
            return Err(KeyError::Bits { claimed: bits, bits });
        }
        if exponent < 3 || exponent.is_multiple_of(2) {
            return Err(KeyError::Exponent);
        }
        let value = number(modulus, precision(bits)).ok_or(KeyError::Factors)?;
        let odd: Option<Odd<BoxedUint>> = Odd::new(value.get().clone()).into_option();
        let params = BoxedMontyParams::new_vartime(odd.ok_or(KeyError::EvenModulus)?);
        Ok(Self { params, exponent, bits })
    }

    /// Reads the public key block of a CAPI container (`RSA1`, everything little-endian).
    ///
    /// # Errors
    /// [`KeyError`] when it is none, or not as large as it says.
    pub fn from_capi(block: &[u8]) -> Result<Self, KeyError> {
        magic(block, "RSA1")?;
        let (padded, claimed) = (u32_le(block, 4)? as usize, u32_le(block, 8)?);
        let modulus = reversed(slice(block, CAPI_HEADER, padded)?);
        Self::claimed(&modulus, u64::from(u32_le(block, 16)?), claimed)
    }

    fn claimed(modulus: &[u8], exponent: u64, claimed: u32) -> Result<Self, KeyError> {
        let bits = bits_of(significant(modulus));
        if bits != claimed {
            return Err(KeyError::Bits { claimed, bits });
        }
        Self::new(modulus, exponent)
    }

    /// Size of the modulus in bits.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Length of the modulus in bytes.
    pub fn len(&self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    /// Never: there is no key without a modulus.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The public exponent.
    pub fn exponent(&self) -> u64 {
        self.exponent
    }

    /// The modulus, big-endian, as long as [`PublicKey::len`].
    pub fn modulus(&self) -> Vec<u8> {
        fixed(self.params.modulus().as_ref(), self.len())
    }

    /// Whether a padding that this key can check lies behind a signature (big-endian), and what for.
    ///
    /// The padding alone proves that the private half of this key made the signature; which bytes were signed is proved
    /// only by a digest that fits.
    pub fn verify_pkcs1_v15(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Option<SignatureForm> {
        let content = self.recover_pkcs1_v15(signature).ok()?;
        padding::signature_form(hash, digest, &content)
    }

    /// What the padding of a signature (big-endian) holds: a digest, usually behind the name of its algorithm.
    ///
    /// # Errors
    /// [`RsaError`] when the signature is of another size, or another key made it.
    pub fn recover_pkcs1_v15(&self, signature: &[u8]) -> Result<Vec<u8>, RsaError> {
        let value = self.number_below(signature)?;
        let exponent = BoxedUint::from(self.exponent);
        let base = BoxedMontyForm::new(value.get().clone(), &self.params);
        let message = base.pow_bounded_exp(&exponent, 64).retrieve();
        padding::signed(&fixed(&message, self.len())).map(<[u8]>::to_vec).ok_or(RsaError::Padding)
    }

    fn number_below(&self, bytes: &[u8]) -> Result<Number, RsaError> {
        if bytes.len() != self.len() {
            return Err(RsaError::Length { expected: self.len(), found: bytes.len() });
        }
        let value = number(significant(bytes), precision(self.bits)).ok_or(RsaError::Range)?;
        if value.get() < self.params.modulus().as_ref() { Ok(value) } else { Err(RsaError::Range) }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.exponent == other.exponent && self.params.modulus() == other.params.modulus()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits, exponent {})", self.bits, self.exponent)
    }
}

/// An RSA key whose parts fit together. The numbers are wiped when it is dropped.
pub struct PrivateKey {
    public: PublicKey,
    d: Number,
}

/// The numbers of a private key, big-endian, as a format has them; what is `None` is not checked.
#[derive(Default)]
struct Parts<'a> {
    p: &'a [u8],
    q: &'a [u8],
    dp: Option<&'a [u8]>,
    dq: Option<&'a [u8]>,
    qinv: Option<&'a [u8]>,
    d: Option<&'a [u8]>,
}

impl PrivateKey {
    /// Reads the private key block of a CAPI container after decryption (`RSA2`, everything little-endian, every number
    /// padded), or the block of a `PRIVATEKEYBLOB` behind its eight bytes of header, where nothing is padded.
    ///
    /// # Errors
    /// [`KeyError`] when it is cut off, or its numbers do not fit together.
    pub fn from_capi(block: &[u8]) -> Result<Self, KeyError> {
        magic(block, "RSA2")?;
        let (len, claimed) = (u32_le(block, 4)? as usize, u32_le(block, 8)?);
        // In a PRIVATEKEYBLOB the field at 4 is the size in bits, and there are no fields but the exponent behind it.
        let exported = len as u64 == u64::from(claimed_bits_of_export(block)?);
        let (header, len, claimed, exponent) = if exported {
            let bits = u32_le(block, 4)?;
            (12, bits.div_ceil(8) as usize, bits, u32_le(block, 8)?)
        } else {
            (CAPI_HEADER, len, claimed, u32_le(block, 16)?)
        };
        let half = len.div_ceil(2);
        let mut at = header;
        let mut next = |len: usize| -> Result<Secret, KeyError> {
            let part = slice(block, at, len)?;
            at = at.saturating_add(len);
            Ok(Secret::new(reversed(part)))
        };
        let modulus = next(len)?;
        let [p, q, dp, dq, qinv] = [next(half)?, next(half)?, next(half)?, next(half)?, next(half)?];
        let d = next(len)?;
        let public = PublicKey::claimed(modulus.expose(), u64::from(exponent), claimed)?;
        let parts = Parts {
            p: p.expose(),
            q: q.expose(),
            dp: Some(dp.expose()),
            dq: Some(dq.expose()),
            qinv: Some(qinv.expose()),
            d: Some(d.expose()),
        };
        Self::of(public, &parts)
    }

    /// Reads a `BCRYPT_RSAPRIVATE_BLOB` (`RSA2`) or the full one (`RSA3`): numbers big-endian, `d` worked out.
    ///
    /// # Errors
    /// [`KeyError`] when it is cut off, or its numbers do not fit together.
    pub fn from_bcrypt(blob: &[u8]) -> Result<Self, KeyError> {
        if !blob.starts_with(b"RSA3") {
            magic(blob, "RSA2")?;
        }
        let claimed = u32_le(blob, 4)?;
        let mut at = BCRYPT_HEADER;
        let mut next = |field: usize| -> Result<&[u8], KeyError> {
            let len = u32_le(blob, field)? as usize;
            let part = slice(blob, at, len)?;
            at = at.saturating_add(len);
            Ok(part)
        };
        let [exponent, modulus, p, q] = [next(8)?, next(12)?, next(16)?, next(20)?];
        let public = PublicKey::claimed(modulus, exponent_of(exponent)?, claimed)?;
        Self::of(public, &Parts { p, q, ..Parts::default() })
    }

    /// Reads an `<RSAKeyValue>` with private numbers, as `aspnet_regiis -px -pri` writes it.
    ///
    /// # Errors
    /// [`KeyError`] when it is none, has no private part, or its numbers do not fit together.
    pub fn from_rsa_key_value(text: &[u8]) -> Result<Self, KeyError> {
        let numbers = rsa_key_value::numbers(text)?;
        let get = |name| numbers.get(name).map(|bytes| bytes.as_slice());
        let missing = |name| RsaKeyValueError::Missing { name };
        let modulus = get("Modulus").ok_or_else(|| missing("Modulus"))?;
        let exponent = exponent_of(get("Exponent").ok_or_else(|| missing("Exponent"))?)?;
        let public = PublicKey::new(modulus, exponent)?;
        let (Some(p), Some(q)) = (get("P"), get("Q")) else { return Err(KeyError::PublicOnly) };
        let (dp, dq, qinv, d) = (get("DP"), get("DQ"), get("InverseQ"), get("D"));
        Self::of(public, &Parts { p, q, dp, dq, qinv, d })
    }

    fn of(public: PublicKey, parts: &Parts<'_>) -> Result<Self, KeyError> {
        let precision = precision(public.bits);
        let read = |bytes: &[u8]| number(significant(bytes), precision).ok_or(KeyError::Factors);
        let (p, q) = (read(parts.p)?, read(parts.q)?);
        let one = BoxedUint::one_with_precision(precision);
        let product = Number::new(p.get().concatenating_mul(q.get()));
        if *p.get() <= one || *q.get() <= one || product.get() != public.params.modulus().as_ref() {
            return Err(KeyError::Factors);
        }
        let p_less = Number::new(p.get().wrapping_sub(&one));
        let q_less = Number::new(q.get().wrapping_sub(&one));
        // Both factors are below the modulus, so their product fits into its precision.
        let order = Number::new(p_less.get().wrapping_mul(q_less.get()));
        let order = NonZero::new(order.get().clone()).into_option().ok_or(KeyError::Factors)?;
        let exponent = number(&public.exponent.to_be_bytes(), precision).ok_or(KeyError::Exponent)?;
        let worked_out = exponent.get().invert_mod(&order).into_option().map(Number::new);
        let worked_out = worked_out.ok_or(KeyError::Exponent)?;
        let modulo = |value: &Number, by: &Number| -> Result<Number, KeyError> {
            let by = NonZero::new(by.get().clone()).into_option().ok_or(KeyError::Factors)?;
            Ok(Number::new(value.get().rem(&by)))
        };
        let (dp, dq) = (modulo(&worked_out, &p_less)?, modulo(&worked_out, &q_less)?);
        for (part, given, expected) in [("dp", parts.dp, &dp), ("dq", parts.dq, &dq)] {
            if given.is_some_and(|given| read(given).map(|n| n.get() != expected.get()).unwrap_or(true)) {
                return Err(KeyError::Part { part });
            }
        }
        if let Some(qinv) = parts.qinv {
            let qinv = number(significant(qinv), precision).ok_or(KeyError::Part { part: "qinv" })?;
            let product = Number::new(qinv.get().concatenating_mul(q.get()));
            if *modulo(&product, &p)?.get() != one {
                return Err(KeyError::Part { part: "qinv" });
            }
        }
        let d = match parts.d {
            Some(d) => number(significant(d), precision).ok_or(KeyError::Part { part: "d" })?,
            None => worked_out,
        };
        let key = Self { public, d };
        if key.exponents_undo_each_other() { Ok(key) } else { Err(KeyError::Part { part: "d" }) }
    }

    /// Encrypts a probe with the public exponent and decrypts it with the private one.
    fn exponents_undo_each_other(&self) -> bool {
        let Some(probe) = number(&[0x5a; 32], precision(self.public.bits)) else { return false };
        let base = BoxedMontyForm::new(probe.get().clone(), &self.public.params);
        let there = base.pow_bounded_exp(&BoxedUint::from(self.public.exponent), 64);
        there.pow(self.d.get()).retrieve() == *probe.get()
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether this is the private half of the key with this modulus (big-endian): its primes give exactly that number,
    /// and its exponents undo each other, which holds for every [`PrivateKey`].
    pub fn agrees_with(&self, modulus: &[u8]) -> bool {
        significant(modulus) == significant(&self.public.modulus())
    }

    /// The private operation without a padding: big-endian in, big-endian out, both as long as the modulus.
    ///
    /// # Errors
    /// [`RsaError`] when the length is another one or the number too large.
    pub fn raw(&self, ciphertext: &[u8]) -> Result<Secret, RsaError> {
        let value = self.public.number_below(ciphertext)?;
        let base = BoxedMontyForm::new(value.get().clone(), &self.public.params);
        let message = Number::new(base.pow(self.d.get()).retrieve());
        Ok(Secret::new(fixed(message.get(), self.public.len())))
    }

    /// Decrypts a message (big-endian) padded by PKCS#1 v1.5.
    ///
    /// # Errors
    /// [`RsaError`] when the length is another one, or no padding comes out.
    pub fn decrypt_pkcs1_v15(&self, ciphertext: &[u8]) -> Result<Secret, RsaError> {
        let message = self.raw(ciphertext)?;
        let content = padding::encrypted(message.expose()).ok_or(RsaError::Padding)?;
        Ok(Secret::new(content.to_vec()))
    }

    /// Decrypts a message (big-endian) padded by OAEP with SHA-1, MGF1 with SHA-1 and an empty label.
    ///
    /// # Errors
    /// [`RsaError`] when the length is another one, or no padding comes out.
    pub fn decrypt_oaep_sha1(&self, ciphertext: &[u8]) -> Result<Secret, RsaError> {
        let message = self.raw(ciphertext)?;
        padding::oaep_sha1(message.expose()).ok_or(RsaError::Padding)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.public.bits)
    }
}

/// The size in bits if this block were one of a `PRIVATEKEYBLOB`, zero when its modulus would not end where it should.
fn claimed_bits_of_export(block: &[u8]) -> Result<u32, Truncated> {
    let bits = u32_le(block, 4)?;
    let (full, half) = (bits.div_ceil(8) as usize, bits.div_ceil(16) as usize);
    let len = full.saturating_mul(2).saturating_add(half.saturating_mul(5)).saturating_add(12);
    Ok(if len == block.len() { bits } else { 0 })
}

fn magic(block: &[u8], expected: &'static str) -> Result<(), KeyError> {
    let found: [u8; 4] = crate::artifact::bytes::array(block, 0)?;
    if found == expected.as_bytes() { Ok(()) } else { Err(KeyError::Magic { expected }) }
}

fn exponent_of(bytes: &[u8]) -> Result<u64, KeyError> {
    let bytes = significant(bytes);
    if bytes.len() > 8 {
        return Err(KeyError::Exponent);
    }
    Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

/// Size in bits of a big-endian number without leading zeros.
fn bits_of(significant: &[u8]) -> u32 {
    let bytes = u32::try_from(significant.len()).unwrap_or(u32::MAX / 8).min(u32::MAX / 8);
    (bytes * 8).saturating_sub(significant.first().map_or(0, |first| first.leading_zeros()))
}

/// Numbers are kept in whole 64-bit words, so that all of one key have the same number of them.
fn precision(bits: u32) -> u32 {
    bits.next_multiple_of(64)
}

/// A number as exactly `len` big-endian bytes; it fits because it is below the modulus.
fn fixed(value: &BoxedUint, len: usize) -> Vec<u8> {
    let bytes = zeroize::Zeroizing::new(value.to_be_bytes().into_vec());
    bytes.get(bytes.len().saturating_sub(len)..).unwrap_or_default().to_vec()
}

/// A message of `len` bytes padded by OAEP, for tests of what is built on it.
#[cfg(test)]
pub(super) fn tests_oaep(content: &[u8], len: usize) -> Vec<u8> {
    padding::forward::oaep(content, len, [0x17; 20])
}

#[cfg(test)]
mod tests;
