//! A DPAPI blob: what it claims lies inside the input, and a fixed key opens it to no more than is in it.
#![no_main]

use iiskeys_core::artifact::container::Guid;
use iiskeys_core::artifact::dpapi_blob::{DpapiBlob, DpapiBlobHeader};
use iiskeys_core::proof::Secret;
use iiskeys_core::proof::blob;
use iiskeys_core::proof::master_key::MasterKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(parts) = DpapiBlob::parse_prefix(data) {
        let header = &parts.header;
        assert!(header.total_len <= data.len());
        let _ = header.algorithms();
        assert_eq!(DpapiBlobHeader::parse(&data[..header.total_len]).as_ref(), Ok(header));
        assert!(parts.signed.end <= parts.sign.start && parts.sign.end == header.total_len);
    }
    let key = MasterKey::from_secret(Guid::from_fields([7; 16]), &Secret::new(vec![7; 64]));
    for entropy in [&b""[..], b"Hj1diQ6kpUx7VC4m\0"] {
        assert!(blob::open(data, &key, entropy).is_err(), "a signature was forged");
    }
});
