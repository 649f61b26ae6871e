//! The last changes of a shared component, each encoded once for all its pages. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::effects::Push;
use crate::ids::Revision;
use crate::protocol::extended::Encoded;

/// The fewest bytes of changes that are kept for pages that have missed them.
const MIN_BYTES: usize = 1024;
/// The most bytes of changes that are kept, however large the tree is.
const MAX_BYTES: usize = 64 * 1024;
/// The most pushes to all pages that are kept for pages that have missed them. Their bytes are bounded by
/// [`MAX_BYTES`]. The pushes of the newest step are kept, however many and large they are.
const MAX_PUSHES: usize = 256;
/// Bytes of pushes that wait for the next change. If there are more, the change is not held back any longer, or the
/// oldest of them would be forgotten.
const MUCH_TO_PUSH: usize = MAX_BYTES / 2;
/// The bytes that each push counts beside its own, so that fewer than [`MAX_PUSHES`] wait, too.
const PUSHING: usize = MUCH_TO_PUSH / (MAX_PUSHES / 2);

/// A change, as each dialect says it.
#[derive(Debug)]
pub(crate) struct Change {
    /// Without a component's id and an event's number.
    pub(crate) extended: Encoded,
    /// The text before the id, and the text after it. Empty if no page speaks the classic dialect.
    pub(crate) classic: Option<[String; 2]>,
    /// The frame has a whole new tree, which the classic dialect cannot take as an answer.
    pub(crate) replaces: bool,
}

impl Change {
    fn size(&self) -> usize {
        let classic = self.classic.iter().flatten().map(String::len);
        self.extended.size() + classic.sum::<usize>() + size_of::<Frame>() + size_of::<Self>()
    }
}

/// A change that all pages get: from the frame before it to the revision `to`.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) to: Revision,
    pub(crate) change: Arc<Change>,
}

/// A push to all pages, by the step that committed this revision.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) revision: Revision,
    pub(crate) push: Arc<Push>,
    /// Bytes of all pushes before this one, and [`PUSHING`] for each.
    before: u64,
}

/// The frames and pushes that a page has not been sent. A copy, so that no lock is held while they are sent.
#[derive(Debug)]
pub(crate) struct Missed {
    /// The revision that the page shows when it has all of them.
    pub(crate) newest: Revision,
    pub(crate) frames: Vec<Frame>,
    pub(crate) pushes: VecDeque<Pushed>,
}

impl Missed {
    /// Takes the next push of the steps up to this revision.
    pub(crate) fn push_up_to(&mut self, revision: Revision) -> Option<Pushed> {
        let next = self.pushes.front()?;
        (next.revision <= revision).then(|| self.pushes.pop_front())?
    }
}

/// The frames that pages may have missed, in their order; and the pushes to all pages.
///
/// Architecture invariant: a page at a revision that the ring reaches back to, and that applies the frames after
/// it, shows what the component shows. The tests of `src/shared/ring.rs` watch it
/// (`a_page_at_any_revision_gets_the_rest`).
#[derive(Debug, Default)]
pub(crate) struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
    pushes: VecDeque<Pushed>,
    push_bytes: usize,
    /// Bytes of all pushes that there ever were, and [`PUSHING`] for each.
    pushed: u64,
    /// The same up to the last frame.
    sent: u64,
    /// Everything up to here is forgotten.
    base: Revision,
    /// The revision of a page that has all frames.
    newest: Revision,
    tree_bytes: usize,
}

impl Ring {
    /// Of a component whose life begins at this revision.
    pub(crate) fn new(revision: Revision) -> Self {
        Self {
            base: revision,
            newest: revision,
            ..Self::default()
        }
    }

    /// The revision of a page that has all frames.
    pub(crate) fn newest(&self) -> Revision {
        self.newest
    }

    /// Whether a page at this revision can go on from there.
    pub(crate) fn reaches(&self, revision: Revision) -> bool {
        self.base <= revision && revision <= self.newest
    }

    /// Whether no page shows anything newer.
    pub(crate) fn is_newest(&self, revision: Revision) -> bool {
        self.last_change() <= revision && revision <= self.newest
    }

    /// The revision of the last change, as far as it is kept.
    pub(crate) fn last_change(&self) -> Revision {
        self.frames.back().map_or(self.base, |frame| frame.to)
    }

    /// Pages show this revision now, by this change; without one nothing that they show has changed.
    pub(crate) fn push(&mut self, to: Revision, change: Option<Arc<Change>>) {
        self.newest = self.newest.max(to);
        let Some(change) = change else { return };
        self.sent = self.pushed;
        self.bytes += change.size();
        self.frames.push_back(Frame { to, change });
        let most = self.tree_bytes.clamp(MIN_BYTES, MAX_BYTES);
        // A page that misses more than the tree is better shown the tree.
        while self.bytes > most
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.change.size();
            self.base = oldest.to;
        }
    }

    /// Adds the pushes to all pages of the step that committed this revision.
    pub(crate) fn push_to_all(&mut self, revision: Revision, pushes: &[Push]) {
        let mut newest = 0;
        for push in pushes {
            let size = push.size();
            newest += size;
            self.pushes.push_back(Pushed {
                revision,
                push: Arc::new(push.clone()),
                before: self.pushed,
            });
            self.pushed += (size + PUSHING) as u64;
        }
        self.push_bytes += newest;
        while (self.pushes.len() - pushes.len() > MAX_PUSHES
            || self.push_bytes - newest > MAX_BYTES)
            && let Some(oldest) = self.pushes.pop_front()
        {
            self.push_bytes -= oldest.push.size();
        }
    }

    /// Whether more pushes wait for the next change than may wait much longer.
    pub(crate) fn has_much_to_push(&self) -> bool {
        self.pushed - self.sent >= MUCH_TO_PUSH as u64
    }

    /// Whether a page that has been sent the pushes up to this revision misses so many that they must not wait much
    /// longer, or the oldest of them would be forgotten.
    pub(crate) fn has_much_to_push_after(&self, revision: Revision) -> bool {
        let missed = self.pushes_after(revision).next();
        missed.is_some_and(|first| self.pushed - first.before >= MUCH_TO_PUSH as u64)
    }

    /// The frames and pushes that a page at this revision misses, if it has been sent the pushes up to
    /// `pushed`. Only frames that are kept.
    pub(crate) fn missed(&self, at: Revision, pushed: Revision) -> Missed {
        Missed {
            newest: self.newest,
            frames: self.after(at).cloned().collect(),
            pushes: self.pushes_after(pushed).cloned().collect(),
        }
    }

    /// The frames after this revision, which the ring has to reach.
    fn after(&self, revision: Revision) -> impl Iterator<Item = &Frame> {
        let first = self.frames.partition_point(|frame| frame.to <= revision);
        self.frames.range(first..)
    }

    /// The pushes of the steps after this revision, as far as they are kept.
    fn pushes_after(&self, revision: Revision) -> impl Iterator<Item = &Pushed> {
        let is_told = |pushed: &Pushed| pushed.revision <= revision;
        let first = self.pushes.partition_point(is_told);
        self.pushes.range(first..)
    }

    /// Notes how many bytes the tree is.
    pub(crate) fn set_tree_bytes(&mut self, bytes: usize) {
        self.tree_bytes = bytes;
    }

    /// The bytes of all that is kept.
    pub(crate) fn memory(&self) -> usize {
        self.bytes + self.push_bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{ServerMessage, extended};
    use crate::tree::testing::text_tree;

    fn change(text: &str) -> Arc<Change> {
        let tree = text_tree(&["<b>", "</b>"], &[text]);
        Arc::new(Change {
            extended: extended::encode_for_many(&ServerMessage::Replace(&tree), false),
            classic: None,
            replaces: false,
        })
    }

    proptest! {
        /// A page applies the frames after the revision that it shows, and ends at the newest one. Or the
        /// ring says that it does not reach back to that revision.
        #[test]
        fn a_page_at_any_revision_gets_the_rest(
            steps in prop::collection::vec((any::<bool>(), 0..2000usize), 1..60),
            tree_bytes in 0..100_000usize,
        ) {
            let mut ring = Ring::new(Revision(3));
            ring.set_tree_bytes(tree_bytes);
            // The revision of the last change at each revision.
            let mut shown = vec![3];
            for (number, (changes, size)) in steps.iter().enumerate() {
                let revision = number as u64 + 4;
                ring.push(Revision(revision), changes.then(|| change(&"x".repeat(*size))));
                shown.push(if *changes { revision } else { *shown.last().unwrap() });
            }
            let newest = shown.len() as u64 + 2;
            prop_assert_eq!(ring.newest(), Revision(newest));
            prop_assert!(!ring.reaches(Revision(newest + 1)), "of another life");
            for (at, last) in shown.iter().enumerate() {
                let revision = Revision(at as u64 + 3);
                if !ring.reaches(revision) {
                    continue;
                }
                let rest: Vec<u64> = ring.after(revision).map(|frame| frame.to.0).collect();
                let mut expected = shown[at..].to_vec();
                expected.dedup();
                expected.retain(|to| to > last);
                prop_assert_eq!(rest, expected);
            }
            let bytes: usize = ring.frames.iter().map(|frame| frame.change.size()).sum();
            prop_assert_eq!(ring.bytes, bytes);
            prop_assert!(bytes <= tree_bytes.clamp(MIN_BYTES, MAX_BYTES));
        }
    }

    #[test]
    fn pushes_to_all_are_kept_for_those_who_missed_them_and_bounded() {
        let mut ring = Ring::new(Revision(0));
        let push = |text: &str| Push {
            name: "saved".into(),
            data: format!("{text:?}").into(),
        };
        ring.push_to_all(Revision(1), &[push("a"), push("b")]);
        ring.push_to_all(Revision(3), &[push("c")]);
        let after = |ring: &Ring, revision| -> Vec<String> {
            let missed = ring.pushes_after(Revision(revision));
            missed.map(|pushed| pushed.push.data.to_string()).collect()
        };
        assert_eq!(after(&ring, 0), ["\"a\"", "\"b\"", "\"c\""]);
        assert_eq!(after(&ring, 1), ["\"c\""]);
        assert_eq!(after(&ring, 3), [""; 0]);
        for revision in 4..1000 {
            ring.push_to_all(Revision(revision), &[push(&"x".repeat(1000))]);
        }
        let bytes: usize = ring.pushes.iter().map(|pushed| pushed.push.size()).sum();
        assert_eq!(ring.push_bytes, bytes);
        assert!((32_000..=MAX_BYTES + 1_100).contains(&bytes), "{bytes}");
    }

    #[test]
    fn pushes_that_wait_for_a_change_are_kept_until_there_are_too_many_and_those_of_the_newest_step_always()
     {
        let push = |bytes: usize| Push {
            name: "p".into(),
            data: "x".repeat(bytes - 1).into(),
        };
        for bytes in [1, 100, 5_000, 60_000] {
            let mut ring = Ring::new(Revision(0));
            let mut revision = 0;
            while !ring.has_much_to_push() {
                revision += 1;
                ring.push_to_all(Revision(revision), &[push(bytes)]);
            }
            // One more step before the change is sent, which may push much.
            let much = vec![push(10_000); 300];
            ring.push_to_all(Revision(revision + 1), &much);
            let waiting = ring.pushes_after(Revision(0)).count();
            assert_eq!(waiting, revision as usize + 300, "of {bytes}");
            ring.push(Revision(revision + 1), Some(change("a")));
            assert!(!ring.has_much_to_push());
            // Pushes that were sent are forgotten first.
            ring.push_to_all(Revision(revision + 2), &[push(bytes)]);
            assert!(ring.pushes_after(Revision(0)).count() <= MAX_PUSHES + 1);
            assert_eq!(ring.pushes_after(Revision(revision + 1)).count(), 1);
        }
    }
}
