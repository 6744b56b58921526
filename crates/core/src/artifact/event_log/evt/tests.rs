use iiskeys_fixtures::event_log::EventSpec;
use iiskeys_fixtures::event_log::evt::{EvtOptions, evt, write};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::super::tests::{all, as_read, heads, specs};
use super::super::{Format, LogError, skim};
use super::*;

fn three() -> Vec<EventSpec> {
    let second = 10_000_000;
    let start = 132_500_000_000 * second / 10;
    (0..3)
        .map(|index| {
            EventSpec::new(40 + index, start + index * second, "Service Control Manager", 7024)
                .text("IIS Admin Service")
                .text("2148073478")
                .binary(&[0xde, 0xad])
        })
        .collect()
}

fn expected(specs: &[EventSpec]) -> Vec<Event> {
    specs
        .iter()
        .map(|spec| {
            let mut event = as_read(spec);
            event.channel = None;
            event.level = if spec.level == 1 { 2 } else { spec.level };
            event.time = Timestamp::from_filetime(spec.time / 10_000_000 * 10_000_000).unwrap();
            event.data.iter_mut().for_each(|datum| datum.name = None);
            event
        })
        .collect()
}

fn compare(got: &[Event], specs: &[EventSpec]) {
    let want = expected(specs);
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got.time.filetime(), want.time.filetime());
        assert_eq!(Event { time: want.time, ..got.clone() }, *want);
    }
}

use iiskeys_evidence::Timestamp;

#[test]
fn a_closed_log_is_read_in_order() {
    let (skim, events) = all(&evt(&three()));
    compare(&events, &three());
    assert_eq!((skim.format, skim.records, skim.is_dirty), (Format::Evt, 3, false));
    assert_eq!(skim.first.map(|mark| mark.record), Some(40));
    assert_eq!(skim.last.map(|mark| mark.record), Some(42));
    assert_eq!(skim.damage, []);
}

#[test]
fn only_what_is_wanted_is_decoded() {
    let mut found = Vec::new();
    let skim =
        skim(&evt(&three()), &|head| head.record == 41 && head.id == 7024, &mut |e| found.push(e)).unwrap();
    assert_eq!(skim.records, 3);
    compare(&found, &three()[1..2]);
}

#[test]
fn a_log_without_events_has_no_damage() {
    let (skim, events) = all(&evt(&[]));
    assert_eq!((skim.records, events.len(), skim.damage.len()), (0, 0, 0));
}

#[test]
fn a_dirty_log_is_read_by_its_end_record() {
    let options = EvtOptions { dirty: true, ring: None, reserve: 4096 };
    let (skim, events) = all(&write(&three(), &options));
    compare(&events, &three());
    assert!(skim.is_dirty);
    assert_eq!(skim.damage, []);
}

#[test]
fn a_dirty_log_without_an_end_record_is_carved() {
    let mut log = write(&three(), &EvtOptions { dirty: true, ..EvtOptions::default() });
    let end = log.len() - END;
    log[end..].fill(0);
    let (skim, events) = all(&log);
    compare(&events, &three());
    assert_eq!(skim.damage.len(), 1);
}

#[test]
fn records_go_on_behind_the_header_wherever_the_ring_ends() {
    let one: usize = (evt(&three()[..1]).len() - 0x30 - END).next_multiple_of(4);
    let len = 0x30 + 3 * one + END + 120;
    for start in (0x30..len).step_by(4) {
        for dirty in [false, true] {
            let log = write(&three(), &EvtOptions { dirty, ring: Some((len, start)), reserve: 0 });
            let (skim, events) = all(&log);
            compare(&events, &three());
            assert_eq!((skim.damage, skim.is_dirty), (vec![], dirty), "start {start:#x}");
        }
    }
}

#[test]
fn a_damaged_record_costs_only_itself() {
    let mut log = evt(&three());
    let second = 0x30 + (log.len() - 0x30 - END) / 3;
    log[second + 4] ^= 1;
    let (skim, events) = all(&log);
    assert_eq!(events.iter().map(|event| event.record).collect::<Vec<_>>(), [40, 42]);
    assert_eq!(skim.damage.iter().map(|damage| damage.offset).collect::<Vec<_>>(), [second as u64]);
}

#[test]
fn an_overwritten_header_is_no_hindrance() {
    let mut log = evt(&three());
    log[..0x30].fill(0);
    let (skim, events) = all(&log);
    compare(&events, &three());
    assert_eq!(skim.damage.len(), 1);
}

#[test]
fn other_files_are_refused() {
    let refused = skim(&b"MZ and some more bytes".to_vec(), &|_| true, &mut |_| ());
    assert!(matches!(refused, Err(LogError::NotALog { found }) if found == b"MZ and s"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_forged_is_read_back(specs in specs(24), dirty: bool, reserve in 0_usize..50) {
        let log = write(&specs, &EvtOptions { dirty, ring: None, reserve: 4 * reserve });
        let (skim, events) = all(&log);
        compare(&events, &specs);
        prop_assert_eq!(skim.damage, vec![]);
    }
}

#[test]
fn mutants_end_and_give_no_more_than_they_hold() {
    let mut rng = Rng::named("evt mutants");
    let long: Vec<EventSpec> = (0..4).flat_map(|_| three()).collect();
    let ring = EvtOptions { dirty: false, ring: Some((3072, 2048)), reserve: 0 };
    let seeds =
        [evt(&three()), write(&long, &ring), write(&long, &EvtOptions { dirty: true, ..ring.clone() })];
    for round in 0..6000 {
        let mut log = seeds[round % seeds.len()].clone();
        for _ in 0..=rng.below(6) {
            let at = rng.below(log.len());
            match rng.below(4) {
                0 => log[at] ^= 1 << rng.below(8),
                1 => log[at] = [0, 0xff, 0x28, 0x30, 0x7f][rng.below(5)],
                2 => log.truncate(at.max(8)),
                _ => {
                    let from = rng.below(log.len());
                    let piece: Vec<u8> = log[from..].iter().copied().take(64).collect();
                    let end = (at + piece.len()).min(log.len());
                    log[at..end].copy_from_slice(&piece[..end - at]);
                }
            }
        }
        let mut heads_seen = 0;
        if let Some((skim, size)) = heads(&log, &mut heads_seen) {
            assert!(skim.records as usize <= log.len() / 60);
            assert!(size <= 4 * log.len(), "{size} bytes of text from {} of log", log.len());
            assert!(skim.damage.len() <= 32);
        }
    }
}

#[test]
fn a_log_of_starts_without_ends_is_given_up() {
    let whole = evt(&three());
    let end = whole.windows(8).position(|window| window == [0x28, 0, 0, 0, 0x11, 0x11, 0x11, 0x11]).unwrap();
    let mut log = whole[..end].to_vec();
    log[4..8].fill(0);
    let front = [200_000_u32.to_le_bytes(), *b"LfLe"].concat();
    for _ in 0..=2 * super::ring::MAX_MISSED {
        log.extend_from_slice(&front);
    }
    let skim = skim(&log, &|_| true, &mut |_| ()).unwrap();
    assert_eq!(skim.records, 3);
    assert!(skim.damage.iter().any(|place| place.what.contains("over a budget")), "{:?}", skim.damage);
}
