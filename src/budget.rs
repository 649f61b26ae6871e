//! A bound on all bytes that wait, in the whole application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the bytes of events that wait for their actors and of messages that wait for their clients.
///
/// Taking never fails and never waits. If the limit is exceeded, the task that waits in
/// [`exceeded`](Self::exceeded) has the holders of most bytes give up theirs.
pub struct Budget {
    bytes: AtomicUsize,
    limit: usize,
    over: Notify,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            limit,
            over: Notify::new(),
        }
    }

    /// Counts `bytes` more.
    pub fn take(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.limit {
            self.over.notify_one();
        }
    }

    /// Counts `bytes` less.
    pub fn give(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The bytes that wait now.
    pub fn waiting(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether more bytes wait than the limit allows.
    pub fn is_exceeded(&self) -> bool {
        self.excess() > 0
    }

    /// How much more waits than may.
    pub fn excess(&self) -> usize {
        self.waiting().saturating_sub(self.limit)
    }

    /// Resolves when the limit is exceeded. Only one task may wait here.
    pub async fn exceeded(&self) {
        while !self.is_exceeded() {
            self.over.notified().await;
        }
    }
}

/// The bytes that one holder takes of a budget. Given back when dropped.
pub struct Share {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Share {
    /// A share of no bytes.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            bytes: AtomicUsize::new(0),
        }
    }

    /// The holder holds `bytes` bytes now. Calls must not overlap.
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
