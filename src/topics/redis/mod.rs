//! Topics in Redis, for the processes of many machines.
//!
//! A topic is kept in Redis: its epoch and number, its newest messages, and the ids that are remembered. `publish.lua`
//! adds a message and tells it in the topic's channel. A process follows the topics that it has subscribers of: it
//! gets each message once, however many subscribers there are, and has a copy of what Redis keeps, which its
//! subscribers read. What is missing in the copy is read from Redis (`open.lua`).
//!
//! Each message has a random name, and says the name of the message before it. After a failover that has lost the newest
//! messages, Redis gives their numbers to others; whoever knows the lost ones sees by the names that these are others,
//! and the topic begins under a new epoch.
//!
//! * `keys.rs`: names, and what is told. Pure. `publishing.rs`: the way to Redis. `following.rs`: the way back.
//!
//! Architecture invariant: each message reaches a subscriber once and in the topic's order, or the subscriber is told
//! of a gap, whatever happens to the connection. `src/topics/redis/tests.rs` watches it.

mod following;
mod keys;
mod publishing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::rooms::{Rooms, check};
use super::shard::Held;
use super::{
    Answer, Batch, Leave, Most, Position, Published, Sink, Spawn, Subscribed, Subscription,
    TopicError, Topics,
};
use crate::limits::Limits;
use crate::redis::{Address, Link, Needs, OpenError, Tell};
use following::Following;
use keys::Keys;
pub(crate) use keys::escaped;
use publishing::{Publish, Queue};

/// Topics in Redis. All processes that have the same Redis and the same prefix share them.
///
/// Bounds: those of [`MemoryTopics`](super::MemoryTopics) hold for what this process has copied. In Redis each topic
/// keeps `limits.topicMessages`, `topicBytes` and `topicTime`, and `limits.topicIds` ids of its own; it is forgotten
/// `topicIdTime` after nobody has published to it or followed it.
pub struct RedisTopics {
    inner: Arc<Inner>,
    queue: Queue,
    _tasks: [AbortOnDropHandle<()>; 2],
    _probe: Arc<AbortOnDropHandle<()>>,
}

/// The topics in one Redis: all of them share two connections.
pub struct Backplane {
    /// The application's.
    pub topics: RedisTopics,
    /// The topics over which the processes of the application speak with each other. Their names are apart
    /// from the application's own topics, and their messages are kept for minutes.
    pub between: RedisTopics,
}

/// The largest message between processes, in bytes: the whole tree of a shared component is one.
const BETWEEN_MESSAGE: usize = 16 * 1024 * 1024;
/// How long a topic between processes is kept that nobody publishes to.
const BETWEEN_KEPT: Duration = Duration::from_secs(600);

/// One set of topics, before its tasks run.
struct Part {
    limits: Limits,
    rooms: Arc<Rooms>,
    keys: Arc<Keys>,
    following: Arc<Following>,
}

impl Part {
    fn new(prefix: &str, limits: Limits, spawn: Spawn) -> Self {
        let rooms = Rooms::new(&limits, spawn);
        let keys = Arc::new(Keys::new(prefix));
        let following = Following::new(&limits, rooms.clone(), keys.clone());
        Self {
            limits,
            rooms,
            keys,
            following,
        }
    }

    fn run(
        self,
        channels: &Link,
        commands: &Link,
        probe: &Arc<AbortOnDropHandle<()>>,
    ) -> RedisTopics {
        let Self {
            limits,
            rooms,
            keys,
            following,
        } = self;
        let (queue, publishing) = Queue::new(&limits, commands.clone(), keys, rooms.clone());
        let follows = following.clone().run(channels.clone(), commands.clone());
        let tasks = [tokio::spawn(publishing), tokio::spawn(follows)];
        RedisTopics {
            inner: Arc::new(Inner {
                rooms,
                following,
                channels: channels.clone(),
                commands: commands.clone(),
            }),
            queue,
            _tasks: tasks.map(AbortOnDropHandle::new),
            _probe: probe.clone(),
        }
    }
}

struct Inner {
    rooms: Arc<Rooms>,
    following: Arc<Following>,
    channels: Link,
    commands: Link,
}

impl Backplane {
    /// Opens the connection for the channels of topics; `commands` is the connection for commands. `spawn`
    /// gets the tasks that wake subscribers. To be called in a runtime.
    ///
    /// # Errors
    /// Those of [`Link::open`].
    pub fn open(
        address: Address,
        commands: &Link,
        prefix: &str,
        limits: &Limits,
        spawn: &Spawn,
        tell: Box<dyn Fn(Tell) + Send + Sync>,
    ) -> Result<Self, OpenError> {
        let between = Limits {
            message_bytes: BETWEEN_MESSAGE,
            topic_id_time: BETWEEN_KEPT,
            ..limits.clone()
        };
        let topics = Part::new(prefix, limits.clone(), spawn.clone());
        let between = Part::new(&format!("{prefix}between:"), between, spawn.clone());
        let pushes = {
            let (topics, between) = (topics.following.clone(), between.following.clone());
            Arc::new(move |info| {
                // Each takes the messages of its own channels.
                topics.pushed(&info);
                between.pushed(&info);
            })
        };
        let needs = Needs {
            keeps: false,
            fsync: false,
            replicas: false,
        };
        let channels = Link::open_with(address, needs, tell, Some(pushes))?;
        let probe = tokio::spawn(channels.clone().probe());
        let probe = Arc::new(AbortOnDropHandle::new(probe));
        Ok(Self {
            topics: topics.run(&channels, commands, &probe),
            between: between.run(&channels, commands, &probe),
        })
    }
}

impl Inner {
    /// Subscribes to a topic that has been copied.
    fn subscribed(
        self: &Arc<Self>,
        topic: &str,
        sink: &Arc<dyn Sink>,
        number: u32,
    ) -> Option<Subscribed> {
        if !self.following.is_copied(topic) {
            return None;
        }
        let owner: Arc<dyn Leave> = self.clone();
        self.rooms.subscribe_to(topic, sink, number, &owner)
    }

    /// A copy of the topic, as Redis had it after this call.
    fn copied(&self, topic: &str) -> impl Future<Output = Result<(), TopicError>> + Send + use<> {
        let copied = self.following.copy(topic);
        // One connection may come back a little later than the other.
        let until = self.channels.patience().max(self.commands.patience());
        let hosts = self.channels.hosts().clone();
        async move {
            let away = || TopicError::Failed(format!("Redis at {hosts} is away"));
            let copied = timeout_at(until, copied).await.map_err(|_| away())?;
            copied.map_err(|_| away())?
        }
    }
}

impl Leave for Inner {
    fn leave(&self, topic: &str, slot: u32) {
        self.rooms.leave(topic, slot);
        self.following.left(topic);
    }
}

impl Topics for RedisTopics {
    fn publish(&self, topic: &str, id: Option<&str>, data: Arc<str>) -> Answer<Published> {
        if let Err(error) = self.inner.rooms.check_message(topic, id, &data) {
            return ready(Err(error));
        }
        let (answer, published) = oneshot::channel();
        self.queue.push(Publish {
            topic: topic.into(),
            id: id.map(Into::into),
            data,
            answer,
        });
        Box::pin(async move {
            let closed =
                |_| TopicError::Failed("the connection to Redis has been closed".to_owned());
            published.await.map_err(closed)?
        })
    }

    fn subscribe(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Subscribed> {
        if let Err(error) = check(topic, TopicError::Name) {
            return ready(Err(error));
        }
        if let Some(subscribed) = self.inner.subscribed(topic, &sink, number) {
            return ready(Ok(subscribed));
        }
        let (inner, topic) = (self.inner.clone(), topic.to_owned());
        let copied = inner.copied(&topic);
        Box::pin(async move {
            copied.await?;
            let subscribed = inner.subscribed(&topic, &sink, number);
            subscribed.ok_or_else(|| TopicError::Failed("the topic is gone".to_owned()))
        })
    }

    fn follow(
        &self,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> Result<Subscription, TopicError> {
        let owner: Arc<dyn Leave> = self.inner.clone();
        let rooms = &self.inner.rooms;
        let subscribed = rooms.subscribe_or_begin(topic, sink, number, &owner)?;
        if !self.inner.following.is_copied(topic) {
            // A read before the topic is copied gives nothing. The subscriber is woken when the topic is
            // copied.
            let mut copied = self.inner.following.copy(topic);
            // If the copy is refused at once, it is not tried again.
            if let Ok(Err(error)) = copied.try_recv() {
                return Err(error);
            }
        }
        Ok(subscribed.subscription)
    }

    fn read(&self, subscription: &Subscription, from: Position, most: Most) -> Answer<Batch> {
        let topic = subscription.topic();
        if !self.inner.following.is_copied(topic) {
            subscription.listener.reads();
            // The topic may have been copied since the look.
            if !self.inner.following.is_copied(topic) {
                return ready(Ok(Batch {
                    gap: false,
                    messages: Vec::new(),
                    position: from,
                    more: false,
                }));
            }
        }
        let batch = self.inner.rooms.read(subscription, from, most);
        // A state that comes from another process may be ahead of the messages that have come here, or its
        // topic may have begun anew since. Redis knows.
        let may_be_ahead = |batch: &Batch| {
            let now = batch.position;
            batch.gap && (from.epoch != now.epoch || from.number > now.number)
        };
        if !batch.as_ref().is_ok_and(may_be_ahead) {
            return ready(batch);
        }
        let (inner, topic) = (self.inner.clone(), topic.clone());
        let copied = inner.copied(&topic);
        let listener = subscription.listener.clone();
        Box::pin(async move {
            copied.await?;
            inner.rooms.read_as(&topic, &listener, from, most)
        })
    }

    fn sweep(&self, now: Instant) -> bool {
        let has_more = self.inner.rooms.sweep(now);
        self.inner.following.sweep(now) || has_more
    }

    fn held(&self) -> Held {
        self.inner.rooms.held()
    }
}

/// An answer that is there.
fn ready<T: Send + 'static>(answer: Result<T, TopicError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}
