//! One topic: who is there, who watches, and when those who watch are to be told. Pure: time is an argument.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::News;
use super::beyond::Beyond;
use super::roster::{Bounds, Roster, Told};
use crate::topics::{Chunk, Epoch, Listener, Message, Position, Sinks};

/// Those who watch a topic are told at most so often.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// For so many who begin to watch, everybody is written anew within [`PACE`]. Whoever else begins meanwhile is told
/// everybody with the next wake: then one message is written for all of them, and parsed once. Without this, each of
/// a thousand who come together would be told of all before, by a message of their own.
const MOST_WRITTEN: u32 = 8;

/// How many messages that say what has changed are kept, each for those who were told the same before.
const MOST_CHANGES: usize = 4;

/// A message that was written, for whoever is to be told the same.
struct Written {
    from: Option<u64>,
    news: News,
}

/// What a watcher is to be told.
pub(super) enum Read {
    /// Somebody else has been told the same.
    Written(News),
    /// To write it as JSON takes long, so that it is done without the lock.
    Unwritten(Unwritten),
    /// The watcher is told everybody with the next wake.
    Later,
}

/// What is to be told, and that nobody has been told so far.
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
    /// All who are there are in the roster. In memory that is always so; with Redis, while the topic is watched and
    /// has been read.
    pub(super) is_known: bool,
    /// What is between this topic and Redis; `None` in memory.
    pub(super) beyond: Option<Box<Beyond>>,
    /// How many entries have handles, shown or not.
    pub(super) entries: usize,
    /// The number of the roster that those who watch were last woken for.
    woken_for: u64,
    /// When they were.
    woken_at: Option<Instant>,
    /// When the room has something to do, as the agenda knows it.
    pub(super) listed: Option<Instant>,
    /// Somebody has been told less than those who were woken last, so that another wake is due.
    owes: bool,
    /// How often everybody was written since the time.
    written_since: (Option<Instant>, u32),
    /// The last message that says everything.
    whole: Option<Written>,
    /// The last messages that say what has changed, the newest last.
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

    /// When the room has something to do: a grace is over, or those who watch are to be woken.
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

    /// Those who are to be woken now.
    pub(super) fn wake(&mut self, now: Instant) -> Vec<Arc<Chunk>> {
        if !self.has_news() || self.wakes_at(now) > now {
            return Vec::new();
        }
        self.woken_for = self.roster.number();
        self.woken_at = Some(now);
        self.owes = false;
        // Those who wait for it come now. Whoever is quicker has written what they are told, too.
        self.written_since = (Some(now), 0);
        self.sinks.snapshot()
    }

    /// What is to be told to a watcher that has been told all up to `from`. Without `from`, it is told everybody
    /// who was there at `since`, or later.
    pub(super) fn read(&mut self, from: Option<Position>, since: u64, now: Instant) -> Read {
        let from = from.filter(|from| from.epoch == self.epoch);
        let from = from.map(|from| from.number);
        let number = self.roster.number();
        // What came after the last wake is told with the next one.
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

    /// Keeps what was written for whoever is to be told the same.
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

    /// All who are there are in the roster now: those who watch are told.
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
    /// Writes it. Gives from where on it tells, too.
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
