//! A listing of access control: no more rows and entries than the input has bytes.
#![no_main]

use iiskeys_evidence::acl::listing::{is_acl_listing, parse, survey};
use iiskeys_evidence::listing::HEAD_BYTES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    is_acl_listing(data.get(..HEAD_BYTES).unwrap_or(data), "acl.txt");
    let Ok(Some(found)) = survey(&mut &*data, "acl.txt") else { return };
    let mut entries = 0_usize;
    let _ = parse(&mut &*data, &found, &mut |row| entries += 1 + row.descriptor.aces().len());
    assert!(entries <= data.len());
});
