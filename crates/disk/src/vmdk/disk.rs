//! The extents of a VMDK one after the other.

use std::io;
use std::sync::Arc;

use crate::chain::read_parent;
use crate::error::bad_data;
use crate::read_at::ReadAt;

use super::sparse::Sparse;

/// One run of the disk and where its bytes are.
pub(super) struct Run {
    /// First byte behind it on the disk.
    pub(super) end: u64,
    pub(super) source: Source,
}

/// Where the bytes of a run are.
pub(super) enum Source {
    Zero,
    /// The description forbids to read it.
    Forbidden,
    /// As they are, from this offset of the file on.
    Flat {
        file: Arc<dyn ReadAt>,
        name: String,
        start: u64,
    },
    Sparse(Sparse),
}

/// The disk of an image.
pub(super) struct Disk {
    pub(super) runs: Vec<Run>,
    pub(super) parent: Option<Arc<dyn ReadAt>>,
}

impl Disk {
    fn read_run(&self, number: usize, at: u64, buf: &mut [u8]) -> io::Result<()> {
        let Some(run) = self.runs.get(number) else {
            return read_parent(None, at, buf);
        };
        let begin = number.checked_sub(1).and_then(|n| self.runs.get(n)).map_or(0, |before| before.end);
        let within = at - begin;
        match &run.source {
            Source::Zero => {
                buf.fill(0);
                Ok(())
            }
            Source::Forbidden => {
                Err(bad_data(format!("VMDK: disk offset {at}: the description marks the extent as NOACCESS")))
            }
            Source::Flat { file, name, start } => {
                if file.read_at(start.saturating_add(within), buf)? < buf.len() {
                    return Err(bad_data(format!(
                        "VMDK: disk offset {at}: behind the end of extent `{name}` ({} bytes)",
                        file.len()
                    )));
                }
                Ok(())
            }
            Source::Sparse(sparse) => sparse.read(within, at, self.parent.as_ref(), buf),
        }
    }
}

impl ReadAt for Disk {
    fn len(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.end)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let mut number = self.runs.partition_point(|run| run.end <= offset);
        let mut filled = 0;
        while filled < room {
            let at = offset + filled as u64;
            let end = self.runs.get(number).map_or(at, |run| run.end);
            let until = filled.saturating_add(usize::try_from(end - at).unwrap_or(usize::MAX)).min(room);
            let Some(target) = buf.get_mut(filled..until) else { break };
            self.read_run(number, at, target)?;
            filled = until;
            number += 1;
        }
        Ok(filled)
    }
}
