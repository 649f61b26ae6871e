//! Who is on the way in: upgrades that the application has not let pass yet, and those that it has, until they
//! are open connections. Both count, and `disconnect` finds the latter.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;

use super::{Address, OpenConnection, Sessions, counted};
use crate::session::Peer;
use crate::sync::{Mutex, MutexGuard, lock};

/// An upgrade that waits for the application's middleware or `bind`, counted as a connection of its
/// address. Counted no more when dropped.
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

/// An upgrade that the application has let pass. Known to `disconnect` until it is dropped.
pub struct Arrival {
    pub(crate) sessions: Arc<Sessions>,
    /// The number that it will have as a connection.
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
    /// The application had it closed.
    refused: bool,
}

/// Of a request's compact copy, its address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Addressed {
    address: String,
}

impl Known {
    /// Read only if somebody asks: most arrivals are open soon.
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

/// Arrivals by their numbers. There are as many as tasks that shake hands. The lock is a `std` one, and
/// no other is taken under it.
#[derive(Default)]
pub(crate) struct Arrivals {
    known: Mutex<HashMap<u64, Known>>,
}

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        lock(&self.known)
    }

    /// Whether the application had it closed meanwhile.
    pub(crate) fn is_refused(&self, number: u64) -> bool {
        let known = self.lock();
        known.get(&number).is_some_and(|known| known.refused)
    }

    /// Has an arrival closed as soon as it is open. False if there is none of that number.
    pub(crate) fn refuse(&self, number: u64) -> bool {
        let mut known = self.lock();
        let found = known.get_mut(&number);
        found.is_some_and(|known| !std::mem::replace(&mut known.refused, true))
    }

    /// The same for all that are meant; gives their numbers.
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
    /// Counts an upgrade that the application has not let pass yet; `None` if there are too many, in
    /// all or of its address.
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

    /// The application has let an upgrade pass: from here on `disconnect` finds it.
    pub fn arrive(self: &Arc<Self>, bind: &Arc<str>, request: Option<&Arc<str>>) -> Arrival {
        let number = self.number();
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

    /// Who arrives.
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
