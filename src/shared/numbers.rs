//! How far the events of viewers had got whose pages are gone. Pure: time is an argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::ids::EventNumber;

struct Known {
    number: EventNumber,
    place: u64,
}

/// The last handled event of each viewer that is gone, for a while: a page that comes back within that time has
/// none of its events applied twice.
pub(super) struct Numbers {
    most: usize,
    /// A store has the numbers, too.
    is_stored: bool,
    /// The viewers that the store is to forget, `most` at most: the store has as many that nobody will ask for.
    dropped: Vec<Arc<str>>,
    known: HashMap<Arc<str>, Known>,
    /// Until when each is kept, the one first that is dropped first.
    order: BTreeMap<u64, (Instant, Arc<str>)>,
    last: u64,
}

impl Numbers {
    /// None yet, and never more than `most`. `is_stored`: a store has them, too.
    pub(super) fn of_at_most(most: usize, is_stored: bool) -> Self {
        Self {
            most,
            is_stored,
            dropped: Vec::new(),
            known: HashMap::new(),
            order: BTreeMap::new(),
            last: 0,
        }
    }

    /// A viewer has gone, or an event of it was still handled then. Each call has a later `until` than those before.
    /// True if another viewer is forgotten in its place, since there are too many: that one may come back in time.
    pub(super) fn add(&mut self, id: &Arc<str>, number: EventNumber, until: Instant) -> bool {
        let number = self.take(id).map_or(number, |known| known.max(number));
        self.last += 1;
        let place = self.last;
        self.known.insert(id.clone(), Known { number, place });
        self.order.insert(place, (until, id.clone()));
        if self.known.len() <= self.most {
            return false;
        }
        let Some((_, (_, oldest))) = self.order.pop_first() else {
            return false;
        };
        self.known.remove(&oldest);
        self.drop_stored(oldest);
        true
    }

    fn drop_stored(&mut self, id: Arc<str>) {
        if self.is_stored && self.dropped.len() < self.most {
            self.dropped.push(id);
        }
    }

    /// Takes the viewers whose numbers the store is to forget.
    pub(super) fn take_dropped(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.dropped)
    }

    /// The store has not forgotten them.
    pub(super) fn keep_dropped(&mut self, dropped: Vec<Arc<str>>) {
        for id in dropped {
            self.drop_stored(id);
        }
    }

    /// The viewer is back.
    pub(super) fn take(&mut self, id: &str) -> Option<EventNumber> {
        let known = self.known.remove(id)?;
        self.order.remove(&known.place);
        Some(known.number)
    }

    /// Drops whoever has been gone for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(oldest) = self.order.first_entry()
            && oldest.get().0 <= now
        {
            let (_, id) = oldest.remove();
            self.known.remove(&id);
            self.drop_stored(id);
        }
    }

    /// When the next one is dropped.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first_key_value().map(|(_, (until, _))| *until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_are_kept_so_long_and_so_many() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let id = |number: u64| -> Arc<str> { number.to_string().into() };
        let mut numbers = Numbers::of_at_most(3, true);
        for number in 1..=3 {
            assert!(!numbers.add(&id(number), EventNumber(number), at(number)));
        }
        assert_eq!(numbers.next(), Some(at(1)));
        assert!(numbers.add(&id(4), EventNumber(4), at(4)));
        assert_eq!(numbers.take_dropped(), [id(1)]);
        assert_eq!(numbers.take("1"), None);
        assert_eq!(numbers.take("2"), Some(EventNumber(2)));
        assert_eq!(numbers.take("2"), None, "who is back is not gone");
        // The same viewer again takes its own place.
        assert!(!numbers.add(&id(3), EventNumber(9), at(5)));
        // An event that was still handled when the viewer ended is not the last one of all.
        assert!(!numbers.add(&id(3), EventNumber(8), at(5)));
        numbers.expire(at(4));
        assert_eq!(numbers.take_dropped(), [id(4)]);
        assert_eq!(numbers.take("3"), Some(EventNumber(9)));
        assert_eq!((numbers.known.len(), numbers.order.len()), (0, 0));
    }

    #[test]
    fn what_a_store_is_to_forget_is_bounded_and_nothing_without_a_store() {
        let start = Instant::now();
        for (is_stored, expected) in [(true, 3), (false, 0)] {
            let mut numbers = Numbers::of_at_most(3, is_stored);
            for number in 0..100_u64 {
                numbers.add(&number.to_string().into(), EventNumber(1), start);
                numbers.expire(start);
            }
            let dropped = numbers.take_dropped();
            assert_eq!(dropped.len(), expected);
            // The store was away.
            numbers.keep_dropped(dropped);
            assert_eq!(numbers.dropped.len(), expected);
        }
    }
}
