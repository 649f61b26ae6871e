//! The topics whose changes Redis has to be told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::sync::{Mutex, lock};

/// For so long somebody waits at most until all is written.
const PATIENCE: Duration = Duration::from_secs(2);

/// The topics whose changes Redis has to be told, each once: a topic knows that it stands here. The lock is a
/// `std` one, held to add a topic or to take some; it is taken while the lock of a part of the topics is
/// held.
#[derive(Default)]
pub(in crate::presence) struct Outbox {
    topics: Mutex<VecDeque<Arc<str>>>,
    wanted: Notify,
    /// Something waits, or is on its way.
    is_busy: watch::Sender<bool>,
}

impl Outbox {
    pub(in crate::presence) fn push(&self, topic: Arc<str>) {
        let mut topics = lock(&self.topics);
        topics.push_back(topic);
        self.is_busy.send_replace(true);
        drop(topics);
        self.wanted.notify_one();
    }

    /// The next topics, so many at most, when there are some.
    pub(in crate::presence) async fn take(&self, most: usize) -> Vec<Arc<str>> {
        loop {
            {
                let mut topics = lock(&self.topics);
                if topics.is_empty() {
                    self.is_busy.send_replace(false);
                } else {
                    let count = topics.len().min(most);
                    return topics.drain(..count).collect();
                }
            }
            self.wanted.notified().await;
        }
    }

    /// Waits until nothing waits.
    pub(in crate::presence) fn is_written(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut is_busy = self.is_busy.subscribe();
        async move {
            // If it takes too long, nobody waits for it.
            let _ = timeout(PATIENCE, is_busy.wait_for(|is_busy| !is_busy)).await;
        }
    }
}
