//! Topics: what is published under a name reaches everybody who has subscribed to the name.
//!
//! A topic keeps its newest messages, and each has a [`Position`]: the topic's epoch and a number. A
//! subscriber keeps the position of the last message that its state includes, and pulls what comes
//! after it. To publish only wakes the subscribers. So a subscriber that is slow costs no memory; one
//! that comes back, on another connection or from a checkpoint, goes on where it was; and one that the
//! history no longer reaches is told of a gap.
//!
//! * [`Topics`] is the trait; [`MemoryTopics`] keeps topics in this process, [`RedisTopics`] in Redis.
//! * `rooms.rs`: the topics of this process, whether they begin here or are copies of what Redis has. `foreign.rs`: a message of those.
//! * `history.rs`, `ids.rs`: one topic's messages, and the ids of all topics. Both are pure.
//! * `sinks.rs`: who is to be woken. `shard.rs`: a part of the topics, behind one lock.
//! * `sweeping.rs`: has topics forget what has expired.
//!
//! Architecture invariant: each message reaches a subscriber once and in the topic's order, or the
//! subscriber is told of a gap. `src/topics/tests/properties.rs` watches it.

mod foreign;
mod history;
mod ids;
mod memory;
mod message;
#[cfg(all(test, shuttle))]
mod models;
mod redis;
mod rooms;
mod shard;
mod sinks;
mod sweeping;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

pub use memory::MemoryTopics;
pub use message::{Epoch, Message, NoEpoch, Position};
pub(crate) use redis::escaped;
pub use redis::{Backplane, RedisTopics};
pub use rooms::Spawn;
pub use shard::Held;
pub use sinks::Sink;
pub(crate) use sinks::{Chunk, Listener, Sinks};
pub use sweeping::keep_swept;

/// The longest name of a topic, and the longest id, in bytes.
pub const MAX_NAME: usize = 256;

/// Why a call of topics has failed. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopicError {
    /// The topic's name is empty or longer than [`MAX_NAME`]; the number is its length.
    #[error("a topic's name has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Name(usize),
    /// The id is empty or longer than [`MAX_NAME`]; the number is its length.
    #[error("a message's id has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Id(usize),
    /// The data is too large.
    #[error("the message's data has {bytes} bytes, and may have {most} (limits.messageBytes)")]
    Data {
        /// How large the data is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// There are too many topics, and each has subscribers or messages.
    #[error("there are {0} topics in use, and no more may be (limits.topics)")]
    Full(usize),
    /// Topics do not work now; the text says why.
    #[error("topics do not work now: {0}")]
    Failed(String),
}

/// The future of an answer.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, TopicError>> + Send>>;

/// The result of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The position of the message. If its id was known: the position of the message that was published first
    /// under this id; that message may be gone, and its epoch may be over.
    pub position: Position,
    /// The id was known, so nothing was published.
    pub is_duplicate: bool,
}

/// How much a read gives at most. It gives one message at least, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// How many messages.
    pub messages: usize,
    /// How many bytes of data, all messages together.
    pub bytes: usize,
}

/// The messages after a position.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Messages after the position are missing: the history does not reach back to it, or it is of another
    /// epoch. How many are missing is not known. A batch with a gap has no messages, also none that the
    /// history still has: a subscriber that is told of a gap loads the newest state from elsewhere, and older
    /// messages would come after that.
    pub gap: bool,
    /// The messages, in the topic's order, without one missing between them.
    pub messages: Vec<Arc<Message>>,
    /// The position to read after next: that of the last message; without a message, the position that was
    /// given; with a gap, the topic's newest position at the time of the read.
    pub position: Position,
    /// The topic has further messages after `position`. Nobody is woken for them.
    pub more: bool,
}

/// Ends subscriptions, for [`Subscription`].
trait Leave: Send + Sync {
    /// Ends the subscription in this slot of the topic. Does not wait.
    fn leave(&self, topic: &str, slot: u32);
}

/// While this lives, a sink is woken for a topic. Dropping it ends the subscription.
///
/// A sink must not own its subscription, or neither would ever be dropped.
pub struct Subscription {
    topic: Arc<str>,
    slot: u32,
    listener: Arc<Listener>,
    owner: Arc<dyn Leave>,
}

impl Subscription {
    /// The topic's name.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.owner.leave(&self.topic, self.slot);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Subscription({:?})", self.topic)
    }
}

/// The beginning of a new subscription.
#[derive(Debug)]
pub struct Subscribed {
    /// Keeps the subscription.
    pub subscription: Subscription,
    /// The topic's newest position: a read after it gets the messages that are published from now on.
    pub now: Position,
    /// The position before the oldest message of the history: a read after it gets the history first.
    pub oldest: Position,
}

/// Topics, in this process or beyond.
///
/// A call takes effect when it is made, not when its future is polled: what one thread publishes to a
/// topic gets its numbers in the order of the calls. A future that is dropped takes nothing back. If
/// an implementation has to wait for another machine, a publish whose future was dropped has happened
/// or not; to publish again under the same id makes sure.
pub trait Topics: Send + Sync + 'static {
    /// Publishes JSON text under the topic's next number, and wakes its subscribers soon after. If there is
    /// no such topic, it begins.
    ///
    /// With an `id` this happens once: a message with an id that the topic knows is dropped
    /// ([`Published::is_duplicate`]). Ids are known for `limits.topicIdTime` and bounded in count, the oldest
    /// is forgotten first. Without an id every call publishes.
    ///
    /// # Errors [`TopicError::Name`], [`Id`](TopicError::Id), [`Data`](TopicError::Data),
    /// [`Full`](TopicError::Full), [`Failed`](TopicError::Failed).
    fn publish(&self, topic: &str, id: Option<&str>, data: Arc<str>) -> Answer<Published>;

    /// From now on `sink` is woken, with `number`, when the topic has something new. A topic that does
    /// not exist begins. A sink may subscribe to the same topic more than once, and is then woken for
    /// each subscription.
    ///
    /// # Errors
    /// [`TopicError::Name`], [`Full`](TopicError::Full), [`Failed`](TopicError::Failed).
    fn subscribe(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Subscribed>;

    /// As [`subscribe`](Self::subscribe), for a subscriber that has a position already. Does not wait: if the
    /// topic is kept elsewhere and not known here yet, reads give nothing so far, and the sink is woken when
    /// the topic is known.
    ///
    /// # Errors
    /// [`TopicError::Name`], [`Full`](TopicError::Full).
    fn follow(
        &self,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> Result<Subscription, TopicError>;

    /// The messages after `from`, any position that this topic ever had, or [`Position::BEGINNING`]. From the
    /// call on, the sink is woken again if there are messages after those of this read, unless
    /// [`Batch::more`] says so already.
    ///
    /// # Errors [`TopicError::Failed`].
    fn read(&self, subscription: &Subscription, from: Position, most: Most) -> Answer<Batch>;

    /// Forgets messages, ids and topics that have expired. The application calls this every few seconds. The
    /// work of a call is bounded; true if there is more to do, and the application should call again soon.
    fn sweep(&self, now: Instant) -> bool;

    /// How much topics hold in this process.
    fn held(&self) -> Held;
}
