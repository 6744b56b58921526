use std::fs;
use std::path::PathBuf;

use iiskeys_fixtures::config::{ConfigSpec, session_key};
use iiskeys_fixtures::rng::Rng;

use super::*;

fn read(inner: &str) -> ApplicationHost {
    ApplicationHost::parse(format!("<configuration>{inner}</configuration>").as_bytes()).unwrap()
}

#[test]
fn session_keys_are_kept_wrapped_and_faults_are_precise() {
    let config = ApplicationHost::parse(&ConfigSpec::iis7(1024).bytes()).unwrap();
    let Some(Ok(key)) = &config.providers[1].wrapped_key else { panic!() };
    assert_eq!((key.algorithm(), key.modulus_bits()), (KeyAlgorithm::Aes128, 1024));
    assert_eq!(key.ciphertext().len(), 128);
    assert_eq!(format!("{key:?}"), "WrappedKey(AES-128, RSA 1024 bits)");
    assert_eq!(config.providers[0].wrapped_key, None);
    let mut blob = vec![1, 2, 0, 0, 0x10, 0x66, 0, 0, 0, 0xa4, 0, 0];
    assert_eq!(WrappedKey::parse(&blob), Err(SessionKeyError::Ciphertext { found: 0 }));
    assert!(matches!(WrappedKey::parse(&blob[..7]), Err(SessionKeyError::Truncated(_))));
    blob.extend([7; 256]);
    assert_eq!(WrappedKey::parse(&blob).unwrap().algorithm(), KeyAlgorithm::Aes256);
    blob[9] = 0x24;
    assert_eq!(WrappedKey::parse(&blob), Err(SessionKeyError::Wrapping { found: 0x2400 }));
    blob[0] = 6;
    assert_eq!(WrappedKey::parse(&blob), Err(SessionKeyError::Kind { found: [6, 2, 0, 0] }));
    assert_eq!(WrappedKey::from_base64(" "), Err(SessionKeyError::Empty));
    assert_eq!(WrappedKey::from_base64("%%"), Err(SessionKeyError::NotBase64 { chars: 2 }));
}

#[test]
fn a_redirected_server_says_where_its_configuration_is() {
    let config = read(
        "<configProtectedData><providers><add name='IISRsaProvider'/></providers></configProtectedData>\
         <configurationRedirection enabled='True' path='\\\\farm\\share' userName='u' password='[enc:IISRsaProvider:QUJD:enc]'/>",
    );
    let found = config.redirection.unwrap();
    assert!(found.enabled && found.has_user_name && !found.plain_password);
    assert_eq!(found.path.as_deref(), Some("\\\\farm\\share"));
    assert_eq!(found.password_provider.as_deref(), Some("IISRsaProvider"));
    assert_eq!((config.plain_values, config.values[0].payload.as_slice()), (0, &b"ABC"[..]));
    let found = read("<configurationRedirection password='x'/>").redirection.unwrap();
    assert!(!found.enabled && found.plain_password);
    assert_eq!(read("").redirection, None);
}

#[test]
fn the_place_of_the_history_is_read() {
    let config = read(
        "<system.applicationHost><configHistory enabled='false' path='D:\\h' maxHistories='20' period='00:02:00'/>\
         </system.applicationHost>",
    );
    let found = config.history.unwrap();
    assert_eq!(
        (found.enabled, found.path.as_deref(), found.max_histories),
        (Some(false), Some("D:\\h"), Some(20))
    );
}

#[test]
fn secrets_in_clear_text_are_counted_without_their_text() {
    let config = read(
        "<system.applicationHost><applicationPools><add name='A'><processModel password='hunter2'/></add>\
         <add name='B'><processModel password=''/></add></applicationPools></system.applicationHost>\
         <system.webServer><oneToOneMappings><add password='hunter2'/></oneToOneMappings></system.webServer>",
    );
    assert_eq!(config.plain_values, 2);
    assert_eq!(config.plain[0].section, "system.applicationHost/applicationPools");
    assert!(config.plain[0].xpath.ends_with("/add[@name='A']/processModel/@password"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn two_copies_are_told_apart_by_what_they_protect() {
    let old = ConfigSpec::iis7(1024).pool("Shop", Some("IISWASOnlyAesProvider")).site("www", "Shop");
    let mut new = old.clone().site("new", "Shop");
    new.providers[1].session_key = Some(session_key("another", 2048));
    new.sites[0].bindings.push(("https".to_owned(), "*:443:www".to_owned()));
    let digest = |spec: &ConfigSpec| ConfigDigest::of(&ApplicationHost::parse(&spec.bytes()).unwrap());
    let (first, second) = (digest(&old), digest(&new));
    assert_eq!(first.changes(&first), []);
    assert_eq!(
        first.changes(&second),
        [
            ConfigChange::SessionKeyChanged("AesProvider".to_owned()),
            ConfigChange::SiteChanged("www".to_owned()),
            ConfigChange::SiteAdded("new".to_owned()),
        ]
    );
    assert_eq!(second.changes(&first)[1], ConfigChange::SiteRemoved("new".to_owned()));
    assert!(second.sites["www"].bindings.contains("https/*:443:www"));
    assert_eq!(first.uses["IISWASOnlyAesProvider"].values, 1);
}

#[test]
fn twenty_megabytes_are_read() {
    let mut text = String::from("<configuration><system.applicationHost><sites>");
    let mut sites = 0;
    while text.len() < 20 * 1024 * 1024 {
        text += &format!(
            "<site name='site {sites}' id='{sites}'><application path='/' applicationPool='p'>\
             <virtualDirectory path='/' physicalPath='{}' /></application><bindings>\
             <binding protocol='http' bindingInformation='*:80:{sites}'/></bindings></site>\n",
            "x".repeat(900)
        );
        sites += 1;
    }
    text += "</sites></system.applicationHost></configuration>";
    let config = ApplicationHost::parse(text.as_bytes()).unwrap();
    assert_eq!(ConfigDigest::of(&config).sites.len(), sites);
}

#[test]
fn mutated_session_keys_are_read_or_refused() {
    let text = session_key("seed", 1024);
    let mut rng = Rng::new(0x5e5);
    for _ in 0..20_000 {
        let mut mutant = text.clone().into_bytes();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(mutant.len().min(24));
            mutant[at] = b"ABCwxyz019+/= \n"[rng.below(15)];
        }
        mutant.truncate(if rng.below(4) == 0 { rng.below(mutant.len()) } else { mutant.len() });
        if let Ok(key) = WrappedKey::from_base64(std::str::from_utf8(&mutant).unwrap()) {
            assert!((384..=16_384).contains(&key.modulus_bits()));
        }
        let bytes = rng.bytes(200);
        let _ = (RsaPayload::parse(&bytes), CngPayload::parse(&bytes), payload_of_aes(&bytes));
    }
}

#[test]
fn session_keys_of_a_real_server_have_the_digest_that_was_published() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/iis-reverse-proxy");
    let (Ok(data), Ok(expected)) =
        (fs::read(folder.join("applicationHost.config")), fs::read(folder.join("expected.json")))
    else {
        println!("skipped: iis-reverse-proxy is not there");
        return;
    };
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    let config = ApplicationHost::parse(&data).unwrap();
    let theirs = expected["files"]["applicationHost.config"]["providers"].as_array().unwrap();
    let mut keys = 0;
    for (ours, theirs) in config.providers.iter().zip(theirs) {
        let Some(digest) = theirs["sessionKey"]["sha256"].as_str() else {
            assert_eq!(ours.wrapped_key, None);
            continue;
        };
        let Some(Ok(key)) = &ours.wrapped_key else { panic!("{ours:?}") };
        assert_eq!(data_encoding::HEXLOWER.encode(&key.sha256()), digest);
        assert_eq!((key.modulus_bits(), key.algorithm()), (2048, KeyAlgorithm::Aes128));
        keys += 1;
    }
    assert_eq!(keys, 2);
}
