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
