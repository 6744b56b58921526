//! `applicationHost.config`.
#![no_main]

use iiskeys_core::artifact::config::ApplicationHost;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match ApplicationHost::parse(data) {
    Ok(config) => {
        for provider in config.uses.keys() {
            let _ = (config.provider(provider), config.dependents(provider));
        }
        let _ = config.values_left_out();
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
