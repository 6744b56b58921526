//! What old systems keep of their past: copies of SOFTWARE with an earlier MachineGuid, hotfixes, containers in the
//! registry, the binary metabase.

mod support;

use iiskeys_core::evidence::{Evidence, MemoryTree, Timestamp};
use iiskeys_core::report::{Report, Verdict};
use iiskeys_core::{Facts, Options, Quiet};
use iiskeys_fixtures::forms::{mbr_disk, volume};
use iiskeys_fixtures::hive::{dirty, new_log, old_log};
use iiskeys_fixtures::machine::{GUID, METABASE, Machine, OTHER_GUID, Os, Value};
use iiskeys_fixtures::time::filetime;
use support::drive::{lacks, on_drive, tree};
use support::{finding, of_tree, outcome};

const CRYPTOGRAPHY: &str = "Microsoft\\Cryptography";
const STORE: &str = "C:\\System Volume Information\\_restore{0F1E2D3C-0000-4444-8888-ABCDEF012345}";
const SNAPSHOT: &str = "snapshot\\_REGISTRY_MACHINE_SOFTWARE";

fn changed() -> u64 {
    filetime((2010, 5, 30), (4, 5, 6))
}

/// A machine whose GUID was changed, and SOFTWARE as it was before.
fn changed_machine(os: Os) -> (Machine, Vec<u8>) {
    let mut before = Machine::new(os);
    before.last_written = before.installed + 30 * 864_000_000_000;
    let mut machine = Machine::new(os);
    machine.set_guid(OTHER_GUID, machine.last_written - 864_000_000_000);
    (machine, before.software())
}

fn facts_of(machine: &Machine) -> Facts {
    let evidence = Evidence::from_tree(tree(machine, &[]));
    iiskeys_core::read(&evidence, &Options::default(), &mut Quiet).expect("facts")
}

/// Sources of a GUID in the census.
fn sources(report: &Report, guid: &str) -> Vec<String> {
    let row = report.guid_census.iter().find(|row| row.guid == guid);
    row.map(|row| row.sources.clone()).unwrap_or_default()
}

fn time(filetime: u64) -> Option<Timestamp> {
    Timestamp::from_filetime(filetime)
}

#[test]
fn every_place_of_a_copy_gives_an_earlier_guid_with_the_name_of_the_place() {
    let places = [
        (Os::Server2012R2, "C:\\Windows\\System32\\config\\RegBack\\SOFTWARE", "RegBack"),
        (Os::Server2012R2, "C:\\Windows.old\\Windows\\System32\\config\\SOFTWARE", "Windows.old"),
        (
            Os::Server2012R2,
            "C:\\Windows.old\\Windows\\System32\\config\\RegBack\\SOFTWARE",
            "Windows.old RegBack",
        ),
        (Os::Server2003, "C:\\WINDOWS\\repair\\software", "repair"),
        (Os::Server2003, "C:\\WINDOWS\\repair\\RegBack\\software", "repair\\RegBack"),
        (Os::Server2003, "C:\\WINDOWS\\System32\\config\\SOFTWARE.SAV", "SOFTWARE.SAV"),
        (Os::Windows2000, "C:\\WINNT\\System32\\config\\software.sav", "software.sav"),
        (Os::Windows2000, "C:\\WINNT\\System32\\config\\SOFTWARE.OLD", "SOFTWARE.OLD"),
        (Os::Windows2000, "C:\\WINNT\\System32\\config\\software.bak", "software.bak"),
        (Os::Windows2000, "C:\\WINNT\\repair\\software", "repair"),
    ];
    for (os, path, place) in places {
        let (mut machine, before) = changed_machine(os);
        machine.put(path, before, machine.installed);
        let report = on_drive(&machine);
        assert!(
            sources(&report, GUID).iter().any(|source| source == place),
            "{path}: {:?}",
            report.guid_census
        );
        assert_eq!(report.machine.machine_guid.as_ref().map(|guid| guid.value.as_str()), Some(OTHER_GUID));
        assert_eq!(outcome(&report, "evidence-damaged"), "clear", "{path}");
        let found = finding(&report, "machine-guid-changed");
        assert!(found.explanation.contains("was this machine's own"), "{}", found.explanation);
    }
}

#[test]
fn restore_points_are_read_in_their_order() {
    let (mut machine, before) = changed_machine(Os::Server2003);
    for (number, bytes) in [(9, before.clone()), (12, before), (100, machine.software())] {
        machine.put(&format!("{STORE}\\RP{number}\\{SNAPSHOT}"), bytes, machine.installed);
    }
    machine.put(
        &format!("{STORE}\\RP100\\snapshot\\_REGISTRY_MACHINE_SYSTEM"),
        machine.system(),
        machine.installed,
    );
    let report = on_drive(&machine);
    let old: Vec<_> = sources(&report, GUID).into_iter().filter(|it| it.starts_with("System")).collect();
    assert_eq!(old, ["System Restore RP9", "System Restore RP12"]);
    assert!(sources(&report, OTHER_GUID).contains(&"System Restore RP100".to_owned()));
}

#[test]
fn restore_points_of_a_disk_image_are_read() {
    let (mut machine, before) = changed_machine(Os::Server2003);
    machine.put(&format!("{STORE}\\RP7\\{SNAPSHOT}"), before, machine.installed);
    let report = of_tree(MemoryTree::new().file("disk.dd", &mbr_disk(&volume(&machine))));
    assert!(sources(&report, GUID).contains(&"System Restore RP7".to_owned()), "{:?}", report.guid_census);
    let row = report.evidence.iter().find(|row| row.kind == "software-hive-history").expect("its row");
    assert!(row.path.ends_with("RP7/snapshot/_REGISTRY_MACHINE_SOFTWARE"), "{}", row.path);
}

#[test]
fn shadow_copies_beside_a_drive_are_earlier_states_of_it() {
    let (machine, before) = changed_machine(Os::Server2012R2);
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        tree.insert(&path.replace('\\', "/").replace("C:", "C"), &file.bytes, None, None);
    }
    for number in [2, 11] {
        tree.insert(&format!("VSS{number}/C/Windows/System32/config/SOFTWARE"), &before, None, None);
    }
    let report = of_tree(tree);
    let found = sources(&report, GUID);
    assert!(
        found.iter().any(|it| it == "shadow copy 2") && found.iter().any(|it| it == "shadow copy 11"),
        "{found:?}"
    );
}

#[test]
fn a_folder_of_snapshots_beside_loose_hives_is_the_past() {
    let (machine, before) = changed_machine(Os::Server2003);
    let with = |path: &str| {
        let tree = MemoryTree::new()
            .file("SOFTWARE", &machine.software())
            .file("SYSTEM", &machine.system())
            .file(path, &before);
        of_tree(tree)
    };
    for (path, place) in [
        ("RP12/snapshot/_REGISTRY_MACHINE_SOFTWARE", "System Restore RP12"),
        ("snapshot/_REGISTRY_MACHINE_SOFTWARE", "System Restore"),
        ("_restore{0F1E2D3C}/RP3/snapshot/_REGISTRY_MACHINE_SOFTWARE", "System Restore RP3"),
        ("SOFTWARE.SAV", "SOFTWARE.SAV"),
        ("older/software.bak", "software.bak"),
    ] {
        let report = with(path);
        assert_eq!(
            report.machine.machine_guid.as_ref().map(|guid| guid.value.as_str()),
            Some(OTHER_GUID),
            "{path}"
        );
        assert_eq!(sources(&report, GUID), [place], "{path}");
        assert_eq!(outcome(&report, "evidence-mixed"), "clear", "{path}");
    }
}

#[test]
fn a_copy_by_name_alone_with_another_installation_date_is_of_another_machine() {
    let machine = Machine::new(Os::Server2012R2);
    let mut other = Machine::new(Os::Server2003);
    other.set_guid(OTHER_GUID, changed());
    let with = |machine: &Machine| {
        let tree = MemoryTree::new()
            .file("SOFTWARE", &machine.software())
            .file("SYSTEM", &machine.system())
            .file("found/software.bak", &other.software());
        of_tree(tree)
    };
    let report = with(&machine);
    assert!(finding(&report, "evidence-mixed").explanation.contains(OTHER_GUID));
    assert_eq!(sources(&report, OTHER_GUID), ["second registry source"]);
    // Unless an upgrade in place replaced just that installation.
    let mut upgraded = machine;
    let seconds = (other.installed - 116_444_736_000_000_000) / 10_000_000;
    let date = Value::Dword(u32::try_from(seconds).expect("seconds"));
    upgraded.set_system("Setup\\Source OS", "InstallDate", date);
    let report = with(&upgraded);
    assert_eq!(outcome(&report, "evidence-mixed"), "clear");
    assert_eq!(sources(&report, OTHER_GUID), ["software.bak"]);
}

#[test]
fn a_copy_that_is_all_there_is_stands_for_the_hive() {
    let machine = Machine::new(Os::Server2003);
    let report = of_tree(MemoryTree::new().file("snapshot/_REGISTRY_MACHINE_SOFTWARE", &machine.software()));
    assert_eq!(report.machine.machine_guid.map(|guid| guid.value).as_deref(), Some(GUID));
    // Of several none is the machine's, and each is an earlier state of it.
    let several = MemoryTree::new()
        .file("RP1/snapshot/_REGISTRY_MACHINE_SOFTWARE", &machine.software())
        .file("RP2/snapshot/_REGISTRY_MACHINE_SOFTWARE", &machine.software());
    let report = of_tree(several);
    assert_eq!(report.machine.machine_guid, None);
    assert_eq!(sources(&report, GUID), ["System Restore RP1", "System Restore RP2"]);
}

#[test]
fn an_empty_copy_in_regback_is_no_damage() {
    let mut machine = Machine::new(Os::Server2022);
    for name in ["SOFTWARE", "SYSTEM", "SECURITY"] {
        machine.put(
            &format!("C:\\Windows\\System32\\config\\RegBack\\{name}"),
            Vec::new(),
            machine.installed,
        );
    }
    let report = on_drive(&machine);
    assert_eq!(outcome(&report, "evidence-damaged"), "clear");
    assert_eq!(sources(&report, GUID).iter().filter(|source| source.contains("RegBack")).count(), 0);
}

#[test]
fn a_copy_that_is_cut_off_is_said_and_counts_for_nothing() {
    let (mut machine, mut before) = changed_machine(Os::Server2003);
    before.truncate(300);
    machine.put("C:\\WINDOWS\\repair\\software", before, machine.installed);
    let report = on_drive(&machine);
    let found = finding(&report, "evidence-damaged");
    assert!(found.explanation.contains("this copy of SOFTWARE cannot be read"), "{}", found.explanation);
}

#[test]
fn the_value_of_system_restore_is_nobodys_guid() {
    let foreign = "11111111-2222-3333-4444-555555555555";
    let mut before = Machine::new(Os::Server2003);
    before.set(
        "Microsoft\\Windows NT\\CurrentVersion\\SystemRestore\\Cfg",
        "MachineGuid",
        Value::Sz(foreign.to_owned()),
    );
    before.unset(CRYPTOGRAPHY, "MachineGuid");
    let mut machine = Machine::new(Os::Server2003);
    machine.put(&format!("{STORE}\\RP1\\{SNAPSHOT}"), before.software(), machine.installed);
    let report = on_drive(&machine);
    assert!(!report.to_json().contains(foreign));
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
}

#[test]
fn a_dirty_copy_is_brought_to_its_last_state_with_its_logs() {
    let config = "C:\\Windows.old\\Windows\\System32\\config";
    let mut first = Machine::new(Os::Server2012R2);
    first.set_guid("00000000-1111-4222-8333-444444444444", first.installed);
    let second = Machine::new(Os::Server2012R2);
    let bytes = dirty(&first.software());
    for (name, log) in [
        ("SOFTWARE.LOG1", new_log(&bytes, &second.software(), 8)),
        ("SOFTWARE.LOG", old_log(&bytes, &second.software())),
    ] {
        let (mut machine, _) = changed_machine(Os::Server2012R2);
        machine.put(&format!("{config}\\SOFTWARE"), bytes.clone(), machine.installed);
        let without = facts_of(&machine);
        let earlier = &without.identity.earlier;
        assert_eq!(earlier.len(), 1, "{earlier:?}");
        assert!(earlier[0].is_unreplayed && earlier[0].taken.is_none());
        assert_eq!(earlier[0].guid.as_str(), "00000000-1111-4222-8333-444444444444");
        let report = on_drive(&machine);
        assert_eq!(
            sources(&report, "00000000-1111-4222-8333-444444444444"),
            ["Windows.old without its logs"]
        );

        machine.put(&format!("{config}\\{name}"), log, machine.installed);
        let with = facts_of(&machine);
        let earlier: Vec<_> =
            with.identity.earlier.iter().map(|it| (it.guid.as_str().to_owned(), it.is_unreplayed)).collect();
        let expected = [("00000000-1111-4222-8333-444444444444".to_owned(), true), (GUID.to_owned(), false)];
        assert_eq!(earlier, expected, "{name}");
    }
}

#[test]
fn the_window_of_the_change_follows_the_copies() {
    let taken = filetime((2009, 8, 1), (3, 0, 0));
    let found = filetime((2010, 3, 1), (3, 0, 0));
    let mut before = Machine::new(Os::Server2003);
    before.last_written = taken;
    let mut after = Machine::new(Os::Server2003);
    after.set_guid(OTHER_GUID, found);
    let mut machine = Machine::new(Os::Server2003);
    // Something else was written into the key since, so that its time comes late.
    machine.set_guid(OTHER_GUID, changed());
    machine.put(&format!("{STORE}\\RP1\\{SNAPSHOT}"), before.software(), machine.installed);
    machine.put(&format!("{STORE}\\RP2\\{SNAPSHOT}"), after.software(), machine.installed);
    let report = on_drive(&machine);
    let cause = report.root_cause.as_ref().expect("a cause");
    assert_eq!(cause.rule, "machine-guid-changed");
    assert_eq!(cause.earliest, time(taken).map(|time| time.to_string()));
    assert_eq!(cause.latest, time(found).map(|time| time.to_string()));
}

#[test]
fn copies_that_contradict_the_order_of_the_change_date_nothing() {
    let mut before = Machine::new(Os::Server2003);
    before.last_written = changed() + 864_000_000_000;
    let mut machine = Machine::new(Os::Server2003);
    machine.set_guid(OTHER_GUID, changed());
    machine.put("C:\\WINDOWS\\repair\\software", before.software(), machine.installed);
    let report = on_drive(&machine);
    let cause = report.root_cause.as_ref().expect("a cause");
    assert_eq!((cause.earliest.as_deref(), cause.latest.as_deref()), (None, None));
}

#[test]
fn a_hundred_restore_points_are_not_all_read_and_that_is_said() {
    let mut machine = Machine::new(Os::Server2003);
    let bytes = machine.software();
    for number in 1..=100 {
        machine.put(&format!("{STORE}\\RP{number}\\{SNAPSHOT}"), bytes.clone(), machine.installed);
    }
    let facts = facts_of(&machine);
    let names: Vec<&str> = facts.identity.earlier.iter().map(|it| it.source.as_str()).collect();
    assert_eq!(names.len(), 64);
    assert_eq!(
        (names[0], names[31], names[32]),
        ("System Restore RP1", "System Restore RP32", "System Restore RP69")
    );
    let said = "36 of 100 copies of SOFTWARE were not read: System Restore RP33 to System Restore RP68";
    assert!(facts.damage.iter().any(|damage| damage.what == said), "{:?}", facts.damage);
}

#[test]
fn the_hotfix_is_found_in_each_place_where_it_is_registered() {
    let places = [
        "Microsoft\\Updates\\Windows 2000\\SP5\\KB884872",
        "Microsoft\\Updates\\Windows 2000\\KB884872",
        "Microsoft\\Windows NT\\CurrentVersion\\HotFix\\KB884872",
        "Microsoft\\Windows NT\\CurrentVersion\\Hotfix\\Q884872",
        "Microsoft\\Windows\\CurrentVersion\\Uninstall\\KB884872",
        "Microsoft\\Windows\\CurrentVersion\\Uninstall\\Windows 2000 Hotfix - KB884872",
    ];
    for place in places {
        let mut machine = Machine::new(Os::Windows2000);
        machine.set(place, "Installed", Value::Dword(1));
        assert_eq!(facts_of(&machine).os.hotfix_884872.value(), Some(&true), "{place}");
        machine.set(place, "Installed", Value::Dword(0));
        assert_eq!(facts_of(&machine).os.hotfix_884872.value(), Some(&false), "{place}: taken out again");
    }
    let mut machine = Machine::new(Os::Windows2000);
    machine.set("Microsoft\\Updates\\Windows 2000\\SP5\\KB835732", "", Value::Dword(1));
    assert_eq!(facts_of(&machine).os.hotfix_884872.value(), Some(&false));
    let without = Evidence::from_tree(MemoryTree::new().file("SYSTEM", &machine.system()));
    let facts = iiskeys_core::read(&without, &Options::default(), &mut Quiet).expect("facts");
    assert!(!facts.os.hotfix_884872.is_settled());
}

#[test]
fn containers_in_the_registry_are_listed_and_count_for_nothing() {
    let mut machine = Machine::new(Os::Windows2000);
    for name in ["MS IIS DCOM Server", "Microsoft Internet Information Server"] {
        let key = format!("Microsoft\\Cryptography\\MachineKeys\\{name}");
        machine.set(&key, "KeyPair", Value::Binary(vec![1, 2, 3]));
        machine.touch(&key, machine.installed);
    }
    let report = on_drive(&machine);
    let rows: Vec<_> = report.registry_containers.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(rows, ["MS IIS DCOM Server", "Microsoft Internet Information Server"]);
    let first = &report.registry_containers[0];
    assert_eq!(first.written.as_deref(), time(machine.installed).map(|time| time.to_string()).as_deref());
    assert!(first.locator.ends_with("MachineKeys\\MS IIS DCOM Server"), "{}", first.locator);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);

    // They do not stand in for the files that are not there.
    machine.remove_container(METABASE, GUID);
    assert_eq!(on_drive(&machine).verdict, Verdict::Broken);
    assert!(!on_drive(&Machine::new(Os::Windows2000)).to_json().contains("registry_containers"));
}

#[test]
fn a_binary_metabase_is_counted_and_not_judged() {
    let with = |bytes: Vec<u8>| {
        let mut machine = Machine::new(Os::Windows2000);
        machine.put("C:\\WINNT\\System32\\inetsrv\\MetaBase.bin", bytes, machine.installed);
        machine
    };
    let secrets = [&[7; 64][..], b"IcKb", &[9; 156], b"IcDb"].concat();
    for (bytes, keys, values) in [(secrets, 1, 1), (vec![7; 200], 0, 0)] {
        let machine = with(bytes);
        let facts = facts_of(&machine);
        let metabase = facts.metabases.first().expect("a metabase");
        assert_eq!((metabase.is_live, metabase.secure_values, metabase.wrap), (true, values, None));
        let said = format!("a binary metabase with {keys} session keys is named and not read");
        assert_eq!(metabase.trouble.as_ref(), Some(&said));
        let report = on_drive(&machine);
        assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
        lacks(&report, "metabase-key-mismatch", &said, "");
    }
}

#[test]
fn installations_before_an_upgrade_in_place_are_facts() {
    let mut machine = Machine::new(Os::Server2012R2);
    for (name, seconds) in
        [("Source OS (Updated on 3/4/2019 05:06:07)", 1_400_000_000), ("Source OS", 1_300_000_000)]
    {
        let key = format!("Setup\\{name}");
        machine.set_system(&key, "InstallDate", Value::Dword(seconds));
        machine.set_system(&key, "ProductName", Value::Sz("Windows Server 2008 R2".to_owned()));
    }
    machine.set_system("Setup\\Source OS (without a date)", "ProductName", Value::Sz("?".to_owned()));
    let installs = facts_of(&machine).os.earlier_installs;
    let days: Vec<String> = installs.iter().map(|it| it.installed.day()).collect();
    assert_eq!(days, ["2011-03-13", "2014-05-13"]);
    assert_eq!(installs[0].product.as_deref(), Some("Windows Server 2008 R2"));
}
