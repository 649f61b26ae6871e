//! All sessions of an application, and those among them that have lost their connection.

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
    /// The connection that has left it behind, and whose that was: the session may have begun on another
    /// one, with another request and from another address.
    connection: u64,
    peer: Peer,
}

struct Open {
    outbox: Arc<Outbox>,
    peer: Peer,
    /// See [`holder`].
    holder: Arc<str>,
    /// The application had it closed.
    disconnected: bool,
}

#[derive(Default)]
struct State {
    /// By their instances.
    sessions: HashMap<Arc<str>, Arc<Session>>,
    /// By the numbers they were parked under: the oldest first.
    parked: BTreeMap<u64, Parked>,
    /// The parked ones of each holder, and their bytes.
    holders: HashMap<Arc<str>, (usize, BTreeSet<u64>)>,
    /// Holders by their bytes: the last holds most.
    heaviest: BTreeSet<(usize, Arc<str>)>,
    parked_bytes: usize,
    endings: Endings,
    connections: BTreeMap<u64, Open>,
    addresses: Addresses,
    /// Set once the application closes: the time over which its pages are to come back.
    closing: Option<u16>,
}

/// Sessions, parked sessions and open connections. The lock is a `std` one, held for a look-up or a
/// move from one list to another; no session's lock is taken under it.
///
/// A session without a connection waits for `limits.park_time`. At `limits.parked` and
/// `limits.parked_bytes` the holder that has most there (whoever `bind` names, else the address)
/// loses its oldest; what it loses lives on in its client's checkpoint.
pub struct Sessions {
    state: Mutex<State>,
    arrivals: Arrivals,
    /// Upgrades that the application has not let pass yet.
    pending: AtomicUsize,
    stats: Arc<Stats>,
    limits: Limits,
    last: AtomicU64,
    changed: Arc<Notify>,
    /// What runs for as long as the sessions are there.
    tasks: OnceLock<[AbortHandle; 2]>,
    pub(super) holdings: Holdings,
}

/// What became of the oldest parked session.
pub(super) enum Oldest {
    /// There is none.
    None,
    /// It still has time.
    Until(Instant),
    Ended,
}

/// A connection's entry. Gone when dropped.
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

    /// What a holder holds has become more, or less.
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

    /// The oldest of whoever holds most.
    fn gives_way(&self) -> Option<u64> {
        let (_, holder) = self.heaviest.last()?;
        self.holders.get(holder)?.1.first().copied()
    }
}

impl Sessions {
    /// None yet. Must be called inside a tokio runtime.
    pub fn new(limits: &Limits, stats: Arc<Stats>, budget: Arc<Budget>) -> Arc<Self> {
        let sessions = Self::without_tasks(limits, stats);
        let changed = sessions.changed.clone();
        let sweeping = tokio::spawn(sweep(Arc::downgrade(&sessions), changed));
        let relieving = tokio::spawn(leaving::relieve(Arc::downgrade(&sessions), budget));
        let tasks = [sweeping.abort_handle(), relieving.abort_handle()];
        let _ = sessions.tasks.set(tasks);
        sessions
    }

    /// Sessions that nobody sweeps.
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

    fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes a connection in, unless its address has too many, or the application had it closed.
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
        // After it has been put among the connections, so that `disconnect` finds it here or there.
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

    /// The event from which the component of that instance, which has ended, may start again, if that is
    /// beyond event `number`.
    pub(super) fn ended_beyond(&self, instance: &str, number: u64) -> Option<u64> {
        let state = self.lock();
        let session = state.sessions.get(instance).cloned();
        let ended = state.endings.beyond(instance, number);
        drop(state);
        // It may have ended just now, so that its actor has not gone.
        let ending = session.map(|session| session.newest());
        ending.filter(|newest| *newest > number).max(ended)
    }

    /// Adds a session. One of the same instance ends.
    pub(super) fn add(&self, session: &Arc<Session>) {
        let instance = session.about.instance.clone();
        let old = self.lock().sessions.insert(instance, session.clone());
        if let Some(old) = old {
            self.end(&old);
        }
    }

    /// A session's actor is gone. The session has ended, and no connection changes it any more.
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

    /// Ends a session, wherever it is.
    pub(super) fn end(&self, session: &Arc<Session>) {
        let ticket = session.ticket();
        session.end();
        if let Some(ticket) = ticket {
            self.unpark(ticket);
        }
    }

    /// A session has lost its connection, which has this number.
    pub(super) fn park(&self, attached: &Attached, connection: u64) {
        let Attached { session, epoch } = attached;
        let ticket = self.number();
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
        // Resumed meanwhile: then it was not found there.
        if session.ticket() != Some(ticket) {
            self.unpark(ticket);
        }
        session.weigh();
        self.make_room();
    }

    /// What a session weighs in all.
    pub(super) fn weighed(&self, session: &Arc<Session>, bytes: usize) {
        for session in self.holdings.weigh(session, bytes) {
            // Its page comes back with its checkpoint, when there is room again.
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

    /// A session is parked no more. Gives it, if it was.
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

    /// Ends what has been parked longest, if that is long enough.
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

/// Whose it is, when much is held: the user's that `bind` names, else that of what the address counts
/// as.
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

/// Ends what has been parked for too long, until the sessions are dropped or close.
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
            // All are parked for the same time, so none that comes later ends earlier.
            Oldest::Until(until) => sleep_until(until).await,
            Oldest::None => changed.notified().await,
        }
    }
}
