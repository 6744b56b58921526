//! A CNG container file: every damage that is found can be told.
#![no_main]

use iiskeys_core::artifact::container::cng;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let container = cng::parse(data);
    for damage in &container.damage {
        let _ = (damage.to_string(), damage.offset(), damage.expected(), damage.found());
    }
    let _ = container.prefix_from_name();
});
