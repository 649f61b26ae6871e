//! The ids of published messages, so that a message that is published again is known. Pure: times come from
//! the caller.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::Position;

/// A topic and an id: 128 bits of two keyed hashes. The keys are random and never leave the process, so
/// that nobody can look for two ids with the same hash.
pub(super) type IdKey = (u64, u64);

/// Makes [`IdKey`]s.
#[derive(Default)]
pub(super) struct IdKeys(RandomState, RandomState);

impl IdKeys {
    /// The key of an id that was published to a topic.
    pub(super) fn of(&self, topic: &str, id: &str) -> IdKey {
        (self.0.hash_one((topic, id)), self.1.hash_one((topic, id)))
    }
}

struct Known {
    position: Position,
    /// When the id was published, in milliseconds since `Ids::start`. Together with the key it says
    /// which entry of `order` is this one's.
    at: u64,
}

/// The ids of all topics, with the positions that their messages had; bounded in count and time. About
/// 100 bytes an id. They are not kept by topic: a topic that is forgotten and begins again still knows
/// them.
pub(super) struct Ids {
    known: HashMap<IdKey, Known>,
    /// The oldest first. An id that expired and was published again stands here twice.
    order: VecDeque<(IdKey, u64)>,
    start: Instant,
    most: usize,
    /// How long an id is known, in milliseconds.
    time: u64,
}

impl Ids {
    /// Knows `most` ids, each for `time`.
    pub(super) fn new(most: usize, time: Duration, now: Instant) -> Self {
        Self {
            known: HashMap::new(),
            order: VecDeque::new(),
            start: now,
            most: most.max(1),
            time: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// The position of the message that was published under this id, if the id is known.
    pub(super) fn position(&self, key: IdKey, now: Instant) -> Option<Position> {
        let known = self.known.get(&key)?;
        let is_known = self.millis(now).saturating_sub(known.at) < self.time;
        is_known.then_some(known.position)
    }

    /// Remembers an id that is not known. The oldest id is forgotten if there are too many.
    pub(super) fn remember(&mut self, key: IdKey, position: Position, now: Instant) {
        let at = self.millis(now);
        self.known.insert(key, Known { position, at });
        self.order.push_back((key, at));
        while self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((key, at)) = self.order.pop_front() else {
            return;
        };
        if self.known.get(&key).is_some_and(|known| known.at == at) {
            self.known.remove(&key);
        }
    }

    /// Forgets ids that have expired, `most` at most. Gives whether some are left.
    pub(super) fn expire(&mut self, now: Instant, most: usize) -> bool {
        let now = self.millis(now);
        for _ in 0..most {
            match self.order.front() {
                Some((_, at)) if now.saturating_sub(*at) >= self.time => self.forget_oldest(),
                _ => {
                    self.shrink();
                    return false;
                }
            }
        }
        true
    }

    /// Gives back the space of a flood of ids when most of them are gone. Each id that is moved has had
    /// three that went before.
    fn shrink(&mut self) {
        if self.order.capacity() > 1024 && self.order.len() < self.order.capacity() / 4 {
            self.order.shrink_to(self.order.len() * 2);
            self.known.shrink_to(self.known.len() * 2);
        }
    }

    /// How many ids are remembered.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Epoch;
    use super::*;

    const TIME: Duration = Duration::from_secs(60);

    fn at(number: u64) -> Position {
        let epoch = Epoch::of(1);
        Position { epoch, number }
    }

    #[test]
    fn an_id_is_known_in_its_topic_for_its_time() {
        let (start, keys) = (Instant::now(), IdKeys::default());
        let mut ids = Ids::new(10, TIME, start);
        let key = keys.of("a", "1");
        assert_eq!(ids.position(key, start), None);
        ids.remember(key, at(1), start);
        let almost = start + TIME - Duration::from_millis(1);
        assert_eq!(ids.position(key, almost), Some(at(1)));
        for (topic, id) in [("a", "2"), ("b", "1"), ("a1", ""), ("", "a1")] {
            assert_eq!(ids.position(keys.of(topic, id), start), None);
        }
        assert!(!ids.expire(almost, 10));
        assert_eq!(ids.len(), 1);
        assert_eq!(ids.position(key, start + TIME), None);
        assert!(!ids.expire(start + TIME, 10));
        assert_eq!((ids.len(), ids.known.len()), (0, 0));
    }

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let (start, keys) = (Instant::now(), IdKeys::default());
        let mut ids = Ids::new(3, TIME, start);
        for number in 1..=5 {
            ids.remember(keys.of("a", &number.to_string()), at(number), start);
        }
        let known = |number: u64| ids.position(keys.of("a", &number.to_string()), start);
        let positions: Vec<_> = (1..=5)
            .filter_map(known)
            .map(|found| found.number)
            .collect();
        assert_eq!((positions, ids.known.len()), (vec![3, 4, 5], 3));
    }

    /// An id that has expired is published again before a sweep: its old entry, which is swept then,
    /// does not take the new one along.
    #[test]
    fn an_id_that_is_remembered_again_stays() {
        let (start, keys) = (Instant::now(), IdKeys::default());
        let mut ids = Ids::new(10, TIME, start);
        let key = keys.of("a", "1");
        ids.remember(key, at(1), start);
        ids.remember(key, at(2), start + TIME);
        assert!(!ids.expire(start + TIME, 10));
        assert_eq!(ids.position(key, start + TIME), Some(at(2)));
        assert_eq!(ids.len(), 1);
    }

    #[test]
    fn a_sweep_is_bounded_and_gives_space_back() {
        let (start, keys) = (Instant::now(), IdKeys::default());
        let mut ids = Ids::new(10_000, TIME, start);
        for number in 0..10_000 {
            ids.remember(keys.of("a", &number.to_string()), at(number), start);
        }
        assert!(ids.expire(start + TIME, 9_999));
        assert_eq!(ids.len(), 1);
        assert!(!ids.expire(start + TIME, 9_999));
        assert!(ids.order.capacity() < 100 && ids.known.capacity() < 100);
    }
}
