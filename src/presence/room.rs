//! One topic: the people who are there, the watchers, and when the watchers are to be told. Pure: time is an
//! argument.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::News;
use super::beyond::Beyond;
use super::roster::{Bounds, Roster, Told};
use crate::topics::{Chunk, Epoch, Listener, Message, Position, Sinks};

/// Watchers of a topic are told at most so often.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// The list of everybody is written for so many new watchers within [`PACE`]. Further new watchers are told
/// everybody with the next wake: then one message is written for all of them, and parsed once. Without this,
/// each of a thousand who come together would be told of all before, by a message of their own.
const MOST_WRITTEN: u32 = 8;

/// How many messages with changes are kept, each for the watchers that had been told the same before.
const MOST_CHANGES: usize = 4;

/// A message that was written, for other watchers with the same news.
struct Written {
    from: Option<u64>,
    news: News,
}

/// The answer to a watcher that reads.
pub(super) enum Read {
    /// Somebody else has been told the same.
    Written(News),
    /// To write it as JSON takes long, so that it is done without the lock.
    Unwritten(Unwritten),
    /// The watcher is told everybody with the next wake.
    Later,
}

/// News that no watcher has been told so far.
pub(super) struct Unwritten {
    told: Told,
    from: Option<u64>,
    position: Position,
}

/// One topic.
pub(super) struct Room {
    pub(super) name: Arc<str>,
    epoch: Epoch,
    pub(super) roster: Roster,
    pub(super) sinks: Sinks,
    /// The roster has everybody who is there. In memory that is always so; with Redis, while the topic is
    /// watched and has been read.
    pub(super) is_known: bool,
    /// The state between this topic and Redis; `None` in memory.
    pub(super) beyond: Option<Box<Beyond>>,
    /// How many entries have handles, shown or not.
    pub(super) entries: usize,
    /// The number of the roster for which the watchers were woken last.
    woken_for: u64,
    /// When they were.
    woken_at: Option<Instant>,
    /// When the room has something to do, as the agenda knows it.
    pub(super) listed: Option<Instant>,
    /// A watcher has been told less than the watchers that were woken last, so another wake is due.
    owes: bool,
    /// How often everybody was written since the time.
    written_since: (Option<Instant>, u32),
    /// The last message that says everything.
    whole: Option<Written>,
    /// The last messages with changes, the newest last.
    changes: VecDeque<Written>,
}

impl Room {
    pub(super) fn new(name: &str, epoch: Epoch, bounds: Bounds) -> Self {
        Self {
            name: name.into(),
            epoch,
            roster: Roster::new(bounds),
            sinks: Sinks::default(),
            is_known: true,
            beyond: None,
            entries: 0,
            woken_for: 0,
            woken_at: None,
            listed: None,
            owes: false,
            written_since: (None, 0),
            whole: None,
            changes: VecDeque::new(),
        }
    }

    /// Whether nothing is lost if the room goes.
    pub(super) fn is_empty(&self) -> bool {
        let has_beyond = self.beyond.as_ref().is_some_and(|one| !one.is_empty());
        self.entries == 0 && self.sinks.len() == 0 && self.roster.is_empty() && !has_beyond
    }

    /// How many entries of this process are gone and count.
    pub(super) fn gone(&self) -> usize {
        let own = self.beyond.as_ref().map(|beyond| beyond.gone());
        own.unwrap_or_else(|| self.roster.gone())
    }

    /// Ends entries whose grace is over, so many at most.
    pub(super) fn expire(&mut self, now: Instant, most: usize) {
        self.roster.expire(now, most);
        if let Some(beyond) = &mut self.beyond {
            beyond.expire(now, most);
        }
    }

    /// The time at which the room has something to do: a grace is over, or the watchers are to be woken.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let wakes = self.has_news().then(|| self.wakes_at(now));
        let own = self.beyond.as_ref().and_then(|beyond| beyond.due());
        let over = own.into_iter().chain(self.roster.due());
        wakes.into_iter().chain(over).min()
    }

    fn has_news(&self) -> bool {
        self.is_known
            && self.sinks.len() > 0
            && (self.owes || self.woken_for != self.roster.number())
    }

    fn wakes_at(&self, now: Instant) -> Instant {
        self.woken_at.map_or(now, |at| (at + PACE).max(now))
    }

    /// The watchers that are to be woken now.
    pub(super) fn wake(&mut self, now: Instant) -> Vec<Arc<Chunk>> {
        if !self.has_news() || self.wakes_at(now) > now {
            return Vec::new();
        }
        self.woken_for = self.roster.number();
        self.woken_at = Some(now);
        self.owes = false;
        // The watchers that wait for the list of everybody come now. The first of them writes it for the
        // others.
        self.written_since = (Some(now), 0);
        self.sinks.snapshot()
    }

    /// The news for a watcher that has been told everything up to `from`. Without `from`, the news is the
    /// list of everybody who was there at `since`, or later.
    pub(super) fn read(&mut self, from: Option<Position>, since: u64, now: Instant) -> Read {
        let from = from.filter(|from| from.epoch == self.epoch);
        let from = from.map(|from| from.number);
        let number = self.roster.number();
        // Changes after the last wake are told with the next one.
        let fresh = from.map_or(since, |from| self.woken_for.max(from));
        let is_same = |one: &&Written| one.news.number() >= fresh && one.from == from;
        let mut written = self.whole.iter().chain(&self.changes);
        if !self.is_known {
            return Read::Later;
        }
        if let Some(one) = written.find(is_same) {
            self.owes |= one.news.number() < self.woken_for;
            return Read::Written(one.news.clone());
        }
        if from.is_none() && !self.may_write(now) {
            self.owes = true;
            return Read::Later;
        }
        Read::Unwritten(Unwritten {
            told: self.roster.since(from),
            from,
            position: Position {
                epoch: self.epoch,
                number,
            },
        })
    }

    /// Whether everybody is written now once more.
    fn may_write(&mut self, now: Instant) -> bool {
        let (since, count) = &mut self.written_since;
        if since.is_none_or(|since| since + PACE <= now) {
            (*since, *count) = (Some(now), 0);
        }
        *count += 1;
        *count <= MOST_WRITTEN
    }

    /// Keeps a message for other watchers with the same news.
    pub(super) fn keep(&mut self, from: Option<u64>, news: &News) {
        if self.sinks.len() == 0 || news.message.is_none() {
            return;
        }
        let news = news.clone();
        let written = Written { from, news };
        if from.is_none() {
            self.whole = Some(written);
            return;
        }
        self.changes.retain(|one| one.from != from);
        self.changes.push_back(written);
        if self.changes.len() > MOST_CHANGES {
            self.changes.pop_front();
        }
    }

    /// Somebody else watches.
    pub(super) fn is_watched(&mut self, listener: Arc<Listener>) -> u32 {
        if self.sinks.len() == 0 {
            self.roster.set_watched(true);
            // The first read tells all that has been so far.
            self.woken_for = self.roster.number();
        }
        self.sinks.add(listener)
    }

    /// The roster has everybody who is there now: watchers are told.
    pub(super) fn becomes_known(&mut self) {
        self.is_known = true;
        self.owes = true;
    }

    /// Nobody watches any more.
    pub(super) fn is_left_alone(&mut self) {
        self.roster.set_watched(false);
        self.whole = None;
        self.changes = VecDeque::new();
        self.owes = false;
    }
}

impl Unwritten {
    /// Writes the message. Gives it with the number from which on its changes count.
    pub(super) fn write(self) -> (Option<u64>, News) {
        let Self {
            told,
            from,
            position,
        } = self;
        let message = told.json();
        let message = message.map(|json| Arc::new(Message::new(None, json.into(), position)));
        let is_whole = told.is_whole();
        let news = News {
            message,
            is_whole,
            position: Some(position),
        };
        (from, news)
    }
}
