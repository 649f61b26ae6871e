//! The topics of this process: their histories and their subscribers. Messages that are published here begin
//! here; messages that are published elsewhere are taken over as they come.

use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::foreign::Foreign;
use super::history::Bounds;
use super::ids::{IdKeys, Ids};
use super::shard::{Counts, Held, Shard, Tell, Topic};
use super::sinks::{Chunk, Listener, Sink};
use super::{
    Batch, Epoch, Leave, MAX_NAME, Most, Position, Published, Subscribed, Subscription, TopicError,
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
pub type Spawn = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// The result of taking a message of a topic that is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The message was the next one.
    Next,
    /// The message has been here before.
    Known,
    /// The message is of another epoch, messages before it are missing here, the message before it is another
    /// one here, or the topic is not here.
    Hole,
}

/// Locks are taken in this order: a shard's, then the lock of the ids. No lock is held while a sink is woken
/// or dropped.
pub(super) struct Rooms {
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

impl Rooms {
    /// No topics. `spawn` gets the tasks that wake subscribers; it may be called from any thread.
    pub(super) fn new(limits: &Limits, spawn: Spawn) -> Arc<Self> {
        let counts = Arc::new(Counts::default());
        let shard = |_| Mutex::new(Shard::new(counts.clone()));
        let ids = Ids::new(limits.topic_ids, limits.topic_id_time, Instant::now());
        Arc::new(Self {
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
        })
    }

    /// How much the topics hold now.
    pub(super) fn held(&self) -> Held {
        let ids = lock(&self.ids).len();
        self.counts.held(ids)
    }
}

pub(super) fn check(text: &str, error: fn(usize) -> TopicError) -> Result<(), TopicError> {
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
    pub(super) fn with<R>(&self, topic: &str, change: impl FnOnce(&mut Topic) -> R) -> Option<R> {
        let (now, time) = (Instant::now(), self.bounds.time);
        lock(self.shard(self.number_of(topic))).with(topic, now, time, change)
    }

    /// Reads or changes a topic. If there is no such topic, it begins.
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

    /// Forgets an idle topic, of this shard or of the next shard that has one. If no topic is idle, forgets
    /// one that has messages and no subscribers. False if all have subscribers.
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

    /// Whether this may be published.
    pub(super) fn check_message(
        &self,
        topic: &str,
        id: Option<&str>,
        data: &str,
    ) -> Result<(), TopicError> {
        check(topic, TopicError::Name)?;
        id.map_or(Ok(()), |id| check(id, TopicError::Id))?;
        let (bytes, most) = (data.len(), self.message_bytes);
        if bytes > most {
            return Err(TopicError::Data { bytes, most });
        }
        Ok(())
    }

    fn tell(self: &Arc<Self>, tell: Tell) {
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
    }

    /// Takes over a message of a topic that is kept elsewhere, and wakes the topic's subscribers soon after.
    pub(super) fn take(self: &Arc<Self>, topic: &str, message: &Foreign) -> Taken {
        let now = Instant::now();
        let taken = self.with(topic, |topic| {
            let next = topic.history.next();
            if message.position == next && message.before == topic.tail {
                topic.append_foreign(message, now, self.bounds);
                return (Taken::Next, topic.published());
            }
            let number = message.position.number;
            let is_other = number + 1 == next.number && message.name != topic.tail;
            let is_known =
                message.position.epoch == next.epoch && number < next.number && !is_other;
            let taken = if is_known { Taken::Known } else { Taken::Hole };
            (taken, Tell::Nobody)
        });
        let Some((taken, tell)) = taken else {
            return Taken::Hole;
        };
        self.relieve(now);
        self.tell(tell);
        taken
    }

    /// Takes over the messages of a topic that is kept elsewhere: all of them, or those after the last one
    /// that is known here. If there is no such topic, it begins. `before` is the position before the first
    /// message, and `tail` the name of the message there.
    ///
    /// # Errors
    /// [`TopicError::Full`].
    pub(super) fn restore(
        self: &Arc<Self>,
        topic: &str,
        before: Position,
        tail: &str,
        messages: &[Foreign],
    ) -> Result<(), TopicError> {
        let now = Instant::now();
        let tell = self.with_or_begin(topic, now, |topic| {
            let known = topic.history.now();
            // More may have been told meanwhile than was read before.
            let is_known = known.epoch == before.epoch && known.number >= before.number;
            if !is_known {
                topic.history.restart(before);
                topic.tail = tail.into();
            }
            for message in messages {
                if message.position == topic.history.next() {
                    topic.append_foreign(message, now, self.bounds);
                }
            }
            topic.published()
        })?;
        self.relieve(now);
        self.tell(tell);
        Ok(())
    }

    /// Subscribes to a topic that is here; `None` if it is not. `owner` ends the subscription.
    pub(super) fn subscribe_to(
        &self,
        topic: &str,
        sink: &Arc<dyn Sink>,
        number: u32,
        owner: &Arc<dyn Leave>,
    ) -> Option<Subscribed> {
        let listener = Listener::new(sink.clone(), number);
        self.with(topic, |topic| subscribed(topic, &listener, owner))
    }

    /// The topic's newest position here; `None` if the topic is not here.
    pub(super) fn position(&self, topic: &str) -> Option<Position> {
        self.with(topic, |topic| topic.history.now())
    }

    /// The topic's newest position here, and the name of the message there; `None` if the topic is not here.
    pub(super) fn tail(&self, topic: &str) -> Option<(Position, Box<str>)> {
        self.with(topic, |topic| (topic.history.now(), topic.tail.clone()))
    }

    /// Whether somebody has subscribed to the topic.
    pub(super) fn is_heard(&self, topic: &str) -> bool {
        self.with(topic, |topic| topic.sinks.len() > 0)
            .unwrap_or_default()
    }

    /// Forgets a topic that nobody has subscribed to. False if somebody has.
    pub(super) fn forget(&self, topic: &str) -> bool {
        lock(self.shard(self.number_of(topic))).forget(topic)
    }

    pub(super) fn publish(
        self: &Arc<Self>,
        topic: &str,
        id: Option<&str>,
        data: Arc<str>,
    ) -> Result<Published, TopicError> {
        self.check_message(topic, id, &data)?;
        let now = Instant::now();
        let key = id.map(|id| self.keys.of(topic, id));
        let known = |key| lock(&self.ids).position(key, now);
        // A first look, so that a known message neither begins a topic nor takes a place.
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
        self.tell(tell);
        Ok(published)
    }

    pub(super) fn subscribe(
        self: &Arc<Self>,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> Result<Subscribed, TopicError> {
        let owner: Arc<dyn Leave> = self.clone();
        self.subscribe_or_begin(topic, sink, number, &owner)
    }

    /// Subscribes to a topic. If there is no such topic, it begins. `owner` ends the subscription.
    pub(super) fn subscribe_or_begin(
        &self,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
        owner: &Arc<dyn Leave>,
    ) -> Result<Subscribed, TopicError> {
        check(topic, TopicError::Name)?;
        let listener = Listener::new(sink, number);
        self.with_or_begin(topic, Instant::now(), |topic| {
            subscribed(topic, &listener, owner)
        })
    }

    pub(super) fn read(
        &self,
        subscription: &Subscription,
        from: Position,
        most: Most,
    ) -> Result<Batch, TopicError> {
        self.read_as(&subscription.topic, &subscription.listener, from, most)
    }

    /// As [`read`](Self::read), for the listener of a subscription.
    pub(super) fn read_as(
        &self,
        topic: &str,
        listener: &Listener,
        from: Position,
        most: Most,
    ) -> Result<Batch, TopicError> {
        // Before the history is looked at: the subscriber is woken for messages that are published after the
        // look.
        listener.reads();
        let read = |topic: &mut Topic| topic.history.after(from, most);
        // A subscription keeps its topic, so only a subscription of other topics comes here.
        let gone = || TopicError::Failed("there is no such topic".into());
        self.with(topic, read).ok_or_else(gone)
    }

    pub(super) fn sweep(&self, now: Instant) -> bool {
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

fn subscribed(topic: &mut Topic, listener: &Arc<Listener>, owner: &Arc<dyn Leave>) -> Subscribed {
    Subscribed {
        subscription: Subscription {
            topic: topic.name(),
            slot: topic.sinks.add(listener.clone()),
            listener: listener.clone(),
            owner: owner.clone(),
        },
        now: topic.history.now(),
        oldest: topic.history.oldest(),
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
