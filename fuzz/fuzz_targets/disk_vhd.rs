//! VHD images: whatever opens can be read within its length.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| iiskeys_fuzz::alone(Arc::new(data.to_vec()), "disk.vhd"));
