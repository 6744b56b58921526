use super::*;
use crate::proof::test_keys::*;

/// A session key property as IIS 6 writes it.
fn property(exchange: &Numbers, signer: &Numbers, content: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let blob = simple_blob(0x6801, &[7; 5], &exchange.n);
    let mut signature = sign(&content(&blob), signer);
    signature.reverse();
    let filler = vec![0xcc; blob.len().next_multiple_of(8) - blob.len()];
    let rest = 8 + blob.len() + filler.len() + signature.len();
    let lengths: Vec<u8> =
        [rest, blob.len(), signature.len()].iter().flat_map(|n| (*n as u32).to_le_bytes()).collect();
    [b"IcKb", &lengths[..], &blob, &filler, &signature].concat()
}

#[test]
fn the_session_key_verifies_and_unwraps_with_its_container() {
    let (exchange, signer) = (numbers(P512), numbers(P1024));
    let bytes = property(&exchange, &exchange, |blob| Hash::Md5.digest(blob));
    assert_eq!(bytes.len(), 160, "as the one public sample");
    let key = MetabaseKey::parse(&bytes).unwrap();
    let verdict = verify(&key, exchange.key().public());
    let verified =
        SignatureVerdict::Verified { hash: Hash::Md5, form: SignatureForm::Bare, over: Signed::Key };
    assert_eq!((verdict, verdict.ground()), (verified, Ground::Computed));
    assert!(unwrap(&key, &exchange.key()).is_ok());
    assert!(matches!(unwrap(&key, &signer.key()), Err(UnwrapError::Size { needed: 512, found: 1024 })));
    let verdict = verify(&key, signer.key().public());
    assert_eq!(verdict, SignatureVerdict::OtherSize { needed: 512, found: 1024 });
}

#[test]
fn a_signature_over_something_unknown_still_names_its_key() {
    let (exchange, signer) = (numbers(P512), numbers(P1024));
    let key = MetabaseKey::parse(&property(&exchange, &signer, |_| vec![9; 16])).unwrap();
    let verdict = verify(&key, signer.key().public());
    assert_eq!(verdict, SignatureVerdict::MadeByThisKey { content: 16 });
    assert!(verdict.is_made_by_key());
    let other = PrivateKey::from_capi(&hex(WINE_PRIVATE)).unwrap();
    let verdict = verify(&key, other.public());
    assert_eq!((verdict, verdict.ground()), (SignatureVerdict::OtherKey, Ground::Assumed));
}
