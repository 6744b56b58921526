use iiskeys_evidence::Timestamp;
use iiskeys_fixtures::event_log::EventSpec;
use proptest::prelude::*;

use super::*;

/// All events of a log.
pub(super) fn all(log: &[u8]) -> (Skim, Vec<Event>) {
    let mut events = Vec::new();
    let skim = skim(&log.to_vec(), &|_| true, &mut |event| events.push(event)).unwrap();
    (skim, events)
}

/// What was seen of a log that may be none, and how many bytes its events have.
pub(super) fn heads(log: &[u8], events: &mut usize) -> Option<(Skim, usize)> {
    let mut size = 0;
    let skim = skim(&log.to_vec(), &|_| true, &mut |event| {
        *events += 1;
        size += event.provider.len() + event.computer.len() + event.binary.len();
        size += event.data.iter().map(|datum| datum.text.len()).sum::<usize>();
    });
    skim.ok().map(|skim| (skim, size))
}

/// What a reader of `.evtx` gives for a forged event.
pub(super) fn as_read(spec: &EventSpec) -> Event {
    Event {
        record: spec.record,
        time: Timestamp::from_filetime(spec.time).unwrap(),
        provider: spec.provider.clone(),
        id: spec.id,
        level: spec.level,
        channel: Some(spec.channel.clone()),
        computer: spec.computer.clone(),
        data: spec.data.iter().map(|(name, text)| Datum { name: name.clone(), text: text.clone() }).collect(),
        binary: spec.binary.clone(),
    }
}

prop_compose! {
    fn spec()(
        provider in prop_oneof!["[A-Z][a-z ]{0,20}[a-z]", "Microsoft-Windows-[A-Z]{2,8}"],
        id in 0_u32..65_536,
        level in 0_u8..5,
        texts in prop::collection::vec("[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{0,40}", 0..6),
        named: bool,
        binary in prop::collection::vec(any::<u8>(), 0..40),
        seconds in 1_u64..1_000_000_000,
    ) -> EventSpec {
        let time = 116_444_736_000_000_000 + 10_000_000 * seconds;
        let mut spec = EventSpec::new(0, time, &provider, id).level(level).binary(&binary);
        for (index, text) in texts.iter().enumerate() {
            spec = if named { spec.named(&format!("Name{index}"), text) } else { spec.text(text) };
        }
        spec
    }
}

/// Up to `count` events with numbers that count up.
pub(super) fn specs(count: usize) -> impl Strategy<Value = Vec<EventSpec>> {
    prop::collection::vec(spec(), 1..count).prop_map(|mut specs| {
        for (index, spec) in specs.iter_mut().enumerate() {
            spec.record = 100 + index as u64;
        }
        specs
    })
}
