//! What became of one viewer's events, until its page has shown that it knows. Pure.

use std::collections::VecDeque;

use crate::effects::Push;
use crate::ids::{EventNumber, Revision};
use crate::protocol::extended::Encoded;

/// The most events that are remembered for a page that may not know of them. The client has fewer under way.
const MOST: usize = 256;
/// The most bytes of what is remembered.
const MOST_BYTES: usize = 64 * 1024;

/// What became of an event.
#[derive(Clone)]
pub(super) enum Outcome {
    /// It was handled and committed; the page sees so with the frame that includes the revision.
    Applied {
        redirect: Option<Box<str>>,
        keeps_form: bool,
        pushes: Box<[Push]>,
    },
    /// It has failed, or several have of which it is the last. Nothing was committed.
    Failed {
        encoded: Encoded,
        redirect: Option<Box<str>>,
        /// How many answers the classic dialect gives, and the text of each.
        count: u64,
        text: Box<str>,
    },
}

impl Outcome {
    fn size(&self) -> usize {
        match self {
            Self::Applied {
                redirect, pushes, ..
            } => {
                let pushes = pushes.iter().map(Push::size).sum::<usize>();
                pushes + redirect.as_deref().map_or(0, str::len)
            }
            Self::Failed {
                encoded,
                redirect,
                text,
                ..
            } => encoded.size() + text.len() + redirect.as_deref().map_or(0, str::len),
        }
    }
}

/// What became of one event, and the state that the component was in then.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) event: EventNumber,
    pub(super) revision: Revision,
    pub(super) outcome: Outcome,
}

/// The outcomes of one viewer's events, in their order.
#[derive(Default)]
pub(super) struct Sayings {
    list: VecDeque<Said>,
    /// How many of them have been sent on this connection.
    sent: usize,
    bytes: usize,
    /// The last event that has been handled, or has failed.
    handled: EventNumber,
    /// The last event that the page has been told of.
    told: EventNumber,
    /// What became of the events up to this one is not remembered.
    forgotten: EventNumber,
}

impl Sayings {
    /// Of a viewer whose last event was this one.
    pub(super) fn begin(&mut self, handled: EventNumber) {
        *self = Self {
            handled,
            told: handled,
            forgotten: handled,
            ..Self::default()
        };
    }

    /// The last event that has been handled, or has failed.
    pub(super) fn handled(&self) -> EventNumber {
        self.handled
    }

    /// The last event that the page has been told of.
    pub(super) fn told(&self) -> EventNumber {
        self.told
    }

    /// Remembers what became of the next event.
    pub(super) fn add(&mut self, said: Said) {
        self.handled = said.event;
        self.bytes += said.outcome.size();
        self.list.push_back(said);
        while self.list.len() > MOST || (self.bytes > MOST_BYTES && self.list.len() > 1) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.list.pop_front() {
            self.bytes -= oldest.outcome.size();
            self.forgotten = oldest.event;
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// The page knows what became of its events up to this one.
    pub(super) fn has_seen(&mut self, seen: EventNumber) {
        while let Some(oldest) = self.list.front()
            && oldest.event <= seen
        {
            self.forget_oldest();
        }
    }

    /// Whether it is remembered what became of all events after `seen`.
    pub(super) fn covers(&self, seen: EventNumber) -> bool {
        seen >= self.forgotten
    }

    /// Nothing has been sent on the page's new connection; the page knows of its events up to `seen`.
    pub(super) fn again(&mut self, seen: EventNumber) {
        self.has_seen(seen);
        self.sent = 0;
        self.told = seen.max(self.forgotten).min(self.handled);
    }

    /// The next outcome to be sent before the frame to `revision`: of an event that the frame includes, or that
    /// has failed before it.
    pub(super) fn next_in(&mut self, revision: Revision) -> Option<&Said> {
        let next = self.list.get(self.sent)?;
        let is_after = match next.outcome {
            Outcome::Applied { .. } => next.revision > revision,
            Outcome::Failed { .. } => next.revision >= revision,
        };
        if is_after { None } else { self.next(revision) }
    }

    /// The next outcome to be sent that the state at `revision` includes.
    pub(super) fn next(&mut self, revision: Revision) -> Option<&Said> {
        let next = self.list.get(self.sent)?;
        if next.revision > revision {
            return None;
        }
        self.sent += 1;
        self.told = next.event;
        Some(next)
    }

    /// Whether everything has been sent.
    pub(super) fn is_sent(&self) -> bool {
        self.sent == self.list.len()
    }
}
