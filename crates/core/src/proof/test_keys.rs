//! Keys for tests: primes made once with OpenSSL, and the vectors of Wine's `rsaenh` tests.

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero};
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

/// The private key of Wine's `dlls/rsaenh/tests/rsaenh.c` (`abPlainPrivateKey`), behind its `BLOBHEADER`.
pub(crate) const WINE_PRIVATE: &str = "
5253413200040000010001009b64efce317cad56e21e9b96b3f029886ea8c21133d6cc8c69b21afdfc2321304d2945b63a6711801a91f29f
01acc011505fcdb9ad769f6e915571da9796962275b48344899ef844407cd6cd9d88d688bc56b764e92c242f0d78551cb267b15ebc0ccf1c
e9d39ea2152473d6db6f83b2f8bce7473b01ef490898d6a3f92557e9393c53301bf2c96231435d842430219aaddb6291c807d92fd6b5376f
fe7a12bcd9d22bbfd7b1fa7dc048dd74dd5504a18bc10ac4a55762ee088bf9196c5206f8730f24c9719fc545173eae0681a2964006bfeb9e
802b27208f38cfebff3b3841356966131d3c013bf637ca9c617498cfc96ee890c7b733c0073cf8c8f6f2d7f02162588a55bfa12d3da669c5
021931f0940f455c951b53bcf5b01a8fbf40e0c773e7726eebb10f38c5f8ee04ed341a10f95334f33ee65cd14765cdbdf106cbb4b126399f
71fe3df862ab228b0edcb9e87406fc8c25a1a9cf07f9ac21017b1cdc94bd47e1a08659356a6fb970267c3cfdbd81393642c2bdbe84279a69
81da9927c24f6233f47930c5635471f14722259b6c002f1cf41f85bcf6676ae3f6558aefd00bd3a2c55170150af0984cb719620e2d2a4a7d
7a0ac417e35d2052a998c3aa11f6bf4c94998189f07f66aac888d7318471b66409760b7f1a1f2efecd592a541184d46a61dfaa76669d8211
563dd252e6425a77929834f3566c9610405916cb7761e3bf4bd439fbb14ec174ec7aea3d68bb0be6c606bfdd7f9442c00fe492336c6e1bba
73f97984df4500e494889d0889cff2a4c547458586a5cca8f25d5807";

/// A session key under it (`abSessionKey`).
pub(crate) const WINE_SESSION: &str = "
010200000168000000a40000b8a4df5e9eb1bf853d242d1e69b767138e78f2dfc669ce467ef2f233206fa1a5598325cb3ab18a1263023cfb
4afaef8ef72957b19ea7f302fdcadf5a1f71b626092439dac0de2a0ecd1fe5b64f82a0a990d3d96a43142af7acd5a05493c4b9e724844d69
5ecc2a32b5fbe4b408d536585940fb297fa71725c40d7837048c4992";

/// A message under that (`abEncryptedMessage`).
pub(crate) const WINE_MESSAGE: &str = "406428e88ae7a4d41cfdde71";

/// Modulus of the public key of the signature vectors (`abPubKey`), little-endian.
pub(crate) const WINE_SIGNER: &str = "
71649f19891c21cc36a3c927088a09c6beebd3f819a99257e4b95dda8893e46b3877148a96c0b64e42f501dcf0eb3cc77bc4fd7cde93340a
92e5979c3e65b8912fe3f389cd6c26a46cc76d0b2ca20b29e2fc30fa20db4cb891b869639641c2b460ebcdff3a1f94b123cf0f49add53385
71af128784efa0eae1c1d4c7e12150ac";

/// Signature over `Wine rocks!` with its zero: MD5 with its name (`abSignatureMD5`), little-endian.
pub(crate) const WINE_MD5: &str = "
4fe08c9b43dd02e5f4a1dd884c9c400f6c43866400e6acf7d092aac4629a48981a566d75ec0489ec6993d66137b236b5b2baf2f5210cf104
c82df5a08d6d100b6863f20868dcbd95257dee635c3b984cea41dc6a8b6cbb292b1c5c8b7d9424a97a6294f33a6ab24c335900cd7d377990
31d1d98412e5085eb360612778376301";

/// The same without the name (`abSignatureMD5NoOID`).
pub(crate) const WINE_MD5_BARE: &str = "
c6ad5c2b9be0992f5e55043265e0b575019a114d0e9ae19fc7bf776da9fdcc9d8bd131ed5ad2e55f423bb53c32308849cb67b82ec9f52bc8
3571b51b323f444c6693cbe8487c1423fb12a5b786946b191720c6b809e8bbdb002b964a930026d307a006ce5a13696b625a56616ad8113b
d567c74df66663c5e38f7c7cb13e5543";

/// The same with SHA-1 and its name (`abSignatureSHA`).
pub(crate) const WINE_SHA1: &str = "
5a4c66c93067cb913c4dd58dea4e85cdd9683af3243c99242532933dd62f86942309ee02d415dc5f0e4445135f185d1ad70bd123d6359852
57457492e350b420282a11bf49b42cc5d41a274edfa0b57ac814dd9bb6cad6ffb26bd8986780ab5352bbe12ace792f005326d8a743ca720e
6897377187c26a98bb6ca001ff049da6";
