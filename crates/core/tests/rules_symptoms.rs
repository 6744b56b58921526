//! Each rule about symptoms: events that fire it, look-alikes that must not, and what is said without the log.

mod support;

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::report::{Level, Report, TimeKind, Verdict};
use iiskeys_core::{Options, Quiet};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::event_log::{EventSpec, evtx};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{GUID, METABASE, Machine, OTHER_GUID, Os, Value};
use iiskeys_fixtures::rng::Rng;
use iiskeys_fixtures::time::filetime;
use support::drive::{check, clear, lacks, on_drive, without};
use support::{finding, findings, of_tree, outcome};

const SCM: &str = "Service Control Manager";
const IISADMIN: &str = "symptom-iisadmin-failed";
const TIMEOUT: &str = "symptom-service-timeout";
const SCHANNEL: &str = "symptom-schannel-key";
const POOL: &str = "symptom-app-pool-identity";
const DPAPI: &str = "symptom-dpapi";
const HOTFIX: &str = "hotfix-884872-missing";
const DPAPI_LOG: &str = "Microsoft-Windows-Crypto-DPAPI/Operational";

fn at(minute: u32) -> u64 {
    filetime((2012, 4, 30), (12, minute, 0))
}

fn scm(minute: u32, id: u32, values: &[&str]) -> EventSpec {
    EventSpec::new(1, at(minute), SCM, id).params(values)
}

/// Windows Server 2003, which logs in `.evt`, and 2008 R2 with IIS 6 compatibility, which logs in `.evtx`.
fn both_formats() -> [Machine; 2] {
    let mut modern = Machine::new(Os::Server2008R2);
    modern.add_iis6_compatibility(GUID, filetime((2009, 10, 28), (9, 0, 0)));
    [Machine::new(Os::Server2003), modern]
}

fn with_system(machine: &Machine, events: &[EventSpec]) -> Report {
    let mut machine = machine.clone();
    machine.add_event_log("System", events);
    on_drive(&machine)
}

#[test]
fn a_failed_iis_admin_service_is_told_with_its_code_in_every_form() {
    for machine in both_formats() {
        for code in ["%%2148073478", "2148073478", "-2146893818", "0x80090006"] {
            let events = [
                scm(1, 7036, &["IIS Admin Service", "running"]),
                scm(2, 7024, &["IIS Admin Service", code]),
                scm(9, 7024, &["IIS Admin Service", code]),
            ];
            let report = with_system(&machine, &events);
            let found = finding(&report, IISADMIN);
            assert_eq!(found.severity, Level::Note);
            assert_eq!(found.subject, "service:IISADMIN");
            assert_eq!(
                found.title,
                "The IIS Admin Service failed 2 times with 0x80090006 (NTE_BAD_SIGNATURE)"
            );
            for part in [
                "2012-04-30T12:02:00",
                "2012-04-30T12:09:00",
                "2148073478",
                "-2146893818",
                "Microsoft Internet Information Server is complete under the current GUID",
            ] {
                assert!(found.explanation.contains(part), "{part}: {}", found.explanation);
            }
            assert_eq!(found.explanation.matches("2148073478").count(), 1);
            let locators: Vec<&str> = found.evidence.iter().map(|cite| cite.locator.as_str()).collect();
            assert_eq!(locators, ["record 2", "record 3"]);
            assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
            assert!(report.root_cause.is_none() && report.plan.is_none());
            let log = report.evidence.iter().find(|row| row.kind == "event-log").expect("a log");
            assert!(log.sha256.is_some());
            assert!(report.timeline.iter().any(|row| row.kind == TimeKind::EventRecorded));
        }
    }
}

#[test]
fn what_depends_on_it_is_told_apart() {
    for machine in both_formats() {
        let events = [
            scm(2, 7001, &["World Wide Web Publishing Service", "IIS Admin Service", "%%1066"]),
            scm(2, 7001, &["Simple Mail Transfer Protocol (SMTP)", "IISADMIN", "%%2148073478"]),
        ];
        let report = with_system(&machine, &events);
        let mut subjects: Vec<String> =
            findings(&report, IISADMIN).into_iter().map(|row| row.subject).collect();
        subjects.sort();
        assert_eq!(subjects, ["service:SMTPSVC", "service:W3SVC"]);
    }
    let mut old = Machine::new(Os::Windows2000);
    let metabase =
        EventSpec::new(1, at(1), "W3SVC", 116).text("/LM/W3SVC").binary(&0x8009_0006_u32.to_le_bytes());
    old.add_event_log("System", &[metabase]);
    let found = finding(&on_drive(&old), IISADMIN);
    assert!(found.title.contains("W3SVC") && found.title.contains("NTE_BAD_SIGNATURE"), "{}", found.title);
}

/// The events that KB884872 itself shows.
#[test]
fn the_events_of_the_article_about_windows_2000_are_found() {
    let mut machine = Machine::new(Os::Windows2000);
    let path = EventSpec::new(1, at(1), "W3SVC", 116).text("/LM/W3SVC").binary(&[3, 0, 0, 0]);
    let ended = scm(2, 7023, &["World Wide Web Publishing Service", "%%3"]);
    machine.add_event_log("System", &[path, ended.clone()]);
    let report = on_drive(&machine);
    let found = finding(&report, IISADMIN);
    assert_eq!((found.subject.as_str(), found.confidence.as_str()), ("service:W3SVC", "weak"));
    assert!(found.title.contains("2 times with 3 (ERROR_PATH_NOT_FOUND)"), "{}", found.title);
    clear(&with_system(&Machine::new(Os::Server2008R2), &[ended]), &[TIMEOUT]);
}

#[test]
fn a_service_is_known_by_its_name_in_the_registry() {
    let mut machine = Machine::new(Os::Windows2000);
    let events = [scm(2, 7023, &["IIS-Verwaltungsdienst", "%%6"])];
    clear(&with_system(&machine, &events), &[IISADMIN]);
    let key = "ControlSet001\\Services\\IISADMIN";
    machine.set_system(key, "DisplayName", Value::Sz("@iisres.dll,-30007".to_owned()));
    clear(&with_system(&machine, &events), &[IISADMIN]);
    machine.set_system(key, "DisplayName", Value::Sz("IIS-Verwaltungsdienst".to_owned()));
    assert_eq!(finding(&with_system(&machine, &events), IISADMIN).subject, "service:IISADMIN");
}

#[test]
fn only_a_code_of_the_keys_or_of_the_metabase_proves_a_failure() {
    let machine = Machine::new(Os::Server2003);
    let confidence = |event| finding(&with_system(&machine, &[event]), IISADMIN).confidence.clone();
    let metabase = || EventSpec::new(1, at(1), "W3SVC", 116).text("/LM/W3SVC");
    assert_eq!(confidence(metabase()), "weak");
    assert_eq!(confidence(metabase().binary(&0x800c_c81d_u32.to_le_bytes())), "proven");
    assert_eq!(confidence(scm(1, 7023, &["IISADMIN", "%%2"])), "weak");
    assert_eq!(confidence(scm(1, 7024, &["SMTPSVC", "%%2148073478"])), "proven");
    let dialog = EventSpec::new(1, at(1), "W3SVC", 1008).binary(&0x8009_0006_u32.to_le_bytes());
    assert_eq!(confidence(dialog), "weak");
}

#[test]
fn services_that_do_not_answer_are_timeouts() {
    for machine in both_formats() {
        let events = [
            scm(1, 7009, &["30000", "IIS Admin Service"]),
            scm(2, 7000, &["IIS Admin Service", "%%1053"]),
            scm(3, 7023, &["World Wide Web Publishing Service", "%%8"]),
            scm(4, 7009, &["30000", "Print Spooler"]),
        ];
        let report = with_system(&machine, &events);
        let found = findings(&report, TIMEOUT);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].title.contains("1053 (ERROR_SERVICE_REQUEST_TIMEOUT)"), "{}", found[0].title);
        assert!(found[0].explanation.contains("2 events"), "{}", found[0].explanation);
        assert_eq!(found[0].confidence, "weak");
        assert!(found[1].explanation.contains("NOT_ENOUGH_MEMORY"), "{}", found[1].explanation);
        assert_eq!(outcome(&report, IISADMIN), "clear");
    }
}

#[test]
fn tls_without_its_key_is_a_note_whatever_it_served() {
    for machine in both_formats() {
        let event = EventSpec::new(1, at(5), "Schannel", 36870)
            .named("Type", "server")
            .named("ErrorCode", "0x8009030d")
            .named("ErrorStatus", "10001");
        let found = finding(&with_system(&machine, &[event]), SCHANNEL);
        assert_eq!((found.severity, found.subject.as_str()), (Level::Note, "tls:server"));
        assert!(found.explanation.contains("TSSecKeySet1"), "{}", found.explanation);
    }
}

#[test]
fn a_pool_without_identity_is_told_with_the_container_behind_it() {
    let machine = Machine::new(Os::Server2012R2);
    let was = |id| EventSpec::new(1, at(5), "Microsoft-Windows-WAS", id).named("AppPoolID", "Intranet");
    let report = with_system(&machine, &[was(5021), was(5057)]);
    let found = finding(&report, POOL);
    assert_eq!((found.subject.as_str(), found.confidence.as_str()), ("pool:Intranet", "strong"));
    assert!(found.explanation.contains("encrypted by IISWASOnlyAesProvider"), "{}", found.explanation);
    assert!(
        found.explanation.contains("iisWasKey is complete under the current GUID"),
        "{}",
        found.explanation
    );
    // Rapid-fail protection alone follows any crash, and so does a pool that does not come up.
    assert_eq!(finding(&with_system(&machine, &[was(5002)]), POOL).confidence, "weak");
    let failed = was(5059).binary(&5_u32.to_le_bytes());
    for (event, confidence) in [(was(5059), "weak"), (failed, "strong")] {
        let report = with_system(&machine, &[event]);
        let found = finding(&report, POOL);
        assert_eq!(found.confidence, confidence);
        assert!(found.title.contains("Intranet could not be started"), "{}", found.title);
    }
    let old = EventSpec::new(1, at(5), "W3SVC", 1057).text("DefaultAppPool");
    assert_eq!(
        finding(&with_system(&Machine::new(Os::Server2003), &[old]), POOL).subject,
        "pool:DefaultAppPool"
    );
}

#[test]
fn failures_of_dpapi_and_cng_are_told() {
    let mut machine = Machine::new(Os::Server2022);
    let blob = EventSpec::new(1, at(5), "Microsoft-Windows-Crypto-DPAPI", 8198)
        .named("Status", "0x8009000b")
        .named("ReasonForFailure", "6");
    machine.add_event_log(DPAPI_LOG, &[blob]);
    let open = EventSpec::new(1, at(6), "Microsoft-Windows-Crypto-NCrypt", 3)
        .named("ProviderName", "Microsoft Software Key Storage Provider")
        .named("KeyName", "iisCngWasKey")
        .named("Status", "0x80090016")
        .named("ProcessName", "svchost.exe");
    machine.add_event_log("Microsoft-Windows-Crypto-NCrypt/Operational", &[open]);
    let report = on_drive(&machine);
    let found = findings(&report, DPAPI);
    assert_eq!(found.len(), 2, "{found:?}");
    let of = |part: &str| found.iter().find(|row| row.title.contains(part)).expect("the finding");
    assert!(of("DPAPI").explanation.contains("could not get the master key"));
    assert!(of("NCrypt").explanation.contains("iisCngWasKey is complete"), "{}", of("NCrypt").explanation);
    assert_eq!((of("DPAPI").confidence.as_str(), of("NCrypt").confidence.as_str()), ("weak", "strong"));
}

#[test]
fn look_alikes_are_no_symptoms() {
    for machine in both_formats() {
        let events = [
            scm(1, 7024, &["Active Directory Certificate Services", "%%2148073494"]),
            scm(2, 7024, &["IIS Admin Service", "%%10"]),
            scm(3, 7001, &["World Wide Web Publishing Service", "HTTP", "%%2148073478"]),
            scm(4, 7031, &["World Wide Web Publishing Service", "1"]),
            EventSpec::new(1, at(5), "Microsoft-Windows-WAS", 5189).named("AppPoolID", "Intranet"),
            EventSpec::new(1, at(6), "Microsoft-Windows-DistributedCOM", 10016).text("x"),
            EventSpec::new(1, at(7), "Schannel", 36871).named("Type", "client").named("ErrorState", "10013"),
        ];
        let report = with_system(&machine, &events);
        clear(&report, &[IISADMIN, TIMEOUT, SCHANNEL, POOL]);
        let reason = check(&report, IISADMIN).reason;
        assert!(reason.contains("between 2012-04-30T12:01:00"), "{reason}");
    }
}

#[test]
fn without_the_log_nothing_is_clear() {
    for machine in both_formats() {
        let report = on_drive(&machine);
        for rule in [IISADMIN, TIMEOUT, SCHANNEL, POOL] {
            lacks(&report, rule, "the System event log was not collected", "winevt\\Logs\\System.evtx");
            lacks(&report, rule, "not collected", "config\\SysEvent.Evt");
        }
    }
    lacks(&on_drive(&Machine::new(Os::Server2022)), DPAPI, "not collected", "Crypto-DPAPI%4Operational.evtx");
    assert_eq!(outcome(&on_drive(&Machine::new(Os::Server2003)), DPAPI), "not-applicable");
    // Without IIS there is nothing to fail; TLS has other users.
    let client = on_drive(&Machine::new(Os::Client));
    for rule in [IISADMIN, TIMEOUT, POOL] {
        assert_eq!(outcome(&client, rule), "not-applicable", "{rule}");
    }
    assert_eq!(outcome(&client, SCHANNEL), "not-evaluated");
}

#[test]
fn a_service_that_is_gone_is_told_by_the_events_that_it_left() {
    let machine = Machine::new(Os::Server2012R2);
    assert_eq!(outcome(&on_drive(&machine), IISADMIN), "not-applicable");
    let report = with_system(&machine, &[scm(2, 7024, &["IIS Admin Service", "%%2148073478"])]);
    assert_eq!(finding(&report, IISADMIN).severity, Level::Note);
}

#[test]
fn a_damaged_log_is_read_as_far_as_it_goes() {
    let [_, mut machine] = both_formats();
    let filler: String = "x".repeat(600);
    let mut events: Vec<EventSpec> = (0..300).map(|_| scm(1, 7036, &[&filler, "running"])).collect();
    events.insert(0, scm(0, 7024, &["IIS Admin Service", "%%2148073478"]));
    machine.add_event_log("System", &events);
    let path = machine.event_log("System");
    let mut bytes = machine.files()[&path].bytes.clone();
    // The last chunk is overwritten from its header on.
    let chunk = bytes.len() - 65_536;
    bytes[chunk..chunk + 4_096].fill(0xa5);
    machine.put(&path, bytes, machine.last_written);
    let report = on_drive(&machine);
    assert_eq!(findings(&report, IISADMIN).len(), 1);
    let damaged = finding(&report, "evidence-damaged");
    assert!(damaged.subject.ends_with("System.evtx"), "{}", damaged.subject);
    assert!(damaged.explanation.contains("read in part"), "{}", damaged.explanation);
    // What a damaged log does not show says nothing.
    lacks(&report, SCHANNEL, "could not be read", "another copy of the damaged file");
    assert!(check(&report, IISADMIN).reason.contains("not looked at"), "{}", check(&report, IISADMIN).reason);
}

#[test]
fn a_log_that_is_none_is_damage_and_no_answer() {
    let [mut old, _] = both_formats();
    let path = old.event_log("System");
    old.put(&path, b"LfLe is not where it should be".to_vec(), old.last_written);
    let report = on_drive(&old);
    assert!(finding(&report, "evidence-damaged").subject.ends_with("SysEvent.Evt"));
    lacks(&report, IISADMIN, "could not be read", "another copy");
}

fn on_key(minute: u32, guid: &str, code: &str, kind: &str) -> EventSpec {
    let folder = "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys";
    EventSpec::new(1, at(minute), "Microsoft-Windows-Security-Auditing", 5058)
        .level(0)
        .named("KeyName", "TSSecKeySet1")
        .named("KeyType", kind)
        .named("KeyFilePath", &format!("{folder}\\f686aace6942fb7f7ceb231212eef4a4_{guid}"))
        .named("Operation", "%%2458")
        .named("ReturnCode", code)
}

#[test]
fn guids_of_key_files_in_events_are_observations_and_no_damage() {
    let mut machine = Machine::new(Os::Server2012R2);
    let events = [on_key(1, GUID, "0x0", "%%2499"), on_key(2, OTHER_GUID, "0x0", "%%2500")];
    machine.add_event_log("Security", &events);
    let report = on_drive(&machine);
    let row = report.guid_census.iter().find(|row| row.guid == OTHER_GUID).expect("a row");
    assert_eq!((row.containers, row.is_current), (0, false));
    assert_eq!(row.sources, ["Security events on key files (1, 2012-04-30)"]);
    assert_eq!(report.verdict, Verdict::Healthy, "{}", report.summary);
    assert!(findings(&report, "evidence-mixed").is_empty() && findings(&report, DPAPI).is_empty());
    // A failure on a key of the machine is a symptom; keys of users come and go.
    let events = [on_key(1, GUID, "0x80090016", "%%2499"), on_key(2, OTHER_GUID, "0x80090016", "%%2500")];
    machine.add_event_log("Security", &events);
    let found = finding(&on_drive(&machine), DPAPI);
    assert!(found.title.contains("1 failure with 0x80090016"), "{}", found.title);
}

#[test]
fn the_first_failure_is_told_beside_a_changed_guid_and_changes_no_judgement() {
    let plain = on_drive(&cases::guid_reset());
    let cause = plain.root_cause.as_ref().expect("a cause");
    let failed = |day, hour, minute| {
        EventSpec::new(1, filetime((2009, 1, day), (hour, minute, 0)), SCM, 7024)
            .params(&["IIS Admin Service", "%%2148073478"])
    };
    let boot = EventSpec::new(1, filetime((2008, 12, 1), (8, 0, 0)), "EventLog", 6005).level(4);
    let mut machine = cases::guid_reset();
    machine.add_event_log("System", &[boot.clone(), failed(11, 3, 29)]);
    let report = on_drive(&machine);
    let found = finding(&report, "machine-guid-changed");
    let told = "first failed on 2009-01-11T03:29:00Z, 11 minutes after the Cryptography key was written";
    assert!(!found.explanation.contains("the first start after that"), "{}", found.explanation);
    assert!(found.explanation.contains(told), "{}", found.explanation);
    assert_eq!(report.root_cause.as_ref().expect("a cause").statement, cause.statement);
    let symptom = finding(&report, IISADMIN);
    let plan = report.plan.as_ref().expect("a plan");
    assert!(!plan.leaves.contains(&symptom.id) && !plan.resolves.contains(&symptom.id), "{plan:#?}");
    assert!(symptom.explanation.contains("stands under"), "{}", symptom.explanation);

    let again = EventSpec::new(1, filetime((2009, 1, 11), (3, 28, 0)), "EventLog", 6005).level(4);
    machine.add_event_log("System", &[boot.clone(), again, failed(11, 3, 29)]);
    let report = on_drive(&machine);
    let found = finding(&report, "machine-guid-changed");
    let start = "written; the first start after that was on 2009-01-11T03:28:00Z.";
    assert!(found.explanation.contains(start), "{}", found.explanation);
    assert!(report.timeline.iter().any(|row| row.what.contains("started for the first time after")));

    machine.add_event_log("System", &[boot, failed(9, 3, 17)]);
    let found = finding(&on_drive(&machine), "machine-guid-changed");
    assert!(found.explanation.contains("2 days before the Cryptography key"), "{}", found.explanation);

    // That another service failed before contradicts nothing.
    let web = EventSpec::new(1, filetime((2009, 1, 9), (3, 0, 0)), SCM, 7023);
    let web = web.params(&["World Wide Web Publishing Service", "%%2"]);
    // Nor does a code that any program ends with, or a service that did not start at all.
    let plain = |id, code| {
        EventSpec::new(1, filetime((2009, 1, 9), (4, 0, 0)), SCM, id).params(&["IIS Admin Service", code])
    };
    let boot = EventSpec::new(1, filetime((2008, 12, 1), (8, 0, 0)), "EventLog", 6005).level(4);
    let others = [web, plain(7023, "%%5"), plain(7000, "%%2148073478")];
    machine.add_event_log("System", &[vec![boot], others.to_vec(), vec![failed(11, 3, 29)]].concat());
    let found = finding(&on_drive(&machine), "machine-guid-changed");
    assert!(found.explanation.contains(told), "{}", found.explanation);

    machine.add_event_log("System", &[failed(12, 3, 17)]);
    let found = finding(&on_drive(&machine), "machine-guid-changed");
    assert!(
        found.explanation.contains("The System log, which begins on 2009-01-12"),
        "{}",
        found.explanation
    );
}

#[test]
fn a_windows_2000_without_the_hotfix_and_with_two_guids_is_warned() {
    let mut machine = Machine::new(Os::Windows2000);
    clear(&on_drive(&machine), &[HOTFIX]);
    machine.add_container(METABASE, OTHER_GUID, filetime((2005, 1, 1), (0, 0, 0)));
    let found = finding(&on_drive(&machine), HOTFIX);
    assert_eq!(found.severity, Level::Warning);
    assert!(
        found.explanation.contains(OTHER_GUID) && found.explanation.contains(GUID),
        "{}",
        found.explanation
    );
    machine.set("Microsoft\\Windows NT\\CurrentVersion\\HotFix\\KB884872", "Installed", Value::Dword(1));
    clear(&on_drive(&machine), &[HOTFIX]);
    let mut later = Machine::new(Os::Server2003);
    later.add_container(METABASE, OTHER_GUID, filetime((2006, 6, 1), (0, 0, 0)));
    assert_eq!(outcome(&on_drive(&later), HOTFIX), "not-applicable");
    let report = without(&Machine::new(Os::Windows2000), &["\\config\\software"]);
    lacks(&report, HOTFIX, "the SOFTWARE hive was not collected", "config\\SOFTWARE");
}

#[test]
fn a_guid_that_only_events_name_warns_of_no_missing_hotfix() {
    // No Windows 2000 logs such events; the rule must not rest on that.
    let mut machine = Machine::new(Os::Windows2000);
    let tree = |machine: &Machine| support::drive::tree(machine, &[]);
    machine.add_event_log("System", &[scm(1, 7036, &["x", "running"])]);
    let mut security = on_key(1, OTHER_GUID, "0x0", "%%2499").channel("Security");
    security.computer = machine.computer_name();
    let report = of_tree(tree(&machine).file("Security.evtx", &evtx(&[security])));
    clear(&report, &[HOTFIX]);
}

/// A System log that another computer wrote, up to that day.
fn of_another(machine: &Machine, until: u64) -> Report {
    let mut tree = support::drive::tree(machine, &[]);
    let mut event = EventSpec::new(1, until, "EventLog", 6005).level(4);
    event.computer = "WIN-OLDNAME".to_owned();
    tree.insert("Windows/System32/winevt/Logs/System.evtx", &evtx(&[event]), None, None);
    of_tree(tree)
}

#[test]
fn a_log_of_another_computer_is_a_mixture_only_where_no_rename_explains_it() {
    let machine = Machine::new(Os::Server2012R2);
    let report = of_another(&machine, machine.installed);
    assert!(findings(&report, "evidence-mixed").is_empty(), "{}", report.summary);
    assert!(report.assumptions.iter().any(|text| text.contains("WIN-OLDNAME")), "{:?}", report.assumptions);
    // Two days before the registry was last written, the new name may have come since.
    let report = of_another(&machine, machine.last_written - 2 * 86_400 * 10_000_000);
    assert!(findings(&report, "evidence-mixed").is_empty(), "{}", report.summary);
    let mut active = machine.clone();
    let key = "ControlSet001\\Control\\ComputerName\\ActiveComputerName";
    active.set_system(key, "ComputerName", Value::Sz("WIN-OLDNAME".to_owned()));
    assert!(findings(&of_another(&active, machine.last_written), "evidence-mixed").is_empty());
    let report = of_another(&machine, machine.last_written);
    let found = finding(&report, "evidence-mixed");
    assert_eq!(found.confidence, "strong");
    assert!(found.explanation.contains("WIN-OLDNAME"), "{}", found.explanation);
}

#[test]
fn a_machines_logs_are_found_in_every_shape_of_evidence() {
    for mut machine in both_formats() {
        machine.add_event_log("System", &[scm(2, 7024, &["IIS Admin Service", "%%2148073478"])]);
        if !machine.os.is_old() {
            let blob = EventSpec::new(1, at(5), "Microsoft-Windows-Crypto-DPAPI", 8198)
                .named("Status", "0x8009000b")
                .named("ReasonForFailure", "2");
            machine.add_event_log(DPAPI_LOG, &[blob]);
        }
        let wanted = if machine.os.is_old() { 1 } else { 2 };
        for layout in Layout::all() {
            let mut tree = MemoryTree::new();
            for (path, bytes) in layout.files(&machine) {
                tree.insert(&path, &bytes, None, None);
            }
            let report = of_tree(tree);
            let found = [findings(&report, IISADMIN), findings(&report, DPAPI)].concat();
            assert_eq!(found.len(), wanted, "{layout:?}: {found:?}");
            let once = found.iter().all(|row| row.title.contains("once") || row.title.contains("1 failure"));
            assert!(once, "{layout:?}: {found:?}");
            assert!(report.findings.iter().all(|row| row.rule != "evidence-mixed"), "{layout:?}");
        }
    }
}

/// Damage of every kind gives a report, and never more events than there were.
#[test]
fn mutants_of_logs_give_reports() {
    let mut rng = Rng::new(884_872);
    for mut machine in both_formats() {
        let event = scm(2, 7024, &["IIS Admin Service", "%%2148073478"]);
        machine.add_event_log("System", &[event.clone(), event]);
        let path = machine.event_log("System");
        let sound = machine.files()[&path].bytes.clone();
        for _ in 0..300 {
            let mut bytes = sound.clone();
            for _ in 0..=rng.below(6) {
                let used = bytes.len().clamp(1, 8_192);
                let place = rng.below(used);
                bytes[place] = rng.below(256) as u8;
            }
            if rng.below(4) == 0 {
                let kept = rng.below(bytes.len());
                bytes.truncate(kept);
            }
            let evidence = Evidence::from_tree(MemoryTree::new().file("SysEvent.Evt", &bytes));
            let Ok(facts) = iiskeys_core::read(&evidence, &Options::default(), &mut Quiet) else { continue };
            let counted: u64 = facts.events.symptoms.values().map(|symptom| symptom.count).sum();
            assert!(counted as usize <= bytes.len() / 64, "{counted} events in {} bytes", bytes.len());
        }
    }
}
