//! Ctrl-C: exit code 130, and nothing half-written stays behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exit::Exit;

/// The file that is being written and does not bear its final name yet.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Makes Ctrl-C end the run cleanly.
pub fn install() {
    // A parent that ignores the signal, as `nohup` and shells do for jobs in the background, means it.
    let _ = ctrlc::try_set_handler(|| {
        // Held until the process is gone, so that no new file can begin behind this one's removal.
        let unfinished = lock();
        discard(unfinished.as_deref());
        std::process::exit(Exit::Interrupted as i32);
    });
}

/// Runs a step in which a file begins or ends being unfinished; an interruption waits for its end.
pub fn guarded<T>(step: impl FnOnce(&mut Option<PathBuf>) -> T) -> T {
    step(&mut lock())
}

fn lock() -> MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn discard(unfinished: Option<&Path>) {
    if let Some(path) = unfinished {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half");
        fs::write(&path, "half").unwrap();
        discard(Some(&path));
        assert!(!path.exists());
        discard(None);
    }
}
