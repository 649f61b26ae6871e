//! The lock that everything shared is behind: `std`'s, or, under `--cfg shuttle`, one that lets a
//! model checker choose who comes first (`npm run models`).

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};
