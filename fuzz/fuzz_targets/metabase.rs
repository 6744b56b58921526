//! `MetaBase.xml`, and telling kinds of metabases apart.
#![no_main]

use iiskeys_core::artifact::metabase::{Metabase, MetabaseKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = MetabaseKind::of(data);
    match Metabase::parse(data) {
        Ok(found) => assert!(found.secure_values() <= data.len() as u64 / 8),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
