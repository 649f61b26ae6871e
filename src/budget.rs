//! A bound on all bytes that wait, in the whole application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the bytes of events that wait for their actors and of messages that wait for their clients.
///
/// Taking never fails and never waits: what is over the limit has to be given up by whoever holds
/// most, which is for the one who waits in [`exceeded`](Self::exceeded) to see to.
pub struct Budget {
    bytes: AtomicUsize,
    limit: usize,
    over: Notify,
}

impl Budget {
    /// One of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            limit,
            over: Notify::new(),
        }
    }

    /// So many bytes more wait.
    pub fn take(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.limit {
            self.over.notify_one();
        }
    }

    /// So many wait no more.
    pub fn give(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The bytes that wait now.
    pub fn waiting(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether more wait than may.
    pub fn is_exceeded(&self) -> bool {
        self.excess() > 0
    }

    /// How much more waits than may.
    pub fn excess(&self) -> usize {
        self.waiting().saturating_sub(self.limit)
    }

    /// Resolves when more may wait than should; for one task.
    pub async fn exceeded(&self) {
        while !self.is_exceeded() {
            self.over.notified().await;
        }
    }
}

/// What one holder has of a budget: bytes that come and go one by one. Given back when dropped.
pub struct Share {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Share {
    /// Nothing so far.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            bytes: AtomicUsize::new(0),
        }
    }

    /// So many bytes are held now. Called by one holder, one call after the other.
    pub fn set(&self, bytes: usize) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        if bytes > before {
            self.budget.take(bytes - before);
        } else {
            self.budget.give(before - bytes);
        }
    }

    /// The bytes that are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
