//! Finding one key.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Entry, Index};
use crate::error::NtfsError;

/// Most levels of a tree; Windows needs no more than a few.
const MAX_LEVELS: usize = 64;

impl Index {
    /// Walks down the tree to where a key belongs and shows `visit` all entries with keys on the way.
    ///
    /// `compare` says how the key of an entry stands to the wanted one; `None` for a key that is damaged. The keys
    /// right before and behind the wanted one are always on the way.
    ///
    /// # Errors
    /// When a node on the way is damaged, not in order, or leads to one that was visited.
    pub fn search(
        &self,
        compare: &dyn Fn(&[u8]) -> Option<Ordering>,
        visit: &mut dyn FnMut(&Entry<'_>),
    ) -> Result<(), NtfsError> {
        let mut visited = HashSet::new();
        let mut data: Vec<u8>;
        let mut node = self.root_node()?;
        for _ in 0..MAX_LEVELS {
            let mut next = None;
            let mut passed = false;
            let bad = |expected: &str, found: &str| NtfsError::damaged(&self.what, 0, expected, found);
            for entry in node.entries() {
                let entry = entry?;
                if entry.is_last {
                    if !passed {
                        next = entry.subnode;
                    }
                    break;
                }
                visit(&entry);
                let order = compare(entry.key).ok_or_else(|| bad("a whole key", "less"))?;
                if passed && order == Ordering::Less {
                    return Err(bad("keys in order", "a smaller one behind a larger one"));
                }
                if !passed && order != Ordering::Less {
                    passed = true;
                    if order == Ordering::Equal {
                        return Ok(());
                    }
                    next = entry.subnode;
                }
            }
            let Some(vcn) = next else { return Ok(()) };
            let block = self
                .block_of(vcn)
                .filter(|block| visited.insert(*block))
                .ok_or_else(|| NtfsError::damaged(&self.what, 0, "a block that was not visited", vcn))?;
            data = self.block(block)?;
            node = self.node(block, &data)?;
        }
        Err(NtfsError::damaged(&self.what, 0, format!("at most {MAX_LEVELS} levels"), "more"))
    }
}
