//! An actor's mailbox: bounded, and every event that enters gets an answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::{SendError, Snapshot};
use crate::protocol::ClientEvent;
use crate::stats::Stats;

/// What waits in a mailbox.
pub(super) enum Item {
    Event(ClientEvent),
    /// That many events in a row that found the mailbox full. Kept so that their errors come in
    /// their turn, in constant space.
    Refused(usize),
    State(oneshot::Sender<Snapshot>),
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Event(event) => event.size(),
            Self::Refused(_) | Self::State(_) => 0,
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
    /// Bytes of the events among `items`.
    bytes: usize,
    life: Life,
}

/// How much a mailbox takes: that many items, and events of that many bytes in all. An event that
/// finds it empty always fits.
#[derive(Clone, Copy)]
pub(super) struct Capacity {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// Many senders, one receiver. An empty one allocates nothing. The lock is a `std` one: held for
/// one push or pop.
pub struct Mailbox {
    state: Mutex<State>,
    /// Tells the one receiver that something changed.
    changed: Notify,
    capacity: Capacity,
    stats: Arc<Stats>,
}

impl Mailbox {
    pub(super) fn new(capacity: Capacity, stats: Arc<Stats>) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                bytes: 0,
                life: Life::Open,
            }),
            changed: Notify::new(),
            capacity,
            stats,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, item: Item) -> Result<(), SendError> {
        let mut state = self.lock();
        if state.life != Life::Open {
            return Err(SendError::Stopped);
        }
        let bytes = item.size();
        let full = state.items.len() >= self.capacity.items.max(1)
            || state.bytes + bytes > self.capacity.bytes;
        // A question for the state is the application's own, which bounds itself.
        if full && !state.items.is_empty() && matches!(item, Item::Event(_)) {
            return Err(SendError::Full);
        }
        if let Item::Event(_) = item {
            self.stats.queued_events.up();
        }
        state.bytes += bytes;
        state.items.push_back(item);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn push_event(&self, event: ClientEvent) -> Result<(), SendError> {
        match self.push(Item::Event(event)) {
            Err(SendError::Full) => {
                let mut state = self.lock();
                match state.items.back_mut() {
                    Some(Item::Refused(count)) => *count += 1,
                    _ => state.items.push_back(Item::Refused(1)),
                }
                drop(state);
                self.changed.notify_one();
                Ok(())
            }
            other => other,
        }
    }

    /// The next item; `None` when the actor is to end.
    pub(super) async fn next(&self) -> Option<Item> {
        loop {
            {
                let mut state = self.lock();
                if state.life == Life::Stopped {
                    return None;
                }
                if let Some(item) = state.items.pop_front() {
                    state.bytes -= item.size();
                    if let Item::Event(_) = item {
                        self.stats.queued_events.down(1);
                    }
                    if state.items.is_empty() {
                        state.items.shrink_to(0);
                    }
                    return Some(item);
                }
                if state.life == Life::Finishing {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Resolves when the actor is to end at once. The receiver waits here or in
    /// [`next`](Self::next), never in both.
    pub(super) async fn stopped(&self) {
        while !self.is_stopped() {
            self.changed.notified().await;
        }
    }

    /// Whether the actor has ended, or is about to.
    pub fn is_stopped(&self) -> bool {
        self.lock().life == Life::Stopped
    }

    pub(super) fn finish(&self) {
        let mut state = self.lock();
        if state.life == Life::Open {
            state.life = Life::Finishing;
        }
        drop(state);
        self.changed.notify_one();
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.life = Life::Stopped;
        // What waited is dropped outside the lock: a snapshot's receiver is woken by it.
        let dropped = std::mem::take(&mut state.items);
        state.bytes = 0;
        drop(state);
        let events = dropped.iter().filter(|item| matches!(item, Item::Event(_)));
        self.stats.queued_events.down(events.count());
        drop(dropped);
        self.changed.notify_one();
    }
}
