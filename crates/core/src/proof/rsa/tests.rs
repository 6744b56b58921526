use data_encoding::BASE64;
use iiskeys_fixtures::rng::Rng;

use super::*;
use crate::proof::test_keys::{self, *};

fn reversed_hex(text: &str) -> Vec<u8> {
    reversed(&hex(text))
}

fn xml(numbers: &Numbers, private: bool) -> String {
    let tag = |name: &str, bytes: &[u8]| format!("<{name}>{}</{name}>", BASE64.encode(bytes));
    let mut out = tag("Modulus", &numbers.n) + &tag("Exponent", &[1, 0, 1]);
    if private {
        let parts = [("P", &numbers.p), ("Q", &numbers.q), ("DP", &numbers.dp), ("DQ", &numbers.dq)];
        out.extend(parts.map(|(name, bytes)| tag(name, bytes)));
        out += &(tag("InverseQ", &numbers.qinv) + &tag("D", &numbers.d));
    }
    format!("<RSAKeyValue>{out}</RSAKeyValue>")
}

#[test]
fn every_format_gives_the_same_key() {
    for primes in [P512, P1024] {
        let numbers = numbers(primes);
        let keys = [
            PrivateKey::from_capi(&numbers.capi()).unwrap(),
            PrivateKey::from_bcrypt(&numbers.bcrypt()).unwrap(),
            PrivateKey::from_rsa_key_value(xml(&numbers, true).as_bytes()).unwrap(),
        ];
        let public = PublicKey::from_capi(&numbers.capi_public()).unwrap();
        for key in &keys {
            assert_eq!(key.public(), &public);
            assert!(key.agrees_with(&numbers.n) && key.agrees_with(&public.modulus()));
            assert_eq!(key.public().bits(), numbers.bits);
            let secret = key.decrypt_pkcs1_v15(&encrypt(b"sixteen bytes ok", &numbers.n)).unwrap();
            assert_eq!(secret.expose(), b"sixteen bytes ok");
        }
    }
}

#[test]
fn a_key_shows_its_size_only() {
    let key = numbers(P512).key();
    assert_eq!(format!("{key:?}"), "PrivateKey(512 bits)");
    assert_eq!(format!("{:?}", key.public()), "PublicKey(512 bits, exponent 65537)");
}

#[test]
fn a_modulus_of_2048_bits_works_as_well() {
    let numbers = numbers(P2048);
    let key = numbers.key();
    let secret = key.decrypt_pkcs1_v15(&encrypt(&[7; 32], &numbers.n)).unwrap();
    assert_eq!(secret.expose(), [7; 32]);
    assert_eq!(key.raw(&[0; 256]).unwrap().expose(), [0; 256]);
}

#[test]
fn oaep_comes_back_and_is_told_from_the_other_padding() {
    let numbers = numbers(P1024);
    let key = numbers.key();
    for content in [&b""[..], b"k", &[9; 86]] {
        let message = padding::forward::oaep(content, 128, [3; 20]);
        let ciphertext = power(&message, &[1, 0, 1], &numbers.n);
        assert_eq!(key.decrypt_oaep_sha1(&ciphertext).unwrap().expose(), content);
        assert_eq!(key.decrypt_pkcs1_v15(&ciphertext), Err(RsaError::Padding));
    }
    assert_eq!(key.decrypt_oaep_sha1(&encrypt(b"k", &numbers.n)), Err(RsaError::Padding));
}

#[test]
fn ciphertexts_of_another_size_or_above_the_modulus_are_refused() {
    let numbers = numbers(P512);
    let key = numbers.key();
    assert_eq!(key.raw(&[1; 63]), Err(RsaError::Length { expected: 64, found: 63 }));
    assert_eq!(key.raw(&[0xff; 64]), Err(RsaError::Range));
    assert_eq!(key.raw(&numbers.n), Err(RsaError::Range));
}

#[test]
fn keys_whose_parts_do_not_fit_name_the_part() {
    let whole = numbers(P512);
    let capi = whole.capi();
    let wrong = |at: usize| {
        let mut block = capi.clone();
        block[at] ^= 4;
        PrivateKey::from_capi(&block).unwrap_err()
    };
    // Header 20, modulus 72, five numbers of 36, d of 72.
    assert_eq!(wrong(20 + 5), KeyError::Factors);
    assert_eq!(wrong(92), KeyError::Factors);
    assert_eq!(wrong(128), KeyError::Factors);
    assert_eq!(wrong(164), KeyError::Part { part: "dp" });
    assert_eq!(wrong(200), KeyError::Part { part: "dq" });
    assert_eq!(wrong(236), KeyError::Part { part: "qinv" });
    assert_eq!(wrong(272), KeyError::Part { part: "d" });
    assert_eq!(wrong(20), KeyError::Factors);
    assert!(matches!(wrong(0), KeyError::Magic { expected: "RSA2", .. }));
    assert!(matches!(wrong(8), KeyError::Bits { claimed: 516, bits: 512 }));
    let other = numbers(P1024);
    assert!(!whole.key().agrees_with(&other.n));
    let public = xml(&whole, false);
    assert_eq!(PrivateKey::from_rsa_key_value(public.as_bytes()).unwrap_err(), KeyError::PublicOnly);
}

#[test]
fn sizes_that_windows_does_not_make_are_refused() {
    let mut small = vec![0xff; 47];
    assert!(matches!(PublicKey::new(&small, 3), Err(KeyError::Bits { bits: 376, .. })));
    small.push(0xff);
    assert!(PublicKey::new(&small, 3).is_ok());
    assert!(matches!(PublicKey::new(&[0xff; 2049], 3), Err(KeyError::Bits { .. })));
    assert_eq!(PublicKey::new(&small, 4), Err(KeyError::Exponent));
    small[47] = 0xfe;
    assert_eq!(PublicKey::new(&small, 3), Err(KeyError::EvenModulus));
}

#[test]
fn every_truncation_is_refused() {
    let numbers = numbers(P512);
    let (capi, bcrypt) = (numbers.capi(), numbers.bcrypt());
    assert!((0..capi.len()).all(|len| PrivateKey::from_capi(&capi[..len]).is_err()));
    assert!((0..bcrypt.len()).all(|len| PrivateKey::from_bcrypt(&bcrypt[..len]).is_err()));
}

#[test]
fn mutated_keys_are_sound_or_refused() {
    let numbers = numbers(P512);
    let files = [numbers.capi(), numbers.bcrypt()];
    let mut rng = Rng::new(0x125a);
    for round in 0..2_000 {
        let mut mutant = files[round % 2].clone();
        for _ in 0..1 + rng.below(2) {
            let at = if rng.below(2) == 0 { rng.below(24) } else { rng.below(mutant.len()) };
            mutant[at] = rng.next_u64() as u8;
        }
        for key in [PrivateKey::from_capi(&mutant), PrivateKey::from_bcrypt(&mutant)].into_iter().flatten() {
            assert!(key.agrees_with(&numbers.n), "only bytes that say nothing may change");
        }
    }
}

#[test]
fn windows_session_keys_unwrap_in_natural_order() {
    let key = PrivateKey::from_capi(&hex(WINE_PRIVATE)).unwrap();
    let ciphertext = reversed(&hex(WINE_SESSION)[12..]);
    let session = key.decrypt_pkcs1_v15(&ciphertext).unwrap();
    use rc4::{KeyInit, StreamCipher};
    let mut message = hex(WINE_MESSAGE);
    rc4::Rc4::new_from_slice(session.expose()).unwrap().apply_keystream(&mut message);
    assert_eq!(message, b"Wine rocks!\0");
}

#[test]
fn windows_signatures_verify_with_and_without_a_name() {
    let signer = PublicKey::new(&reversed_hex(WINE_SIGNER), 65_537).unwrap();
    let message = b"Wine rocks!\0";
    for (hash, signature, form) in [
        (Hash::Md5, WINE_MD5, SignatureForm::Named),
        (Hash::Md5, WINE_MD5_BARE, SignatureForm::Bare),
        (Hash::Sha1, WINE_SHA1, SignatureForm::Named),
    ] {
        let signature = reversed_hex(signature);
        assert_eq!(signer.verify_pkcs1_v15(hash, &hash.digest(message), &signature), Some(form));
        assert_eq!(signer.verify_pkcs1_v15(hash, &hash.digest(b"other"), &signature), None);
        assert!(signer.recover_pkcs1_v15(&signature).is_ok());
    }
    let other = test_keys::numbers(P1024).key();
    let theirs = other.public().recover_pkcs1_v15(&reversed_hex(WINE_SHA1));
    assert!(matches!(theirs, Err(RsaError::Padding | RsaError::Range)));
}
