//! A bounded cache of decompressed or translated blocks, shared by all layers of an image.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes kept by default.
pub const DEFAULT_CACHE: usize = 16 * 1024 * 1024;

/// Keeps the blocks used last, up to a number of bytes.
pub struct BlockCache {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blocks: HashMap<(u32, u64), Kept>,
    bytes: usize,
    clock: u64,
    owners: u32,
}

struct Kept {
    block: Arc<[u8]>,
    used: u64,
}

impl BlockCache {
    /// A cache that holds at most `limit` bytes of blocks; a block larger than that is not kept.
    pub fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::new(State::default()) }
    }

    /// A number for one user of the cache, so that several layers can share it.
    pub fn owner(&self) -> u32 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.owners = state.owners.wrapping_add(1);
        state.owners
    }

    /// The block `index` of `owner`, made by `load` when it is not kept.
    ///
    /// # Errors
    /// Those of `load`; a failure is not kept.
    pub fn get(
        &self,
        owner: u32,
        index: u64,
        load: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<Arc<[u8]>> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.clock += 1;
            let now = state.clock;
            if let Some(kept) = state.blocks.get_mut(&(owner, index)) {
                kept.used = now;
                return Ok(Arc::clone(&kept.block));
            }
        }
        // Not under the lock: two threads may make the same block, neither waits for the other.
        let block: Arc<[u8]> = load()?.into();
        if block.len() <= self.limit {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.insert((owner, index), Arc::clone(&block), self.limit);
        }
        Ok(block)
    }
}

impl State {
    fn insert(&mut self, key: (u32, u64), block: Arc<[u8]>, limit: usize) {
        self.clock += 1;
        self.bytes += block.len();
        if let Some(old) = self.blocks.insert(key, Kept { block, used: self.clock }) {
            self.bytes -= old.block.len();
        }
        if self.bytes <= limit {
            return;
        }
        // Half is dropped at once, so that the sort is paid for by many insertions.
        let mut by_age: Vec<_> =
            self.blocks.iter().map(|(key, kept)| (kept.used, *key, kept.block.len())).collect();
        by_age.sort_unstable();
        for (_, key, len) in by_age {
            if self.bytes <= limit / 2 {
                break;
            }
            self.blocks.remove(&key);
            self.bytes -= len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_block_is_made_once_and_kept_until_others_need_its_room() {
        let cache = BlockCache::new(64);
        let owner = cache.owner();
        let made = Cell::new(0);
        let get = |index: u64| {
            cache
                .get(owner, index, || {
                    made.set(made.get() + 1);
                    Ok(vec![index as u8; 16])
                })
                .unwrap()
        };
        assert_eq!(&*get(1), &[1; 16]);
        assert_eq!(&*get(1), &[1; 16]);
        assert_eq!(made.get(), 1);
        (2..=5).for_each(|index| drop(get(index)));
        assert_eq!(made.get(), 5);
        // Five blocks of 16 bytes are more than 64: the oldest went.
        get(5);
        assert_eq!(made.get(), 5);
        get(1);
        assert_eq!(made.get(), 6);
    }

    #[test]
    fn owners_do_not_share_blocks_and_failures_are_not_kept() {
        let cache = BlockCache::new(1024);
        let (a, b) = (cache.owner(), cache.owner());
        assert_ne!(a, b);
        assert!(cache.get(a, 0, || Err(io::ErrorKind::InvalidData.into())).is_err());
        assert_eq!(&*cache.get(a, 0, || Ok(vec![1])).unwrap(), &[1]);
        assert_eq!(&*cache.get(b, 0, || Ok(vec![2])).unwrap(), &[2]);
    }

    #[test]
    fn a_block_larger_than_the_cache_is_given_and_not_kept() {
        let cache = BlockCache::new(8);
        let owner = cache.owner();
        assert_eq!(cache.get(owner, 0, || Ok(vec![7; 100])).unwrap().len(), 100);
        assert_eq!(&*cache.get(owner, 0, || Ok(vec![8])).unwrap(), &[8]);
    }
}
