//! What the forge locks from the formulas, the proofs open, and nothing else opens it.

use iiskeys_core::artifact::config::WrappedKey;
use iiskeys_core::artifact::container::Guid;
use iiskeys_core::artifact::metabase::MetabaseKey;
use iiskeys_core::proof::master_key::{MasterKeyFailure, Rounds};
use iiskeys_core::proof::rsa::PrivateKey;
use iiskeys_core::proof::session::{Padding, SessionKey, ValueVerdict};
use iiskeys_core::proof::{Secret, blob, master_key, metabase};
use iiskeys_fixtures::config::{SessionKey as ForgedSession, enc_value};
use iiskeys_fixtures::container::Cipher;
use iiskeys_fixtures::crypto::{Digest, RsaKey, SessionAlg};
use iiskeys_fixtures::dpapi::{MasterKey, MasterKeyForm, Protector, Signature};
use iiskeys_fixtures::metabase::key_blob;
use proptest::prelude::*;

fn cipher() -> impl Strategy<Value = Cipher> {
    prop_oneof![Just(Cipher::TripleDesSha1), Just(Cipher::Aes256Sha512)]
}

fn opened(forged: &MasterKey) -> master_key::MasterKey {
    let guid = Guid::parse(&forged.guid).expect("a GUID");
    master_key::MasterKey::from_secret(guid, &Secret::new(forged.bytes.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn master_keys_open_with_their_secret_only(
        seed in "[a-z]{1,12}", rounds in 1_u32..60, cipher in cipher(), secret in any::<[u8; 20]>(), bit in 0_usize..160,
    ) {
        let forged = MasterKey::named(&seed);
        let file = forged.file(MasterKeyForm { cipher, rounds }, &secret);
        let open = |secret: [u8; 20]| {
            master_key::open(&file, &Secret::new(secret.to_vec()), &mut Rounds::up_to(10_000))
        };
        prop_assert_eq!(open(secret), Ok(opened(&forged)));
        let mut other = secret;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(open(other), Err(MasterKeyFailure::WrongSecret));
    }

    #[test]
    fn blobs_open_with_their_master_key_and_entropy_only(
        seed in "[a-z]{1,12}", cipher in cipher(), plain in prop::collection::vec(any::<u8>(), 1..900),
        entropy in prop::collection::vec(any::<u8>(), 0..20), older in any::<bool>(), description in "[a-z ]{0,9}",
    ) {
        let key = MasterKey::named(&seed);
        // The older form of the signature came with SHA-1.
        let signature = if older && cipher == Cipher::TripleDesSha1 { Signature::Type1 } else { Signature::Type2 };
        let protector = Protector { signature, ..Protector::new(&key, cipher) };
        let bytes = protector.blob(&description, &plain, &entropy, &seed);
        prop_assert_eq!(blob::open(&bytes, &opened(&key), &entropy), Ok(Secret::new(plain)));
        let other = opened(&MasterKey::named(&format!("not {seed}")));
        prop_assert!(blob::open(&bytes, &other, &entropy).is_err());
        let longer = [entropy.as_slice(), &[1]].concat();
        prop_assert!(blob::open(&bytes, &opened(&key), &longer).is_err());
    }

    #[test]
    fn values_open_with_the_session_key_that_the_container_unwraps(
        seed in "[a-z]{1,12}", text in "\\PC{1,40}", oaep in any::<bool>(), long in any::<bool>(),
    ) {
        let (rsa, alg) = (RsaKey::numbered(3, 1024), if long { SessionAlg::Aes256 } else { SessionAlg::Aes128 });
        let forged = ForgedSession::named(&seed, alg);
        let wrapped = WrappedKey::parse(&rsa.simple_blob(alg, &forged.bytes, oaep, &seed)).expect("a blob");
        prop_assert_eq!(wrapped.modulus_bits(), 1024);
        let key = PrivateKey::from_capi(&rsa.capi_private()).expect("a key");
        let padding = if oaep { Padding::Oaep } else { Padding::Pkcs1 };
        let session = SessionKey::unwrap(&wrapped, &key, padding).expect("the session key");
        let value = enc_value(&forged, &text, &seed);
        prop_assert_eq!(session.decrypts(&value), ValueVerdict::Opens { confirmed: true });
        let other = PrivateKey::from_bcrypt(&RsaKey::numbered(4, 1024).bcrypt_private()).expect("a key");
        prop_assert!(SessionKey::unwrap(&wrapped, &other, padding).is_err());
    }

    #[test]
    fn session_keys_of_metabases_know_their_container(seed in "[a-z]{1,12}", sha1 in any::<bool>()) {
        let (exchange, signature) = (RsaKey::numbered(5, 1024), RsaKey::numbered(6, 512));
        let session = ForgedSession::named(&seed, SessionAlg::Rc4);
        let digest = if sha1 { Digest::Sha1 } else { Digest::Md5 };
        let key = MetabaseKey::parse(&key_blob(&session, &exchange, &signature, digest, &seed)).expect("a key");
        let public = |rsa: &RsaKey| PrivateKey::from_capi(&rsa.capi_private()).expect("a key").public().clone();
        prop_assert!(metabase::verify(&key, &public(&signature)).is_made_by_key());
        prop_assert!(!metabase::verify(&key, &public(&RsaKey::numbered(7, 512))).is_made_by_key());
        let private = PrivateKey::from_capi(&exchange.capi_private()).expect("a key");
        prop_assert!(metabase::unwrap(&key, &private).is_ok());
    }
}
