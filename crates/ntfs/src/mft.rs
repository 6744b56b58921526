//! The master file table: finding and reading records.

use std::collections::HashSet;
use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_disk::cache::BlockCache;

use crate::attribute::{DATA, Form};
use crate::boot::Boot;
use crate::error::NtfsError;
use crate::record::Record;
use crate::runs::{Clusters, Run};
use crate::value::list_of;

/// Bytes of `$MFT` that are read at once.
const PAGE: u64 = 64 * 1024;
/// Bytes of `$MFT` that are kept.
const KEPT: usize = 4 * 1024 * 1024;

/// The master file table of a volume.
pub(crate) struct Mft {
    source: Arc<dyn ReadAt>,
    clusters: Clusters,
    record_size: u64,
    cache: BlockCache,
}

impl Mft {
    /// Opens the table by its own record, read from cluster `lcn`. What is missing of it is added to `notes`.
    pub fn open(
        source: &Arc<dyn ReadAt>,
        boot: &Boot,
        lcn: u64,
        notes: &mut Vec<String>,
    ) -> Result<Self, NtfsError> {
        let mut data = vec![0; boot.record_size as usize];
        let at = lcn.saturating_mul(u64::from(boot.cluster_size));
        source.read_exact_at(at, &mut data).map_err(NtfsError::reading("MFT record 0"))?;
        let base = Record::parse(data, 0)?;
        if !base.is_in_use() {
            return Err(NtfsError::damaged(base.what(), 0x16, "a record in use", base.flags));
        }
        let mut known = Known { extents: Vec::new(), size: 0, initialised: 0 };
        known.add(&base)?;
        let mut mft = known.open(source, boot)?;
        let list = match list_of(&**source, boot, &base) {
            Ok(list) => list.unwrap_or_default(),
            Err(error) => {
                notes.push(format!("part of $MFT cannot be found: {error}"));
                Vec::new()
            }
        };
        let mut entries: Vec<_> = list
            .into_iter()
            .filter(|e| e.code == DATA && e.name.is_empty() && e.record.record != 0)
            .map(|e| (e.first_vcn, e.record))
            .collect();
        entries.sort_unstable();
        let mut done = HashSet::new();
        // The list is in order of the clusters, so each record stands in a part that is known by then.
        for (_, reference) in entries {
            if !done.insert(reference.record) {
                continue;
            }
            let added = mft.record(reference.record).and_then(|record| {
                if record.base.record != 0 || record.sequence != reference.sequence {
                    let found = format!("{:?}", record.base);
                    return Err(NtfsError::damaged(record.what(), 0x20, "a part of $MFT", found));
                }
                known.add(&record)
            });
            match added.and_then(|()| known.open(source, boot)) {
                Ok(larger) => mft = larger,
                Err(error) => {
                    notes.push(format!("part of $MFT cannot be found: {error}"));
                    break;
                }
            }
        }
        if mft.clusters.size < known.size {
            notes.push(format!("{} of {} bytes of $MFT are known", mft.clusters.size, known.size));
        }
        Ok(mft)
    }

    /// Number of records, in use or not.
    pub fn count(&self) -> u64 {
        self.clusters.size / self.record_size
    }

    /// Reads a record, whatever stands there.
    pub fn record(&self, number: u64) -> Result<Record, NtfsError> {
        Record::parse(self.bytes(number)?, number)
    }

    /// The bytes of a record as they stand on disk.
    pub fn bytes(&self, number: u64) -> Result<Vec<u8>, NtfsError> {
        if number >= self.count() {
            let expected = format!("a record below {}", self.count());
            return Err(NtfsError::damaged("$MFT", 0, expected, number));
        }
        let at = number * self.record_size;
        let page = at / PAGE;
        let load = || {
            let start = page * PAGE;
            let mut data = vec![0; (self.clusters.size - start).min(PAGE) as usize];
            self.clusters.read_raw(&*self.source, start, &mut data)?;
            Ok(data)
        };
        let within = (at % PAGE) as usize;
        let size = self.record_size as usize;
        if let Ok(block) = self.cache.get(0, page, load)
            && let Some(record) = block.get(within..within + size)
        {
            return Ok(record.to_vec());
        }
        // One bad sector must not cost the whole page.
        let mut data = vec![0; size];
        let what = format!("MFT record {number}");
        self.clusters.read_raw(&*self.source, at, &mut data).map_err(NtfsError::reading(what))?;
        Ok(data)
    }
}

/// What is known of `$MFT` so far.
struct Known {
    extents: Vec<(u64, Vec<Run>)>,
    size: u64,
    initialised: u64,
}

impl Known {
    fn add(&mut self, record: &Record) -> Result<(), NtfsError> {
        for attribute in record.attributes() {
            let attribute = attribute?;
            if attribute.code != DATA || !attribute.name.is_empty() {
                continue;
            }
            if let Form::Clusters(extent) = &attribute.form {
                if extent.first_vcn == 0 {
                    (self.size, self.initialised) = (extent.size, extent.initialised);
                }
                if self.extents.iter().all(|(vcn, _)| *vcn != extent.first_vcn) {
                    self.extents.push((extent.first_vcn, extent.runs(&record.what())?));
                }
            }
        }
        Ok(())
    }

    /// The table as far as its runs are known without a gap.
    fn open(&self, source: &Arc<dyn ReadAt>, boot: &Boot) -> Result<Mft, NtfsError> {
        let mut extents: Vec<_> = self.extents.iter().collect();
        extents.sort_by_key(|(vcn, _)| *vcn);
        let mut runs: Vec<Run> = Vec::new();
        let mut occupied = 0_u64;
        for run in extents.into_iter().flat_map(|(_, runs)| runs) {
            if run.vcn != runs.last().map_or(0, |last| last.end()) {
                break;
            }
            if run.lcn.is_none() {
                return Err(NtfsError::damaged("$MFT", run.vcn, "clusters", "a hole"));
            }
            occupied = occupied.saturating_add(run.clusters);
            runs.push(*run);
        }
        if runs.is_empty() || occupied > boot.clusters() {
            let expected = format!("1 to {} clusters", boot.clusters());
            return Err(NtfsError::damaged("$MFT", 0, expected, occupied));
        }
        let cluster = u64::from(boot.cluster_size);
        // The boot sector may claim any number of clusters, and every record is looked at where one is sought.
        let size = self.size.min(occupied.saturating_mul(cluster)).min(source.len());
        let clusters = Clusters { runs: runs.into(), cluster, size, initialised: self.initialised.min(size) };
        let record_size = u64::from(boot.record_size);
        if size < record_size {
            return Err(NtfsError::damaged("$MFT", 0, "at least one record", format!("{size} bytes")));
        }
        Ok(Mft { source: Arc::clone(source), clusters, record_size, cache: BlockCache::new(KEPT) })
    }
}
