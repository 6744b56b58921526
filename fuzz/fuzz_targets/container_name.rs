//! A file name in a key folder, and a container's name.
#![no_main]

use iiskeys_core::artifact::container::{Family, FileName, Guid, KeyName, NamePattern, Prefix};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for name in [KeyName::capi(data), KeyName::cng(data)] {
        let _ = (name.text(), name.prefix(), name.pattern());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for family in [Family::Capi, Family::Cng] {
        let _ = Prefix::of(family, text);
    }
    let _ = NamePattern::of(text);
    let _ = Guid::salvage(text);
    if let Some(name) = FileName::parse(text) {
        assert!(text.starts_with(name.leading) && text.ends_with(name.trailing));
        assert!(name.guid.is_none_or(|guid| guid.as_str() == name.suffix));
    }
});
