//! A container file, opened with a fixed master key that fits nothing: no key comes out.
#![no_main]

use iiskeys_core::artifact::container::{Container, Guid};
use iiskeys_core::proof::Secret;
use iiskeys_core::proof::container;
use iiskeys_core::proof::master_key::MasterKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let key = MasterKey::from_secret(Guid::from_fields([7; 16]), &Secret::new(vec![7; 64]));
    let proofs = container::open(data, &|_| Some(&key));
    assert!(proofs.len() <= 2);
    assert!(Container::parse(data).family.is_some() || proofs.is_empty());
    for proof in proofs {
        assert!(proof.outcome.is_err(), "a signature was forged");
    }
});
