//! Those who wait for a turn, in their lines, and in which order these come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Given;
use crate::rate::Rate;

/// Who waits: an address, and one of its modules.
pub(super) type Line = (Arc<str>, Arc<str>);

/// What one address has here. Gone when it has nothing.
#[derive(Default)]
pub(super) struct Address {
    /// Those that wait, by module and in the order of their tickets.
    pub(super) modules: HashMap<Arc<str>, BTreeMap<u64, Waiter>>,
    /// The module of each of those that may give way.
    pub(super) gives: BTreeMap<u64, Arc<str>>,
    /// The modules that have any, in the order of their turns.
    pub(super) round: BTreeMap<u64, Arc<str>>,
    /// When the address has its turn among all, if it is in the round.
    pub(super) at: Option<u64>,
    /// Places that it has, whether they wait for a turn already or not.
    pub(super) places: usize,
    /// Turns that it has: those that render, and those that wait for a promise.
    pub(super) turns: usize,
}

pub(super) struct Waiter {
    pub(super) sender: oneshot::Sender<Given>,
    /// It may be told to come back later.
    pub(super) gives_way: bool,
}

pub(super) struct State {
    pub(super) addresses: HashMap<Arc<str>, Address>,
    /// Addresses that wait and may have a turn, in the order of their turns.
    pub(super) round: BTreeMap<u64, Arc<str>>,
    /// Addresses by how many of theirs wait: the last has most.
    pub(super) longest: BTreeSet<(usize, Arc<str>)>,
    pub(super) rate: Rate,
    /// Turns that render.
    pub(super) rendering: usize,
    /// All turns.
    pub(super) turns: usize,
    /// All places.
    pub(super) places: usize,
    /// The last ticket, or place in a round.
    pub(super) last: u64,
    /// Somebody looks again when the rate has a turn.
    pub(super) is_timed: bool,
}

impl State {
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// An address's places have become more, or fewer.
    pub(super) fn place(&mut self, name: &Arc<str>, more: bool) {
        let address = self.addresses.entry(name.clone()).or_default();
        self.longest.remove(&(address.places, name.clone()));
        if more {
            address.places += 1;
            self.places += 1;
        } else {
            address.places -= 1;
            self.places -= 1;
        }
        if address.places > 0 {
            self.longest.insert((address.places, name.clone()));
        }
    }

    /// Forgets an address that has nothing.
    pub(super) fn tidy(&mut self, name: &Arc<str>) {
        let address = self.addresses.get(name);
        if address.is_some_and(|address| address.places == 0 && address.turns == 0) {
            self.addresses.remove(name);
        }
    }

    /// Puts an address that waits into the round, or takes one out of it that does not wait.
    pub(super) fn enter_round(&mut self, name: &Arc<str>) {
        let next = self.next();
        let Some(address) = self.addresses.get_mut(name) else {
            return;
        };
        let waits = !address.round.is_empty();
        match address.at {
            None if waits => {
                address.at = Some(next);
                self.round.insert(next, name.clone());
            }
            Some(at) if !waits => {
                address.at = None;
                self.round.remove(&at);
            }
            _ => {}
        }
    }

    pub(super) fn wait(&mut self, (name, module): &Line, ticket: u64, waiter: Waiter) {
        let next = self.next();
        let address = self.addresses.entry(name.clone()).or_default();
        let line = address.modules.entry(module.clone()).or_default();
        if line.is_empty() {
            address.round.insert(next, module.clone());
        }
        if waiter.gives_way {
            address.gives.insert(ticket, module.clone());
        }
        line.insert(ticket, waiter);
        self.enter_round(name);
    }

    /// Takes one out of its line.
    pub(super) fn leave(&mut self, (name, module): &Line, ticket: u64) -> Option<Waiter> {
        let address = self.addresses.get_mut(name)?;
        let line = address.modules.get_mut(module)?;
        let waiter = line.remove(&ticket)?;
        address.gives.remove(&ticket);
        if line.is_empty() {
            address.modules.remove(module);
            address.round.retain(|_, known| known != module);
        }
        self.enter_round(name);
        Some(waiter)
    }

    /// The next one of an address, whose module goes to the end of the address's round.
    pub(super) fn first_of(&mut self, name: &Arc<str>) -> Option<(Arc<str>, Waiter)> {
        let next = self.next();
        let address = self.addresses.get_mut(name)?;
        let (_, module) = address.round.pop_first()?;
        let line = address.modules.get_mut(&module)?;
        let (ticket, waiter) = line.pop_first()?;
        address.gives.remove(&ticket);
        if line.is_empty() {
            address.modules.remove(&module);
        } else {
            address.round.insert(next, module.clone());
        }
        Some((module, waiter))
    }

    /// The newest that may give way, of the address that has most places.
    pub(super) fn newest(&mut self) -> Option<Waiter> {
        let (_, name) = self.longest.last()?.clone();
        let address = self.addresses.get(&name)?;
        let (ticket, module) = address.gives.last_key_value()?;
        let (ticket, module) = (*ticket, module.clone());
        self.leave(&(name, module), ticket)
    }
}
