use iiskeys_evidence::Timestamp;

use super::*;
use crate::artifact::event_log::Datum;

fn event(provider: &str, id: u32, data: &[&str]) -> Event {
    let data = data.iter().map(|text| match text.split_once('=') {
        Some((name, text)) => Datum { name: Some(name.to_owned()), text: text.to_owned() },
        None => Datum { name: None, text: (*text).to_owned() },
    });
    Event {
        record: 1,
        time: Timestamp::from_unix_seconds(1_231_660_800).expect("a time"),
        provider: provider.to_owned(),
        id,
        level: 2,
        channel: None,
        computer: "WEB".to_owned(),
        data: data.collect(),
        binary: Vec::new(),
    }
}

fn scm(id: u32, data: &[&str]) -> Option<(SymptomKind, String, Option<u32>)> {
    told(&event("Service Control Manager", id, data))
}

fn told(event: &Event) -> Option<(SymptomKind, String, Option<u32>)> {
    let key = classify(event, &Services::default());
    // What is not looked at in a log must not be known here alone.
    assert!(key.is_none() || can_matter(&event.provider, event.id), "{event:?}");
    key.map(|key| (key.kind, key.subject, key.code))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

const FAILED: SymptomKind = SymptomKind::IisAdminFailed;
const LATE: SymptomKind = SymptomKind::ServiceTimeout;
const POOL: SymptomKind = SymptomKind::AppPoolIdentity;

#[test]
fn iisadmin_is_known_by_any_of_its_names_and_its_code_in_any_form() {
    for name in ["IIS Admin Service", "IIS Admin", "IISADMIN", "iisadmin"] {
        for code in ["%%2148073478", "2148073478", "-2146893818", "0x80090006"] {
            let wanted = Some((FAILED, "IISADMIN".to_owned(), Some(0x8009_0006)));
            assert_eq!(scm(7024, &[name, code]), wanted, "{name} {code}");
        }
    }
    assert_eq!(scm(7023, &["IISADMIN", "%%6"]), Some((FAILED, "IISADMIN".to_owned(), Some(6))));
    assert_eq!(scm(7031, &["IIS Admin Service", "1"]), Some((FAILED, "IISADMIN".to_owned(), None)));
}

#[test]
fn another_service_is_no_symptom_whatever_its_code() {
    for name in [
        "Active Directory Certificate Services",
        "IIS Admin Service Watcher",
        "My IISADMIN Monitor",
        "Certificate Propagation",
    ] {
        assert_eq!(scm(7024, &[name, "%%1753"]), None, "{name}");
        assert_eq!(scm(7031, &[name, "1"]), None, "{name}");
    }
    assert_eq!(scm(7024, &["Active Directory Certificate Services", "%%2148073494"]), None);
    assert_eq!(scm(7031, &["World Wide Web Publishing Service", "1"]), None);
    // A code of another family.
    assert_eq!(scm(7024, &["IIS Admin Service", "%%10"]), None);
    assert_eq!(scm(7024, &["IIS Admin Service"]), None);
}

#[test]
fn in_another_language_the_key_name_or_the_code_tells() {
    let german = "IIS-Verwaltungsdienst";
    assert_eq!(
        scm(7024, &[german, "%%2148073478"]),
        Some((FAILED, "IISADMIN".to_owned(), Some(0x8009_0006)))
    );
    assert_eq!(scm(7024, &[german, "%%5"]), None);
    let code = Some(0x800c_c81d);
    assert_eq!(
        scm(7024, &["Service d'administration", "2148321309"]),
        Some((FAILED, "IISADMIN".to_owned(), code))
    );
    let mut with_key = event("Service Control Manager", 7023, &["WWW-Publishingdienst", "%%1008"]);
    assert_eq!(told(&with_key), None);
    with_key.binary = utf16("W3SVC");
    assert_eq!(told(&with_key), Some((FAILED, "W3SVC".to_owned(), Some(1008))));
}

#[test]
fn a_dependency_counts_only_when_it_is_iisadmin() {
    let web = "World Wide Web Publishing Service";
    assert_eq!(scm(7001, &[web, "IIS Admin Service", "%%1066"]), Some((FAILED, "W3SVC".to_owned(), None)));
    assert_eq!(
        scm(7001, &["Simple Mail Transfer Protocol (SMTP)", "IISADMIN", "%%2148073478"]),
        Some((FAILED, "SMTPSVC".to_owned(), Some(0x8009_0006)))
    );
    assert_eq!(scm(7001, &[web, "HTTP", "%%1066"]), None);
    assert_eq!(scm(7001, &["IIS Admin Service", "Remote Procedure Call (RPC)", "%%1722"]), None);
}

#[test]
fn a_service_that_does_not_answer_is_a_timeout() {
    let iis = "IISADMIN".to_owned();
    assert_eq!(scm(7000, &["IIS Admin Service", "%%1053"]), Some((LATE, iis.clone(), Some(1053))));
    assert_eq!(scm(7000, &["IIS Admin Service", "%%8"]), Some((LATE, iis.clone(), Some(8))));
    assert_eq!(scm(7023, &["IIS Admin Service", "%%8"]), Some((LATE, iis.clone(), Some(8))));
    assert_eq!(scm(7009, &["30000", "IIS Admin Service"]), Some((LATE, iis.clone(), None)));
    assert_eq!(scm(7011, &["30000", "IISADMIN"]), Some((LATE, iis, None)));
    assert_eq!(scm(7009, &["30000", "Spooler"]), None);
    assert_eq!(scm(7000, &["Print Spooler", "%%1053"]), None);
}

#[test]
fn the_web_service_of_iis_5_and_6_speaks_in_its_own_events() {
    let mut metabase = event("W3SVC", 116, &["/LM/W3SVC"]);
    metabase.binary = 0x8009_0006_u32.to_le_bytes().to_vec();
    assert_eq!(told(&metabase), Some((FAILED, "W3SVC".to_owned(), Some(0x8009_0006))));
    assert_eq!(told(&event("W3SVC", 1008, &["x"])), None);
    let mut token = event("W3SVC", 1008, &["x"]);
    token.binary = 1008_u32.to_le_bytes().to_vec();
    assert_eq!(told(&token), Some((FAILED, "W3SVC".to_owned(), Some(1008))));
    for id in [1002, 1009, 1021, 1057, 1059] {
        assert_eq!(
            told(&event("W3SVC", id, &["DefaultAppPool"])),
            Some((POOL, "DefaultAppPool".to_owned(), None))
        );
    }
}

#[test]
fn the_activation_service_counts_without_its_look_alikes() {
    for provider in ["Microsoft-Windows-WAS", "WAS"] {
        for id in [5002, 5021, 5057, 5059] {
            let found = told(&event(provider, id, &["AppPoolID=Intranet"]));
            assert_eq!(found, Some((POOL, "Intranet".to_owned(), None)), "{id}");
        }
        for id in [5189, 5153, 5191, 5215, 5005, 5186] {
            assert_eq!(told(&event(provider, id, &["AppPoolID=Intranet"])), None, "{id}");
        }
    }
    let own = scm(7023, &["Windows Process Activation Service", "%%2148073494"]);
    assert_eq!(own, Some((POOL, String::new(), Some(0x8009_0016))));
    assert_eq!(scm(7023, &["Windows Process Activation Service", "%%13"]), None);
    assert_eq!(told(&event("Microsoft-Windows-DistributedCOM", 10016, &["x"])), None);
}

#[test]
fn schannel_counts_with_a_code_of_this_family_only() {
    let kind = SymptomKind::SchannelKey;
    let modern = event("Schannel", 36870, &["Type=server", "ErrorCode=0x8009030d", "ErrorStatus=10001"]);
    assert_eq!(told(&modern), Some((kind, "server".to_owned(), Some(0x8009_030d))));
    let old = event("Schannel", 36870, &["server", "0x80090016"]);
    assert_eq!(told(&old), Some((kind, "server".to_owned(), Some(0x8009_0016))));
    assert_eq!(told(&event("Schannel", 36871, &["Type=client", "ErrorState=10013"])), None);
    assert_eq!(told(&event("Schannel", 36874, &["0x80090016", "0x80090016"])), None);
}

#[test]
fn failures_of_dpapi_and_cng_keep_what_they_say() {
    let kind = SymptomKind::Dpapi;
    let blob = event("Microsoft-Windows-Crypto-DPAPI", 8198, &["Status=0x8009000b", "ReasonForFailure=6"]);
    assert_eq!(told(&blob), Some((kind, "could not get the master key".to_owned(), Some(0x8009_000b))));
    assert_eq!(
        told(&event("Microsoft-Windows-Crypto-DPAPI", 8198, &["Status=0x0", "ReasonForFailure=0"])),
        None
    );
    let open = ["ProviderName=p", "KeyName=iisCngWasKey", "Status=0x80090016", "ProcessName=w3wp"];
    let open = event("Microsoft-Windows-Crypto-NCrypt", 3, &open);
    assert_eq!(told(&open), Some((kind, "iisCngWasKey".to_owned(), Some(0x8009_0016))));
    let provider = event("Microsoft-Windows-Crypto-NCrypt", 2, &["a provider", "0", "0x80090013"]);
    assert_eq!(told(&provider), Some((kind, String::new(), Some(0x8009_0013))));
    let fine = ["ProviderName=p", "KeyName=k", "Status=0x0", "ProcessName=w3wp"];
    assert_eq!(told(&event("Microsoft-Windows-Crypto-NCrypt", 3, &fine)), None);
}

#[test]
fn a_private_key_that_capi2_did_not_get_is_known_by_its_result() {
    let data = ["Certificate=", "Certificate/@subjectName=web", "Result=Keyset", "Result/@value=80090016"];
    let failed = told(&event("Microsoft-Windows-CAPI2", 70, &data));
    assert_eq!(failed, Some((SymptomKind::Dpapi, "web".to_owned(), Some(0x8009_0016))));
    let fine = ["Certificate=", "Certificate/@subjectName=web", "Result/@value=0"];
    assert_eq!(told(&event("Microsoft-Windows-CAPI2", 70, &fine)), None);
    assert_eq!(told(&event("Microsoft-Windows-CAPI2", 11, &data)), None);
}

#[test]
fn a_security_event_names_its_key_file_and_fails_only_for_keys_of_the_machine() {
    let file = "c2319c42033a5ca7f44e731bfd3fa2b5_9790b371-96e4-4554-8f72-c2e0b12e99d2";
    let path = format!("KeyFilePath=C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\{file}");
    let of = |kind: &str, code: &str| {
        let data = ["KeyName=k", &format!("KeyType={kind}"), &path, &format!("ReturnCode={code}")];
        event("Microsoft-Windows-Security-Auditing", 5058, &data)
    };
    let opened = of("%%2499", "0x0");
    let named = key_file(&opened).expect("a key file");
    assert_eq!(named.guid.as_str(), "9790b371-96e4-4554-8f72-c2e0b12e99d2");
    assert_eq!((named.prefix.to_string(), named.name), (file[..32].to_owned(), "k".to_owned()));
    assert_eq!(told(&opened), None);
    let failed = Some((SymptomKind::Dpapi, "k".to_owned(), Some(0x8009_0016)));
    assert_eq!(told(&of("%%2499", "0x80090016")), failed);
    assert_eq!(told(&of("%%2500", "0x80090016")), None);
    let none = event("Microsoft-Windows-Security-Auditing", 5061, &["KeyName=k", "ReturnCode=0x0"]);
    assert_eq!(key_file(&none), None);
}

#[test]
fn endpoints_and_the_configuration_are_kept_for_those_who_look_for_them() {
    let gone = event("Microsoft-Windows-HttpEvent", 15300, &["DeviceObject=x", "Endpoint=0.0.0.0:443"]);
    assert_eq!(told(&gone), Some((SymptomKind::HttpEndpoint, "0.0.0.0:443".to_owned(), None)));
    let broken = event("Microsoft-Windows-IIS-Configuration", 10, &["FileName=applicationHost.config"]);
    assert!(matches!(told(&broken), Some((SymptomKind::Configuration, _, _))));
    // 13 is the parsing of a file and 14 a redirection in force: no errors.
    for id in [13, 14, 29] {
        assert_eq!(told(&event("Microsoft-Windows-IIS-Configuration", id, &["FileName=x"])), None);
    }
    for id in 42..=44 {
        let encryption = told(&event("Microsoft-Windows-IIS-Configuration", id, &["IISWASOnlyAesProvider"]));
        assert_eq!(encryption, Some((POOL, ENCRYPTION.to_owned(), None)));
    }
    let history = event("Microsoft-Windows-IIS-APPHOSTSVC", 9009, &["x"]);
    assert!(matches!(told(&history), Some((SymptomKind::Configuration, _, _))));
}

#[test]
fn code_3_counts_for_the_web_services_of_windows_2000_and_2003_only() {
    let web = ["World Wide Web Publishing Service", "%%3"];
    let wanted = Some((FAILED, "W3SVC".to_owned(), Some(3)));
    assert_eq!(scm(7023, &web), wanted);
    assert_eq!(scm(7023, &["IISADMIN", "%%3"]), Some((FAILED, "IISADMIN".to_owned(), Some(3))));
    assert_eq!(scm(7023, &["SMTPSVC", "%%3"]), None);
    let modern = Event { channel: Some("System".to_owned()), ..event("Service Control Manager", 7023, &web) };
    assert_eq!(told(&modern), None);
    let mut other = event("Microsoft-Windows-Crypto-NCrypt", 3, &["Status=3"]);
    assert_eq!(told(&other), None);
    other.data = vec![Datum { name: Some("Status".to_owned()), text: "0x80070003".to_owned() }];
    assert_eq!(told(&other), None);
}

#[test]
fn a_path_of_the_metabase_counts_when_it_is_the_services_own() {
    for service in ["W3SVC", "MSFTPSVC", "SMTPSVC", "NNTPSVC"] {
        let mut own = event(service, 116, &[&format!("/LM/{service}")]);
        own.binary = vec![3, 0, 0, 0];
        assert_eq!(told(&own), Some((FAILED, service.to_owned(), Some(3))));
        assert_eq!(told(&event(service, 116, &[])), Some((FAILED, service.to_owned(), None)));
        assert_eq!(told(&event(service, 116, &[&format!("/LM/{service}/7/ROOT")])), None);
    }
    let modern = Event {
        channel: Some("System".to_owned()),
        binary: vec![3, 0, 0, 0],
        ..event("W3SVC", 116, &["/LM/W3SVC"])
    };
    assert_eq!(told(&modern), Some((FAILED, "W3SVC".to_owned(), None)));
}

#[test]
fn the_registry_says_how_a_service_is_called_in_the_machines_language() {
    let services = Services {
        shown: vec![
            ("iis-verwaltungsdienst".to_owned(), "IISADMIN"),
            ("www-publishingdienst".to_owned(), "W3SVC"),
        ],
        is_nt5: true,
    };
    let of = |id, data: &[&str]| {
        let key = classify(&event("Service Control Manager", id, data), &services)?;
        Some((key.kind, key.subject, key.code))
    };
    let german = "IIS-Verwaltungsdienst";
    assert_eq!(of(7023, &[german, "%%6"]), Some((FAILED, "IISADMIN".to_owned(), Some(6))));
    assert_eq!(of(7031, &[german, "1"]), Some((FAILED, "IISADMIN".to_owned(), None)));
    let web = Some((FAILED, "W3SVC".to_owned(), None));
    assert_eq!(of(7001, &["WWW-Publishingdienst", german, "%%1066"]), web);
    assert_eq!(of(7001, &["WWW-Publishingdienst", german]), web);
    // Without the registry the name of what it hangs on still says IIS.
    let unnamed = Some((FAILED, "WWW-Publishingdienst".to_owned(), None));
    assert_eq!(scm(7001, &["WWW-Publishingdienst", german]), unnamed);
    assert_eq!(scm(7023, &[german, "%%6"]), None);
}

#[test]
fn what_does_not_start_at_all_is_late_or_nothing() {
    assert_eq!(scm(7000, &["IIS Admin Service", "%%2148073478"]), None);
    assert_eq!(scm(7000, &["Windows Process Activation Service", "%%2148073494"]), None);
    assert_eq!(scm(7000, &["IIS Admin Service", "%%2"]), None);
}

#[test]
fn from_iis_7_on_the_web_service_does_not_hang_on_the_metabase() {
    let modern = |name: &str, code: &str| {
        let event = event("Service Control Manager", 7023, &[name, code]);
        told(&Event { channel: Some("System".to_owned()), ..event })
    };
    assert_eq!(modern("W3SVC", "%%2148073478"), None);
    assert_eq!(modern("SMTPSVC", "%%2"), None);
    let code = Some(0x8009_0006);
    assert_eq!(modern("SMTPSVC", "%%2148073478"), Some((FAILED, "SMTPSVC".to_owned(), code)));
    assert_eq!(modern("IISADMIN", "%%2148073478"), Some((FAILED, "IISADMIN".to_owned(), code)));
}

#[test]
fn some_events_of_the_activation_service_count_with_a_code_only() {
    for id in [5005, 5022, 5172, 5173] {
        let mut event = event("Microsoft-Windows-WAS", id, &["x"]);
        assert_eq!(told(&event), None, "{id}");
        event.binary = 0x8009_0005_u32.to_le_bytes().to_vec();
        assert_eq!(told(&event), Some((POOL, String::new(), Some(0x8009_0005))), "{id}");
    }
}
