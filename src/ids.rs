//! Numbers that name things, each with a type of its own, so that none is taken for another.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// An actor's number, unique in the process.
pub type ActorKey = u64;

/// A number for a new actor.
pub fn next_actor_key() -> ActorKey {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Counts the events of a component, as its page numbers them: from 1, 0 before the first. The number
/// makes an event count once, and names its answer. At most 2^52.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventNumber(pub u64);

/// Counts the committed states of a component. It goes up by one with each step that commits, whatever
/// caused the step: an event, or a message from the server. A state that is revived goes on from its own
/// revision.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// Names the time in which one actor goes on with a component's state. Each start from a page's token, a
/// checkpoint or a store is a new life. With a store, lives of one component are ordered: the later one
/// has the higher number, and the store refuses the states of an earlier one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Life(pub u64);

/// Counts the owners of a shared component, the processes that have had its actor one after the other: the
/// later one has the higher number. Commits of an earlier owner do not count.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Term(pub u64);

impl EventNumber {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Life {
    /// A life after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Revision {
    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The point that a component has reached: which events its state includes, and how often the state was
/// committed. An event that fails raises the event number and not the revision; a message from the server
/// raises the revision and not the event number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// The last event that has been handled, or has failed.
    pub event: EventNumber,
    /// The committed state.
    pub revision: Revision,
}

impl Point {
    /// How many steps there are from here to `later`. An event that failed is a step, too: a checkpoint
    /// says that it has been answered.
    pub fn steps_to(self, later: Self) -> u64 {
        let events = later.event.0.saturating_sub(self.event.0);
        events.max(later.revision.0.saturating_sub(self.revision.0))
    }

    /// Whether everything that `other` includes is included here, too.
    pub fn includes(self, other: Self) -> bool {
        self.event >= other.event && self.revision >= other.revision
    }
}

macro_rules! shown_as_number {
    ($($name:ident),+) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        })+
    };
}

shown_as_number!(EventNumber, Revision, Life, Term);

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use super::*;
    use crate::effects::TaskId;

    /// Otherwise one counter could be given in place of another, and nobody would notice.
    #[test]
    fn no_counter_has_the_type_of_another() {
        let types = [
            TypeId::of::<EventNumber>(),
            TypeId::of::<Revision>(),
            TypeId::of::<Life>(),
            TypeId::of::<Term>(),
            TypeId::of::<TaskId>(),
            // A call's number, an actor's.
            TypeId::of::<ActorKey>(),
            // The type of a page's ticket.
            TypeId::of::<String>(),
        ];
        for (at, one) in types.iter().enumerate() {
            assert!(!types[at + 1..].contains(one), "{at}");
        }
    }

    #[test]
    fn a_failure_is_a_step_and_no_revision() {
        let at = |event, revision| Point {
            event: EventNumber(event),
            revision: Revision(revision),
        };
        assert_eq!(at(1, 1).steps_to(at(3, 1)), 2);
        assert_eq!(at(1, 1).steps_to(at(1, 4)), 3);
        assert!(at(3, 1).includes(at(1, 1)) && !at(1, 1).includes(at(3, 1)));
        assert!(!at(3, 1).includes(at(1, 2)) && !at(1, 2).includes(at(3, 1)));
    }
}
