//! Decoding of chunks in a thread that can be left behind.
//!
//! A chunk that the crate panics on costs the rest of that chunk. One that it does not come back from costs a thread,
//! which is abandoned: there is no safe way to end it. After three of those in a run nothing more is decoded.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use evtx::{EvtxChunkData, ParserSettings};
use iiskeys_evidence::Timestamp;

use crate::artifact::event_log::{Event, Work};
use crate::artifact::hive::guard::contained;

use super::event::event;

/// How long a chunk may take. One takes milliseconds, a hundred on a slow and busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// Threads that may be abandoned in a run.
const MAX_ABANDONED: usize = 3;
/// Text of one record that is looked at, in bytes. Windows writes no event of more than 64 KiB; with a template that it
/// uses again and again a record can make much more of them.
const RECORD_TEXT: usize = 1 << 20;

/// A chunk to be decoded, with a header of our own.
pub(super) struct Job {
    /// Its bytes.
    pub(super) chunk: Vec<u8>,
    /// Offset in the chunk, number and time of each record that is to be decoded, in order.
    pub(super) records: Vec<(usize, u64, Option<Timestamp>)>,
    /// Bytes of text after which no further record is decoded.
    pub(super) text: u64,
}

/// A record by its index in [`Job::records`], as far as it could be decoded.
pub(super) type Decoded = (usize, Result<Event, String>);

/// How a chunk is decoded; gives each record as soon as it has it, and at the end how many bytes of text there were.
pub(super) type Decode = fn(Job, &mut dyn FnMut(Decoded)) -> u64;

/// Why a chunk was not decoded to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The decoder failed on it.
    Failed(String),
    /// It took too long.
    TooLong,
    /// Too many chunks before it did.
    GivenUp,
}

/// What came out of a chunk so far, so that it is there even when the thread does not come back.
///
/// One message for each record would cost more than its decoding.
type Tray = Arc<Mutex<(Vec<Decoded>, u64)>>;

/// A chunk, where its records go, and where to tell that it is done.
struct Order {
    job: Job,
    tray: Tray,
    done: Sender<Result<(), String>>,
}

/// The thread, which is started with the first chunk.
pub(super) struct Worker {
    decode: Decode,
    limit: Duration,
    jobs: Option<Sender<Order>>,
}

impl Worker {
    pub(super) fn new(decode: Decode, limit: Duration) -> Self {
        Self { decode, limit, jobs: None }
    }

    /// Decodes a chunk and gives its records to `found` on this thread, in order. Nothing of a chunk that takes too long
    /// is given: how far it would have got is a matter of the clock.
    pub(super) fn run(
        &mut self,
        job: Job,
        work: &mut Work,
        found: &mut dyn FnMut(Decoded),
    ) -> Result<(), Stopped> {
        if work.abandoned >= MAX_ABANDONED {
            return Err(Stopped::GivenUp);
        }
        let (done, answer) = mpsc::channel();
        let tray = Tray::default();
        let jobs = self.jobs.get_or_insert_with(|| start(self.decode));
        let ordered = jobs.send(Order { job, tray: Arc::clone(&tray), done });
        let result = match ordered.map(|()| answer.recv_timeout(self.limit)) {
            Ok(Ok(result)) => result.map_err(Stopped::Failed),
            Ok(Err(RecvTimeoutError::Timeout)) => {
                // Without a channel to it the thread ends when it comes back.
                self.jobs = None;
                work.abandoned += 1;
                return Err(Stopped::TooLong);
            }
            Ok(Err(RecvTimeoutError::Disconnected)) | Err(_) => {
                self.jobs = None;
                Err(Stopped::Failed("the decoder has ended".to_owned()))
            }
        };
        let (decoded, text) = std::mem::take(&mut *tray.lock().unwrap_or_else(PoisonError::into_inner));
        work.text = work.text.saturating_add(text);
        decoded.into_iter().for_each(found);
        result
    }
}

fn start(decode: Decode) -> Sender<Order> {
    let (jobs, inbox): (_, Receiver<Order>) = mpsc::channel();
    // Where no thread can be had the inbox is dropped, and the first chunk is told as failed.
    let _ = thread::Builder::new().name("evtx".to_owned()).spawn(move || {
        for Order { job, tray, done } in inbox {
            let result = contained(|| {
                let text = decode(job, &mut |decoded| {
                    tray.lock().unwrap_or_else(PoisonError::into_inner).0.push(decoded);
                });
                tray.lock().unwrap_or_else(PoisonError::into_inner).1 = text;
            });
            if done.send(result).is_err() {
                return;
            }
        }
    });
    jobs
}

/// Decodes the records of a chunk by the `evtx` crate.
pub(super) fn decode(job: Job, found: &mut dyn FnMut(Decoded)) -> u64 {
    let Job { chunk, records, text: most } = job;
    let mut spent = 0_u64;
    let settings = ParserSettings::default().indent(false).num_threads(1).validate_checksums(false);
    let fail = |found: &mut dyn FnMut(Decoded), from: usize, what: String| {
        for index in from..records.len() {
            found((index, Err(what.clone())));
        }
    };
    let mut data = match EvtxChunkData::new(chunk, false) {
        Ok(data) => data,
        Err(error) => {
            fail(found, 0, error.to_string());
            return spent;
        }
    };
    let mut chunk = match data.parse(Arc::new(settings)) {
        Ok(chunk) => chunk,
        Err(error) => {
            fail(found, 0, error.to_string());
            return spent;
        }
    };
    let mut next = 0;
    // The crate says of a record that it cannot read neither where it is nor always its number; what it passes over is
    // known by the record that comes after it.
    let mut reason: Option<String> = None;
    for record in chunk.iter() {
        let record = match record {
            Ok(record) => record,
            Err(evtx::err::EvtxError::FailedToReadRecordAt { .. }) => continue,
            Err(error) => {
                reason = Some(error.to_string());
                continue;
            }
        };
        let offset = usize::try_from(record.binxml_offset).unwrap_or_default();
        let place = records.iter().skip(next).position(|(at, ..)| at + 24 == offset);
        let Some(index) = place.map(|place| next + place) else { continue };
        for passed in next..index {
            found((passed, Err(reason.clone().unwrap_or_else(|| "it is not understood".to_owned()))));
        }
        next = index + 1;
        let Some((_, number, time)) = records.get(index) else { continue };
        let text = record.into_xml().map_err(|error| error.to_string());
        spent = spent.saturating_add(text.as_ref().map_or(0, |text| text.data.len() as u64));
        let text = text.and_then(|text| match text.data.len() {
            0..=RECORD_TEXT => Ok(text.data),
            length => Err(format!("over a budget of 1 MiB of text, it has {length} bytes")),
        });
        found((index, text.and_then(|text| event(&text, *number, *time))));
        if spent >= most {
            fail(found, next, "over a budget of text".to_owned());
            return spent;
        }
    }
    fail(found, next, reason.unwrap_or_else(|| "it is not understood".to_owned()));
    spent
}
