//! What is between a topic of this process and the same topic in others.
//!
//! * `own.rs`: the entries of this process in a topic. `copy.rs`: those of the others. Both are pure.
//! * `entry.rs`: one entry. `said.rs`: what processes tell each other. Both are pure.
//! * `outbox.rs`: the topics of which others are to be told something.

mod copy;
mod entry;
mod outbox;
mod own;
mod said;

use tokio::time::Instant;

pub(super) use copy::{Copy, Found};
pub(super) use entry::Told;
pub(super) use outbox::Outbox;
pub(super) use own::{Own, Write};
pub(super) use said::Said;

/// The state between a topic and Redis.
#[derive(Default)]
pub(in crate::presence) struct Beyond {
    pub(in crate::presence) own: Own,
    /// The entries of other processes, while the topic is watched.
    pub(in crate::presence) copy: Option<Copy>,
    /// The topic stands in the outbox.
    pub(in crate::presence) is_listed: bool,
}

impl Beyond {
    /// Whether nothing is lost if it goes.
    pub(in crate::presence) fn is_empty(&self) -> bool {
        self.own.is_empty() && !self.is_listed
    }

    /// How many entries of this process are gone and count.
    pub(in crate::presence) fn gone(&self) -> usize {
        self.own.gone()
    }

    /// When the next grace of an entry of this process is over.
    pub(in crate::presence) fn due(&self) -> Option<Instant> {
        self.own.due()
    }

    /// Whether the topic is to be put into the outbox now.
    pub(in crate::presence) fn lists(&mut self) -> bool {
        self.own.is_due() && !std::mem::replace(&mut self.is_listed, true)
    }

    /// Ends entries of this process whose grace is over.
    pub(in crate::presence) fn expire(&mut self, now: Instant, most: usize) {
        let over = self.own.expire(now, most);
        if let Some(copy) = &mut self.copy {
            copy.own_ended(&over);
        }
    }
}
