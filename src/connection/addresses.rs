//! What the connections of one address have in common: how many they are, and how fast they may
//! send together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::Limits;
use crate::rate::{Rate, filling};
use crate::sync::Mutex;

/// The longest that an address without a connection is remembered.
const MAX_MEMORY: Duration = Duration::from_secs(60);

/// An address that has connections. The locks are `std` ones, held for one subtraction, and nobody
/// waits for them but its own connections.
pub(super) struct Address {
    name: Arc<str>,
    events: Mutex<Rate>,
    joins: Mutex<Rate>,
}

fn take(rate: &Mutex<Rate>) -> bool {
    rate.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Address {
    /// Whether one more event may come from there now.
    pub(super) fn may_send(&self) -> bool {
        take(&self.events)
    }

    /// Whether one more page may join or come back from there now.
    pub(super) fn may_join(&self) -> bool {
        take(&self.joins)
    }
}

struct Known {
    address: Arc<Address>,
    connections: usize,
    /// When the last connection left.
    left: Instant,
}

/// All addresses. One is remembered until its rates are whole again, or connecting anew would be a
/// way around them.
#[derive(Default)]
pub(super) struct Addresses {
    known: HashMap<Arc<str>, Known>,
    /// Those that had no connection left, and when: the oldest first.
    left: VecDeque<(Instant, Arc<str>)>,
}

impl Addresses {
    /// A connection more; gives how many there are now.
    pub(super) fn enter(&mut self, name: &Arc<str>, limits: &Limits) -> (Arc<Address>, usize) {
        self.forget(limits);
        let known = self.known.entry(name.clone()).or_insert_with(|| Known {
            address: Arc::new(Address {
                name: name.clone(),
                events: Mutex::new(Rate::new(
                    limits.event_rate_per_address,
                    limits.event_burst_per_address,
                )),
                joins: Mutex::new(Rate::new(
                    limits.join_rate_per_address,
                    limits.join_burst_per_address,
                )),
            }),
            connections: 0,
            left: Instant::now(),
        });
        known.connections += 1;
        (known.address.clone(), known.connections)
    }

    /// A connection less.
    pub(super) fn leave(&mut self, address: &Address, limits: &Limits) {
        let Some(known) = self.known.get_mut(&address.name) else {
            return;
        };
        known.connections -= 1;
        if known.connections == 0 {
            known.left = Instant::now();
            self.left.push_back((known.left, address.name.clone()));
        }
        self.forget(limits);
    }

    fn forget(&mut self, limits: &Limits) {
        let events = filling(
            limits.event_rate_per_address,
            limits.event_burst_per_address,
        );
        let joins = filling(limits.join_rate_per_address, limits.join_burst_per_address);
        let memory = events.max(joins).min(MAX_MEMORY);
        while let Some((left, name)) = self.left.front()
            && left.elapsed() >= memory
        {
            // It may have been back since.
            if let Some(known) = self.known.get(name)
                && known.connections == 0
                && known.left == *left
            {
                self.known.remove(name);
            }
            self.left.pop_front();
        }
    }
}
