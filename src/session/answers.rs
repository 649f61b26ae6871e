//! The answers of a component that its page may not have. An answer is kept until the page has shown that
//! it has the answer, or until the answers together are larger than the whole tree.

use std::collections::VecDeque;

use crate::ids::ActorKey;
use crate::outbox::Outbox;
use crate::protocol::extended::{self, Encoded};

/// The fewest bytes of answers that are kept for a page that may have missed them.
const MIN_BYTES: usize = 1024;
/// The most bytes of answers that are kept, however large the component's tree is.
const MAX_BYTES: usize = 64 * 1024;
/// The most failures, redirects and forms to be kept that are remembered for a page that has missed them
/// and is shown the tree, because a tree does not repeat them. Their bytes are bounded by `MAX_BYTES`.
const MAX_UNSAID: usize = 256;

/// The answer to one event, or to several events of which `number` is the last.
pub(crate) struct Answer {
    pub(crate) number: u64,
    pub(crate) is_failure: bool,
    pub(crate) encoded: Encoded,
    pub(crate) redirect: Option<String>,
    pub(crate) keeps_form: bool,
}

impl Answer {
    fn size(&self) -> usize {
        self.encoded.size() + self.redirect.as_deref().map_or(0, str::len)
    }

    pub(crate) fn push(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        self.push_beside(outbox, key, id);
        outbox.push_encoded(key, id, &self.encoded);
    }

    /// Errors and redirects: a full tree does not repeat them, nor does a later answer.
    pub(crate) fn push_unsaid(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        if self.is_failure {
            self.push(outbox, key, id);
        } else {
            self.push_beside(outbox, key, id);
        }
    }

    /// The messages that go before the answer. If the page has the answer, it has these messages too.
    fn push_beside(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        if let Some(url) = &self.redirect {
            outbox.push(key, extended::redirect(url));
        }
        if self.keeps_form {
            outbox.push(key, extended::keep_form(id, self.number));
        }
    }

    /// Whether the answer has a part that a later tree or answer does not repeat.
    fn is_unsaid(&self) -> bool {
        self.is_failure || self.redirect.is_some() || self.keeps_form
    }
}

/// The answers of one component.
pub(crate) struct Answers {
    last: u64,
    kept: VecDeque<Answer>,
    bytes: usize,
    /// Failures, redirects and forms to be kept among the answers that are not kept.
    unsaid: VecDeque<Answer>,
    unsaid_bytes: usize,
    /// The last answer that is not kept.
    forgotten: u64,
    tree_bytes: usize,
}

impl Answers {
    /// No answers yet, for a state that includes the events up to `number`.
    pub(crate) fn new(number: u64) -> Self {
        Self {
            last: number,
            kept: VecDeque::new(),
            bytes: 0,
            unsaid: VecDeque::new(),
            unsaid_bytes: 0,
            forgotten: number,
            tree_bytes: 0,
        }
    }

    /// The last event that has an answer.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Counts so many more answers to a page that never resumes.
    pub(crate) fn count(&mut self, answered: u64) {
        self.last += answered;
    }

    /// Whether all answers after `seen` are kept.
    pub(crate) fn reach_back_to(&self, seen: u64) -> bool {
        (self.forgotten..=self.last).contains(&seen)
    }

    /// The page has the answers up to event `seen`: they are kept no more.
    pub(crate) fn has_seen(&mut self, seen: u64) {
        while let Some(oldest) = self.kept.front()
            && oldest.number <= seen
        {
            self.forget_oldest();
        }
        while let Some(oldest) = self.unsaid.front()
            && oldest.number <= seen
        {
            self.unsaid_bytes -= oldest.size();
            self.unsaid.pop_front();
        }
    }

    /// Keeps the next answer.
    pub(crate) fn keep(&mut self, answer: Answer) {
        self.last = answer.number;
        self.bytes += answer.size();
        self.kept.push_back(answer);
        // If the answers are larger than the tree, a page that comes back is better shown the tree.
        let most = self.tree_bytes.clamp(MIN_BYTES, MAX_BYTES);
        while self.bytes > most {
            self.forget_oldest();
        }
    }

    /// The page is sent the tree as it is after event `number`: no answer up to there is needed.
    pub(crate) fn forget_up_to(&mut self, number: u64) {
        while self.forget_oldest() {}
        self.last = number;
        self.forgotten = number;
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

    /// Forgets the oldest kept answer, but for the part that no tree repeats. False if no answer is kept.
    fn forget_oldest(&mut self) -> bool {
        let Some(mut oldest) = self.kept.pop_front() else {
            return false;
        };
        self.bytes -= oldest.size();
        self.forgotten = oldest.number;
        if oldest.is_unsaid() {
            if !oldest.is_failure {
                oldest.encoded = Encoded::default();
            }
            self.unsaid_bytes += oldest.size();
            self.unsaid.push_back(oldest);
            while self.unsaid.len() > MAX_UNSAID || self.unsaid_bytes > MAX_BYTES {
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

    /// What failed is told to a page that comes back, however much that would be.
    #[test]
    fn failures_and_redirects_that_are_kept_are_bounded_in_bytes() {
        let mut answers = Answers::new(0);
        for number in 1..=1000 {
            let text = "x".repeat(10_000);
            let is_failure = number % 2 == 0;
            answers.keep(Answer {
                number,
                is_failure,
                encoded: extended::unhandled(number, 1, &text, false),
                redirect: (!is_failure).then_some(text),
                keeps_form: false,
            });
            answers.forget_up_to(number);
        }
        let bytes: usize = answers.unsaid().map(Answer::size).sum();
        assert!((20_000..=MAX_BYTES).contains(&bytes), "{bytes}");
        assert_eq!(answers.unsaid_bytes, bytes);
        answers.has_seen(999);
        assert_eq!(answers.unsaid().count(), 1);
        answers.has_seen(1000);
        assert_eq!((answers.unsaid().count(), answers.unsaid_bytes), (0, 0));
    }
}
