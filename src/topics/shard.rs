//! A part of the topics of a process, behind one lock; and when each of them is to be looked at again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Epoch;
use super::foreign::Foreign;
use super::history::{Bounds, History};
use super::sinks::{Chunk, Sinks};

/// The publisher itself wakes up to so many subscribers. Handing them to the runtime costs as much as waking
/// this many.
const FEW: usize = 4;

/// How much topics hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Topics, also those that have neither messages nor subscribers.
    pub topics: usize,
    /// Bytes of all messages that are kept ([`Message::weight`](super::Message::weight)).
    pub bytes: usize,
    /// Subscriptions.
    pub subscriptions: usize,
    /// Ids that are remembered.
    pub ids: usize,
}

/// The counts of all shards together.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) topics: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) subscriptions: AtomicUsize,
}

impl Counts {
    pub(super) fn held(&self, ids: usize) -> Held {
        Held {
            topics: self.topics.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
            ids,
        }
    }
}

/// Whether a task wakes the subscribers of a topic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// No task wakes the subscribers.
    No,
    /// There is a task, and something was published that it has not begun to tell. Set by a publish.
    Wanted,
    /// There is a task, and all that was published is told or being told. Set by the task when it takes
    /// the listeners.
    Running,
}

/// Says how the subscribers are woken after a publish.
pub(super) enum Tell {
    /// There are no subscribers, or a task is running that wakes them.
    Nobody,
    /// The publisher wakes these, when it has released the lock.
    These(Vec<Arc<Chunk>>),
    /// A new task.
    Task(Arc<str>),
}

/// In which list a topic stands, and under which time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    No,
    /// The topic has messages, and subscribers or a task that wakes some. The time is when the oldest message
    /// expires, or earlier.
    Heard(Instant),
    /// The same, but nobody has subscribed to it.
    Unheard(Instant),
    /// The topic has neither messages nor subscribers, since this time. Only its epoch and number are left:
    /// with them, a subscriber that comes back with a position is not told of a gap without need.
    Idle(Instant),
}

/// One topic.
pub(super) struct Topic {
    name: Arc<str>,
    pub(super) history: History,
    /// The name of the history's newest message; empty if the topic begins in this process.
    pub(super) tail: Box<str>,
    pub(super) sinks: Sinks,
    telling: Telling,
    listed: Listed,
}

impl Topic {
    fn new(name: &str, epoch: Epoch) -> Self {
        Self {
            name: name.into(),
            history: History::new(epoch),
            tail: Box::default(),
            sinks: Sinks::default(),
            telling: Telling::No,
            listed: Listed::No,
        }
    }

    /// Appends a message of a topic that is kept elsewhere; it is the next one.
    pub(super) fn append_foreign(&mut self, message: &Foreign, now: Instant, bounds: Bounds) {
        let (id, data) = (message.id.as_deref(), message.data.clone());
        self.history.append(id, data, now, bounds);
        self.tail.clone_from(&message.name);
    }

    /// The topic's name.
    pub(super) fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// A message was published. Says how the subscribers are woken.
    pub(super) fn published(&mut self) -> Tell {
        if self.telling != Telling::No {
            self.telling = Telling::Wanted;
            return Tell::Nobody;
        }
        match self.sinks.len() {
            0 => Tell::Nobody,
            1..=FEW => Tell::These(self.sinks.snapshot()),
            _ => {
                self.telling = Telling::Wanted;
                Tell::Task(self.name())
            }
        }
    }

    /// Whom the task that wakes subscribers has to tell next; `None` if all is told and the task ends.
    pub(super) fn round(&mut self) -> Option<Vec<Arc<Chunk>>> {
        if self.telling == Telling::Wanted {
            self.telling = Telling::Running;
            return Some(self.sinks.snapshot());
        }
        self.telling = Telling::No;
        None
    }

    /// The task that wakes subscribers is gone.
    pub(super) fn untold(&mut self) {
        self.telling = Telling::No;
    }
}

/// Some of the topics. The lock around it is held for a step in maps and ordered sets; for a read, also
/// for a pointer a message; for the start of a task that wakes subscribers, a pointer for 64 of them.
pub(super) struct Shard {
    topics: HashMap<Arc<str>, Topic>,
    lists: Lists,
    counts: Arc<Counts>,
}

/// Topics by time.
#[derive(Default)]
struct Lists {
    heard: BTreeSet<(Instant, Arc<str>)>,
    unheard: BTreeSet<(Instant, Arc<str>)>,
    idle: BTreeSet<(Instant, Arc<str>)>,
}

impl Lists {
    /// Puts a topic into the list that it belongs to now. A topic that has messages keeps its time
    /// although its oldest message may have become another: most publishes touch no list, and a time
    /// that is too early costs one look.
    fn settle(&mut self, topic: &mut Topic, now: Instant, time: Duration) {
        let is_used = topic.sinks.len() > 0 || topic.telling != Telling::No;
        let listed = match (topic.listed, topic.history.due(time)) {
            (Listed::Heard(at) | Listed::Unheard(at), Some(_)) => expiring(is_used, at),
            (_, Some(due)) => expiring(is_used, due),
            (_, None) if is_used || !topic.history.is_empty() => Listed::No,
            (Listed::Idle(at), None) => Listed::Idle(at),
            (_, None) => Listed::Idle(now),
        };
        if listed != topic.listed {
            self.remove(topic);
            match listed {
                Listed::No => false,
                Listed::Heard(at) => self.heard.insert((at, topic.name())),
                Listed::Unheard(at) => self.unheard.insert((at, topic.name())),
                Listed::Idle(at) => self.idle.insert((at, topic.name())),
            };
            topic.listed = listed;
        }
    }

    /// Of the topics that have messages, the one whose time comes first.
    fn first(&self) -> Option<&(Instant, Arc<str>)> {
        let (heard, unheard) = (self.heard.first(), self.unheard.first());
        heard.into_iter().chain(unheard).min()
    }

    fn remove(&mut self, topic: &mut Topic) {
        match std::mem::replace(&mut topic.listed, Listed::No) {
            Listed::No => false,
            Listed::Heard(at) => self.heard.remove(&(at, topic.name())),
            Listed::Unheard(at) => self.unheard.remove(&(at, topic.name())),
            Listed::Idle(at) => self.idle.remove(&(at, topic.name())),
        };
    }
}

fn expiring(is_used: bool, at: Instant) -> Listed {
    if is_used {
        Listed::Heard(at)
    } else {
        Listed::Unheard(at)
    }
}

impl Shard {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self {
            topics: HashMap::new(),
            lists: Lists::default(),
            counts,
        }
    }

    /// Whether there is such a topic.
    pub(super) fn has(&self, name: &str) -> bool {
        self.topics.contains_key(name)
    }

    /// Begins a topic. The caller has counted it.
    pub(super) fn begin(&mut self, name: &str, epoch: Epoch) {
        let topic = Topic::new(name, epoch);
        self.topics.insert(topic.name(), topic);
    }

    /// Reads or changes a topic, if there is such a one. `time` is how long messages are kept.
    pub(super) fn with<R>(
        &mut self,
        name: &str,
        now: Instant,
        time: Duration,
        change: impl FnOnce(&mut Topic) -> R,
    ) -> Option<R> {
        let topic = self.topics.get_mut(name)?;
        let (bytes, sinks) = (topic.history.bytes(), topic.sinks.len());
        let result = change(topic);
        count(&self.counts.bytes, bytes, topic.history.bytes());
        count(&self.counts.subscriptions, sinks, topic.sinks.len());
        self.lists.settle(topic, now, time);
        Some(result)
    }

    /// Looks after the topic whose time in the list comes first: changes its history, and lists it anew.
    fn look_after(&mut self, now: Instant, time: Duration, change: impl FnOnce(&mut History)) {
        let Some((_, name)) = self.lists.first().cloned() else {
            return;
        };
        if let Some(topic) = self.topics.get_mut(&name) {
            self.lists.remove(topic);
        }
        self.with(&name, now, time, |topic| change(&mut topic.history));
    }

    /// Drops messages that are `time` old, and topics that have been idle for `idle`: `most` topics at
    /// most. Gives how many were looked at.
    pub(super) fn sweep(
        &mut self,
        now: Instant,
        time: Duration,
        idle: Duration,
        most: usize,
    ) -> usize {
        for done in 0..most {
            if self.lists.first().is_some_and(|(at, _)| *at <= now) {
                self.look_after(now, time, |history| history.expire(now, time));
                continue;
            }
            let first = self.lists.idle.first();
            if first.is_none_or(|(at, _)| now.saturating_duration_since(*at) < idle) {
                return done;
            }
            self.forget_idle();
        }
        most
    }

    /// Drops the oldest message of this shard, or one that is about as old. False if the shard has no
    /// messages.
    pub(super) fn drop_oldest(&mut self, now: Instant, time: Duration) -> bool {
        let is_any = self.lists.first().is_some();
        self.look_after(now, time, History::drop_oldest);
        is_any
    }

    /// Forgets the topic that has been idle for longest. False if no topic is idle.
    pub(super) fn forget_idle(&mut self) -> bool {
        let Some((_, name)) = self.lists.idle.pop_first() else {
            return false;
        };
        self.topics.remove(&name);
        count(&self.counts.topics, 1, 0);
        true
    }

    /// Forgets this topic, with its messages, if nobody has subscribed to it. False if somebody has.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        let Some(topic) = self.topics.get_mut(name) else {
            return true;
        };
        if topic.sinks.len() > 0 {
            return false;
        }
        self.lists.remove(topic);
        count(&self.counts.bytes, topic.history.bytes(), 0);
        count(&self.counts.topics, 1, 0);
        self.topics.remove(name);
        true
    }

    /// Forgets a topic that nobody has subscribed to, with its messages: the topic whose oldest message
    /// expires first. False if there is no such topic. A subscriber that comes back with a position in it is
    /// told of a gap.
    pub(super) fn forget_unheard(&mut self) -> bool {
        let Some((_, name)) = self.lists.unheard.pop_first() else {
            return false;
        };
        if let Some(topic) = self.topics.remove(&name) {
            count(&self.counts.bytes, topic.history.bytes(), 0);
        }
        count(&self.counts.topics, 1, 0);
        true
    }
}

fn count(counter: &AtomicUsize, before: usize, after: usize) {
    if after > before {
        counter.fetch_add(after - before, Ordering::Relaxed);
    } else if after < before {
        counter.fetch_sub(before - after, Ordering::Relaxed);
    }
}
