//! What listings say about the names of a key folder, without keeping the regular ones.

use std::collections::{BTreeMap, HashMap};

use iiskeys_evidence::Timestamp;

use crate::artifact::container::{FileName, Guid, Prefix};
use crate::machine::FileId;

/// What a listing says about one name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    /// Size in bytes.
    pub size: Option<u64>,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// Modification time.
    pub modified: Option<Timestamp>,
    /// Line of the listing.
    pub line: u64,
    /// The listing.
    pub file: FileId,
}

/// What listings say about one folder, without keeping the regular names.
#[derive(Debug, Default)]
pub(super) struct Listing {
    guids: Guids,
    regular: HashMap<(Prefix, u16), Listed>,
    odd: BTreeMap<String, Listed>,
}

/// GUIDs by number, so that a million names need not carry theirs.
#[derive(Debug, Default)]
pub(super) struct Guids {
    known: Vec<Guid>,
    numbers: HashMap<Guid, u16>,
}

impl Guids {
    /// The number of a GUID; `None` when there are absurdly many.
    pub fn number(&mut self, guid: Guid) -> Option<u16> {
        if let Some(number) = self.numbers.get(&guid) {
            return Some(*number);
        }
        let number = u16::try_from(self.known.len()).ok()?;
        self.known.push(guid);
        self.numbers.insert(guid, number);
        Some(number)
    }

    /// The GUID of that number.
    pub fn get(&self, number: u16) -> Option<&Guid> {
        self.known.get(usize::from(number))
    }
}

impl Listing {
    /// Takes a name in. Later listings add what earlier ones lack: one may have creation times, another sizes.
    pub fn add(&mut self, name: &str, listed: Listed) {
        let merge = |known: &mut Listed| {
            known.size = known.size.or(listed.size);
            known.created = known.created.or(listed.created);
            known.modified = known.modified.or(listed.modified);
        };
        match regular(name).and_then(|(prefix, guid)| Some((prefix, self.guids.number(guid)?))) {
            Some(key) => {
                self.regular.entry(key).and_modify(merge).or_insert(listed);
            }
            None => {
                self.odd.entry(name.to_ascii_lowercase()).and_modify(merge).or_insert(listed);
            }
        }
    }

    pub fn take(&mut self, name: &str) -> Option<Listed> {
        match regular(name).and_then(|(prefix, guid)| Some((prefix, self.guids.number(guid)?))) {
            Some(key) => self.regular.remove(&key),
            None => self.odd.remove(&name.to_ascii_lowercase()),
        }
    }

    /// The names that are left, sorted.
    pub fn rest(self) -> Vec<(String, Listed)> {
        let mut rest: Vec<(String, Listed)> = self.odd.into_iter().collect();
        let guids = self.guids;
        rest.extend(self.regular.into_iter().filter_map(|((prefix, number), listed)| {
            let guid = guids.get(number)?;
            Some((format!("{prefix}_{guid}"), listed))
        }));
        rest.sort_by(|(a, _), (b, _)| a.cmp(b));
        rest
    }
}

/// Prefix and GUID of a name that is nothing but these two, in the usual case.
fn regular(name: &str) -> Option<(Prefix, Guid)> {
    let parsed = FileName::parse(name)?;
    let guid = parsed.guid?;
    (!parsed.is_set_aside() && parsed.third.is_none()).then_some((parsed.prefix, guid))
}
