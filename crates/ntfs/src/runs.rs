//! Run lists: where the clusters of a stream stand.

use std::io;
use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_disk::error::bad_data;

use crate::error::NtfsError;

/// Clusters in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First cluster within the stream.
    pub vcn: u64,
    /// First cluster on the volume; `None` for a hole.
    pub lcn: Option<u64>,
    /// Number of clusters, never zero.
    pub clusters: u64,
}

impl Run {
    /// The cluster of the stream behind the run.
    pub fn end(&self) -> u64 {
        self.vcn.saturating_add(self.clusters)
    }
}

/// Most clusters that a stream can have, so that byte offsets fit 63 bits with any cluster size.
const MAX_CLUSTERS: u64 = 1 << 42;

/// Decodes the mapping pairs of one attribute whose first cluster is `vcn`.
///
/// # Errors
/// When a pair is cut off, has a length of zero or leads in front of the volume. `what` names the attribute.
pub(crate) fn decode(data: &[u8], mut vcn: u64, what: &str) -> Result<Vec<Run>, NtfsError> {
    let mut runs = Vec::new();
    let mut at = 0_usize;
    let mut lcn = 0_i64;
    loop {
        let bad = |expected: &str, found: String| {
            NtfsError::damaged(format!("{what}, run list"), at as u64, expected, found)
        };
        // Windows leaves the end mark out where the attribute is full.
        let Some(&header) = data.get(at).filter(|header| **header != 0) else { return Ok(runs) };
        let (count_len, lcn_len) = (usize::from(header & 15), usize::from(header >> 4));
        if !(1..=8).contains(&count_len) || lcn_len > 8 {
            return Err(bad("a pair of 1 to 8 and 0 to 8 bytes", format!("{header:#04x}")));
        }
        let pair = data.get(at + 1..at + 1 + count_len + lcn_len);
        let (count, delta) = pair
            .and_then(|pair| pair.split_at_checked(count_len))
            .ok_or_else(|| bad("a whole pair", "the end of the attribute".into()))?;
        let count = signed(count);
        if !(1..=MAX_CLUSTERS as i64).contains(&count) {
            return Err(bad("a number of clusters", count.to_string()));
        }
        let place = if delta.is_empty() {
            None
        } else {
            lcn = lcn
                .checked_add(signed(delta))
                .filter(|lcn| (-1..=MAX_CLUSTERS as i64).contains(lcn))
                .ok_or_else(|| bad("a cluster of the volume", "one far outside".into()))?;
            // NT 3.1 wrote holes as cluster -1.
            u64::try_from(lcn).ok()
        };
        let run = Run { vcn, lcn: place, clusters: count.unsigned_abs() };
        vcn = run.end();
        if vcn > MAX_CLUSTERS {
            return Err(bad("a stream that can exist", format!("{vcn} clusters")));
        }
        runs.push(run);
        at += 1 + count_len + lcn_len;
    }
}

/// A little-endian two's complement number of 1 to 8 bytes.
fn signed(data: &[u8]) -> i64 {
    let negative = data.last().is_some_and(|last| last & 0x80 != 0);
    let start = if negative { -1_i64 } else { 0 };
    data.iter().rev().fold(start, |value, byte| (value << 8) | i64::from(*byte))
}

/// A stream that stands in clusters, without any transformation.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    /// In order and without gaps, from cluster 0 of the stream on.
    pub runs: Arc<[Run]>,
    /// Bytes of a cluster.
    pub cluster: u64,
    /// Bytes of the stream.
    pub size: u64,
    /// Bytes that were ever written; what follows is zero whatever the clusters hold.
    pub initialised: u64,
}

impl Clusters {
    /// Fills the whole of `buf`, which must lie within the stream.
    pub fn read(&self, source: &dyn ReadAt, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let written = self.initialised.min(self.size).saturating_sub(offset);
        let split = usize::try_from(written).unwrap_or(usize::MAX).min(buf.len());
        let (head, tail) = buf.split_at_mut(split);
        tail.fill(0);
        self.read_raw(source, offset, head)
    }

    /// Fills the whole of `buf` from the clusters, wherever the stream ends.
    pub fn read_raw(&self, source: &dyn ReadAt, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let vcn = offset / self.cluster;
            let index = self.runs.partition_point(|run| run.end() <= vcn);
            let run = self
                .runs
                .get(index)
                .filter(|run| run.vcn <= vcn)
                .ok_or_else(|| bad_data(format!("cluster {vcn} of the stream has no run")))?;
            let within = offset - run.vcn * self.cluster;
            let rest = run.clusters * self.cluster - within;
            let count = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
            let (now, later) = buf.split_at_mut(count);
            match run.lcn {
                None => now.fill(0),
                Some(lcn) => {
                    let at = lcn * self.cluster + within;
                    if at.checked_add(count as u64).is_none_or(|end| end > source.len()) {
                        return Err(bad_data(format!(
                            "clusters {lcn} to {} are not all within the volume's {} bytes",
                            lcn + run.clusters - 1,
                            source.len()
                        )));
                    }
                    source.read_exact_at(at, now)?;
                }
            }
            offset += count as u64;
            buf = later;
        }
        Ok(())
    }
}
