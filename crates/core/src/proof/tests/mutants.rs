//! Every suite there and back, and mutants with fixed seeds: nothing panics, and nothing changed ever opens.

use iiskeys_fixtures::rng::Rng;

use super::super::container;
use super::seal::{self, AES_256, Suite, TRIPLE_DES};
use super::*;

const LSA_GUIDS: [[u8; 16]; 2] = [[0x11; 16], [0x22; 16]];

fn mutate(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(out.len());
        match rng.below(5) {
            0 => out.truncate(at),
            1 => out.iter_mut().skip(at & !3).take(4).for_each(|byte| *byte = 0xff),
            2 => out.iter_mut().skip(at).take(16).for_each(|byte| *byte = 0),
            _ => out.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
        }
    }
    out
}

#[test]
fn every_suite_opens_what_it_sealed() {
    let key = master_key(v::MASTER_KEY);
    let mut opened = 0;
    for (cipher, bits) in [(0x6603, 192), (0x6603, 168), (0x660e, 128), (0x660f, 192), (0x6610, 256)] {
        for hash in [0x8004, 0x8009, 0x800c, 0x800d, 0x800e] {
            for old in [false, true] {
                let suite = Suite { cipher, bits, hash, old };
                for len in [0, 1, 15, 16, 17, 100] {
                    let clear: Vec<u8> = (0..len).collect();
                    let blob = seal::blob([7; 16], key.hash(), b"entropy", &clear, suite);
                    assert_eq!(blob::open(&blob, &key, b"entropy").unwrap().expose(), clear);
                    assert_eq!(blob::open(&blob, &key, b""), Err(BlobFailure::WrongKey));
                    opened += 1;
                }
            }
        }
    }
    assert_eq!(opened, 300);
}

#[test]
fn key_lengths_that_a_cipher_does_not_have_are_refused() {
    let key = master_key(v::MASTER_KEY);
    for (cipher, bits) in [(0x6603, 200), (0x6610, 128), (0x660e, 256)] {
        let suite = Suite { cipher, bits, ..AES_256 };
        let blob = seal::blob([7; 16], key.hash(), b"", b"x", suite);
        let unsupported = BlobFailure::UnsupportedAlgorithm { cipher, bits, hash: 0x800e };
        assert_eq!(blob::open(&blob, &key, b""), Err(unsupported));
    }
}

#[test]
fn master_keys_of_every_age_open() {
    let secret = Secret::new(vec![5; 20]);
    for (suite, len) in [
        (TRIPLE_DES, 264),
        (Suite { hash: 0x8009, ..TRIPLE_DES }, 264),
        (Suite { hash: 0x8004, ..AES_256 }, 272),
        (AES_256, 304),
    ] {
        let file = seal::master_key_file(&[5; 20], &[6; 64], suite, 3);
        assert_eq!(file.len(), len);
        let key = master_key::open(&file, &secret, &mut budget()).unwrap();
        assert_eq!(key, MasterKey::from_secret(Guid::parse(GUID).unwrap(), &Secret::new(vec![6; 64])));
        let other = Secret::new(vec![4; 20]);
        assert_eq!(master_key::open(&file, &other, &mut budget()), Err(MasterKeyFailure::WrongSecret));
    }
}

#[test]
fn a_secret_opens_with_the_key_of_the_list_that_it_names() {
    let boot_key = windows_10();
    let list = seal::key_list(boot_key.expose(), &[(LSA_GUIDS[0], [1; 32]), (LSA_GUIDS[1], [2; 32])]);
    let keys = LsaKeys::from_key_list(&list, &boot_key).unwrap();
    for (guid, key) in LSA_GUIDS.into_iter().zip([[1; 32], [2; 32]]) {
        let secret = seal::record(guid, &key, &hex(v::DPAPI_SYSTEM));
        assert!(keys.open_dpapi_system(&secret).is_ok());
    }
    let crossed = seal::record(LSA_GUIDS[0], &[2; 32], &hex(v::DPAPI_SYSTEM));
    assert_eq!(keys.open_secret(&crossed), Err(LsaFailure::DoesNotDecode { what: "secret" }));
    let other = seal::record(LSA_GUIDS[1], &[2; 32], b"a password");
    assert_eq!(keys.open_dpapi_system(&other), Err(LsaFailure::NotDpapiSystem { len: 10 }));
}

#[test]
fn mutated_blobs_never_open() {
    let key = master_key(v::MASTER_KEY);
    let mut rng = Rng::new(0xb10b);
    let blobs = [TRIPLE_DES, AES_256, Suite { old: true, ..TRIPLE_DES }]
        .map(|suite| seal::blob([7; 16], key.hash(), b"", b"some clear text", suite));
    for round in 0..20_000 {
        let whole = &blobs[round % blobs.len()];
        let mutant = mutate(whole, &mut rng);
        // The first twenty bytes are not signed, but they must be the magic.
        if mutant != *whole {
            assert!(blob::open(&mutant, &key, b"").is_err());
        }
        let _ = container::open(&mutant, &|_| Some(&key));
    }
}

#[test]
fn mutated_master_key_files_open_to_the_same_key_or_not_at_all() {
    let secret = Secret::new(vec![5; 20]);
    let mut rng = Rng::new(0x3a5);
    let files = [TRIPLE_DES, AES_256].map(|suite| seal::master_key_file(&[5; 20], &[6; 64], suite, 3));
    let right = MasterKey::from_secret(Guid::parse(GUID).unwrap(), &Secret::new(vec![6; 64]));
    let mut rounds = Rounds::up_to(5_000_000);
    for round in 0..20_000 {
        let mutant = mutate(&files[round % 2], &mut rng);
        if let Ok(key) = master_key::open(&mutant, &secret, &mut rounds) {
            assert_eq!(key.hash(), right.hash());
        }
        assert!(rounds.spent <= rounds.limit);
    }
}

#[test]
fn mutated_lsa_values_open_to_something_bounded_or_not_at_all() {
    let boot_key = windows_10();
    let list = seal::key_list(boot_key.expose(), &[(LSA_GUIDS[0], [1; 32])]);
    let secret = seal::record(LSA_GUIDS[0], &[1; 32], &hex(v::DPAPI_SYSTEM));
    let keys = LsaKeys::from_key_list(&list, &boot_key).unwrap();
    let old = LsaKeys::from_policy_key(&hex(v::XP_POLICY_KEY), &windows_xp()).unwrap();
    let mut rng = Rng::new(0x15a);
    for _ in 0..3_000 {
        let mutant = mutate(&list, &mut rng);
        if let Ok(keys) = LsaKeys::from_key_list(&mutant, &boot_key) {
            assert!(keys.ids().len() <= mutant.len() / 24);
        }
        let mutant = mutate(&secret, &mut rng);
        if let Ok(clear) = keys.open_secret(&mutant) {
            assert!(clear.expose().len() <= mutant.len());
        }
        let mutant = mutate(&hex(v::XP_SECRET), &mut rng);
        if let Ok(clear) = old.open_secret(&mutant) {
            assert!(clear.expose().len() <= mutant.len());
        }
        let _ = LsaKeys::from_policy_key(&mutate(&hex(v::XP_POLICY_KEY), &mut rng), &windows_xp());
    }
}
