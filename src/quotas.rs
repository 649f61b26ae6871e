//! How much one user, or one address, may have of the things that all share: tasks, subscriptions, places in
//! presence.
//!
//! The limits bound each of these in all. Without a quota, one user who takes them all would leave nothing to
//! the others: their steps would fail. A holder, as everywhere, is a user (`bind`), or else an address.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits::Limits;
use crate::sync::{Mutex, lock};

/// The part of a limit that one holder may have.
const PART: usize = 8;

/// How many one holder may have if all may have `limit`. As many as an address may have connections in any case:
/// many people may have one address.
fn most(limits: &Limits, limit: usize) -> usize {
    (limit / PART).max(limit.min(limits.connections_per_address))
}

/// The quotas of one application.
pub struct Quotas {
    /// Tasks, by holder.
    pub tasks: Arc<Quota>,
    /// Subscriptions to topics, by holder.
    pub subscriptions: Arc<Quota>,
    /// Entries in presence, by holder.
    pub entries: Arc<Quota>,
    /// The same in one topic, by holder and topic: see [`within`].
    pub entries_of_topic: Arc<Quota>,
}

impl Quotas {
    /// Nobody has anything.
    pub fn new(limits: &Limits) -> Self {
        let counts = |limit, what, name| Arc::new(Quota::new(limits, limit, what, name));
        Self {
            tasks: counts(limits.tasks, "tasks", "tasks"),
            subscriptions: counts(limits.topics, "subscriptions", "topics"),
            entries: counts(
                limits.presence_entries,
                "components that are tracked",
                "presenceEntries",
            ),
            entries_of_topic: counts(
                limits.presence_entries_per_topic,
                "components that are tracked in this topic",
                "presenceEntriesPerTopic",
            ),
        }
    }
}

/// The name under which a holder's things in one topic are counted.
pub fn within(holder: &Arc<str>, topic: &str) -> Arc<str> {
    if holder.is_empty() {
        return holder.clone();
    }
    // No address and no name of a topic of an application has this character; in a `bind` it may stand, and
    // then two counts are one.
    format!("{holder}\0{topic}").into()
}

/// A holder has its whole quota.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "one user (or one address, if bind gives no user) has {most} {what}, and may have no more (an eighth of limits.{limit}, or limits.connectionsPerAddress if that is more)"
)]
pub struct Exceeded {
    most: usize,
    what: &'static str,
    limit: &'static str,
}

/// How many of one kind each holder has.
///
/// The lock is a `std` one, held for a look into a map. Only steps that begin or end something take it.
pub struct Quota {
    exceeded: Exceeded,
    held: Mutex<HashMap<Arc<str>, usize>>,
}

impl Quota {
    /// A quota of the things that this limit bounds; `name` is the limit's name.
    pub fn new(limits: &Limits, limit: usize, what: &'static str, name: &'static str) -> Self {
        Self {
            exceeded: Exceeded {
                most: most(limits, limit),
                what,
                limit: name,
            },
            held: Mutex::default(),
        }
    }

    /// Whether the holder may have so many more. The empty name is the application itself, which may.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn check(&self, holder: &str, more: usize) -> Result<(), Exceeded> {
        if more == 0 || holder.is_empty() {
            return Ok(());
        }
        let has = lock(&self.held).get(holder).copied().unwrap_or_default();
        if has.saturating_add(more) > self.exceeded.most {
            return Err(self.exceeded.clone());
        }
        Ok(())
    }

    /// Quota one more, also if that is too many: the step that asked for it has been checked, and is
    /// committed. Two components of a holder that are checked at once may have one more than they may.
    pub fn take(self: &Arc<Self>, holder: &Arc<str>) -> Taken {
        if holder.is_empty() {
            return Taken(None);
        }
        let mut held = lock(&self.held);
        *held.entry(holder.clone()).or_default() += 1;
        drop(held);
        Taken(Some((self.clone(), holder.clone())))
    }

    /// How many holders have something.
    #[cfg(test)]
    fn holders(&self) -> usize {
        lock(&self.held).len()
    }
}

/// One that a holder has. Given back when dropped.
pub struct Taken(Option<(Arc<Quota>, Arc<str>)>);

impl Drop for Taken {
    fn drop(&mut self) {
        let Some((counts, holder)) = self.0.take() else {
            return;
        };
        let mut held = lock(&counts.held);
        if let Some(has) = held.get_mut(&holder) {
            *has -= 1;
            if *has == 0 {
                held.remove(&holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(limit: usize) -> Arc<Quota> {
        Arc::new(Quota::new(&Limits::default(), limit, "things", "things"))
    }

    #[test]
    fn a_holder_has_an_eighth_and_leaves_the_rest_to_others() {
        let counts = counts(80_000);
        let [ann, ben] = ["ann", "ben"].map(Arc::<str>::from);
        let mut has: Vec<Taken> = (0..9_999).map(|_| counts.take(&ann)).collect();
        assert_eq!(counts.check(&ann, 1), Ok(()));
        assert!(counts.check(&ann, 2).is_err());
        has.push(counts.take(&ann));
        let text = counts.check(&ann, 1).unwrap_err().to_string();
        assert!(text.contains("has 10000 things"), "{text}");
        assert!(text.contains("limits.things"), "{text}");
        assert_eq!(counts.check(&ann, 0), Ok(()));
        assert_eq!(counts.check(&ben, 10_000), Ok(()));
        has.pop();
        assert_eq!(counts.check(&ann, 1), Ok(()));
        drop(has);
        assert_eq!(counts.holders(), 0);
    }

    #[test]
    fn a_small_limit_is_not_divided() {
        for (limit, most) in [(0, 0), (1, 1), (999, 999), (5_000, 1_000), (8_008, 1_001)] {
            let counts = counts(limit);
            assert_eq!(counts.check("ann", most), Ok(()), "{limit}");
            assert!(counts.check("ann", most + 1).is_err(), "{limit}");
        }
    }

    #[test]
    fn the_application_itself_is_not_counted() {
        let counts = counts(8);
        let nobody: Arc<str> = "".into();
        let has: Vec<Taken> = (0..9).map(|_| counts.take(&nobody)).collect();
        assert_eq!(counts.check(&nobody, 9), Ok(()));
        assert_eq!(counts.check(&within(&nobody, "topic"), 9), Ok(()));
        assert_eq!((counts.holders(), has.len()), (0, 9));
    }

    #[test]
    fn whoever_may_have_more_connections_may_have_as_many_of_all() {
        let allows = |connections_per_address| Limits {
            connections_per_address,
            ..Limits::default()
        };
        let limits = allows(20_000);
        let counts = Quota::new(&limits, 20_000, "things", "things");
        assert_eq!(counts.check("ann", 20_000), Ok(()));
        let limits = allows(5);
        let counts = Quota::new(&limits, 80, "things", "things");
        assert_eq!(counts.check("ann", 10), Ok(()));
        assert!(counts.check("ann", 11).is_err());
    }

    #[test]
    fn topics_count_apart() {
        let counts = counts(1);
        let ann: Arc<str> = "ann".into();
        let _has = counts.take(&within(&ann, "a"));
        assert!(counts.check(&within(&ann, "a"), 1).is_err());
        assert_eq!(counts.check(&within(&ann, "b"), 1), Ok(()));
    }
}
