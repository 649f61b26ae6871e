//! Counters for operators: what `loom.stats()` shows.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counters of one application. They are relaxed atomics: each is exact, but two of them are not read
/// at the same instant.
#[derive(Default)]
pub struct Stats {
    /// Open connections.
    pub connections: Gauge,
    /// Running actors.
    pub components: Gauge,
    /// Running actors that wait for their page to come back.
    pub parked: Gauge,
    /// Events that wait in the actors' mailboxes.
    pub queued_events: Gauge,
    /// Tasks that run.
    pub tasks: Gauge,
    /// Events answered with a patch, since the start.
    pub events: Counter,
    /// Events and joins answered with an error, since the start.
    pub errors: Counter,
}

/// A number that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds that many.
    pub fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number of things that exist now.
#[derive(Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// `count` fewer.
    pub fn down(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
