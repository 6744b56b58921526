//! Values of attributes, put together from all records of a file.

use iiskeys_disk::ReadAt;

use crate::attribute::{ATTRIBUTE_LIST, Attribute, Form};
use crate::attribute_list::{self, Entry, MAX_LIST};
use crate::boot::Boot;
use crate::error::NtfsError;
use crate::record::Record;
use crate::runs::{Clusters, Run};

/// The value of an attribute.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub flags: u16,
    /// Exponent of the clusters of a compression unit; zero for none.
    pub unit: u16,
    pub body: Body,
}

/// Where a value stands.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Resident(Vec<u8>),
    Clusters(Clusters),
}

impl Value {
    /// Bytes of the value.
    pub fn size(&self) -> u64 {
        match &self.body {
            Body::Resident(data) => data.len() as u64,
            Body::Clusters(clusters) => clusters.size,
        }
    }

    /// The whole value, refused when it is longer than `most`. For values that are never compressed.
    pub fn load(self, source: &dyn ReadAt, most: u64, what: &str) -> Result<Vec<u8>, NtfsError> {
        if self.size() > most {
            return Err(NtfsError::damaged(what, 0, format!("at most {most} bytes"), self.size()));
        }
        match self.body {
            Body::Resident(data) => Ok(data),
            Body::Clusters(clusters) => {
                let mut data = vec![0; clusters.size as usize];
                clusters.read(source, 0, &mut data).map_err(NtfsError::reading(what))?;
                Ok(data)
            }
        }
    }
}

/// Collects the parts of a value.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    resident: Option<(u16, Vec<u8>)>,
    head: Option<Head>,
    extents: Vec<Vec<Run>>,
}

#[derive(Debug)]
struct Head {
    flags: u16,
    unit: u16,
    size: u64,
    initialised: u64,
}

impl Parts {
    /// Adds one attribute of the right type and name.
    pub fn add(&mut self, attribute: &Attribute<'_>, what: &str) -> Result<(), NtfsError> {
        match &attribute.form {
            Form::Resident(data) => {
                self.resident.get_or_insert_with(|| (attribute.flags, data.to_vec()));
            }
            Form::Clusters(extent) => {
                if extent.first_vcn == 0 && self.head.is_none() {
                    self.head = Some(Head {
                        flags: attribute.flags,
                        unit: extent.unit,
                        size: extent.size,
                        initialised: extent.initialised,
                    });
                }
                let runs = extent.runs(what)?;
                if !runs.is_empty() {
                    self.extents.push(runs);
                }
            }
        }
        Ok(())
    }

    /// The whole value; `None` when nothing was added.
    pub fn finish(mut self, boot: &Boot, what: &str) -> Result<Option<Value>, NtfsError> {
        let bad = |expected: String, found: String| NtfsError::damaged(what, 0, expected, found);
        let Some(head) = self.head else {
            if let Some((flags, data)) = self.resident {
                return Ok(Some(Value { flags, unit: 0, body: Body::Resident(data) }));
            }
            return match self.extents.first().and_then(|runs| runs.first()) {
                Some(run) => {
                    Err(bad("the part from cluster 0 on".into(), format!("one from cluster {} on", run.vcn)))
                }
                None => Ok(None),
            };
        };
        self.extents.sort_by_key(|runs| runs.first().map_or(0, |run| run.vcn));
        let runs: Vec<Run> = self.extents.into_iter().flatten().collect();
        let mut next = 0;
        let mut occupied = 0_u64;
        for run in &runs {
            if run.vcn != next {
                return Err(bad(
                    format!("the part from cluster {next} on"),
                    format!("one from cluster {} on", run.vcn),
                ));
            }
            next = run.end();
            occupied = occupied.saturating_add(if run.lcn.is_some() { run.clusters } else { 0 });
        }
        // A few runs could otherwise stand for any number of bytes by naming the same clusters again.
        if occupied > boot.clusters() {
            return Err(bad(format!("at most {} clusters", boot.clusters()), occupied.to_string()));
        }
        let cluster = u64::from(boot.cluster_size);
        if head.size > next.saturating_mul(cluster) || head.initialised > head.size {
            return Err(bad(
                format!("sizes within {next} clusters"),
                format!("{} bytes, {} of them written", head.size, head.initialised),
            ));
        }
        let clusters =
            Clusters { runs: runs.into(), cluster, size: head.size, initialised: head.initialised };
        Ok(Some(Value { flags: head.flags, unit: head.unit, body: Body::Clusters(clusters) }))
    }
}

/// The attribute list of a base record; `None` when everything stands in the record itself.
pub(crate) fn list_of(
    source: &dyn ReadAt,
    boot: &Boot,
    base: &Record,
) -> Result<Option<Vec<Entry>>, NtfsError> {
    let Some(attribute) = base.find(ATTRIBUTE_LIST, &[])? else { return Ok(None) };
    let what = base.what();
    let mut parts = Parts::default();
    parts.add(&attribute, &what)?;
    let Some(value) = parts.finish(boot, &what)? else { return Ok(None) };
    let data = value.load(source, MAX_LIST, &format!("{what}, attribute list"))?;
    attribute_list::parse(&data, &what).map(Some)
}
