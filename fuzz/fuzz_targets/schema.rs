//! `IIS_schema.xml`.
#![no_main]

use iiskeys_core::artifact::config::Schema;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match Schema::parse(data) {
    Ok(schema) => drop(schema.providers()),
    Err(error) => assert!(!error.to_string().is_empty()),
});
