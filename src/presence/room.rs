//! One topic: who is there, who watches, and when those who watch are to be told. Pure: time is an argument.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::News;
use super::roster::{Bounds, Roster, Told};
use crate::topics::{Chunk, Epoch, Listener, Message, Position, Sinks};

/// Those who watch a topic are told at most so often.
pub(super) const PACE: Duration = Duration::from_secs(1);

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
    /// How many entries have handles, shown or not.
    pub(super) entries: usize,
    /// The number of the roster that those who watch were last woken for.
    woken_for: u64,
    /// When they were.
    woken_at: Option<Instant>,
    /// When the room has something to do, as the agenda knows it.
    pub(super) listed: Option<Instant>,
    /// The last message that says everything, and the last one that says what has changed.
    written: [Option<Written>; 2],
}

impl Room {
    pub(super) fn new(name: &str, epoch: Epoch, bounds: Bounds) -> Self {
        Self {
            name: name.into(),
            epoch,
            roster: Roster::new(bounds),
            sinks: Sinks::default(),
            entries: 0,
            woken_for: 0,
            woken_at: None,
            listed: None,
            written: [None, None],
        }
    }

    /// Whether nothing is lost if the room goes.
    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0 && self.sinks.len() == 0 && self.roster.is_empty()
    }

    /// When the room has something to do: a grace is over, or those who watch are to be woken.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let wakes = self.has_news().then(|| self.wakes_at(now));
        wakes.into_iter().chain(self.roster.due()).min()
    }

    fn has_news(&self) -> bool {
        self.sinks.len() > 0 && self.woken_for != self.roster.number()
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
        self.sinks.snapshot()
    }

    /// What is to be told to a watcher that has been told all up to `from`.
    pub(super) fn read(&self, from: Option<Position>) -> Read {
        let from = from.filter(|from| from.epoch == self.epoch);
        let from = from.map(|from| from.number);
        let number = self.roster.number();
        let is_same = |one: &&Written| one.news.position.number == number && one.from == from;
        let mut written = self.written.iter().flatten();
        if let Some(one) = written.find(is_same) {
            return Read::Written(one.news.clone());
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

    /// Keeps what was written for whoever is to be told the same, until something else is written.
    pub(super) fn keep(&mut self, from: Option<u64>, news: &News) {
        if self.sinks.len() > 0 {
            let news = news.clone();
            self.written[usize::from(from.is_some())] = Some(Written { from, news });
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

    /// Nobody watches any more.
    pub(super) fn is_left_alone(&mut self) {
        self.roster.set_watched(false);
        self.written = [None, None];
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
            position,
        };
        (from, news)
    }
}
