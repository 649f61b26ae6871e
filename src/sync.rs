//! The lock of all shared state, and the way to wake a waiter. The lock is the one of `std` or, under
//! `--cfg shuttle`, one that lets a model checker choose which thread runs next (`npm run models`).
//!
//! Architecture invariant: no lock is held across an `await` or a call into JavaScript. A future with a
//! guard in it cannot be spawned, and to wait under a lock is a deadlock in `src/models.rs`
//! (`a_mailbox_loses_no_event_and_no_wake`).

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;
use std::task::Waker;

/// Takes the lock, also if a thread that held it has panicked: state behind a lock is changed in one step,
/// so a panic leaves none half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes the task that waits, if there is one. Called after the lock of the state that has the waker was
/// released, so that the task does not wait for that lock at once.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
