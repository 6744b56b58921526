//! A CAPI container file: the full reading and the glance at its first bytes agree.
#![no_main]

use iiskeys_core::artifact::container::{Container, Glance, State, capi};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = capi::parse(data);
    let whole = Container::parse(data);
    let glance = Glance::at(data, data.len() as u64);
    assert_eq!(whole.is_damaged(), !whole.damage.is_empty());
    assert!(glance.state != State::Damaged || whole.is_damaged(), "a glance condemned what is whole");
});
