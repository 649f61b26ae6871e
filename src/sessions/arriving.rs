//! Upgrades before they are open connections. An upgrade is `Pending` until the application has let it
//! pass, and then an `Arrival`. Both are counted, and `disconnect` finds arrivals.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;

use super::{Address, OpenConnection, Sessions, counted};
use crate::session::Peer;
use crate::sync::{Mutex, MutexGuard, lock};

/// An upgrade that waits for the application's middleware or `bind`. It counts as a connection of its
/// address until this value is dropped.
pub struct Pending {
    sessions: Arc<Sessions>,
    address: Arc<Address>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.sessions.pending.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.sessions.lock();
        state.addresses.leave(&self.address, &self.sessions.limits);
    }
}

/// An upgrade that the application has let pass. `disconnect` finds the upgrade until this value is
/// dropped.
pub struct Arrival {
    pub(crate) sessions: Arc<Sessions>,
    /// The number that the open connection will have.
    pub(crate) number: u64,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.sessions.arrivals.lock().remove(&self.number);
    }
}

struct Known {
    bind: Arc<str>,
    request: Option<Arc<str>>,
    /// Set by `disconnect`, never cleared: the connection is closed as soon as it is open.
    refused: bool,
}

/// The address in the compact JSON of a request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Addressed {
    address: String,
}

impl Known {
    /// The request is parsed only if somebody asks, because most arrivals are open soon.
    fn peer(&self) -> Peer {
        let request = self.request.as_deref().unwrap_or_default();
        let addressed: Addressed = serde_json::from_str(request).unwrap_or_default();
        Peer {
            request: self.request.clone(),
            bind: self.bind.clone(),
            address: addressed.address.into(),
        }
    }
}

/// Arrivals by their numbers, one for each task that shakes hands. The lock is a `std` one, and no other
/// lock is taken under it.
#[derive(Default)]
pub(crate) struct Arrivals {
    known: Mutex<HashMap<u64, Known>>,
}

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        lock(&self.known)
    }

    /// Whether the application has asked for the end of that arrival.
    pub(crate) fn is_refused(&self, number: u64) -> bool {
        let known = self.lock();
        known.get(&number).is_some_and(|known| known.refused)
    }

    /// Has an arrival closed as soon as it is open. False if no arrival has that number, or if it was refused
    /// before.
    pub(crate) fn refuse(&self, number: u64) -> bool {
        let mut known = self.lock();
        let found = known.get_mut(&number);
        found.is_some_and(|known| !std::mem::replace(&mut known.refused, true))
    }

    /// Refuses all arrivals that are meant and were not refused before; gives their numbers.
    pub(crate) fn refuse_all(&self, is_meant: impl Fn(&str, &str) -> bool) -> HashSet<u64> {
        let mut known = self.lock();
        let waiting = known.iter_mut().filter(|(_, known)| !known.refused);
        let meant = waiting.filter(|(_, known)| {
            let peer = known.peer();
            is_meant(&peer.bind, &peer.address)
        });
        meant
            .map(|(number, known)| {
                known.refused = true;
                *number
            })
            .collect()
    }
}

impl Sessions {
    /// Counts an upgrade that the application has not let pass yet. `None` if there are too many, in all or
    /// from its address.
    pub fn pend(self: &Arc<Self>, address: &Arc<str>) -> Option<Pending> {
        let limits = &self.limits;
        let before = self.pending.fetch_add(1, Ordering::Relaxed);
        let name = counted(address, limits.address_prefix);
        let (address, count) = self.lock().addresses.enter(&name, limits);
        let pending = Pending {
            sessions: self.clone(),
            address,
        };
        let too_many = before >= limits.pending_upgrades || count > limits.connections_per_address;
        (!too_many).then_some(pending)
    }

    /// The application has let an upgrade pass: from here on `disconnect` finds the upgrade.
    pub fn arrive(self: &Arc<Self>, bind: &Arc<str>, request: Option<&Arc<str>>) -> Arrival {
        let number = self.next_number();
        let known = Known {
            bind: bind.clone(),
            request: request.cloned(),
            refused: false,
        };
        self.arrivals.lock().insert(number, known);
        Arrival {
            sessions: self.clone(),
            number,
        }
    }

    /// The arrivals that were not refused.
    pub fn arriving(&self) -> Vec<OpenConnection> {
        let known = self.arrivals.lock();
        let waiting = known.iter().filter(|(_, known)| !known.refused);
        waiting
            .map(|(number, known)| OpenConnection {
                number: *number,
                peer: known.peer(),
            })
            .collect()
    }
}
