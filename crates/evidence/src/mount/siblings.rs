//! The other files of an image: beside it in the evidence, or named by the user.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use iiskeys_disk::{ReadAt, Siblings};

use super::budget::Budget;
use super::metered::Metered;
use crate::handle::{Dir, File, Node};
use crate::path::same_name;

/// Files that stand in the folder of an image.
pub(super) struct Beside {
    pub dir: Dir,
    /// Files that the user named by themselves, wherever they stand.
    pub named: Vec<File>,
    /// Counts what is read from them.
    pub meter: Arc<AtomicU64>,
    /// Bytes that may be unpacked into memory.
    pub budget: Budget,
}

impl Siblings for Beside {
    fn open(&self, name: &str) -> io::Result<Option<Arc<dyn ReadAt>>> {
        let beside = if self.dir.reaches_into_files() {
            self.dir.sibling(name, self.budget.all())?
        } else {
            let found = self.dir.child(name).map_err(io::Error::other)?.and_then(Node::into_file);
            found.map(|file| self.budget.random(&file)).transpose().map_err(io::Error::other)?
        };
        let found = match beside {
            Some(found) => Some(found),
            None => {
                let named = self.named.iter().find(|file| same_name(file.path().name(), name));
                named.map(|file| self.budget.random(file)).transpose().map_err(io::Error::other)?
            }
        };
        Ok(found.map(|source| Metered::over(source, &self.meter)))
    }
}
