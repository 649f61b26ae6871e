//! All sessions of an application, and the parked ones among them, which have lost their connection.

mod addresses;
mod arriving;
mod connections;
mod endings;
mod holdings;
mod leaving;
mod parked;
mod relief;
pub(crate) mod to_page;
mod yielding;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::budget::Budget;
use crate::ids::{Life, Revision};
use crate::limits::Limits;
use crate::members::{self, Members};
use crate::protocol::Refusal;
use crate::session::{Attached, Detached, Session};
use crate::shared::{Across, SharedComponents};
use crate::stats::Stats;
use crate::sync::{Mutex, MutexGuard, lock};
use addresses::Addresses;
pub use addresses::counted;
pub(crate) use addresses::{Address, Pace};
use arriving::Arrivals;
pub use arriving::{Arrival, Pending};
use connections::Open;
pub(crate) use connections::{counted_as, holder};
use endings::Endings;
use holdings::{BASE_WEIGHT, Holdings};
pub use leaving::OpenConnection;
use parked::{Parked, ParkedSessions};

use crate::shared::BUSY;

#[derive(Default)]
struct State {
    /// Sessions by their instances.
    sessions: HashMap<Arc<str>, Arc<Session>>,
    parked: ParkedSessions,
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
    /// sequence, so that a number names one of the two.
    last: AtomicU64,
    /// Wakes the sweeper, when there is a first parked session or the application closes.
    changed: Arc<Notify>,
    /// The tasks of these sessions, ended when the sessions are dropped.
    tasks: OnceLock<[AbortHandle; 2]>,
    pub(crate) holdings: Holdings,
    /// The sessions whose components are in topics.
    members: Members<Arc<Session>>,
    /// The components that many pages show.
    pub shared: Arc<SharedComponents>,
    /// Other processes may go on with the parked components of this one. Set by `share`.
    is_shared: OnceLock<()>,
}

/// What happened to the oldest parked session.
pub(crate) enum Oldest {
    /// No session waits.
    None,
    /// The oldest session may wait until then.
    Until(Instant),
    Ended,
}

impl Sessions {
    /// Without any sessions yet. Must be called inside a tokio runtime.
    pub fn new(limits: &Limits, stats: Arc<Stats>, budget: Arc<Budget>) -> Arc<Self> {
        Self::with(limits, stats, budget, None)
    }

    /// As [`new`](Self::new). `across`: the processes that share shared components, if there is a backplane.
    pub fn with(
        limits: &Limits,
        stats: Arc<Stats>,
        budget: Arc<Budget>,
        across: Option<Arc<Across>>,
    ) -> Arc<Self> {
        let sessions = Self::without_tasks(limits, stats, across);
        let changed = sessions.changed.clone();
        let sweeping = tokio::spawn(sweep(Arc::downgrade(&sessions), changed));
        let relieving = tokio::spawn(relief::relieve(Arc::downgrade(&sessions), budget));
        let tasks = [sweeping.abort_handle(), relieving.abort_handle()];
        let _ = sessions.tasks.set(tasks);
        sessions
    }

    /// The same without the tasks that sweep and relieve.
    pub(crate) fn without_tasks(
        limits: &Limits,
        stats: Arc<Stats>,
        across: Option<Arc<Across>>,
    ) -> Arc<Self> {
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
            members: Members::default(),
            shared: SharedComponents::new(limits, across),
            is_shared: OnceLock::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The session of that instance.
    pub(crate) fn get(&self, instance: &str) -> Option<Arc<Session>> {
        self.lock().sessions.get(instance).cloned()
    }

    /// For a component that has ended: the revision of the oldest checkpoint that may start it again, if that
    /// is later than `revision`; else `None`. `later`: see [`Session::beyond`].
    pub(crate) fn ended_beyond(
        &self,
        instance: &str,
        revision: Revision,
        later: Option<Life>,
    ) -> Option<Revision> {
        let state = self.lock();
        let session = state.sessions.get(instance).cloned();
        let ended = state.endings.beyond(instance, revision, later);
        drop(state);
        let session = session.filter(|one| later.is_none_or(|later| later <= one.life()));
        // If the component has ended just now, its actor may not be gone, and the session is still listed.
        let ending = session.map(|session| session.newest());
        ending.filter(|newest| *newest > revision).max(ended)
    }

    /// All sessions.
    fn all(&self) -> Vec<Arc<Session>> {
        self.lock().sessions.values().cloned().collect()
    }

    /// Adds a session. An older session of the same instance ends.
    pub(crate) fn add(&self, session: &Arc<Session>) {
        let instance = session.about.instance.clone();
        let old = self.lock().sessions.insert(instance, session.clone());
        if let Some(old) = old {
            self.end(&old);
        }
    }

    /// Takes a session off the lists, when its actor is gone. The session has ended, so no connection
    /// changes it any more.
    pub(crate) fn remove(&self, session: &Arc<Session>) {
        let (newest, life) = (session.newest(), session.life());
        self.set_topics(session, None, members::now());
        self.holdings.forget(session);
        // A nested component ends with its parent, also while both wait for their page.
        if let Some(ticket) = session.was_parked() {
            self.unpark(ticket);
        }
        let mut state = self.lock();
        let instance = &session.about.instance;
        state.endings.add(instance, newest, life);
        if state
            .sessions
            .get(instance)
            .is_some_and(|known| Arc::ptr_eq(known, session))
        {
            state.sessions.remove(instance);
        }
    }

    /// Ends a session, with or without a connection.
    pub(crate) fn end(&self, session: &Arc<Session>) {
        let ticket = session.ticket();
        session.end();
        if let Some(ticket) = ticket {
            self.unpark(ticket);
        }
    }

    /// Parks a session that has lost its connection, whose number is `connection`.
    pub(crate) fn park(&self, attached: &Attached, connection: u64) {
        let Attached { session, epoch } = attached;
        let ticket = self.next_number();
        let is_shared = self.is_shared.get().is_some();
        let ends = self.lock().closing.is_some() && !is_shared;
        if ends || self.limits.park_time.is_zero() {
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
        state.parked.insert(ticket, parked);
        self.stats.parked.up();
        let open = state.connections.get(&connection);
        let closes = state.closing.is_some();
        let is_over = (closes && !is_shared) || open.is_some_and(|open| open.disconnected);
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
        // This also wakes the actor, whose component is not present any more (`LiveSocketState::notice`).
        session.weigh();
        self.make_room();
        if closes {
            // The answers that its page does not have are left to the process that the page comes to.
            session.finish();
        }
    }

    /// Notes the bytes of a session. If all of them are too many, sessions end.
    pub(crate) fn weighed(&self, session: &Arc<Session>, bytes: usize) {
        for session in self.holdings.weigh(session, bytes) {
            // The page asks again with its checkpoint, and joins when there is room.
            session.refuse(BUSY, &Refusal::Busy);
            self.end(&session);
        }
        let Some(ticket) = session.ticket() else {
            return;
        };
        let mut state = self.lock();
        if !state.parked.weigh(ticket, BASE_WEIGHT + bytes) {
            return;
        }
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
            if state.parked.len() <= parked && state.parked.bytes() <= parked_bytes {
                return;
            }
            let Some(ticket) = state.parked.gives_way() else {
                return;
            };
            drop(state);
            self.end_parked(ticket);
        }
    }

    /// Takes a session off the parked ones. Gives the session; `None` if it was not parked.
    pub(crate) fn unpark(&self, ticket: u64) -> Option<Arc<Session>> {
        let session = self.lock().parked.remove(ticket)?;
        self.stats.parked.down(1);
        Some(session)
    }

    fn end_parked(&self, ticket: u64) {
        if let Some(session) = self.unpark(ticket) {
            session.end_parked(ticket);
        }
    }

    /// Ends the session that was parked first, if its time is over.
    pub(crate) fn end_oldest(&self) -> Oldest {
        let state = self.lock();
        let Some((ticket, until)) = state.parked.oldest() else {
            return Oldest::None;
        };
        if until > Instant::now() {
            return Oldest::Until(until);
        }
        drop(state);
        self.end_parked(ticket);
        Oldest::Ended
    }
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
