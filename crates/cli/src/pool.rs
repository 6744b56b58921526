//! Many pieces of work side by side, answered in their order.
//!
//! Workers may run ahead of the oldest unfinished piece by a bounded number only, so one slow piece cannot make the answers of
//! all others pile up in memory.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Stack of a worker, as large as that of a main thread.
const STACK: usize = 8 << 20;
/// Answers that wait for an older one, for each worker.
const AHEAD: usize = 4;

struct State<T> {
    /// The piece that is begun next.
    next: usize,
    /// Pieces that were answered, up to the first that was not.
    told: usize,
    /// Answers that wait for an older one; `None` stands for a panic.
    waiting: BTreeMap<usize, Option<T>>,
    /// Nothing more is begun.
    is_over: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `count` pieces of work on `workers` threads and hands each answer to `tell`, in order; `None` for a piece that panicked.
/// When `tell` fails, no further piece is begun.
///
/// # Errors
/// What `tell` failed with, or that no thread could be started.
pub fn run<T: Send, E: From<std::io::Error>>(
    count: usize,
    workers: usize,
    work: impl Fn(usize) -> T + Sync,
    mut tell: impl FnMut(usize, Option<T>) -> Result<(), E>,
) -> Result<(), E> {
    let workers = workers.clamp(1, count.max(1));
    let shared = Shared {
        state: Mutex::new(State { next: 0, told: 0, waiting: BTreeMap::new(), is_over: false }),
        changed: Condvar::new(),
    };
    let worker = || {
        loop {
            let mut state = shared.lock();
            while !state.is_over && state.next < count && state.next >= state.told + workers * AHEAD {
                state = shared.wait(state);
            }
            if state.is_over || state.next >= count {
                return;
            }
            let piece = state.next;
            state.next += 1;
            drop(state);
            let answer = catch_unwind(AssertUnwindSafe(|| work(piece))).ok();
            shared.lock().waiting.insert(piece, answer);
            shared.changed.notify_all();
        }
    };
    thread::scope(|scope| {
        let end = |result| {
            shared.lock().is_over = true;
            shared.changed.notify_all();
            result
        };
        for number in 0..workers {
            let builder = thread::Builder::new().stack_size(STACK).name(format!("worker {number}"));
            match builder.spawn_scoped(scope, worker) {
                Ok(_) => {}
                // Fewer workers do the same work.
                Err(_) if number > 0 => break,
                Err(error) => return end(Err(error.into())),
            }
        }
        for piece in 0..count {
            let mut state = shared.lock();
            let answer = loop {
                match state.waiting.remove(&piece) {
                    Some(answer) => break answer,
                    None => state = shared.wait(state),
                }
            };
            drop(state);
            if let Err(error) = tell(piece, answer) {
                return end(Err(error));
            }
            shared.lock().told = piece + 1;
            shared.changed.notify_all();
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn answers_come_in_order_whatever_the_number_of_workers() {
        for workers in [1, 2, 3, 16, 100] {
            let mut told = Vec::new();
            run(
                50,
                workers,
                |piece| piece * 2,
                |piece, answer| {
                    told.push((piece, answer));
                    Ok::<_, io::Error>(())
                },
            )
            .unwrap();
            assert_eq!(told, (0..50).map(|piece| (piece, Some(piece * 2))).collect::<Vec<_>>());
        }
        run(0, 4, |_| (), |_, _| Ok::<_, io::Error>(())).unwrap();
    }

    #[test]
    fn a_slow_first_piece_holds_the_others_back() {
        let begun = AtomicUsize::new(0);
        let (go, wait) = mpsc::channel();
        let wait = Mutex::new(wait);
        let most = AtomicUsize::new(0);
        run(
            1000,
            2,
            |piece| {
                let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
                if piece == 0 {
                    // Set free by the last piece that may run ahead.
                    wait.lock().unwrap().recv().unwrap();
                    most.store(begun.load(Ordering::SeqCst), Ordering::SeqCst);
                } else if number == 2 * AHEAD {
                    go.send(()).unwrap();
                }
            },
            |_, _| Ok::<_, io::Error>(()),
        )
        .unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 2 * AHEAD);
    }

    #[test]
    fn a_panic_is_the_answer_of_its_piece_alone() {
        let mut told = Vec::new();
        run(
            5,
            2,
            |piece| {
                // Not `panic!`, whose message would stand in the log of every test run.
                if piece == 2 {
                    std::panic::resume_unwind(Box::new("gone"));
                }
                piece
            },
            |_, answer| {
                told.push(answer);
                Ok::<_, io::Error>(())
            },
        )
        .unwrap();
        assert_eq!(told, [Some(0), Some(1), None, Some(3), Some(4)]);
    }

    #[test]
    fn nothing_more_is_begun_when_nobody_listens() {
        let begun = AtomicUsize::new(0);
        let failed =
            run(1000, 2, |_| begun.fetch_add(1, Ordering::SeqCst), |_, _| Err(io::Error::other("full")));
        assert_eq!(failed.unwrap_err().to_string(), "full");
        assert!(begun.load(Ordering::SeqCst) <= 2 * AHEAD);
    }
}
