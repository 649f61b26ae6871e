//! The open connections.

use std::sync::Arc;

use super::addresses::{Address, counted};
use super::{Arrival, Sessions};
use crate::outbox::{Order, Outbox};
use crate::session::Peer;
use crate::transport::Closed;

pub(crate) struct Open {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) peer: Peer,
    /// See [`holder`].
    pub(crate) holder: Arc<str>,
    /// The application had it closed.
    pub(crate) disconnected: bool,
}

impl Open {
    /// Closes connections, or ends parked sessions, by their numbers. The sessions that a connection shows
    /// end with it instead of being parked; they end, too, if the connection has been lost since. Gives how
    /// many connections and sessions of these numbers there were.
    pub(crate) fn disconnect(&mut self) {
        self.disconnected = true;
        self.outbox.order(Order::Stop(Closed::Disconnected));
    }
}

/// A connection's entry among the open connections. Dropping the value removes the entry.
pub(crate) struct Entry {
    sessions: Arc<Sessions>,
    pub(crate) number: u64,
    pub(crate) address: Arc<Address>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state.connections.remove(&self.number);
        state.addresses.leave(&self.address, &self.sessions.limits);
    }
}

/// The name under which memory counts, to find the holder of most: `bind`, or, if `bind` is empty, the name
/// that the address counts as.
pub(crate) fn holder(bind: &Arc<str>, address: &Arc<str>) -> Arc<str> {
    if bind.is_empty() { address } else { bind }.clone()
}

/// The name under which somebody counts if addresses are counted: the name of the address, or `bind` if the address is
/// not known.
pub(crate) fn counted_as(bind: &Arc<str>, address: &Arc<str>) -> Arc<str> {
    if address.is_empty() { bind } else { address }.clone()
}

impl Sessions {
    /// Takes a connection in. An error if its address has too many connections, or if the application has
    /// asked for its end since it arrived.
    pub(crate) fn open(
        self: &Arc<Self>,
        outbox: &Arc<Outbox>,
        peer: &Peer,
        arrival: Arrival,
    ) -> Result<Entry, Closed> {
        let number = arrival.number;
        let name = counted(&peer.address, self.limits.address_prefix);
        let mut state = self.lock();
        let (address, count) = state.addresses.enter(&name, &self.limits);
        let too_many = count > self.limits.connections_per_address;
        let open = Open {
            outbox: outbox.clone(),
            peer: peer.clone(),
            holder: holder(&peer.bind, &name),
            disconnected: false,
        };
        state.connections.insert(number, open);
        if state.closing.is_some() {
            outbox.order(Order::Drain);
        }
        drop(state);
        let entry = Entry {
            sessions: self.clone(),
            number,
            address,
        };
        // After it has been put among the connections, so that `disconnect` finds it here or there.
        if self.arrivals.is_refused(number) {
            return Err(Closed::Disconnected);
        }
        if too_many {
            return Err(Closed::Overload);
        }
        Ok(entry)
    }
}
