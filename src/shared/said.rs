//! The results of one viewer's events, until its page has shown that it knows them. Pure.

use std::collections::VecDeque;

use super::failures::Failed;
use crate::effects::Push;
use crate::ids::{EventNumber, Revision};
use crate::protocol::ServerMessage;
use crate::protocol::extended::{self, Encoded};

/// The most events that are remembered for a page that may not know of them. The client has fewer under way.
const MOST: usize = 256;
/// The most bytes of results that are remembered.
const MOST_BYTES: usize = 64 * 1024;

/// The most failures of one viewer that are kept beside a state.
const MOST_FAILED: usize = 32;
/// The text for an event that has failed, if its own text is not known any more.
const HAS_FAILED: &str = "The server could not handle this.";

/// The result of an event.
#[derive(Clone)]
pub(super) enum Outcome {
    /// The event was handled and committed; the page sees this with the frame that includes the revision.
    Applied {
        redirect: Option<Box<str>>,
        keeps_form: bool,
        pushes: Box<[Push]>,
    },
    /// The event has failed, or several events have and this is the last of them. Nothing was committed.
    Failed {
        encoded: Encoded,
        redirect: Option<Box<str>>,
        /// How many answers the classic dialect gives, and the text of each.
        count: u64,
        text: Box<str>,
        /// The events are too old.
        is_expired: bool,
    },
}

impl Outcome {
    /// The message that an event has failed, or that the `count` events up to it are not handled.
    pub(super) fn failed(
        event: EventNumber,
        count: u64,
        text: &str,
        is_expired: bool,
        redirect: Option<Box<str>>,
    ) -> Self {
        let encoded = match (count, is_expired) {
            (1, false) => extended::encode(&ServerMessage::Error(text), event),
            _ => extended::unhandled(event, count, text, is_expired),
        };
        Self::Failed {
            encoded,
            redirect,
            count,
            text: text.into(),
            is_expired,
        }
    }

    pub(super) fn size(&self) -> usize {
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

/// The result of one event, and the component's point then.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) event: EventNumber,
    pub(super) revision: Revision,
    pub(super) outcome: Outcome,
}

/// The results of a viewer's events, if only its last event and the failed events are known. Gives the event
/// up to which nothing is remembered, and the rest.
pub(super) fn remembered(handled: EventNumber, failed: &[Failed]) -> (EventNumber, Vec<Said>) {
    let Some((first, _)) = failed.first() else {
        return (handled, Vec::new());
    };
    let of = |event, outcome| Said {
        event,
        // Any tree includes it.
        revision: Revision::default(),
        outcome,
    };
    let applied = || Outcome::Applied {
        redirect: None,
        keeps_form: false,
        pushes: Box::default(),
    };
    let base = EventNumber(first.0.saturating_sub(1));
    let (mut last, mut all) = (base, Vec::new());
    for (first, end) in failed {
        let before = EventNumber(first.0.saturating_sub(1));
        if before > last {
            all.push(of(before, applied()));
        }
        let count = end.0.saturating_sub(before.0);
        all.push(of(
            *end,
            Outcome::failed(*end, count, HAS_FAILED, false, None),
        ));
        last = *end;
    }
    if handled > last {
        all.push(of(handled, applied()));
    }
    (base, all)
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
    /// The results of events up to this one are not remembered.
    forgotten: EventNumber,
}

impl Sayings {
    /// For a viewer whose last event was this one, at least: an event that was still running may have been
    /// noted here before.
    pub(super) fn begin(&mut self, handled: EventNumber) {
        self.has_seen(handled);
        self.handled = self.handled.max(handled);
        self.told = self.told.max(handled);
        self.forgotten = self.forgotten.max(handled);
    }

    /// About how many bytes all of this takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes + self.list.len() * size_of::<Said>()
    }

    /// The last event that has been handled, or has failed.
    pub(super) fn handled(&self) -> EventNumber {
        self.handled
    }

    /// The last event that the page has been told of.
    pub(super) fn told(&self) -> EventNumber {
        self.told
    }

    /// Remembers the result of the next event.
    pub(super) fn add(&mut self, said: Said) {
        self.handled = said.event;
        self.bytes += said.outcome.size();
        self.list.push_back(said);
        self.forget_too_many();
    }

    /// Remembers the result of an event that becomes known only now: results of later events may be
    /// remembered already. Nothing has been sent on the page's connection so far.
    pub(super) fn insert(&mut self, said: Said) {
        let place = self.list.binary_search_by_key(&said.event, |one| one.event);
        let Err(at) = place else {
            return;
        };
        if said.event > self.forgotten {
            self.handled = self.handled.max(said.event);
            self.bytes += said.outcome.size();
            self.list.insert(at, said);
            self.forget_too_many();
        }
    }

    fn forget_too_many(&mut self) {
        while self.list.len() > MOST || (self.bytes > MOST_BYTES && self.list.len() > 1) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.list.pop_front() {
            self.bytes -= oldest.outcome.size();
            self.forgotten = self.forgotten.max(oldest.event);
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// The page knows the results of its events up to this one.
    pub(super) fn has_seen(&mut self, seen: EventNumber) {
        while let Some(oldest) = self.list.front()
            && oldest.event <= seen
        {
            self.forget_oldest();
        }
    }

    /// The results of events up to this one are not remembered, or the page knows them.
    pub(super) fn forgotten(&self) -> EventNumber {
        self.forgotten
    }

    /// The results that the page may not know.
    pub(super) fn all(&self) -> Vec<Said> {
        self.list.iter().cloned().collect()
    }

    /// Which events have failed, as far as the page is not known to know of them: the newest.
    pub(super) fn failed(&self) -> Vec<Failed> {
        let mut all: Vec<Failed> = Vec::new();
        for said in &self.list {
            let Outcome::Failed { count, .. } = said.outcome else {
                continue;
            };
            let first = EventNumber((said.event.0 + 1).saturating_sub(count));
            match all.last_mut() {
                Some((_, last)) if last.0 + 1 >= first.0 => *last = said.event,
                _ => all.push((first, said.event)),
            }
        }
        all.split_off(all.len().saturating_sub(MOST_FAILED))
    }

    /// Whether the results of all events after `seen` are remembered.
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

    /// Whether [`next`](Self::next) has something.
    pub(super) fn has_next(&self, revision: Revision) -> bool {
        let next = self.list.get(self.sent);
        next.is_some_and(|next| next.revision <= revision)
    }

    /// Whether everything has been sent.
    pub(super) fn is_sent(&self) -> bool {
        self.sent == self.list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(event: u64, revision: u64) -> Said {
        Said {
            event: EventNumber(event),
            revision: Revision(revision),
            outcome: Outcome::Applied {
                redirect: None,
                keeps_form: false,
                pushes: Box::default(),
            },
        }
    }

    fn failed(event: u64, revision: u64, text: &str) -> Said {
        let outcome = Outcome::Failed {
            encoded: Encoded::default(),
            redirect: None,
            count: 1,
            text: text.into(),
            is_expired: false,
        };
        Said {
            outcome,
            ..applied(event, revision)
        }
    }

    fn all(mut next: impl FnMut() -> Option<u64>) -> Vec<u64> {
        std::iter::from_fn(&mut next).collect()
    }

    /// Event 1 is applied, 2 fails, 3 is applied, 4 fails after it.
    fn four() -> Sayings {
        let mut said = Sayings::default();
        said.add(applied(1, 1));
        said.add(failed(2, 1, "no"));
        said.add(applied(3, 2));
        said.add(failed(4, 2, "no"));
        said
    }

    #[test]
    fn what_became_of_events_is_said_in_order_with_the_frame_that_includes_them() {
        let mut said = four();
        let in_first = all(|| said.next_in(Revision(1)).map(|said| said.event.0));
        assert_eq!((in_first, said.told()), (vec![1], EventNumber(1)));
        let in_second = all(|| said.next_in(Revision(2)).map(|said| said.event.0));
        assert_eq!((in_second, said.told()), (vec![2, 3], EventNumber(3)));
        assert_eq!(said.handled(), EventNumber(4));
        let rest = all(|| said.next(Revision(2)).map(|said| said.event.0));
        assert_eq!((rest, said.is_sent()), (vec![4], true));
        // One frame may include all of them.
        let mut said = four();
        let in_one = all(|| said.next_in(Revision(2)).map(|said| said.event.0));
        assert_eq!(in_one, [1, 2, 3]);
        assert!(four().next(Revision(0)).is_none(), "not before it is shown");
    }

    #[test]
    fn what_a_page_has_not_seen_is_said_again_on_its_next_connection() {
        let mut said = four();
        all(|| said.next(Revision(2)).map(|said| said.event.0));
        said.has_seen(EventNumber(1));
        assert!(said.covers(EventNumber(1)) && !said.covers(EventNumber(0)));
        said.again(EventNumber(2));
        assert_eq!(said.told(), EventNumber(2));
        let again = all(|| said.next(Revision(2)).map(|said| said.event.0));
        assert_eq!(again, [3, 4]);
        // A page cannot have seen an event that there has not been.
        said.again(EventNumber(99));
        assert_eq!(said.told(), EventNumber(4));
    }

    #[test]
    fn what_has_failed_is_remembered_beside_a_state() {
        let [one, five, seven, nine] = [1, 5, 7, 9].map(EventNumber);
        let mut said = Sayings::default();
        assert_eq!(said.failed(), []);
        for (event, is_applied) in [(1, true), (5, false), (6, false), (7, false), (8, true)] {
            said.add(match is_applied {
                true => applied(event, event),
                false => failed(event, 1, "no"),
            });
        }
        assert_eq!(said.failed(), [(five, seven)]);
        let (base, all) = remembered(nine, &[(one, one), (five, seven)]);
        let outcomes = all.iter().map(|one| match one.outcome {
            Outcome::Applied { .. } => (one.event.0, 0),
            Outcome::Failed { count, .. } => (one.event.0, count),
        });
        assert_eq!(base, EventNumber(0));
        assert_eq!(
            outcomes.collect::<Vec<_>>(),
            [(1, 1), (4, 0), (7, 3), (9, 0)]
        );
        assert!(matches!(remembered(nine, &[]), (base, all) if base == nine && all.is_empty()));
        said.has_seen(seven);
        assert_eq!(said.failed(), []);
        (100..1000).for_each(|event| said.add(failed(event * 2, 1, "no")));
        assert_eq!(said.failed().len(), MOST_FAILED);
    }

    #[test]
    fn what_was_told_too_late_takes_its_place() {
        let mut said = Sayings::default();
        // While a page joins, the result of its next event may be known before the results of earlier ones.
        said.add(applied(7, 4));
        said.begin(EventNumber(3));
        for event in [4, 5, 7, 3, 6] {
            said.insert(failed(event, 3, "no"));
        }
        said.again(EventNumber(4));
        let all: Vec<u64> = said.all().iter().map(|one| one.event.0).collect();
        assert_eq!(all, [5, 6, 7]);
        assert_eq!(
            (said.handled(), said.forgotten()),
            (EventNumber(7), EventNumber(4))
        );
        assert_eq!(
            said.next_in(Revision(4)).map(|one| one.event),
            Some(EventNumber(5))
        );
    }

    #[test]
    fn a_viewer_that_goes_on_from_its_number_has_nothing_to_be_told() {
        let mut said = Sayings::default();
        said.begin(EventNumber(7));
        assert!(said.covers(EventNumber(7)) && !said.covers(EventNumber(6)));
        assert_eq!((said.told(), said.is_sent()), (EventNumber(7), true));
    }

    #[test]
    fn an_event_that_was_still_handled_when_its_viewer_ended_is_told_to_the_next_one() {
        let mut said = Sayings::default();
        said.add(applied(8, 3));
        said.begin(EventNumber(7));
        assert_eq!(
            (said.told(), said.handled()),
            (EventNumber(7), EventNumber(8))
        );
        assert_eq!(all(|| said.next(Revision(3)).map(|said| said.event.0)), [8]);
        // That event was known already.
        said.begin(EventNumber(8));
        assert_eq!(
            (said.told(), said.handled()),
            (EventNumber(8), EventNumber(8))
        );
        assert!(said.is_sent() && said.covers(EventNumber(8)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut said = Sayings::default();
        for event in 1..=1000 {
            said.add(failed(event, 1, &"x".repeat(1000)));
        }
        let bytes: usize = said.list.iter().map(|said| said.outcome.size()).sum();
        assert_eq!(said.bytes, bytes);
        assert!((32_000..=MOST_BYTES).contains(&bytes), "{bytes}");
        for event in 1001..=2000 {
            said.add(applied(event, event));
        }
        assert_eq!(said.list.len(), MOST);
    }
}
