//! The clear header of a DPAPI blob: what it claims lies inside the input.
#![no_main]

use iiskeys_core::artifact::dpapi_blob::DpapiBlobHeader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = DpapiBlobHeader::parse_prefix(data) {
        assert!(header.total_len <= data.len());
        let _ = header.algorithms();
        assert_eq!(DpapiBlobHeader::parse(&data[..header.total_len]).as_ref(), Ok(&header));
    }
});
