//! What the evidence says about certificates, bindings and sites.

mod support;

use iiskeys_core::artifact::container::Guid;
use iiskeys_core::evidence::{Evidence, MemoryTree, Timestamp};
use iiskeys_core::machine::{Content, Endpoint, Known, Need, StorePlace, Tls};
use iiskeys_core::{Facts, Options, Quiet};
use iiskeys_fixtures::certificate::{CertificateSpec, LinkSpec, PublicKeySpec, StoredSpec, blob};
use iiskeys_fixtures::config::HttpsSpec;
use iiskeys_fixtures::container::{CapiSpec, PairSpec};
use iiskeys_fixtures::machine::{GUID, IIS_APP_ID, Machine, OTHER_GUID, Os, Value, WMSVC_APP_ID};
use iiskeys_fixtures::metabase::MetabaseSite;
use support::drive;

const CONTAINER: &str = "le-WebServer-6e6b1c55-2f0a-44b0-9a4c-0d3c5d4f6a01";

fn facts_of(tree: MemoryTree) -> Facts {
    iiskeys_core::read(&Evidence::from_tree(tree), &Options::default(), &mut Quiet).expect("facts")
}

fn facts(machine: &Machine) -> Facts {
    facts_of(drive::tree(machine, &[]))
}

fn web(os: Os) -> (Machine, String) {
    let mut machine = Machine::new(os);
    let thumbprint = machine.add_tls_site("www.example.test", CONTAINER, GUID, "0.0.0.0:443", "Intranet");
    (machine, thumbprint)
}

fn read<T>(known: &Known<T>) -> &T
where
    T: std::fmt::Debug,
{
    known.value().unwrap_or_else(|| panic!("not read: {known:?}"))
}

/// Only exports: the machine's hives are not in evidence.
fn exported(exports: &[(&str, Vec<u8>)]) -> Tls {
    let mut tree = MemoryTree::new();
    for (name, bytes) in exports {
        tree.insert(name, bytes, None, None);
    }
    facts_of(tree).tls
}

#[test]
fn a_site_leads_to_its_binding_certificate_and_container() {
    for os in [Os::Server2008R2, Os::Server2012R2, Os::Server2022] {
        let (machine, thumbprint) = web(os);
        let facts = facts(&machine);
        let site = read(&facts.tls.sites).iter().find(|site| site.name == "Intranet").expect("the site");
        assert!(site.auto_start && site.id > 0);
        assert_eq!(site.bindings[0].information, "*:443:");
        let binding = &read(&facts.tls.bindings)[0];
        assert_eq!(binding.endpoint, Endpoint::of_site("*:443:", 0));
        assert_eq!(binding.thumbprint.as_deref(), Some(thumbprint.as_str()));
        assert_eq!(binding.store, "MY");
        assert_eq!(binding.app_id, Guid::parse(IIS_APP_ID.trim_matches(['{', '}'])).ok());
        let certificate = &read(&facts.tls.certificates)[0];
        assert_eq!(certificate.thumbprint, thumbprint);
        assert_eq!(certificate.place, StorePlace::Machine);
        assert!(certificate.written.is_some());
        let body = read(&certificate.body);
        assert_eq!(
            (body.subject.as_str(), body.issuer.as_str()),
            ("CN=www.example.test", "CN=Example Test CA")
        );
        assert_eq!(body.dns_names, ["www.example.test"]);
        assert_eq!((body.key_algorithm.as_str(), body.key_bits), ("RSA", Some(2048)));
        assert_eq!(body.for_servers, Some(true));
        let installed = Timestamp::from_filetime(machine.installed).expect("a time");
        assert_eq!(body.not_before.seconds_since(installed), 0);
        let link = read(&certificate.link);
        assert_eq!((link.container.as_str(), link.flags, link.key_spec), (CONTAINER, 0x20, 1));
        let file = facts.containers.iter().find(|file| inside_name(file) == Some(CONTAINER)).expect("a row");
        assert!(file.tracked);
        assert_eq!(moduli(file), [body.modulus_sha256.expect("RSA")]);
        assert!(facts.damage.is_empty(), "{:?}", facts.damage);
        assert!(facts.tls.covers(&StorePlace::Machine, "my"));
    }
}

fn inside_name(file: &iiskeys_core::machine::ContainerFile) -> Option<&str> {
    match &file.content {
        Content::Read(inside) => inside.name.as_deref(),
        _ => None,
    }
}

fn moduli(file: &iiskeys_core::machine::ContainerFile) -> Vec<[u8; 32]> {
    match &file.content {
        Content::Read(inside) => inside.pairs.iter().filter_map(|pair| pair.modulus_sha256).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_certificate_without_a_link_says_so() {
    let mut machine = Machine::new(Os::Server2022);
    let mut spec = machine.certificate_for("www.example.test", CONTAINER, GUID).friendly_name("Web, 2024");
    spec.link = None;
    machine.add_certificate(&spec);
    let facts = facts(&machine);
    let certificate = &read(&facts.tls.certificates)[0];
    assert!(certificate.link.is_absent());
    assert_eq!(certificate.friendly_name.as_deref(), Some("Web, 2024"));
}

#[test]
fn every_store_of_the_machine_is_read() {
    let mut machine = Machine::new(Os::Server2022);
    let spec = |name: &str| StoredSpec::new(CertificateSpec::new(name, PublicKeySpec::Ec));
    machine.add_certificate(&spec("hosting.test").store("WebHosting").link(LinkSpec::cng("te-x")));
    machine.add_certificate(&spec("rdp.test").store("Remote Desktop"));
    machine.add_certificate(&spec("policy.test").policy());
    machine.add_certificate(&spec("adam.test").service("ADAM_1"));
    machine.add_certificate(&spec("root.test").store("Root"));
    let facts = facts(&machine);
    let shown: Vec<(StorePlace, &str, &str)> = read(&facts.tls.certificates)
        .iter()
        .map(|found| (found.place.clone(), found.store.as_str(), read(&found.body).subject.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (StorePlace::Machine, "Remote Desktop", "CN=rdp.test"),
            (StorePlace::Machine, "WebHosting", "CN=hosting.test"),
            (StorePlace::Policy, "MY", "CN=policy.test"),
            (StorePlace::Service("ADAM_1".to_owned()), "MY", "CN=adam.test"),
        ]
    );
    let body = read(&read(&facts.tls.certificates)[0].body);
    assert_eq!((body.key_algorithm.as_str(), body.key_bits), ("EC", Some(256)));
}

#[test]
fn a_store_that_only_a_binding_names_is_read_too() {
    let mut machine = Machine::new(Os::Server2022);
    let spec = machine.certificate_for("www.example.test", CONTAINER, GUID).store("AddressBook");
    let thumbprint = machine.add_certificate(&spec);
    machine.bind_as("SslBindingInfo", "10.0.0.1:8443", Some(&thumbprint), Some("AddressBook"), IIS_APP_ID);
    let facts = facts(&machine);
    assert_eq!(read(&facts.tls.bindings)[0].store, "AddressBook");
    assert_eq!(read(&facts.tls.certificates)[0].thumbprint, thumbprint);
}

#[test]
fn names_are_bound_in_both_schemes_and_the_central_store_has_ports() {
    let (mut machine, thumbprint) = web(Os::Server2022);
    machine.bind("Shop.example.test:443", &thumbprint);
    machine.bind_by_guid("mail.example.test:8443", &thumbprint);
    machine.bind("[::]:443", &thumbprint);
    machine.bind_central(444);
    let facts = facts(&machine);
    let endpoints: Vec<Endpoint> =
        read(&facts.tls.bindings).iter().map(|binding| binding.endpoint.clone()).collect();
    let address = |address: &str| Endpoint::Address { address: address.to_owned(), port: 443 };
    let host = |host: &str, port| Endpoint::Host { host: host.to_owned(), port };
    assert_eq!(
        endpoints,
        [
            address("0.0.0.0"),
            address("::"),
            host("mail.example.test", 8443),
            host("shop.example.test", 443),
            Endpoint::Central { port: 444 },
        ]
    );
    assert_eq!(read(&facts.tls.bindings)[4].thumbprint, None);
}

#[test]
fn sites_say_how_they_use_tls() {
    let (mut machine, _) = web(Os::Server2022);
    machine.https_site("Shop", &HttpsSpec::new("*:443:shop.example.test").flags(1));
    machine.https_site("Shop", &HttpsSpec::new("*:444:").flags(2));
    let facts = facts(&machine);
    let shop = read(&facts.tls.sites).iter().find(|site| site.name == "Shop").expect("the site");
    let endpoints: Vec<Endpoint> = shop
        .bindings
        .iter()
        .map(|binding| Endpoint::of_site(&binding.information, binding.ssl_flags))
        .collect();
    let host = Endpoint::Host { host: "shop.example.test".to_owned(), port: 443 };
    assert_eq!(endpoints, [host, Endpoint::Central { port: 444 }]);
}

#[test]
fn remote_desktop_and_web_management_have_their_own() {
    let (mut machine, thumbprint) = web(Os::Server2022);
    let other = machine.add_certificate(&machine.certificate_for("rdp.example.test", "TSSecKeySet1", GUID));
    machine.set_rdp_certificate(&other);
    machine.set_management_certificate(&thumbprint);
    let facts = facts(&machine);
    let others: Vec<(&str, &str)> =
        facts.tls.others.iter().map(|other| (other.service, other.thumbprint.as_str())).collect();
    assert_eq!(others, [("rdp", other.as_str()), ("wmsvc", thumbprint.as_str())]);
    let bindings = read(&facts.tls.bindings);
    let management = bindings
        .iter()
        .find(|binding| binding.app_id == Guid::parse(WMSVC_APP_ID.trim_matches(['{', '}'])).ok());
    assert!(matches!(management.expect("a binding").endpoint, Endpoint::Address { port: 8172, .. }));
}

#[test]
fn before_iis_7_sites_stand_in_the_metabase() {
    let mut machine = Machine::new(Os::Server2003);
    let spec = machine.certificate_for("www.example.test", CONTAINER, GUID);
    let thumbprint = machine.add_certificate(&spec);
    machine.metabase_site(
        MetabaseSite::new("Default").secure(":443:").secure("10.0.0.1:8443:").certificate(&thumbprint),
    );
    machine.metabase_site(MetabaseSite { auto_start: Some(false), ..MetabaseSite::new("Old") });
    let facts = facts(&machine);
    let sites = read(&facts.tls.sites);
    assert_eq!((sites[0].name.as_str(), sites[0].id, sites[0].auto_start), ("Default", 1, true));
    let informations: Vec<&str> =
        sites[0].bindings.iter().map(|binding| binding.information.as_str()).collect();
    assert_eq!(informations, [":443:", "10.0.0.1:8443:"]);
    assert_eq!(sites[0].bindings[0].thumbprint.as_deref(), Some(thumbprint.as_str()));
    assert_eq!(sites[0].bindings[0].store.as_deref(), Some("MY"));
    assert_eq!((sites[1].id, sites[1].auto_start, sites[1].bindings.len()), (2, false, 0));
}

#[test]
fn a_binary_metabase_is_not_taken_for_one_without_sites() {
    let mut machine = Machine::new(Os::Windows2000);
    let path = format!("{}\\MetaBase.bin", machine.inetsrv());
    machine.put(&path, [&[0, 1, 2, 3][..], b"IcKb", &[7; 400], b"IcDb"].concat(), machine.installed);
    let tls = facts(&machine).tls;
    assert!(matches!(tls.sites, Known::Unreadable { .. }), "{:?}", tls.sites);
    let tls = facts(&Machine::new(Os::Windows2000)).tls;
    assert_eq!(tls.sites, Known::NotInEvidence(Need::Metabase));
}

#[test]
fn nothing_bound_and_no_store_are_facts_of_a_hive() {
    let mut machine = Machine::new(Os::Server2022);
    machine.no_bindings();
    let tls = facts(&machine).tls;
    assert!(tls.bindings.is_absent() && tls.certificates.is_absent());
    assert!(tls.covers(&StorePlace::Machine, "MY"));
}

#[test]
fn without_hives_nothing_is_known() {
    let (machine, _) = web(Os::Server2022);
    let tls = facts_of(drive::tree(&machine, &["\\config\\SOFTWARE", "\\config\\SYSTEM"])).tls;
    assert_eq!(tls.certificates, Known::NotInEvidence(Need::SoftwareHive));
    assert_eq!(tls.bindings, Known::NotInEvidence(Need::SystemHive));
}

#[test]
fn an_export_tells_of_what_it_covers() {
    let (mut machine, thumbprint) = web(Os::Server2022);
    machine.bind("shop.example.test:443", &thumbprint);
    let key = |key: &str| machine.export_software(key);
    let tls = exported(&[
        ("cryptography.reg", key("Microsoft\\Cryptography")),
        ("certificates.reg", key("Microsoft\\SystemCertificates\\MY")),
        ("http.reg", machine.export_system("ControlSet001\\Services\\HTTP\\Parameters")),
    ]);
    assert_eq!(read(&tls.certificates)[0].thumbprint, thumbprint);
    assert_eq!(read(&tls.certificates)[0].written, None);
    assert!(tls.covers(&StorePlace::Machine, "MY") && !tls.covers(&StorePlace::Machine, "WebHosting"));
    assert!(!tls.covers(&StorePlace::Policy, "MY"));
    assert_eq!(read(&tls.bindings).len(), 2);
    assert!(tls.uncovered_tables.is_empty());
    let tls = exported(&[
        ("cryptography.reg", key("Microsoft\\Cryptography")),
        ("http.reg", machine.export_system("ControlSet001\\Services\\HTTP\\Parameters\\SslBindingInfo")),
    ]);
    assert_eq!(tls.certificates, Known::NotInEvidence(Need::SoftwareHive));
    assert_eq!(read(&tls.bindings).len(), 1);
    assert_eq!(tls.uncovered_tables, ["SslSniBindingInfo", "SslCcsBindingInfo"]);
}

#[test]
fn an_export_of_a_running_machine_names_the_control_set_in_use() {
    let (machine, thumbprint) = web(Os::Server2022);
    let text = machine.export_system("ControlSet001\\Services\\HTTP\\Parameters");
    let utf16: Vec<u16> = text[2..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&utf16).expect("UTF-16").replace("ControlSet001", "CurrentControlSet");
    let tls = exported(&[("http.reg", text.into_bytes())]);
    assert_eq!(read(&tls.bindings)[0].thumbprint.as_deref(), Some(thumbprint.as_str()));
}

#[test]
fn certificates_of_a_user_are_not_the_machines() {
    let (machine, _) = web(Os::Server2022);
    let text = machine.export_software("Microsoft\\SystemCertificates");
    let utf16: Vec<u16> = text[2..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&utf16)
        .expect("UTF-16")
        .replace("HKEY_LOCAL_MACHINE\\SOFTWARE", "HKEY_CURRENT_USER\\Software");
    let tls = exported(&[("user.reg", text.into_bytes()), ("a.reg", machine.export())]);
    assert_eq!(tls.certificates, Known::NotInEvidence(Need::SoftwareHive));
}

#[test]
fn a_damaged_blob_is_damage_and_still_a_certificate() {
    let (mut machine, thumbprint) = web(Os::Server2022);
    let spec = machine.certificate_for("www.example.test", CONTAINER, GUID);
    machine.damage_certificate(&spec, |blob| blob.truncate(400));
    let damaged = facts(&machine);
    let certificate = &read(&damaged.tls.certificates)[0];
    assert_eq!(certificate.thumbprint, thumbprint);
    assert!(matches!(certificate.body, Known::Unreadable { .. }));
    assert_eq!(read(&certificate.link).container, CONTAINER);
    assert!(damaged.damage.iter().any(|damage| damage.what.contains("cut off")), "{:?}", damaged.damage);
    // Broken off before the link: whether there is one is not known.
    machine.damage_certificate(&spec, |blob| blob.truncate(40));
    let damaged = facts(&machine);
    assert!(matches!(read(&damaged.tls.certificates)[0].link, Known::Unreadable { .. }));
    // DER that is none.
    let properties: Vec<(u32, Vec<u8>)> = spec
        .properties()
        .into_iter()
        .map(|(id, value)| (id, if id == 32 { vec![0x30, 0x82, 9] } else { value }))
        .collect();
    machine.damage_certificate(&spec, |bytes| *bytes = blob(&properties));
    let damaged = facts(&machine);
    assert!(matches!(read(&damaged.tls.certificates)[0].body, Known::Unreadable { .. }));
    assert!(damaged.damage.iter().any(|damage| damage.what.contains("not X.509")), "{:?}", damaged.damage);
}

#[test]
fn another_certificate_under_a_hash_is_told() {
    let (mut machine, thumbprint) = web(Os::Server2022);
    let other = machine.certificate_for("other.test", CONTAINER, GUID).blob();
    let key = format!("Microsoft\\SystemCertificates\\MY\\Certificates\\{thumbprint}");
    machine.set(&key, "Blob", Value::Binary(other));
    let facts = facts(&machine);
    assert_eq!(read(&read(&facts.tls.certificates)[0].body).subject, "CN=other.test");
    assert!(facts.damage.iter().any(|damage| damage.what.contains("has the SHA-1")), "{:?}", facts.damage);
}

#[test]
fn containers_are_followed_by_name_and_by_public_key_even_in_a_large_folder() {
    let mut machine = Machine::new(Os::Server2012R2);
    let at = machine.installed;
    // Linked, but only under another GUID.
    machine.add_tls_site("a.example.test", "le-a", OTHER_GUID, "0.0.0.0:443", "A");
    // Not linked: only the public key says that they belong together. One key is long, one file has two pairs.
    let mut unlinked = machine.certificate_for("b.example.test", "{B}", GUID);
    unlinked.link = None;
    machine.add_container("{B}", GUID, at);
    machine.add_certificate(&unlinked);
    for (name, spec) in [
        ("long", CapiSpec::new("{long}").exchange(PairSpec::new("long").bits(4096))),
        ("both", CapiSpec::new("{both}").signature(PairSpec::new("other")).exchange(PairSpec::new("both"))),
    ] {
        let bits = if name == "long" { 4096 } else { 2048 };
        let modulus = PairSpec::new(name).bits(bits).modulus();
        machine.add_certificate(&StoredSpec::new(CertificateSpec::new(
            name,
            PublicKeySpec::Rsa(modulus, 65537),
        )));
        let file = format!("{}_{GUID}", if name == "long" { "a".repeat(32) } else { "b".repeat(32) });
        machine.add_container_file(&file, spec.bytes(), at);
    }
    machine.add_cng_container("{C}", GUID, at);
    let certificate = machine.certificate_for("c.example.test", "{C}", GUID).link(LinkSpec::cng("{C}"));
    machine.add_certificate(&certificate);
    let expected = ["le-a", "{B}", "{long}", "{both}", "{C}"];
    let tracked = |machine: &Machine| {
        let facts = facts(machine);
        let tracked: Vec<String> = facts
            .containers
            .iter()
            .filter(|file| file.tracked)
            .filter_map(|file| inside_name(file).map(str::to_owned))
            .collect();
        let large = facts.folders.iter().any(|folder| folder.count > 500);
        (expected.iter().all(|name| tracked.iter().any(|known| known == name)), large, tracked)
    };
    let (all, large, found) = tracked(&machine);
    assert!(all && !large, "{found:?}");
    for number in 0..600 {
        machine.add_container(&format!("te-User-{number}"), GUID, at);
    }
    let (all, large, found) = tracked(&machine);
    assert!(all && large, "{found:?}");
    assert!(!found.iter().any(|name| name.starts_with("te-User")));
}

#[test]
fn the_time_of_a_certificate_is_that_of_its_key() {
    let (mut machine, _) = web(Os::Server2022);
    let at = machine.installed + 864_000_000_000;
    machine.add_certificate(&machine.certificate_for("www.example.test", CONTAINER, GUID).written(at));
    let facts = facts(&machine);
    assert_eq!(read(&facts.tls.certificates)[0].written, Timestamp::from_filetime(at));
}

#[test]
fn of_very_many_certificates_each_is_followed() {
    let mut machine = Machine::new(Os::Server2022);
    for number in 0..2_010 {
        let certificate = CertificateSpec::new(&format!("{number}.test"), PublicKeySpec::Ec);
        machine.add_certificate(&StoredSpec::new(certificate).link(LinkSpec::capi(&format!("te-{number}"))));
    }
    for number in [0, 2_009] {
        machine.add_container(&format!("te-{number}"), GUID, machine.installed);
    }
    let facts = facts(&machine);
    assert_eq!(read(&facts.tls.certificates).len(), 2_010);
    for number in [0, 2_009] {
        let name = format!("te-{number}");
        let file = facts.containers.iter().find(|file| inside_name(file) == Some(name.as_str()));
        assert!(file.expect("a row").tracked, "{name}");
    }
}
