//! Topics in the memory of this process: a restart is a gap for who comes back.

use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::history::Bounds;
use super::ids::{IdKeys, Ids};
use super::shard::{Counts, Held, Shard, Tell, Topic};
use super::sinks::{Chunk, Listener, Sink};
use super::{
    Answer, Batch, Epoch, Leave, MAX_NAME, Most, Position, Published, Subscribed, Subscription,
    TopicError, Topics,
};
use crate::limits::Limits;
use crate::sync::{Mutex, lock};

/// How many parts, each behind a lock of its own, the topics are kept in.
const SHARDS: usize = 64;

/// How many topics a sweep looks at while it holds a lock, and how many ids it forgets.
const SWEEP_STEP: usize = 64;

/// How many topics a sweep looks at in all, and how many ids it forgets. About ten milliseconds of work.
const SWEEP: usize = 4096;

/// After how many chunks of listeners the task that wakes them lets other tasks run.
const CHUNKS: usize = 1;

/// Has the runtime run a task to its end.
pub type Spawn = Box<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

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

/// Locks are taken in this order: a shard's, then that of the ids. Sinks are woken and dropped under
/// none.
struct Rooms {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    ids: Mutex<Ids>,
    keys: IdKeys,
    counts: Arc<Counts>,
    /// The shard that loses a message next if all histories together are too large.
    relieved: AtomicUsize,
    /// The shard that is swept next.
    swept: AtomicUsize,
    bounds: Bounds,
    most_topics: usize,
    most_bytes: usize,
    message_bytes: usize,
    id_time: Duration,
    spawn: Spawn,
}

impl MemoryTopics {
    /// No topics. `spawn` gets the tasks that wake subscribers; it may be called from any thread.
    pub fn new(limits: &Limits, spawn: Spawn) -> Self {
        let counts = Arc::new(Counts::default());
        let shard = |_| Mutex::new(Shard::new(counts.clone()));
        let ids = Ids::new(limits.topic_ids, limits.topic_id_time, Instant::now());
        Self {
            rooms: Arc::new(Rooms {
                shards: (0..SHARDS).map(shard).collect(),
                hasher: RandomState::new(),
                ids: Mutex::new(ids),
                keys: IdKeys::default(),
                counts,
                relieved: AtomicUsize::new(0),
                swept: AtomicUsize::new(0),
                bounds: Bounds {
                    messages: limits.topic_messages,
                    bytes: limits.topic_bytes,
                    time: limits.topic_time,
                },
                most_topics: limits.topics,
                most_bytes: limits.topics_bytes,
                message_bytes: limits.message_bytes,
                id_time: limits.topic_id_time,
                spawn,
            }),
        }
    }

    /// What the topics hold now.
    pub fn held(&self) -> Held {
        let ids = lock(&self.rooms.ids).len();
        self.rooms.counts.held(ids)
    }

    /// Whether there is such a topic.
    #[cfg(test)]
    pub(super) fn has(&self, topic: &str) -> bool {
        self.rooms.with(topic, |_| ()).is_some()
    }
}

fn check(text: &str, error: fn(usize) -> TopicError) -> Result<(), TopicError> {
    match text.len() {
        1..=MAX_NAME => Ok(()),
        length => Err(error(length)),
    }
}

impl Rooms {
    fn shard(&self, number: usize) -> &Mutex<Shard> {
        &self.shards[number % SHARDS]
    }

    fn number_of(&self, topic: &str) -> usize {
        // The map inside a shard uses other bits, and another key.
        (self.hasher.hash_one(topic) >> 32) as usize
    }

    /// Reads or changes a topic, if there is such a one.
    fn with<R>(&self, topic: &str, change: impl FnOnce(&mut Topic) -> R) -> Option<R> {
        let (now, time) = (Instant::now(), self.bounds.time);
        lock(self.shard(self.number_of(topic))).with(topic, now, time, change)
    }

    /// Reads or changes a topic, which begins if there is no such one.
    fn with_or_begin<R>(
        &self,
        topic: &str,
        now: Instant,
        change: impl FnOnce(&mut Topic) -> R,
    ) -> Result<R, TopicError> {
        let number = self.number_of(topic);
        let mut epoch = None;
        loop {
            let mut shard = lock(self.shard(number));
            if !shard.has(topic)
                && let Some(epoch) = epoch
                && self.is_counted()
            {
                shard.begin(topic, epoch);
            }
            if shard.has(topic) {
                let result = shard.with(topic, now, self.bounds.time, change);
                return result.ok_or_else(|| TopicError::Failed("a topic is gone".into()));
            }
            drop(shard);
            if epoch.is_none() {
                epoch = Some(Epoch::random()?);
            } else if !self.forget_unused(number) {
                return Err(TopicError::Full(self.most_topics));
            }
        }
    }

    /// Counts one more topic. False if there are as many as may be.
    fn is_counted(&self) -> bool {
        let more = |topics| (topics < self.most_topics).then_some(topics + 1);
        let counter = &self.counts.topics;
        let counted = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.is_ok()
    }

    /// Forgets an idle topic, of this shard or the next one that has any; or else one that has messages and
    /// that nobody has subscribed to. False if all have subscribers.
    fn forget_unused(&self, number: usize) -> bool {
        let any = |forget: fn(&mut Shard) -> bool| {
            (0..SHARDS).any(|step| forget(&mut lock(self.shard(number.wrapping_add(step)))))
        };
        any(Shard::forget_idle) || any(Shard::forget_unheard)
    }

    /// Drops old messages, of each shard in its turn, while all histories together are too large.
    fn relieve(&self, now: Instant) {
        let mut empty = 0;
        while self.counts.bytes.load(Ordering::Relaxed) > self.most_bytes && empty < SHARDS {
            let number = self.relieved.fetch_add(1, Ordering::Relaxed);
            let has_dropped = lock(self.shard(number)).drop_oldest(now, self.bounds.time);
            empty = if has_dropped { 0 } else { empty + 1 };
        }
    }

    fn publish(
        self: &Arc<Self>,
        topic: &str,
        id: Option<&str>,
        data: Arc<str>,
    ) -> Result<Published, TopicError> {
        check(topic, TopicError::Name)?;
        id.map_or(Ok(()), |id| check(id, TopicError::Id))?;
        let (bytes, most) = (data.len(), self.message_bytes);
        if bytes > most {
            return Err(TopicError::Data { bytes, most });
        }
        let now = Instant::now();
        let key = id.map(|id| self.keys.of(topic, id));
        let known = |key| lock(&self.ids).position(key, now);
        // A first look, so that what is known neither begins a topic nor takes a place.
        if let Some(position) = key.and_then(known) {
            return Ok(Published {
                position,
                is_duplicate: true,
            });
        }
        let (published, tell) = self.with_or_begin(topic, now, |topic| {
            let position = topic.history.next();
            if let Some(key) = key {
                let mut ids = lock(&self.ids);
                // Another thread may have published it since the first look.
                if let Some(position) = ids.position(key, now) {
                    let is_duplicate = true;
                    return (
                        Published {
                            position,
                            is_duplicate,
                        },
                        Tell::Nobody,
                    );
                }
                ids.remember(key, position, now);
            }
            topic.history.append(id, data, now, self.bounds);
            let is_duplicate = false;
            (
                Published {
                    position,
                    is_duplicate,
                },
                topic.published(),
            )
        })?;
        self.relieve(now);
        match tell {
            Tell::Nobody => {}
            Tell::These(chunks) => chunks.iter().for_each(tell_chunk),
            Tell::Task(topic) => {
                let task = TellAll {
                    rooms: self.clone(),
                    topic,
                    has_ended: false,
                };
                (self.spawn)(Box::pin(task.run()));
            }
        }
        Ok(published)
    }

    fn subscribe(
        self: &Arc<Self>,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> Result<Subscribed, TopicError> {
        check(topic, TopicError::Name)?;
        let listener = Listener::new(sink, number);
        self.with_or_begin(topic, Instant::now(), |topic| Subscribed {
            subscription: Subscription {
                topic: topic.name(),
                slot: topic.sinks.add(listener.clone()),
                listener,
                owner: self.clone(),
            },
            now: topic.history.now(),
            oldest: topic.history.oldest(),
        })
    }

    fn read(
        &self,
        subscription: &Subscription,
        from: Position,
        most: Most,
    ) -> Result<Batch, TopicError> {
        // Before the history is looked at: what is published after the look is told.
        subscription.listener.reads();
        let read = |topic: &mut Topic| topic.history.after(from, most);
        let batch = self.with(&subscription.topic, read);
        // A subscription keeps its topic, so only a subscription of other topics comes here.
        batch.ok_or_else(|| TopicError::Failed("there is no such topic".into()))
    }

    fn sweep(&self, now: Instant) -> bool {
        let mut left = SWEEP;
        for _ in 0..SHARDS {
            let number = self.swept.fetch_add(1, Ordering::Relaxed);
            loop {
                let step = left.min(SWEEP_STEP);
                let (time, idle) = (self.bounds.time, self.id_time);
                let done = lock(self.shard(number)).sweep(now, time, idle, step);
                left -= done;
                if left == 0 {
                    return true;
                }
                if done < step {
                    break;
                }
            }
        }
        (0..SWEEP / SWEEP_STEP).all(|_| lock(&self.ids).expire(now, SWEEP_STEP))
    }
}

impl Leave for Rooms {
    fn leave(&self, topic: &str, slot: u32) {
        // The listener comes out of the lock, and is dropped here.
        drop(self.with(topic, |topic| topic.sinks.remove(slot)));
    }
}

fn tell_chunk(chunk: &Arc<Chunk>) {
    chunk.iter().flatten().for_each(|listener| listener.tell());
}

/// The task that wakes the subscribers of a topic.
struct TellAll {
    rooms: Arc<Rooms>,
    topic: Arc<str>,
    has_ended: bool,
}

impl TellAll {
    async fn run(mut self) {
        while let Some(chunks) = self.rooms.with(&self.topic, Topic::round).flatten() {
            for some in chunks.chunks(CHUNKS) {
                some.iter().for_each(tell_chunk);
                if chunks.len() > CHUNKS {
                    yield_now().await;
                }
            }
        }
        self.has_ended = true;
    }
}

impl Drop for TellAll {
    fn drop(&mut self) {
        // The runtime has dropped the task, or it panicked: the next publish starts another task.
        if !self.has_ended {
            self.rooms.with(&self.topic, Topic::untold);
        }
    }
}

impl Topics for MemoryTopics {
    fn publish(&self, topic: &str, id: Option<&str>, data: Arc<str>) -> Answer<Published> {
        now(self.rooms.publish(topic, id, data))
    }

    fn subscribe(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Subscribed> {
        now(self.rooms.subscribe(topic, sink, number))
    }

    fn read(&self, subscription: &Subscription, from: Position, most: Most) -> Answer<Batch> {
        now(self.rooms.read(subscription, from, most))
    }

    fn sweep(&self, now: Instant) -> bool {
        self.rooms.sweep(now)
    }
}

/// An answer that is there.
fn now<T: Send + 'static>(answer: Result<T, TopicError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}
