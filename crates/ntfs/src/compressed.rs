//! Streams with the `compressed` attribute: units of LZNT1, each in its own clusters.

use std::io;

use iiskeys_disk::ReadAt;
use iiskeys_disk::error::bad_data;

use crate::codec::lznt1;
use crate::error::NtfsError;
use crate::runs::Clusters;

/// Largest unit that is believed, in bytes; Windows writes 64 KiB.
const MAX_UNIT: u64 = 2 * 1024 * 1024;

/// A compressed stream.
#[derive(Debug)]
pub(crate) struct Compressed {
    clusters: Clusters,
    unit: u64,
}

impl Compressed {
    /// A stream whose units have 2 to the power of `exponent` clusters.
    pub fn new(clusters: Clusters, exponent: u16, what: &str) -> Result<Self, NtfsError> {
        let unit =
            clusters.cluster.checked_shl(u32::from(exponent)).filter(|unit| (1..=MAX_UNIT).contains(unit));
        let unit = unit.filter(|_| (1..32).contains(&exponent)).ok_or_else(|| {
            let expected = format!("compression units of at most {MAX_UNIT} bytes");
            NtfsError::damaged(what, 0x22, expected, format!("2^{exponent} clusters"))
        })?;
        Ok(Self { clusters, unit })
    }

    /// Bytes of a unit.
    pub fn piece(&self) -> u64 {
        self.unit
    }

    /// Runs of the stream.
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// The content of one unit, cut where the stream ends.
    pub fn load(&self, source: &dyn ReadAt, index: u64) -> io::Result<Vec<u8>> {
        let start = index * self.unit;
        let len = self.clusters.size.saturating_sub(start).min(self.unit) as usize;
        let written = self.clusters.initialised.saturating_sub(start).min(len as u64) as usize;
        let mut data = vec![0; self.unit as usize];
        if written > 0 {
            self.fill(source, start, written, &mut data)?;
        }
        data.truncate(len);
        if let Some(rest) = data.get_mut(written..) {
            rest.fill(0);
        }
        Ok(data)
    }

    fn fill(&self, source: &dyn ReadAt, start: u64, written: usize, data: &mut [u8]) -> io::Result<()> {
        let cluster = self.clusters.cluster;
        let (first, last) = (start / cluster, (start + self.unit) / cluster);
        let from = self.clusters.runs.partition_point(|run| run.end() <= first);
        let runs = self.clusters.runs.get(from..).unwrap_or_default();
        let mut stored = 0;
        let mut in_hole = false;
        for run in runs.iter().take_while(|run| run.vcn < last) {
            let count = run.end().min(last) - run.vcn.max(first);
            match run.lcn {
                Some(_) if in_hole => {
                    return Err(bad_data(format!(
                        "compression unit at byte {start}: clusters behind a hole"
                    )));
                }
                Some(_) => stored += count,
                None => in_hole = true,
            }
        }
        if stored == 0 {
            if in_hole {
                return Ok(());
            }
            return Err(bad_data(format!("compression unit at byte {start} has no run")));
        }
        let bytes = usize::try_from(stored * cluster).unwrap_or(usize::MAX);
        if !in_hole {
            // The last unit of a stream may have fewer clusters than a unit and is then stored as it is.
            let Some(part) = data.get_mut(..bytes) else { return Err(io::ErrorKind::InvalidData.into()) };
            self.clusters.read_raw(source, start, part)?;
            if bytes < written {
                return Err(bad_data(format!(
                    "compression unit at byte {start} is {bytes} bytes, not {written}"
                )));
            }
            return Ok(());
        }
        let mut input = vec![0; bytes];
        self.clusters.read_raw(source, start, &mut input)?;
        let produced = lznt1::decompress_unit(&input, data)
            .map_err(|error| bad_data(format!("compression unit at byte {start}: {error}")))?;
        if produced < written {
            return Err(bad_data(format!(
                "compression unit at byte {start} holds {produced} bytes where {written} belong"
            )));
        }
        Ok(())
    }
}
