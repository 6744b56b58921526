//! Two configurations, split at a zero byte, and what is different between them.
#![no_main]

use iiskeys_core::artifact::config::{ApplicationHost, ConfigDigest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    let (old, new) = data.split_at(at);
    let read = |bytes: &[u8]| ApplicationHost::parse(bytes).map(|config| ConfigDigest::of(&config));
    if let Ok(old) = read(old) {
        assert!(old.changes(&old).is_empty());
        if let Ok(new) = read(new.get(1..).unwrap_or_default()) {
            assert_eq!(old.changes(&new).is_empty(), new.changes(&old).is_empty());
        }
    }
});
