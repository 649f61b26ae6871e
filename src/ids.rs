//! Numbers that name things in a process.

use std::sync::atomic::{AtomicU64, Ordering};

/// An actor's number, unique in the process.
pub type ActorKey = u64;

/// A number for a new actor.
pub fn next_actor_key() -> ActorKey {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
