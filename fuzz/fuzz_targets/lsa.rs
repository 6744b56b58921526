//! A value of the LSA, opened with published keys: what opens is in proportion to the input.
#![no_main]

use iiskeys_core::artifact::boot_key::ClassNames;
use iiskeys_core::artifact::lsa::{Revision, update_time};
use iiskeys_core::proof::BootKey;
use iiskeys_core::proof::lsa::{DpapiSystem, LsaKeys};
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "only the values of the LSA are of use here")]
#[path = "../../crates/core/src/proof/tests/vectors.rs"]
mod vectors;

fn boot_key([jd, skew1, gbg, data]: [&str; 4]) -> BootKey {
    let names = ClassNames { jd: Some(jd), skew1: Some(skew1), gbg: Some(gbg), data: Some(data) };
    BootKey::from_classes(&names).expect("four class names")
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, value)) = data.split_first() else { return };
    let _ = (Revision::parse(value), update_time(value));
    let new = boot_key(["51fe8c74", "3e14f655", "7bf5e093", "3b03ce4f"]);
    let old = boot_key(["8397b619", "9dfad6c8", "36ec555b", "0e1eaddb"]);
    let keys = match kind % 4 {
        0 => LsaKeys::from_key_list(value, &new),
        1 => LsaKeys::from_key_list(&hex(vectors::WIN10_KEY_LIST), &new),
        2 => LsaKeys::from_policy_key(value, &old),
        _ => LsaKeys::from_policy_key(&hex(vectors::XP_POLICY_KEY), &old),
    };
    let Ok(keys) = keys else { return };
    assert!(keys.ids().len() <= 172.max(value.len()) / 24);
    if let Ok(secret) = keys.open_secret(value) {
        let _ = DpapiSystem::from_secret(&secret);
    }
});
