//! One node of a B-tree.

use crate::bytes::{slice, u16_at, u32_at, u64_at};
use crate::error::NtfsError;

/// Flag of an entry with a subnode.
const HAS_SUBNODE: u16 = 1;
/// Flag of the entry that ends a node and has no key.
const LAST: u16 = 2;

/// A node: entries in order and what is left behind them.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    /// The entries, in use.
    used: &'a [u8],
    /// What stands behind them up to the end of the node.
    pub slack: &'a [u8],
    what: String,
    /// Offset of `used` in the block, for messages.
    start: usize,
}

/// One entry of a node.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    /// File reference of a directory entry; place of the data in others.
    pub head: u64,
    /// The key; empty in the entry that ends a node.
    pub key: &'a [u8],
    /// The entry from its header on.
    pub bytes: &'a [u8],
    /// Cluster number of the subnode with all smaller keys.
    pub subnode: Option<u64>,
    /// Whether it ends the node.
    pub is_last: bool,
}

impl<'a> Node<'a> {
    /// The node whose header stands at `at` in `data`.
    pub fn parse(data: &'a [u8], at: usize, what: &str) -> Result<Self, NtfsError> {
        let node = data.get(at..).unwrap_or_default();
        let first = u32_at(node, 0).unwrap_or(0) as usize;
        let used = u32_at(node, 4).unwrap_or(0) as usize;
        let allocated = (u32_at(node, 8).unwrap_or(0) as usize).clamp(used, node.len().max(used));
        if first < 16 || used < first || used > node.len() {
            let expected = format!("entries within {} bytes", node.len());
            return Err(NtfsError::damaged(what, at as u64, expected, format!("{first} to {used}")));
        }
        Ok(Self {
            used: node.get(first..used).unwrap_or_default(),
            slack: node.get(used..allocated).unwrap_or_default(),
            what: what.to_owned(),
            start: at + first,
        })
    }

    /// The bytes of the entries, for blocks that are not in use as a whole.
    pub fn used(&self) -> &'a [u8] {
        self.used
    }

    /// The entries, the one that ends the node included.
    pub fn entries(&self) -> Entries<'a, '_> {
        Entries { node: self, at: 0, ended: false }
    }
}

/// Iterates over the entries of a node.
pub(crate) struct Entries<'a, 'n> {
    node: &'n Node<'a>,
    at: usize,
    ended: bool,
}

/// Reads the entry at the beginning of `data`.
pub(crate) fn entry(data: &[u8]) -> Option<Entry<'_>> {
    let len = usize::from(u16_at(data, 8)?);
    let flags = u16_at(data, 12)?;
    let bytes = slice(data, 0, len).filter(|_| len >= 16)?;
    let end = if flags & HAS_SUBNODE != 0 { len.checked_sub(8).filter(|end| *end >= 16)? } else { len };
    let key = match flags & LAST {
        0 => slice(bytes, 16, usize::from(u16_at(bytes, 10)?)).filter(|key| 16 + key.len() <= end)?,
        _ => &[],
    };
    Some(Entry {
        head: u64_at(bytes, 0)?,
        key,
        bytes,
        subnode: if end < len { Some(u64_at(bytes, end)?) } else { None },
        is_last: flags & LAST != 0,
    })
}

impl<'a> Iterator for Entries<'a, '_> {
    type Item = Result<Entry<'a>, NtfsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let rest = self.node.used.get(self.at..).unwrap_or_default();
        let Some(found) = entry(rest) else {
            self.ended = true;
            let length =
                u16_at(rest, 8).map_or_else(|| "the end of the node".into(), |len| format!("length {len}"));
            let at = (self.node.start + self.at) as u64;
            return Some(Err(NtfsError::damaged(&self.node.what, at, "a whole index entry", length)));
        };
        self.at += found.bytes.len();
        self.ended = found.is_last;
        Some(Ok(found))
    }
}
