//! The lines of pages that wait for a turn, and the order in which the lines come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Given;
use crate::rate::Rate;

/// The name of a line: an address, and a module that pages of this address join.
pub(super) type Line = (Arc<str>, Arc<str>);

/// The lines, places and turns of one address. Removed when the address has no place and no turn.
#[derive(Default)]
pub(super) struct Address {
    /// The lines, by module. Within a line, pages stand in the order of their tickets.
    pub(super) modules: HashMap<Arc<str>, BTreeMap<u64, Waiter>>,
    /// The pages that may give way: the module of each, by ticket.
    pub(super) giving_way: BTreeMap<u64, Arc<str>>,
    /// The modules that have a line, in the order of their turns.
    pub(super) round: BTreeMap<u64, Arc<str>>,
    /// The address's key in [`Queue::round`]; `None` while the address is not in it.
    pub(super) round_number: Option<u64>,
    /// How many places the address has. A place is counted before its page stands in a line.
    pub(super) places: usize,
    /// How many turns the address has: turns that render, and turns that wait for a promise.
    pub(super) turns: usize,
}

pub(super) struct Waiter {
    pub(super) sender: oneshot::Sender<Given>,
    /// The page may be told to come back later.
    pub(super) gives_way: bool,
}

pub(super) struct Queue {
    pub(super) addresses: HashMap<Arc<str>, Address>,
    /// The addresses that wait and may have a turn, in the order of their turns.
    pub(super) round: BTreeMap<u64, Arc<str>>,
    /// The addresses by their number of places: the last has most.
    pub(super) longest: BTreeSet<(usize, Arc<str>)>,
    pub(super) rate: Rate,
    /// How many turns render.
    pub(super) rendering: usize,
    /// How many turns there are.
    pub(super) turns: usize,
    /// How many places there are.
    pub(super) places: usize,
    /// The last number that was given, to a ticket or to a position in a round.
    pub(super) last_number: u64,
    /// Set when the rate is used up and a task is started that waits for the next turn; cleared by that
    /// task before it gives turns. While it is set, no second task is started.
    pub(super) is_timed: bool,
}

impl Queue {
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn add_place(&mut self, name: &Arc<str>) {
        self.places += 1;
        self.set_places(name, |places| places + 1);
    }

    pub(super) fn remove_place(&mut self, name: &Arc<str>) {
        self.places -= 1;
        self.set_places(name, |places| places - 1);
    }

    fn set_places(&mut self, name: &Arc<str>, next: impl FnOnce(usize) -> usize) {
        let address = self.addresses.entry(name.clone()).or_default();
        self.longest.remove(&(address.places, name.clone()));
        address.places = next(address.places);
        if address.places > 0 {
            self.longest.insert((address.places, name.clone()));
        }
    }

    /// Removes an address that has no place and no turn.
    pub(super) fn tidy(&mut self, name: &Arc<str>) {
        let address = self.addresses.get(name);
        if address.is_some_and(|address| address.places == 0 && address.turns == 0) {
            self.addresses.remove(name);
        }
    }

    /// Puts the address into the round if it has a line, takes it out if it has no line any more.
    pub(super) fn enter_round(&mut self, name: &Arc<str>) {
        let next = self.next_number();
        let Some(address) = self.addresses.get_mut(name) else {
            return;
        };
        let waits = !address.round.is_empty();
        match address.round_number {
            None if waits => {
                address.round_number = Some(next);
                self.round.insert(next, name.clone());
            }
            Some(at) if !waits => {
                address.round_number = None;
                self.round.remove(&at);
            }
            _ => {}
        }
    }

    /// Puts a page at the end of its line.
    pub(super) fn enter_line(&mut self, (name, module): &Line, ticket: u64, waiter: Waiter) {
        let next = self.next_number();
        let address = self.addresses.entry(name.clone()).or_default();
        let line = address.modules.entry(module.clone()).or_default();
        if line.is_empty() {
            address.round.insert(next, module.clone());
        }
        if waiter.gives_way {
            address.giving_way.insert(ticket, module.clone());
        }
        line.insert(ticket, waiter);
        self.enter_round(name);
    }

    /// Takes a page out of its line.
    pub(super) fn leave_line(&mut self, (name, module): &Line, ticket: u64) -> Option<Waiter> {
        let address = self.addresses.get_mut(name)?;
        let line = address.modules.get_mut(module)?;
        let waiter = line.remove(&ticket)?;
        address.giving_way.remove(&ticket);
        if line.is_empty() {
            address.modules.remove(module);
            address.round.retain(|_, known| known != module);
        }
        self.enter_round(name);
        Some(waiter)
    }

    /// Takes the next page of an address out of its line. The page's module goes to the end of the
    /// address's round.
    pub(super) fn take_first_of(&mut self, name: &Arc<str>) -> Option<(Arc<str>, Waiter)> {
        let next = self.next_number();
        let address = self.addresses.get_mut(name)?;
        let (_, module) = address.round.pop_first()?;
        let line = address.modules.get_mut(&module)?;
        let (ticket, waiter) = line.pop_first()?;
        address.giving_way.remove(&ticket);
        if line.is_empty() {
            address.modules.remove(&module);
        } else {
            address.round.insert(next, module.clone());
        }
        Some((module, waiter))
    }

    /// Of the address with most places, takes the newest page that may give way out of its line.
    pub(super) fn take_newest(&mut self) -> Option<Waiter> {
        let (_, name) = self.longest.last()?.clone();
        let address = self.addresses.get(&name)?;
        let (ticket, module) = address.giving_way.last_key_value()?;
        let (ticket, module) = (*ticket, module.clone());
        self.leave_line(&(name, module), ticket)
    }
}
