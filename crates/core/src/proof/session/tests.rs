use aes::{Aes128, Aes256};
use des::TdesEde3;
use iiskeys_fixtures::rng::Rng;

use super::*;
use crate::artifact::config::{ApplicationHost, CngPayload};
use crate::proof::test_keys::*;

const OPENS: ValueVerdict = ValueVerdict::Opens { confirmed: true };

/// What IIS encrypts: random bytes, text, terminator, filler up to a block, padding.
fn value(text: &str, block: usize) -> Vec<u8> {
    let mut plain = vec![0xa5, 0x5a, 0xff, 0x00];
    plain.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    plain.extend([0, 0]);
    plain.resize(plain.len().next_multiple_of(block), 0x33);
    plain.resize(plain.len() + block, block as u8);
    plain
}

fn session(key: &[u8]) -> SessionKey {
    let numbers = numbers(P512);
    let id = if key.len() == 16 { 0x660e } else { 0x6610 };
    let wrapped = WrappedKey::parse(&simple_blob(id, key, &numbers.n)).unwrap();
    SessionKey::unwrap(&wrapped, &numbers.key(), Padding::Pkcs1).unwrap()
}

#[test]
fn a_session_key_opens_its_values_and_shows_nothing() {
    let key = session(&[0x42; 16]);
    assert_eq!(format!("{key:?}"), "SessionKey(AES-128)");
    for text in ["", "x", "Pa$$w0rd", "ein sehr langes Kennwort mit Umläuten und 漢字 𝄞"] {
        let payload = cipher::encrypt::<Aes128>(&[0x42; 16], &[0; 16], &value(text, 16));
        assert_eq!(key.decrypts(&payload), OPENS, "{text}");
        assert_eq!(session(&[0x43; 16]).decrypts(&payload), ValueVerdict::OtherKey);
    }
    let large = session(&[0x42; 32]);
    let payload = cipher::encrypt::<Aes256>(&[0x42; 32], &[0; 16], &value("secret", 16));
    assert_eq!((large.algorithm(), large.decrypts(&payload)), (KeyAlgorithm::Aes256, OPENS));
}

#[test]
fn what_no_provider_wrote_is_not_blamed_on_the_key() {
    let key = session(&[0x42; 16]);
    assert_eq!(key.decrypts(&[]), ValueVerdict::Empty);
    let error = PayloadError::Length { len: 17, block: 16 };
    assert_eq!(key.decrypts(&[0x99; 17]), ValueVerdict::Malformed(error));
    let placeholder = BASE64.decode(b"57686f612120546865726521212121212121212e").unwrap();
    assert_eq!(placeholder.len(), 30);
    assert_eq!(key.decrypts(&placeholder), ValueVerdict::Malformed(PayloadError::Placeholder));
}

#[test]
fn wrong_keys_and_damaged_values_are_not_taken_for_text() {
    let mut rng = Rng::new(0x5e55);
    let key = session(&[0x42; 16]);
    let payload = cipher::encrypt::<Aes128>(&[0x42; 16], &[0; 16], &value("Pa$$w0rd", 16));
    let wrong = (0..20_000).filter(|_| session_of(&rng.bytes(16)).decrypts(&payload) == OPENS).count();
    assert!(wrong <= 2, "{wrong}");
    let random = (0..20_000).filter(|_| key.decrypts(&rng.bytes(32)) == OPENS).count();
    assert!(random <= 2, "{random}");
}

fn session_of(key: &[u8]) -> SessionKey {
    SessionKey::of(KeyAlgorithm::Aes128, Secret::new(key.to_vec())).unwrap()
}

#[test]
fn a_session_key_of_another_container_says_what_is_wrong() {
    let (small, large) = (numbers(P512), numbers(P1024));
    let wrapped = WrappedKey::parse(&simple_blob(0x660e, &[1; 16], &large.n)).unwrap();
    assert_eq!(wrapped.modulus_bits(), 1024);
    let unwrap = |wrapped: &WrappedKey, key: &PrivateKey| SessionKey::unwrap(wrapped, key, Padding::Pkcs1);
    assert_eq!(unwrap(&wrapped, &small.key()), Err(UnwrapError::Size { needed: 1024, found: 512 }));
    let other = PrivateKey::from_capi(&hex(WINE_PRIVATE)).unwrap();
    assert!(matches!(unwrap(&wrapped, &other), Err(UnwrapError::OtherKey(_))));
    let oaep = SessionKey::unwrap(&wrapped, &large.key(), Padding::Oaep);
    assert_eq!(oaep, Err(UnwrapError::OtherKey(RsaError::Padding)));
    let short = WrappedKey::parse(&simple_blob(0x660e, &[1; 15], &large.n)).unwrap();
    let error = UnwrapError::KeyLength { algorithm: KeyAlgorithm::Aes128, found: 15 };
    assert_eq!(unwrap(&short, &large.key()), Err(error));
    let des = WrappedKey::parse(&simple_blob(0x6601, &[1; 8], &large.n)).unwrap();
    let error = unwrap(&des, &large.key()).unwrap_err();
    assert_eq!(error.to_string(), "the session key is for DES, which no provider uses");
    assert_eq!(Padding::of_provider(Some(true)), Padding::Oaep);
}

#[test]
fn wines_session_key_unwraps() {
    let key = PrivateKey::from_capi(&hex(WINE_PRIVATE)).unwrap();
    let wrapped = WrappedKey::parse(&hex(WINE_SESSION)).unwrap();
    let session = SessionKey::unwrap(&wrapped, &key, Padding::Pkcs1).unwrap();
    assert_eq!((session.algorithm(), session.key().expose().len()), (KeyAlgorithm::Rc4, 7));
}

#[test]
fn values_of_the_rsa_provider_open_without_a_claim_about_their_form() {
    let numbers = numbers(P1024);
    let key = numbers.key();
    let des: Vec<u8> = (1..=24).collect();
    let blob = simple_blob(0x6603, &des, &numbers.n);
    assert_eq!(blob.len(), 0x8c);
    let forged = |plain: &[u8]| {
        let ciphertext = cipher::encrypt::<TdesEde3>(&des, &[0; 8], plain);
        [&0x8c_u32.to_le_bytes()[..], &blob, &ciphertext].concat()
    };
    let payload = forged(&value("secret", 8));
    let verdict = |payload: &[u8]| rsa_value(payload, &key, Padding::Pkcs1);
    assert_eq!(verdict(&payload), ValueVerdict::Opens { confirmed: false });
    assert_eq!(verdict(&forged(&[0x81; 32])), ValueVerdict::KeyOpens);
    assert_eq!(rsa_value(&payload, &numbers_512_key(), Padding::Pkcs1), ValueVerdict::OtherKey);
    assert_eq!(verdict(&[]), ValueVerdict::Empty);
    assert!(matches!(verdict(&payload[..100]), ValueVerdict::Malformed(PayloadError::Truncated(_))));
    assert!(matches!(verdict(&payload[4..]), ValueVerdict::Malformed(_)));
}

fn numbers_512_key() -> PrivateKey {
    numbers(P512).key()
}

#[test]
fn values_of_cng_are_told_apart_by_their_group() {
    let mut payload = vec![1; 16];
    payload.extend([2; 32]);
    payload.extend([3; 32]);
    assert_eq!(CngPayload::parse(&payload).unwrap().group(), &[2; 32]);
    assert!(CngPayload::parse(&payload[..79]).is_err());
    assert!(CngPayload::parse(&payload[..48]).is_err());
}

#[test]
fn passwords_of_the_certificate_store_open() {
    let numbers = numbers(P512);
    let text: Vec<u8> = "share".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut value = encrypt(&text, &numbers.n);
    value.reverse();
    let (key, opens) = (numbers.key(), ValueVerdict::Opens { confirmed: false });
    assert_eq!(central_store_value(&value, &key), opens);
    assert_eq!(central_store_value(BASE64.encode(&value).as_bytes(), &key), opens);
    value[3] ^= 1;
    assert_eq!(central_store_value(&value, &key), ValueVerdict::OtherKey);
    assert_eq!(central_store_value(b"", &key), ValueVerdict::Empty);
}

fn web_config(method: &str, wrapped: &[u8], content: &[u8]) -> String {
    let uri = "http://www.w3.org/2001/04/xmlenc#";
    format!(
        "<configuration><connectionStrings configProtectionProvider='RsaProtectedConfigurationProvider'>\
         <EncryptedData Type='{uri}Element' xmlns='{uri}'><EncryptionMethod Algorithm='{uri}tripledes-cbc'/>\
         <KeyInfo xmlns='http://www.w3.org/2000/09/xmldsig#'><EncryptedKey xmlns='{uri}'>\
         <EncryptionMethod Algorithm='{uri}{method}'/><KeyInfo xmlns='http://www.w3.org/2000/09/xmldsig#'>\
         <KeyName>Rsa Key</KeyName></KeyInfo><CipherData><CipherValue>{}</CipherValue></CipherData></EncryptedKey>\
         </KeyInfo><CipherData><CipherValue>{}</CipherValue></CipherData></EncryptedData></connectionStrings>\
         </configuration>",
        BASE64.encode(wrapped),
        BASE64.encode(content)
    )
}

#[test]
fn sections_of_asp_net_open_with_either_padding() {
    let numbers = numbers(P1024);
    let key = numbers.key();
    let des: Vec<u8> = (11..35).collect();
    let mut plain = b"<connectionStrings><add name='x'/></connectionStrings>".to_vec();
    plain.resize(56, 2);
    let content = [vec![9; 8], cipher::encrypt::<TdesEde3>(&des, &[9; 8], &plain)].concat();
    let oaep = super::super::rsa::tests_oaep(&des, 128);
    let wrappings =
        [("rsa-1_5", encrypt(&des, &numbers.n)), ("rsa-oaep-mgf1p", power(&oaep, &[1, 0, 1], &numbers.n))];
    for (method, wrapped) in wrappings {
        let config = ApplicationHost::parse(web_config(method, &wrapped, &content).as_bytes()).unwrap();
        let [found] = &config.encrypted_sections[..] else { panic!("{config:?}") };
        assert_eq!(
            (found.section.as_str(), found.key_name.as_deref()),
            ("connectionStrings", Some("Rsa Key"))
        );
        assert_eq!(found.provider.as_deref(), Some("RsaProtectedConfigurationProvider"));
        assert_eq!(found.xpath, "/configuration/connectionStrings");
        assert_eq!(section(found, &key), OPENS);
        assert_eq!(section(found, &numbers_512_key()), ValueVerdict::OtherKey);
        let garbage = web_config(method, &wrapped, &[5; 64]);
        let config = ApplicationHost::parse(garbage.as_bytes()).unwrap();
        assert_eq!(section(&config.encrypted_sections[0], &key), ValueVerdict::KeyOpens);
    }
    let config = ApplicationHost::parse(web_config("other", b"x", b"y").as_bytes()).unwrap();
    assert_eq!(section(&config.encrypted_sections[0], &key), ValueVerdict::Unknown);
}
