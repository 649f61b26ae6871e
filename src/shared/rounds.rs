//! Whose turn it is: addresses take turns, and the viewers of each address. So one address with many pages holds up the
//! pages of others no more than one page would. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Viewers that have asked for something, by address. The caller bounds how many there are: each viewer is in
/// it once.
pub(super) struct Rounds<T> {
    /// The addresses that have somebody in `lines`, each once, in the order of their turns.
    order: VecDeque<Arc<str>>,
    /// The viewers of each address, in the order of their turns. No line is empty.
    lines: HashMap<Arc<str>, VecDeque<T>>,
}

impl<T> Default for Rounds<T> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            lines: HashMap::new(),
        }
    }
}

impl<T> Rounds<T> {
    /// Somebody of this address has asked, and comes behind all others of it.
    pub(super) fn add(&mut self, address: &Arc<str>, one: T) {
        if let Some(line) = self.lines.get_mut(address) {
            line.push_back(one);
            return;
        }
        self.order.push_back(address.clone());
        self.lines.insert(address.clone(), VecDeque::from([one]));
    }

    /// Takes out whose turn it is. The address has its next turn after all others.
    pub(super) fn next(&mut self) -> Option<T> {
        let address = self.order.pop_front()?;
        let line = self.lines.get_mut(&address)?;
        let one = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&address);
        } else {
            self.order.push_back(address);
        }
        one
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rounds: &mut Rounds<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| rounds.next()).collect()
    }

    #[test]
    fn addresses_take_turns_and_so_do_those_of_each() {
        let (many, few): (Arc<str>, Arc<str>) = ("many".into(), "few".into());
        let mut rounds = Rounds::default();
        for one in ["a", "b", "c", "d"] {
            rounds.add(&many, one);
        }
        rounds.add(&few, "x");
        rounds.add(&few, "y");
        assert_eq!(taken(&mut rounds), ["a", "x", "b", "y", "c", "d"]);
        assert!(rounds.is_empty() && rounds.lines.is_empty());
    }

    #[test]
    fn whoever_asks_again_comes_behind_the_others_of_its_address() {
        let (many, few): (Arc<str>, Arc<str>) = ("many".into(), "few".into());
        let mut rounds = Rounds::default();
        for one in ["a", "b"] {
            rounds.add(&many, one);
        }
        assert_eq!(rounds.next(), Some("a"));
        rounds.add(&many, "a");
        rounds.add(&few, "x");
        assert_eq!(taken(&mut rounds), ["b", "x", "a"]);
        rounds.add(&few, "x");
        rounds.clear();
        assert!(rounds.is_empty());
        assert_eq!(rounds.next(), None);
    }
}
