//! Keys for tests: primes made once with OpenSSL, and the vectors of Wine's `rsaenh` tests.

use crypto_bigint::{BoxedUint, NonZero};
use data_encoding::HEXLOWER;

use super::rsa::PrivateKey;

/// Primes of a key of 512 bits.
pub(crate) const P512: [&str; 2] = [
    "efd28d45f706b13006dffe7a790c0979c5f5cfc89b0033dce4952e54a70f75e9",
    "c59e695d01536bb0da1cbff288ba5f3ab2a2e856f5a78107cc426f12dcefc8e9",
];
/// Primes of a key of 1024 bits.
pub(crate) const P1024: [&str; 2] = [
    "cfdac0b6f2285710c3ca0644eae246bc48bb8a9a146e9c65c9f39c4eaa688c4c518846c5bf603d78817c07593f88f637f7c168ce68f35e7ce65bca585a962db5",
    "cc05a37c4e891c09f8b1ae7f1bf394c16cda1cd2dafa52152daee98da2f87dd707d0d5c3122aeffdb33fd2649e046bd26aab00092a26c87adfc9c3d0fca75e97",
];
/// Primes of a key of 2048 bits.
pub(crate) const P2048: [&str; 2] = [
    "fd9383cb16a19fcbb29f3609e6d2d51bce8f7b8360d9ba03d3cd26ca27b0f89d45557864a68f65639baf905930804a00ca127ba4b193ad800b11487c6bbea7bb3d0db8a756831564e5ff443689697adb5dcb4cc2c7eef2c21f7be14b04760afd44d8afbb69cf120ca35f56278d807b3b57e877eea0271fd79ce080bc03d31127",
    "fb30b520ceab3f949a6a11a6a4f6c018ade358de8718cadc5b881bb5afab42329051da702d1ac669d987407ca199a6e5e49ede739d4acb67ab0d00f88021ff6dc83e77e0fb114f02c530d392e86a3f77d0307d3a77cf7d5da3bfb70e584f0843cd254aa1d58c2c8f1d2a683408b8083446de28014b6c9a3a4d894599eed572ff",
];

pub(crate) fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.replace([' ', '\n'], "").as_bytes()).unwrap()
}

/// All numbers of a key, big-endian, worked out from its primes.
pub(crate) struct Numbers {
    pub(crate) bits: u32,
    pub(crate) n: Vec<u8>,
    pub(crate) p: Vec<u8>,
    pub(crate) q: Vec<u8>,
    pub(crate) dp: Vec<u8>,
    pub(crate) dq: Vec<u8>,
    pub(crate) qinv: Vec<u8>,
    pub(crate) d: Vec<u8>,
}

pub(crate) fn numbers(primes: [&str; 2]) -> Numbers {
    let (p, q) = (hex(primes[0]), hex(primes[1]));
    let bits = p.len() as u32 * 16;
    let read = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).unwrap();
    let nonzero = |n: &BoxedUint| NonZero::new(n.clone()).unwrap();
    let one = BoxedUint::one_with_precision(bits);
    let (pn, qn) = (read(&p), read(&q));
    let (pm, qm) = (pn.wrapping_sub(&one), qn.wrapping_sub(&one));
    let d = read(&[1, 0, 1]).invert_mod(&nonzero(&pm.wrapping_mul(&qm))).unwrap();
    let half = |n: BoxedUint| n.to_be_bytes()[p.len()..].to_vec();
    Numbers {
        bits,
        n: pn.wrapping_mul(&qn).to_be_bytes().to_vec(),
        dp: half(d.rem(&nonzero(&pm))),
        dq: half(d.rem(&nonzero(&qm))),
        qinv: half(qn.invert_mod(&nonzero(&pn)).unwrap()),
        d: d.to_be_bytes().to_vec(),
        p,
        q,
    }
}

impl Numbers {
    fn block(&self, magic: &[u8], private: bool) -> Vec<u8> {
        let len = self.n.len();
        let padded = |bytes: &[u8], len: usize| {
            let mut bytes: Vec<u8> = bytes.iter().rev().copied().collect();
            bytes.resize(len, 0);
            bytes
        };
        let number = |n: u32| n.to_le_bytes();
        let head =
            [number(len as u32 + 8), number(self.bits), number(len as u32 - 1), number(65_537)].concat();
        let mut out = [magic, &head, &padded(&self.n, len + 8)].concat();
        if private {
            for part in [&self.p, &self.q, &self.dp, &self.dq, &self.qinv] {
                out.extend(padded(part, len / 2 + 4));
            }
            out.extend(padded(&self.d, len + 8));
        }
        out
    }

    /// The private block of a CAPI container.
    pub(crate) fn capi(&self) -> Vec<u8> {
        self.block(b"RSA2", true)
    }

    /// The public block of a CAPI container.
    pub(crate) fn capi_public(&self) -> Vec<u8> {
        self.block(b"RSA1", false)
    }

    /// A `BCRYPT_RSAPRIVATE_BLOB`.
    pub(crate) fn bcrypt(&self) -> Vec<u8> {
        let fields = [self.bits, 3, self.n.len() as u32, self.p.len() as u32, self.q.len() as u32];
        let fields: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        [b"RSA2", &fields[..], &[1, 0, 1], &self.n, &self.p, &self.q].concat()
    }

    pub(crate) fn key(&self) -> PrivateKey {
        PrivateKey::from_capi(&self.capi()).unwrap()
    }
}

/// A number to the power of another, by the schoolbook: what Windows did when it made the evidence.
pub(crate) fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let bits = modulus.len() as u32 * 8;
    let modulus = NonZero::new(BoxedUint::from_be_slice(modulus, bits).unwrap()).unwrap();
    let base = BoxedUint::from_be_slice(base, bits).unwrap();
    let mut out = BoxedUint::one_with_precision(bits);
    for byte in exponent {
        for bit in (0..8).rev() {
            out = out.concatenating_mul(&out).rem(&modulus);
            if byte >> bit & 1 == 1 {
                out = out.concatenating_mul(&base).rem(&modulus);
            }
        }
    }
    out.to_be_bytes()[..].to_vec()
}

/// Encrypts with PKCS#1 v1.5, big-endian.
pub(crate) fn encrypt(content: &[u8], n: &[u8]) -> Vec<u8> {
    let mut message = vec![0, 2];
    message.resize(n.len() - content.len() - 1, 0x77);
    message.push(0);
    message.extend(content);
    power(&message, &[1, 0, 1], n)
}

/// Signs a content (digest with or without its name) with PKCS#1 v1.5, big-endian.
pub(crate) fn sign(content: &[u8], numbers: &Numbers) -> Vec<u8> {
    let mut message = vec![0, 1];
    message.resize(numbers.n.len() - content.len() - 1, 0xff);
    message.push(0);
    message.extend(content);
    power(&message, &numbers.d, &numbers.n)
}

/// Base64 of a session key blob.
pub(crate) fn simple_blob(algorithm: u32, key: &[u8], n: &[u8]) -> Vec<u8> {
    let mut ciphertext = encrypt(key, n);
    ciphertext.reverse();
    [&[1, 2, 0, 0], &algorithm.to_le_bytes()[..], &[0, 0xa4, 0, 0], &ciphertext].concat()
}
