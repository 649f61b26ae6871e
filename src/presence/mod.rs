//! Presence: who is there, by topic.
//!
//! A component tracks itself in a topic under a key, with a meta: that is an [`Entry`]. All entries of a key
//! are one person, so that tabs are. Whoever watches a topic is told everybody first and then what has
//! changed, gathered, at most once a second. As with topics, a change only wakes those who watch; they read
//! what they have not been told. So who reads slowly costs no memory.
//!
//! * [`Presence`] is the trait; [`MemoryPresence`] keeps who is there in this process, [`RedisPresence`] has it of all
//!   processes.
//! * `beyond/`: what is between a topic here and the same topic in other processes.
//! * `rooms.rs`: the topics of this process, each behind the lock of its part, and the task that wakes.
//! * `roster.rs`: one topic, with the changes that may not have been read. Pure.
//! * `room.rs`: one topic with those who watch it, and when they are to be told. Pure, too.
//!
//! Architecture invariant: no person leaves because a page was loaded again, and whoever watches knows who is
//! there. `src/presence/tests/properties.rs` watches it.

mod beyond;
mod memory;
mod redis;
mod room;
mod rooms;
mod roster;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use memory::MemoryPresence;
pub use redis::RedisPresence;
pub use rooms::Held;

use crate::topics::{Listener, MAX_NAME, Message, Position, Sink};

/// Why a call of presence has failed. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PresenceError {
    /// The topic's name is empty or longer than [`MAX_NAME`]; the number is its length.
    #[error("a topic's name has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Name(usize),
    /// Too many components track themselves.
    #[error("{0} components are tracked, and no more may be (limits.presenceEntries)")]
    Full(usize),
    /// Too many components track themselves in this topic.
    #[error(
        "{0} components are tracked in this topic, and no more may be (limits.presenceEntriesPerTopic)"
    )]
    TopicFull(usize),
    /// Presence does not work now; the text says why.
    #[error("presence does not work now: {0}")]
    Failed(String),
}

/// The message about a topic in which nobody is.
const NOBODY: &str = r#"{"present":[],"count":0}"#;

/// The future of an answer.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, PresenceError>> + Send>>;

/// An answer that is there.
fn now<T: Send + 'static>(answer: Result<T, PresenceError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}

/// Ends entries and watches, for their handles. No method waits.
trait Leave: Send + Sync {
    fn show(&self, topic: &str, entry: u64, key: &Arc<str>, meta: &Arc<str>);
    fn hide(&self, topic: &str, entry: u64);
    /// The handle of the entry is dropped.
    fn leave(&self, topic: &str, entry: u64);
    /// The handle of a watch is dropped.
    fn unwatch(&self, topic: &str, slot: u32);
}

/// While this lives, a component is in a topic, or may be. Counts for the limits; dropping it takes the
/// component out, and the grace begins.
pub struct Entry {
    topic: Arc<str>,
    number: u64,
    owner: Arc<dyn Leave>,
}

impl Entry {
    /// From here on the component is there, as an entry of `key`, with this meta: JSON text. This replaces
    /// the key and meta that the entry had before.
    pub fn show(&self, key: &Arc<str>, meta: &Arc<str>) {
        self.owner.show(&self.topic, self.number, key, meta);
    }

    /// The component is gone, and may come back. The grace begins.
    pub fn hide(&self) {
        self.owner.hide(&self.topic, self.number);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.owner.leave(&self.topic, self.number);
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entry({:?}, {})", self.topic, self.number)
    }
}

/// While this lives, a sink is woken when somebody comes, changes or goes. Dropping it ends that.
///
/// A sink must not own its watch, or neither would ever be dropped.
pub struct Watch {
    topic: Arc<str>,
    slot: u32,
    listener: Arc<Listener>,
    /// Set while the watcher is to be told everybody and has not been told so: at which number of the roster it has
    /// asked, plus one; else 0.
    asked: AtomicU64,
    owner: Arc<dyn Leave>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.owner.unwatch(&self.topic, self.slot);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Watch({:?})", self.topic)
    }
}

/// The news for a watcher.
#[derive(Clone, Debug)]
pub struct News {
    /// The message for receivers, as JSON; `None` if there is nothing to tell. Watchers with the same news
    /// share it.
    pub message: Option<Arc<Message>>,
    /// The message says everything, whatever was told before.
    pub is_whole: bool,
    /// The position to read after next; `None` if the watcher has been told nothing so far, and is to be told
    /// everybody.
    pub position: Option<Position>,
}

impl News {
    /// Nothing so far: the watcher is woken again within a second, and is told everybody then.
    fn later() -> Self {
        Self {
            message: None,
            is_whole: false,
            position: None,
        }
    }

    fn number(&self) -> u64 {
        self.position.map_or(0, |position| position.number)
    }
}

/// The people who are there, in this process or in others.
///
/// A call takes effect when it is made, not when its future is polled.
pub trait Presence: Send + Sync + 'static {
    /// Counts an entry of the topic that is not shown yet.
    ///
    /// # Errors
    /// [`PresenceError::Name`], [`Full`](PresenceError::Full), [`TopicFull`](PresenceError::TopicFull),
    /// [`Failed`](PresenceError::Failed).
    fn enter(&self, topic: &str) -> Result<Entry, PresenceError>;

    /// From now on `sink` is woken, with `number`, when there is something to read, once a second at most.
    /// After a wake there is no further one until the next read. The first read need not wait for a wake.
    ///
    /// # Errors
    /// [`PresenceError::Name`], [`Failed`](PresenceError::Failed).
    fn watch(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Watch>;

    /// The news for a watcher that has been told everything up to `from`. Without `from`, and if the changes
    /// after `from` are not known any more, the news is the list of everybody. If many begin to watch at
    /// about the same time, some of them get no news so far ([`News::position`]), and they are woken within a
    /// second.
    ///
    /// # Errors
    /// [`PresenceError::Failed`].
    fn read(&self, watch: &Watch, from: Option<Position>) -> Answer<News>;

    /// Everybody, or how many, as JSON.
    ///
    /// # Errors
    /// [`PresenceError::Name`], [`Failed`](PresenceError::Failed).
    fn everybody(&self, topic: &str) -> Answer<String>;

    /// The application closes: from here on nobody is told anything, since nobody has left because of that.
    fn close(&self);

    /// Waits until other processes can know all that has happened so far: for 2 s at most, since Redis may be away.
    fn written(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}
