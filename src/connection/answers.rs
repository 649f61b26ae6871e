//! What a component has answered and its page may not have: kept until the page has shown that it has
//! it, or until showing the whole tree costs no more.

use std::collections::VecDeque;

use super::outbox::Outbox;
use crate::dispatch::ActorKey;
use crate::protocol::extended::{self, Encoded};

/// The fewest bytes of answers that are kept for a page that may have missed them.
const MIN_BYTES: usize = 1024;
/// The most, however large the component's tree is.
const MAX_BYTES: usize = 64 * 1024;
/// So many failures, redirects and forms to be kept are remembered for a page that has missed them and is shown the tree anew:
/// it says nothing of them.
const MAX_UNSAID: usize = 256;

/// What was said to one event, or to the last of several.
pub(super) struct Answer {
    pub(super) number: u64,
    pub(super) is_failure: bool,
    pub(super) encoded: Encoded,
    pub(super) redirect: Option<String>,
    pub(super) keeps_form: bool,
}

impl Answer {
    pub(super) fn push(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        self.push_beside(outbox, key, id);
        outbox.push_encoded(key, id, &self.encoded);
    }

    /// What no tree says of it, nor a later answer.
    pub(super) fn push_unsaid(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        if self.is_failure {
            self.push(outbox, key, id);
        } else {
            self.push_beside(outbox, key, id);
        }
    }

    /// What goes before the answer: if the page has the answer, it has had this too.
    fn push_beside(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        if let Some(url) = &self.redirect {
            outbox.push(key, extended::redirect(url));
        }
        if self.keeps_form {
            outbox.push(key, extended::keep_form(id, self.number));
        }
    }

    /// A later tree or answer does not say all of it.
    fn is_unsaid(&self) -> bool {
        self.is_failure || self.redirect.is_some() || self.keeps_form
    }
}

/// The answers of one component.
pub(super) struct Answers {
    last: u64,
    kept: VecDeque<Answer>,
    bytes: usize,
    /// Failures, redirects and forms to be kept among the answers that are not kept.
    unsaid: VecDeque<Answer>,
    /// The last answer that is not kept.
    forgotten: u64,
    tree_bytes: usize,
}

impl Answers {
    /// None so far, of a state that includes the events up to `number`.
    pub(super) fn new(number: u64) -> Self {
        Self {
            last: number,
            kept: VecDeque::new(),
            bytes: 0,
            unsaid: VecDeque::new(),
            forgotten: number,
            tree_bytes: 0,
        }
    }

    /// The last event that has an answer.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// So many more events have been answered, to a page that never resumes.
    pub(super) fn count(&mut self, answered: u64) {
        self.last += answered;
    }

    /// Whether all that a page misses is kept, which has the answers up to `seen`.
    pub(super) fn reach_back_to(&self, seen: u64) -> bool {
        (self.forgotten..=self.last).contains(&seen)
    }

    /// The page has the answers up to this one.
    pub(super) fn has_seen(&mut self, seen: u64) {
        while let Some(oldest) = self.kept.front()
            && oldest.number <= seen
        {
            self.forget_oldest();
        }
        self.unsaid.retain(|answer| answer.number > seen);
    }

    /// The next one.
    pub(super) fn keep(&mut self, answer: Answer) {
        self.last = answer.number;
        self.bytes += answer.encoded.size();
        self.kept.push_back(answer);
        // More than that would be of no use.
        let most = self.tree_bytes.clamp(MIN_BYTES, MAX_BYTES);
        while self.bytes > most {
            self.forget_oldest();
        }
    }

    /// The tree says it all, as it is after event `number`.
    pub(super) fn forget_up_to(&mut self, number: u64) {
        while self.forget_oldest() {}
        self.last = number;
        self.forgotten = number;
    }

    /// The tree was sent, and so many bytes.
    pub(super) fn set_tree_bytes(&mut self, bytes: usize) {
        self.tree_bytes = bytes;
    }

    /// Those that are kept, in their order.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Answer> {
        self.kept.iter()
    }

    /// The failures, redirects and forms to be kept, which no tree says, before those that are kept.
    pub(super) fn unsaid(&self) -> impl Iterator<Item = &Answer> {
        self.unsaid.iter()
    }

    /// False where there is none.
    fn forget_oldest(&mut self) -> bool {
        let Some(mut oldest) = self.kept.pop_front() else {
            return false;
        };
        self.bytes -= oldest.encoded.size();
        self.forgotten = oldest.number;
        if oldest.is_unsaid() {
            if !oldest.is_failure {
                oldest.encoded = Encoded::default();
            }
            self.unsaid.push_back(oldest);
            if self.unsaid.len() > MAX_UNSAID {
                self.unsaid.pop_front();
            }
        }
        true
    }
}
