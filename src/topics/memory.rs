//! Topics in the memory of this process. After a restart, a subscriber that comes back is told of a gap.

use std::sync::Arc;

use tokio::time::Instant;

use super::rooms::Rooms;
use super::shard::Held;
use super::sinks::Sink;
use super::{
    Answer, Batch, Most, Position, Published, Spawn, Subscribed, Subscription, TopicError, Topics,
};
use crate::limits::Limits;

/// Topics in the memory of this process.
///
/// Bounds: a history by `limits.topicMessages`, `topicBytes` and `topicTime`; all histories by
/// `topicsBytes`; topics by `limits.topics`; ids by `topicIds` and `topicIdTime`. If there are too many
/// topics, one that has been without messages and subscribers for long gives way, or else one that has
/// messages and no subscribers; it begins again under a new epoch.
///
/// To publish costs the same whoever subscribes: beyond a few, a task on the runtime wakes the
/// subscribers. A topic has one such task at a time, and what is published while it runs is told in
/// one more round.
pub struct MemoryTopics {
    rooms: Arc<Rooms>,
}

impl MemoryTopics {
    /// No topics. `spawn` gets the tasks that wake subscribers; it may be called from any thread.
    pub fn new(limits: &Limits, spawn: Spawn) -> Self {
        Self {
            rooms: Rooms::new(limits, spawn),
        }
    }

    /// Whether there is such a topic.
    #[cfg(test)]
    pub(super) fn has(&self, topic: &str) -> bool {
        self.rooms.with(topic, |_| ()).is_some()
    }
}

impl Topics for MemoryTopics {
    fn publish(&self, topic: &str, id: Option<&str>, data: Arc<str>) -> Answer<Published> {
        now(self.rooms.publish(topic, id, data))
    }

    fn subscribe(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Subscribed> {
        now(self.rooms.subscribe(topic, sink, number))
    }

    fn follow(
        &self,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> Result<Subscription, TopicError> {
        let subscribed = self.rooms.subscribe(topic, sink, number)?;
        Ok(subscribed.subscription)
    }

    fn read(&self, subscription: &Subscription, from: Position, most: Most) -> Answer<Batch> {
        now(self.rooms.read(subscription, from, most))
    }

    fn sweep(&self, now: Instant) -> bool {
        self.rooms.sweep(now)
    }

    fn held(&self) -> Held {
        self.rooms.held()
    }
}

/// An answer that is there.
fn now<T: Send + 'static>(answer: Result<T, TopicError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}
