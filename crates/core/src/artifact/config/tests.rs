use std::fs;
use std::path::PathBuf;

use iiskeys_fixtures::config::{ConfigSpec, Encoding, ProviderSpec, encrypted, schema};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

fn parsed(spec: &ConfigSpec) -> ApplicationHost {
    ApplicationHost::parse(&spec.bytes()).unwrap()
}

#[test]
fn providers_are_read_with_their_session_keys() {
    let config = parsed(&ConfigSpec::iis10());
    let rows: Vec<_> = config
        .providers
        .iter()
        .map(|p| (p.name.as_str(), p.kind, p.key_container_name.as_deref().unwrap(), p.session_key))
        .collect();
    let key = |rsa_bits: u32| {
        let len = 12 + rsa_bits as usize / 8;
        Some(SessionKey::Wrapped(SessionKeyHeader { len, algorithm: 0x660e, wrapping: 0xa400, rsa_bits }))
    };
    assert_eq!(
        rows,
        [
            ("IISWASOnlyRsaProvider", ProviderKind::Rsa, "iisWasKey", None),
            ("IISCngProvider", ProviderKind::Cng, "iisCngConfigurationKey", None),
            ("IISWASOnlyCngProvider", ProviderKind::Cng, "iisCngWasKey", None),
            ("AesProvider", ProviderKind::Aes, "iisConfigurationKey", key(2048)),
            ("IISWASOnlyAesProvider", ProviderKind::Aes, "iisWasKey", key(2048)),
        ]
    );
    assert!(config.is_application_host() && config.has_protected_data);
    assert_eq!(
        config.providers[0].xpath,
        "/configuration/configProtectedData/providers/add[@name='IISWASOnlyRsaProvider']"
    );
    let SessionKey::Wrapped(header) = parsed(&ConfigSpec::iis7(1024)).providers[1].session_key.unwrap()
    else {
        panic!()
    };
    assert_eq!((header.len, header.rsa_bits), (140, 1024));
}

#[test]
fn session_keys_that_are_none_are_told_apart() {
    let mut spec = ConfigSpec::iis7(1024);
    let broken = [
        ("", SessionKey::Empty),
        ("%%%", SessionKey::NotBase64 { chars: 3 }),
        ("QUJD", SessionKey::NotABlob { len: 3 }),
    ];
    for (text, expected) in broken {
        spec.providers[1].session_key = Some(text.to_owned());
        assert_eq!(parsed(&spec).providers[1].session_key, Some(expected));
    }
}

#[test]
fn values_say_where_they_stand_and_who_needs_them() {
    let spec = ConfigSpec::iis7(2048)
        .pool("Shop", Some("IISWASOnlyAesProvider"))
        .site("www", "Shop")
        .site("intranet", "DefaultAppPool")
        .anonymous_password("AesProvider", 0);
    let config = parsed(&spec);
    let [pool, anonymous] = &config.values[..] else { panic!("{:?}", config.values) };
    assert_eq!(pool.payload_len, Some(32));
    assert_eq!(pool.section, "system.applicationHost/applicationPools");
    assert_eq!(pool.owner, Owner::Pool("Shop".to_owned()));
    assert_eq!(
        pool.xpath,
        "/configuration/system.applicationHost/applicationPools/add[@name='Shop']/processModel/@password"
    );
    let text = spec.text();
    let line = text.lines().nth(pool.line - 1).unwrap();
    assert!(line[pool.column - 1..].starts_with("password=\"[enc:IISWASOnlyAesProvider:"));
    assert_eq!((anonymous.payload_len, anonymous.owner.clone()), (Some(0), Owner::Server));
    assert_eq!(anonymous.section, "system.webServer/security/authentication/anonymousAuthentication");
    assert_eq!(config.uses["AesProvider"], ProviderUse { values: 0, empty: 1 });
    let dependents = config.dependents("IISWASOnlyAesProvider");
    assert!(dependents.pools.iter().eq(["Shop"]) && dependents.sites.iter().eq(["www"]));
    assert_eq!(config.dependents("AesProvider"), Dependents::default());
    assert_eq!(config.app_pools[1].identity_type.as_deref(), Some("SpecificUser"));
}

#[test]
fn hostile_names_stay_inside_their_quotes() {
    for (name, predicate) in [
        ("it's", "add[@name=\"it's\"]"),
        ("say \"x\"", "add[@name='say \"x\"']"),
        ("'\"", "add[@name=concat('', \"'\", '\"')]"),
        ("two\nlines", "add[2]"),
        ("\u{202e}gnp", "add[2]"),
    ] {
        let config = parsed(&ConfigSpec::iis7(1024).pool(name, Some("IISWASOnlyAesProvider")));
        assert_eq!(config.app_pools[1].name, name);
        let xpath = &config.values[0].xpath;
        assert!(xpath.contains(&format!("/applicationPools/{predicate}/")), "{xpath}");
    }
}

#[test]
fn every_encoding_reads_the_same() {
    let text = ConfigSpec::iis10().pool("Ärger 漢", Some("IISWASOnlyCngProvider")).text();
    let first = ApplicationHost::parse(text.as_bytes()).unwrap();
    for encoding in Encoding::ALL {
        assert_eq!(ApplicationHost::parse(&encoding.encode(&text)).unwrap(), first);
    }
    let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><configuration><x a='\xe4[enc:P::enc]'/></configuration>";
    assert_eq!(ApplicationHost::parse(latin).unwrap().values.len(), 1);
}

#[test]
fn files_that_are_no_configuration_say_why() {
    let whole = ConfigSpec::iis7(1024).bytes();
    let half = whole.len() / 2;
    let mut zeroed = whole.clone();
    zeroed[half..].fill(0);
    let from = zeroed.iter().rposition(|&b| b != 0).unwrap() + 1;
    assert_eq!(ApplicationHost::parse(b""), Err(ConfigError::Empty));
    assert_eq!(ApplicationHost::parse(b" \r\n"), Err(ConfigError::Empty));
    assert_eq!(ApplicationHost::parse(&[0; 5]), Err(ConfigError::ZeroFilled { from: 0, size: 5 }));
    assert_eq!(ApplicationHost::parse(&zeroed), Err(ConfigError::ZeroFilled { from, size: whole.len() }));
    assert_eq!(ApplicationHost::parse(b"<a/>"), Err(ConfigError::Root { expected: "configuration" }));
    assert_eq!(
        ApplicationHost::parse(b"<configuration a='\xff'/>"),
        Err(ConfigError::Encoding { offset: 18, encoding: "UTF-8" })
    );
    assert_eq!(
        ApplicationHost::parse(b"<!DOCTYPE configuration [<!ENTITY a 'b'>]>\n<configuration/>"),
        Err(ConfigError::DocumentType { line: 1 })
    );
    let broken = ApplicationHost::parse(b"<configuration>\r\n  <sites></site>\r\n</configuration>");
    let Err(ConfigError::NotWellFormed { line: 2, column, offset, reason }) = broken else {
        panic!("{broken:?}")
    };
    assert_eq!((column, offset), (10, 26));
    assert_eq!(reason, "an end tag does not match the element that is open");
    assert_eq!(
        ApplicationHost::parse(&vec![b' '; SIZE_LIMIT + 1]),
        Err(ConfigError::TooLarge { size: SIZE_LIMIT + 1 })
    );
}

#[test]
fn what_is_not_well_formed_is_never_quoted() {
    for broken in [
        "<a p='&hunter2;'/>",
        "<hunter2></a>",
        "<a></hunter2>",
        "<hunter2:a/>",
        "<a hunter2='1' hunter2='2'/>",
        "<a xmlns:hunter2='b' xmlns:hunter2='c'/>",
        "<a p='x'hunter2'/>",
        "<a p=hunter2/>",
        "<?xml hunter2?>",
    ] {
        let text = format!("<configuration>{broken}</configuration>");
        let error = ApplicationHost::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ConfigError::NotWellFormed { .. }), "{broken}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
    }
}

#[test]
fn limits_hold_without_a_deep_stack() {
    let deep = format!("<configuration>{}{}</configuration>", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(
        ApplicationHost::parse(deep.as_bytes()),
        Err(ConfigError::Excessive { what: "nesting", line: 1 })
    );
    let attributes: String = (0..5000).map(|n| format!(" a{n}='>'")).collect();
    let wide = format!("<configuration>\n<!-- a='' -->\n<x{attributes}/></configuration>");
    assert_eq!(
        ApplicationHost::parse(wide.as_bytes()),
        Err(ConfigError::Excessive { what: "attributes", line: 3 })
    );
    let value = encrypted("P", 16);
    let many: String = (0..3000).map(|_| format!("<x p='{value}'/>")).collect();
    let config = ApplicationHost::parse(format!("<configuration>{many}</configuration>").as_bytes()).unwrap();
    assert_eq!((config.values.len(), config.uses["P"].values), (KEPT_VALUES, 3000));
    assert_eq!(config.values_left_out(), 3000 - KEPT_VALUES as u64);
}

#[test]
fn a_large_configuration_is_read() {
    let spec = (0..20_000)
        .fold(ConfigSpec::iis10(), |spec, n| spec.pool(&format!("pool {n}"), Some("IISWASOnlyCngProvider")));
    let config = parsed(&spec);
    assert_eq!((config.app_pools.len(), config.uses["IISWASOnlyCngProvider"].values), (20_001, 20_000));
    assert_eq!(config.dependents("IISWASOnlyCngProvider").pools.len(), 20_000);
}

#[test]
fn a_schema_tells_the_provider_of_new_values() {
    let text = schema(&[
        ("system.applicationHost/applicationPools", "password", "IISWASOnlyCngProvider"),
        ("system.applicationHost/sites", "password", "IISWASOnlyCngProvider"),
        ("system.webServer/odbcLogging", "password", "IISCngProvider"),
    ]);
    for encoding in Encoding::ALL {
        let schema = Schema::parse(&encoding.encode(&text)).unwrap();
        assert!(schema.providers().into_iter().eq([("IISCngProvider", 1), ("IISWASOnlyCngProvider", 2)]));
        assert_eq!(schema.defaults[0].section, "system.applicationHost/applicationPools");
    }
    let config = ConfigSpec::iis10().bytes();
    assert_eq!(Schema::parse(&config), Err(ConfigError::Root { expected: "configSchema" }));
}

#[test]
fn a_redirected_or_administration_file_is_not_an_application_host() {
    let text = "<configuration><configProtectedData><providers/></configProtectedData></configuration>";
    let config = ApplicationHost::parse(text.as_bytes()).unwrap();
    assert!(!config.is_application_host() && config.has_protected_data && config.providers.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_the_forge_writes_is_read_back(
        pools in prop::collection::vec(("[^\u{0}-\u{1f}\u{7f}\u{fffe}\u{ffff}]{1,20}", any::<bool>()), 0..6),
        container in "[ -~]{1,30}",
        encoding in prop::sample::select(&Encoding::ALL[..]),
    ) {
        let mut spec = ConfigSpec { providers: vec![ProviderSpec::aes("P", &container, 1024)], ..ConfigSpec::default() };
        for (name, secret) in &pools {
            spec = spec.pool(name, secret.then_some("P"));
        }
        let config = ApplicationHost::parse(&encoding.encode(&spec.text())).unwrap();
        prop_assert_eq!(config.providers[0].key_container_name.as_deref(), Some(container.as_str()));
        let names: Vec<&str> = config.app_pools.iter().map(|pool| pool.name.as_str()).collect();
        prop_assert_eq!(names, pools.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        prop_assert_eq!(config.values.len(), pools.iter().filter(|(_, secret)| *secret).count());
    }
}

#[test]
fn mutated_configurations_are_read_or_refused() {
    let text = ConfigSpec::iis10().pool("Shop", Some("IISWASOnlyCngProvider")).site("www", "Shop").bytes();
    let pieces: [&[u8]; 8] = [b"<", b">", b"\"", b"</configuration>", b"<!--", b"[enc:", b":enc]", b"&#0;"];
    let mut rng = Rng::new(0xc0f1);
    let mut readable = 0;
    for round in 0..8_000 {
        let mut mutant = Encoding::ALL[round % 4].encode(std::str::from_utf8(&text).unwrap());
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(mutant.len());
            match rng.below(4) {
                0 => mutant.truncate(at.max(1)),
                1 => drop(mutant.splice(at..at, pieces[rng.below(pieces.len())].iter().copied())),
                2 => drop(mutant.remove(at)),
                _ => mutant[at] ^= 1 << rng.below(8),
            }
        }
        match ApplicationHost::parse(&mutant) {
            Ok(config) => {
                readable += 1;
                assert!(
                    config.values.iter().all(|value| value.line <= mutant.len() && value.xpath.len() < 2048)
                );
            }
            Err(error) => assert!(error.to_string().len() < 1200, "{error}"),
        }
    }
    assert!(readable > 500, "{readable}");
}

#[test]
fn every_truncation_is_refused() {
    let bytes = ConfigSpec::cng_only().bytes();
    let end = bytes.trim_ascii_end().len();
    for len in 0..end {
        assert!(ApplicationHost::parse(&bytes[..len]).is_err(), "{len}");
    }
}

fn corpus(file: &str) -> Option<(Vec<u8>, serde_json::Value)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(file);
    let expected = path.with_file_name("expected.json");
    match (fs::read(&path), fs::read(expected)) {
        (Ok(data), Ok(expected)) => Some((data, serde_json::from_slice(&expected).unwrap())),
        _ => {
            println!("skipped: {file} is not there");
            None
        }
    }
}

#[test]
fn real_configurations_read_as_an_independent_reader_read_them() {
    let files = [
        ("iis-reverse-proxy", "applicationHost.config"),
        ("iis-reverse-proxy", "administration.config"),
        ("dissect-target-iis", "iis-applicationHost-w3c.config"),
    ];
    for (folder, file) in files {
        let Some((data, expected)) = corpus(&format!("{folder}/{file}")) else { continue };
        let expected = &expected["files"][file];
        let config = ApplicationHost::parse(&data).unwrap();
        let providers = expected["providers"].as_array().unwrap();
        assert_eq!(config.providers.len(), providers.len());
        for (ours, theirs) in config.providers.iter().zip(providers) {
            assert_eq!(ours.name, theirs["name"]);
            assert_eq!(ours.type_name, theirs["type"]);
            assert_eq!(ours.key_container_name.as_deref(), theirs["keyContainerName"].as_str());
            assert_eq!(ours.use_machine_container, Some(theirs["useMachineContainer"] == "true"));
            assert_eq!(ours.use_oaep, theirs["useOAEP"].as_str().map(|value| value == "true"));
            let (len, wrapped) = match ours.session_key {
                Some(SessionKey::Wrapped(key)) => (Some(key.len as u64), Some(u64::from(key.rsa_bits) / 8)),
                None => (None, None),
                other => panic!("{other:?}"),
            };
            assert_eq!(len, theirs["sessionKey"]["bytes"].as_u64());
            assert_eq!(wrapped, theirs["sessionKey"]["wrapped_key_bytes"].as_u64());
        }
        let pools: Vec<&str> = config.app_pools.iter().map(|pool| pool.name.as_str()).collect();
        assert_eq!(serde_json::json!(pools), expected["application_pools"]);
        let sites = expected["sites"].as_array().unwrap();
        assert_eq!(config.sites.len(), sites.len());
        for (ours, theirs) in config.sites.iter().zip(sites) {
            assert_eq!(ours.name, theirs["name"]);
            assert_eq!(ours.bindings, theirs["bindings"].as_array().unwrap().len());
        }
        assert_eq!(config.values.len() as u64, expected["encrypted_values"].as_u64().unwrap());
        assert_eq!(config.is_application_host(), file != "administration.config");
        println!("{folder}/{file}: {} providers, {} sites", config.providers.len(), config.sites.len());
    }
}
