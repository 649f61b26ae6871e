//! Presence of all processes that have the same Redis.
//!
//! Each process knows its own entries, and Redis keeps those of all: a hash for each topic and process. What has changed
//! is written by one pipeline, and then told in a topic between processes, once for each process that watches. A process
//! that watches reads the topic whole once, and then keeps a roster by what it is told; its watchers read that, as in
//! memory. The process' own entries come into it at once.
//!
//! * `writing.rs`: the way to Redis, and what is put back if Redis has lost it. `following.rs`, `reading.rs`: the way back.
//! * `asking.rs`: what Redis is asked. `keys.rs`: names. What is noted by topic stands in `src/presence/beyond/`.
//! * `living.rs`: who is dead, and what becomes of the entries.
//!
//! Architecture invariant: when Redis answers, each process that watches knows who is there, whatever happened to
//! processes and connections; and a process that is killed is gone everywhere within 12 s. `src/presence/redis/tests.rs`
//! watches it.

mod asking;
mod following;
mod keys;
mod living;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::beyond::{Beyond, Copy, Outbox, Own};
use super::room::Room;
use super::rooms::{Held, Rooms, check};
use super::roster::Roster;
use super::{Answer, Entry, Leave, NOBODY, News, Presence, PresenceError, Watch, now};
use crate::limits::Limits;
use crate::processes::Processes;
use crate::redis::Link;
use crate::topics::{Listener, Position, Sink, Spawn, Topics};
use asking::Asking;
use following::Following;
use living::Living;

/// How long Redis keeps the entries of a process in a topic after the process has last asked for that.
const KEPT: Duration = Duration::from_secs(600);
/// The pages of a process that closes come back within this time. Their grace begins after it.
const CLOSES: Duration = Duration::from_secs(10);
/// The most topics that are read at a time for the application's own `loom.presence`.
const MOST_ASKED: usize = 16;

struct Inner {
    /// This process.
    process: Arc<str>,
    rooms: Arc<Rooms>,
    outbox: Arc<Outbox>,
    following: Arc<Following>,
    living: Living,
    asking: Asking,
    between: Arc<dyn Topics>,
    processes: Arc<Processes>,
    /// The last number of an entry or a write. No number is given twice.
    last: AtomicU64,
    asked: Semaphore,
    limits: Limits,
    is_closing: AtomicBool,
}

/// Presence of all processes that have the same Redis and the same prefix.
///
/// Bounds: `limits.presenceEntries` holds for each process. `limits.presenceEntriesPerTopic` holds for all processes
/// together as far as this process knows: it knows its own entries, and how many others there were when it last wrote
/// or heard of the topic. So the entries that several processes add at the same moment may exceed it, for each of them
/// by what it adds until Redis has answered. Of a topic that is watched a process knows as many entries of others at most,
/// and as many that are gone. What waits for Redis is noted by entry, and so is bounded by them. In Redis, what a process
/// has in a topic is kept for 10 minutes after the process has last had it kept.
///
/// If Redis is away, entries come and go here as before and are written when it is back; those who watch know whom they
/// knew.
pub struct RedisPresence {
    inner: Arc<Inner>,
    _tasks: [AbortOnDropHandle<()>; 4],
}

impl RedisPresence {
    /// No entries of this process. `link` is the connection for commands, `between` are the topics between
    /// processes. `spawn` gets the task that wakes watchers; it may be called from any thread. To be called
    /// in a runtime.
    pub fn open(
        link: Link,
        between: Arc<dyn Topics>,
        processes: Arc<Processes>,
        prefix: &str,
        limits: &Limits,
        spawn: Spawn,
    ) -> Self {
        let outbox = Arc::<Outbox>::default();
        let process = processes.name().clone();
        let inner = Arc::new(Inner {
            process: process.clone(),
            rooms: Rooms::new(limits, spawn, Some(outbox.clone())),
            outbox,
            following: Arc::default(),
            living: Living::new(processes.clone(), limits.presence_grace),
            asking: Asking::new(link, prefix, process),
            between,
            processes,
            last: AtomicU64::new(0),
            asked: Semaphore::new(MOST_ASKED),
            limits: limits.clone(),
            is_closing: AtomicBool::new(false),
        });
        let tasks = [
            tokio::spawn(writing::write(inner.clone())),
            tokio::spawn(writing::keep(inner.clone())),
            tokio::spawn(following::follow(inner.clone())),
            tokio::spawn(living::look(inner.clone())),
        ];
        Self {
            inner,
            _tasks: tasks.map(AbortOnDropHandle::new),
        }
    }

    /// How many topics and entries there are now.
    pub fn held(&self) -> Held {
        self.inner.rooms.held()
    }
}

impl Inner {
    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn with_beyond<R>(
        &self,
        topic: &str,
        change: impl FnOnce(&mut Beyond, Instant) -> R,
    ) -> Option<R> {
        let changed = self.rooms.with(topic, |room, now| {
            let beyond = room.beyond.as_mut()?;
            Some(change(beyond, now))
        });
        changed.flatten()
    }

    fn with_own<R>(&self, topic: &str, change: impl FnOnce(&mut Own) -> R) -> Option<R> {
        self.with_beyond(topic, |beyond, _| change(&mut beyond.own))
    }

    /// An entry of this process changes, in the roster too if the topic is watched.
    fn change(
        &self,
        room: &mut Room,
        entry: u64,
        now: Instant,
        change: impl FnOnce(&mut Own, bool),
    ) {
        let lingers = self.rooms.has_room_for_gone();
        let Some(beyond) = &mut room.beyond else {
            return;
        };
        change(&mut beyond.own, lingers);
        if let Some(copy) = &mut beyond.copy {
            copy.own_changed(&beyond.own, entry, &mut room.roster, now, lingers);
        }
    }

    /// The time at which the grace of an entry that goes now begins.
    fn gone_since(&self, now: Instant) -> Instant {
        match self.is_closing.load(Ordering::Relaxed) {
            true => now + CLOSES,
            false => now,
        }
    }

    fn hides(&self, room: &mut Room, entry: u64, now: Instant) {
        let (since, grace) = (self.gone_since(now), self.limits.presence_grace);
        self.change(room, entry, now, |own, lingers| {
            // An entry that goes because the process closes comes back elsewhere.
            own.hide(entry, since, grace, lingers);
        });
    }

    /// Everybody, as Redis knows it now.
    async fn read_everybody(&self, topic: Arc<str>) -> Result<String, PresenceError> {
        let failed = |why: String| PresenceError::Failed(why);
        let turn = self.asked.acquire().await;
        let _turn = turn.map_err(|error| failed(error.to_string()))?;
        let read = reading::read(self, std::slice::from_ref(&topic))
            .await
            .pop();
        let found = match read {
            Some(read) => read.map_err(|error| failed(error.to_string()))?,
            None => Vec::new(),
        };
        let mut copy = Copy::new(0, self.limits.presence_entries_per_topic);
        let mut own = self
            .with_own(&topic, |own| own.copied())
            .unwrap_or_default();
        let now = Instant::now();
        own.expire(now, usize::MAX);
        let mut roster = Roster::new(self.rooms.bounds);
        for events in Copy::events(&found, &own).chunks(1024) {
            copy.fill(events, &found, &own, &mut roster, now);
            yield_now().await;
        }
        roster.expire(now, usize::MAX);
        Ok(roster
            .since(None)
            .json()
            .unwrap_or_else(|| NOBODY.to_owned()))
    }
}

impl Leave for Inner {
    fn show(&self, topic: &str, entry: u64, key: &Arc<str>, meta: &Arc<str>) {
        let (other, grace) = (self.next(), self.limits.presence_grace);
        self.rooms.with(topic, |room, now| {
            self.change(room, entry, now, |own, lingers| {
                own.show(entry, key, meta, now, grace, lingers.then_some(other));
            });
        });
    }

    fn hide(&self, topic: &str, entry: u64) {
        self.rooms
            .with(topic, |room, now| self.hides(room, entry, now));
    }

    fn leave(&self, topic: &str, entry: u64) {
        self.rooms
            .left(topic, |room, now| self.hides(room, entry, now));
    }

    fn unwatch(&self, topic: &str, slot: u32) {
        self.rooms.unwatch(topic, slot, |room| {
            room.is_known = false;
            room.roster.clear();
            let copy = room.beyond.as_mut().and_then(|beyond| beyond.copy.take());
            if let Some(copy) = copy {
                for process in copy.processes() {
                    self.living.is_not_in(process, topic);
                }
                self.following.ends(copy.number);
            }
        });
    }
}

impl Presence for RedisPresence {
    fn enter(&self, topic: &str) -> Result<Entry, PresenceError> {
        let inner = &self.inner;
        let most = inner.rooms.most_of_topic;
        let enters = |room: &mut Room| {
            let beyond = begun(room);
            let others = beyond
                .copy
                .as_ref()
                .map_or(beyond.own.others(), Copy::others);
            if room.entries + others < most {
                return Some(inner.next());
            }
            // Others may have gone since.
            let beyond = room.beyond.as_mut()?;
            if others > 0 {
                beyond.own.asks_for_others(Instant::now());
            }
            None
        };
        inner.rooms.enter(topic, inner.clone(), enters)
    }

    fn watch(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Watch> {
        let listener = Listener::new(sink, number);
        let inner = &self.inner;
        let begins = |room: &mut Room| {
            let number = inner.following.begins(&room.name);
            begun(room).copy = Some(Copy::new(number, inner.rooms.most_of_topic));
        };
        now(inner.rooms.watch(topic, &listener, inner.clone(), begins))
    }

    fn read(&self, watch: &Watch, from: Option<Position>) -> Answer<News> {
        let refused = self.inner.rooms.with(&watch.topic, |room, _| {
            let copy = room.beyond.as_ref()?.copy.as_ref()?;
            copy.refused.clone().filter(|_| !room.is_known)
        });
        now(match refused.flatten() {
            Some(why) => Err(PresenceError::Failed(why)),
            None => self.inner.rooms.read(watch, from),
        })
    }

    fn everybody(&self, topic: &str) -> Answer<String> {
        if let Err(error) = check(topic) {
            return now(Err(error));
        }
        if let Some(told) = self.inner.rooms.everybody(topic) {
            return now(Ok(told));
        }
        let (inner, topic) = (self.inner.clone(), Arc::from(topic));
        Box::pin(async move { inner.read_everybody(topic).await })
    }

    fn close(&self) {
        self.inner.is_closing.store(true, Ordering::Relaxed);
        self.inner.rooms.close();
    }

    fn written(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.inner.outbox.is_written())
    }
}

/// The state between the room and Redis. It begins if there is none.
fn begun(room: &mut Room) -> &mut Beyond {
    room.beyond.get_or_insert_with(|| {
        room.is_known = false;
        Box::default()
    })
}
