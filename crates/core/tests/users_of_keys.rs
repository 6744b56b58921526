//! The central certificate store and ASP.NET: which container opens what they keep, and what they need.

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::machine::{Facts, Machine as Derived, Needed, Opens, Weight, WrapKind};
use iiskeys_core::{Options, Quiet};
use iiskeys_fixtures::crypto::SessionAlg;
use iiskeys_fixtures::hive::Data;
use iiskeys_fixtures::machine::{Machine, Os, Secrets};

const WAS_KEY: &str = "iisWasKey";
const ASPNET: &str = "NetFrameworkConfigurationKey";
const OTHER_GUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const STORE: &str = "Microsoft\\IIS\\CentralCertProvider";
const SITE: &str = "C:\\inetpub\\wwwroot\\web.config";
const MACHINE_CONFIG: &str = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\CONFIG\\machine.config";

fn machine() -> Machine {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.protect(&Secrets::new("users of keys"));
    machine
}

fn read(machine: &Machine) -> Facts {
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        tree.insert(&path.trim_start_matches("C:\\").replace('\\', "/"), &file.bytes, None, None);
    }
    iiskeys_core::read(&Evidence::from_tree(tree), &Options::default(), &mut Quiet).expect("facts")
}

/// What the containers of a name open: the one under the machine's GUID first, then those under the other.
fn opens<'f>(facts: &'f Facts, name: &str) -> (Vec<&'f Opens>, Vec<&'f Opens>) {
    let inside = facts.containers.iter().filter_map(|file| match &file.content {
        iiskeys_core::machine::Content::Read(inside) if inside.name.as_deref() == Some(name) => {
            Some((file.name.ends_with(OTHER_GUID), &inside.opens))
        }
        _ => None,
    });
    let (other, own): (Vec<_>, Vec<_>) = inside.partition(|(is_other, _)| *is_other);
    let opens = |found: Vec<(bool, &'f Opens)>| found.into_iter().map(|(_, opens)| opens).collect();
    (opens(own), opens(other))
}

fn needed(facts: &Facts, name: &str) -> Option<Needed> {
    Derived::derive(facts).needed.iter().find(|needed| needed.name == name).cloned()
}

fn reasons(needed: &Needed) -> String {
    needed.reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_container_that_encrypted_the_passwords_opens_them_and_a_foreign_one_does_not() {
    let mut machine = machine();
    machine.add_central_store();
    machine.add_container(WAS_KEY, OTHER_GUID, machine.last_written);
    let facts = read(&machine);
    let names: Vec<&str> = facts.central_store.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["Password", "PrivateKeyPassword"]);
    let (own, other) = opens(&facts, WAS_KEY);
    assert_eq!((own.len(), other.len()), (1, 1));
    for (_, wrap, _) in &facts.central_store {
        assert_eq!((facts.wraps[*wrap].kind, facts.wraps[*wrap].bits), (WrapKind::CentralStore, 2048));
        assert!(own[0].wraps.contains(wrap) && !own[0].not_wraps.contains(wrap));
        assert!(other[0].not_wraps.contains(wrap) && !other[0].wraps.contains(wrap));
    }
    let needed = needed(&facts, WAS_KEY).expect("a need");
    assert_eq!(needed.weight, Weight::Error);
    assert!(reasons(&needed).contains("central certificate store keeps 2 passwords"), "{}", reasons(&needed));
}

#[test]
fn a_central_store_that_is_switched_off_or_has_no_password_needs_nothing() {
    let mut off = machine();
    off.add_central_store();
    off.set(STORE, "Enabled", Data::Dword(0));
    assert!(read(&off).central_store.is_empty());

    let mut bare = machine();
    bare.set(STORE, "Enabled", Data::Dword(1));
    bare.set(STORE, "Password", Data::Sz(String::new()));
    let facts = read(&bare);
    assert!(facts.central_store.is_empty());
    let without = reasons(&needed(&facts, WAS_KEY).expect("the configuration needs it"));
    assert!(!without.contains("central"), "{without}");
}

#[test]
fn a_store_that_does_not_say_whether_it_is_on_counts_as_in_use() {
    let mut machine = machine();
    machine.add_central_store();
    machine.unset(STORE, "Enabled");
    assert_eq!(read(&machine).central_store.len(), 2);
}

#[test]
fn a_password_in_clear_is_told_and_tried_on_no_key() {
    let mut machine = machine();
    machine.set(STORE, "Password", Data::Sz("correct horse".to_owned()));
    let facts = read(&machine);
    assert!(facts.central_store.is_empty());
    let damage = facts.damage.iter().find(|damage| damage.what.contains("value Password"));
    let damage = damage.expect("a note");
    assert!(damage.path.ends_with("SOFTWARE") && !damage.what.contains("horse"), "{damage:?}");
}

#[test]
fn the_container_that_encrypted_a_section_opens_it_and_a_foreign_one_does_not() {
    for (alg, oaep) in [(SessionAlg::TripleDes, false), (SessionAlg::Aes256, true)] {
        let mut machine = machine();
        machine.add_aspnet_secret(SITE, alg, oaep, machine.last_written);
        machine.add_container(ASPNET, OTHER_GUID, machine.last_written);
        let facts = read(&machine);
        let [section] = facts.aspnet.as_slice() else { panic!("{:?}", facts.aspnet) };
        assert_eq!((section.windows_path.as_str(), section.section.as_str()), (SITE, "connectionStrings"));
        assert_eq!(facts.wraps[section.wrap].kind, WrapKind::AspNet);
        let (own, other) = opens(&facts, ASPNET);
        assert!(own[0].wraps.contains(&section.wrap), "{alg:?}: {own:?}");
        assert!(other[0].not_wraps.contains(&section.wrap), "{alg:?}: {other:?}");
        let needed = needed(&facts, ASPNET).expect("a need");
        assert_eq!(needed.weight, Weight::Warning);
        assert_eq!(reasons(&needed), format!("1 section of {SITE} is encrypted with it"));
    }
}

#[test]
fn machines_without_sections_do_not_need_the_container_of_aspnet() {
    assert_eq!(needed(&read(&machine()), ASPNET), None);
}

/// Another provider beside the section that the forge encrypted.
fn with_provider(machine: &mut Machine, path: &str, attributes: &str) {
    let at = machine.last_written;
    let text = String::from_utf8(machine.files()[SITE].bytes.clone()).expect("text");
    let providers = format!(
        "<configProtectedData><providers><add name=\"ShopProvider\" \
         type=\"System.Configuration.RsaProtectedConfigurationProvider, System.Configuration\" {attributes} \
         /></providers></configProtectedData>"
    );
    let text = text.replace("\"RsaProtectedConfigurationProvider\">", "\"ShopProvider\">");
    if path == SITE {
        let text = text.replace("<configuration>", &format!("<configuration>{providers}"));
        machine.put(SITE, text.into_bytes(), at);
    } else {
        machine.put(SITE, text.into_bytes(), at);
        machine.put(path, format!("<configuration>{providers}</configuration>").into_bytes(), at);
    }
}

#[test]
fn the_provider_of_a_section_names_its_container_in_the_same_file_or_in_the_machines() {
    for declared_in in [SITE, MACHINE_CONFIG] {
        let mut machine = machine();
        machine.add_aspnet_secret(SITE, SessionAlg::Aes256, true, machine.last_written);
        with_provider(&mut machine, declared_in, "keyContainerName=\"ShopKey\" useMachineContainer=\"true\"");
        machine.add_container("ShopKey", OTHER_GUID, machine.last_written);
        let facts = read(&machine);
        let [section] = facts.aspnet.as_slice() else { panic!("{:?}", facts.aspnet) };
        assert_eq!(facts.wraps[section.wrap].container, "ShopKey", "declared in {declared_in}");
        let (_, shop) = opens(&facts, "ShopKey");
        assert!(shop[0].not_wraps.contains(&section.wrap), "{shop:?}");
        assert!(needed(&facts, "ShopKey").is_some() && needed(&facts, ASPNET).is_none());
    }
}

#[test]
fn a_section_of_a_users_container_needs_none_of_the_machine() {
    let mut machine = machine();
    machine.add_aspnet_secret(SITE, SessionAlg::Aes256, true, machine.last_written);
    with_provider(&mut machine, SITE, "keyContainerName=\"ShopKey\" useMachineContainer=\"false\"");
    let facts = read(&machine);
    assert!(facts.aspnet.is_empty() && facts.wraps.iter().all(|wrap| wrap.kind != WrapKind::AspNet));
}

#[test]
fn a_file_that_is_too_large_or_broken_is_told() {
    for bytes in [vec![b' '; 5 << 20], b"<configuration>".to_vec()] {
        let mut machine = machine();
        machine.put(MACHINE_CONFIG, bytes, machine.last_written);
        let facts = read(&machine);
        assert!(facts.aspnet.is_empty());
        let told = facts.damage.iter().any(|damage| damage.path.ends_with("machine.config"));
        assert!(told, "{:?}", facts.damage);
    }
}
