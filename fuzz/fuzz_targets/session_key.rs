//! Session keys of providers and payloads of encrypted values.
#![no_main]

use iiskeys_core::artifact::config::{CngPayload, RsaPayload, WrappedKey, payload_of_aes};
use iiskeys_core::artifact::metabase::MetabaseKey;
use iiskeys_core::proof::rsa::PrivateKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = WrappedKey::parse(data) {
        assert!((384..=16_384).contains(&key.modulus_bits()));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = WrappedKey::from_base64(text);
    }
    if let Ok(value) = RsaPayload::parse(data) {
        assert!(value.ciphertext.len() < data.len());
    }
    if let Ok(key) = MetabaseKey::parse(data) {
        assert!(key.signed.len() + key.signature.len() < data.len());
    }
    let _ = (CngPayload::parse(data), payload_of_aes(data));
    // Larger keys only make the target slow.
    if data.len() < 700 {
        let _ = (PrivateKey::from_capi(data).is_ok(), PrivateKey::from_bcrypt(data).is_ok());
    }
});
