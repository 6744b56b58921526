//! What a log can say and what it cannot: empty logs, exports, cleared ones, and logs of other computers and channels.

mod support;

use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::{Level, Report};
use iiskeys_fixtures::event_log::evtx::EvtxOptions;
use iiskeys_fixtures::event_log::{EventSpec, evtx};
use iiskeys_fixtures::machine::{GUID, Machine, Os};
use iiskeys_fixtures::time::filetime;
use support::drive::{check, clear, lacks, tree};
use support::{finding, findings, of_tree, outcome};

const SCM: &str = "Service Control Manager";
const IISADMIN: &str = "symptom-iisadmin-failed";
const TIMEOUT: &str = "symptom-service-timeout";
const SCHANNEL: &str = "symptom-schannel-key";
const POOL: &str = "symptom-app-pool-identity";
const LOGS: &str = "Windows/System32/winevt/Logs";

fn at(minute: u32) -> u64 {
    filetime((2012, 4, 30), (12, minute, 0))
}

fn machine() -> Machine {
    let mut machine = Machine::new(Os::Server2008R2);
    machine.add_iis6_compatibility(GUID, filetime((2009, 10, 28), (9, 0, 0)));
    machine
}

/// The drive of the machine with that file beside its logs.
fn with(machine: &Machine, name: &str, bytes: &[u8]) -> MemoryTree {
    let mut tree = tree(machine, &[]);
    tree.insert(&format!("{LOGS}/{name}"), bytes, None, None);
    tree
}

fn running(record: u64, computer: &str) -> EventSpec {
    let mut event = EventSpec::new(record, at(1), SCM, 7036).level(4).params(&["Print Spooler", "running"]);
    computer.clone_into(&mut event.computer);
    event
}

fn failed(record: u64, minute: u32, computer: &str) -> EventSpec {
    let mut event = EventSpec::new(record, at(minute), SCM, 7024).params(&["IISADMIN", "%%2148073478"]);
    computer.clone_into(&mut event.computer);
    event
}

#[test]
fn an_empty_log_says_nothing() {
    let machine = machine();
    let report = of_tree(with(&machine, "System.evtx", &evtx(&[])));
    lacks(&report, IISADMIN, "System.evtx holds no record", "System.evtx");
}

#[test]
fn an_export_of_a_choice_of_events_says_nothing_of_the_others() {
    let machine = machine();
    let host = machine.computer_name();
    let choice: Vec<EventSpec> = [1, 40, 90].map(|record| running(record, &host)).to_vec();
    let report = of_tree(with(&machine, "System.evtx", &evtx(&choice)));
    lacks(&report, IISADMIN, "System.evtx holds 3 of 90 records", "System.evtx");
    // Beside the whole log it takes nothing away.
    let whole: Vec<EventSpec> = (1..=90).map(|record| running(record, &host)).collect();
    let tree = MemoryTree::new().file("a/System.evtx", &evtx(&whole)).file("b/System.evtx", &evtx(&choice));
    let report = of_tree(tree);
    assert_eq!(logs(&report).len(), 2);
    clear(&report, &[IISADMIN]);
}

#[test]
fn a_log_that_does_not_name_the_machine_does_not_clear_it() {
    let machine = machine();
    let report = of_tree(with(&machine, "System.evtx", &evtx(&[running(1, "ELSEWHERE")])));
    lacks(&report, IISADMIN, "was written on ELSEWHERE", "System.evtx");
}

#[test]
fn a_cleared_log_says_since_when_it_speaks() {
    let machine = machine();
    let host = machine.computer_name();
    let cleared = |channel: &str| {
        let mut event = EventSpec::new(1, at(7), "Microsoft-Windows-Eventlog", 104).named("Channel", channel);
        event.computer.clone_from(&host);
        event
    };
    let report = of_tree(with(&machine, "System.evtx", &evtx(&[cleared("System")])));
    clear(&report, &[IISADMIN]);
    let reason = check(&report, IISADMIN).reason;
    assert!(reason.contains("the log was cleared on 2012-04-30T12:07:00"), "{reason}");
    let report = of_tree(with(&machine, "System.evtx", &evtx(&[cleared("Application")])));
    assert!(!check(&report, IISADMIN).reason.contains("cleared"));
}

#[test]
fn a_log_that_was_not_closed_may_lack_its_newest_events() {
    let machine = machine();
    let options = EvtxOptions { dirty: true, ..EvtxOptions::default() };
    let bytes = iiskeys_fixtures::event_log::evtx::write(&[running(1, &machine.computer_name())], &options);
    let reason = check(&of_tree(with(&machine, "System.evtx", &bytes)), IISADMIN).reason;
    assert!(reason.ends_with("the log was not closed, and its newest events may be missing"), "{reason}");
}

#[test]
fn one_strange_event_does_not_hide_a_log() {
    let machine = machine();
    let host = machine.computer_name();
    let strange = running(1, &host).channel("Microsoft-Windows-Backup");
    let log = evtx(&[strange, failed(2, 3, &host)]);
    let report = of_tree(with(&machine, "System.evtx", &log));
    assert!(finding(&report, IISADMIN).title.contains("once"));
    let report = of_tree(with(&machine, "whatever.evtx", &log));
    assert!(
        findings(&report, IISADMIN).is_empty(),
        "a name that is no channel's is not looked for on a drive"
    );
    let report = of_tree(MemoryTree::new().file("export/whatever.evtx", &log));
    assert!(finding(&report, IISADMIN).title.contains("once"));
}

#[test]
fn events_of_other_computers_are_not_this_machines() {
    let machine = machine();
    let host = machine.computer_name();
    let own = format!("{}.example.org", host.to_lowercase());
    let log = [
        running(1, &own),
        failed(2, 2, "OTHER1"),
        failed(3, 3, "OTHER2"),
        failed(4, 4, &own),
        failed(5, 5, "OTHER1"),
        failed(6, 6, "OTHER2"),
    ];
    let report = of_tree(with(&machine, "System.evtx", &evtx(&log)));
    assert!(finding(&report, IISADMIN).title.contains("once"), "{}", finding(&report, IISADMIN).title);
    // One other name is the machine's own from before it was renamed.
    let log = [failed(1, 1, "WIN-OLD"), running(2, &host)];
    let report = of_tree(with(&machine, "System.evtx", &evtx(&log)));
    assert!(finding(&report, IISADMIN).title.contains("once"));
    let report = of_tree(
        MemoryTree::new()
            .file("logs/SYSTEM", &machine.system())
            .file("logs/ForwardedEvents.evtx", &evtx(&[failed(1, 1, &host)])),
    );
    assert!(findings(&report, IISADMIN).is_empty());
    assert_eq!(outcome(&report, IISADMIN), "not-evaluated");
}

#[test]
fn a_folder_full_of_archives_does_not_keep_the_log_from_being_read() {
    let machine = machine();
    let host = machine.computer_name();
    let mut tree = with(&machine, "System.evtx", &evtx(&[failed(1_000, 9, &host)]));
    for number in 0..70 {
        let name = format!("{LOGS}/Archive-System-2011-01-02-03-04-{number:02}-000.evtx");
        let mut event = running(number + 1, &host);
        event.time += number;
        tree.insert(&name, &evtx(&[event]), None, None);
    }
    let report = of_tree(tree);
    assert!(finding(&report, IISADMIN).title.contains("once"));
    let left: Vec<String> =
        findings(&report, "evidence-damaged").into_iter().map(|row| row.subject).collect();
    assert_eq!(left.len(), 6, "{left:?}");
    assert!(left.iter().all(|name| name.contains("-04-0")), "the oldest: {left:?}");
}

#[test]
fn an_export_of_a_log_counts_none_of_its_events_again() {
    let machine = machine();
    let host = machine.computer_name();
    let events = [running(1, &host), failed(2, 2, &host), failed(3, 3, &host)];
    let tree = MemoryTree::new().file("System.evtx", &evtx(&events)).file("sys.evtx", &evtx(&events[1..]));
    let report = of_tree(tree);
    assert_eq!(logs(&report).len(), 2);
    assert!(
        finding(&report, IISADMIN).title.contains("failed 2 times"),
        "{}",
        finding(&report, IISADMIN).title
    );
}

fn logs(report: &Report) -> Vec<&str> {
    let rows = report.evidence.iter().filter(|row| row.kind == "event-log");
    rows.map(|row| row.path.rsplit('/').next().unwrap_or_default()).collect()
}

#[test]
fn empty_logs_of_two_channels_are_two_logs() {
    let empty = evtx(&[]);
    let names = ["System.evtx", "Security.evtx", "copy.bin"];
    let tree =
        names.iter().fold(MemoryTree::new(), |tree, name| tree.file(&format!("export/{name}"), &empty));
    assert_eq!(logs(&of_tree(tree)), ["Security.evtx", "System.evtx"]);
}

#[test]
fn a_damaged_log_beside_that_of_dpapi_leaves_the_question_open() {
    let mut machine = machine();
    let dpapi = "Microsoft-Windows-Crypto-DPAPI/Operational";
    machine.add_event_log(dpapi, &[running(1, "")]);
    clear(&of_tree(tree(&machine, &[])), &["symptom-dpapi"]);
    for name in ["Security.evtx", "Microsoft-Windows-Crypto-NCrypt%4Operational.evtx"] {
        let report = of_tree(with(&machine, name, b"ElfFile\0 and no more"));
        lacks(&report, "symptom-dpapi", name, "another copy");
    }
}

#[test]
fn beside_the_services_of_iis_twenty_others_have_findings_of_their_own() {
    let mut machine = machine();
    let waits = |number: u64| {
        let name = format!("Service {number}");
        EventSpec::new(1, at(1), SCM, 7001).params(&[&name, "IISADMIN", "%%2148073478"])
    };
    let mut events: Vec<EventSpec> = (0..30).map(waits).collect();
    events.push(failed(1, 2, ""));
    machine.add_event_log("System", &events);
    let found = findings(&of_tree(tree(&machine, &[])), IISADMIN);
    assert_eq!(found.len(), 22);
    let rest = found.iter().find(|row| row.subject == "service:*").expect("the rest");
    assert!(rest.title.starts_with("Further services failed 10 times"), "{}", rest.title);
}

#[test]
fn more_logs_than_a_budget_are_named_and_leave_the_question_open() {
    let mut tree = MemoryTree::new();
    for number in 0..70 {
        let log = evtx(&[EventSpec::new(1, at(1), SCM, 7036).params(&[&number.to_string(), "running"])]);
        tree.insert(&format!("export/Archive-System-2020-{number:02}.evtx"), &log, None, None);
    }
    let report = of_tree(tree);
    lacks(&report, IISADMIN, "over a budget of 64 logs", "System.evtx");
    assert_eq!(findings(&report, "evidence-damaged").len(), 6);
}

#[test]
fn the_log_of_a_real_workstation_gives_its_guid_and_no_alarm() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/chainsaw/security_sample.evtx");
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped: no corpus at {path}");
        return;
    };
    let report = of_tree(MemoryTree::new().file("security_sample.evtx", &bytes));
    let guids: Vec<(&str, &[String])> =
        report.guid_census.iter().map(|row| (row.guid.as_str(), row.sources.as_slice())).collect();
    let source = ["Security events on key files (2, 2022-10-11)".to_owned()];
    assert_eq!(guids, [("2ef9f45e-4dc2-48b1-9d10-86f5079e23f1", source.as_slice())]);
    assert!(report.findings.iter().all(|row| row.severity == Level::Note), "{:?}", report.findings);
}

/// Exported logs of one record, of which the record's own header has no time.
#[test]
fn an_exported_log_says_what_time_it_covers() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/corpus/velociraptor/DE_104_system_log_cleared.evtx"
    );
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped: no corpus at {path}");
        return;
    };
    let report = of_tree(MemoryTree::new().file("System.evtx", &bytes));
    let reason = check(&report, IISADMIN).reason;
    assert!(reason.contains("between 2019-03-19T23:34:25"), "{reason}");
}

/// What a log with renamed computers, other services and thousands of records gives: nothing, over the right time.
#[test]
fn the_log_of_a_real_server_without_iis_is_clear() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/plaso/System.evtx");
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped: no corpus at {path}");
        return;
    };
    let report = of_tree(MemoryTree::new().file("System.evtx", &bytes));
    clear(&report, &[IISADMIN, TIMEOUT, SCHANNEL, POOL]);
    let reason = check(&report, IISADMIN).reason;
    let covered = "between 2010-11-21T03:55:59.6264271Z and 2015-09-18T07:58:45.8776250Z";
    assert!(reason.ends_with(covered), "{reason}");
    assert!(
        findings(&report, "evidence-mixed").is_empty() && findings(&report, "evidence-damaged").is_empty()
    );
}

#[test]
fn loose_logs_are_known_by_their_content_and_others_are_left_alone() {
    let failed = failed(1, 2, "WEB01");
    let other = EventSpec::new(1, at(1), SCM, 7024)
        .params(&["IIS Admin Service", "%%2148073478"])
        .channel("Microsoft-Windows-Backup");
    let tree = MemoryTree::new()
        .file("export/one.bin", &evtx(std::slice::from_ref(&failed)))
        .file("export/copy of one.bin", &evtx(&[failed]))
        .file("export/two.bin", &evtx(&[other]));
    let report = of_tree(tree);
    // A copy of a log counts no event twice.
    assert!(finding(&report, IISADMIN).title.contains("failed once"), "{}", report.to_text());
    let logs = report.evidence.iter().filter(|row| row.kind == "event-log").count();
    assert_eq!(logs, 1, "{:?}", report.evidence);
}

#[test]
fn a_log_that_lies_loose_is_no_sign_of_a_mixture() {
    let machine = Machine::new(Os::Server2012R2);
    let mut event = EventSpec::new(1, machine.last_written, "EventLog", 6005).level(4);
    event.computer = "WIN-OLDNAME".to_owned();
    let tree = MemoryTree::new()
        .file("SYSTEM", &machine.system())
        .file("SOFTWARE", &machine.software())
        .file("System.evtx", &evtx(&[event]));
    let report = of_tree(tree);
    assert!(findings(&report, "evidence-mixed").is_empty(), "{}", report.summary);
    assert!(report.assumptions.iter().any(|text| text.contains("WIN-OLDNAME")), "{:?}", report.assumptions);
}

#[test]
fn many_symptoms_of_one_kind_leave_room_for_the_others() {
    let mut machine = machine();
    let opens = |number: u64| {
        EventSpec::new(1, at(1) + number * 10_000_000, "Microsoft-Windows-Crypto-NCrypt", 3)
            .named("ProviderName", "p")
            .named("KeyName", &format!("key {number}"))
            .named("Status", "0x80090016")
    };
    let events: Vec<EventSpec> = (0..300).map(opens).collect();
    machine.add_event_log("Microsoft-Windows-Crypto-NCrypt/Operational", &events);
    machine.add_event_log("System", &[failed(1, 2, "")]);
    let report = of_tree(tree(&machine, &[]));
    let about = |part: &str| report.timeline.iter().filter(|row| row.what.contains(part)).count();
    assert_eq!(about("Crypto-NCrypt 3 about"), 200);
    assert_eq!((about("key 0 "), about("key 299 "), about("about IISADMIN")), (1, 1, 1));
}

#[test]
fn the_first_and_the_last_sight_of_a_key_file_are_in_the_timeline() {
    let mut machine = machine();
    let on_key = |minute| {
        let file = format!(
            "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_{GUID}"
        );
        EventSpec::new(1, at(minute), "Microsoft-Windows-Security-Auditing", 5058)
            .level(0)
            .named("KeyName", "TSSecKeySet1")
            .named("KeyFilePath", &file)
    };
    machine.add_event_log("Security", &[on_key(1), on_key(5), on_key(9)]);
    let report = of_tree(tree(&machine, &[]));
    let at = |which: &str| {
        let mut rows = report.timeline.iter();
        rows.find(|row| row.what.contains(&format!("for the {which} time"))).map(|row| row.time.clone())
    };
    assert!(at("first").is_some_and(|time| time.starts_with("2012-04-30T12:01")));
    assert!(at("last").is_some_and(|time| time.starts_with("2012-04-30T12:09")));
}
