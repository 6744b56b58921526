//! The blob of a certificate in the registry, what ties it to its key, and the certificate in it.
#![no_main]

use iiskeys_core::artifact::certificate::{CertificateBody, StoreBlob};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let blob = StoreBlob::parse(data);
    assert!(blob.properties.iter().map(|property| property.value.len()).sum::<usize>() <= data.len());
    if let Some(Err(error)) = blob.link() {
        assert!(!error.to_string().is_empty());
    }
    let _ = (blob.friendly_name(), blob.sha1());
    // The input itself is tried as a certificate too: a fuzzer finds the way into DER sooner without the blob.
    for der in blob.der().into_iter().chain([data]) {
        match CertificateBody::parse(der) {
            Ok(body) => assert!(body.subject.len() <= 1100 && body.issuer.len() <= 1100),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
