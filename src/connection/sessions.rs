//! All sessions of an application, and the parked ones among them, which have lost their connection.

mod arriving;
mod endings;
mod leaving;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::addresses::{Address, Addresses, counted};
use super::holdings::{BASE_WEIGHT, Holdings};
use super::outbox::{Order, Outbox};
use super::session::{Attached, Detached, Session};
use super::{BUSY, Peer};
use crate::budget::Budget;
use crate::limits::Limits;
use crate::protocol::Refusal;
use crate::stats::Stats;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::transport::Closed;
use arriving::Arrivals;
pub use arriving::{Arrival, Pending};
use endings::Endings;
pub use leaving::OpenConnection;

struct Parked {
    session: Arc<Session>,
    until: Instant,
    bytes: usize,
    holder: Arc<str>,
    /// The number of the connection that the session was last shown on, and the client there. The session
    /// may have begun on another connection, with another request and from another address.
    connection: u64,
    peer: Peer,
}

struct Open {
    outbox: Arc<Outbox>,
    peer: Peer,
    /// See [`holder`].
    holder: Arc<str>,
    /// The application has asked for the connection's end. Its sessions are then not parked.
    disconnected: bool,
}

#[derive(Default)]
struct State {
    /// Sessions by their instances.
    sessions: HashMap<Arc<str>, Arc<Session>>,
    /// Parked sessions by their tickets: the oldest first.
    parked: BTreeMap<u64, Parked>,
    /// The bytes and the tickets of each holder's parked sessions.
    holders: HashMap<Arc<str>, (usize, BTreeSet<u64>)>,
    /// Holders by their bytes: the last one holds most.
    heaviest: BTreeSet<(usize, Arc<str>)>,
    parked_bytes: usize,
    endings: Endings,
    connections: BTreeMap<u64, Open>,
    addresses: Addresses,
    /// Set by the first `drain`, and never cleared: the application is closing, and its pages are to come
    /// back over so many milliseconds.
    closing: Option<u16>,
}

/// Sessions, parked sessions and open connections. The lock is a `std` one, held for a look-up or a move
/// from one list to another. No session's lock is taken under it; an outbox's may be.
///
/// A session without a connection waits for `limits.park_time`. At `limits.parked` and
/// `limits.parked_bytes` the `holder` that has most parked bytes loses its oldest session. The client of
/// that session still has its checkpoint.
///
/// Architecture invariant: a session is either with its page, or parked, or over, in whatever order a
/// connection ends, a page comes back and the waiting time ends. `src/models.rs` watches it
/// (`a_session_is_resumed_or_over`).
pub struct Sessions {
    state: Mutex<State>,
    arrivals: Arrivals,
    /// How many upgrades the application has not let pass yet.
    pending: AtomicUsize,
    stats: Arc<Stats>,
    limits: Limits,
    /// The last number that was given to a connection or, as a ticket, to a parked session. They share one
    /// sequence, so that a number says which is meant.
    last: AtomicU64,
    /// Wakes the sweeper, when there is a first parked session or the application closes.
    changed: Arc<Notify>,
    /// The tasks of these sessions, ended when the sessions are dropped.
    tasks: OnceLock<[AbortHandle; 2]>,
    pub(super) holdings: Holdings,
}

/// What became of the oldest parked session.
pub(super) enum Oldest {
    /// No session is parked.
    None,
    /// The oldest session may wait until then.
    Until(Instant),
    Ended,
}

/// A connection's entry among the open connections. Dropping the value removes the entry.
pub(super) struct Entry {
    sessions: Arc<Sessions>,
    pub(super) number: u64,
    pub(super) address: Arc<Address>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state.connections.remove(&self.number);
        state.addresses.leave(&self.address, &self.sessions.limits);
    }
}

impl State {
    fn insert_parked(&mut self, ticket: u64, parked: Parked) {
        let holder = parked.holder.clone();
        self.weigh_holder(&holder, 0, parked.bytes, Some(ticket));
        self.parked.insert(ticket, parked);
    }

    /// Changes a holder's bytes, by a parked session that weighed `before` and weighs `bytes` now; `ticket`
    /// names the session if it is new.
    fn weigh_holder(
        &mut self,
        holder: &Arc<str>,
        before: usize,
        bytes: usize,
        ticket: Option<u64>,
    ) {
        let (held, tickets) = self.holders.entry(holder.clone()).or_default();
        self.heaviest.remove(&(*held, holder.clone()));
        *held = *held - before + bytes;
        tickets.extend(ticket);
        self.heaviest.insert((*held, holder.clone()));
        self.parked_bytes = self.parked_bytes - before + bytes;
    }

    fn remove_parked(&mut self, ticket: u64) -> Option<Arc<Session>> {
        let parked = self.parked.remove(&ticket)?;
        self.parked_bytes -= parked.bytes;
        if let Some((held, tickets)) = self.holders.get_mut(&parked.holder) {
            self.heaviest.remove(&(*held, parked.holder.clone()));
            *held -= parked.bytes;
            tickets.remove(&ticket);
            if tickets.is_empty() {
                self.holders.remove(&parked.holder);
            } else {
                self.heaviest.insert((*held, parked.holder.clone()));
            }
        }
        Some(parked.session)
    }

    /// The ticket of the session that is to end if there is too much: the oldest one of the holder that
    /// holds most.
    fn gives_way(&self) -> Option<u64> {
        let (_, holder) = self.heaviest.last()?;
        self.holders.get(holder)?.1.first().copied()
    }
}

impl Sessions {
    /// Without any sessions yet. Must be called inside a tokio runtime.
    pub fn new(limits: &Limits, stats: Arc<Stats>, budget: Arc<Budget>) -> Arc<Self> {
        let sessions = Self::without_tasks(limits, stats);
        let changed = sessions.changed.clone();
        let sweeping = tokio::spawn(sweep(Arc::downgrade(&sessions), changed));
        let relieving = tokio::spawn(leaving::relieve(Arc::downgrade(&sessions), budget));
        let tasks = [sweeping.abort_handle(), relieving.abort_handle()];
        let _ = sessions.tasks.set(tasks);
        sessions
    }

    /// As [`new`](Self::new), without the tasks that sweep and relieve.
    pub(super) fn without_tasks(limits: &Limits, stats: Arc<Stats>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            arrivals: Arrivals::default(),
            pending: AtomicUsize::new(0),
            stats,
            limits: limits.clone(),
            last: AtomicU64::new(0),
            changed: Arc::default(),
            tasks: OnceLock::new(),
            holdings: Holdings::new(limits),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes a connection in. An error if its address has too many connections, or if the application has
    /// asked for its end since it arrived.
    pub(super) fn open(
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
        // Looked at after the connection was put in the list, so that a `disconnect` at the same time finds
        // it among the arrivals or among the connections.
        if self.arrivals.is_refused(number) {
            return Err(Closed::Disconnected);
        }
        if too_many {
            return Err(Closed::Overload);
        }
        Ok(entry)
    }

    /// The session of that instance.
    pub(super) fn get(&self, instance: &str) -> Option<Arc<Session>> {
        self.lock().sessions.get(instance).cloned()
    }

    /// For a component that has ended: the event of the oldest checkpoint that may start it again, if that
    /// event is later than event `number`; else `None`.
    pub(super) fn ended_beyond(&self, instance: &str, number: u64) -> Option<u64> {
        let state = self.lock();
        let session = state.sessions.get(instance).cloned();
        let ended = state.endings.beyond(instance, number);
        drop(state);
        // If the component has ended just now, its actor may not be gone, and the session is still listed.
        let ending = session.map(|session| session.newest());
        ending.filter(|newest| *newest > number).max(ended)
    }

    /// Adds a session. An older session of the same instance ends.
    pub(super) fn add(&self, session: &Arc<Session>) {
        let instance = session.about.instance.clone();
        let old = self.lock().sessions.insert(instance, session.clone());
        if let Some(old) = old {
            self.end(&old);
        }
    }

    /// Takes a session off the lists, when its actor is gone. The session has ended, so no connection
    /// changes it any more.
    pub(super) fn remove(&self, session: &Arc<Session>) {
        let newest = session.newest();
        self.holdings.forget(session);
        let mut state = self.lock();
        let instance = &session.about.instance;
        state.endings.add(instance, newest);
        if state
            .sessions
            .get(instance)
            .is_some_and(|known| Arc::ptr_eq(known, session))
        {
            state.sessions.remove(instance);
        }
    }

    /// Ends a session, with or without a connection.
    pub(super) fn end(&self, session: &Arc<Session>) {
        let ticket = session.ticket();
        session.end();
        if let Some(ticket) = ticket {
            self.unpark(ticket);
        }
    }

    /// Parks a session that has lost its connection, whose number is `connection`.
    pub(super) fn park(&self, attached: &Attached, connection: u64) {
        let Attached { session, epoch } = attached;
        let ticket = self.next_number();
        if self.lock().closing.is_some() || self.limits.park_time.is_zero() {
            session.end_shown(*epoch);
            return;
        }
        if session.detach(*epoch, ticket) == Detached::Over {
            return;
        }
        let mut state = self.lock();
        let open = state.connections.get(&connection);
        let parked = Parked {
            session: session.clone(),
            until: Instant::now() + self.limits.park_time,
            bytes: BASE_WEIGHT,
            holder: session.about.holder.clone(),
            connection,
            peer: open.map_or_else(|| session.about.peer(), |open| open.peer.clone()),
        };
        let is_first = state.parked.is_empty();
        state.insert_parked(ticket, parked);
        self.stats.parked.up();
        let open = state.connections.get(&connection);
        let is_over = state.closing.is_some() || open.is_some_and(|open| open.disconnected);
        drop(state);
        if is_over {
            // `disconnect` may have run before this insert; then it did not see this session.
            self.end_parked(ticket);
            return;
        }
        if is_first {
            self.changed.notify_one();
        }
        // The page may have resumed the session before this insert; then it found nothing to unpark.
        if session.ticket() != Some(ticket) {
            self.unpark(ticket);
        }
        session.weigh();
        self.make_room();
    }

    /// Notes what a session weighs in all. Sessions that are too much end.
    pub(super) fn weighed(&self, session: &Arc<Session>, bytes: usize) {
        for session in self.holdings.weigh(session, bytes) {
            // The page asks again with its checkpoint, and joins when there is room.
            session.refuse(BUSY, &Refusal::Busy);
            self.end(&session);
        }
        let Some(ticket) = session.ticket() else {
            return;
        };
        let mut state = self.lock();
        let Some(parked) = state.parked.get_mut(&ticket) else {
            return;
        };
        let bytes = BASE_WEIGHT + bytes;
        let before = std::mem::replace(&mut parked.bytes, bytes);
        let holder = parked.holder.clone();
        state.weigh_holder(&holder, before, bytes, None);
        drop(state);
        self.make_room();
    }

    /// Ends parked sessions until the rest is within the limits.
    fn make_room(&self) {
        loop {
            let state = self.lock();
            let Limits {
                parked,
                parked_bytes,
                ..
            } = self.limits;
            if state.parked.len() <= parked && state.parked_bytes <= parked_bytes {
                return;
            }
            let Some(ticket) = state.gives_way() else {
                return;
            };
            drop(state);
            self.end_parked(ticket);
        }
    }

    /// Takes a session off the parked ones. Gives the session; `None` if it was not parked.
    pub(super) fn unpark(&self, ticket: u64) -> Option<Arc<Session>> {
        let session = self.lock().remove_parked(ticket)?;
        self.stats.parked.down(1);
        Some(session)
    }

    fn end_parked(&self, ticket: u64) {
        if let Some(session) = self.unpark(ticket) {
            session.end_parked(ticket);
        }
    }

    /// Ends the session that was parked first, if its time is over.
    pub(super) fn end_oldest(&self) -> Oldest {
        let state = self.lock();
        let Some((&ticket, parked)) = state.parked.first_key_value() else {
            return Oldest::None;
        };
        if parked.until > Instant::now() {
            return Oldest::Until(parked.until);
        }
        drop(state);
        self.end_parked(ticket);
        Oldest::Ended
    }
}

/// The name under which memory counts, to find who holds most: `bind`, or, if `bind` is empty, the name
/// that the address counts as.
pub(super) fn holder(bind: &Arc<str>, address: &Arc<str>) -> Arc<str> {
    if bind.is_empty() { address } else { bind }.clone()
}

impl Drop for Sessions {
    fn drop(&mut self) {
        for task in self.tasks.get().into_iter().flatten() {
            task.abort();
        }
    }
}

/// Ends sessions that have been parked for too long, until the sessions are dropped or the application
/// closes.
async fn sweep(sessions: Weak<Sessions>, changed: Arc<Notify>) {
    loop {
        let Some(strong) = sessions.upgrade() else {
            return;
        };
        if strong.lock().closing.is_some() {
            return;
        }
        let next = strong.end_oldest();
        drop(strong);
        match next {
            Oldest::Ended => {}
            // All sessions are parked for the same time, so the first one is always the next to end.
            Oldest::Until(until) => sleep_until(until).await,
            Oldest::None => changed.notified().await,
        }
    }
}
