//! The topics of this process in which somebody is, or which somebody watches.
//!
//! While there are no entries, nothing runs. Otherwise one task wakes the watchers, and ends the entries
//! whose grace is over.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Duration, Instant, sleep_until};

use super::beyond::Outbox;
use super::room::{Read, Room};
use super::roster::Bounds;
use super::{Entry, Leave, News, PresenceError, Watch};
use crate::limits::Limits;
use crate::sync::{Mutex, lock};
use crate::topics::{Chunk, Epoch, Listener, MAX_NAME, Position, Spawn};

/// How many parts, each behind a lock of its own, the topics are kept in.
const SHARDS: usize = 16;

/// Work that is due at about the same time is done together.
const PAUSE: Duration = Duration::from_millis(10);

/// How many entries end while a lock is held.
const EXPIRE: usize = 256;

/// After how many chunks of listeners the task that wakes them lets other tasks run.
const CHUNKS: usize = 16;

/// How much presence holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Topics in which somebody is or which somebody watches.
    pub topics: usize,
    /// Entries that have handles.
    pub entries: usize,
    /// Entries without handles that count for the grace.
    pub gone: usize,
}

/// When topics have something to do.
#[derive(Default)]
struct Agenda {
    due: BTreeSet<(Instant, Arc<str>)>,
    /// The task runs. Set when the task is started, cleared when it ends.
    is_run: bool,
    /// The application closes.
    is_closed: bool,
}

type Shard = HashMap<Arc<str>, Room>;

/// Locks are taken in this order: a shard's, then the agenda's. No lock is held while a sink is woken or
/// dropped.
pub(super) struct Rooms {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    agenda: Mutex<Agenda>,
    /// Wakes the task: it has something to do earlier than it knew, or presence is dropped.
    changed: Arc<Notify>,
    entries: AtomicUsize,
    gone: AtomicUsize,
    pub(super) bounds: Bounds,
    most_entries: usize,
    pub(super) most_of_topic: usize,
    spawn: Spawn,
    /// Gets the topics whose changes Redis has to be told; `None` in memory.
    outbox: Option<Arc<Outbox>>,
    /// For the task.
    own: Weak<Rooms>,
}

/// What has to be done after a topic was changed, when no lock is held any more.
#[derive(PartialEq, Eq)]
enum Alarm {
    None,
    /// The task is to look at the agenda again.
    Sooner,
    /// No task runs: start one.
    Start,
}

pub(super) fn check(topic: &str) -> Result<(), PresenceError> {
    match topic.len() {
        1..=MAX_NAME => Ok(()),
        length => Err(PresenceError::Name(length)),
    }
}

impl Rooms {
    /// No topics. `spawn` gets the task; it may be called from any thread.
    pub(super) fn new(limits: &Limits, spawn: Spawn, outbox: Option<Arc<Outbox>>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            own: own.clone(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            agenda: Mutex::default(),
            changed: Arc::default(),
            entries: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            bounds: Bounds {
                people: limits.presence,
                bytes: limits.message_bytes,
                grace: limits.presence_grace,
            },
            most_entries: limits.presence_entries,
            most_of_topic: limits.presence_entries_per_topic,
            spawn,
            outbox,
        })
    }

    /// How many topics and entries there are now.
    pub(super) fn held(&self) -> Held {
        Held {
            topics: self.shards.iter().map(|one| lock(one).len()).sum(),
            entries: self.entries.load(Ordering::Relaxed),
            gone: self.gone.load(Ordering::Relaxed),
        }
    }

    fn shard(&self, topic: &str) -> &Mutex<Shard> {
        // The map inside a shard uses another key.
        let number = (self.hasher.hash_one(topic) >> 32) as usize;
        &self.shards[number % SHARDS]
    }

    /// Reads or changes a topic, if there is such a one.
    pub(super) fn with<R>(
        &self,
        topic: &str,
        change: impl FnOnce(&mut Room, Instant) -> R,
    ) -> Option<R> {
        let now = Instant::now();
        let mut shard = lock(self.shard(topic));
        let room = shard.get_mut(topic)?;
        let gone = room.gone();
        let result = change(room, now);
        self.count_gone(gone, room.gone());
        let alarm = self.list(room, now);
        if room.is_empty() {
            shard.remove(topic);
        }
        drop(shard);
        self.raise(alarm);
        Some(result)
    }

    /// Reads or changes a topic. If there is no such topic, it begins.
    fn with_or_begin<R>(
        &self,
        topic: &str,
        change: impl FnOnce(&mut Room, Instant) -> R,
    ) -> Result<R, PresenceError> {
        check(topic)?;
        let epoch = Epoch::random();
        let epoch = epoch.map_err(|error| PresenceError::Failed(error.to_string()))?;
        let now = Instant::now();
        let mut shard = lock(self.shard(topic));
        if !shard.contains_key(topic) {
            let room = Room::new(topic, epoch, self.bounds);
            shard.insert(room.name.clone(), room);
        }
        let Some(room) = shard.get_mut(topic) else {
            return Err(PresenceError::Failed("a topic is gone".into()));
        };
        let result = change(room, now);
        let alarm = self.list(room, now);
        if room.is_empty() {
            shard.remove(topic);
        }
        drop(shard);
        self.raise(alarm);
        Ok(result)
    }

    /// Counts an entry of the topic. `enters` gives its number, or `None` if the topic has no room for one more.
    pub(super) fn enter(
        &self,
        topic: &str,
        owner: Arc<dyn Leave>,
        enters: impl FnOnce(&mut Room) -> Option<u64>,
    ) -> Result<Entry, PresenceError> {
        check(topic)?;
        let more = |entries| (entries < self.most_entries).then_some(entries + 1);
        let counted = self
            .entries
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if counted.is_err() {
            return Err(PresenceError::Full(self.most_entries));
        }
        let entered = self.with_or_begin(topic, |room, _| {
            let number = enters(room).ok_or(PresenceError::TopicFull(self.most_of_topic))?;
            room.entries += 1;
            Ok((room.name.clone(), number))
        });
        match entered.and_then(|entered| entered) {
            Ok((topic, number)) => Ok(Entry {
                topic,
                number,
                owner,
            }),
            Err(error) => {
                self.entries.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// The handle of an entry is dropped.
    pub(super) fn left(&self, topic: &str, change: impl FnOnce(&mut Room, Instant)) {
        self.with(topic, |room, now| {
            change(room, now);
            room.entries -= 1;
        });
        self.entries.fetch_sub(1, Ordering::Relaxed);
    }

    /// Somebody watches the topic. `begins` is called if nobody else does.
    pub(super) fn watch(
        &self,
        topic: &str,
        listener: &Arc<Listener>,
        owner: Arc<dyn Leave>,
        begins: impl FnOnce(&mut Room),
    ) -> Result<Watch, PresenceError> {
        self.with_or_begin(topic, |room, _| {
            if room.sinks.len() == 0 {
                begins(room);
            }
            Watch {
                topic: room.name.clone(),
                slot: room.is_watched(listener.clone()),
                listener: listener.clone(),
                asked: AtomicU64::new(0),
                owner,
            }
        })
    }

    /// The handle of a watch is dropped. `ends` is called if nobody else watches.
    pub(super) fn unwatch(&self, topic: &str, slot: u32, ends: impl FnOnce(&mut Room)) {
        // The listener comes out of the lock, and is dropped here.
        drop(self.with(topic, |room, _| {
            let listener = room.sinks.remove(slot);
            if room.sinks.len() == 0 {
                room.is_left_alone();
                ends(room);
            }
            listener
        }));
    }

    /// Everybody, or how many, as JSON; `None` if that is not known here.
    pub(super) fn everybody(&self, topic: &str) -> Option<String> {
        let told = self.with(topic, |room, _| {
            room.is_known.then(|| room.roster.since(None))
        });
        told.flatten().and_then(|told| told.json())
    }

    /// From here on nobody is told anything.
    pub(super) fn close(&self) {
        let mut agenda = lock(&self.agenda);
        agenda.is_closed = true;
        agenda.due.clear();
        drop(agenda);
        self.changed.notify_one();
    }

    /// The topics for which `is_so` is true.
    pub(super) fn topics(&self, is_so: impl Fn(&Room) -> bool) -> Vec<Arc<str>> {
        let mut topics = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let some = shard.values().filter(|room| is_so(room));
            topics.extend(some.map(|room| room.name.clone()));
        }
        topics
    }

    /// Whether one entry more may be gone and count for the grace.
    pub(super) fn has_room_for_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed) < self.most_entries
    }

    fn count_gone(&self, before: usize, after: usize) {
        if after > before {
            self.gone.fetch_add(after - before, Ordering::Relaxed);
        } else if after < before {
            self.gone.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Notes in the agenda when the room has something to do, and in the outbox if Redis is to be told something.
    fn list(&self, room: &mut Room, now: Instant) -> Alarm {
        if let (Some(outbox), Some(beyond)) = (&self.outbox, &mut room.beyond)
            && beyond.lists()
        {
            outbox.push(room.name.clone());
        }
        let due = room.due(now);
        // One that stands there earlier is looked at without need, and listed again then.
        if let (Some(due), Some(listed)) = (due, room.listed)
            && listed <= due
        {
            return Alarm::None;
        }
        let mut agenda = lock(&self.agenda);
        if let Some(listed) = room.listed.take() {
            agenda.due.remove(&(listed, room.name.clone()));
        }
        let Some(due) = due.filter(|_| !agenda.is_closed) else {
            return Alarm::None;
        };
        room.listed = Some(due);
        agenda.due.insert((due, room.name.clone()));
        if !std::mem::replace(&mut agenda.is_run, true) {
            return Alarm::Start;
        }
        match agenda.due.first() {
            Some((first, name)) if *first == due && *name == room.name => Alarm::Sooner,
            _ => Alarm::None,
        }
    }

    fn raise(&self, alarm: Alarm) {
        match alarm {
            Alarm::None => {}
            Alarm::Sooner => self.changed.notify_one(),
            Alarm::Start => {
                let task = Task(self.own.clone());
                let changed = self.changed.clone();
                (self.spawn)(Box::pin(task.run(changed)));
            }
        }
    }

    /// Does the work that is due. Gives the time of the next work; `None` if there is none, and the task
    /// ends.
    async fn work(&self, now: Instant) -> Option<Instant> {
        loop {
            let topic = {
                let mut agenda = lock(&self.agenda);
                match agenda.due.first() {
                    Some((due, _)) if *due > now => return Some(*due),
                    Some(_) => agenda.due.pop_first(),
                    None => {
                        agenda.is_run = false;
                        return None;
                    }
                }
            };
            let Some((_, topic)) = topic else { continue };
            let woken = self.with(&topic, |room, _| {
                room.listed = None;
                room.expire(now, EXPIRE);
                room.wake(now)
            });
            for some in woken.unwrap_or_default().chunks(CHUNKS) {
                some.iter().for_each(tell_chunk);
                yield_now().await;
            }
        }
    }

    pub(super) fn read(
        &self,
        watch: &Watch,
        from: Option<Position>,
    ) -> Result<News, PresenceError> {
        // Before the roster is looked at: the watcher is woken for changes after the look.
        watch.listener.reads();
        let read = self.with(&watch.topic, |room, now| {
            let asked = &watch.asked;
            let since = match asked.load(Ordering::Relaxed) {
                0 => room.roster.number(),
                asked => asked - 1,
            };
            let read = room.read(from, since, now);
            let asks = matches!(read, Read::Later);
            asked.store(if asks { since + 1 } else { 0 }, Ordering::Relaxed);
            read
        });
        match read {
            Some(Read::Later) => Ok(News::later()),
            Some(Read::Written(news)) => Ok(news),
            Some(Read::Unwritten(unwritten)) => {
                let (from, news) = unwritten.write();
                self.with(&watch.topic, |room, _| room.keep(from, &news));
                Ok(news)
            }
            // A watch keeps its topic, so only a watch of other topics comes here.
            None => Err(PresenceError::Failed("there is no such topic".into())),
        }
    }
}

fn tell_chunk(chunk: &Arc<Chunk>) {
    chunk.iter().flatten().for_each(|listener| listener.tell());
}

/// The task that wakes watchers. It ends when there is nothing to do.
struct Task(Weak<Rooms>);

impl Task {
    async fn run(self, changed: Arc<Notify>) {
        loop {
            let Some(rooms) = self.0.upgrade() else {
                return;
            };
            let now = Instant::now();
            let next = rooms.work(now).await;
            drop(rooms);
            let Some(next) = next else { return };
            // Work that is due soon waits, and is done together with work that comes meanwhile.
            sleep_until(now + PAUSE).await;
            tokio::select! {
                () = sleep_until(next) => {}
                () = changed.notified() => {}
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // If the task has ended by itself, this is done already, and maybe there is another task. If the task
        // panicked, another one does the work that is due, because topics that are listed start none. If the
        // runtime has dropped the task, there is no runtime any more.
        if std::thread::panicking()
            && let Some(rooms) = self.0.upgrade()
        {
            let mut agenda = lock(&rooms.agenda);
            let is_due = !agenda.due.is_empty();
            agenda.is_run = is_due;
            drop(agenda);
            if is_due {
                rooms.raise(Alarm::Start);
            }
        }
    }
}

impl Drop for Rooms {
    fn drop(&mut self) {
        // The task sees that there is nothing any more, and ends.
        self.changed.notify_one();
    }
}
