//! Readers that the archive formats share: a position on random access, checked ends, and a decoder on a thread.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::Crc;
use iiskeys_disk::{ReadAt, Slice};

use crate::tree::fill;

/// Bytes that one message of a decoder thread holds.
const CHUNK: usize = 256 * 1024;
/// Messages that wait for their reader.
const AHEAD: usize = 2;

/// A position on random access.
#[derive(Clone)]
pub(super) struct Cursor {
    source: Arc<dyn ReadAt>,
    at: u64,
}

impl Cursor {
    pub(super) fn new(source: Arc<dyn ReadAt>) -> Self {
        Self { source, at: 0 }
    }
}

impl Read for Cursor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.at, buf)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The beginning of one source with other bytes behind it.
pub(super) struct Spliced {
    pub(super) head: Slice,
    pub(super) tail: Vec<u8>,
}

impl ReadAt for Spliced {
    fn len(&self) -> u64 {
        self.head.len().saturating_add(self.tail.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let first = self.head.read_at(offset, buf)?;
        let rest = buf.get_mut(first..).unwrap_or_default();
        let in_tail = offset.saturating_add(first as u64).checked_sub(self.head.len());
        match in_tail {
            Some(at) if !rest.is_empty() => Ok(first + self.tail.read_at(at, rest)?),
            _ => Ok(first),
        }
    }
}

/// Demands that a stream has exactly the declared length and, where one is known, the declared checksum.
pub(super) struct Checked<R> {
    inner: R,
    declared: u64,
    left: u64,
    crc: Option<(Crc, u32)>,
    done: bool,
}

impl<R: Read> Checked<R> {
    pub(super) fn new(inner: R, declared: u64, crc: Option<u32>) -> Self {
        Self { inner, declared, left: declared, crc: crc.map(|crc| (Crc::new(), crc)), done: false }
    }

    fn finish(&mut self) -> io::Result<usize> {
        if !self.done {
            if fill(&mut self.inner, &mut [0])? > 0 {
                return Err(bad(format!("longer than the declared {} bytes", self.declared)));
            }
            if let Some((crc, expected)) = &self.crc
                && crc.sum() != *expected
            {
                return Err(bad(format!("checksum {:08x} expected, {:08x} found", expected, crc.sum())));
            }
            self.done = true;
        }
        Ok(0)
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.finish();
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let Some(wanted) = buf.get_mut(..room) else { return Ok(0) };
        let count = self.inner.read(wanted)?;
        if count == 0 {
            let found = self.declared - self.left;
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("ends after {found} of the declared {} bytes", self.declared),
            ));
        }
        if let Some((crc, _)) = &mut self.crc {
            crc.update(wanted.get(..count).unwrap_or_default());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

pub(super) fn bad(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Where a decoder thread puts what it decodes.
pub(super) struct Sink(SyncSender<io::Result<Vec<u8>>>);

impl Sink {
    /// Passes a stream on; false when nobody reads any more.
    pub(super) fn copy(&mut self, reader: &mut dyn Read) -> io::Result<bool> {
        loop {
            let mut chunk = vec![0; CHUNK];
            let count = fill(reader, &mut chunk)?;
            if count == 0 {
                return Ok(true);
            }
            chunk.truncate(count);
            if self.0.send(Ok(chunk)).is_err() {
                return Ok(false);
            }
        }
    }
}

/// Reads what `work` decodes on a thread of its own.
///
/// The decoders of some formats lend their readers only to a callback. A thread with a short queue turns that into a
/// reader in constant memory; it ends with its reader.
pub(super) fn pump(
    work: impl FnOnce(&mut Sink) -> io::Result<()> + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    let (sender, receiver) = sync_channel(AHEAD);
    thread::Builder::new().name("unpack".into()).spawn(move || {
        let mut sink = Sink(sender);
        let last = work(&mut sink).map(|()| Vec::new());
        // A reader that is gone needs no answer.
        let _ = sink.0.send(last);
    })?;
    Ok(Box::new(Pumped { receiver, chunk: io::Cursor::new(Vec::new()), ended: false }))
}

struct Pumped {
    receiver: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Read for Pumped {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.chunk.read(buf)?;
            if count > 0 || self.ended || buf.is_empty() {
                return Ok(count);
            }
            // Without a last message the decoder has panicked: that is an error, never an end.
            let next = self.receiver.recv().unwrap_or_else(|_| Err(bad("the decoder failed".into())));
            let chunk = next?;
            self.ended = chunk.is_empty();
            self.chunk = io::Cursor::new(chunk);
        }
    }
}
