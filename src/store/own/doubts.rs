//! Components whose last state may or may not have been kept. Pure.
//!
//! A save that was not answered may have been done, may be done later, or never. The event of that state has
//! failed, and the next state has the same revision. So before the next state is saved, the component is
//! claimed again: the store then refuses the state in doubt, if it comes late, and takes the next one. The
//! actor goes on in the life that it has begun; this file notes the life under which the store knows the
//! component.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::Life;

/// The most components that are remembered. For a further one, one is forgotten: then the store may take the
/// forgotten component's next state for an old one. The component ends, and its page goes on with the state
/// in the store.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// The life of the actor that this is about.
    life: Life,
    /// The life that the store knows it by.
    under: Life,
    is_doubted: bool,
}

/// How the next state of a life is to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Under this life.
    Save(Life),
    /// Under a life that is claimed first, and comes after this one.
    Claim(Life),
}

/// The components whose last save was not answered, and those that were claimed again since.
#[derive(Debug, Default)]
pub(super) struct Doubts(HashMap<Arc<str>, Known>);

impl Doubts {
    pub(super) fn next(&self, instance: &str, life: Life) -> Next {
        match self.0.get(instance).filter(|known| known.life == life) {
            Some(known) if known.is_doubted => Next::Claim(known.under),
            Some(known) => Next::Save(known.under),
            None => Next::Save(life),
        }
    }

    /// A state of `life`, saved under the life `under`, was kept.
    pub(super) fn kept(&mut self, instance: &Arc<str>, life: Life, under: Life) {
        if under == life {
            self.forget(instance, life);
        } else {
            self.know(instance, life, under, false);
        }
    }

    /// Nobody knows whether it was kept.
    pub(super) fn doubted(&mut self, instance: &Arc<str>, life: Life, under: Life) {
        self.know(instance, life, under, true);
    }

    /// The component's life is over.
    pub(super) fn forget(&mut self, instance: &str, life: Life) {
        if self.0.get(instance).is_some_and(|known| known.life <= life) {
            self.0.remove(instance);
        }
    }

    fn know(&mut self, instance: &Arc<str>, life: Life, under: Life, is_doubted: bool) {
        let known = Known {
            life,
            under,
            is_doubted,
        };
        match self.0.get_mut(instance) {
            // A later life has begun.
            Some(found) if found.life > life => {}
            Some(found) => *found = known,
            None => {
                if self.0.len() >= MOST
                    && let Some(other) = self.0.keys().next().cloned()
                {
                    self.0.remove(&other);
                }
                self.0.insert(instance.clone(), known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_after_one_in_doubt_is_saved_under_a_life_that_is_claimed_first() {
        let (mut doubts, a) = (Doubts::default(), Arc::from("a"));
        assert_eq!(doubts.next(&a, Life(3)), Next::Save(Life(3)));
        doubts.doubted(&a, Life(3), Life(3));
        assert_eq!(doubts.next(&a, Life(3)), Next::Claim(Life(3)));
        assert_eq!(doubts.next("b", Life(3)), Next::Save(Life(3)));
        doubts.kept(&a, Life(3), Life(4));
        assert_eq!(doubts.next(&a, Life(3)), Next::Save(Life(4)));
        doubts.doubted(&a, Life(3), Life(4));
        assert_eq!(doubts.next(&a, Life(3)), Next::Claim(Life(4)));
        // Another actor goes on.
        assert_eq!(doubts.next(&a, Life(6)), Next::Save(Life(6)));
        doubts.kept(&a, Life(6), Life(6));
        assert_eq!(doubts.next(&a, Life(3)), Next::Save(Life(3)));
    }

    #[test]
    fn what_an_earlier_life_learns_late_is_nothing_to_a_later_one() {
        let (mut doubts, a) = (Doubts::default(), Arc::from("a"));
        doubts.doubted(&a, Life(5), Life(5));
        doubts.doubted(&a, Life(3), Life(4));
        doubts.forget(&a, Life(4));
        assert_eq!(doubts.next(&a, Life(5)), Next::Claim(Life(5)));
    }

    #[test]
    fn so_many_are_remembered() {
        let mut doubts = Doubts::default();
        for number in 0..MOST + 10 {
            doubts.doubted(&number.to_string().into(), Life(1), Life(1));
        }
        assert_eq!(doubts.0.len(), MOST);
    }
}
