//! What the small sections say: the geometry of the media, its digests, read errors of the acquisition.

use super::adler::adler32;
use super::damaged;
use super::section::Section;
use crate::error::DiskError;
use crate::fields::{array, le32, le64};
use crate::read_at::ReadAt;

/// Content of a `volume` section of EnCase, FTK and linen.
const ENCASE_SIZE: usize = 1052;
/// Content of a `volume` section of SMART and the first EWF.
const SMART_SIZE: usize = 94;
/// Larger chunks are not written by any program; the largest choice of EnCase is 32,768 sectors of 512 bytes.
const MAX_CHUNK: u64 = 64 * 1024 * 1024;

/// The geometry of the media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    /// Whether it has the short form, with which tables have their chunks behind them.
    pub(super) is_smart: bool,
    /// Bytes in a chunk.
    pub(super) chunk_size: u32,
    /// Bytes in a sector.
    pub(super) sector_size: u32,
    /// Bytes of the media.
    pub(super) len: u64,
    /// Identifies the set of segments; zero where the program wrote none.
    pub(super) set: [u8; 16],
}

impl Volume {
    /// Reads a `volume`, `disk` or `data` section.
    pub(super) fn read(section: &Section, segment: &dyn ReadAt) -> Result<Self, DiskError> {
        let is_smart = section.end - section.content() < ENCASE_SIZE as u64;
        let raw = section.read(segment, if is_smart { SMART_SIZE } else { ENCASE_SIZE })?;
        let at = section.content();
        check(&raw, "volume section", at)?;
        let field = |at: usize| le32(&raw, at).unwrap_or_default();
        let sectors = if is_smart { u64::from(field(16)) } else { le64(&raw, 16).unwrap_or_default() };
        let (per_chunk, sector_size) = (field(8), field(12));
        let chunk_size = u64::from(per_chunk) * u64::from(sector_size);
        if chunk_size == 0 || chunk_size > MAX_CHUNK {
            return Err(damaged(
                "chunk size",
                at + 8,
                format!("1 to {MAX_CHUNK} bytes"),
                format!("{per_chunk} sectors of {sector_size} bytes"),
            ));
        }
        let len = sectors.checked_mul(u64::from(sector_size)).filter(|len| *len <= i64::MAX as u64);
        let len = len.ok_or_else(|| {
            damaged(
                "number of sectors",
                at + 16,
                "a disk's".into(),
                format!("{sectors} of {sector_size} bytes"),
            )
        })?;
        let set = if is_smart { None } else { array(&raw, 64) };
        Ok(Self { is_smart, chunk_size: chunk_size as u32, sector_size, len, set: set.unwrap_or_default() })
    }

    /// Whether both describe the same media; the set is another question.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        (self.chunk_size, self.sector_size, self.len) == (other.chunk_size, other.sector_size, other.len)
    }

    /// Chunks that the media needs.
    pub(super) fn chunks(&self) -> u64 {
        self.len.div_ceil(u64::from(self.chunk_size))
    }
}

/// The Adler-32 in the last four bytes.
fn check(raw: &[u8], what: &'static str, offset: u64) -> Result<(), DiskError> {
    let (body, stored) = raw.split_at_checked(raw.len().saturating_sub(4)).unwrap_or_default();
    let stored = le32(stored, 0).unwrap_or_default();
    let computed = adler32(body);
    if computed == stored {
        Ok(())
    } else {
        Err(damaged(what, offset, format!("Adler-32 {computed:08x}"), format!("{stored:08x}")))
    }
}

/// The MD5 of a `hash` section, `None` when the field was left empty.
pub(super) fn read_hash(section: &Section, segment: &dyn ReadAt) -> Result<Option<[u8; 16]>, DiskError> {
    let raw = section.read(segment, 36)?;
    check(&raw, "hash section", section.content())?;
    Ok(array(&raw, 0).filter(|md5| *md5 != [0; 16]))
}

/// MD5 and SHA-1, each `None` when its field was left empty.
pub(super) type Digests = (Option<[u8; 16]>, Option<[u8; 20]>);

/// The digests of a `digest` section.
pub(super) fn read_digest(section: &Section, segment: &dyn ReadAt) -> Result<Digests, DiskError> {
    let raw = section.read(segment, 80)?;
    check(&raw, "digest section", section.content())?;
    Ok((array(&raw, 0).filter(|md5| *md5 != [0; 16]), array(&raw, 16).filter(|sha1| *sha1 != [0; 20])))
}

/// What an `error2` section says of sectors that could not be read from the original.
pub(super) fn read_errors(section: &Section, segment: &dyn ReadAt) -> Result<Option<String>, DiskError> {
    let head = section.read(segment, 520)?;
    let count = le32(&head, 0).unwrap_or_default();
    if count == 0 {
        return Ok(None);
    }
    let first = section.read(segment, 528)?;
    let (start, sectors) = (le32(&first, 520).unwrap_or_default(), le32(&first, 524).unwrap_or_default());
    Ok(Some(format!(
        "{count} runs of sectors could not be read when the image was made and hold filler; the first has {sectors} \
         sectors from sector {start} on"
    )))
}
