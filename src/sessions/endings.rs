//! Components that have ended. A component starts again from its newest checkpoint or a later one, never
//! from an older one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::ids::{Life, Revision};

/// The most components that are remembered; one more makes the oldest be forgotten. Each costs about 200
/// bytes.
pub(crate) const MOST: usize = 100_000;
/// The longest time that a component is remembered.
pub(crate) const LONGEST: Duration = Duration::from_secs(86_400);

#[derive(Default)]
struct Ending {
    newest: Revision,
    /// The last life that the component had here.
    life: Life,
    /// The place of this ending in the order of endings.
    place: u64,
}

/// The newest revision of each ended component, by its instance. A component of revision 0 has no older
/// state, so it is left out.
pub(crate) struct Endings {
    most: usize,
    known: HashMap<Arc<str>, Ending>,
    /// When each component has ended, by its place: the oldest first.
    order: BTreeMap<u64, (Instant, Arc<str>)>,
    last: u64,
}

impl Default for Endings {
    fn default() -> Self {
        Self::of_at_most(MOST)
    }
}

impl Endings {
    fn of_at_most(most: usize) -> Self {
        Self {
            most,
            known: HashMap::new(),
            order: BTreeMap::new(),
            last: 0,
        }
    }

    /// A component has ended in this life, and may start again from revision `newest` on.
    pub(crate) fn add(&mut self, instance: &Arc<str>, newest: Revision, life: Life) {
        let now = Instant::now();
        if newest > Revision(0) {
            self.last += 1;
            let place = self.last;
            let ending = self.known.entry(instance.clone()).or_default();
            self.order.remove(&ending.place);
            ending.newest = ending.newest.max(newest);
            ending.life = ending.life.max(life);
            ending.place = place;
            self.order.insert(place, (now, instance.clone()));
        }
        while let Some(oldest) = self.order.first_entry()
            && (self.known.len() > self.most || now - oldest.get().0 > LONGEST)
        {
            let (_, instance) = oldest.remove();
            self.known.remove(&instance);
        }
    }

    /// The newest revision of that component, if it is later than `revision`. A state of a life that is `later` than
    /// the last one here is newer in any case.
    pub(crate) fn beyond(
        &self,
        instance: &str,
        revision: Revision,
        later: Option<Life>,
    ) -> Option<Revision> {
        let ending = self.known.get(instance)?;
        if later.is_some_and(|later| later > ending.life) {
            return None;
        }
        let (at, _) = self.order.get(&ending.place)?;
        let counts = ending.newest > revision && at.elapsed() <= LONGEST;
        counts.then_some(ending.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> Arc<str> {
        number.to_string().into()
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_remembered_and_the_oldest_are_forgotten() {
        const MOST: usize = 100;
        let mut endings = Endings::of_at_most(MOST);
        for number in 0..MOST {
            endings.add(&name(number), Revision(5), Life(1));
        }
        assert_eq!(endings.beyond("0", Revision(4), None), Some(Revision(5)));
        assert_eq!(endings.beyond("0", Revision(5), None), None);
        // Component 0 ends again, so 1 is the oldest now.
        tokio::time::advance(Duration::from_secs(1)).await;
        endings.add(&name(0), Revision(3), Life(1));
        assert_eq!(
            endings.beyond("0", Revision(4), None),
            Some(Revision(5)),
            "it never goes back"
        );
        endings.add(&name(MOST), Revision(5), Life(1));
        assert_eq!(endings.beyond("0", Revision(4), None), Some(Revision(5)));
        assert_eq!(endings.beyond("1", Revision(4), None), None);
        // A component that ends many times takes the room of one.
        for _ in 0..2 * MOST {
            endings.add(&name(0), Revision(6), Life(1));
        }
        assert_eq!((endings.known.len(), endings.order.len()), (MOST, MOST));
        assert_eq!(endings.beyond("0", Revision(5), None), Some(Revision(6)));
        assert_eq!(endings.beyond("2", Revision(4), None), Some(Revision(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_went_on_elsewhere_may_come_back_with_a_lower_revision() {
        let mut endings = Endings::default();
        endings.add(&name(1), Revision(5), Life(2));
        let beyond = |later| endings.beyond("1", Revision(4), later);
        assert_eq!(beyond(None), Some(Revision(5)));
        assert_eq!(beyond(Some(Life(1))), Some(Revision(5)));
        assert_eq!(beyond(Some(Life(2))), Some(Revision(5)));
        assert_eq!(beyond(Some(Life(3))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_remembered_for_so_long() {
        let mut endings = Endings::default();
        endings.add(&name(1), Revision(5), Life(1));
        tokio::time::advance(LONGEST).await;
        assert_eq!(endings.beyond("1", Revision(4), None), Some(Revision(5)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(endings.beyond("1", Revision(4), None), None);
        endings.add(&name(2), Revision(0), Life(1));
        assert!(endings.known.is_empty() && endings.order.is_empty());
    }
}
