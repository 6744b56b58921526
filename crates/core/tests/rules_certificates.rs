//! Certificates, what is bound to them, and the containers of their keys.

mod support;

use iiskeys_core::report::{Level, Report};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::certificate::{LinkSpec, PublicKeySpec, StoredSpec};
use iiskeys_fixtures::config::HttpsSpec;
use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, file_name};
use iiskeys_fixtures::machine::{GUID, METABASE, Machine, OTHER_GUID, Os, REMOTE};
use iiskeys_fixtures::time::filetime;
use support::drive::{actions, clear, on_drive, plan, without};
use support::{finding, findings, outcome};

const UNBOUND: &str = "binding-certificate-missing";
const MISSING: &str = "certificate-key-missing";
const ORPHANED: &str = "certificate-key-orphaned";
const UNLINKED: &str = "certificate-key-unlinked";
const MISMATCH: &str = "certificate-key-mismatch";
const USER: &str = "certificate-key-in-user-store";
const ALL: [&str; 6] = [UNBOUND, MISSING, ORPHANED, UNLINKED, MISMATCH, USER];

const CONTAINER: &str = "le-WebServer-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44";
const SUBJECT: &str = "www.example.test";

/// Server 2012 R2 with one site that answers HTTPS.
fn with_site() -> (Machine, String) {
    let mut machine = Machine::new(Os::Server2012R2);
    let thumbprint = machine.add_tls_site(SUBJECT, CONTAINER, GUID, "0.0.0.0:443", "Intranet");
    (machine, thumbprint)
}

fn key_file(guid: &str) -> String {
    file_name(CONTAINER, Family::Capi, guid)
}

fn state(report: &Report, site: &str) -> String {
    let row = report.bindings.iter().find(|row| row.site.as_deref() == Some(site));
    row.unwrap_or_else(|| panic!("no row of {site}:\n{}", report.to_text())).state.clone()
}

/// Errors of this group.
fn errors(report: &Report) -> Vec<&str> {
    let of_group = report.findings.iter().filter(|finding| ALL.contains(&finding.rule.as_str()));
    of_group.filter(|finding| finding.severity == Level::Error).map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_healthy_site_is_followed_from_its_binding_to_its_file() {
    let (machine, thumbprint) = with_site();
    let report = on_drive(&machine);
    clear(&report, &ALL);
    let [row] = report.bindings.as_slice() else { panic!("{:?}", report.bindings) };
    assert_eq!(row.site.as_deref(), Some("Intranet"));
    assert_eq!(row.endpoint, "*:443:");
    assert_eq!(row.http_sys.as_deref(), Some("0.0.0.0:443"));
    assert_eq!(row.owner, "iis");
    assert_eq!(row.certificate, Some(format!("MY/{thumbprint}")));
    assert_eq!(row.container.as_deref(), Some(CONTAINER));
    assert_eq!(row.file, Some(format!("rsa-machine/{}", key_file(GUID))));
    assert_eq!(row.state, "ok");
    let [certificate] = report.certificates.as_slice() else { panic!("{:?}", report.certificates) };
    assert_eq!(certificate.by_name, certificate.by_key, "by name and, apart from that, by modulus");
    let container = report.key_containers.iter().find(|row| row.name.as_deref() == Some(CONTAINER));
    assert_eq!(container.expect("a row of its own").needed_by.len(), 1);
}

#[test]
fn a_key_that_is_gone_takes_its_site_down() {
    let (mut machine, thumbprint) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let pfx = b"\x30\x82\x09\x00\x02\x01\x03\x30\x82\x08\xf0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0";
    machine.put("C:\\shop.pfx", pfx.to_vec(), machine.installed);
    let report = on_drive(&machine);
    let found = finding(&report, MISSING);
    assert_eq!(found.severity, Level::Error);
    assert_eq!(found.subject, format!("certificate:{thumbprint}"));
    assert!(found.remedies.iter().any(|remedy| remedy.contains("C:\\shop.pfx")), "{:?}", found.remedies);
    assert_eq!(found.affects, ["HTTPS of site Intranet (*:443)"]);
    assert!(found.remedies.iter().any(|remedy| remedy.contains("PFX")), "{:?}", found.remedies);
    assert_eq!(state(&report, "Intranet"), "key-missing");
    let cause = report.root_cause.as_ref().expect("one cause");
    assert_eq!(cause.rule, "container-missing", "the certificate's key is a needed container");
    assert!(actions(plan(&report)).contains(&"import-certificate"), "{:?}", actions(plan(&report)));
}

#[test]
fn without_the_key_folder_nothing_is_called_missing() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let report = without(&machine, &["\\Crypto\\"]);
    assert_eq!(outcome(&report, MISSING), "not-evaluated");
    assert!(errors(&report).is_empty());
}

#[test]
fn without_the_registry_the_certificates_are_not_evaluated() {
    let (machine, _) = with_site();
    let report = without(&machine, &["\\config\\SOFTWARE"]);
    for rule in ALL {
        assert_eq!(outcome(&report, rule), "not-evaluated", "{rule}");
    }
}

#[test]
fn a_left_over_certificate_without_a_key_is_a_note() {
    let (mut machine, _) = with_site();
    let spec = machine.certificate_for("old.example.test", "le-old-0001", GUID);
    let mut spec = spec;
    spec.certificate =
        spec.certificate.valid(filetime((2014, 7, 1), (0, 0, 0)), filetime((2015, 7, 1), (0, 0, 0)));
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    let found = findings(&report, MISSING);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].severity, found[0].subject.as_str()), (Level::Note, "certificates:MY"));
    assert_eq!(report.verdict.name(), "healthy", "{}", report.to_text());
}

#[test]
fn an_expired_certificate_with_its_key_raises_nothing() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container(CONTAINER, GUID, machine.installed + 10_000_000);
    let mut spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    spec.certificate =
        spec.certificate.valid(filetime((2014, 7, 1), (0, 0, 0)), filetime((2015, 7, 1), (0, 0, 0)));
    let thumbprint = machine.add_certificate(&spec);
    machine.bind("0.0.0.0:443", &thumbprint);
    machine.https_site("Intranet", &HttpsSpec::new("*:443:"));
    let report = on_drive(&machine);
    clear(&report, &ALL);
    assert_eq!(state(&report, "Intranet"), "ok");
}

#[test]
fn https_dies_with_the_guid_and_comes_back_with_it() {
    let (mut machine, thumbprint) = with_site();
    machine.set_guid(OTHER_GUID, filetime((2021, 1, 4), (3, 0, 0)));
    let report = on_drive(&machine);
    let found = finding(&report, ORPHANED);
    assert_eq!(
        (found.severity, found.confidence.as_str()),
        (Level::Error, "strong"),
        "a copied folder may lack a file"
    );
    assert_eq!(found.subject, format!("certificate:{thumbprint}"));
    assert!(found.explanation.contains("is the certificate's"), "{}", found.explanation);
    assert_eq!(report.root_cause.as_ref().expect("one cause").rule, "machine-guid-changed");
    assert_eq!(state(&report, "Intranet"), "key-orphaned");
    let resolves = &report.plan.as_ref().expect("a plan").resolves;
    assert!(resolves.iter().any(|id| id.starts_with(ORPHANED)), "{resolves:?}");
}

#[test]
fn after_the_repair_of_iis_alone_the_sites_stay_dead() {
    // The first article: the containers of IIS Admin were renamed, and HTTPS reports 36870.
    let report = on_drive(&cases::https_after_repair());
    let found = findings(&report, ORPHANED);
    assert_eq!(found.len(), 2, "{}", report.to_text());
    for (finding, site) in found.iter().zip(["Partners", "Shop"]) {
        assert_eq!(finding.severity, Level::Error);
        assert!(
            found.iter().any(|finding| finding.affects[0].contains(&format!("site {site}"))),
            "{finding:?}"
        );
        assert!(
            finding.remedies.iter().any(|remedy| remedy.starts_with("Rename ")),
            "{:?}",
            finding.remedies
        );
    }
    assert_eq!(
        (state(&report, "Shop").as_str(), state(&report, "Partners").as_str()),
        ("key-orphaned", "key-orphaned")
    );
    assert!(report.bindings.iter().all(|row| row.file.as_ref().is_some_and(|file| file.ends_with(GUID))));
    let cause = report.root_cause.as_ref().expect("one cause");
    assert_eq!(cause.rule, "machine-guid-changed");
    let schannel = finding(&report, "symptom-schannel-key");
    assert!(schannel.title.contains("0x80090016"), "{}", schannel.title);
    let plan = plan(&report);
    for finding in &found {
        assert!(plan.resolves.contains(&finding.id), "{:?}", plan.resolves);
    }
    assert!(plan.steps.iter().any(|step| step.action == "rename-container"), "{:?}", actions(plan));
}

#[test]
fn a_container_with_another_key_is_told_by_its_modulus() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    machine.put(
        &format!("{}\\{}", machine.machine_keys(), key_file(GUID)),
        CapiSpec::new(CONTAINER).exchange(PairSpec::new("made anew")).bytes(),
        machine.installed + 20_000_000,
    );
    let report = on_drive(&machine);
    let found = finding(&report, MISMATCH);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Error, "proven"));
    assert_eq!(state(&report, "Intranet"), "key-mismatch");
    assert_eq!(outcome(&report, MISSING), "clear");
}

#[test]
fn names_alone_do_not_tell_whose_key_it_is() {
    let (machine, _) = with_site();
    let mut tree = support::drive::tree(&machine, &["\\MachineKeys\\"]);
    let listed: Vec<_> =
        machine.listed().into_iter().filter(|file| file.path.contains("\\MachineKeys\\")).collect();
    let listing = iiskeys_fixtures::listing::bodyfile(&listed, false);
    tree.insert("listing.txt", listing.as_bytes(), None, None);
    let report = support::of_tree(tree);
    assert_eq!(outcome(&report, MISMATCH), "not-evaluated", "{}", report.to_text());
    assert_eq!(state(&report, "Intranet"), "key-not-compared");
}

#[test]
fn a_key_under_another_name_is_linked_again() {
    let (mut machine, thumbprint) = with_site();
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).link(LinkSpec::capi("{gone}"));
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    let found = finding(&report, MISSING);
    assert!(found.explanation.contains("of another name"), "{}", found.explanation);
    assert!(found.remedies[0].contains("certutil -repairstore"), "{:?}", found.remedies);
    let plan = plan(&report);
    let step = plan.steps.iter().find(|step| step.action == "link-certificate").expect("a step");
    assert_eq!(step.commands, [format!("certutil -repairstore \"MY\" \"{thumbprint}\"")]);
    assert!(plan.steps[0].commands.iter().any(|command| command.contains("SystemCertificates\\MY")));
    assert!(plan.resolves.iter().any(|id| id.starts_with(MISSING)), "{:?}", plan.resolves);
}

#[test]
fn a_certificate_without_a_link_is_found_its_key() {
    let (mut machine, thumbprint) = with_site();
    let mut spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    spec.link = None;
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    let found = finding(&report, UNLINKED);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Warning, "proven"));
    assert_eq!(found.subject, format!("certificate:{thumbprint}"));
    assert!(actions(plan(&report)).contains(&"link-certificate"), "{:?}", actions(plan(&report)));
    assert_eq!(outcome(&report, MISSING), "clear");
}

#[test]
fn a_key_in_a_users_profile_is_of_no_use_to_http_sys() {
    let (mut machine, _) = with_site();
    let mut link = LinkSpec::capi("{11111111-2222-3333-4444-555555555555}");
    link.flags = 0;
    machine.remove_container(CONTAINER, GUID);
    let mut spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    spec.link = Some(link.clone());
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    let found = finding(&report, USER);
    assert_eq!(
        (found.severity, found.confidence.as_str()),
        (Level::Warning, "weak"),
        "SYSTEM's own keys are not there"
    );
    let system = "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\S-1-5-18";
    let key = |name: &str, seed: &str| {
        let bytes = CapiSpec::new(name).exchange(PairSpec::new(seed)).bytes();
        (format!("{system}\\{}", file_name(name, Family::Capi, GUID)), bytes)
    };
    let (path, bytes) = key("another", "another");
    machine.put(&path, bytes, machine.installed);
    assert_eq!(finding(&on_drive(&machine), USER).severity, Level::Error);
    // The name alone does not make it the key.
    let (path, bytes) = key(&link.container, "another");
    machine.put(&path, bytes, machine.installed);
    assert_eq!(finding(&on_drive(&machine), USER).severity, Level::Error);
    let (path, bytes) = key(&link.container, &format!("{CONTAINER} {GUID}"));
    machine.put(&path, bytes, machine.installed);
    assert_eq!(finding(&on_drive(&machine), USER).severity, Level::Note);
}

#[test]
fn a_binding_without_its_certificate_is_dead() {
    let (mut machine, _) = with_site();
    let gone = "00112233445566778899AABBCCDDEEFF00112233";
    machine.bind("0.0.0.0:8443", gone);
    machine.https_site("Intranet", &HttpsSpec::new("*:8443:"));
    let report = on_drive(&machine);
    let found = finding(&report, UNBOUND);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Error, "proven"));
    assert_eq!(found.subject, "binding:0.0.0.0:8443");
    let report = without(&machine, &["\\config\\SYSTEM"]);
    assert_eq!(outcome(&report, UNBOUND), "not-evaluated");
}

#[test]
fn bindings_of_others_and_of_the_central_store_raise_no_alarm() {
    let (mut machine, _) = with_site();
    let gone = "00112233445566778899AABBCCDDEEFF00112233";
    for (port, app) in [
        (8172, "{d7d72267-fcf9-4424-9eec-7e1d8dcec9a9}"),
        (44300, "{214124cd-d05b-4309-9af9-9caa44b2b74a}"),
        (5986, "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}"),
    ] {
        machine.bind_as("SslBindingInfo", &format!("0.0.0.0:{port}"), Some(gone), None, app);
    }
    machine.set_rdp_certificate(gone);
    machine.bind_central(444);
    machine.https_site("Intranet", &HttpsSpec::new("*:444:a.example.test").flags(3));
    let report = on_drive(&machine);
    let found = findings(&report, UNBOUND);
    assert_eq!(found.len(), 4, "{}", report.to_text());
    assert!(found.iter().all(|finding| finding.severity == Level::Note));
    assert_eq!(report.verdict.name(), "healthy", "{}", report.summary);
    assert!(report.bindings.iter().any(|row| row.state == "central-store"));
}

#[test]
fn a_failure_of_remote_desktop_alone_is_a_note() {
    let mut machine = Machine::new(Os::Server2012R2);
    let spec = machine.certificate_for("WEB2012R2", "TSSecKeySet1", GUID).store("Remote Desktop");
    let thumbprint = machine.add_certificate(&spec);
    machine.set_rdp_certificate(&thumbprint);
    machine.remove_container("TSSecKeySet1", GUID);
    let report = on_drive(&machine);
    let found = findings(&report, MISSING);
    assert!(found.iter().all(|finding| finding.severity == Level::Note), "{}", report.to_text());
    assert_eq!(found.len(), 1);
    assert_eq!(report.verdict.name(), "healthy");
}

#[test]
fn a_stopped_site_is_a_warning() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let config = iiskeys_fixtures::config::ConfigSpec::iis7(2048)
        .https("Intranet", HttpsSpec::new("*:443:"))
        .stopped("Intranet");
    machine.set_config(&config);
    let found = finding(&on_drive(&machine), MISSING);
    assert_eq!(found.severity, Level::Warning);
    assert!(found.explanation.contains("does not start with the server"), "{}", found.explanation);
}

#[test]
fn keys_in_hardware_are_not_judged() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let mut link = LinkSpec::cng(CONTAINER);
    link.provider = "Microsoft Platform Crypto Provider".to_owned();
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).link(link);
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    assert_eq!(outcome(&report, MISSING), "not-evaluated");
    assert!(errors(&report).is_empty(), "{}", report.to_text());
    assert_eq!(state(&report, "Intranet"), "key-elsewhere");
}

#[test]
fn the_provider_of_cng_opens_containers_of_both_kinds() {
    let (mut machine, _) = with_site();
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).link(LinkSpec::cng(CONTAINER));
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    assert_eq!(state(&report, "Intranet"), "ok", "{}", report.to_text());
    machine.remove_container(CONTAINER, GUID);
    machine.add_cng_container(CONTAINER, GUID, machine.installed);
    let report = on_drive(&machine);
    assert_eq!(state(&report, "Intranet"), "ok", "{}", report.to_text());
}

#[test]
fn a_key_of_elliptic_curves_is_found_by_name_and_not_compared() {
    let (mut machine, _) = with_site();
    let mut spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    spec.certificate.key = PublicKeySpec::Ec;
    let spec: StoredSpec = spec;
    let thumbprint = machine.add_certificate(&spec);
    machine.bind("0.0.0.0:443", &thumbprint);
    let report = on_drive(&machine);
    assert_eq!(outcome(&report, MISMATCH), "not-evaluated", "{}", report.to_text());
    assert!(errors(&report).is_empty());
}

#[test]
fn a_client_without_iis_stays_quiet() {
    let mut machine = Machine::new(Os::Client);
    let spec = machine.certificate_for("DESKTOP-1", "TSSecKeySet1", GUID).store("Remote Desktop");
    machine.add_certificate(&spec);
    let spec = machine.certificate_for("client", "te-Machine-0001", GUID);
    machine.add_certificate(&spec);
    machine.no_bindings();
    let report = on_drive(&machine);
    assert!(report.findings.iter().all(|finding| finding.severity == Level::Note), "{}", report.to_text());
    assert_eq!(finding(&report, MISSING).subject, "certificates:MY", "it was looked at");
    assert_eq!(report.verdict.name(), "healthy");
}

/// Windows 2000 after the container of IIS Admin was renamed by hand: HTTPS is dead, and the sites stand in a file whose
/// form is not public.
fn iis5_after_the_repair(names_the_certificate: bool) -> (Machine, String) {
    let mut machine = Machine::new(Os::Windows2000);
    machine.add_container(CONTAINER, GUID, filetime((2007, 8, 21), (11, 4, 0)));
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    let thumbprint = machine.add_certificate(&spec);
    machine.set_guid(OTHER_GUID, filetime((2009, 1, 11), (3, 17, 42)));
    for name in [METABASE, REMOTE] {
        machine.remove_container(name, GUID);
        machine.add_container(name, OTHER_GUID, machine.installed + 6_000_000_000);
    }
    let hash = if names_the_certificate { spec.certificate.sha1().to_vec() } else { vec![7; 20] };
    let metabase = [&[0xfc; 64][..], b"IcDb", &[0; 9], &hash, b"IcKb", &[0; 40]].concat();
    machine.put(&format!("{}\\MetaBase.bin", machine.inetsrv()), metabase, machine.installed);
    (machine, thumbprint)
}

#[test]
fn a_certificate_that_a_binary_metabase_names_is_a_warning() {
    let (machine, thumbprint) = iis5_after_the_repair(true);
    let report = on_drive(&machine);
    let found = finding(&report, ORPHANED);
    assert_eq!(found.severity, Level::Warning, "{}", report.to_text());
    assert_eq!(found.subject, format!("certificate:{thumbprint}"));
    assert!(found.explanation.contains("form of that file is not public"), "{}", found.explanation);
    assert!(report.bindings.iter().any(|row| row.endpoint == "MetaBase.bin" && row.state == "key-orphaned"));
}

#[test]
fn what_a_binary_metabase_does_not_name_is_not_called_unused() {
    let (machine, _) = iis5_after_the_repair(false);
    let report = on_drive(&machine);
    let found = finding(&report, ORPHANED);
    assert_eq!(found.severity, Level::Note);
    assert!(found.explanation.contains("not in evidence"), "{}", found.explanation);
    let check = support::drive::check(&report, ORPHANED);
    assert!(check.reason.contains("metabase that was not read"), "{}", check.reason);
}

#[test]
fn a_certificate_in_use_without_any_key_is_an_error() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let mut spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    spec.link = None;
    machine.add_certificate(&spec);
    // Windows makes the folder of CNG keys on every installation.
    machine.add_cng_container("Other", GUID, machine.installed);
    let report = on_drive(&machine);
    let found = finding(&report, MISSING);
    assert_eq!((found.severity, found.confidence.as_str()), (Level::Error, "strong"));
    assert!(actions(plan(&report)).contains(&"import-certificate"));
    // Without a link it is dead wherever the key may stand.
    let found = finding(&without(&machine, &["\\Crypto\\Keys"]), MISSING);
    assert_eq!(found.severity, Level::Error);
    assert!(found.explanation.contains("still on the machine is not in evidence"), "{}", found.explanation);
}

#[test]
fn a_site_without_an_entry_of_http_sys_is_a_note() {
    let (mut machine, _) = with_site();
    machine.https_site("Intranet", &HttpsSpec::new("*:8443:"));
    let report = on_drive(&machine);
    let found = finding(&report, UNBOUND);
    assert_eq!((found.severity, found.subject.as_str()), (Level::Note, "binding:without-entry"));
    assert!(report.bindings.iter().any(|row| row.state == "not-bound"));
}

#[test]
fn the_store_that_a_binding_names_counts() {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container(CONTAINER, GUID, machine.installed);
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).store("WebHosting");
    let thumbprint = machine.add_certificate(&spec);
    machine.bind("0.0.0.0:443", &thumbprint);
    machine.https_site("Intranet", &HttpsSpec::new("*:443:"));
    let found = finding(&on_drive(&machine), UNBOUND);
    assert_eq!(found.severity, Level::Warning);
    assert!(found.explanation.contains("stands in WebHosting"), "{}", found.explanation);

    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container(CONTAINER, GUID, machine.installed);
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).service("ADAM_1");
    let thumbprint = machine.add_certificate(&spec);
    machine.bind("0.0.0.0:443", &thumbprint);
    machine.https_site("Intranet", &HttpsSpec::new("*:443:"));
    assert_eq!(
        finding(&on_drive(&machine), UNBOUND).severity,
        Level::Error,
        "stores of services are their own"
    );
}

#[test]
fn a_hash_in_the_configuration_does_not_tell_of_all_bindings() {
    let (mut machine, thumbprint) = with_site();
    let mut spec = HttpsSpec::new("*:8443:");
    spec.hash = Some(thumbprint);
    machine.https_site("Intranet", &spec);
    let report = without(&machine, &["\\config\\SYSTEM"]);
    assert_eq!(outcome(&report, UNBOUND), "not-evaluated");
}

#[test]
fn an_address_of_its_own_is_followed_beside_the_one_for_all() {
    let (mut machine, _) = with_site();
    machine.bind("10.0.0.5:443", "00112233445566778899AABBCCDDEEFF00112233");
    let report = on_drive(&machine);
    assert_eq!(finding(&report, UNBOUND).severity, Level::Error);
    let states: Vec<&str> = report.bindings.iter().map(|row| row.state.as_str()).collect();
    assert_eq!(states, ["ok", "certificate-missing"]);
    assert!(report.bindings.iter().all(|row| row.site.as_deref() == Some("Intranet")));
}

#[test]
fn no_site_is_called_dead_without_its_key_folder() {
    let report = without(&cases::https_after_repair(), &["\\Crypto\\"]);
    let found = finding(&report, "symptom-schannel-key");
    assert!(!found.explanation.contains("site Shop"), "{}", found.explanation);
}

#[test]
fn what_iis_left_behind_is_a_note() {
    let (mut machine, _) = with_site();
    machine.add_container("le-old-0001", OTHER_GUID, machine.installed);
    let spec = machine.certificate_for("old.example.test", "le-old-0001", OTHER_GUID);
    let thumbprint = machine.add_certificate(&spec);
    machine.bind("0.0.0.0:9443", &thumbprint);
    let report = on_drive(&machine);
    assert_eq!(finding(&report, ORPHANED).severity, Level::Note);
    assert_eq!(outcome(&report, "machine-guid-changed"), "clear");
    assert_eq!(report.verdict.name(), "healthy", "{}", report.summary);
}

#[test]
fn the_default_container_has_no_name_to_look_for() {
    let (mut machine, _) = with_site();
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).link(LinkSpec::capi(""));
    machine.add_certificate(&spec);
    let report = on_drive(&machine);
    assert_eq!(outcome(&report, MISSING), "not-evaluated", "{}", report.to_text());
    assert!(errors(&report).is_empty());
}

#[test]
fn of_two_old_copies_the_one_with_the_key_is_named() {
    const THIRD: &str = "11111111-2222-4333-8444-555555555555";
    let (mut machine, _) = with_site();
    machine.add_container(CONTAINER, OTHER_GUID, machine.installed);
    machine.set_guid(THIRD, filetime((2021, 1, 4), (3, 0, 0)));
    let report = on_drive(&machine);
    let found = finding(&report, ORPHANED);
    assert!(found.explanation.contains(&format!("as {}", key_file(GUID))), "{}", found.explanation);
    assert!(found.explanation.contains("is the certificate's"), "{}", found.explanation);
    assert!(found.remedies[0].contains(GUID), "{:?}", found.remedies);
    let renames = plan(&report).steps.iter().filter(|step| step.detail.contains(OTHER_GUID));
    assert!(renames.count() == 0, "{:?}", plan(&report).steps);
}

#[test]
fn a_damaged_copy_is_no_way_back() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let mut bytes = CapiSpec::new(CONTAINER).exchange(PairSpec::new(&format!("{CONTAINER} {GUID}"))).bytes();
    bytes.truncate(bytes.len() - 40);
    machine.add_container_file(&format!("{}.OLD", key_file(GUID)), bytes, machine.installed);
    let report = on_drive(&machine);
    let found = finding(&report, MISSING);
    assert!(!found.explanation.contains("all the same"), "{}", found.explanation);
    assert!(actions(plan(&report)).contains(&"import-certificate"), "{:?}", actions(plan(&report)));
}

#[test]
fn a_hostile_store_name_reaches_no_command() {
    let (mut machine, thumbprint) = with_site();
    let store = "MY & calc";
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID).link(LinkSpec::capi("{gone}")).store(store);
    machine.add_certificate(&spec);
    machine.bind_as("SslBindingInfo", "0.0.0.0:443", Some(&thumbprint), Some(store), iis_app());
    let report = on_drive(&machine);
    let step = plan(&report).steps.iter().find(|step| step.action == "link-certificate").expect("a step");
    assert!(
        step.commands.is_empty() && !step.verify.contains("calc") && !step.undo.contains("calc"),
        "{step:?}"
    );
    assert!(!step.detail.contains("Windows 2000"), "{}", step.detail);
}

fn iis_app() -> &'static str {
    iiskeys_fixtures::machine::IIS_APP_ID
}

#[test]
fn the_right_key_as_the_wrong_pair_is_linked_again() {
    let (mut machine, _) = with_site();
    let path = format!("{}\\{}", machine.machine_keys(), key_file(GUID));
    let pair = PairSpec::new(&format!("{CONTAINER} {GUID}"));
    machine.put(&path, CapiSpec::new(CONTAINER).signature(pair).bytes(), machine.installed);
    let report = on_drive(&machine);
    let found = finding(&report, MISMATCH);
    assert!(found.title.contains("as another pair"), "{}", found.title);
    let plan = plan(&report);
    assert!(actions(plan).contains(&"link-certificate"), "{:?}", actions(plan));
    assert!(plan.resolves.contains(&found.id), "{:?}", plan.resolves);
}

#[test]
fn another_key_has_the_pfx_as_its_way_back() {
    let (mut machine, _) = with_site();
    let path = format!("{}\\{}", machine.machine_keys(), key_file(GUID));
    machine.put(&path, CapiSpec::new(CONTAINER).exchange(PairSpec::new("new")).bytes(), machine.installed);
    let report = on_drive(&machine);
    let plan = plan(&report);
    assert_eq!(
        actions(plan),
        ["back-up", "stop-services", "import-certificate", "start-services", "restart-server", "verify"]
    );
    assert!(plan.resolves.iter().any(|id| id.starts_with(MISMATCH)), "{:?}", plan.resolves);
}

#[test]
fn a_container_that_cannot_be_opened_is_not_called_ok() {
    let machine = cases::foreign_containers();
    let mut machine = machine;
    let name = iiskeys_fixtures::machine::WAS_KEY;
    let spec = machine.certificate_for(SUBJECT, name, GUID);
    let thumbprint = machine.add_certificate(&spec);
    machine.bind("0.0.0.0:443", &thumbprint);
    machine.https_site("Intranet", &HttpsSpec::new("*:443:"));
    let report = on_drive(&machine);
    assert_eq!(state(&report, "Intranet"), "key-unusable", "{}", report.to_text());
}

#[test]
fn a_certificate_of_ftp_is_in_use() {
    let (mut machine, _) = with_site();
    let spec = machine.certificate_for("ftp.example.test", "{ftp}", GUID);
    let thumbprint = machine.add_certificate(&spec);
    let path = format!("{}\\config\\applicationHost.config", machine.inetsrv());
    let text = String::from_utf8(machine.file(&path).expect("a configuration").bytes.clone()).expect("text");
    let ssl = format!(
        "<siteDefaults><ftpServer><security><ssl serverCertHash=\"{thumbprint}\" /></security></ftpServer></siteDefaults>"
    );
    let text = text.replace("</sites>", &format!("{ssl}</sites>"));
    machine.put(&path, text.into_bytes(), machine.installed);
    let found = finding(&on_drive(&machine), MISSING);
    assert_eq!(found.severity, Level::Warning);
    assert!(found.explanation.contains("FTP over TLS of IIS"), "{}", found.explanation);
}

/// A site for each binding, and the entries of HTTP.sys with or without a certificate that is there.
fn bound(bindings: &[(&str, &str, u32)], entries: &[(&str, bool)]) -> Report {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.add_container(CONTAINER, GUID, machine.installed);
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    let there = machine.add_certificate(&spec);
    for (endpoint, is_there) in entries {
        machine.bind(endpoint, if *is_there { &there } else { "00112233445566778899AABBCCDDEEFF00112233" });
    }
    for (site, information, flags) in bindings {
        machine.https_site(site, &HttpsSpec::new(information).flags(*flags));
    }
    on_drive(&machine)
}

fn rows(report: &Report) -> Vec<(&str, &str, &str)> {
    let rows = report.bindings.iter();
    rows.map(|row| {
        (row.site.as_deref().unwrap_or("-"), row.http_sys.as_deref().unwrap_or("-"), row.state.as_str())
    })
    .collect()
}

#[test]
fn an_entry_for_one_address_serves_every_site_on_all_addresses() {
    let report = bound(&[("A", "*:443:a.test", 0), ("B", "*:443:b.test", 0)], &[("10.0.0.5:443", true)]);
    assert_eq!(rows(&report), [("A", "10.0.0.5:443", "ok"), ("B", "10.0.0.5:443", "ok")]);
    clear(&report, &[UNBOUND]);
}

#[test]
fn an_entry_that_is_a_sites_own_is_no_trouble_of_others() {
    for sites in
        [[("A", "*:443:", 0), ("B", "10.0.0.5:443:", 0)], [("B", "10.0.0.5:443:", 0), ("A", "*:443:", 0)]]
    {
        let report = bound(&sites, &[("0.0.0.0:443", true), ("10.0.0.5:443", false)]);
        assert_eq!(rows(&report), [("A", "0.0.0.0:443", "ok"), ("B", "10.0.0.5:443", "certificate-missing")]);
        assert_eq!(findings(&report, UNBOUND).len(), 1);
    }
}

#[test]
fn the_address_comes_before_the_name() {
    let report = bound(&[("A", "10.0.0.5:443:a.test", 1)], &[("a.test:443", true), ("10.0.0.5:443", false)]);
    assert_eq!(finding(&report, UNBOUND).severity, Level::Error, "{:?}", rows(&report));
    let report = bound(&[("A", "*:443:a.test", 1)], &[("10.0.0.5:443", true)]);
    assert_eq!(rows(&report), [("A", "10.0.0.5:443", "ok")]);
}

#[test]
fn both_families_of_addresses_are_followed() {
    let report = bound(&[("A", "*:443:", 0)], &[("0.0.0.0:443", true), ("[::]:443", false)]);
    assert_eq!(rows(&report).len(), 2);
    assert_eq!(finding(&report, UNBOUND).severity, Level::Error);
}

#[test]
fn each_endpoint_has_a_finding_of_its_own() {
    let report = bound(&[("A", "*:443:", 0)], &[("10.0.0.5:443", false), ("10.0.0.6:443", false)]);
    let found = findings(&report, UNBOUND);
    assert_eq!(found.len(), 2);
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn an_import_saves_the_store_first() {
    let (mut machine, _) = with_site();
    let path = format!("{}\\{}", machine.machine_keys(), key_file(GUID));
    machine.put(&path, CapiSpec::new(CONTAINER).exchange(PairSpec::new("new")).bytes(), machine.installed);
    let report = on_drive(&machine);
    let steps = &plan(&report).steps;
    assert!(
        steps[0].commands.iter().any(|command| command.contains("SystemCertificates\\MY")),
        "{:?}",
        steps[0]
    );
    let import = steps.iter().find(|step| step.action == "import-certificate").expect("a step");
    assert!(import.undo.contains("certificates-MY.reg"), "{}", import.undo);
}

#[test]
fn a_key_among_those_of_a_user_is_no_key_of_the_machine() {
    let (mut machine, _) = with_site();
    machine.remove_container(CONTAINER, GUID);
    let mut spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    spec.link = None;
    machine.add_certificate(&spec);
    let bytes = CapiSpec::new(CONTAINER).exchange(PairSpec::new(&format!("{CONTAINER} {GUID}"))).bytes();
    let path = format!("C:\\ProgramData\\Microsoft\\Crypto\\RSA\\S-1-5-18\\{}", key_file(GUID));
    machine.put(&path, bytes, machine.installed);
    let report = on_drive(&machine);
    assert_eq!(report.certificates[0].by_key.len(), 1, "the key is seen");
    assert_eq!(finding(&report, MISSING).severity, Level::Error);
}

#[test]
fn a_link_that_cannot_be_read_leaves_every_rule_open() {
    let (mut machine, _) = with_site();
    let spec = machine.certificate_for(SUBJECT, CONTAINER, GUID);
    machine.damage_certificate(&spec, |blob| blob.truncate(20));
    let report = on_drive(&machine);
    for rule in [MISSING, ORPHANED, UNLINKED, MISMATCH, USER] {
        assert_eq!(outcome(&report, rule), "not-evaluated", "{rule}");
    }
    assert_eq!(outcome(&report, "evidence-damaged"), "found");
}
