//! Extents that store only the grains that were written.

use std::io::{self, Read};
use std::sync::Arc;

use flate2::read::ZlibDecoder;

use crate::cache::BlockCache;
use crate::chain::read_parent;
use crate::error::{DiskError, bad_data};
use crate::fields::{le16, le32, le64};
use crate::pages::Pages;
use crate::read_at::ReadAt;

use super::{SECTOR, damaged};

pub(super) const HOSTED: &[u8] = b"KDMV";
pub(super) const ESX: &[u8] = b"COWD";

/// The directory stands at the end of the file, where the footer says.
const AT_END: u64 = u64::MAX;
const HAS_REDUNDANT: u32 = 1 << 1;
const HAS_ZEROED: u32 = 1 << 2;
const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;
const KNOWN: u32 = 1 | HAS_REDUNDANT | HAS_ZEROED | COMPRESSED | MARKERS;

/// Largest grain, in sectors; a compressed one is unpacked in memory.
const MAX_GRAIN: u64 = 1 << 21;
const MAX_COMPRESSED_GRAIN: u64 = 1 << 14;

/// What the header of the extent says, checked against the length of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Sectors of the disk that the extent covers.
    pub(super) capacity: u64,
    /// First sector and count of the embedded description, zero without one.
    pub(super) descriptor: (u64, u64),
    /// It was not closed properly.
    pub(super) unclean: bool,
    /// The first grain directory does not lie in the file.
    pub(super) used_redundant: bool,
    /// Sectors of a grain.
    grain: u64,
    entries_per_table: u64,
    /// Offsets of the grain directories in bytes, the one to use first.
    directories: Vec<u64>,
    zeroed: bool,
    compressed: bool,
    markers: bool,
}

impl Header {
    pub(super) fn parse(source: &dyn ReadAt) -> Result<Self, DiskError> {
        let mut head = [0; 512];
        let count = source.read_at(0, &mut head)?;
        let bytes = head.get(..count).unwrap_or_default();
        if bytes.starts_with(ESX) {
            Self::parse_esx(bytes, source.len())
        } else {
            Self::parse_hosted(bytes, source)
        }
    }

    fn parse_hosted(bytes: &[u8], source: &dyn ReadAt) -> Result<Self, DiskError> {
        if le64(bytes, 56) != Some(AT_END) {
            return Self::from_hosted(bytes, 0, source.len());
        }
        // The footer is a copy of the header with the real offset, before the last marker.
        let at = source.len().saturating_sub(2 * SECTOR);
        let mut footer = [0; 512];
        let count = source.read_at(at, &mut footer)?;
        let footer = footer.get(..count).unwrap_or_default();
        if !footer.starts_with(HOSTED) || le64(footer, 56) == Some(AT_END) {
            let found = format!("{:02x?}", footer.get(..4).unwrap_or_default());
            let expected = "`KDMV` and the offset of the grain directory (the file may be cut)".into();
            return Err(damaged("footer", at, expected, found));
        }
        let mut header = Self::from_hosted(footer, at, source.len())?;
        if header.descriptor.0 == 0 {
            // The footer is about the grains: not every program repeats the rest.
            header.descriptor = (le64(bytes, 28).unwrap_or_default(), le64(bytes, 36).unwrap_or_default());
        }
        Ok(header)
    }

    fn from_hosted(bytes: &[u8], base: u64, file: u64) -> Result<Self, DiskError> {
        let short = || damaged("sparse header", base, "512 bytes".into(), format!("{} bytes", bytes.len()));
        let long_at = |at| le64(bytes, at).ok_or_else(short);
        let int_at = |at| le32(bytes, at).ok_or_else(short);
        if !bytes.starts_with(HOSTED) {
            let found = format!("{:02x?}", bytes.get(..4).unwrap_or_default());
            return Err(damaged("sparse header", base, "`KDMV` or `COWD`".into(), found));
        }
        let version = int_at(4)?;
        if !(1..=3).contains(&version) {
            return Err(unsupported(format!("VMDK sparse extent version {version}")));
        }
        let flags = int_at(8)?;
        // Bits 16 and up change how grains are stored.
        if (flags & !KNOWN) >> 16 != 0 {
            return Err(unsupported(format!(
                "VMDK sparse extent with the unknown flags {:#x}",
                flags & !KNOWN
            )));
        }
        // A transfer in text mode changes these four characters.
        if flags & 1 == 1 && bytes.get(73..77) != Some(b"\n \r\n") {
            let found = format!("{:02x?}", bytes.get(73..77).unwrap_or_default());
            return Err(damaged("line ends", base + 73, "0a 20 0d 0a (not sent as text)".into(), found));
        }
        let algorithm = le16(bytes, 77).ok_or_else(short)?;
        let compressed = flags & COMPRESSED != 0 || algorithm != 0;
        if compressed && algorithm != 1 {
            return Err(unsupported(format!("VMDK compression algorithm {algorithm}")));
        }
        let redundant = if flags & HAS_REDUNDANT != 0 { long_at(48)? } else { 0 };
        let mut header = Self {
            capacity: long_at(12)?,
            descriptor: (long_at(28)?, long_at(36)?),
            unclean: bytes.get(72).is_some_and(|byte| *byte != 0),
            used_redundant: false,
            grain: long_at(20)?,
            entries_per_table: u64::from(int_at(44)?),
            directories: Vec::new(),
            zeroed: flags & HAS_ZEROED != 0,
            compressed,
            markers: flags & MARKERS != 0,
        };
        if !(1..=512).contains(&header.entries_per_table) {
            let found = header.entries_per_table.to_string();
            return Err(damaged("entries of a grain table", base + 44, "1 to 512".into(), found));
        }
        header.check(base + 12, base + 20)?;
        header.use_directories(&[long_at(56)?, redundant], base + 56, file)?;
        Ok(header)
    }

    fn parse_esx(bytes: &[u8], file: u64) -> Result<Self, DiskError> {
        let int_at = |at| {
            le32(bytes, at).ok_or_else(|| {
                damaged("sparse header", 0, "512 bytes".into(), format!("{} bytes", bytes.len()))
            })
        };
        let version = int_at(4)?;
        if version != 1 {
            return Err(unsupported(format!("VMFS sparse extent version {version}")));
        }
        let mut header = Self {
            capacity: u64::from(int_at(12)?),
            descriptor: (0, 0),
            unclean: false,
            used_redundant: false,
            grain: u64::from(int_at(16)?),
            entries_per_table: 4096,
            directories: Vec::new(),
            zeroed: false,
            compressed: false,
            markers: false,
        };
        header.check(12, 16)?;
        header.use_directories(&[u64::from(int_at(20)?)], 20, file)?;
        Ok(header)
    }

    fn check(&self, capacity_at: u64, grain_at: u64) -> Result<(), DiskError> {
        if self.capacity > u64::MAX / SECTOR / 2 {
            let found = self.capacity.to_string();
            return Err(damaged("capacity", capacity_at, "fewer than 2^54 sectors".into(), found));
        }
        let most = if self.compressed { MAX_COMPRESSED_GRAIN } else { MAX_GRAIN };
        if !self.grain.is_power_of_two() || self.grain > most {
            let expected = format!("a power of two of at most {most} sectors");
            return Err(damaged("grain size", grain_at, expected, self.grain.to_string()));
        }
        Ok(())
    }

    /// Keeps the directories that lie in the file as a whole.
    fn use_directories(&mut self, sectors: &[u64], at: u64, file: u64) -> Result<(), DiskError> {
        let needed = self.capacity.div_ceil(self.grain * self.entries_per_table) * 4;
        let fits = |sector: &u64| {
            let offset = sector.checked_mul(SECTOR).filter(|offset| *offset > 0)?;
            offset.checked_add(needed).is_some_and(|end| end <= file).then_some(offset)
        };
        self.directories = sectors.iter().filter_map(fits).collect();
        let first = sectors.first().copied().unwrap_or_default();
        self.used_redundant = fits(&first).is_none();
        if self.directories.is_empty() && self.capacity > 0 {
            let expected = format!("a sector with {needed} bytes behind it in the file of {file} bytes");
            return Err(damaged("offset of the grain directory", at, expected, format!("sector {first}")));
        }
        Ok(())
    }
}

fn unsupported(what: String) -> DiskError {
    DiskError::Unsupported {
        what,
        advice: "convert it with `qemu-img convert -O raw` and send the result".into(),
    }
}

/// The grains of one extent.
pub(super) struct Sparse {
    source: Arc<dyn ReadAt>,
    name: String,
    header: Header,
    tables: Pages,
    cache: Arc<BlockCache>,
    owner: u32,
}

/// Where a grain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Parent,
    Zero,
    /// At this offset of the file.
    Data(u64),
}

impl Sparse {
    pub(super) fn new(source: Arc<dyn ReadAt>, name: String, header: Header, cache: Arc<BlockCache>) -> Self {
        let tables = Pages::new(Arc::clone(&source), Arc::clone(&cache));
        let owner = cache.owner();
        Self { source, name, header, tables, cache, owner }
    }

    /// Fills `buf` from `at` of the extent on; `disk_at` is the same place on the whole disk, for the parent.
    pub(super) fn read(
        &self,
        at: u64,
        disk_at: u64,
        parent: Option<&Arc<dyn ReadAt>>,
        buf: &mut [u8],
    ) -> io::Result<()> {
        let grain_size = self.header.grain * SECTOR;
        let mut filled = 0;
        while filled < buf.len() {
            let here = at + filled as u64;
            let within = here % grain_size;
            let run = usize::try_from(grain_size - within).unwrap_or(usize::MAX);
            let end = filled.saturating_add(run).min(buf.len());
            let Some(target) = buf.get_mut(filled..end) else { break };
            match self.place(here / grain_size)? {
                Place::Zero => target.fill(0),
                Place::Parent => read_parent(parent, disk_at + filled as u64, target)?,
                Place::Data(offset) if self.header.compressed => {
                    let grain = here / grain_size;
                    let block = self.cache.get(self.owner, grain, || self.unpack(grain, offset))?;
                    let from = usize::try_from(within).unwrap_or(usize::MAX);
                    let wanted = block.get(from..).and_then(|rest| rest.get(..target.len()));
                    target.copy_from_slice(wanted.ok_or(io::ErrorKind::UnexpectedEof)?);
                }
                Place::Data(offset) => {
                    if self.source.read_at(offset + within, target)? < target.len() {
                        return Err(self.bad(here / grain_size, "lies behind the end of the file"));
                    }
                }
            }
            filled = end;
        }
        Ok(())
    }

    fn bad(&self, grain: u64, what: &str) -> io::Error {
        bad_data(format!("VMDK: grain {grain} of extent `{}` {what}", self.name))
    }

    /// The first grain directory whose entries lead to a place inside the file.
    fn place(&self, grain: u64) -> io::Result<Place> {
        let mut result = Err(self.bad(grain, "has no directory"));
        for directory in &self.header.directories {
            result = self.place_by(*directory, grain);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn place_by(&self, directory: u64, grain: u64) -> io::Result<Place> {
        let per_table = self.header.entries_per_table;
        // The directory was checked to lie in the file for every grain of the capacity.
        let table = u64::from(self.tables.le32(directory + grain / per_table * 4)?) * SECTOR;
        if table == 0 {
            return Ok(Place::Parent);
        }
        let entry = self.tables.le32(table + grain % per_table * 4)?;
        match entry {
            0 => Ok(Place::Parent),
            1 if self.header.zeroed => Ok(Place::Zero),
            1 => Err(self.bad(grain, "has the number for zeros, which the header does not allow")),
            sector if u64::from(sector) * SECTOR >= self.source.len() => {
                Err(self.bad(grain, &format!("lies at sector {sector}, behind the end of the file")))
            }
            sector => Ok(Place::Data(u64::from(sector) * SECTOR)),
        }
    }

    fn unpack(&self, grain: u64, offset: u64) -> io::Result<Vec<u8>> {
        let grain_size = self.header.grain * SECTOR;
        let left = self.source.len().saturating_sub(offset);
        let (from, size) = if self.header.markers {
            let mut marker = [0; 12];
            self.source.read_exact_at(offset, &mut marker)?;
            let sector = le64(&marker, 0).unwrap_or_default();
            if sector != grain * self.header.grain {
                return Err(self.bad(grain, &format!("has the marker of disk sector {sector}")));
            }
            let size = u64::from(le32(&marker, 8).unwrap_or_default());
            // Deflate makes nothing much larger, so a larger size is a lie that would cost memory.
            if size > left.saturating_sub(12) || size > 2 * grain_size + SECTOR {
                return Err(
                    self.bad(grain, &format!("has a compressed size of {size} bytes, {left} are left"))
                );
            }
            (offset + 12, size)
        } else {
            (offset, left.min(2 * grain_size))
        };
        let mut packed = vec![0; usize::try_from(size).unwrap_or_default()];
        self.source.read_exact_at(from, &mut packed)?;
        let mut out = Vec::new();
        // One byte more than there may be: reading to the end has the checksum compared.
        ZlibDecoder::new(packed.as_slice())
            .take(grain_size + 1)
            .read_to_end(&mut out)
            .map_err(|error| self.bad(grain, &format!("cannot be unpacked: {error}")))?;
        let covered = (self.header.capacity - grain * self.header.grain) * SECTOR;
        if (out.len() as u64) < covered.min(grain_size) || out.len() as u64 > grain_size {
            let message = format!("unpacks to {} bytes instead of {grain_size}", out.len());
            return Err(self.bad(grain, &message));
        }
        Ok(out)
    }
}
