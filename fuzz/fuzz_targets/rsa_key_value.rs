//! `<RSAKeyValue>` files.
#![no_main]

use iiskeys_core::artifact::rsa_key_value::RsaKeyValue;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match RsaKeyValue::parse(data) {
    Ok(found) => assert!(found.modulus.len() <= data.len() && (found.has_private || !found.is_complete_pair)),
    Err(error) => assert!(!error.to_string().is_empty()),
});
