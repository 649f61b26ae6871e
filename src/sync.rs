//! The lock that everything shared is behind: `std`'s, or, under `--cfg shuttle`, one that lets a
//! model checker choose who comes first (`npm run models`); and waking, outside of it.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;
use std::task::Waker;

/// The lock, also if whoever held it panicked: what is behind it is changed in one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes whoever waits. Never under a lock.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
