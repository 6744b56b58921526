//! Keys and values.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;

use iiskeys_evidence::Timestamp;
use nt_hive::{KeyNode, KeyValue, NtHiveNameString};

use super::base_block::{BaseBlock, Defect, SIZE};
use super::error::HiveError;
use super::guard::guarded;
use crate::artifact::bytes::{slice, u32_le, u64_le};

/// Bytes of a key node before its name.
const KEY_NAME: usize = 76;
/// Bytes of a value before its name.
const VALUE_NAME: usize = 20;
/// Data of a value lies in its header when this bit of its size is set.
const RESIDENT: u32 = 0x8000_0000;
/// Levels of keys that are walked; Windows allows 512.
const DEPTH: usize = 512;

/// A hive's bytes with a checked base block.
#[derive(Clone)]
pub struct HiveFile {
    bytes: Vec<u8>,
    header: BaseBlock,
}

impl std::fmt::Debug for HiveFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HiveFile").field("header", &self.header).field("size", &self.bytes.len()).finish()
    }
}

impl HiveFile {
    /// Takes the bytes of a hive over. Defects of the base block do not keep it from being read.
    ///
    /// # Errors
    /// When the bytes are not those of a hive or too few for one.
    pub fn open(bytes: Vec<u8>) -> Result<Self, HiveError> {
        let header = BaseBlock::read(&bytes)?;
        if bytes.len() < SIZE {
            return Err(HiveError::TooShort { found: bytes.len() });
        }
        Ok(Self { bytes, header })
    }

    /// The base block.
    pub fn header(&self) -> &BaseBlock {
        &self.header
    }

    /// What is wrong with the base block.
    pub fn defects(&self) -> Vec<Defect> {
        self.header.defects(self.bytes.len())
    }

    /// Whether its transaction logs are needed.
    pub fn is_dirty(&self) -> bool {
        self.header.is_dirty()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Stands in for a hive while its bytes are being changed.
    pub(crate) fn placeholder() -> Self {
        let header = BaseBlock::empty();
        Self { bytes: Vec::new(), header }
    }

    /// A hive after its bytes were changed. `before` stands in when the base block was lost on the way.
    pub(super) fn reopen(bytes: Vec<u8>, before: BaseBlock) -> Self {
        let header = BaseBlock::read(&bytes).unwrap_or(before);
        Self { bytes, header }
    }

    /// Gives the bytes back.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Looks into the hive.
    ///
    /// # Errors
    /// When the base block points to no root key.
    pub fn view(&self) -> Result<Hive<'_>, HiveError> {
        let len = self.bytes.len().saturating_sub(SIZE);
        let offset = self.header.root_offset;
        if offset as usize >= len {
            return Err(HiveError::NoRoot { offset, len });
        }
        let inner = guarded(|| nt_hive::Hive::without_validation(self.bytes.as_slice()))??;
        Ok(Hive { inner, bytes: &self.bytes, index_out_of_order: Cell::new(false) })
    }
}

/// A hive that is looked into.
pub struct Hive<'b> {
    inner: nt_hive::Hive<&'b [u8]>,
    bytes: &'b [u8],
    index_out_of_order: Cell<bool>,
}

/// What a walk over all keys gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Keys, the root included.
    pub keys: u64,
    /// Values.
    pub values: u64,
    /// Cells that could not be read; the first errors are kept.
    pub errors: Vec<HiveError>,
    /// How many errors there were in all.
    pub error_count: u64,
    /// Whether a budget ended the walk.
    pub cut_short: bool,
}

impl Walk {
    const KEPT: usize = 16;

    fn note(&mut self, error: HiveError) {
        self.error_count += 1;
        if self.errors.len() < Self::KEPT {
            self.errors.push(error);
        }
    }
}

impl Hive<'_> {
    /// The root key.
    ///
    /// # Errors
    /// When its cell is damaged.
    pub fn root(&self) -> Result<Key<'_>, HiveError> {
        let node = guarded(|| self.inner.root_key_node())??;
        Ok(Key { node, hive: self })
    }

    /// The key at a path such as `Microsoft\Cryptography`, without regard to case; an empty path is the root.
    ///
    /// # Errors
    /// When a cell on the way is damaged.
    pub fn key(&self, path: &str) -> Result<Option<Key<'_>>, HiveError> {
        let mut key = self.root()?;
        for name in path.split('\\').filter(|name| !name.is_empty()) {
            match key.subkey(name)? {
                Some(subkey) => key = subkey,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// Whether a key was found only by looking at every name: the sorted index of the hive is damaged.
    pub fn index_out_of_order(&self) -> bool {
        self.index_out_of_order.get()
    }

    /// Visits every key, each once, up to `budget` keys and 512 levels. A bad cell does not end the walk.
    pub fn walk(&self, budget: u64, each: &mut dyn FnMut(&str, &Key<'_>)) -> Walk {
        let mut walk = Walk::default();
        let mut seen = HashSet::new();
        let root = match self.root() {
            Ok(root) => root,
            Err(error) => {
                walk.note(error);
                return walk;
            }
        };
        let mut stack = vec![(String::new(), root, 0_usize)];
        while let Some((path, key, depth)) = stack.pop() {
            if let Some(offset) = key.cell_offset()
                && !seen.insert(offset)
            {
                continue;
            }
            if walk.keys >= budget {
                walk.cut_short = true;
                return walk;
            }
            walk.keys += 1;
            each(&path, &key);
            for value in key.values() {
                match value {
                    Ok(_) => walk.values += 1,
                    Err(error) => walk.note(error),
                }
                if walk.values > budget.saturating_mul(64) {
                    walk.cut_short = true;
                    return walk;
                }
            }
            if depth >= DEPTH {
                walk.cut_short = true;
                continue;
            }
            let mut subkeys = Vec::new();
            for subkey in key.subkeys() {
                match subkey {
                    Ok(subkey) => subkeys.push(subkey),
                    Err(error) => walk.note(error),
                }
                if subkeys.len() as u64 + walk.keys + stack.len() as u64 > budget {
                    walk.cut_short = true;
                    break;
                }
            }
            for subkey in subkeys.into_iter().rev() {
                match subkey.name() {
                    Ok(name) => {
                        let path = if path.is_empty() { name } else { format!("{path}\\{name}") };
                        stack.push((path, subkey, depth + 1));
                    }
                    Err(error) => walk.note(error),
                }
            }
        }
        walk
    }

    /// Offset from the start of the file of a structure whose name `nt-hive` shows as a slice of our own bytes.
    fn offset_before(&self, name: &[u8], header: usize) -> Option<usize> {
        let start = (name.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        let end = start.checked_add(name.len())?;
        (end <= self.bytes.len()).then(|| start.checked_sub(header))?
    }
}

/// The name's bytes.
fn raw<'n>(name: &NtHiveNameString<'n>) -> &'n [u8] {
    match name {
        NtHiveNameString::Latin1(bytes) | NtHiveNameString::Utf16LE(bytes) => bytes,
    }
}

/// Whether two names are one to Windows, which knows one upper case letter for each letter: `ß` stays as it is.
fn same(a: &str, b: &str) -> bool {
    let upper = |letter: char| {
        let mut letters = letter.to_uppercase();
        letters.next().filter(|_| letters.next().is_none()).unwrap_or(letter)
    };
    a.eq_ignore_ascii_case(b) || (!a.is_ascii() && a.chars().map(upper).eq(b.chars().map(upper)))
}

#[cfg(test)]
#[test]
fn names_are_compared_letter_by_letter() {
    assert!(same("SOFTWARE", "software") && same("Größe", "gRÖßE"));
    assert!(!same("sß", "sss") && !same("sß", "sSS") && !same("a", "ab"));
}

/// A key.
pub struct Key<'h> {
    node: KeyNode<'h, &'h [u8]>,
    hive: &'h Hive<'h>,
}

impl<'h> Key<'h> {
    /// Its name.
    ///
    /// # Errors
    /// When the cell is damaged.
    pub fn name(&self) -> Result<String, HiveError> {
        Ok(guarded(|| self.node.name().map(|name| name.to_string_lossy()))??)
    }

    /// Offset of its cell's content in bytes from the start of the file.
    pub fn cell_offset(&self) -> Option<usize> {
        let start = guarded(|| self.node.name().map(|name| self.hive.offset_before(raw(&name), KEY_NAME)))
            .ok()?
            .ok()??;
        // The signature shows that the arithmetic hit a key node.
        (slice(self.hive.bytes, start, 2) == Ok(b"nk")).then_some(start)
    }

    /// Its last write, which `nt-hive` does not expose.
    pub fn last_written(&self) -> Option<Timestamp> {
        let offset = self.cell_offset()?;
        Timestamp::from_filetime(u64_le(self.hive.bytes, offset.checked_add(4)?).ok()?)
    }

    /// Its class name.
    ///
    /// # Errors
    /// When the cell is damaged.
    pub fn class_name(&self) -> Result<Option<String>, HiveError> {
        let name = guarded(|| self.node.class_name().map(|name| name.map(|name| name.to_string_lossy())))?;
        Ok(name.transpose()?)
    }

    /// The subkey of that name, without regard to case.
    ///
    /// # Errors
    /// When a cell on the way is damaged and the subkey was not found otherwise.
    pub fn subkey(&self, name: &str) -> Result<Option<Key<'h>>, HiveError> {
        // The quick search relies on the order of the index, which damage may have broken.
        let mut trouble = match guarded(|| self.node.subkey(name)) {
            Ok(Some(Ok(node))) => return Ok(Some(Key { node, hive: self.hive })),
            Ok(Some(Err(error))) => Some(HiveError::from(error)),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        for subkey in self.subkeys() {
            match subkey {
                Ok(subkey) if subkey.name().is_ok_and(|found| same(&found, name)) => {
                    self.hive.index_out_of_order.set(true);
                    return Ok(Some(subkey));
                }
                Ok(_) => {}
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(None), Err)
    }

    /// Its subkeys. A damaged list gives one error and ends, and so does one that names more than the hive has room for:
    /// lists of lists may name the same keys millions of times.
    pub fn subkeys(&self) -> impl Iterator<Item = Result<Key<'h>, HiveError>> + use<'h> {
        let hive = self.hive;
        let room = hive.bytes.len() / KEY_NAME;
        bounded(guarded(|| self.node.subkeys()), room).map(move |node| Ok(Key { node: node?, hive }))
    }

    /// Its values. A damaged list gives one error and ends, like that of the subkeys.
    pub fn values(&self) -> impl Iterator<Item = Result<Value<'h>, HiveError>> + use<'h> {
        let hive = self.hive;
        let room = hive.bytes.len() / VALUE_NAME;
        bounded(guarded(|| self.node.values()), room).map(move |value| Ok(Value { value: value?, hive }))
    }

    /// The value of that name, without regard to case; an empty name is the default value.
    ///
    /// # Errors
    /// When a cell is damaged and the value was not found otherwise.
    pub fn value(&self, name: &str) -> Result<Option<Value<'h>>, HiveError> {
        let mut trouble = None;
        for value in self.values() {
            match value {
                Ok(value) if value.name().is_ok_and(|found| same(&found, name)) => return Ok(Some(value)),
                Ok(_) => {}
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(None), Err)
    }
}

/// What opening a list of `nt-hive` gives.
type Listed<L> = Result<Option<nt_hive::Result<L>>, HiveError>;

/// The items of a list, at most `room` of them; whatever goes wrong is one error, the last item.
fn bounded<L, T>(list: Listed<L>, room: usize) -> impl Iterator<Item = Result<T, HiveError>>
where
    L: Iterator<Item = nt_hive::Result<T>>,
{
    let (mut list, mut failed) = match list {
        Ok(None) => (None, None),
        Ok(Some(Ok(list))) => (Some(list), None),
        Ok(Some(Err(error))) => (None, Some(HiveError::from(error))),
        Err(error) => (None, Some(error)),
    };
    let mut left = room;
    std::iter::from_fn(move || {
        if let Some(error) = failed.take() {
            return Some(Err(error));
        }
        let open = list.as_mut()?;
        if left == 0 {
            list = None;
            return Some(Err(HiveError::Runaway));
        }
        left -= 1;
        match guarded(|| open.next()) {
            Ok(item) => item.map(|item| item.map_err(HiveError::from)),
            Err(error) => {
                list = None;
                Some(Err(error))
            }
        }
    })
}

/// A value.
pub struct Value<'h> {
    value: KeyValue<'h, &'h [u8]>,
    hive: &'h Hive<'h>,
}

impl<'h> Value<'h> {
    /// Its name; empty for the default value.
    ///
    /// # Errors
    /// When the cell is damaged.
    pub fn name(&self) -> Result<String, HiveError> {
        Ok(guarded(|| self.value.name().map(|name| name.to_string_lossy()))??)
    }

    /// Offset of its cell's content in bytes from the start of the file.
    pub fn offset(&self) -> Option<usize> {
        let start = guarded(|| self.value.name().map(|name| self.hive.offset_before(raw(&name), VALUE_NAME)))
            .ok()?
            .ok()??;
        (slice(self.hive.bytes, start, 2) == Ok(b"vk")).then_some(start)
    }

    /// Its type number: 1 is REG_SZ. Types that nobody knows have a number too.
    pub fn kind(&self) -> Option<u32> {
        u32_le(self.hive.bytes, self.offset()?.checked_add(12)?).ok()
    }

    /// Its data.
    ///
    /// # Errors
    /// When the data does not lie where the header says.
    pub fn data(&self) -> Result<Cow<'h, [u8]>, HiveError> {
        let data = guarded(|| {
            self.value.data().and_then(|data| match data {
                nt_hive::KeyValueData::Small(bytes) => Ok(Cow::Borrowed(bytes)),
                big @ nt_hive::KeyValueData::Big(_) => big.into_vec().map(Cow::Owned),
            })
        })?;
        // Hives of version 1.3 keep large data in one cell, which nt-hive takes for a list of cells.
        data.or_else(|error| self.one_cell().ok_or(HiveError::Damaged(error)))
    }

    fn one_cell(&self) -> Option<Cow<'h, [u8]>> {
        let hive = self.hive;
        let header = self.offset()?;
        let size = u32_le(hive.bytes, header.checked_add(4)?).ok()?;
        let offset = u32_le(hive.bytes, header.checked_add(8)?).ok()? as usize;
        if size & RESIDENT != 0 {
            return None;
        }
        let cell = offset.checked_add(SIZE)?;
        let stored = u32_le(hive.bytes, cell).ok()? as i32;
        let room = usize::try_from(stored.checked_neg()?).ok()?.checked_sub(4)?;
        let size = size as usize;
        (size <= room).then(|| slice(hive.bytes, cell.checked_add(4)?, size).ok().map(Cow::Borrowed))?
    }
}
