//! The viewers with events that have failed, if their pages may not know it. A state has them beside it: a
//! later event of the same viewer raises its number past the failed ones, and the next owner would take them
//! for applied. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::ids::EventNumber;

/// So many viewers are remembered. With a further one, the viewer that has failed first is forgotten.
const MOST: usize = 256;

/// Events that have failed: the first and the last of them.
pub(super) type Failed = (EventNumber, EventNumber);

/// The part of a state that names viewers, with their events that have failed.
pub(super) type Failures = Vec<(Arc<str>, Vec<Failed>)>;

/// The viewers, in the order in which they have failed.
#[derive(Default)]
pub(super) struct HaveFailed(VecDeque<Arc<str>>);

impl HaveFailed {
    /// An event of this viewer has failed.
    pub(super) fn add(&mut self, viewer: &Arc<str>) {
        if self.0.contains(viewer) {
            return;
        }
        self.0.push_back(viewer.clone());
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// The pages of these viewers know of all that has failed.
    pub(super) fn remove(&mut self, viewers: &[Arc<str>]) {
        if !viewers.is_empty() {
            self.0.retain(|one| !viewers.contains(one));
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_is_remembered_once_until_its_page_knows_and_not_too_many() {
        let mut failed = HaveFailed::default();
        let name = |number: usize| -> Arc<str> { number.to_string().into() };
        for number in [1, 2, 1] {
            failed.add(&name(number));
        }
        assert_eq!(failed.all().count(), 2);
        failed.remove(&[name(1), name(7)]);
        assert_eq!(failed.all().collect::<Vec<_>>(), [&name(2)]);
        (0..1000).for_each(|number| failed.add(&name(number)));
        assert_eq!(failed.all().count(), MOST);
        assert_eq!(failed.all().last(), Some(&name(999)));
    }
}
