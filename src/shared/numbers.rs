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
    known: HashMap<Arc<str>, Known>,
    /// Until when each is kept, the one first that is dropped first.
    order: BTreeMap<u64, (Instant, Arc<str>)>,
    last: u64,
}

impl Numbers {
    pub(super) fn of_at_most(most: usize) -> Self {
        Self {
            most,
            known: HashMap::new(),
            order: BTreeMap::new(),
            last: 0,
        }
    }

    /// A viewer has gone, or an event of it was still handled then. Each call has a later `until` than those before.
    /// Gives the viewer that is forgotten in its place, if there are too many.
    pub(super) fn add(
        &mut self,
        id: &Arc<str>,
        number: EventNumber,
        until: Instant,
    ) -> Option<Arc<str>> {
        let number = self.take(id).map_or(number, |known| known.max(number));
        self.last += 1;
        let place = self.last;
        self.known.insert(id.clone(), Known { number, place });
        self.order.insert(place, (until, id.clone()));
        if self.known.len() <= self.most {
            return None;
        }
        let (_, (_, oldest)) = self.order.pop_first()?;
        self.known.remove(&oldest);
        Some(oldest)
    }

    /// The viewer is back.
    pub(super) fn take(&mut self, id: &str) -> Option<EventNumber> {
        let known = self.known.remove(id)?;
        self.order.remove(&known.place);
        Some(known.number)
    }

    /// Drops whoever has been gone for too long; gives them.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Arc<str>> {
        let mut gone = Vec::new();
        while let Some(oldest) = self.order.first_entry()
            && oldest.get().0 <= now
        {
            let (_, id) = oldest.remove();
            self.known.remove(&id);
            gone.push(id);
        }
        gone
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
        let mut numbers = Numbers::of_at_most(3);
        for number in 1..=3 {
            assert_eq!(
                numbers.add(&id(number), EventNumber(number), at(number)),
                None
            );
        }
        assert_eq!(numbers.next(), Some(at(1)));
        assert_eq!(numbers.add(&id(4), EventNumber(4), at(4)), Some(id(1)));
        assert_eq!(numbers.take("1"), None);
        assert_eq!(numbers.take("2"), Some(EventNumber(2)));
        assert_eq!(numbers.take("2"), None, "who is back is not gone");
        // The same viewer again takes its own place.
        assert_eq!(numbers.add(&id(3), EventNumber(9), at(5)), None);
        assert_eq!(numbers.expire(at(4)), [id(4)]);
        assert_eq!(numbers.take("3"), Some(EventNumber(9)));
        assert_eq!((numbers.known.len(), numbers.order.len()), (0, 0));
    }
}
