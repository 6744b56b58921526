//! From a place on the disk to the bytes of its cluster.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::cache::BlockCache;
use crate::chain::read_parent;
use crate::error::bad_data;
use crate::pages::Pages;
use crate::read_at::ReadAt;

use super::header::{Compression, Header};

/// Bits 9 to 55 of an L1 or L2 entry.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const COPIED: u64 = 1 << 63;
const ZERO: u64 = 1;

/// Subclusters of a cluster with an extended L2 entry.
const SUBCLUSTERS: u64 = 32;

/// The largest cluster is 2 MiB, so no packed cluster needs to look back further.
const MAX_ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

/// The disk inside an image.
pub(super) struct Disk {
    source: Arc<dyn ReadAt>,
    header: Header,
    data_file: Option<Arc<dyn ReadAt>>,
    backing: Option<Arc<dyn ReadAt>>,
    tables: Pages,
    cache: Arc<BlockCache>,
    owner: u32,
}

/// Where the bytes of a run on the disk are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Zero,
    Backing,
    /// At this offset of the data file.
    Data(u64),
    /// Packed, by the L2 entry.
    Packed(u64),
}

impl Disk {
    pub(super) fn new(
        source: Arc<dyn ReadAt>,
        header: Header,
        data_file: Option<Arc<dyn ReadAt>>,
        backing: Option<Arc<dyn ReadAt>>,
        cache: Arc<BlockCache>,
    ) -> Self {
        let tables = Pages::new(Arc::clone(&source), Arc::clone(&cache));
        let owner = cache.owner();
        Self { source, header, data_file, backing, tables, cache, owner }
    }

    fn cluster_size(&self) -> u64 {
        1 << self.header.cluster_bits
    }

    /// Where the byte `offset` of the disk is, and how many bytes from there on are in the same place.
    fn place(&self, offset: u64) -> io::Result<(Place, u64)> {
        let cluster_size = self.cluster_size();
        let entry_bits = if self.header.extended_l2 { 4 } else { 3 };
        let l2_bits = self.header.cluster_bits - entry_bits;
        let cluster = offset / cluster_size;
        let within = offset % cluster_size;
        let rest = cluster_size - within;

        // The L1 table was checked against the size of the disk, and the sum cannot be larger than the file.
        let l1_at = self.header.l1_offset + (cluster >> l2_bits) * 8;
        let l2 = self.tables.be64(l1_at)? & OFFSET;
        if l2 == 0 {
            let table = cluster_size << l2_bits;
            return Ok((Place::Backing, table - offset % table));
        }
        self.aligned("L2 table", l2, offset)?;
        let entry_at = l2 + ((cluster & ((1 << l2_bits) - 1)) << entry_bits);
        let entry = self.tables.be64(entry_at)?;
        if entry & COMPRESSED != 0 {
            return Ok((Place::Packed(entry), rest));
        }
        let host = entry & OFFSET;
        let allocated = host != 0 || (self.data_file.is_some() && entry & COPIED != 0);
        if self.header.extended_l2 {
            let states = self.tables.be64(entry_at + 8)?;
            return self.subcluster(offset, host, allocated, states);
        }
        if entry & ZERO != 0 {
            if self.header.version < 3 {
                return Err(bad_data(format!(
                    "QCOW2: disk offset {offset}: a zero cluster in a version 2 image"
                )));
            }
            return Ok((Place::Zero, rest));
        }
        if !allocated {
            return Ok((Place::Backing, rest));
        }
        self.aligned("cluster", host, offset)?;
        Ok((Place::Data(host + within), rest))
    }

    fn subcluster(&self, offset: u64, host: u64, allocated: bool, states: u64) -> io::Result<(Place, u64)> {
        let size = self.cluster_size() / SUBCLUSTERS;
        let within = offset % self.cluster_size();
        let number = within / size;
        let rest = size - within % size;
        let has_data = states >> number & 1 == 1;
        let is_zero = states >> (number + SUBCLUSTERS) & 1 == 1;
        match (has_data, is_zero) {
            (false, true) => Ok((Place::Zero, rest)),
            (false, false) => Ok((Place::Backing, rest)),
            (true, false) if allocated => {
                self.aligned("cluster", host, offset)?;
                Ok((Place::Data(host + within), rest))
            }
            _ => Err(bad_data(format!(
                "QCOW2: disk offset {offset}: subcluster {number} contradicts itself (states {states:#018x})"
            ))),
        }
    }

    fn aligned(&self, what: &str, found: u64, offset: u64) -> io::Result<()> {
        if found.is_multiple_of(self.cluster_size()) {
            return Ok(());
        }
        Err(bad_data(format!(
            "QCOW2: disk offset {offset}: the {what} at byte {found} does not start at a multiple of {}",
            self.cluster_size()
        )))
    }

    fn fill(&self, place: Place, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match place {
            Place::Zero => {
                buf.fill(0);
                Ok(())
            }
            Place::Backing => read_parent(self.backing.as_ref(), offset, buf),
            Place::Data(at) => {
                let file = self.data_file.as_ref().unwrap_or(&self.source);
                let count = file.read_at(at, buf)?;
                if count < buf.len() {
                    return Err(bad_data(format!(
                        "QCOW2: disk offset {offset}: the cluster at byte {at} lies behind the end of the file ({})",
                        file.len()
                    )));
                }
                Ok(())
            }
            Place::Packed(entry) => {
                let cluster = offset >> self.header.cluster_bits;
                let block = self.cache.get(self.owner, cluster, || self.unpack(entry, offset))?;
                let within = usize::try_from(offset % self.cluster_size()).unwrap_or(usize::MAX);
                let wanted = block.get(within..).and_then(|rest| rest.get(..buf.len()));
                buf.copy_from_slice(wanted.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    fn unpack(&self, entry: u64, offset: u64) -> io::Result<Vec<u8>> {
        if self.data_file.is_some() {
            return Err(bad_data(format!(
                "QCOW2: disk offset {offset}: a compressed cluster beside an external data file"
            )));
        }
        let sector_bits = self.header.cluster_bits - 8;
        let at = entry & ((1 << (62 - sector_bits)) - 1);
        let sectors = (entry & (COMPRESSED - 1)) >> (62 - sector_bits);
        let room = (sectors + 1) * 512 - at % 512;
        // The last sector of the file need not be whole.
        let len = room.min(self.source.len().saturating_sub(at));
        let mut packed = vec![0; usize::try_from(len).unwrap_or_default()];
        self.source.read_exact_at(at, &mut packed)?;
        let mut out = vec![0; self.cluster_size() as usize];
        let done = match self.header.compression {
            Compression::Deflate => DeflateDecoder::new(packed.as_slice()).read_exact(&mut out),
            Compression::Zstd => unpack_zstd(&packed, &mut out),
        };
        done.map_err(|error| {
            bad_data(format!(
                "QCOW2: disk offset {offset}: the compressed cluster at byte {at} cannot be unpacked: {error}"
            ))
        })?;
        Ok(out)
    }
}

fn unpack_zstd(packed: &[u8], out: &mut [u8]) -> io::Result<()> {
    // The decoder has assertions of its own that damaged input may reach.
    catch_unwind(AssertUnwindSafe(|| {
        StreamingDecoder::new_with_max_window_size(packed, MAX_ZSTD_WINDOW)
            .map_err(io::Error::other)?
            .read_exact(out)
    }))
    .unwrap_or_else(|_| Err(bad_data("the zstd decoder gave up".to_owned())))
}

impl ReadAt for Disk {
    fn len(&self) -> u64 {
        self.header.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let mut filled = 0;
        while filled < room {
            let at = offset + filled as u64;
            let (place, run) = self.place(at)?;
            let count = usize::try_from(run).unwrap_or(usize::MAX).min(room - filled);
            let Some(target) = buf.get_mut(filled..filled + count) else { break };
            self.fill(place, at, target)?;
            filled += count;
        }
        Ok(filled)
    }
}
