//! Which components are in which topics. So a component that is taken out of a topic is found without a look
//! at all others.
//!
//! A component counts as a member from the commit of the step that puts it there. If it is taken out while
//! that step is under way, it is no member yet: the step finds at its commit that somebody was taken out
//! since it began.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, lock};

/// How many members are looked up while the lock is held.
const STEP: usize = 256;

/// How often somebody may be taken out of a topic during one step that can still tell whether it is meant.
const MOST_LEAVES: usize = 4096;

/// The number of the last time that somebody was taken out of a topic, in any application of this process.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Now, as [`Members::set`] counts time.
pub fn now() -> u64 {
    LAST.load(Ordering::SeqCst)
}

/// Names of topics.
pub type Topics = Arc<[Arc<str>]>;

/// The people that a call means: all, or those of a user (`bind`), of an address, or of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// The result of `bind` for the user.
    pub bind: Option<Arc<str>>,
    /// The address of the page.
    pub address: Option<Arc<str>>,
}

impl Whose {
    /// Whether all are meant.
    pub fn is_everybody(&self) -> bool {
        self.bind.is_none() && self.address.is_none()
    }

    /// Whether the component of this user, whose page has this address, is meant.
    pub fn means(&self, bind: &str, address: &str) -> bool {
        self.bind.as_ref().is_none_or(|one| **one == *bind)
            && self.address.as_ref().is_none_or(|one| **one == *address)
    }
}

/// Somebody is taken out of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The topic.
    pub topic: Arc<str>,
    /// Components that are in the topic end. If not, they go on without it.
    pub ends: bool,
    /// The people that are meant.
    pub whose: Whose,
}

/// A topic, whose a member is, the member's number.
type Key = (Arc<str>, Arc<str>, u64);

struct State<T> {
    members: BTreeMap<Key, T>,
    /// The last times that somebody was taken out, with their numbers.
    leaves: VecDeque<(u64, Leave)>,
    /// The highest number that is not among them any more.
    forgotten: u64,
}

/// The members of all topics. The lock is a `std` one, held for some look-ups at most: a topic's members are looked
/// up in steps. Bounded by what components may subscribe to.
pub struct Members<T>(Mutex<State<T>>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(Mutex::new(State {
            members: BTreeMap::new(),
            leaves: VecDeque::new(),
            forgotten: 0,
        }))
    }
}

fn names(topics: Option<&Topics>) -> &[Arc<str>] {
    topics.map_or(&[], |topics| topics)
}

impl<T: Clone> Members<T> {
    /// The component of that number, of the user `bind`, was in the topics `before` and is in `after` now, by
    /// a step that has begun at `since`. Gives the leaves of the new topics since then: the caller looks
    /// whether they mean the component.
    pub fn set(
        &self,
        (number, bind, member): (u64, &Arc<str>, &T),
        before: Option<&Topics>,
        after: Option<&Topics>,
        since: u64,
    ) -> Vec<Leave> {
        let (before, after) = (names(before), names(after));
        // Both are sorted, as `Ongoing` gives them.
        let new = after
            .iter()
            .filter(|one| before.binary_search(one).is_err());
        let old = before
            .iter()
            .filter(|one| after.binary_search(one).is_err());
        let key = |topic: &Arc<str>| (topic.clone(), bind.clone(), number);
        let new: Vec<Key> = new.map(key).collect();
        let old: Vec<Key> = old.map(key).collect();
        if new.is_empty() && old.is_empty() {
            return Vec::new();
        }
        let mut state = lock(&self.0);
        let gone: Vec<Option<T>> = old.iter().map(|key| state.members.remove(key)).collect();
        let meant = if state.forgotten > since {
            // Too many were taken out to know. The component ends: its page joins again, and `authorize` is asked.
            let ends = |(topic, ..): &Key| Leave {
                topic: topic.clone(),
                ends: true,
                whose: Whose::default(),
            };
            new.iter().map(ends).collect()
        } else {
            let later = state.leaves.iter().rev();
            let later = later.take_while(|(number, _)| *number > since);
            // As sorted as `after`.
            let is_new = |leave: &Leave| {
                new.binary_search_by(|(topic, ..)| topic.cmp(&leave.topic))
                    .is_ok()
            };
            let meant = later.filter(|(_, leave)| is_new(leave));
            meant.map(|(_, leave)| leave.clone()).collect()
        };
        for key in new {
            state.members.insert(key, member.clone());
        }
        drop(state);
        drop(gone);
        meant
    }

    /// Takes somebody out: calls `each` with the members of the topic that may be meant. The caller looks at
    /// the address.
    pub fn leave(&self, leave: &Leave, mut each: impl FnMut(T)) {
        let mut state = lock(&self.0);
        // Under the lock, so that they stand in order.
        let number = LAST.fetch_add(1, Ordering::SeqCst) + 1;
        state.leaves.push_back((number, leave.clone()));
        if state.leaves.len() > MOST_LEAVES
            && let Some((oldest, _)) = state.leaves.pop_front()
        {
            state.forgotten = oldest;
        }
        drop(state);
        let Leave { topic, whose, .. } = leave;
        let bind = whose.bind.clone();
        let first = (topic.clone(), bind.clone().unwrap_or_default(), 0);
        let mut from = Bound::Included(first);
        loop {
            let state = lock(&self.0);
            let range = state.members.range((from.clone(), Bound::Unbounded));
            let is_meant =
                |(one, of, _): &Key| one == topic && bind.as_ref().is_none_or(|bind| bind == of);
            let some = range.take_while(|(key, _)| is_meant(key)).take(STEP);
            let some: Vec<(Key, T)> = some
                .map(|(key, member)| (key.clone(), member.clone()))
                .collect();
            drop(state);
            let is_all = some.len() < STEP;
            for (key, member) in some {
                from = Bound::Excluded(key);
                each(member);
            }
            if is_all {
                return;
            }
        }
    }

    /// How many components are in topics, each counted once a topic.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Option<Topics> {
        (!names.is_empty()).then(|| names.iter().map(|name| Arc::from(*name)).collect())
    }

    fn leave(topic: &str, bind: Option<&str>) -> Leave {
        Leave {
            topic: topic.into(),
            ends: false,
            whose: Whose {
                bind: bind.map(Arc::from),
                address: None,
            },
        }
    }

    fn found(members: &Members<u64>, topic: &str, bind: Option<&str>) -> Vec<u64> {
        let mut found = Vec::new();
        members.leave(&leave(topic, bind), |member| found.push(member));
        found.sort_unstable();
        found
    }

    #[test]
    fn members_are_found_by_topic_and_user() {
        let members = Members::default();
        let users: [Arc<str>; 2] = ["ann".into(), "ben".into()];
        for number in 0..1000 {
            let names: &[&str] = if number < 600 { &["a", "b"] } else { &["b"] };
            let user = &users[usize::from(number % 10 == 0)];
            members.set((number, user, &number), None, topics(names).as_ref(), now());
        }
        assert_eq!(found(&members, "a", None), Vec::from_iter(0..600));
        assert_eq!(found(&members, "b", Some("ben")).len(), 100);
        assert_eq!(found(&members, "b", Some("carl")).len(), 0);
        assert_eq!(found(&members, "", None).len(), 0);
        let (before, after) = (topics(&["a", "b"]), topics(&["b", "c"]));
        members.set((7, &users[0], &7), before.as_ref(), after.as_ref(), now());
        assert!(!found(&members, "a", None).contains(&7));
        assert_eq!(found(&members, "c", Some("ann")), [7]);
        members.set((7, &users[0], &7), after.as_ref(), None, now());
        assert!(!found(&members, "b", None).contains(&7));
        assert_eq!(members.len(), 599 + 999);
    }

    #[test]
    fn a_step_that_puts_somebody_in_finds_whoever_was_taken_out_meanwhile() {
        let members = Members::default();
        let user: Arc<str> = "ann".into();
        let before = now();
        assert_eq!(found(&members, "a", Some("ann")).len(), 0);
        assert_eq!(found(&members, "z", None).len(), 0);
        let put = |names: &[&str], since| {
            members.set((1, &user, &1), None, topics(names).as_ref(), since)
        };
        assert_eq!(put(&["a", "b"], before), [leave("a", Some("ann"))]);
        assert_eq!(put(&["a", "b"], now()), []);
        for _ in 0..MOST_LEAVES {
            members.leave(&leave("y", None), drop);
        }
        // The component may have been meant: it ends, and its page joins again.
        let unknown = put(&["a"], before);
        assert!(unknown.iter().all(|leave| leave.ends) && unknown.len() == 1);
        assert_eq!(lock(&members.0).leaves.len(), MOST_LEAVES);
    }
}
