//! QCOW2 images; the input is the number of bytes of the image, the image, and the file that it finds under every name.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| iiskeys_fuzz::with_sibling(data));
