//! Containment of panics in crates that assert on input: `nt-hive`, and `evtx` in case.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::error::HiveError;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Installs, once, a panic hook that is silent for guarded calls of this thread and passes on every other panic.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.with(Cell::get) {
                previous(info);
            }
        }));
    });
}

/// Calls `read`, turning a panic into an error.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, HiveError> {
    contained(read).map_err(|what| HiveError::Unexpected { what })
}

/// Calls `read`, turning a panic into its message.
pub(in crate::artifact) fn contained<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    let before = QUIET.with(|quiet| quiet.replace(true));
    // The closures only read from a byte slice, so nothing can be left half-changed.
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    QUIET.with(|quiet| quiet.set(before));
    result.map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_else(|| "no reason given".to_owned())
    })
}
