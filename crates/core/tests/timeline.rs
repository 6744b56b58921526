//! The timeline: what it joins, what kind of time each row has, and its form for Timesketch.

mod support;

use std::collections::BTreeMap;

use iiskeys_core::artifact::container::Guid;
use iiskeys_core::evidence::{Evidence, MemoryTree, Timestamp};
use iiskeys_core::machine::events::{KeyFileSeen, Symptom, SymptomKey, SymptomKind};
use iiskeys_core::machine::tls::{Certificate, CertificateBody, KeyLink, StorePlace};
use iiskeys_core::machine::{Citation, FileId, Known, Locator, Need};
use iiskeys_core::report::{self, Report, TimeKind, TimelineRow};
use iiskeys_core::{Facts, Machine as Joined, Options, Quiet, plan, rules};
use iiskeys_fixtures::cases::protected_healthy;
use iiskeys_fixtures::config::ConfigSpec;
use iiskeys_fixtures::container::{Family, file_name};
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os, Value, WAS_KEY, in_use};
use iiskeys_fixtures::time::filetime;
use serde_json::Value as Json;
use support::drive::{on_drive, tree};
use support::of_tree;

const DAY: u64 = 864_000_000_000;

fn changed() -> u64 {
    filetime((2020, 11, 3), (9, 0, 0))
}

/// A drive whose files have the times that they had on the machine.
fn with_times(machine: &Machine) -> MemoryTree {
    let mut tree = MemoryTree::new().with_creation_times(true);
    for (path, file) in machine.files() {
        let path = path.trim_start_matches("C:\\").replace('\\', "/");
        let times = [file.created, file.modified].map(Timestamp::from_filetime);
        tree.insert(&path, &file.bytes, times[0], times[1]);
    }
    tree
}

fn facts_of(tree: MemoryTree) -> Facts {
    iiskeys_core::read(&Evidence::from_tree(tree), &Options::default(), &mut Quiet).expect("facts")
}

fn report_of(facts: &Facts) -> Report {
    let machine = Joined::derive(facts);
    let judged = rules::judge(&machine);
    let plan = plan::make(&machine, &judged);
    report::build(&machine, &judged, plan.as_ref(), &report::Options::default())
}

fn row<'r>(report: &'r Report, what: &str) -> &'r TimelineRow {
    let all = || report.timeline.iter().map(|row| row.what.as_str()).collect::<Vec<_>>().join("\n");
    report
        .timeline
        .iter()
        .find(|row| row.what.contains(what))
        .unwrap_or_else(|| panic!("no {what} in\n{}", all()))
}

/// The time and kind of the row that says so.
fn at(report: &Report, what: &str) -> (String, TimeKind) {
    let row = row(report, what);
    (row.time.clone(), row.kind)
}

fn time(filetime: u64) -> Timestamp {
    Timestamp::from_filetime(filetime).expect("a time")
}

fn text(filetime: u64) -> String {
    time(filetime).to_string()
}

/// A protected machine with a past: an upgrade, a copy of SOFTWARE, three steps of history with a change of the session
/// key between the second and the third.
fn with_a_past() -> Machine {
    let mut machine = protected_healthy();
    let before = machine.software();
    machine.put("C:\\Windows\\System32\\config\\RegBack\\SOFTWARE", before, machine.installed);
    let source = "Setup\\Source OS (Updated on 6/3/2014 08:00:00)";
    machine.set_system(source, "InstallDate", Value::Dword(1_300_000_000));
    machine.set_system(source, "ProductName", Value::Sz("Windows Server 2008 R2 Standard".to_owned()));
    machine.remove("C:\\inetpub\\history");
    let config = in_use(ConfigSpec::iis7(2048), "IISWASOnlyAesProvider", "AesProvider");
    for number in 1..=3 {
        if number == 3 {
            machine.renew_session_keys();
        }
        let path = format!("{}\\applicationHost.config", Machine::history_folder(number));
        machine.put_config(&path, &config, changed() + u64::from(number - 1) * DAY);
    }
    machine
}

#[test]
fn it_joins_what_the_registry_the_files_and_the_secrets_say() {
    let machine = with_a_past();
    let report = report_of(&facts_of(with_times(&machine)));
    let seconds = |filetime| text(filetime).replace(".0000000", "");
    for (what, time, kind) in [
        ("Windows was installed", seconds(machine.installed), TimeKind::RegistryValue),
        (
            "Windows Server 2008 R2 Standard was installed",
            "2011-03-13T07:06:40Z".to_owned(),
            TimeKind::RegistryValue,
        ),
        (
            "the registry key that holds the MachineGuid",
            text(machine.installed),
            TimeKind::RegistryKeyWritten,
        ),
        (
            &format!("the MachineGuid was {GUID} (RegBack)"),
            text(machine.installed),
            TimeKind::RegistryKeyWritten,
        ),
        ("the copy RegBack of SOFTWARE was made", text(machine.last_written), TimeKind::StatedInFile),
        ("the SYSTEM hive was last written", text(machine.last_written), TimeKind::StatedInFile),
        ("configuration was copied to CFGHISTORY_0000000001", text(changed()), TimeKind::FileModified),
        (
            "session key of AesProvider changes between CFGHISTORY_0000000002 and CFGHISTORY_0000000003",
            text(changed() + 2 * DAY),
            TimeKind::FileModified,
        ),
    ] {
        assert_eq!(at(&report, what), (time, kind), "{what}");
    }
    assert_eq!(row(&report, "DPAPI secret was changed").kind, TimeKind::RegistryValue);
    assert_eq!(row(&report, "DPAPI secret was changed").source, "CupdTime");
    assert_eq!(row(&report, "the master key").kind, TimeKind::FileCreated);
    assert_eq!(row(&report, "the container iisWasKey was created as").kind, TimeKind::FileCreated);
    assert!(!report.timeline.iter().any(|row| row.what.contains("between CFGHISTORY_0000000001")));
    let files: Vec<&str> = report.evidence.iter().map(|row| row.id.as_str()).collect();
    assert!(report.timeline.iter().all(|row| files.contains(&row.evidence.as_str())));
    assert_eq!(report.timeline_left_out, 0);
}

#[test]
fn a_container_that_was_written_again_has_two_rows() {
    let mut machine = Machine::new(Os::Server2012R2);
    let name = file_name(WAS_KEY, Family::Capi, GUID);
    let path = format!("{}\\{name}", machine.machine_keys());
    let bytes = machine.files()[&path].bytes.clone();
    machine.put(&path, bytes, changed());
    let report = report_of(&facts_of(with_times(&machine)));
    let created = at(&report, "the container iisWasKey was created");
    assert_eq!(created, (text(machine.installed + 600 * 10_000_000), TimeKind::FileCreated));
    let modified = at(&report, "the container iisWasKey was last modified");
    assert_eq!(modified, (text(changed()), TimeKind::FileModified));
    assert!(!report.timeline.iter().any(|row| row.what.contains("iisConfigurationKey was last modified")));
}

#[test]
fn the_times_of_a_copied_folder_are_not_in_it() {
    let machine = with_a_past();
    let report = of_tree(tree(&machine, &[]).with_creation_times(false));
    let of_files = |row: &&TimelineRow| matches!(row.kind, TimeKind::FileCreated | TimeKind::FileModified);
    assert_eq!(report.timeline.iter().find(of_files), None);
    // All files of a folder that were created at one moment, long after the installation, were copied then.
    let mut tree = MemoryTree::new().with_creation_times(true);
    for (path, file) in machine.files() {
        let path = path.trim_start_matches("C:\\").replace('\\', "/");
        tree.insert(&path, &file.bytes, Some(time(changed())), Some(time(file.modified)));
    }
    let report = report_of(&facts_of(tree));
    assert!(!report.timeline.iter().any(|row| row.what.contains("container")), "{:#?}", report.timeline);
}

#[test]
fn copies_that_show_one_state_make_one_row() {
    let mut machine = Machine::new(Os::Server2003);
    let bytes = machine.software();
    for number in 1..=3 {
        let store = "C:\\System Volume Information\\_restore{A}";
        let path = format!("{store}\\RP{number}\\snapshot\\_REGISTRY_MACHINE_SOFTWARE");
        machine.put(&path, bytes.clone(), machine.installed);
    }
    let report = on_drive(&machine);
    let rows = report.timeline.iter().filter(|row| row.what.contains("the MachineGuid was 9"));
    let rows: Vec<&str> = rows.map(|row| row.what.as_str()).collect();
    assert_eq!(rows, [format!("the MachineGuid was {GUID} (System Restore RP1 and 2 more copies)")]);
}

/// Facts with what event logs and certificate stores would say.
fn with_events_and_certificates() -> Facts {
    let mut facts = facts_of(with_times(&Machine::new(Os::Server2012R2)));
    let cite = |record| Citation::new(FileId(0), Locator::Record(record));
    let key = |subject: &str, code| SymptomKey {
        kind: SymptomKind::IisAdminFailed,
        provider: "Service Control Manager".to_owned(),
        id: 7024,
        subject: subject.to_owned(),
        code,
    };
    let symptom = |count| Symptom {
        count,
        first: time(changed()),
        last: time(changed() + DAY),
        records: vec![cite(4), cite(9)],
    };
    facts.events.symptoms.insert(key("IISADMIN", Some(0x8009_0006)), symptom(12));
    facts.events.symptoms.insert(key("", None), symptom(1));
    facts.events.key_files.push(KeyFileSeen {
        guid: Guid::parse(OTHER_GUID).expect("a GUID"),
        count: 3,
        first: time(changed() + 60),
        last: time(changed() + DAY),
        containers: BTreeMap::new(),
        records: vec![cite(5)],
    });
    let certificate = |thumbprint: &str, link| Certificate {
        place: StorePlace::Machine,
        store: "MY".to_owned(),
        thumbprint: thumbprint.to_owned(),
        friendly_name: None,
        link,
        body: Known::read(
            CertificateBody {
                sha1: [0; 20],
                subject: "CN=www\u{202e}\n.example".to_owned(),
                issuer: String::new(),
                serial: String::new(),
                not_before: Timestamp::from_unix_seconds(1_500_000_000).expect("a time"),
                not_after: Timestamp::from_unix_seconds(1_900_000_000).expect("a time"),
                dns_names: Vec::new(),
                key_algorithm: "RSA".to_owned(),
                key_bits: None,
                modulus_sha256: None,
                for_servers: None,
            },
            cite(0),
        ),
        written: Some(time(changed() - DAY)),
        citation: cite(0),
    };
    let link = KeyLink {
        container: "c".to_owned(),
        provider: "p".to_owned(),
        provider_type: 1,
        flags: 32,
        key_spec: 1,
    };
    let certificates = vec![
        certificate("AA", Known::read(link, cite(0))),
        certificate("BB", Known::NotInEvidence(Need::SoftwareHive)),
    ];
    facts.tls.certificates = Known::read(certificates, cite(0));
    facts
}

#[test]
fn events_and_certificates_have_kinds_of_their_own() {
    let report = report_of(&with_events_and_certificates());
    for (what, time, kind) in [
        (
            "first of 12 events of Service Control Manager 7024 about IISADMIN with code 0x80090006",
            text(changed()),
            TimeKind::EventRecorded,
        ),
        ("last of 12 events of Service Control Manager 7024", text(changed() + DAY), TimeKind::EventRecorded),
        ("the only event of Service Control Manager 7024", text(changed()), TimeKind::EventRecorded),
        (
            &format!("a key file of the GUID {OTHER_GUID} for the first"),
            text(changed() + 60),
            TimeKind::EventRecorded,
        ),
        ("the certificate AA CN=www", "2017-07-14T02:40:00Z".to_owned(), TimeKind::CertificateValidity),
        ("was last written to the store MY", text(changed() - DAY), TimeKind::RegistryKeyWritten),
    ] {
        assert_eq!(at(&report, what), (time, kind), "{what}");
    }
    assert!(!report.timeline.iter().any(|row| row.what.contains("certificate BB")), "it has no private key");
}

fn lines(report: &Report) -> Vec<Json> {
    report.to_timeline().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn each_line_has_what_timesketch_asks_for() {
    let report = report_of(&with_events_and_certificates());
    let lines = lines(&report);
    assert_eq!(lines.len(), report.timeline.len());
    for (line, row) in lines.iter().zip(&report.timeline) {
        assert_eq!(line["message"], row.what.as_str());
        assert_eq!(line["kind"], row.kind.word());
        assert_eq!(line["hostname"], "WEB2012R2");
        let datetime = line["datetime"].as_str().expect("text");
        assert!(datetime.ends_with("+00:00") && datetime.get(..19) == row.time.get(..19), "{datetime}");
        let micros = line["timestamp"].as_i64().expect("a number");
        let stated = Timestamp::from_unix_seconds(micros.div_euclid(1_000_000)).expect("a time");
        assert_eq!(stated.to_string().get(..19), row.time.get(..19));
        for field in ["timestamp_desc", "source", "evidence_path"] {
            assert!(line[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {line}");
        }
    }
    let times: Vec<i64> = lines.iter().filter_map(|line| line["timestamp"].as_i64()).collect();
    assert!(times.is_sorted());
    let text = report.to_timeline();
    assert!(!text.contains('\u{202e}') && text.contains("\\u202e") && text.ends_with('\n'));
}

#[test]
fn moments_within_the_window_of_the_cause_are_marked() {
    let mut before = Machine::new(Os::Server2012R2);
    before.last_written = changed() - 10 * DAY;
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_guid(OTHER_GUID, changed());
    machine.put("C:\\Windows\\System32\\config\\RegBack\\SOFTWARE", before.software(), machine.installed);
    let report = report_of(&facts_of(with_times(&machine)));
    let cause = report.root_cause.as_ref().expect("a cause");
    assert_eq!(cause.earliest, Some(text(changed() - 10 * DAY)));
    assert_eq!(cause.latest, Some(text(changed())));
    let marked: Vec<String> = lines(&report)
        .iter()
        .filter(|line| line["tag"] == serde_json::json!(["root-cause-window"]))
        .filter_map(|line| line["message"].as_str().map(str::to_owned))
        .collect();
    let expected = [
        format!("the copy RegBack of SOFTWARE was made; the MachineGuid in it is {GUID}"),
        "the registry key that holds the MachineGuid was last written".to_owned(),
    ];
    assert_eq!(marked, expected);
    let healthy = report_of(&facts_of(with_times(&Machine::new(Os::Server2012R2))));
    assert!(!healthy.to_timeline().contains("\"tag\""));
}

#[test]
fn a_crowd_of_certificates_is_cut_and_the_number_is_said() {
    let mut facts = with_events_and_certificates();
    let Known::Read(cited) = &mut facts.tls.certificates else { panic!("certificates") };
    let model = cited.value[0].clone();
    cited.value = (0..3_000)
        .map(|number| Certificate { thumbprint: format!("{number:040X}"), ..model.clone() })
        .collect();
    let report = report_of(&facts);
    assert_eq!(report.timeline.len(), 2_000);
    let whole = report.timeline.len() as u64 + report.timeline_left_out;
    assert!((6_000..6_100).contains(&whole), "{whole}");
    for kept in ["Windows was installed", "the container iisWasKey was created", "first of 12 events"] {
        row(&report, kept);
    }
    assert!(report.to_json().contains("\"timeline_left_out\": "));
}

#[test]
fn the_schema_explains_every_kind() {
    let schema: Json = serde_json::from_str(&report::schema()).expect("JSON");
    let kinds = schema["$defs"]["TimeKind"]["oneOf"].as_array().expect("kinds");
    let words: Vec<&str> = kinds.iter().filter_map(|kind| kind["const"].as_str()).collect();
    let expected = [
        TimeKind::RegistryKeyWritten,
        TimeKind::RegistryValue,
        TimeKind::FileCreated,
        TimeKind::FileModified,
        TimeKind::EventRecorded,
        TimeKind::CertificateValidity,
        TimeKind::StatedInFile,
    ];
    assert_eq!(words, expected.map(TimeKind::word));
    assert!(kinds.iter().all(|kind| kind["description"].as_str().is_some_and(|text| !text.is_empty())));
}
