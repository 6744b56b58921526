//! A directory listing: no more entries than the input has bytes.
#![no_main]

use iiskeys_evidence::listing::{HEAD_BYTES, is_listing, parse, survey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    is_listing(data.get(..HEAD_BYTES).unwrap_or(data), "files.txt");
    let Ok(Some(found)) = survey(&mut &*data, "files.txt") else { return };
    let mut entries = 0_usize;
    let _ = parse(&mut &*data, &found, &mut |_: &_| entries += 1);
    assert!(entries <= data.len());
});
