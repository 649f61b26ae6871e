//! Turns of pages that join or come back. They wait for them, so that events come first, and so that
//! no address and no module makes the others wait.

mod lines;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;
use crate::rate::Rate;
use crate::sync::{Mutex, MutexGuard, lock};
use lines::{Line, State, Waiter};

/// The part of `limits.async_joins` that one address may have.
const ADDRESS_SHARE: usize = 8;

/// The queue of one application: so many each second (`limits.join_rate`), so many that render at a
/// time (`limits.joins`), so many that wait for a promise of the application
/// (`limits.async_joins`), and so many that wait for any of these (`limits.waiting_joins`).
///
/// Turns go round: one for each address that waits, and among those of an address one for each module.
/// If too many wait, the newest of the address that has most waiting gives way.
///
/// The lock is a `std` one, held for a step in ordered maps; no event takes it.
pub struct Turns {
    state: Mutex<State>,
    joins: usize,
    async_joins: usize,
    waiting_joins: usize,
}

/// What becomes of one that waited.
#[derive(Debug)]
pub enum Given {
    /// It is its turn.
    Turn(Turn),
    /// Too many wait, and it is to come back later.
    Busy,
    /// Its connection is gone.
    Gone,
}

/// What one that joins or comes back gets: a turn, or a place among those that wait. Given back when
/// dropped.
pub struct Place(Kind);

enum Kind {
    First(Turn),
    Waits(Waits),
}

/// Counts one that waits.
struct Waits {
    turns: Arc<Turns>,
    line: Line,
    /// Cancelled when the connection is gone that it waits for.
    gone: Option<CancellationToken>,
}

/// Somebody whose turn it is. Over when dropped.
#[derive(Debug)]
pub struct Turn(Arc<Held>);

struct Held {
    turns: Arc<Turns>,
    line: Line,
    /// It waits for a promise: others may render.
    is_async: Mutex<bool>,
}

/// Gives a turn's right to render to somebody else, while the turn waits for a promise.
#[derive(Clone, Debug)]
pub struct Yield(Weak<Held>);

impl std::fmt::Debug for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Turn").finish_non_exhaustive()
    }
}

impl Turns {
    /// An empty queue.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                addresses: HashMap::new(),
                round: BTreeMap::new(),
                longest: BTreeSet::new(),
                rate: Rate::new(limits.join_rate, limits.join_burst),
                rendering: 0,
                turns: 0,
                places: 0,
                last: 0,
                is_timed: false,
            }),
            joins: limits.joins,
            async_joins: limits.async_joins.max(limits.joins),
            waiting_joins: limits.waiting_joins,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether one address with so many turns may have another.
    fn has_share(&self, turns: usize) -> bool {
        turns
            < (self.async_joins / ADDRESS_SHARE)
                .max(1)
                .max(self.joins.min(self.async_joins))
    }

    fn turn(self: &Arc<Self>, state: &mut State, line: Line) -> Turn {
        state.rendering += 1;
        state.turns += 1;
        if let Some(address) = state.addresses.get_mut(&line.0) {
            address.turns += 1;
        }
        Turn(Arc::new(Held {
            turns: self.clone(),
            line,
            is_async: Mutex::new(false),
        }))
    }

    /// A place for somebody of this address who joins this module; `None` if too many wait and nobody
    /// has more waiting than this address. Must be called inside a tokio runtime.
    pub fn queue(self: &Arc<Self>, address: &Arc<str>, module: &Arc<str>) -> Option<Place> {
        let mut state = self.lock();
        let (places, turns) = state
            .addresses
            .get(address)
            .map_or((0, 0), |known| (known.places, known.turns));
        let is_free = state.places == 0
            && state.rendering < self.joins
            && state.turns < self.async_joins
            && self.has_share(turns);
        if is_free && state.rate.take() {
            state.addresses.entry(address.clone()).or_default();
            let turn = self.turn(&mut state, (address.clone(), module.clone()));
            return Some(Place(Kind::First(turn)));
        }
        let mut gone = None;
        if state.places >= self.waiting_joins {
            let most = state.longest.last().map_or(0, |(most, _)| *most);
            if most <= places + 1 {
                return None;
            }
            // Counts until whoever has it hears of it.
            gone = Some(state.newest()?);
        }
        state.place(address, true);
        drop(state);
        if let Some(waiter) = gone {
            let _ = waiter.sender.send(Given::Busy);
        }
        Some(Place(Kind::Waits(Waits {
            turns: self.clone(),
            line: (address.clone(), module.clone()),
            gone: None,
        })))
    }

    /// Gives the turns that can be given.
    fn give(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            if state.rendering >= self.joins || state.turns >= self.async_joins {
                return;
            }
            let Some(name) = self.next_address(&mut state) else {
                return;
            };
            if let Some(due) = state.rate.due() {
                let is_timed = std::mem::replace(&mut state.is_timed, true);
                drop(state);
                if !is_timed {
                    self.give_at(due);
                }
                return;
            }
            let Some((module, waiter)) = state.first_of(&name) else {
                return;
            };
            if let Some(at) = state
                .addresses
                .get_mut(&name)
                .and_then(|address| address.at.take())
            {
                state.round.remove(&at);
            }
            state.enter_round(&name);
            // Nobody there any more takes nothing.
            if waiter.sender.is_closed() {
                continue;
            }
            state.rate.take();
            let turn = self.turn(&mut state, (name, module));
            drop(state);
            // A turn that nobody takes is given back.
            let _ = waiter.sender.send(Given::Turn(turn));
        }
    }

    /// The first address in the round that may have a turn. One that has its share leaves the round
    /// until it gives one back.
    fn next_address(&self, state: &mut State) -> Option<Arc<str>> {
        loop {
            let (at, name) = state.round.first_key_value()?;
            let (at, name) = (*at, name.clone());
            let address = state.addresses.get_mut(&name)?;
            if self.has_share(address.turns) {
                return Some(name);
            }
            address.at = None;
            state.round.remove(&at);
        }
    }

    fn give_at(self: &Arc<Self>, due: Instant) {
        let turns = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep_until(due).await;
            if let Some(turns) = turns.upgrade() {
                turns.lock().is_timed = false;
                turns.give();
            }
        });
    }

    #[cfg(test)]
    fn counts(&self) -> (usize, usize, usize) {
        let state = self.lock();
        (state.addresses.len(), state.turns, state.places)
    }
}

impl Place {
    /// Whether there is nothing to wait for.
    pub fn is_first(&self) -> bool {
        matches!(self.0, Kind::First(_))
    }

    /// The place of one that has something else to wait for first: others go before it until then.
    pub fn queued(self) -> Self {
        match self.0 {
            Kind::First(turn) => {
                let (turns, line) = (turn.0.turns.clone(), turn.0.line.clone());
                turns.lock().place(&line.0, true);
                drop(turn);
                let gone = None;
                Self(Kind::Waits(Waits { turns, line, gone }))
            }
            Kind::Waits(_) => self,
        }
    }

    /// Has it leave the queue when this is cancelled. One that has its turn already keeps it.
    pub fn leaves_with(mut self, gone: impl FnOnce() -> CancellationToken) -> Self {
        if let Kind::Waits(waits) = &mut self.0 {
            waits.gone = Some(gone());
        }
        self
    }

    /// Resolves with a turn, or says why there is none: [`Given::Busy`] never comes to one that does
    /// not `give_way`.
    pub async fn turn(self, gives_way: bool) -> Given {
        let waits = match self.0 {
            Kind::First(turn) => return Given::Turn(turn),
            Kind::Waits(waits) => waits,
        };
        let gone = waits.gone.clone().unwrap_or_default();
        if gone.is_cancelled() {
            return Given::Gone;
        }
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut state = waits.turns.lock();
            let ticket = state.next();
            state.wait(&waits.line, ticket, Waiter { sender, gives_way });
            ticket
        };
        // Leaves its line before it gives up its place.
        let waiting = Waiting {
            waits: &waits,
            ticket,
        };
        waits.turns.give();
        let given = tokio::select! {
            biased;
            given = receiver => given.unwrap_or(Given::Busy),
            () = gone.cancelled() => Given::Gone,
        };
        drop(waiting);
        given
    }
}

/// One that waits in its line. Leaves it when dropped.
struct Waiting<'a> {
    waits: &'a Waits,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let left = self.waits.turns.lock().leave(&self.waits.line, self.ticket);
        drop(left);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.place(&self.line.0, false);
        state.tidy(&self.line.0);
    }
}

impl Turn {
    /// What gives its right to render away, for whoever hears first that it waits.
    pub fn yields(&self) -> Yield {
        Yield(Arc::downgrade(&self.0))
    }
}

impl Yield {
    /// The turn waits for a promise, and others may render. A turn that is over yields nothing.
    pub fn now(&self) {
        let Some(held) = self.0.upgrade() else { return };
        let was_async = std::mem::replace(&mut *lock(&held.is_async), true);
        if was_async {
            return;
        }
        held.turns.lock().rendering -= 1;
        held.turns.give();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let is_async = *lock(&self.is_async);
        let mut state = self.turns.lock();
        state.rendering -= usize::from(!is_async);
        state.turns -= 1;
        if let Some(address) = state.addresses.get_mut(&self.line.0) {
            address.turns -= 1;
        }
        // It may have had its share until now.
        state.enter_round(&self.line.0);
        state.tidy(&self.line.0);
        drop(state);
        self.turns.give();
    }
}
