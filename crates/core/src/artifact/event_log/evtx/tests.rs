use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use iiskeys_fixtures::event_log::EventSpec;
use iiskeys_fixtures::event_log::evtx::{EvtxOptions, evtx, seal, write};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::super::tests::{all, as_read, heads, specs};
use super::super::{Format, skim as skim_any};
use super::worker::Decoded;
use super::*;

const CHUNK_AT: usize = 4096;

fn log_of(count: u64) -> Vec<EventSpec> {
    (1..=count)
        .map(|record| {
            let time = 132_500_000_000_000_000 + record * 600_000_000;
            match record % 3 {
                0 => EventSpec::new(record, time, "Service Control Manager", 7024)
                    .params(&["World Wide Web Publishing Service", "%%2148073478"])
                    .binary(b"W3SVC"),
                1 => EventSpec::new(record, time, "Microsoft-Windows-WAS", 5059).named("AppPoolID", "Shop"),
                _ => EventSpec::new(record, time, "EventLog", 6013).level(4).text("").text("17"),
            }
        })
        .collect()
}

fn small_chunks(events: &[EventSpec]) -> Vec<u8> {
    write(events, &EvtxOptions { records_per_chunk: 4, ..EvtxOptions::default() })
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.record).collect()
}

fn forged(specs: &[EventSpec]) -> Vec<Event> {
    specs.iter().map(as_read).collect()
}

#[test]
fn a_log_of_several_chunks_is_read_in_order() {
    let specs = log_of(10);
    let (skim, events) = all(&small_chunks(&specs));
    assert_eq!(events, forged(&specs));
    assert_eq!(
        (skim.format, skim.records, skim.is_dirty, &skim.damage[..]),
        (Format::Evtx, 10, false, &[][..])
    );
    assert_eq!(skim.first.map(|mark| mark.record), Some(1));
    assert_eq!(skim.last.map(|mark| mark.record), Some(10));
    assert_eq!(skim.channel.as_deref(), Some("System"));
}

#[test]
fn only_what_is_wanted_is_handed_on() {
    let specs = log_of(200);
    for plain in [false, true] {
        let log = write(&specs, &EvtxOptions { plain, ..EvtxOptions::default() });
        let mut found = Vec::new();
        let wanted = |head: &Head<'_>| head.provider == "Microsoft-Windows-WAS" && head.id == 5059;
        let skim = skim_any(&log, &wanted, &mut |event| found.push(event)).unwrap();
        assert_eq!(skim.records, 200);
        assert_eq!(numbers(&found), (1..=200).step_by(3).collect::<Vec<_>>());
    }
}

#[test]
fn heads_of_templates_are_known_without_the_decoder() {
    fn refuses(_: Job, _: &mut dyn FnMut(Decoded)) -> u64 {
        panic!("the decoder is not needed")
    }
    let log = evtx(&log_of(100));
    let worker = Worker::new(refuses, LIMIT);
    let skim = skim_with(worker, &mut Work::default(), &log, &|_| false, &mut |_| ());
    assert_eq!((skim.records, skim.damage, skim.channel.as_deref()), (100, vec![], Some("System")));
}

#[test]
fn a_log_that_was_not_closed_is_read_to_its_end() {
    let specs = log_of(10);
    let options = EvtxOptions { dirty: true, records_per_chunk: 4, reserve: 2, plain: false };
    let (skim, events) = all(&write(&specs, &options));
    assert_eq!(events, forged(&specs));
    assert!(skim.is_dirty);
    assert_eq!(skim.damage, []);
}

#[test]
fn an_overwritten_file_header_is_no_hindrance() {
    let specs = log_of(10);
    let mut log = small_chunks(&specs);
    log[..4096].fill(0);
    let (skim, events) = all(&log);
    assert_eq!(events, forged(&specs));
    assert_eq!(skim.damage.iter().map(|damage| damage.offset).collect::<Vec<_>>(), [0]);
}

#[test]
fn an_overwritten_chunk_header_costs_no_record() {
    let specs = log_of(10);
    let mut log = small_chunks(&specs);
    log[CHUNK_AT + CHUNK..CHUNK_AT + CHUNK + 512].fill(0xee);
    let (skim, events) = all(&log);
    assert_eq!(events, forged(&specs));
    assert!(skim.damage.iter().all(|damage| (69_632..69_632 + 512).contains(&damage.offset)));
    assert!(!skim.damage.is_empty());
}

#[test]
fn a_header_that_lies_about_the_end_of_the_records_is_not_believed() {
    let specs = log_of(4);
    for lie in [0_u32, 512, 700, u32::MAX] {
        let mut log = evtx(&specs);
        log[CHUNK_AT + 48..CHUNK_AT + 52].copy_from_slice(&lie.to_le_bytes());
        let (skim, events) = all(&log);
        assert_eq!(events, forged(&specs));
        assert!(!skim.damage.is_empty());
    }
}

#[test]
fn a_damaged_record_costs_only_itself_and_what_its_templates_serve() {
    let specs = log_of(9);
    let mut log = evtx(&specs);
    let contents = chunk::contents(&log[CHUNK_AT..]);
    // The fifth record defines nothing that was not there before.
    log[CHUNK_AT + contents.places[4].offset] = b'#';
    let (skim, events) = all(&log);
    assert_eq!(numbers(&events), [1, 2, 3, 4, 6, 7, 8, 9]);
    assert!(skim.damage.len() >= 2);
}

#[test]
fn a_truncated_log_gives_what_is_left() {
    let specs = log_of(10);
    let mut log = small_chunks(&specs);
    let last = CHUNK_AT + 2 * CHUNK;
    let contents = chunk::contents(&log[last..]);
    log.truncate(last + contents.places[1].offset + 8);
    let (skim, events) = all(&log);
    assert_eq!(numbers(&events), (1..=9).collect::<Vec<_>>());
    assert!(!skim.damage.is_empty());
}

#[test]
fn a_chunk_that_does_not_end_is_left_behind() {
    fn never(_: Job, _: &mut dyn FnMut(Decoded)) -> u64 {
        let (sender, receiver) = mpsc::channel::<()>();
        let _ = receiver.recv();
        drop(sender);
        0
    }
    let log = small_chunks(&log_of(20));
    let worker = Worker::new(never, Duration::from_millis(1));
    let mut work = Work::default();
    let skim = skim_with(worker, &mut work, &log, &|_| true, &mut |_| ());
    assert_eq!(skim.records, 20);
    let told: Vec<&str> = skim.damage.iter().map(|damage| damage.what.as_str()).collect();
    assert_eq!(told[..3], ["4 records of the chunk are not decoded: it took too long."; 3]);
    assert_eq!(told[3], "From here on 8 wanted records are not decoded: three chunks took too long.");
    // The next log of the run costs no further threads.
    let worker = Worker::new(never, Duration::from_millis(1));
    let next = skim_with(worker, &mut work, &log, &|_| true, &mut |_| ());
    assert_eq!(
        next.damage[0].what,
        "From here on 20 wanted records are not decoded: three chunks took too long."
    );
    assert_eq!(work.abandoned, 3);
}

#[test]
fn nothing_of_a_chunk_that_takes_too_long_is_given() {
    fn late(job: Job, found: &mut dyn FnMut(Decoded)) -> u64 {
        let text = worker::decode(job, found);
        let (sender, receiver) = mpsc::channel::<()>();
        let _ = receiver.recv();
        drop(sender);
        text
    }
    let worker = Worker::new(late, Duration::from_millis(1));
    let mut found = 0;
    skim_with(worker, &mut Work::default(), &small_chunks(&log_of(4)), &|_| true, &mut |_| found += 1);
    assert_eq!(found, 0);
}

#[test]
fn text_is_made_up_to_a_budget_for_each_log_and_for_all() {
    fn wordy(job: Job, found: &mut dyn FnMut(Decoded)) -> u64 {
        worker::decode(job, found);
        200 << 20
    }
    let log = small_chunks(&log_of(20));
    let mut work = Work::default();
    let read = |work: &mut Work| {
        let mut found = 0;
        let skim = skim_with(Worker::new(wordy, LIMIT), work, &log, &|_| true, &mut |_| found += 1);
        assert_eq!(skim.records, 20);
        assert!(skim.damage.is_empty(), "a budget is no damage");
        (found, skim.over_budget)
    };
    assert_eq!(read(&mut work), (8, 12));
    assert_eq!(read(&mut work), (8, 12));
    assert_eq!(read(&mut work), (8, 12), "five times 200 MiB are less than a gigabyte");
    assert_eq!(read(&mut work), (0, 20));
}

#[test]
fn a_record_over_the_budget_is_the_last_of_its_chunk() {
    let log = evtx(&log_of(5));
    let data = &log[CHUNK_AT..CHUNK_AT + CHUNK];
    let places = super::chunk::contents(data).places;
    let records = places.iter().map(|place| (place.offset, place.number, None)).collect();
    let job = Job { chunk: super::chunk::extract(data, &places, &|_| true), records, text: 1 };
    let mut found = Vec::new();
    let spent = worker::decode(job, &mut |(_, decoded)| found.push(decoded.map(|event| event.record)));
    assert!(spent > 100);
    assert_eq!(found[0], Ok(1));
    assert!(found[1..].iter().all(|told| told.as_ref().is_err_and(|why| why.starts_with("over a budget"))));
}

#[test]
fn a_panic_costs_the_rest_of_its_chunk() {
    fn panics(job: Job, found: &mut dyn FnMut(Decoded)) -> u64 {
        let first = job.records[0].1;
        if first == 1 {
            panic!("no such token");
        }
        worker::decode(job, found)
    }
    let skimmed = {
        let mut found = Vec::new();
        let log = small_chunks(&log_of(8));
        let skim =
            skim_with(Worker::new(panics, LIMIT), &mut Work::default(), &log, &|_| true, &mut |event| {
                found.push(event)
            });
        (skim, numbers(&found))
    };
    assert_eq!(skimmed.1, [5, 6, 7, 8]);
    assert_eq!(skimmed.0.damage[0].what, "4 records of the chunk cannot be decoded: no such token.");
}

#[test]
fn text_that_xml_cannot_have_does_not_lose_the_event() {
    let spec = EventSpec::new(1, 132_500_000_000_000_000, "EventLog", 6013).text("a\u{1}b\r\n<&\">");
    let (_, events) = all(&evtx(&[spec]));
    assert_eq!(events[0].at(0), Some("a_b\r\n<&\">"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_forged_is_read_back(specs in specs(40), dirty: bool, per_chunk in 3_usize..50) {
        let options = EvtxOptions { dirty, plain: false, records_per_chunk: per_chunk, reserve: 0 };
        let (skim, events) = all(&write(&specs, &options));
        prop_assert_eq!(events, forged(&specs));
        prop_assert_eq!(skim.damage, vec![]);
    }

    #[test]
    fn the_quick_look_agrees_with_the_decoder(specs in specs(20)) {
        let seen = std::cell::RefCell::new(Vec::new());
        let mut found = Vec::new();
        let wanted = |head: &Head<'_>| {
            seen.borrow_mut().push((head.record, head.provider.to_owned(), head.id));
            true
        };
        skim_any(&evtx(&specs), &wanted, &mut |event| found.push((event.record, event.provider, event.id))).unwrap();
        prop_assert_eq!(seen.into_inner(), found);
    }
}

#[test]
fn mutants_end_and_give_no_more_than_they_hold() {
    let mut rng = Rng::named("evtx mutants");
    let seeds = [
        evtx(&log_of(12)),
        write(&log_of(12), &EvtxOptions { plain: true, ..EvtxOptions::default() }),
        small_chunks(&log_of(6)),
    ];
    let used = CHUNK_AT + 512 + 6000;
    for round in 0..2400 {
        let mut log = seeds[round % seeds.len()].clone();
        for _ in 0..=rng.below(5) {
            let at =
                if rng.below(4) == 0 { rng.below(log.len()) } else { CHUNK_AT + rng.below(used - CHUNK_AT) };
            match rng.below(4) {
                0 => log[at] ^= 1 << rng.below(8),
                1 => log[at] = [0, 0xff, 0x0c, 0x0e, 0x7f][rng.below(5)],
                2 => log[at] = log[at].wrapping_add(1),
                _ => {
                    let from = CHUNK_AT + rng.below(used - CHUNK_AT);
                    let piece: Vec<u8> = log[from..].iter().copied().take(24).collect();
                    let end = (at + piece.len()).min(log.len());
                    log[at..end].copy_from_slice(&piece[..end - at]);
                }
            }
        }
        // Half of them with sums that are right, as an attacker would.
        let free = u32::from_le_bytes(log[CHUNK_AT + 48..CHUNK_AT + 52].try_into().unwrap());
        if round % 2 == 0 && (512..=65_536).contains(&free) {
            seal(&mut log[CHUNK_AT..CHUNK_AT + CHUNK]);
        }
        let mut events = 0;
        if let Some((skim, _)) = heads(&log, &mut events) {
            assert!(skim.records as usize <= log.len() / 28);
            assert!(events as u64 <= skim.records);
            assert!(skim.damage.len() <= 32);
        }
    }
}

#[test]
fn samples_have_the_records_that_other_readers_count() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        println!("skipped: {} is not there", corpus.display());
        return;
    }
    let mut seen = 0;
    for folder in ["dissect-target-logs", "plaso", "chainsaw", "evtx-attack-samples", "velociraptor"] {
        let Ok(text) = fs::read_to_string(corpus.join(folder).join("expected.json")) else { continue };
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (name, file) in expected["files"].as_object().unwrap() {
            let reader = match file["kind"].as_str() {
                Some("evtx") => "evtx_dump",
                Some("evt") => "dissect.eventlog",
                _ => continue,
            };
            let (skim, events) = all(&fs::read(corpus.join(folder).join(name)).unwrap());
            assert_eq!(Some(skim.records), file[reader]["records"].as_u64(), "{name}");
            assert_eq!(events.len() as u64, skim.records, "{name}");
            assert_eq!(skim.damage, [], "{name}");
            if let Some(numbers) = file.get("record_ids") {
                assert_eq!(skim.first.map(|mark| mark.record), numbers["min"].as_u64(), "{name}");
                assert_eq!(skim.last.map(|mark| mark.record), numbers["max"].as_u64(), "{name}");
            }
            let ids = if reader == "evtx_dump" { &file["event_ids"] } else { &file[reader]["event_ids"] };
            for (id, count) in ids.as_object().unwrap() {
                let id: u32 = id.parse().unwrap();
                let found = events.iter().filter(|event| event.id == id).count() as u64;
                assert_eq!(Some(found), count.as_u64(), "{name}: {id}");
            }
            for told in file["key_file_events_first"].as_array().into_iter().flatten() {
                let event =
                    events.iter().find(|event| Some(event.record) == told["record"].as_u64()).unwrap();
                assert_eq!(Some(event.time), event::time(told["time"].as_str().unwrap()), "{name}");
                assert_eq!(event.computer, told["computer"].as_str().unwrap(), "{name}");
                // Some of its values.
                for (key, text) in told["data"].as_object().unwrap() {
                    assert_eq!(event.named(key), text.as_str(), "{name}: {key}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 9, "{seen} samples");
}
