//! Sessions without a connection, which wait for their page. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::session::{Peer, Session};

/// A session that waits for its page.
pub(crate) struct Parked {
    pub(crate) session: Arc<Session>,
    /// When the session has waited long enough.
    pub(crate) until: Instant,
    /// The session's bytes.
    pub(crate) bytes: usize,
    /// Whose session this is, when much is held.
    pub(crate) holder: Arc<str>,
    /// The connection that the session was on last, and its peer. The session may have begun on another
    /// connection, with another request and from another address.
    pub(crate) connection: u64,
    pub(crate) peer: Peer,
}

/// The sessions and bytes of one holder.
#[derive(Default)]
struct Held {
    bytes: usize,
    tickets: BTreeSet<u64>,
}

/// All parked sessions, by their tickets: the numbers that they were parked under, the oldest first.
#[derive(Default)]
pub(crate) struct ParkedSessions {
    by_ticket: BTreeMap<u64, Parked>,
    holders: HashMap<Arc<str>, Held>,
    /// Holders by their bytes: the last holds most.
    heaviest: BTreeSet<(usize, Arc<str>)>,
    bytes: usize,
}

impl ParkedSessions {
    pub(crate) fn insert(&mut self, ticket: u64, parked: Parked) {
        let holder = parked.holder.clone();
        self.weigh_holder(&holder, 0, parked.bytes, Some(ticket));
        self.by_ticket.insert(ticket, parked);
    }

    pub(crate) fn remove(&mut self, ticket: u64) -> Option<Arc<Session>> {
        let parked = self.by_ticket.remove(&ticket)?;
        self.bytes -= parked.bytes;
        if let Some(held) = self.holders.get_mut(&parked.holder) {
            self.heaviest.remove(&(held.bytes, parked.holder.clone()));
            held.bytes -= parked.bytes;
            held.tickets.remove(&ticket);
            if held.tickets.is_empty() {
                self.holders.remove(&parked.holder);
            } else {
                self.heaviest.insert((held.bytes, parked.holder));
            }
        }
        Some(parked.session)
    }

    /// The session weighs so many bytes now. False if no session is parked under this ticket.
    pub(crate) fn weigh(&mut self, ticket: u64, bytes: usize) -> bool {
        let Some(parked) = self.by_ticket.get_mut(&ticket) else {
            return false;
        };
        let before = std::mem::replace(&mut parked.bytes, bytes);
        let holder = parked.holder.clone();
        self.weigh_holder(&holder, before, bytes, None);
        true
    }

    /// The bytes of a holder have become more, or fewer.
    fn weigh_holder(
        &mut self,
        holder: &Arc<str>,
        before: usize,
        bytes: usize,
        ticket: Option<u64>,
    ) {
        let held = self.holders.entry(holder.clone()).or_default();
        self.heaviest.remove(&(held.bytes, holder.clone()));
        held.bytes = held.bytes - before + bytes;
        held.tickets.extend(ticket);
        self.heaviest.insert((held.bytes, holder.clone()));
        self.bytes = self.bytes - before + bytes;
    }

    /// The ticket of the oldest session of the holder that holds most.
    pub(crate) fn gives_way(&self) -> Option<u64> {
        let (_, holder) = self.heaviest.last()?;
        self.holders.get(holder)?.tickets.first().copied()
    }

    /// The session that was parked first. Every session waits for the same time, so no other session's
    /// time is over earlier.
    pub(crate) fn oldest(&self) -> Option<(u64, Instant)> {
        let (ticket, parked) = self.by_ticket.first_key_value()?;
        Some((*ticket, parked.until))
    }

    pub(crate) fn contains(&self, ticket: u64) -> bool {
        self.by_ticket.contains_key(&ticket)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Parked)> {
        self.by_ticket
            .iter()
            .map(|(ticket, parked)| (*ticket, parked))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_ticket.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_ticket.is_empty()
    }

    /// The bytes of all sessions.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
