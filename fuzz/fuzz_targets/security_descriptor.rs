//! A security descriptor: no more entries than its bytes have room for, and an access check that ends.
#![no_main]

use iiskeys_evidence::acl::{AccessMask, SecurityDescriptor, Sid, grants, sddl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let token = [Sid::system(), Sid::administrators(), Sid::everyone()];
    let parsed = SecurityDescriptor::parse(data).ok();
    let text = std::str::from_utf8(data).ok().and_then(|text| sddl::parse(text).ok());
    for descriptor in parsed.into_iter().chain(text) {
        assert!(descriptor.aces().len() * 4 <= data.len());
        let _ = grants(&descriptor, &token, AccessMask::FILE_READ);
    }
});
