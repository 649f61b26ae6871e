//! Whose the viewers of a shared component are, by address, so that somebody gives way if there are too many. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The viewers of each address. Each call costs a step in ordered sets, however many there are.
#[derive(Default)]
pub(super) struct Crowd {
    /// The names of the viewers of each address.
    viewers: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The addresses by how many they have: the last has most.
    largest: BTreeSet<(usize, Arc<str>)>,
}

impl Crowd {
    /// A viewer of this address has come.
    pub(super) fn add(&mut self, address: &Arc<str>, id: &Arc<str>) {
        self.change(address, |viewers| {
            viewers.insert(id.clone());
        });
    }

    /// The viewer has gone.
    pub(super) fn remove(&mut self, address: &Arc<str>, id: &str) {
        self.change(address, |viewers| {
            viewers.remove(id);
        });
    }

    fn change(&mut self, address: &Arc<str>, change: impl FnOnce(&mut BTreeSet<Arc<str>>)) {
        let viewers = self.viewers.entry(address.clone()).or_default();
        self.largest.remove(&(viewers.len(), address.clone()));
        change(viewers);
        if viewers.is_empty() {
            self.viewers.remove(address);
        } else {
            self.largest.insert((viewers.len(), address.clone()));
        }
    }

    /// The name of a viewer that gives way to one more of this address: a viewer of the address that has
    /// most, if that has more than this address would have then.
    pub(super) fn gives_way(&self, address: &str) -> Option<&Arc<str>> {
        let own = self.viewers.get(address).map_or(0, BTreeSet::len);
        let (most, largest) = self.largest.last()?;
        let viewers = self.viewers.get(largest).filter(|_| *most > own + 1)?;
        viewers.first()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Compares with a list that is counted from its beginning.
        #[test]
        fn one_of_the_address_that_has_most_gives_way(
            steps in prop::collection::vec((any::<bool>(), 0..4usize, 0..6usize), 0..200),
        ) {
            let name = |number: usize| -> Arc<str> { number.to_string().into() };
            let mut crowd = Crowd::default();
            let mut list = BTreeSet::new();
            for (comes, address, id) in steps {
                // Names are unique in all.
                let (address, id) = (name(address), name(10 * address + id));
                if comes {
                    crowd.add(&address, &id);
                    list.insert((address.clone(), id));
                } else {
                    crowd.remove(&address, &id);
                    list.remove(&(address.clone(), id));
                }
                let mut counts = BTreeMap::<&str, usize>::new();
                for (address, _) in &list {
                    *counts.entry(address).or_default() += 1;
                }
                let most = counts.values().max().copied().unwrap_or_default();
                let own = counts.get(&*address).copied().unwrap_or_default();
                let given = crowd.gives_way(&address).cloned();
                prop_assert_eq!(given.is_some(), most > own + 1);
                if let Some(given) = given {
                    let (of, _) = list.iter().find(|(_, id)| *id == given).unwrap();
                    prop_assert_eq!(counts[&**of], most);
                }
            }
            for (address, id) in list {
                crowd.remove(&address, &id);
            }
            prop_assert!(crowd.viewers.is_empty() && crowd.largest.is_empty());
        }
    }
}
