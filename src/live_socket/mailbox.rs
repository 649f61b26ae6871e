//! An actor's mailbox: bounded, and every event that enters gets an answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;

use super::{SendError, Snapshot, Waits};
use crate::budget::Budget;
use crate::protocol::ClientEvent;
use crate::stats::Stats;
use crate::sync::{Mutex, MutexGuard, lock, wake};

/// Why an event is answered with an error without having been handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unhandled {
    /// Too many wait already.
    Full,
    /// More come than one connection may send.
    Flood,
    /// It was made too long ago.
    Expired,
    /// A name in it is too long.
    Long,
}

/// What waits in a mailbox.
pub(super) enum Item {
    Event {
        number: u64,
        event: ClientEvent,
    },
    /// That many events in a row that will not be handled, up to number `last`. Kept so that their
    /// errors come in their turn, in constant space: reasons are told apart while there is room.
    /// Their numbers may have gaps.
    Unhandled {
        count: u64,
        first: u64,
        last: u64,
        why: Unhandled,
    },
    State(oneshot::Sender<Snapshot>),
    /// Show the whole tree again.
    Show,
    /// The page is back, with another id and request, and may have to wait before it goes on.
    Resume {
        id: Arc<str>,
        request: Option<Arc<str>>,
        waits: Option<Waits>,
    },
    /// Say how much memory is held.
    Weigh,
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Event { event, .. } => event.size(),
            _ => 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// What waits is still answered; nothing new is taken.
    Finishing,
    Stopped,
}

struct State {
    items: VecDeque<Item>,
    /// Bytes of the texts of the events among `items`.
    bytes: usize,
    /// The highest number of an event that came in.
    received: u64,
    life: Life,
    /// The one receiver, if it waits.
    receiver: Option<Waker>,
    /// It waits for the end only.
    busy: bool,
}

impl State {
    /// The receiver, if this concerns it.
    fn receiver(&mut self) -> Option<Waker> {
        let ended = self.life == Life::Stopped;
        if self.busy && !ended {
            return None;
        }
        self.receiver.take()
    }

    fn wait(&mut self, context: &Context<'_>, busy: bool) {
        self.busy = busy;
        match &self.receiver {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => self.receiver = Some(context.waker().clone()),
        }
    }
}

/// How much a mailbox takes: that many items, and events of that many bytes in all. An event that
/// finds it empty always fits.
#[derive(Clone, Copy)]
pub(super) struct Capacity {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// Many senders, one receiver. An empty one has room for one item at most. The lock is a `std` one: held for
/// one push or pop.
pub struct Mailbox {
    state: Mutex<State>,
    capacity: Capacity,
    stats: Arc<Stats>,
    budget: Arc<Budget>,
}

impl Mailbox {
    pub(super) fn new(
        capacity: Capacity,
        received: u64,
        stats: Arc<Stats>,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                bytes: 0,
                received,
                life: Life::Open,
                receiver: None,
                busy: false,
            }),
            capacity,
            stats,
            budget,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn push(&self, mut state: MutexGuard<'_, State>, item: Item) {
        if let Item::Event { .. } = item {
            self.stats.queued_events.up();
        }
        let bytes = item.size();
        state.bytes += bytes;
        self.budget.take(bytes + size_of::<Item>());
        state.items.push_back(item);
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    /// Takes an event in. One with a number that is not new has been here before and is not taken
    /// again; without a number it is the next.
    pub(super) fn event(
        &self,
        number: Option<u64>,
        event: Result<ClientEvent, Unhandled>,
    ) -> Result<(), SendError> {
        let mut state = self.lock();
        if state.life != Life::Open {
            return Err(SendError::Stopped);
        }
        let number = number.unwrap_or(state.received + 1);
        if number <= state.received {
            return Ok(());
        }
        state.received = number;
        let event = event.and_then(|event| {
            let full = state.items.len() >= self.capacity.items.max(1)
                || state.bytes + event.size() > self.capacity.bytes;
            if full && !state.items.is_empty() {
                return Err(Unhandled::Full);
            }
            Ok(event)
        });
        // As many groups as there may be events: then all that is refused is one more.
        let merges = state.items.len() >= self.capacity.items;
        let item = match (event, state.items.back_mut()) {
            (Ok(event), _) => Item::Event { number, event },
            (
                Err(reason),
                Some(Item::Unhandled {
                    count, last, why, ..
                }),
            ) if merges || *why == reason => {
                *count += 1;
                *last = number;
                if *why != reason {
                    // What is true of all of them.
                    *why = Unhandled::Full;
                }
                return Ok(());
            }
            (Err(why), _) => Item::Unhandled {
                count: 1,
                first: number,
                last: number,
                why,
            },
        };
        self.push(state, item);
        Ok(())
    }

    /// Events up to that number are not taken any more.
    pub(super) fn received(&self, number: u64) {
        let mut state = self.lock();
        state.received = state.received.max(number);
    }

    /// Adds a question of the application's own, which bounds itself; or one for the memory that is held,
    /// unless that is asked already: a page that comes and goes asks each time.
    pub(super) fn ask(&self, item: Item) -> Result<(), SendError> {
        let state = self.lock();
        if state.life != Life::Open {
            return Err(SendError::Stopped);
        }
        let weighs = |item: &Item| matches!(item, Item::Weigh);
        if weighs(&item) && state.items.iter().any(weighs) {
            return Ok(());
        }
        self.push(state, item);
        Ok(())
    }

    /// Has this done before any event that waits. A page that is back makes needless what was to be
    /// done for it when it was back before.
    pub(super) fn first(&self, item: Item) {
        let mut state = self.lock();
        if state.life == Life::Stopped {
            return;
        }
        let is_back = matches!(item, Item::Resume { .. });
        // Dropped outside the lock: another page may have the turn then.
        let mut needless = Vec::new();
        while matches!(state.items.front(), Some(Item::Show))
            || (is_back && matches!(state.items.front(), Some(Item::Resume { .. })))
        {
            needless.extend(state.items.pop_front());
        }
        self.budget.take(size_of::<Item>());
        self.budget.give(needless.len() * size_of::<Item>());
        state.items.push_front(item);
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    /// The next item; `None` when the actor is to end. The one receiver waits here or in
    /// [`poll_stopped`](Self::poll_stopped), never in both.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Item>> {
        let mut state = self.lock();
        if state.life == Life::Stopped {
            return Poll::Ready(None);
        }
        if let Some(item) = state.items.pop_front() {
            let bytes = item.size();
            state.bytes -= bytes;
            self.budget.give(bytes + size_of::<Item>());
            if let Item::Event { .. } = item {
                self.stats.queued_events.down(1);
            }
            if state.items.is_empty() {
                state.items.shrink_to(1);
            }
            return Poll::Ready(Some(item));
        }
        if state.life == Life::Finishing {
            return Poll::Ready(None);
        }
        state.wait(context, false);
        Poll::Pending
    }

    /// Resolves when the actor is to end at once.
    pub(super) fn poll_stopped(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.life == Life::Stopped {
            return Poll::Ready(());
        }
        state.wait(context, true);
        Poll::Pending
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Bytes of all that waits.
    pub(super) fn bytes(&self) -> usize {
        let state = self.lock();
        state.bytes + state.items.len() * size_of::<Item>()
    }

    /// Whether the actor has ended, or is about to.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().life == Life::Stopped
    }

    pub(super) fn finish(&self) {
        let mut state = self.lock();
        if state.life == Life::Open {
            state.life = Life::Finishing;
        }
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.life = Life::Stopped;
        // What waited is dropped outside the lock: a snapshot's receiver is woken by it.
        let dropped = std::mem::take(&mut state.items);
        let bytes = std::mem::take(&mut state.bytes);
        self.budget.give(bytes + dropped.len() * size_of::<Item>());
        let receiver = state.receiver();
        drop(state);
        let events = dropped
            .iter()
            .filter(|item| matches!(item, Item::Event { .. }));
        self.stats.queued_events.down(events.count());
        drop(dropped);
        wake(receiver);
    }
}
