//! `.evtx`: a header of 4 KiB and chunks of 64 KiB, each with its own names, templates and records.
//!
//! Sources: [MS-EVEN6] for binary XML; J. Metz, "Windows XML Event Log (EVTX) format", for the file. Chunks stand at
//! fixed places, so a header that is stale or damaged hides none of them. Here records are found and their provider and
//! number looked up; what is wanted is decoded by the `evtx` crate, one chunk at a time and in a thread of its own.

mod chunk;
mod event;
mod shape;
mod worker;

#[cfg(test)]
mod tests;

use iiskeys_evidence::Timestamp;

use crate::artifact::bytes;

use super::skim::{Format, Head, Skim};
use super::{Event, Source, Work};
use chunk::{CHUNK, Place};
use shape::{Look, Shapes};
use worker::{Job, LIMIT, Stopped, Worker};

/// Bytes before the first chunk.
const HEADER: u64 = 4096;
const SIGNATURE: [u8; 8] = *b"ElfFile\0";
/// Bytes of text that are made of one chunk. What Windows writes makes some ten times the chunk.
const CHUNK_TEXT: u64 = 16 << 20;
/// Chunks that are looked at where the header has no signature.
const SEARCH: u64 = 64;

/// Whether this is a log, by its header or, where that is overwritten, by a chunk.
pub(super) fn is_evtx(start: &[u8; 8], source: &dyn Source) -> bool {
    *start == SIGNATURE
        || (0..chunks(source).min(SEARCH)).any(|number| {
            let mut front = [0; 8];
            source.read_at(HEADER + number * CHUNK as u64, &mut front).is_ok() && front == chunk::SIGNATURE
        })
}

/// How many chunks there is room for, the last perhaps cut short.
fn chunks(source: &dyn Source) -> u64 {
    source.len().saturating_sub(HEADER).div_ceil(CHUNK as u64)
}

/// Goes through a log; see [`super::skim`].
pub(super) fn skim(
    work: &mut Work,
    source: &dyn Source,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) -> Skim {
    skim_with(Worker::new(worker::decode, LIMIT), work, source, wanted, found)
}

fn skim_with(
    worker: Worker,
    work: &mut Work,
    source: &dyn Source,
    wanted: &dyn Fn(&Head<'_>) -> bool,
    found: &mut dyn FnMut(Event),
) -> Skim {
    let mut pass = Pass {
        worker,
        before: work.text,
        work,
        wanted,
        found,
        shapes: Shapes::default(),
        skim: Skim::new(Format::Evtx),
        not_decoded: None,
        over_budget: None,
    };
    pass.file_header(source);
    let mut buffer = vec![0; CHUNK];
    for number in 0..chunks(source) {
        let offset = HEADER + number * CHUNK as u64;
        match source.read_at(offset, &mut buffer) {
            Ok(count) => pass.chunk(offset, buffer.get(..count).unwrap_or_default()),
            Err(error) => pass.skim.harm(offset, format!("The chunk cannot be read: {error}.")),
        }
    }
    if let Some((offset, count)) = pass.not_decoded {
        let what =
            format!("From here on {count} wanted records are not decoded: three chunks took too long.");
        pass.skim.harm(offset, what);
    }
    pass.skim.over_budget = pass.over_budget.map_or(0, |(_, count)| count);
    pass.skim
}

struct Pass<'a> {
    worker: Worker,
    work: &'a mut Work,
    /// Text that was made of logs before this one.
    before: u64,
    wanted: &'a dyn Fn(&Head<'_>) -> bool,
    found: &'a mut dyn FnMut(Event),
    shapes: Shapes,
    skim: Skim,
    /// Where decoding was given up, and how many records it would have been.
    not_decoded: Option<(u64, u64)>,
    /// Likewise where the budget of text was spent.
    over_budget: Option<(u64, u64)>,
}

impl Pass<'_> {
    fn file_header(&mut self, source: &dyn Source) {
        let mut header = [0; 128];
        match source.read_at(0, &mut header) {
            Ok(128) => {}
            Ok(count) => return self.skim.harm(0, format!("The header ends after {count} of 128 bytes.")),
            Err(error) => return self.skim.harm(0, format!("The header cannot be read: {error}.")),
        }
        if !header.starts_with(&SIGNATURE) {
            return self.skim.harm(
                0,
                "The header is damaged: \"ElfFile\" is expected; chunks are read where they stand.",
            );
        }
        let word = |offset| bytes::u32_le(&header, offset).unwrap_or_default();
        self.skim.is_dirty = word(120) & 1 != 0;
        let expected = crc32fast::hash(header.get(..120).unwrap_or_default());
        if expected != word(124) {
            self.skim.harm(
                124,
                format!("The checksum of the header is {:#010x}, not {expected:#010x}.", word(124)),
            );
        }
    }

    fn chunk(&mut self, offset: u64, data: &[u8]) {
        // Room that was never used.
        if data.iter().take(chunk::HEADER + 8).all(|byte| *byte == 0) {
            return;
        }
        let contents = chunk::contents(data);
        for (at, what) in contents.damage {
            self.skim.harm(offset + at as u64, what);
        }
        self.shapes.clear();
        let mut kept: Vec<usize> = Vec::new();
        let mut unsure: Vec<usize> = Vec::new();
        for (index, place) in contents.places.iter().enumerate() {
            let time = Timestamp::from_filetime(place.time);
            match self.shapes.look(data, place.body()) {
                Some(Look { provider, id, record }) => {
                    let record = record.unwrap_or(place.number);
                    self.skim.count(record, time);
                    if (self.wanted)(&Head { record, time, provider, id }) {
                        kept.push(index);
                    }
                    if self.skim.channel.is_none() {
                        self.skim.channel = self.shapes.channel(data, place.body());
                    }
                }
                None => {
                    kept.push(index);
                    unsure.push(index);
                }
            }
        }
        if !kept.is_empty() {
            self.decode(offset, data, &contents.places, &kept, &unsure);
        }
    }

    /// Decodes records of a chunk; those in `unsure` are wanted or not by what comes out.
    fn decode(&mut self, offset: u64, data: &[u8], places: &[Place], kept: &[usize], unsure: &[usize]) {
        let text = self.work.left(self.before);
        if text == 0 {
            for place in unsure.iter().filter_map(|index| places.get(*index)) {
                self.skim.count(place.number, Timestamp::from_filetime(place.time));
            }
            let (_, count) = self.over_budget.get_or_insert((offset, 0));
            *count += kept.len() as u64;
            return;
        }
        let records: Vec<_> = kept
            .iter()
            .filter_map(|index| places.get(*index))
            .map(|place| (place.offset, place.number, Timestamp::from_filetime(place.time)))
            .collect();
        let chunk = chunk::extract(data, places, &|index| kept.binary_search(&index).is_ok());
        let told = records.clone();
        let mut done = 0;
        let (skim, found, wanted) = (&mut self.skim, &mut *self.found, self.wanted);
        let is_unsure =
            |index: usize| kept.get(index).is_some_and(|place| unsure.binary_search(place).is_ok());
        let result = self.worker.run(
            Job { chunk, records, text: text.min(CHUNK_TEXT) },
            self.work,
            &mut |(index, decoded)| {
                let Some((at, number, time)) = told.get(index) else { return };
                done = index + 1;
                if is_unsure(index) {
                    skim.count(decoded.as_ref().map_or(*number, |event| event.record), *time);
                }
                match decoded {
                    Ok(event) => {
                        if skim.channel.is_none() {
                            skim.channel.clone_from(&event.channel);
                        }
                        let head = Head {
                            record: event.record,
                            time: *time,
                            provider: &event.provider,
                            id: event.id,
                        };
                        if !is_unsure(index) || wanted(&head) {
                            found(event);
                        }
                    }
                    Err(what) => {
                        skim.harm(offset + *at as u64, format!("Record {number} cannot be decoded: {what}."));
                    }
                }
            },
        );
        for (index, (_, number, time)) in told.iter().enumerate().skip(done) {
            if is_unsure(index) {
                self.skim.count(*number, *time);
            }
        }
        let left = told.len() - done;
        match result {
            Ok(()) => {}
            Err(Stopped::Failed(what)) => {
                self.skim.harm(offset, format!("{left} records of the chunk cannot be decoded: {what}."));
            }
            Err(Stopped::TooLong) => {
                self.skim
                    .harm(offset, format!("{left} records of the chunk are not decoded: it took too long."));
            }
            Err(Stopped::GivenUp) => {
                let (_, count) = self.not_decoded.get_or_insert((offset, 0));
                *count += left as u64;
            }
        }
    }
}
