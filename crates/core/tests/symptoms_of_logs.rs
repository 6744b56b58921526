//! What a log can say and what it cannot: empty logs, exports, cleared ones, and logs of other computers and channels.

mod support;

use iiskeys_core::evidence::MemoryTree;
use iiskeys_core::report::Report;
use iiskeys_fixtures::event_log::evtx::EvtxOptions;
use iiskeys_fixtures::event_log::{EventSpec, evtx};
use iiskeys_fixtures::machine::{GUID, Machine, Os};
use iiskeys_fixtures::time::filetime;
use support::drive::{check, clear, lacks, tree};
use support::{finding, findings, of_tree, outcome};

const SCM: &str = "Service Control Manager";
const IISADMIN: &str = "symptom-iisadmin-failed";
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
