//! Ctrl-C: exit code 130, and nothing half-written stays behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use crate::exit::Exit;

/// The file that is being written and does not bear its final name yet.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Held while a line is written that must not be torn.
static LINE: Mutex<()> = Mutex::new(());

/// Set when the run is about to end, so that no further line begins.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// How long an interruption waits for the end of a line: a reader that has stopped reading must not keep the run alive.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes Ctrl-C end the run cleanly.
pub fn install() {
    // A parent that ignores the signal, as `nohup` and shells do for jobs in the background, means it.
    let _ = ctrlc::try_set_handler(|| {
        let _line = wait_for_line();
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

/// Writes a line that an interruption does not tear, unless nobody takes it.
pub fn whole<T>(write: impl FnOnce() -> T) -> T {
    let _line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    while IS_OVER.load(Ordering::SeqCst) {
        thread::sleep(PATIENCE);
    }
    write()
}

fn wait_for_line() -> Option<MutexGuard<'static, ()>> {
    IS_OVER.store(true, Ordering::SeqCst);
    let step = PATIENCE / 100;
    for _ in 0..100 {
        match LINE.try_lock() {
            Ok(line) => return Some(line),
            Err(TryLockError::Poisoned(line)) => return Some(line.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(step),
        }
    }
    None
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
