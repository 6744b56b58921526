//! Opening a volume and finding files on it.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use iiskeys_disk::ReadAt;

use crate::attribute::{DATA, Form, VOLUME_INFORMATION, VOLUME_NAME};
use crate::attribute_list::Entry;
use crate::boot::{BOOT_LEN, Boot};
use crate::bytes::{u8_at, u16_at, u64_at, utf16};
use crate::error::NtfsError;
use crate::file::File;
use crate::mft::Mft;
use crate::record::{FileRef, Record};
use crate::security::Descriptors;
use crate::upcase::{TABLE_BYTES, UpCase};
use crate::value::{Parts, Value, list_of};

/// Notes that are kept, so that a damaged volume cannot fill memory with them.
const MAX_NOTES: usize = 1000;
/// Record of `$Volume`.
const VOLUME: u64 = 3;
/// Record of the root directory.
const ROOT: u64 = 5;
/// Record of `$UpCase`.
const UPCASE: u64 = 10;

/// An NTFS volume; clones share everything.
#[derive(Clone)]
pub struct Volume(Arc<Inner>);

struct Inner {
    source: Arc<dyn ReadAt>,
    boot: Boot,
    mft: Mft,
    notes: Mutex<Vec<String>>,
    upcase: OnceLock<UpCase>,
    descriptors: Descriptors,
}

impl Volume {
    /// Opens the volume that starts at byte 0 of `source`.
    ///
    /// The backup of the boot sector and `$MFTMirr` are used where the first copy is damaged; [`Self::notes`] says so.
    ///
    /// # Errors
    /// When there is no boot sector of NTFS, or `$MFT` cannot be found.
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self, NtfsError> {
        let mut first = None;
        for (at, place) in boot_places(&*source) {
            let boot = match boot_at(&*source, at) {
                Ok(boot) => boot,
                Err(error) => {
                    first.get_or_insert(error);
                    continue;
                }
            };
            let mut notes = Vec::new();
            if at != 0 {
                let why = first.as_ref().map(ToString::to_string).unwrap_or_default();
                notes.push(format!("the backup of the boot sector in the {place} was used: {why}"));
            }
            if source.len() < boot.len() {
                notes.push(format!("the volume has {} bytes, {} of them are here", boot.len(), source.len()));
            }
            match Self::tables(&source, &boot, &mut notes) {
                Ok(mft) => {
                    let inner = Inner {
                        source,
                        boot,
                        mft,
                        notes: Mutex::new(notes),
                        upcase: OnceLock::new(),
                        descriptors: Descriptors::default(),
                    };
                    return Ok(Self(Arc::new(inner)));
                }
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| NtfsError::damaged("boot sector", 0, "a volume", "nothing")))
    }

    fn tables(source: &Arc<dyn ReadAt>, boot: &Boot, notes: &mut Vec<String>) -> Result<Mft, NtfsError> {
        Mft::open(source, boot, boot.mft, notes).or_else(|error| {
            let mft = Mft::open(source, boot, boot.mirror, notes);
            match mft {
                Ok(mft) => {
                    notes.push(format!("$MFTMirr was used: {error}"));
                    Ok(mft)
                }
                Err(_) => Err(error),
            }
        })
    }

    pub(crate) fn source(&self) -> &Arc<dyn ReadAt> {
        &self.0.source
    }

    pub(crate) fn descriptors(&self) -> &Descriptors {
        &self.0.descriptors
    }

    /// Adds to [`Self::notes`], once.
    pub(crate) fn note(&self, note: String) {
        let mut notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < MAX_NOTES && !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Serial number of the volume.
    pub fn serial(&self) -> u64 {
        self.0.boot.serial
    }

    /// Bytes of a cluster.
    pub fn cluster_size(&self) -> u32 {
        self.0.boot.cluster_size
    }

    /// Bytes of a file record.
    pub fn record_size(&self) -> u32 {
        self.0.boot.record_size
    }

    /// Number of file records, in use or not.
    pub fn record_count(&self) -> u64 {
        self.0.mft.count()
    }

    /// What is damaged and was worked around so far, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of_volume_record<T>(&self, code: u32, parse: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let record = self.0.mft.record(VOLUME).ok()?;
        match record.find(code, &[]).ok()??.form {
            Form::Resident(data) => parse(data),
            Form::Clusters(_) => None,
        }
    }

    /// Name of the volume; `None` when it has none.
    pub fn label(&self) -> Option<String> {
        let label = self.of_volume_record(VOLUME_NAME, |data| Some(String::from_utf16_lossy(&utf16(data))));
        label.filter(|label| !label.is_empty())
    }

    /// Version of the format, major and minor: 3 and 1 since Windows XP.
    pub fn version(&self) -> Option<(u8, u8)> {
        self.of_volume_record(VOLUME_INFORMATION, |data| Some((u8_at(data, 8)?, u8_at(data, 9)?)))
    }

    /// Whether Windows did not unmount the volume in order.
    pub fn is_dirty(&self) -> bool {
        self.of_volume_record(VOLUME_INFORMATION, |data| Some(u16_at(data, 10)? & 1 != 0)).unwrap_or(false)
    }

    /// The root directory.
    pub fn root(&self) -> FileRef {
        FileRef { record: ROOT, sequence: ROOT as u16 }
    }

    /// The file that a reference means.
    ///
    /// # Errors
    /// [`NtfsError::Stale`] when the record is free or was reused since; an error when it is damaged.
    pub fn file(&self, reference: FileRef) -> Result<File, NtfsError> {
        let record = self.0.mft.record(reference.record)?;
        // Windows does not compare a sequence number of zero.
        if !record.is_in_use() || (reference.sequence != 0 && reference.sequence != record.sequence) {
            let state = if record.is_in_use() { "" } else { ", not in use" };
            return Err(NtfsError::Stale {
                record: reference.record,
                expected: reference.sequence,
                found: format!("{}{state}", record.sequence),
            });
        }
        if record.base.record != 0 {
            return Err(NtfsError::damaged(
                record.what(),
                0x20,
                "a base record",
                format!("{:?}", record.base),
            ));
        }
        Ok(File::new(self, record))
    }

    /// What stands in a record, in use or not.
    ///
    /// # Errors
    /// When it is damaged or there is no such record.
    pub fn record(&self, number: u64) -> Result<File, NtfsError> {
        Ok(File::new(self, self.0.mft.record(number)?))
    }

    /// The table for comparing names.
    pub(crate) fn upcase(&self) -> &UpCase {
        self.0.upcase.get_or_init(|| {
            let load = || {
                let file = self.record(UPCASE)?;
                let value = file.value(DATA, &[])?;
                let value = value.ok_or_else(|| NtfsError::damaged("$UpCase", 0, "a stream", "none"))?;
                let data = value.load(&*self.0.source, TABLE_BYTES as u64, "$UpCase")?;
                UpCase::from_bytes(&data).ok_or_else(|| {
                    NtfsError::damaged("$UpCase", 0, format!("{TABLE_BYTES} bytes"), data.len())
                })
            };
            load().unwrap_or_else(|error| {
                self.note(format!("names are compared as Unicode says: {error}"));
                UpCase::unicode()
            })
        })
    }

    /// The attribute list of a base record.
    pub(crate) fn list_of(&self, base: &Record) -> Result<Option<Vec<Entry>>, NtfsError> {
        list_of(&*self.0.source, &self.0.boot, base)
    }

    /// A record that extends `base`.
    pub(crate) fn extension(&self, base: &Record, reference: FileRef) -> Result<Record, NtfsError> {
        let record = self.0.mft.record(reference.record)?;
        // Deleting a file counts the sequence numbers of all its records up and leaves the references as they are.
        let gone = u16::from(!base.is_in_use());
        let fits = |is: u16, was: u16| is == was || is == was.wrapping_add(gone);
        if record.base.record != base.number
            || !fits(base.sequence, record.base.sequence)
            || !fits(record.sequence, reference.sequence)
            || (base.is_in_use() && !record.is_in_use())
        {
            let expected = format!("an extension of record {}, sequence {}", base.number, reference.sequence);
            let found = format!("one of {:?}, sequence {}", record.base, record.sequence);
            return Err(NtfsError::damaged(record.what(), 0x20, expected, found));
        }
        Ok(record)
    }

    /// The value of an attribute, wherever its parts stand.
    pub(crate) fn value(&self, base: &Record, code: u32, name: &[u16]) -> Result<Option<Value>, NtfsError> {
        let mut parts = Parts::default();
        let what = base.what();
        match self.list_of(base)? {
            None => {
                for attribute in base.attributes() {
                    let attribute = attribute?;
                    if attribute.code == code && attribute.name == name {
                        parts.add(&attribute, &what)?;
                    }
                }
            }
            Some(list) => {
                let entries = list.iter().filter(|entry| entry.code == code && entry.name == name);
                let mut references: Vec<FileRef> = entries.map(|entry| entry.record).collect();
                references.sort_unstable();
                references.dedup();
                for reference in references {
                    let other;
                    let record = if reference.record == base.number {
                        base
                    } else {
                        other = self.extension(base, reference)?;
                        &other
                    };
                    for attribute in record.attributes() {
                        let attribute = attribute?;
                        if attribute.code == code && attribute.name == name {
                            parts.add(&attribute, &record.what())?;
                        }
                    }
                }
            }
        }
        parts.finish(&self.0.boot, &what)
    }
}

fn boot_at(source: &dyn ReadAt, at: u64) -> Result<Boot, NtfsError> {
    let mut data = [0; BOOT_LEN];
    let count = source.read_at(at, &mut data).map_err(NtfsError::reading("boot sector"))?;
    Boot::parse(data.get(..count).unwrap_or_default())
}

/// Where a boot sector can stand: in front, in the last sector, and right behind the volume if that is shorter.
fn boot_places(source: &dyn ReadAt) -> Vec<(u64, &'static str)> {
    let mut places = vec![(0, "first sector")];
    let mut head = [0; BOOT_LEN];
    let claimed: io::Result<usize> = source.read_at(0, &mut head);
    let behind = claimed.ok().and_then(|_| {
        u64_at(&head, 0x28)?.checked_mul(u64::from(u16_at(&head, 0x0b)?)).filter(|at| *at < source.len())
    });
    let ends = [512, 4096].into_iter().filter_map(|size| source.len().checked_sub(size));
    places.extend(ends.map(|at| (at, "last sector")));
    places.extend(behind.map(|at| (at, "sector behind the volume")));
    places
}
