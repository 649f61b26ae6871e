//! How far the events of viewers had got whose pages are gone. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::failures::Failed;
use crate::ids::EventNumber;

/// For so many holders it is noted one by one when one of their numbers had to make room.
const MOST_HOLDERS: usize = 1024;

struct Known {
    number: EventNumber,
    failed: Box<[Failed]>,
    place: u64,
    holder: Arc<str>,
}

/// The last handled event of each viewer that is gone, for a while: if its page comes back within that time,
/// none of its events is applied twice.
///
/// If there are too many, the holder that has most loses its oldest one. So a user who comes and goes all the
/// time cannot push out the numbers of others.
pub(super) struct Numbers {
    most: usize,
    /// A store has the numbers, too.
    is_stored: bool,
    /// The viewers that the store is to forget, `most` at most: the store has as many that nobody will ask for.
    dropped: Vec<Arc<str>>,
    known: HashMap<Arc<str>, Known>,
    /// Until when each is kept, the one first that is dropped first.
    order: BTreeMap<u64, (Instant, Arc<str>)>,
    /// The places in `order` of each holder's. Numbers from a store are nobody's.
    holders: HashMap<Arc<str>, BTreeSet<u64>>,
    /// The holders by how many they have: the last has most.
    heaviest: BTreeSet<(usize, Arc<str>)>,
    /// When a number of a holder had to make room for others the last time, in seconds since 1970.
    made_room: HashMap<Arc<str>, u64>,
    /// The same for all holders that are not noted one by one.
    made_room_at: u64,
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
            holders: HashMap::new(),
            heaviest: BTreeSet::new(),
            made_room: HashMap::new(),
            made_room_at: 0,
            last: 0,
        }
    }

    /// A viewer of this holder has gone, or an event of it was still handled then; of some failures its page may not know. Each call has a later `until` than
    /// those before. `now` is in seconds since 1970: if there are too many, another viewer is forgotten, which may come
    /// back in time ([`made_room_at`](Self::made_room_at)).
    pub(super) fn add(
        &mut self,
        id: &Arc<str>,
        holder: &Arc<str>,
        (number, failed): (EventNumber, Vec<Failed>),
        until: Instant,
        now: u64,
    ) {
        let (known, mut known_failed) = self.take(id).unwrap_or_default();
        known_failed.extend(failed);
        self.last += 1;
        let place = self.last;
        let known = Known {
            number: known.max(number),
            failed: known_failed.into(),
            place,
            holder: holder.clone(),
        };
        self.known.insert(id.clone(), known);
        self.order.insert(place, (until, id.clone()));
        self.of_holder(holder, |places| {
            places.insert(place);
        });
        if self.known.len() <= self.most {
            return;
        }
        let Some((id, holder)) = self.gives_way() else {
            return;
        };
        self.take(&id);
        self.drop_stored(id);
        if holder.is_empty() {
            self.made_room_at = now;
            return;
        }
        self.made_room.insert(holder, now);
        if self.made_room.len() > MOST_HOLDERS {
            self.made_room.clear();
            self.made_room_at = now;
        }
    }

    /// The viewer whose number makes room for others, and its holder: the oldest viewer of the holder that
    /// has most, or the oldest of all if no holder has more than one.
    fn gives_way(&self) -> Option<(Arc<str>, Arc<str>)> {
        let heaviest = self.heaviest.last().filter(|(count, _)| *count > 1);
        let place = match heaviest.and_then(|(_, holder)| self.holders.get(holder)) {
            Some(places) => places.first()?,
            None => self.order.first_key_value()?.0,
        };
        let (_, id) = self.order.get(place)?;
        Some((id.clone(), self.known.get(id)?.holder.clone()))
    }

    fn of_holder(&mut self, holder: &Arc<str>, change: impl FnOnce(&mut BTreeSet<u64>)) {
        // A store does not say whose its numbers are.
        if holder.is_empty() {
            return;
        }
        let places = self.holders.entry(holder.clone()).or_default();
        self.heaviest.remove(&(places.len(), holder.clone()));
        change(places);
        if places.is_empty() {
            self.holders.remove(holder);
        } else {
            self.heaviest.insert((places.len(), holder.clone()));
        }
    }

    /// When a number of this holder had to make room the last time, maybe; in seconds since 1970.
    pub(super) fn made_room_at(&self, holder: &str) -> u64 {
        let own = self.made_room.get(holder).copied().unwrap_or_default();
        self.made_room_at.max(own)
    }

    fn drop_stored(&mut self, id: Arc<str>) {
        if self.is_stored && self.dropped.len() < self.most {
            self.dropped.push(id);
        }
    }

    /// All numbers that are kept.
    pub(super) fn all(&self) -> impl Iterator<Item = (Arc<str>, EventNumber)> {
        let known = self.known.iter();
        known.map(|(id, known)| (id.clone(), known.number))
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

    /// The viewer is back: how far its events had got, and which have failed.
    pub(super) fn take(&mut self, id: &str) -> Option<(EventNumber, Vec<Failed>)> {
        let Known {
            number,
            failed,
            place,
            holder,
        } = self.known.remove(id)?;
        self.order.remove(&place);
        self.of_holder(&holder, |places| {
            places.remove(&place);
        });
        Some((number, failed.into()))
    }

    /// Which events of the viewer have failed, as far as its page may not know of them.
    pub(super) fn failed(&self, id: &str) -> Vec<Failed> {
        let known = self.known.get(id);
        known.map_or_else(Vec::new, |known| known.failed.to_vec())
    }

    /// Drops viewers that have been gone for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((_, (until, id))) = self.order.first_key_value()
            && *until <= now
        {
            let id = id.clone();
            self.take(&id);
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
        let ann: Arc<str> = "ann".into();
        let mut numbers = Numbers::of_at_most(3, true);
        let add = |numbers: &mut Numbers, of: u64, number, until| {
            let number = (EventNumber(number), Vec::new());
            numbers.add(&id(of), &ann, number, at(until), 1000 + of);
        };
        for number in 1..=3 {
            add(&mut numbers, number, number, number);
        }
        assert_eq!(numbers.next(), Some(at(1)));
        assert_eq!(numbers.made_room_at("ann"), 0);
        add(&mut numbers, 4, 4, 4);
        assert_eq!(numbers.made_room_at("ann"), 1004);
        assert_eq!(numbers.take_dropped(), [id(1)]);
        assert_eq!(numbers.take("1"), None);
        assert_eq!(numbers.take("2"), Some((EventNumber(2), Vec::new())));
        assert_eq!(numbers.take("2"), None, "who is back is not gone");
        // The same viewer again takes its own place.
        add(&mut numbers, 3, 9, 5);
        // An event that was still handled when the viewer ended is not the last one of all.
        add(&mut numbers, 3, 8, 5);
        assert_eq!(numbers.made_room_at("ann"), 1004);
        numbers.expire(at(4));
        assert_eq!(numbers.take_dropped(), [id(4)]);
        assert_eq!(numbers.take("3"), Some((EventNumber(9), Vec::new())));
        assert_eq!((numbers.known.len(), numbers.order.len()), (0, 0));
        assert_eq!((numbers.holders.len(), numbers.heaviest.len()), (0, 0));
    }

    #[test]
    fn whoever_comes_and_goes_all_the_time_takes_nothing_of_others() {
        let start = Instant::now();
        let [ann, ben, nobody] = ["ann", "ben", ""].map(Arc::<str>::from);
        let mut numbers = Numbers::of_at_most(10, false);
        for (id, holder) in [("a", &ann), ("b", &ben), ("c", &nobody)] {
            numbers.add(&id.into(), holder, (EventNumber(7), Vec::new()), start, 1);
        }
        for number in 0..1000_u64 {
            let id = number.to_string().into();
            numbers.add(&id, &ben, (EventNumber(1), Vec::new()), start, 2);
        }
        assert_eq!(numbers.known.len(), 10);
        let of = |holder| numbers.made_room_at(holder);
        assert_eq!([of("ann"), of("ben"), of("carl")], [0, 2, 0]);
        assert_eq!(numbers.take("b"), None);
        assert_eq!(numbers.take("a"), Some((EventNumber(7), Vec::new())));
        assert_eq!(numbers.take("c"), Some((EventNumber(7), Vec::new())));
        // If nobody has more than one, the oldest makes room.
        for number in 0..5000_u64 {
            let holder = format!("user {number}").into();
            numbers.add(
                &number.to_string().into(),
                &holder,
                (EventNumber(1), Vec::new()),
                start,
                3,
            );
        }
        assert_eq!(numbers.known.len(), 10);
        assert!(numbers.made_room.len() <= MOST_HOLDERS);
        assert_eq!(numbers.made_room_at("user 0"), 3);
        assert_eq!(numbers.take("4990"), Some((EventNumber(1), Vec::new())));
        assert_eq!(numbers.take("4989"), None);
    }

    #[test]
    fn what_a_store_is_to_forget_is_bounded_and_nothing_without_a_store() {
        let start = Instant::now();
        let ann: Arc<str> = "ann".into();
        for (is_stored, expected) in [(true, 3), (false, 0)] {
            let mut numbers = Numbers::of_at_most(3, is_stored);
            for number in 0..100_u64 {
                let id = number.to_string().into();
                numbers.add(&id, &ann, (EventNumber(1), Vec::new()), start, 1);
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
