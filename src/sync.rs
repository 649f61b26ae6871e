//! The lock that everything shared is behind: `std`'s, or, under `--cfg shuttle`, one that lets a
//! model checker choose who comes first (`npm run models`); and waking, outside of it.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};

use std::task::Waker;

/// Wakes whoever waits. Never under a lock.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
