//! Presence in the memory of this process.

use std::sync::Arc;

use super::room::Room;
use super::rooms::{Held, Rooms, check};
use super::{Answer, Entry, Leave, NOBODY, News, Presence, PresenceError, Watch, now};
use crate::limits::Limits;
use crate::topics::{Listener, Position, Sink, Spawn};

/// Presence in the memory of this process.
///
/// Bounds: entries by `limits.presenceEntries` and `presenceEntriesPerTopic`. As many again may be gone and
/// count for `limits.presenceGrace`; beyond that entries end without a grace. What others are told is bounded
/// by `limits.presence` and `limits.messageBytes`. Topics have entries or are watched, so that those bounds
/// and the components' bound them.
///
/// While nobody is there, nothing runs; else one task wakes those who watch.
pub struct MemoryPresence {
    rooms: Arc<Rooms>,
}

impl MemoryPresence {
    /// No entries. `spawn` gets the task that wakes watchers; it may be called from any thread.
    pub fn new(limits: &Limits, spawn: Spawn) -> Self {
        Self {
            rooms: Rooms::new(limits, spawn, None),
        }
    }

    /// How many topics and entries there are now.
    pub fn held(&self) -> Held {
        self.rooms.held()
    }
}

impl Leave for Rooms {
    fn show(&self, topic: &str, entry: u64, key: &Arc<str>, meta: &Arc<str>) {
        let lingers = self.has_room_for_gone();
        self.with(topic, |room, now| {
            room.roster.show(entry, key, meta.clone(), now, lingers);
        });
    }

    fn hide(&self, topic: &str, entry: u64) {
        let lingers = self.has_room_for_gone();
        self.with(topic, |room, now| room.roster.hide(entry, now, lingers));
    }

    fn leave(&self, topic: &str, entry: u64) {
        let lingers = self.has_room_for_gone();
        self.left(topic, |room, now| room.roster.hide(entry, now, lingers));
    }

    fn unwatch(&self, topic: &str, slot: u32) {
        self.unwatch(topic, slot, |_| {});
    }
}

impl Presence for MemoryPresence {
    fn enter(&self, topic: &str) -> Result<Entry, PresenceError> {
        let most = self.rooms.most_of_topic;
        let enters = |room: &mut Room| {
            let has_room = room.entries < most;
            has_room.then(|| room.roster.next())
        };
        self.rooms.enter(topic, self.rooms.clone(), enters)
    }

    fn watch(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Watch> {
        let listener = Listener::new(sink, number);
        let owner = self.rooms.clone();
        now(self.rooms.watch(topic, &listener, owner, |_| {}))
    }

    fn read(&self, watch: &Watch, from: Option<Position>) -> Answer<News> {
        now(self.rooms.read(watch, from))
    }

    fn everybody(&self, topic: &str) -> Answer<String> {
        let nobody = || NOBODY.to_owned();
        now(check(topic).map(|()| self.rooms.everybody(topic).unwrap_or_else(nobody)))
    }

    fn close(&self) {
        self.rooms.close();
    }
}
