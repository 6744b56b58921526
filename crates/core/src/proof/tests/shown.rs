//! Nothing that holds a secret shows it when it is formatted for debugging.

use std::fmt::Debug;

use super::*;
use crate::artifact::config::WrappedKey;
use crate::proof::container::{OpenedPair, PairProof};
use crate::proof::rsa::PrivateKey;
use crate::proof::session::{Padding, SessionKey};
use crate::proof::test_keys::{P1024, numbers, simple_blob};

/// How a byte can stand in a text: as a number of two bases, in a row or in a list.
fn writings(secret: &[u8]) -> Vec<String> {
    let join = |by: &str, with: fn(&u8) -> String| secret.iter().map(with).collect::<Vec<_>>().join(by);
    vec![
        join("", |byte| format!("{byte:02x}")),
        join(", ", |byte| format!("{byte}")),
        join(", ", |byte| format!("{byte:02x}")),
        data_encoding::BASE64.encode(secret),
        format!("{:?}", String::from_utf8_lossy(secret)),
    ]
}

fn hidden(shown: &dyn Debug, secrets: &[&[u8]]) {
    let flat = format!("{shown:?}");
    let pretty = format!("{shown:#?}");
    let pretty: String = pretty.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [flat.to_lowercase(), pretty.to_lowercase()] {
        for secret in secrets {
            assert!(secret.len() >= 8, "too short to be looked for");
            for piece in secret.windows(8) {
                for writing in &writings(piece)[..3] {
                    assert!(!text.contains(writing), "{text}");
                }
            }
        }
    }
    for writing in secrets.iter().flat_map(|secret| writings(secret)) {
        assert!(!flat.contains(&writing), "{flat}");
    }
}

#[test]
#[should_panic(expected = "[1, 2, 3, 4, 5, 6, 7, 8]")]
fn what_is_shown_is_found() {
    hidden(&vec![1_u8, 2, 3, 4, 5, 6, 7, 8], &[&[1, 2, 3, 4, 5, 6, 7, 8]]);
}

#[test]
fn keys_of_the_chain_show_nothing() {
    let (boot, lsa, system) = (hex(v::WIN10_BOOT_KEY), hex(v::WIN10_LSA_KEY), hex(v::WIN10_DPAPI_SYSTEM));
    let secrets: [&[u8]; 3] = [&boot, &lsa, &system[4..]];
    let keys = LsaKeys::from_key_list(&hex(v::WIN10_KEY_LIST), &windows_10()).unwrap();
    hidden(&windows_10(), &secrets);
    hidden(&keys, &secrets);
    hidden(&keys.open_secret(&hex(v::WIN10_SECRET)), &secrets);
    hidden(&keys.open_dpapi_system(&hex(v::WIN10_SECRET)), &secrets);
    hidden(&LsaKeys::from_key_list(&hex(v::WIN10_KEY_LIST), &windows_xp()).err(), &secrets);
    hidden(&LsaKeys::from_policy_key(&hex(v::XP_POLICY_KEY), &windows_xp()), &[&hex(v::XP_LSA_KEY)]);
    let both = system_secrets();
    hidden(&both, &[&hex(v::DPAPI_SYSTEM)[4..], &system[4..]]);
    let opened = both.open(&hex(v::MASTER_KEY_FILE), &mut budget()).unwrap();
    let hash = opened.0.hash().to_vec();
    hidden(&opened, &[&hex(v::MASTER_KEY), &hash]);
    let clear = blob::open(&hex(v::CREDENTIAL_BLOB), &master_key(v::ADMIN_MASTER_KEY), b"");
    let bytes = clear.as_ref().unwrap().expose().to_vec();
    hidden(&clear, &[&bytes]);
}

#[test]
fn opened_pairs_and_rsa_keys_show_nothing() {
    let numbers = numbers(P1024);
    let block = numbers.capi();
    let secrets: [&[u8]; 3] = [&numbers.p, &numbers.q, &numbers.d];
    let pair = OpenedPair {
        purpose: crate::artifact::container::Spec::Exchange,
        secret: Secret::new(block.clone()),
        exportable: Some(true),
        flag_as_entropy: false,
    };
    hidden(&pair, &secrets);
    hidden(&pair, &[&block]);
    let proof = PairProof {
        purpose: pair.purpose,
        master_key: None,
        flag_master_key: None,
        outcome: Ok(pair),
        flag_failure: None,
    };
    hidden(&proof, &[&block]);
    let key = PrivateKey::from_capi(&block).unwrap();
    hidden(&key, &secrets);
    hidden(&key.public(), &secrets);
    // A key whose numbers do not fit together names the number and does not show it.
    let mut broken = block.clone();
    let last = broken.len() - 40;
    broken[last] ^= 1;
    hidden(&PrivateKey::from_capi(&broken).err(), &[&broken]);
    broken[..4].copy_from_slice(&numbers.p[..4]);
    let error = PrivateKey::from_capi(&broken).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&format!("{:02x?}", &numbers.p[..4])), "{error}");
}

#[test]
fn session_keys_show_nothing() {
    let bytes: [u8; 16] = *b"sixteen secrets!";
    let numbers = numbers(P1024);
    let wrapped = WrappedKey::parse(&simple_blob(0x660e, &bytes, &numbers.n)).unwrap();
    let session = SessionKey::unwrap(&wrapped, &numbers.key(), Padding::Pkcs1).unwrap();
    assert_eq!(session.key().expose(), bytes);
    hidden(&session, &[&bytes]);
    hidden(&wrapped, &[&bytes]);
}
