//! Files: one base record with all that belongs to it.

use std::collections::BTreeSet;

use crate::attribute::{
    Attribute, DATA, FILE_NAME, Form, REPARSE_POINT, SECURITY_DESCRIPTOR, STANDARD_INFORMATION,
};
use crate::bytes::u32_at;
use crate::error::NtfsError;
use crate::name::{FileName, Times};
use crate::record::{FileRef, Record};
use crate::reparse::{Reparse, Target};
use crate::runs::Run;
use crate::stream::Stream;
use crate::value::{Body, Value};
use crate::volume::Volume;

/// Most bytes of a reparse point; Windows stops at 16 KiB.
const MAX_REPARSE: u64 = 64 * 1024;
/// Most bytes of a security descriptor; Windows stops at 64 KiB.
const MAX_DESCRIPTOR: u64 = 128 * 1024;
/// Attributes of files whose content must be fetched from elsewhere: offline, recall on open, recall on data access.
const RECALL: u32 = 0x1000 | 0x4_0000 | 0x40_0000;

/// `$STANDARD_INFORMATION` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardInformation {
    /// The times that Explorer shows.
    pub times: Times,
    /// File attributes.
    pub attributes: u32,
    /// The number of the security descriptor in `$Secure`; `None` before NTFS 3.0.
    pub security_id: Option<u32>,
}

impl StandardInformation {
    fn parse(data: &[u8]) -> Option<Self> {
        let security_id = u32_at(data, 0x34).filter(|id| *id != 0);
        Some(Self { times: Times::parse(data)?, attributes: u32_at(data, 0x20)?, security_id })
    }
}

/// A file or directory of a volume.
#[derive(Clone)]
pub struct File {
    volume: Volume,
    record: Record,
    standard: Option<StandardInformation>,
}

impl File {
    pub(crate) fn new(volume: &Volume, record: Record) -> Self {
        let standard = record.find(STANDARD_INFORMATION, &[]).ok().flatten();
        let standard = standard.and_then(|attribute| match attribute.form {
            Form::Resident(data) => StandardInformation::parse(data),
            Form::Clusters(_) => None,
        });
        Self { volume: volume.clone(), record, standard }
    }

    /// Its record number and sequence number.
    pub fn reference(&self) -> FileRef {
        self.record.reference()
    }

    /// The record that this one extends; `None` for a base record.
    pub fn base(&self) -> Option<FileRef> {
        Some(self.record.base).filter(|base| base.record != 0 || base.sequence != 0)
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.record.is_directory()
    }

    /// Whether it exists; otherwise it is a remain of a deleted file.
    pub fn is_in_use(&self) -> bool {
        self.record.is_in_use()
    }

    /// Times, attributes and the number of the security descriptor.
    pub fn standard(&self) -> Option<&StandardInformation> {
        self.standard.as_ref()
    }

    /// All names, hard links and 8.3 twins included.
    ///
    /// # Errors
    /// When a record of the file cannot be read.
    pub fn names(&self) -> Result<Vec<FileName>, NtfsError> {
        let mut names = Vec::new();
        let mut add = |attribute: &Attribute<'_>| {
            if let (FILE_NAME, Form::Resident(data)) = (attribute.code, &attribute.form) {
                names.extend(FileName::parse(data));
            }
        };
        let list = self.volume.list_of(&self.record)?;
        for attribute in self.record.attributes() {
            add(&attribute?);
        }
        let others: BTreeSet<FileRef> = list
            .iter()
            .flatten()
            .filter(|entry| entry.code == FILE_NAME && entry.record.record != self.record.number)
            .map(|entry| entry.record)
            .collect();
        for reference in others {
            let record = self.volume.extension(&self.record, reference)?;
            for attribute in record.attributes() {
                add(&attribute?);
            }
        }
        Ok(names)
    }

    /// The names in the base record alone, for remains whose other records are gone.
    pub(crate) fn own_names(&self) -> Vec<FileName> {
        let names =
            self.record.attributes().map_while(Result::ok).filter(|attribute| attribute.code == FILE_NAME);
        names
            .filter_map(|attribute| match attribute.form {
                Form::Resident(data) => FileName::parse(data),
                Form::Clusters(_) => None,
            })
            .collect()
    }

    /// The value of an attribute.
    pub(crate) fn value(&self, code: u32, name: &[u16]) -> Result<Option<Value>, NtfsError> {
        self.volume.value(&self.record, code, name)
    }

    fn small(&self, code: u32, most: u64, name: &str) -> Result<Option<Vec<u8>>, NtfsError> {
        let what = format!("{}, {name}", self.record.what());
        let value = self.value(code, &[])?;
        value.map(|value| value.load(&**self.volume.source(), most, &what)).transpose()
    }

    /// The reparse point.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn reparse(&self) -> Result<Option<Reparse>, NtfsError> {
        let value = self.small(REPARSE_POINT, MAX_REPARSE, "reparse point")?;
        value.map(|value| Reparse::parse(&value, &self.record.what())).transpose()
    }

    /// The security descriptor in the file itself, as volumes before NTFS 3.0 have it; see
    /// [`Volume::security_descriptor`] for the others.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn security_attribute(&self) -> Result<Option<Vec<u8>>, NtfsError> {
        self.small(SECURITY_DESCRIPTOR, MAX_DESCRIPTOR, "security descriptor")
    }

    /// Names and sizes of all streams in order of their names, the unnamed one as the empty name.
    ///
    /// # Errors
    /// When a record of the file cannot be read.
    pub fn streams(&self) -> Result<Vec<(String, u64)>, NtfsError> {
        let mut names = BTreeSet::new();
        match self.volume.list_of(&self.record)? {
            Some(list) => names.extend(list.into_iter().filter(|e| e.code == DATA).map(|e| e.name)),
            None => {
                for attribute in self.record.attributes() {
                    let attribute = attribute?;
                    if attribute.code == DATA {
                        names.insert(attribute.name);
                    }
                }
            }
        }
        names
            .into_iter()
            .map(|name| {
                let size = self.value(DATA, &name)?.map_or(0, |value| value.size());
                Ok((String::from_utf16_lossy(&name), size))
            })
            .collect()
    }

    /// Bytes of the unnamed stream as it appears to programs; zero where there is none.
    ///
    /// # Errors
    /// When a record of the file cannot be read.
    pub fn size(&self) -> Result<u64, NtfsError> {
        Ok(self.value(DATA, &[])?.map_or(0, |value| value.size()))
    }

    /// The content.
    ///
    /// # Errors
    /// [`NtfsError::Unreadable`] when it is encrypted, not on this volume, or in a form that is not known; an error
    /// when the file has no content (directories) or is damaged.
    pub fn data(&self) -> Result<Stream, NtfsError> {
        let what = self.record.what();
        let value = self.value(DATA, &[])?;
        let value = value.ok_or_else(|| NtfsError::unreadable(&what, "it has no unnamed stream"))?;
        let Some(reparse) = self.reparse()? else { return Stream::new(self.volume.source(), value, what) };
        if let Target::Compressed(algorithm) = reparse.target {
            let name: Vec<u16> = "WofCompressedData".encode_utf16().collect();
            let inner = self.value(DATA, &name)?;
            let inner = inner.ok_or_else(|| {
                NtfsError::unreadable(
                    &what,
                    "compressed by the overlay filter, and the compressed stream is missing",
                )
            })?;
            let inner = Stream::new(self.volume.source(), inner, format!("{what}, WofCompressedData"))?;
            return Stream::wof(inner, algorithm, value.size(), what);
        }
        match reparse.obstacle() {
            Some(reason) if !(reparse.is_cloud() && self.is_local(&value)) => {
                Err(NtfsError::unreadable(what, reason))
            }
            _ => Stream::new(self.volume.source(), value, what),
        }
    }

    /// Whether a file of a cloud provider is wholly on the volume.
    fn is_local(&self, value: &Value) -> bool {
        let recalled = self.standard.is_none_or(|standard| standard.attributes & RECALL != 0);
        let whole = match &value.body {
            Body::Resident(_) => true,
            Body::Clusters(clusters) => clusters.runs.iter().all(|run: &Run| run.lcn.is_some()),
        };
        // A placeholder that says nothing of its content must not look like an empty file.
        whole && !recalled && value.size() > 0
    }

    /// A named stream, or the unnamed one without regard to a reparse point; names match with case.
    ///
    /// # Errors
    /// When it is encrypted or damaged.
    pub fn stream(&self, name: &str) -> Result<Option<Stream>, NtfsError> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let what = format!("{}, stream `{name}`", self.record.what());
        self.value(DATA, &units)?.map(|value| Stream::new(self.volume.source(), value, what)).transpose()
    }
}
