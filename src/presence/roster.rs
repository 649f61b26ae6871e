//! The people who are present in one topic. Pure: time is an argument.
//!
//! A person is a key, and has an entry for each component that tracks the key. An entry that is gone counts
//! for the grace longer, and a new entry of the key takes its place meanwhile. So nobody is told of a page
//! that is loaded again. A person has left when the last entry's grace is over.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// The most metas of a person that others are told: the metas of the oldest entries.
pub(super) const MOST_METAS: usize = 16;

/// So many bytes of changes are kept, however few people there are, for watchers that have not read them. Beyond
/// that, changes are kept as far as they weigh no more than everybody: a watcher that has missed more is told
/// everybody.
const KEPT_CHANGES: usize = 4096;

/// About the bytes of a change, beside key and metas.
const CHANGE: usize = 96;

/// The bytes that a person counts beside key and metas: about those of the JSON around them.
const OVERHEAD: usize = 32;

/// Bounds on the messages about a topic, and the grace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Beyond so many people others are told a count.
    pub(super) people: usize,
    /// The same for bytes of keys and metas.
    pub(super) bytes: usize,
    /// So long an entry that is gone counts.
    pub(super) grace: Duration,
}

/// The metas of a person, each as JSON, in the order in which their entries came.
pub(super) type Metas = Arc<[Arc<str>]>;

/// A person, as others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) key: Arc<str>,
    pub(super) metas: Metas,
}

/// The news for a watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// There are too many people to name them.
    Count(usize),
    /// All people, in the order in which they came.
    Everybody(Vec<Person>),
    /// The differences from the last news.
    Changes {
        joined: Vec<Person>,
        changed: Vec<Person>,
        /// With their last metas.
        left: Vec<Person>,
        count: usize,
    },
}

/// An entry of a person.
struct Slot {
    entry: u64,
    meta: Arc<str>,
    /// The entry is gone, and counts until then.
    until: Option<Instant>,
}

/// A person with all entries.
struct Known {
    /// The place in the order in which people came.
    arrival: u64,
    /// The person's entries, in the order in which they came.
    slots: BTreeMap<u64, Slot>,
    /// The entries of `slots` that are gone, by the time at which their grace is over.
    gone: BTreeSet<(Instant, u64)>,
    metas: Metas,
}

impl Known {
    fn weight(key: &str, metas: &[Arc<str>]) -> usize {
        let metas = metas.iter().map(|meta| meta.len() + 1);
        key.len() + metas.sum::<usize>() + OVERHEAD
    }

    /// An entry that is gone and whose place another entry may take: an entry with the same meta, so that
    /// nothing changes for others, or else the entry that has been gone for longest.
    fn vacant(&self, meta: &str) -> Option<u64> {
        let (_, oldest) = self.gone.first()?;
        let mut some = self.gone.iter().take(MOST_METAS).map(|(_, place)| place);
        let is_same = |place: &&u64| {
            self.slots
                .get(place)
                .is_some_and(|slot| *slot.meta == *meta)
        };
        Some(*some.find(is_same).unwrap_or(oldest))
    }
}

/// A change of one person.
struct Change {
    key: Arc<str>,
    /// The metas before; `None` if the person was not there.
    before: Option<Metas>,
}

impl Change {
    fn weight(&self) -> usize {
        CHANGE + Known::weight(&self.key, self.before.as_deref().unwrap_or_default())
    }
}

/// The people who are present in one topic.
///
/// Architecture invariant: a watcher that has been told everybody and then all changes knows who is present.
/// `src/presence/tests/properties.rs` watches it.
pub(super) struct Roster {
    bounds: Bounds,
    people: HashMap<Arc<str>, Known>,
    /// Keys by their arrivals.
    order: BTreeMap<u64, Arc<str>>,
    /// The place of each entry that counts: its key, and its number among the key's slots.
    places: HashMap<u64, (Arc<str>, u64)>,
    /// Entries that are gone, by when their grace is over.
    gone: BTreeSet<(Instant, u64)>,
    /// The last number of an entry, a place or an arrival.
    last: u64,
    /// How often the people, as others are told of them, have changed.
    number: u64,
    /// The last changes, the newest with `number`. Empty while nobody watches, and while a count is told.
    changes: VecDeque<Change>,
    /// The bytes of `changes`.
    changes_weigh: usize,
    /// The bytes of all people.
    weighs: usize,
    is_watched: bool,
}

impl Roster {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            people: HashMap::new(),
            order: BTreeMap::new(),
            places: HashMap::new(),
            gone: BTreeSet::new(),
            last: 0,
            number: 0,
            changes: VecDeque::new(),
            changes_weigh: 0,
            weighs: 0,
            is_watched: false,
        }
    }

    /// The number of an entry that is going to come. No other one has it.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Raised with each change that others are told.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The grace.
    pub(super) fn grace(&self) -> Duration {
        self.bounds.grace
    }

    /// Nobody is known any more, and each watcher that was told something is told everybody next.
    pub(super) fn clear(&mut self) {
        let number = self.number + 1;
        let (last, is_watched) = (self.last, self.is_watched);
        *self = Self::new(self.bounds);
        (self.number, self.last, self.is_watched) = (number, last, is_watched);
    }

    /// How many entries are gone and count.
    pub(super) fn gone(&self) -> usize {
        self.gone.len()
    }

    /// When the next grace is over.
    pub(super) fn due(&self) -> Option<Instant> {
        self.gone.first().map(|(until, _)| *until)
    }

    /// Changes are kept while somebody watches.
    pub(super) fn set_watched(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
        if !is_watched {
            self.forget_changes();
        }
    }

    fn forget_changes(&mut self) {
        self.changes = VecDeque::new();
        self.changes_weigh = 0;
    }

    /// The entry is there, under `key`. If it was an entry of another key, it goes from there; under that key
    /// it counts for the grace longer if it `lingers`.
    pub(super) fn show(
        &mut self,
        entry: u64,
        key: &Arc<str>,
        meta: Arc<str>,
        now: Instant,
        lingers: bool,
    ) {
        if let Some((old, place)) = self.places.get(&entry).cloned() {
            if old == *key {
                self.fill(&old, place, entry, meta);
                return;
            }
            // The old key keeps an entry of its own that is gone.
            let other = self.next();
            self.places.remove(&entry);
            self.places.insert(other, (old.clone(), place));
            let known = self.people.get_mut(&old);
            if let Some(slot) = known.and_then(|known| known.slots.get_mut(&place)) {
                slot.entry = other;
                // The entry may be gone already.
                if let Some(until) = slot.until {
                    self.gone.remove(&(until, entry));
                    self.gone.insert((until, other));
                }
            }
            self.hide(other, now, lingers);
        }
        let vacant = self.people.get(key).and_then(|known| known.vacant(&meta));
        let place = vacant.unwrap_or_else(|| self.next());
        self.fill(key, place, entry, meta);
    }

    /// Puts an entry into a key's slots: into the place of an entry that is gone, if there is one.
    fn fill(&mut self, key: &Arc<str>, place: u64, entry: u64, meta: Arc<str>) {
        let arrival = self.last + 1;
        let known = self.people.entry(key.clone()).or_insert_with(|| Known {
            arrival,
            slots: BTreeMap::new(),
            gone: BTreeSet::new(),
            metas: Arc::default(),
        });
        let until = None;
        let slot = Slot { entry, meta, until };
        if let Some(old) = known.slots.insert(place, slot) {
            self.places.remove(&old.entry);
            if let Some(until) = old.until {
                known.gone.remove(&(until, place));
                self.gone.remove(&(until, old.entry));
            }
        }
        if known.arrival == arrival {
            self.last = arrival;
            self.order.insert(arrival, key.clone());
        }
        self.places.insert(entry, (key.clone(), place));
        self.say(key);
    }

    /// The entry is gone; it counts for the grace longer if it `lingers`.
    pub(super) fn hide(&mut self, entry: u64, now: Instant, lingers: bool) {
        if !lingers || self.bounds.grace.is_zero() {
            self.remove(entry);
        } else {
            self.hide_until(entry, now + self.bounds.grace);
        }
    }

    /// The entry is gone, and counts until then, or until it was to count to already.
    pub(super) fn hide_until(&mut self, entry: u64, until: Instant) {
        let Some((key, place)) = self.places.get(&entry).cloned() else {
            return;
        };
        let Some(known) = self.people.get_mut(&key) else {
            return;
        };
        if let Some(slot) = known.slots.get_mut(&place)
            && slot.until.is_none()
        {
            slot.until = Some(until);
            known.gone.insert((until, place));
            self.gone.insert((until, entry));
        }
    }

    /// The entry does not count any more.
    fn remove(&mut self, entry: u64) {
        let Some((key, place)) = self.places.remove(&entry) else {
            return;
        };
        let known = self.people.get_mut(&key);
        let slot = known.and_then(|known| {
            let slot = known.slots.remove(&place)?;
            let until = slot.until?;
            known.gone.remove(&(until, place));
            Some(until)
        });
        if let Some(until) = slot {
            self.gone.remove(&(until, entry));
        }
        self.say(&key);
    }

    /// Ends entries whose grace is over, so many at most.
    pub(super) fn expire(&mut self, now: Instant, most: usize) {
        for _ in 0..most {
            if self.due().is_none_or(|until| until > now) {
                return;
            }
            if let Some((_, entry)) = self.gone.pop_first() {
                self.remove(entry);
            }
        }
    }

    /// The entries of this person have changed: notes the news for others.
    fn say(&mut self, key: &Arc<str>) {
        let (was_counted, count) = (self.is_counted(), self.people.len());
        let Some(known) = self.people.get_mut(key) else {
            return;
        };
        let slots = known.slots.values().take(MOST_METAS);
        let metas: Metas = slots.map(|slot| slot.meta.clone()).collect();
        let before = std::mem::replace(&mut known.metas, metas.clone());
        if before == metas {
            return;
        }
        // Everybody has a meta, so that someone without one has come just now.
        let before = (!before.is_empty()).then_some(before);
        if let Some(before) = &before {
            self.weighs -= Known::weight(key, before);
        }
        if metas.is_empty() {
            self.order.remove(&known.arrival);
            self.people.remove(key);
        } else {
            self.weighs += Known::weight(key, &metas);
        }
        let is_counted = self.is_counted();
        let count = match &before {
            None => count - 1,
            Some(_) => count,
        };
        if was_counted && is_counted && count == self.people.len() {
            return;
        }
        self.number += 1;
        if was_counted || is_counted || !self.is_watched {
            self.forget_changes();
            return;
        }
        let change = Change {
            key: key.clone(),
            before,
        };
        self.changes_weigh += change.weight();
        self.changes.push_back(change);
        while self.changes_weigh > self.weighs.max(KEPT_CHANGES) {
            let oldest = self.changes.pop_front();
            self.changes_weigh -= oldest.map_or(0, |oldest| oldest.weight());
        }
    }

    /// Whether others are told a count only.
    fn is_counted(&self) -> bool {
        self.people.len() > self.bounds.people || self.weighs > self.bounds.bytes
    }

    /// The news for a watcher that has been told everything up to `number`, or nothing so far.
    pub(super) fn since(&self, number: Option<u64>) -> Told {
        if number == Some(self.number) {
            return Told::Nothing;
        }
        let count = self.people.len();
        if self.is_counted() {
            return Told::Count(count);
        }
        let missed = number.and_then(|number| self.number.checked_sub(number));
        let missed = missed.and_then(|missed| usize::try_from(missed).ok());
        match missed.and_then(|missed| self.changes.len().checked_sub(missed)) {
            Some(first) => self.changes_from(first),
            None => Told::Everybody(
                self.order
                    .values()
                    .filter_map(|key| self.person(key))
                    .collect(),
            ),
        }
    }

    fn person(&self, key: &Arc<str>) -> Option<Person> {
        let metas = self.people.get(key)?.metas.clone();
        let key = key.clone();
        Some(Person { key, metas })
    }

    fn changes_from(&self, first: usize) -> Told {
        let (mut joined, mut changed, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for Change { key, before } in self.changes.range(first..) {
            if !seen.insert(key) {
                continue;
            }
            match (before, self.person(key)) {
                (None, Some(person)) => joined.push(person),
                (Some(metas), Some(person)) if *metas != person.metas => changed.push(person),
                (Some(metas), None) => left.push(Person {
                    key: key.clone(),
                    metas: metas.clone(),
                }),
                _ => {}
            }
        }
        if joined.is_empty() && changed.is_empty() && left.is_empty() {
            return Told::Nothing;
        }
        joined.sort_by_key(|person| self.people.get(&person.key).map(|known| known.arrival));
        Told::Changes {
            joined,
            changed,
            left,
            count: self.people.len(),
        }
    }
}

impl Told {
    /// As receivers get it; `None` if there is nothing to tell.
    pub(super) fn json(&self) -> Option<String> {
        let mut json = String::from("{");
        let count = match self {
            Self::Nothing => return None,
            Self::Count(count) => *count,
            Self::Everybody(people) => {
                write_people(&mut json, "present", people);
                people.len()
            }
            Self::Changes {
                joined,
                changed,
                left,
                count,
            } => {
                write_people(&mut json, "joined", joined);
                write_people(&mut json, "changed", changed);
                write_people(&mut json, "left", left);
                *count
            }
        };
        json.push_str("\"count\":");
        json.push_str(&count.to_string());
        json.push('}');
        Some(json)
    }

    /// Whether it stands for itself, whatever was told before.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Everybody(_) | Self::Count(_))
    }
}

fn write_people(json: &mut String, name: &str, people: &[Person]) {
    json.push('"');
    json.push_str(name);
    json.push_str("\":[");
    for (position, Person { key, metas }) in people.iter().enumerate() {
        json.push_str(if position > 0 {
            ",{\"key\":"
        } else {
            "{\"key\":"
        });
        // A text can always be written.
        json.push_str(&serde_json::to_string(&**key).unwrap_or_default());
        json.push_str(",\"metas\":[");
        json.push_str(&metas.join(","));
        json.push_str("]}");
    }
    json.push_str("],");
}
