//! B-trees: directories (`$I30`) and the indexes of `$Secure`.

mod listing;
mod node;
mod search;

use std::io;

pub use listing::Listing;
pub(crate) use node::{Entry, Node, entry as node_entry};

use crate::attribute::{BITMAP, INDEX_ALLOCATION, INDEX_ROOT};
use crate::bytes::{u8_at, u32_at};
use crate::error::NtfsError;
use crate::file::File;
use crate::record::fix_up;
use crate::runs::{Clusters, Run};
use crate::value::Body;
use crate::volume::Volume;

/// Name of the index of a directory.
pub(crate) const I30: [u16; 4] = [b'$' as u16, b'I' as u16, b'3' as u16, b'0' as u16];

/// Largest index block that is believed, in bytes.
const MAX_BLOCK: u32 = 64 * 1024;
/// Largest value of an index root, which always stands in a record.
const MAX_ROOT: u64 = 64 * 1024;
/// Bytes in front of the node in an index root.
const ROOT_HEADER: usize = 16;
/// Bytes in front of the node in an index block.
const BLOCK_HEADER: usize = 24;

/// An index with its places on the volume.
pub(crate) struct Index {
    pub volume: Volume,
    pub what: String,
    pub root: Vec<u8>,
    pub block_size: u32,
    pub blocks: Option<Clusters>,
    pub bitmap: Option<Body>,
}

impl Index {
    /// The index of this name; a missing one is an error.
    pub fn open(volume: &Volume, file: &File, name: &[u16]) -> Result<Self, NtfsError> {
        let record = file.reference().record;
        let what = format!("MFT record {record}, index {}", String::from_utf16_lossy(name));
        let source = volume.source();
        let root = file.value(INDEX_ROOT, name)?;
        let root = root.ok_or_else(|| NtfsError::damaged(&what, 0, "an index root", "none"))?;
        let root = root.load(&**source, MAX_ROOT, &what)?;
        let block_size = u32_at(&root, 8).unwrap_or(0);
        if !block_size.is_power_of_two() || !(512..=MAX_BLOCK).contains(&block_size) {
            return Err(NtfsError::damaged(&what, 8, "index blocks of 512 bytes to 64 KiB", block_size));
        }
        let blocks = match file.value(INDEX_ALLOCATION, name)?.map(|value| value.body) {
            Some(Body::Clusters(clusters)) => {
                if let Some(hole) = clusters.runs.iter().find(|run: &&Run| run.lcn.is_none()) {
                    return Err(NtfsError::damaged(&what, hole.vcn, "clusters", "a hole"));
                }
                let most = source.len();
                if clusters.size > most {
                    volume.note(format!("{what} claims {} bytes on a volume of {most}", clusters.size));
                }
                Some(clusters)
            }
            Some(Body::Resident(_)) | None => None,
        };
        let bitmap = file.value(BITMAP, name)?.map(|value| value.body);
        Ok(Self { volume: volume.clone(), what, root, block_size, blocks, bitmap })
    }

    /// The node in the index root.
    pub fn root_node(&self) -> Result<Node<'_>, NtfsError> {
        Node::parse(&self.root, ROOT_HEADER, &self.what)
    }

    /// Number of index blocks, in use or not: no more than the volume has room for, whatever sizes it claims.
    pub fn block_count(&self) -> u64 {
        let most = self.volume.source().len();
        self.blocks.as_ref().map_or(0, |blocks| blocks.size.min(most) / u64::from(self.block_size))
    }

    /// Number of the block that stands at a cluster number of the index.
    pub fn block_of(&self, vcn: u64) -> Option<u64> {
        // Blocks smaller than a cluster are counted in sectors of 512 bytes whatever the disk has.
        let unit = u64::from(self.volume.cluster_size());
        let unit = if unit > u64::from(self.block_size) { 512 } else { unit };
        let offset = vcn.checked_mul(unit)?;
        let size = u64::from(self.block_size);
        Some(offset / size).filter(|block| offset % size == 0 && *block < self.block_count())
    }

    /// Reads blocks from number `first` on as they stand on disk.
    pub fn read_blocks(&self, first: u64, buf: &mut [u8]) -> io::Result<()> {
        match &self.blocks {
            Some(blocks) => blocks.read_raw(&**self.volume.source(), first * u64::from(self.block_size), buf),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Words for a block in messages.
    pub fn block_name(&self, number: u64) -> String {
        format!("{}, block {number}", self.what)
    }

    /// Checks a block that was read and puts its words back.
    pub fn check_block(&self, number: u64, data: &mut [u8]) -> Result<(), NtfsError> {
        let what = self.block_name(number);
        fix_up(data, b"INDX", &what)?;
        let vcn = crate::bytes::u64_at(data, 0x10).unwrap_or(u64::MAX);
        if self.block_of(vcn) != Some(number) {
            return Err(NtfsError::damaged(what, 0x10, "its own cluster number", vcn));
        }
        Ok(())
    }

    /// Reads and checks one block.
    pub fn block(&self, number: u64) -> Result<Vec<u8>, NtfsError> {
        let mut data = vec![0; self.block_size as usize];
        self.read_blocks(number, &mut data).map_err(NtfsError::reading(self.block_name(number)))?;
        self.check_block(number, &mut data)?;
        Ok(data)
    }

    /// The node of a block.
    pub fn node<'a>(&self, number: u64, data: &'a [u8]) -> Result<Node<'a>, NtfsError> {
        Node::parse(data, BLOCK_HEADER, &self.block_name(number))
    }

    /// Whether a block is in use; without a bitmap all are.
    pub fn is_used(&self, number: u64) -> io::Result<bool> {
        let Some(bitmap) = &self.bitmap else { return Ok(true) };
        let at = number / 8;
        let byte = match bitmap {
            Body::Resident(data) => usize::try_from(at).ok().and_then(|at| u8_at(data, at)),
            Body::Clusters(clusters) if at < clusters.size => {
                let mut byte = [0];
                clusters.read(&**self.volume.source(), at, &mut byte)?;
                u8_at(&byte, 0)
            }
            Body::Clusters(_) => None,
        };
        Ok(byte.is_some_and(|byte| byte >> (number % 8) & 1 != 0))
    }
}
