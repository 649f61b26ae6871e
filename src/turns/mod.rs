//! Turns: pages that join or come back wait for one each, so that events of other pages come first, and
//! so that no address and no module makes the others wait.

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
use lines::{Line, Queue, Waiter};

/// The part of `limits.async_joins` that one address may have.
const ADDRESS_SHARE: usize = 8;

/// The queue of one application. It bounds how many turns begin in a second (`limits.join_rate`), how
/// many render at a time (`limits.joins`), how many wait for a promise of the application
/// (`limits.async_joins`), and how many pages wait for a turn (`limits.waiting_joins`).
///
/// Turns go round: one for each address that waits, and within an address one for each module. If too
/// many wait, the newest of the address with most places gives way.
///
/// The lock is a `std` one, held for a step in ordered maps; no event takes it.
pub struct Turns {
    state: Mutex<Queue>,
    joins: usize,
    async_joins: usize,
    waiting_joins: usize,
}

/// How waiting for a turn ended.
#[derive(Debug)]
pub enum Given {
    /// With the turn.
    Turn(Turn),
    /// Too many wait: the page has to come back later.
    Busy,
    /// The page's connection is gone.
    Gone,
}

/// The place of a page that joins or comes back: either it has its turn already, or it is one of those that
/// wait and are counted. Dropping the place gives it back.
pub struct Place(PlaceKind);

enum PlaceKind {
    First(Turn),
    Waits(Waits),
}

/// A counted place of a page that waits.
struct Waits {
    turns: Arc<Turns>,
    line: Line,
    /// Set by [`Place::leaves_with`]. The page's connection cancels it when it ends; waiting then ends
    /// with [`Given::Gone`].
    gone: Option<CancellationToken>,
}

/// The turn of one page. The turn ends when this is dropped.
#[derive(Debug)]
pub struct Turn(Arc<Held>);

struct Held {
    turns: Arc<Turns>,
    line: Line,
    /// Set once by [`Yield::now`], and never cleared: the turn waits for a promise, and no longer
    /// counts among those that render.
    is_async: Mutex<bool>,
}

/// Gives up the right to render of a turn that waits for a promise, so that another page may render.
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
            state: Mutex::new(Queue {
                addresses: HashMap::new(),
                round: BTreeMap::new(),
                longest: BTreeSet::new(),
                rate: Rate::new(limits.join_rate, limits.join_burst),
                rendering: 0,
                turns: 0,
                places: 0,
                last_number: 0,
                is_timed: false,
            }),
            joins: limits.joins,
            async_joins: limits.async_joins.max(limits.joins),
            waiting_joins: limits.waiting_joins,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.state)
    }

    /// Whether an address that has `turns` turns may have one more.
    fn has_share(&self, turns: usize) -> bool {
        turns
            < (self.async_joins / ADDRESS_SHARE)
                .max(1)
                .max(self.joins.min(self.async_joins))
    }

    fn turn(self: &Arc<Self>, state: &mut Queue, line: Line) -> Turn {
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

    /// A place for a page of this address that joins this module. `None` if too many wait and no other
    /// address has more places than this one. Must be called inside a tokio runtime.
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
            return Some(Place(PlaceKind::First(turn)));
        }
        let mut gone = None;
        if state.places >= self.waiting_joins {
            let most = state.longest.last().map_or(0, |(most, _)| *most);
            if most <= places + 1 {
                return None;
            }
            // The place that gives way stays counted until its page has heard of it.
            gone = Some(state.take_newest()?);
        }
        state.add_place(address);
        drop(state);
        if let Some(waiter) = gone {
            let _ = waiter.sender.send(Given::Busy);
        }
        Some(Place(PlaceKind::Waits(Waits {
            turns: self.clone(),
            line: (address.clone(), module.clone()),
            gone: None,
        })))
    }

    /// Gives turns to pages that wait, as long as the bounds allow.
    fn give_turns(self: &Arc<Self>) {
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
            let Some((module, waiter)) = state.take_first_of(&name) else {
                return;
            };
            if let Some(at) = state
                .addresses
                .get_mut(&name)
                .and_then(|address| address.round_number.take())
            {
                state.round.remove(&at);
            }
            state.enter_round(&name);
            // A page that has stopped waiting uses up no turn.
            if waiter.sender.is_closed() {
                continue;
            }
            state.rate.take();
            let turn = self.turn(&mut state, (name, module));
            drop(state);
            // If nobody receives the turn, it is dropped, and so given back.
            let _ = waiter.sender.send(Given::Turn(turn));
        }
    }

    /// The first address in the round that may have a turn. An address that has its share leaves the
    /// round until one of its turns ends.
    fn next_address(&self, state: &mut Queue) -> Option<Arc<str>> {
        loop {
            let (at, name) = state.round.first_key_value()?;
            let (at, name) = (*at, name.clone());
            let address = state.addresses.get_mut(&name)?;
            if self.has_share(address.turns) {
                return Some(name);
            }
            address.round_number = None;
            state.round.remove(&at);
        }
    }

    fn give_at(self: &Arc<Self>, due: Instant) {
        let turns = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep_until(due).await;
            if let Some(turns) = turns.upgrade() {
                turns.lock().is_timed = false;
                turns.give_turns();
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
    /// Whether the page has its turn already.
    pub fn is_first(&self) -> bool {
        matches!(self.0, PlaceKind::First(_))
    }

    /// Gives up the turn for a counted place, because the page has to wait for something else first.
    /// Others go before it meanwhile.
    pub fn queued(self) -> Self {
        match self.0 {
            PlaceKind::First(turn) => {
                let (turns, line) = (turn.0.turns.clone(), turn.0.line.clone());
                turns.lock().add_place(&line.0);
                drop(turn);
                let gone = None;
                Self(PlaceKind::Waits(Waits { turns, line, gone }))
            }
            PlaceKind::Waits(_) => self,
        }
    }

    /// Waiting ends when `gone` is cancelled. A page that has its turn already keeps it.
    pub fn leaves_with(mut self, gone: impl FnOnce() -> CancellationToken) -> Self {
        if let PlaceKind::Waits(waits) = &mut self.0 {
            waits.gone = Some(gone());
        }
        self
    }

    /// Waits for the turn. Ends with [`Given::Busy`] only if `gives_way`.
    pub async fn turn(self, gives_way: bool) -> Given {
        let waits = match self.0 {
            PlaceKind::First(turn) => return Given::Turn(turn),
            PlaceKind::Waits(waits) => waits,
        };
        let gone = waits.gone.clone().unwrap_or_default();
        if gone.is_cancelled() {
            return Given::Gone;
        }
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut state = waits.turns.lock();
            let ticket = state.next_number();
            state.enter_line(&waits.line, ticket, Waiter { sender, gives_way });
            ticket
        };
        // Dropped before `waits`: the page leaves its line before it gives up its place.
        let waiting = Waiting {
            waits: &waits,
            ticket,
        };
        waits.turns.give_turns();
        let given = tokio::select! {
            biased;
            given = receiver => given.unwrap_or(Given::Busy),
            () = gone.cancelled() => Given::Gone,
        };
        drop(waiting);
        given
    }
}

/// A page that stands in its line. Leaves the line when dropped.
struct Waiting<'a> {
    waits: &'a Waits,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (turns, line) = (&self.waits.turns, &self.waits.line);
        let left = turns.lock().leave_line(line, self.ticket);
        drop(left);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.remove_place(&self.line.0);
        state.tidy(&self.line.0);
    }
}

impl Turn {
    /// A handle that gives up this turn's right to render. The code that learns first that the page waits for
    /// a promise gets the handle.
    pub fn yields(&self) -> Yield {
        Yield(Arc::downgrade(&self.0))
    }
}

impl Yield {
    /// Tells that the turn waits for a promise: another page may render. Does nothing if the turn has
    /// ended, or was told already.
    pub fn now(&self) {
        let Some(held) = self.0.upgrade() else { return };
        let was_async = std::mem::replace(&mut *lock(&held.is_async), true);
        if was_async {
            return;
        }
        held.turns.lock().rendering -= 1;
        held.turns.give_turns();
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
        // The address may have had its full share of turns until now, and so have left the round.
        state.enter_round(&self.line.0);
        state.tidy(&self.line.0);
        drop(state);
        self.turns.give_turns();
    }
}
