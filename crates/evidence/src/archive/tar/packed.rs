//! The streams that a tar comes in.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use iiskeys_disk::ReadAt;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::archive::stream::{Cursor, bad};

/// Bytes of the compressed file read at a time.
const BUFFER: usize = 64 * 1024;

/// How a tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// The decompressed stream from its start; `None` for a plain tar.
    pub(super) fn reader(self, source: &Arc<dyn ReadAt>) -> Option<Box<dyn Read + Send>> {
        let packed = BufReader::with_capacity(BUFFER, Cursor::new(Arc::clone(source)));
        match self {
            Self::Plain => None,
            Self::Gzip => Some(Box::new(MultiGzDecoder::new(packed))),
            Self::Zstd => {
                Some(Box::new(Frames { source: packed, decoder: FrameDecoder::new(), within: false }))
            }
        }
    }
}

/// All frames of a Zstandard file one behind the other.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if self.within {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    self.decoder
                        .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(|error| bad(format!("Zstandard: {error}")))?;
                }
                let count = self.decoder.read(buf)?;
                if count > 0 {
                    return Ok(count);
                }
                self.within = false;
            }
            if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => self.within = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    skip(&mut self.source, u64::from(length))?;
                }
                Err(error) => return Err(bad(format!("Zstandard: {error}"))),
            }
        }
    }
}

/// Reads past `bytes` bytes and says how many there were.
pub(super) fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut left = bytes;
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
        match reader.read(buffer.get_mut(..room).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => left = left.saturating_sub(count as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes - left)
}
