//! The messages of a component that its page may not have: answers to events, and changes that no event asked
//! for. Each is kept until the page has shown that it has it, or until all together are larger than the whole
//! tree.

use std::collections::VecDeque;

use crate::effects::Push;
use crate::ids::{ActorKey, EventNumber, Point, Revision};
use crate::outbox::Outbox;
use crate::protocol::extended::{self, Encoded};

/// The fewest bytes of answers that are kept for a page that may have missed them.
const MIN_BYTES: usize = 1024;
/// The most bytes of answers that are kept, however large the component's tree is.
const MAX_BYTES: usize = 64 * 1024;
/// The most failures, redirects, pushes and forms to be kept that are remembered for a page that has missed them
/// and is shown the tree, because a tree does not repeat them. Their bytes are bounded by `MAX_BYTES`; but the
/// pushes of the newest step are remembered, however large they are.
const MAX_UNSAID: usize = 256;
/// Bytes of pushes that wait behind a change that is held back. If there are more, the change is not held back any
/// longer, or the oldest of them would be forgotten.
const MUCH_TO_PUSH: usize = MAX_BYTES / 2;
/// The bytes that each step with pushes counts beside its pushes, so that fewer than `MAX_UNSAID` wait, too.
const PUSHING: usize = MUCH_TO_PUSH / (MAX_UNSAID / 2);

/// The kind of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// An event, or several of which this is the last, has failed. Nothing was committed.
    Failure,
    /// An event was handled, and the state committed.
    Answer,
    /// The state was committed without an event.
    Change,
}

/// The answer to one event, or to several events, the last of which is `point.event`; or a change without an
/// event.
pub(crate) struct Answer {
    /// The component's point after this answer.
    pub(crate) point: Point,
    pub(crate) says: Says,
    pub(crate) encoded: Encoded,
    pub(crate) redirect: Option<String>,
    pub(crate) keeps_form: bool,
    pub(crate) pushes: Vec<Push>,
}

impl Answer {
    fn size(&self) -> usize {
        self.encoded.size() + self.push_size() + self.redirect.as_deref().map_or(0, str::len)
    }

    fn push_size(&self) -> usize {
        self.pushes.iter().map(Push::size).sum()
    }

    /// Sends this to a page that shows the revision `shown`, which then shows the next one.
    pub(crate) fn push(&self, outbox: &Outbox, key: ActorKey, id: &str, shown: &mut Revision) {
        self.push_beside(outbox, key, id);
        if self.says != Says::Failure {
            push_revision(outbox, key, id, shown, self.point.revision);
        }
        outbox.push_encoded(key, id, &self.encoded);
    }

    /// Errors and redirects: a full tree does not repeat them, nor does a later answer.
    pub(crate) fn push_unsaid(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        self.push_beside(outbox, key, id);
        if self.says == Says::Failure {
            outbox.push_encoded(key, id, &self.encoded);
        }
    }

    /// The messages that go before the answer. If the page has the answer, it has these messages too.
    fn push_beside(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        if let Some(url) = &self.redirect {
            outbox.push(key, extended::redirect(url));
        }
        if self.keeps_form {
            outbox.push(key, extended::keep_form(id, self.point.event));
        }
        for push in &self.pushes {
            outbox.push(key, extended::push(id, push));
        }
    }

    /// Whether the answer has a part that a later tree or answer does not repeat.
    fn is_unsaid(&self) -> bool {
        self.says == Says::Failure
            || self.redirect.is_some()
            || self.keeps_form
            || !self.pushes.is_empty()
    }

    /// Whether a page that has the answer to event `seen` has this. A change that came after the answer may
    /// still be on its way.
    fn is_before(&self, seen: EventNumber) -> bool {
        let event = self.point.event;
        event < seen || (event == seen && self.says != Says::Change)
    }
}

/// Names the `next` revision to a page that shows `shown`, unless it is the one after that.
pub(crate) fn push_revision(
    outbox: &Outbox,
    key: ActorKey,
    id: &str,
    shown: &mut Revision,
    next: Revision,
) {
    if next != shown.next() {
        outbox.push(key, extended::revision(id, next));
    }
    *shown = next;
}

/// The answers of one component.
pub(crate) struct Answers {
    /// The component's point now.
    last: Point,
    kept: VecDeque<Answer>,
    bytes: usize,
    /// Failures, redirects and forms to be kept among the answers that are not kept.
    unsaid: VecDeque<Answer>,
    unsaid_bytes: usize,
    /// Bytes of the pushes that were kept and not sent, and `PUSHING` for each step. Cleared by `all_is_sent`.
    unsent: usize,
    /// Everything up to here is not kept.
    forgotten: Point,
    tree_bytes: usize,
}

impl Answers {
    /// No answers yet, of a component that is at `point`.
    pub(crate) fn new(point: Point) -> Self {
        Self {
            last: point,
            kept: VecDeque::new(),
            bytes: 0,
            unsaid: VecDeque::new(),
            unsaid_bytes: 0,
            unsent: 0,
            forgotten: point,
            tree_bytes: 0,
        }
    }

    /// The component's point now.
    pub(crate) fn last(&self) -> Point {
        self.last
    }

    /// The component is here now, and the page needs no message of it; or the page never resumes.
    pub(crate) fn move_to(&mut self, point: Point) {
        self.last = point;
    }

    /// Whether everything after `shown` is kept.
    pub(crate) fn reach_back_to(&self, shown: Point) -> bool {
        shown.includes(self.forgotten) && self.last.includes(shown)
    }

    /// The page has the answers up to event `seen`: they are kept no more.
    pub(crate) fn has_seen(&mut self, seen: EventNumber) {
        self.drop_while(|answer| answer.is_before(seen));
    }

    /// The page shows this: answers that it includes are kept no longer.
    pub(crate) fn has_shown(&mut self, shown: Point) {
        self.drop_while(|answer| shown.includes(answer.point));
    }

    fn drop_while(&mut self, is_there: impl Fn(&Answer) -> bool) {
        while let Some(oldest) = self.kept.front()
            && is_there(oldest)
        {
            self.forget_oldest();
        }
        while let Some(oldest) = self.unsaid.front()
            && is_there(oldest)
        {
            self.unsaid_bytes -= oldest.size();
            self.unsaid.pop_front();
        }
    }

    /// Keeps the next answer.
    pub(crate) fn keep(&mut self, answer: Answer) {
        self.last = answer.point;
        self.bytes += answer.size();
        if !answer.pushes.is_empty() {
            self.unsent += answer.push_size() + PUSHING;
        }
        self.kept.push_back(answer);
        // If the answers are larger than the tree, a page that comes back is better shown the tree.
        let most = self.tree_bytes.clamp(MIN_BYTES, MAX_BYTES);
        while self.bytes > most {
            self.forget_oldest();
        }
    }

    /// All that is kept was sent to the page, which may not have it.
    pub(crate) fn all_is_sent(&mut self) {
        self.unsent = 0;
    }

    /// Whether more pushes wait behind the changes that are held back than may wait for long.
    pub(crate) fn has_much_to_push(&self) -> bool {
        self.unsent >= MUCH_TO_PUSH
    }

    /// The page is sent the tree as it is at `point`: nothing up to there is needed.
    pub(crate) fn forget_up_to(&mut self, point: Point) {
        while self.forget_oldest() {}
        self.last = point;
        self.forgotten = point;
    }

    /// Notes how many bytes the tree was when it was sent.
    pub(crate) fn set_tree_bytes(&mut self, bytes: usize) {
        self.tree_bytes = bytes;
    }

    /// The memory of all that is kept.
    pub(crate) fn memory(&self) -> usize {
        let count = self.kept.len() + self.unsaid.len();
        self.bytes + self.unsaid_bytes + count * size_of::<Answer>()
    }

    /// The kept answers, in their order.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Answer> {
        self.kept.iter()
    }

    /// The failures, redirects and forms to be kept of the answers before the kept ones. A tree does not
    /// repeat them.
    pub(crate) fn unsaid(&self) -> impl Iterator<Item = &Answer> {
        self.unsaid.iter()
    }

    /// The answers after `shown` that a tree does not repeat.
    pub(crate) fn unsaid_after(&self, shown: Point) -> impl Iterator<Item = &Answer> {
        let kept = self.kept.iter().filter(|answer| answer.is_unsaid());
        let all = self.unsaid.iter().chain(kept);
        all.filter(move |answer| !shown.includes(answer.point))
    }

    /// Takes over the answers that another process could not send.
    pub(crate) fn leave_unsaid(&mut self, answers: Vec<Answer>) {
        self.unsaid_bytes += answers.iter().map(Answer::size).sum::<usize>();
        self.unsaid.extend(answers);
    }

    /// Forgets the oldest kept answer, but for the part that no tree repeats. False if no answer is kept.
    fn forget_oldest(&mut self) -> bool {
        let Some(mut oldest) = self.kept.pop_front() else {
            return false;
        };
        self.bytes -= oldest.size();
        self.forgotten = oldest.point;
        if oldest.is_unsaid() {
            if oldest.says != Says::Failure {
                oldest.encoded = Encoded::default();
            }
            self.unsaid_bytes += oldest.size();
            let newest = oldest.push_size();
            self.unsaid.push_back(oldest);
            while self.unsaid.len() > MAX_UNSAID
                || self.unsaid_bytes.saturating_sub(newest) > MAX_BYTES
            {
                let Some(oldest) = self.unsaid.pop_front() else {
                    break;
                };
                self.unsaid_bytes -= oldest.size();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(event: u64, revision: u64) -> Point {
        Point {
            event: EventNumber(event),
            revision: Revision(revision),
        }
    }

    fn kept(answers: &Answers) -> Vec<(u64, u64)> {
        let kept = answers.kept();
        kept.map(|answer| (answer.point.event.0, answer.point.revision.0))
            .collect()
    }

    fn of(says: Says, point: Point) -> Answer {
        Answer {
            point,
            says,
            encoded: extended::unhandled(point.event, 1, "", false),
            redirect: None,
            keeps_form: false,
            pushes: Vec::new(),
        }
    }

    /// Event 1, a change, event 2 that fails, a change, event 3.
    fn five() -> Answers {
        let mut answers = Answers::new(Point::default());
        answers.keep(of(Says::Answer, at(1, 1)));
        answers.keep(of(Says::Change, at(1, 2)));
        answers.keep(of(Says::Failure, at(2, 2)));
        answers.keep(of(Says::Change, at(2, 3)));
        answers.keep(of(Says::Answer, at(3, 4)));
        answers
    }

    #[test]
    fn a_change_after_the_last_answer_that_was_seen_may_be_on_its_way() {
        let mut answers = five();
        answers.has_seen(EventNumber(1));
        assert_eq!(kept(&answers), [(1, 2), (2, 2), (2, 3), (3, 4)]);
        answers.has_seen(EventNumber(2));
        assert_eq!(kept(&answers), [(2, 3), (3, 4)]);
        answers.has_seen(EventNumber(3));
        assert_eq!(kept(&answers), []);
    }

    #[test]
    fn a_page_gets_what_follows_the_point_that_it_shows() {
        for (shown, rest) in [
            (at(0, 0), &[(1, 1), (1, 2), (2, 2), (2, 3), (3, 4)][..]),
            (at(1, 1), &[(1, 2), (2, 2), (2, 3), (3, 4)]),
            (at(1, 2), &[(2, 2), (2, 3), (3, 4)]),
            (at(2, 2), &[(2, 3), (3, 4)]),
            (at(2, 3), &[(3, 4)]),
            (at(3, 4), &[]),
        ] {
            let mut answers = five();
            assert!(answers.reach_back_to(shown));
            answers.has_shown(shown);
            assert_eq!(kept(&answers), rest, "{shown:?}");
        }
        assert!(!five().reach_back_to(at(3, 5)), "of another life");
        let mut answers = five();
        answers.move_to(at(3, 9));
        assert!(
            answers.reach_back_to(at(3, 4)),
            "what nobody sees needs no message"
        );
        answers.forget_up_to(at(3, 9));
        assert!(!answers.reach_back_to(at(3, 4)));
    }

    /// Pushes that come while changes are held back are all there when the changes are sent, if that is soon
    /// enough.
    #[test]
    fn pushes_that_wait_are_kept_until_there_are_too_many_and_those_of_the_newest_step_always() {
        let pushing = |number: u64, bytes: usize| Answer {
            pushes: vec![Push {
                name: "p".into(),
                data: "x".repeat(bytes - 1).into(),
            }],
            ..of(Says::Change, at(0, number))
        };
        for bytes in [1, 100, 5_000, 200_000] {
            let mut answers = Answers::new(Point::default());
            let mut count = 0;
            while !answers.has_much_to_push() {
                count += 1;
                answers.keep(pushing(count, bytes));
            }
            // One more step before they are sent, which may push much.
            answers.keep(pushing(count + 1, 1_000_000));
            let waits = |answers: &Answers| answers.unsaid().chain(answers.kept()).count() as u64;
            let all = if bytes > MAX_BYTES { 1 } else { count + 1 };
            assert_eq!(waits(&answers), all, "of {bytes}");
            answers.all_is_sent();
            assert!(!answers.has_much_to_push());
            // Answers that were sent are forgotten first.
            for number in count + 2..count + 500 {
                answers.keep(pushing(number, 1_000));
            }
            assert!(waits(&answers) < 100);
            assert!(answers.unsaid_bytes <= MAX_BYTES + 1_000);
        }
    }

    /// A page that comes back is told of failures, however many they were.
    #[test]
    fn failures_and_redirects_that_are_kept_are_bounded_in_bytes() {
        let mut answers = Answers::new(Point::default());
        for number in 1..=1000 {
            let point = at(number, 0);
            let text = "x".repeat(10_000);
            let is_failure = number % 2 == 0;
            answers.keep(Answer {
                point,
                says: if is_failure {
                    Says::Failure
                } else {
                    Says::Answer
                },
                encoded: extended::unhandled(point.event, 1, &text, false),
                redirect: (!is_failure).then_some(text),
                keeps_form: false,
                pushes: Vec::new(),
            });
            answers.forget_up_to(point);
        }
        let bytes: usize = answers.unsaid().map(Answer::size).sum();
        assert!((20_000..=MAX_BYTES).contains(&bytes), "{bytes}");
        assert_eq!(answers.unsaid_bytes, bytes);
        answers.has_seen(EventNumber(999));
        assert_eq!(answers.unsaid().count(), 1);
        answers.has_seen(EventNumber(1000));
        assert_eq!((answers.unsaid().count(), answers.unsaid_bytes), (0, 0));
    }
}
