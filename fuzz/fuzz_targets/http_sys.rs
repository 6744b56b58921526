//! Names of endpoints: a name that was understood is understood again in the form that it was given.
#![no_main]

use iiskeys_core::artifact::http_sys::Endpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(name) = std::str::from_utf8(data) else { return };
    let _ = (Endpoint::of_central(name), Endpoint::of_site(name, data.len() as u32 & 3));
    if let found @ Endpoint::Address { .. } = Endpoint::of_address(name) {
        let Endpoint::Address { address, port } = &found else { return };
        let again =
            if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
        assert_eq!(Endpoint::of_address(&again), found);
    }
    if let Endpoint::Host { host, .. } = Endpoint::of_host(name) {
        assert!(!host.is_empty() && !host.contains(':'));
    }
});
