//! The pages that have to go: those that the application disconnects, and all when it closes.

use std::collections::HashSet;
use std::sync::Arc;

use super::{BUSY, Sessions};
use crate::dispatch::Caller;
use crate::ids::ActorKey;
use crate::members::Leave;
use crate::ongoing::TopicNames;
use crate::outbox::Order;
use crate::protocol::Refusal;
use crate::session::{Peer, Session};
use crate::transport::Closed;

/// The longest time over which pages are to come back after a restart, in milliseconds.
const MAX_SPREAD: u16 = 10_000;

/// A connection or a parked session, for the application to decide which ones to end.
pub struct OpenConnection {
    /// The number to give to [`Sessions::disconnect`].
    pub number: u64,
    /// The client at the other end.
    pub peer: Peer,
}

/// The components that have ended because of a topic.
pub struct Dismissed {
    /// The actors of components of one page.
    pub actors: HashSet<ActorKey>,
    /// The callers of viewers of shared components.
    pub viewers: Vec<Arc<Caller>>,
}

/// The time over which so many connections and components are to come back, in milliseconds: a process that
/// takes `rate` of them in a second needs so long for all.
fn spread(joins: usize, rate: u32) -> u16 {
    let milliseconds = joins.saturating_mul(1000) / (rate.max(1) as usize);
    u16::try_from(milliseconds).map_or(MAX_SPREAD, |time| time.min(MAX_SPREAD))
}

impl Sessions {
    /// The open connections.
    pub fn connections(&self) -> Vec<OpenConnection> {
        let state = self.lock();
        let connections = state.connections.iter();
        connections
            .map(|(number, open)| OpenConnection {
                number: *number,
                peer: open.peer.clone(),
            })
            .collect()
    }

    /// The parked sessions, each with the client that it was last shown to.
    pub fn parked(&self) -> Vec<OpenConnection> {
        let state = self.lock();
        let parked = state.parked.iter();
        parked
            .map(|(number, parked)| OpenConnection {
                number,
                peer: parked.peer.clone(),
            })
            .collect()
    }

    /// Closes connections, or ends parked sessions, by their numbers. The sessions that a connection shows
    /// end with it instead of being parked; they end, too, if the connection has been lost since. Gives how
    /// many connections and sessions of these numbers there were.
    pub fn disconnect(&self, numbers: &[u64]) -> usize {
        let mut count = 0;
        let mut gone = HashSet::new();
        for number in numbers {
            // First the arrivals: connections that open meanwhile are found below.
            let arrives = self.arrivals.refuse(*number);
            let mut state = self.lock();
            if let Some(open) = state.connections.get_mut(number) {
                open.disconnect();
                gone.insert(*number);
                count += 1;
            } else if state.parked.contains(*number) {
                drop(state);
                self.end_parked(*number);
                count += 1;
            } else {
                gone.insert(*number);
                count += usize::from(arrives);
            }
        }
        if gone.is_empty() {
            return count;
        }
        let state = self.lock();
        let left = state.parked.iter();
        let left = left.filter(|(_, parked)| gone.contains(&parked.connection));
        let left: Vec<(u64, bool)> = left
            .map(|(ticket, parked)| (ticket, state.connections.contains_key(&parked.connection)))
            .collect();
        drop(state);
        for (ticket, is_counted) in left {
            self.end_parked(ticket);
            count += usize::from(!is_counted);
        }
        count
    }

    /// Closes the connections of that user (`bind`) or of that address, or, if both are given, those that
    /// match both; and ends the parked sessions that match. The sessions that such a connection shows end
    /// with it instead of being parked; they end, too, if the connection is lost meanwhile. Gives how many
    /// connections and parked sessions there were; 0 if neither is given.
    pub fn disconnect_matching(&self, bind: Option<&str>, address: Option<&str>) -> usize {
        if bind.is_none() && address.is_none() {
            return 0;
        }
        let is_meant = |of_bind: &str, of_address: &str| {
            bind.is_none_or(|bind| bind == of_bind)
                && address.is_none_or(|address| address == of_address)
        };
        // First the arrivals: connections that open meanwhile are found below.
        let arriving = self.arrivals.refuse_all(is_meant);
        let mut state = self.lock();
        let mut count = arriving.len();
        for (number, open) in &mut state.connections {
            if is_meant(&open.peer.bind, &open.peer.address) {
                open.disconnect();
                count += usize::from(!arriving.contains(number));
            }
        }
        let parked = state.parked.iter().filter(|(_, parked)| {
            let peer = &parked.peer;
            let open = state.connections.get(&parked.connection);
            is_meant(&peer.bind, &peer.address) || open.is_some_and(|open| open.disconnected)
        });
        let parked: Vec<(u64, bool)> = parked
            .map(|(ticket, parked)| {
                let open = state.connections.get(&parked.connection);
                (ticket, open.is_some_and(|open| open.disconnected))
            })
            .collect();
        drop(state);
        for (ticket, is_counted) in parked {
            self.end_parked(ticket);
            count += usize::from(!is_counted);
        }
        count
    }

    /// The component of a session is in these topics from here on, by a step that began at `since`: see
    /// [`Members::set`](crate::members::Members::set).
    pub(crate) fn set_topics(
        &self,
        session: &Arc<Session>,
        topics: Option<TopicNames>,
        since: u64,
    ) -> Vec<Leave> {
        let before = session.set_topics(topics.clone());
        let member = (session.key, &session.about.bind, session);
        let mut leaves = self
            .members
            .set(member, before.as_ref(), topics.as_ref(), since);
        leaves.retain(|leave| session.is_of(&leave.whose));
        leaves
    }

    /// Ends the components that are in this topic, of the user, of the address, of both or of all, shown or
    /// parked; a page that shows one is told to join again. A component whose call in flight puts it into the topic
    /// ends after that call. Of shared components the viewers end.
    pub fn disconnect_topic(&self, leave: &Leave) -> Dismissed {
        let mut actors = HashSet::new();
        self.members.leave(leave, |session| {
            if session.is_of(&leave.whose) && !session.is_over() {
                session.refuse(BUSY, &Refusal::Busy);
                self.end(&session);
                actors.insert(session.key);
            }
        });
        Dismissed {
            actors,
            viewers: self.shared.dismiss(leave),
        }
    }

    /// Takes the components of the user, of the address, of both or of all out of this topic, shown or parked; the
    /// components go on without it. Shared components are nobody's: they are meant if all are. Gives how many were
    /// in the topic.
    pub fn unsubscribe(&self, leave: &Leave) -> usize {
        let mut count = 0;
        self.members.leave(leave, |session| {
            if session.is_of(&leave.whose) && !session.is_over() {
                session.leave_topic(&leave.topic);
                count += 1;
            }
        });
        if leave.whose.is_everybody() {
            count += self.shared.unsubscribe(leave);
        }
        count
    }

    /// The application is closing: connections answer the events that wait, and parked sessions end. If there
    /// are other processes, a parked session handles its waiting messages first, and leaves the others the
    /// answers that its page does not have.
    pub fn drain(&self) {
        let mut state = self.lock();
        let joins = state.connections.len() + state.sessions.len();
        state
            .closing
            .get_or_insert_with(|| spread(joins, self.limits.join_rate));
        for open in state.connections.values() {
            open.outbox.order(Order::Drain);
        }
        let is_shared = self.is_shared.get().is_some();
        let parked: Vec<_> = state
            .parked
            .iter()
            .map(|(ticket, parked)| (ticket, parked.session.clone()))
            .collect();
        drop(state);
        for (ticket, session) in parked {
            match is_shared {
                true => session.finish(),
                false => self.end_parked(ticket),
            }
        }
        self.shared.drain();
        self.changed.notify_one();
    }

    /// Closes all connections at once: the time to answer events is over.
    pub fn stop(&self) {
        self.drain();
        let closed = self.closed();
        let state = self.lock();
        for open in state.connections.values() {
            open.outbox.order(Order::Stop(closed));
        }
        let parked: Vec<u64> = state.parked.iter().map(|(ticket, _)| ticket).collect();
        drop(state);
        self.disconnect(&parked);
        self.shared.stop();
    }

    /// The reason for which a connection is closed after all its answers were sent.
    pub(crate) fn closed(&self) -> Closed {
        let spread = self.lock().closing.unwrap_or_default();
        Closed::Closing(spread)
    }
}
